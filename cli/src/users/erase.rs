//! Before a person is forgotten: what that means, and whether it is meant.

use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output;
use anyhow::{Context as _, Result};
use domain::UserId;
use node::operations;
use projections::{ProjectionId, chats, users};
use serde_json::json;
use std::io::{BufRead, IsTerminal};
use store::{Filter, Log};

/// Events that are read at once.
const PAGE: usize = 1_000;
/// Chats that are read at once.
const CHATS_PAGE: u32 = 1_000;

/// Shows what would be forgotten.
///
/// # Errors
/// When there is no such user, or the log cannot be read.
pub async fn dry_run(context: &Context, user: &str) -> Result<()> {
    let projections = context.projections()?;
    let account = operations::users::account(&projections.database(ProjectionId::Users), user).await?;
    let (_, log) = context.log()?;
    let (events, sealed_parts) = count(&log, account.user_id)?;
    let (mut chats, mut owned, mut before) = (0, 0, None);
    loop {
        let page =
            chats::mine(&projections.database(ProjectionId::Chats), account.user_id, "", before, CHATS_PAGE).await?;
        chats += page.len();
        owned += page.iter().filter(|listed| listed.role == Some(domain::chat::Role::Owner)).count();
        match page.last() {
            Some(last) if page.len() == CHATS_PAGE as usize => before = Some(last.position),
            Some(_) | None => break,
        }
    }
    output::show(
        context.output,
        &json!({
            "user_id": account.user_id, "user_name": account.user_name, "events": events,
            "sealed_parts": sealed_parts, "chats": chats, "owned_chats": owned,
        }),
    )
}

/// How many events are about a user or done by them, and how many sealed parts are theirs. Reads the whole log.
fn count(log: &Log, user_id: UserId) -> Result<(u64, u64)> {
    let (mut events, mut sealed_parts) = (0, 0);
    let mut filter = Filter { user: Some(user_id), ..Filter::default() };
    loop {
        let page = log.read_filtered(&filter, PAGE)?;
        events += page.len() as u64;
        let sealed = page.iter().filter(|record| record.subject == Some(user_id) && record.sealed.is_some());
        sealed_parts += sealed.count() as u64;
        match page.last() {
            Some(last) if page.len() == PAGE => filter.after = last.position,
            Some(_) | None => return Ok((events, sealed_parts)),
        }
    }
}

/// Asks who sits there to type the name.
///
/// # Errors
/// When he types another, or nobody sits there.
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
