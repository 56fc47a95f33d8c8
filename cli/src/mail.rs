//! `letopis mail`: the dev mailbox, for who has the data folder.

use crate::arguments::Mail as Verb;
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{self, Column, Listing, out};
use crate::{control, report};
use anyhow::Result;
use domain::id::parse_uuid;
use node::operations::Request;
use node::operations::mailbox::{MailDetails, MailRow};
use state::MailboxReader;
use std::io::Write;

const COLUMNS: &[Column] = &[
    Column::new("id"),
    Column::new("to"),
    Column::new("subject").yields(1),
    Column::new("at").yields(2),
    Column::new("delivery_id").yields(3),
];
/// How many mails are read at once.
const PAGE: u32 = 1_000;

/// Does what was asked.
///
/// # Errors
/// What went wrong: code 3 for a mail that is not there.
pub async fn verb(context: &Context, verb: Verb) -> Result<()> {
    match verb {
        Verb::Ls { to, limit } => ls(context, to.as_deref(), limit).await,
        Verb::Show { id, raw } => show(context, &id, raw).await,
        Verb::Clear => report::show(context.output, &control::carry_out(context, Request::ClearMailbox).await?),
    }
}

async fn ls(context: &Context, to: Option<&str>, limit: Option<u64>) -> Result<()> {
    let mailbox = mailbox(context)?;
    let mut listing = Listing::new(context.output, COLUMNS);
    let (mut left, mut below) = (context.output.limit(limit), None);
    while left > 0
        && let Some(mailbox) = &mailbox
    {
        let page = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let mails = mailbox.list(to, below, page).await?;
        left -= mails.len() as u64;
        let is_last = mails.len() < page as usize;
        below = mails.last().map(|mail| mail.number);
        mails.into_iter().try_for_each(|mail| listing.row(&MailRow::from(mail)))?;
        if is_last {
            break;
        }
    }
    context.output.note_limit(limit, left, "mails");
    listing.end()
}

async fn show(context: &Context, id: &str, raw: bool) -> Result<()> {
    let found = match (mailbox(context)?, parse_uuid(id)) {
        (Some(mailbox), Some(id)) => mailbox.by_id(id).await?,
        (None, _) | (_, None) => None,
    };
    let mail = found.ok_or_else(|| {
        failure(Code::NotFound, format!("there is no mail {id:?} in the mailbox; `letopis mail ls` lists them"))
    })?;
    if raw {
        let mut out = out();
        out.write_all(&mail.raw)?;
        return Ok(out.flush()?);
    }
    output::show(context.output, &MailDetails::from(mail))
}

/// None where nothing was ever kept.
fn mailbox(context: &Context) -> Result<Option<MailboxReader>> {
    let (folder, log) = context.log()?;
    Ok(MailboxReader::open(&folder, &log)?)
}
