//! `letopis users`: accounts, for who has the data folder.

mod erase;

use crate::arguments::{PasswordFrom, Users as Verb};
use crate::context::Context;
use crate::control;
use crate::exit::{Code, failure};
use crate::operation::{self, Operation};
use crate::output::{self, Listing};
use anyhow::{Context as _, Result};
use domain::user::Role;
use projections::{ProjectionId, tokens, users};
use serde_json::{Value, json};
use std::io::IsTerminal;

/// How many accounts are read at once.
const PAGE: u32 = 1_000;

/// Does what was asked.
///
/// # Errors
/// What went wrong: code 3 for an unknown user, 4 for a name that is taken.
pub async fn verb(context: &Context, verb: Verb) -> Result<()> {
    let operation = match verb {
        Verb::Ls { name, limit } => return ls(context, name.as_deref().unwrap_or_default(), limit).await,
        Verb::Show { user } => return show(context, &user).await,
        Verb::Create { name, password, role } => {
            let role = role.map_or(Ok(Role::default()), |role| role_named(&role))?;
            let password = password_from(&password)?;
            // Before a data folder is made for it.
            operation::fit_for_an_account(&name, &password)?;
            Operation::CreateUser { name, password, role }
        }
        Verb::SetPassword { user, password } => Operation::SetPassword { password: password_from(&password)?, user },
        Verb::SetRole { user, role } => Operation::SetRole { role: role_named(&role)?, user },
        Verb::EndSessions { user } => Operation::EndSessions { user },
        Verb::Erase { user, dry_run: true, .. } => return erase::dry_run(context, &user).await,
        Verb::Erase { user, yes, .. } => {
            if !yes {
                erase::confirm(context, &user).await?;
            }
            Operation::Erase { user }
        }
    };
    let done = control::carry_out(context, operation).await?;
    output::show(context.output, &done)
}

async fn ls(context: &Context, prefix: &str, limit: Option<u64>) -> Result<()> {
    let database = context.projections()?.database(ProjectionId::Users);
    // A prefix is compared in the form that names are compared in; one that has none finds nothing.
    let prefix = domain::text::canonical_name(prefix).unwrap_or_else(|| prefix.to_owned());
    let mut listing = Listing::new(context.output, &["user_id", "user_name", "display_name", "role", "created_at"]);
    let mut left = limit.unwrap_or(u64::MAX);
    let mut after = None::<String>;
    while left > 0 {
        let page = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let accounts = users::list(&database, &prefix, after.as_deref(), page).await?;
        for account in &accounts {
            listing.row(&row(account))?;
        }
        left -= accounts.len() as u64;
        match accounts.last() {
            Some(last) if accounts.len() == page as usize => after = Some(last.name_key.clone()),
            Some(_) | None => break,
        }
    }
    listing.end()
}

async fn show(context: &Context, user: &str) -> Result<()> {
    let database = context.projections()?.database(ProjectionId::Users);
    let account = operation::account(&database, user).await?;
    let tokens = context.projections()?.database(ProjectionId::Tokens);
    let mut shown = row(&account);
    shown["tokens"] = json!(tokens::count(&tokens, account.user_id, node::now()).await?);
    output::show(context.output, &shown)
}

fn row(account: &users::Account) -> Value {
    json!({
        "user_id": account.user_id, "user_name": account.user_name, "display_name": account.display_name,
        "email": account.email, "time_zone": account.time_zone, "locale": account.locale,
        "role": account.role.name(), "created_at": account.created_at, "version": account.version,
    })
}

fn role_named(text: &str) -> Result<Role> {
    Role::parse(text).ok_or_else(|| {
        let known = Role::ALL.map(Role::name).join(", ");
        failure(Code::Usage, format!("there is no role {text:?}; there are: {known}"))
    })
}

/// The password out of a file, or as it is typed. Never out of the arguments: others can see those.
fn password_from(from: &PasswordFrom) -> Result<String> {
    if let Some(path) = &from.password_file {
        let text = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
        let password = text.strip_suffix('\n').unwrap_or(&text);
        return Ok(password.strip_suffix('\r').unwrap_or(password).to_owned());
    }
    if !std::io::stdin().is_terminal() {
        return Err(failure(Code::Usage, "nobody can be asked for the password here; use --password-file FILE"));
    }
    let password = rpassword::prompt_password("Password: ").context("could not read the password")?;
    let again = rpassword::prompt_password("Once more: ").context("could not read the password")?;
    if password == again {
        Ok(password)
    } else {
        Err(failure(Code::Usage, "these were two different passwords; nothing was changed"))
    }
}
