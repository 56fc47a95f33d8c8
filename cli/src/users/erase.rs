//! Before a person is forgotten: what that means, and whether it is meant.

use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output;
use anyhow::{Context as _, Result};
use node::operations;
use projections::{ProjectionId, users};
use std::io::{BufRead, IsTerminal};

/// Shows what would be forgotten.
///
/// # Errors
/// When there is no such user, or the log cannot be read.
pub async fn dry_run(context: &Context, user: &str) -> Result<()> {
    let (_, log) = context.log()?;
    let preview = operations::erase::preview(&log, &context.projections()?, user).await?;
    output::show(context.output, &preview)
}

/// Asks the operator to type the name.
///
/// # Errors
/// When they type another, or there is no terminal.
pub async fn confirm(context: &Context, user: &str) -> Result<()> {
    let account = operations::users::account(&context.projections()?.database(ProjectionId::Users), user).await?;
    if !std::io::stdin().is_terminal() {
        return Err(failure(Code::Usage, "no terminal to ask whether this is meant; use --yes"));
    }
    asked(&account)
}

fn asked(account: &users::Account) -> Result<()> {
    let name = &account.user_name;
    output::note(format_args!("{name} ({}) will be forgotten: account, sessions, every text.", account.user_id));
    output::note("This cannot be undone. Type the user name to go on:");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("could not read the answer")?;
    if line.trim() == name {
        Ok(())
    } else {
        Err(failure(Code::Usage, "this was not the user name; nothing was changed"))
    }
}
