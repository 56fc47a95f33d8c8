//! `letopis users`: accounts, for who has the data folder.

mod erase;

use crate::arguments::{Factors, PasswordFrom, Users as Verb};
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{self, Column, Listing};
use crate::{control, report};
use anyhow::{Context as _, Result};
use domain::user::Role;
use node::operations::users::{details, fit_for_an_account, list};
use node::operations::{Request, factors};
use projections::ProjectionId;
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::Path;

const COLUMNS: &[Column] = &[
    Column::new("user_id"),
    Column::new("user_name"),
    Column::new("display_name").yields(3),
    Column::new("role").yields(1),
    Column::new("created_at").yields(2),
];
const FACTOR_COLUMNS: &[Column] = &[
    Column::new("which"),
    Column::new("kind"),
    Column::new("name").yields(1),
    Column::new("since"),
    Column::new("recovery_codes_left"),
];
/// More bytes than the longest password has; what a file holds behind them is not read.
const PASSWORD_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Does what was asked.
///
/// # Errors
/// What went wrong: code 3 for an unknown user, 4 for a name that is taken.
pub async fn verb(context: &Context, verb: Verb) -> Result<()> {
    let request = match verb {
        Verb::Ls { name, limit } => return ls(context, name.as_deref().unwrap_or_default(), limit).await,
        Verb::Show { user } => {
            return output::show(
                context.output,
                &details(&context.current(&[ProjectionId::Users]).await?, &user).await?,
            );
        }
        Verb::Create { name, password, role } => {
            let role = role.map_or(Ok(Role::default()), |role| role_named(&role))?;
            let password = password_from(&password)?;
            // Before a data folder is made for it.
            fit_for_an_account(&name, &password, context.settings.passwords.lengths)?;
            Request::CreateUser { name, password, role }
        }
        Verb::SetPassword { user, password } => Request::SetPassword { password: password_from(&password)?, user },
        Verb::SetRole { user, role } => Request::SetRole { role: role_named(&role)?, user },
        Verb::Factors { user, verb: Factors::Ls } => return factors(context, &user).await,
        Verb::Factors { user, verb: Factors::Rm { which } } => Request::RemoveFactor { user, which },
        Verb::EndSessions { user } => Request::EndSessions { user },
        Verb::Erase { user, dry_run: true, .. } => return erase::dry_run(context, &user).await,
        Verb::Erase { user, yes, .. } => {
            if !yes {
                erase::confirm(context, &user).await?;
            }
            Request::Erase { user }
        }
    };
    report::show(context.output, &control::carry_out(context, request).await?)
}

async fn ls(context: &Context, prefix: &str, limit: Option<u64>) -> Result<()> {
    let database = context.current(&[ProjectionId::Users]).await?.database(ProjectionId::Users);
    let mut listing = Listing::new(context.output, COLUMNS);
    let mut left = context.output.limit(limit);
    list(&database, prefix, Some(left), |user| {
        left -= 1;
        listing.row(&user)
    })
    .await?;
    context.output.note_limit(limit, left, "accounts");
    listing.end()
}

async fn factors(context: &Context, user: &str) -> Result<()> {
    let (_, log) = context.log()?;
    let mut listing = Listing::new(context.output, FACTOR_COLUMNS);
    for factor in factors::list(&log, &context.projections()?, user).await? {
        listing.row(&factor)?;
    }
    listing.end()
}

fn role_named(text: &str) -> Result<Role> {
    Role::parse(text).ok_or_else(|| {
        let known = Role::ALL.map(Role::name).join(", ");
        failure(Code::Usage, format!("there is no role {text:?}; there are: {known}"))
    })
}

/// What a password file, or standard input for `-`, holds: one line, without what editors and shells add around it.
fn password_in(path: &Path) -> Result<String> {
    let name = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(PASSWORD_FILE_BYTES_MAX).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(PASSWORD_FILE_BYTES_MAX).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("could not read {name}"))?;
    let text = String::from_utf8(bytes).map_err(|_| failure(Code::Usage, format!("{name} is not UTF-8")))?;
    let password = one_line(&text).ok_or_else(|| {
        failure(Code::Usage, format!("{name} has more than one line; a password file holds the password alone"))
    })?;
    Ok(password.to_owned())
}

/// The one line of a text, without a byte order mark and without its end; none when there are more.
fn one_line(text: &str) -> Option<&str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.strip_suffix('\n').unwrap_or(text);
    let line = text.strip_suffix('\r').unwrap_or(text);
    (!line.contains(['\n', '\r'])).then_some(line)
}

/// The password out of a file, or as it is typed. Never out of the arguments: others can see those.
fn password_from(from: &PasswordFrom) -> Result<String> {
    if let Some(path) = &from.password_file {
        return password_in(path);
    }
    if !std::io::stdin().is_terminal() {
        let message =
            "there is no terminal to ask for the password on; use --password-file FILE, or - for standard input";
        return Err(failure(Code::Usage, message));
    }
    let password = rpassword::prompt_password("Password: ").context("could not read the password")?;
    let again = rpassword::prompt_password("Once more: ").context("could not read the password")?;
    if password == again {
        Ok(password)
    } else {
        Err(failure(Code::Usage, "these were two different passwords; nothing was changed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_what_stands_in_the_line() {
        for file in ["pass word", "pass word\n", "pass word\r\n", "\u{feff}pass word\r\n", "pass word\r"] {
            assert_eq!(one_line(file), Some("pass word"), "{file:?}");
        }
        // Spaces around it are its own.
        assert_eq!(one_line(" pass \n"), Some(" pass "));
        for file in ["one\ntwo", "one\n\n", "one\rtwo\r", "\r\n\r\n"] {
            assert_eq!(one_line(file), None, "{file:?}");
        }
    }
}
