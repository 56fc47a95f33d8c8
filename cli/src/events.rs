//! `letopis events`: the log itself, for reading.

mod integrity;
mod trace;
mod transfer;

use crate::arguments::{Events as Verb, Which};
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{self, Column, LIST_ROWS, Listing};
use crate::settings;
use crate::{control, report};
use anyhow::Result;
use domain::{Timestamp, UserId};
use node::operations::Request;
use node::operations::events::{find, pattern, shown};
use node::operations::users::account;
use projections::ProjectionId;
use std::convert::Infallible;
use store::follower::{Follower, Next};
use store::{Filter, Log};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How many events are read at once.
const PAGE: usize = 1_000;
/// How many types are named where one is unknown.
const NEAREST: usize = 3;
/// How many events `tail` shows unless it is told.
const TAIL: u64 = 10;

const POSITION: Column = Column::new("position").at_least(8);
const RECORDED_AT: Column = Column::new("recorded_at").yields(3).at_least(10);
const STREAM: Column = Column::new("stream").yields(2).at_least(17);
const VERSION: Column = Column::new("version").yields(5);
const TYPE: Column = Column::new("type").at_least(24);
const PAYLOAD: Column = Column::new("payload").yields(4).at_least(40);
const PERSONAL: Column = Column::new("personal").yields(1).at_least(30);
const COLUMNS: &[Column] = &[POSITION, RECORDED_AT, STREAM, VERSION, TYPE, PAYLOAD];
const COLUMNS_PERSONAL: &[Column] = &[POSITION, RECORDED_AT, STREAM, VERSION, TYPE, PAYLOAD, PERSONAL];

/// Does what was asked.
///
/// # Errors
/// What went wrong; code 3 when there is no such event, 5 when the log does not hold.
pub async fn verb(context: &Context, verb: Verb) -> Result<()> {
    // The anchor is looked after without opening the log: that may be refused.
    let log = || context.log().map(|(_, log)| log);
    match verb {
        Verb::Ls(which) => {
            let filter = filter(context, &which).await?;
            list(context, &log()?, filter, &which).await
        }
        Verb::Tail(which) => {
            let filter = filter(context, &which).await?;
            tail(context, &log()?, filter, &which, TAIL).await
        }
        Verb::Show { event, personal } => show(context, &log()?, &event, personal),
        Verb::Trace { id } => trace::trace(context, &log()?, &id),
        Verb::Stats => integrity::stats(context, &log()?),
        Verb::Anchor { accept } => integrity::anchor(context, accept),
        Verb::Export(asked) => transfer::export(context, &asked),
        Verb::Import(asked) => transfer::import(context, &asked).await,
        Verb::Republish { from, to } => {
            report::show(context.output, &control::carry_out(context, Request::Republish { from, to }).await?)
        }
        Verb::Verify { from, to } => integrity::verify(context, &log()?, from, to),
    }
}

async fn filter(context: &Context, which: &Which) -> Result<Filter> {
    let user = match &which.user {
        None => None,
        Some(user) => Some(user_named(context, user).await?),
    };
    if let (Some(from), Some(to)) = (which.from, which.to)
        && from > to
    {
        return Err(failure(Code::Usage, format!("--from {from} is behind --to {to}: no event can be between them")));
    }
    Ok(Filter {
        after: which.from.map_or(0, |from| from.saturating_sub(1)),
        up_to: which.to,
        stream: which.stream.clone(),
        name: which.name.as_deref().map(pattern),
        user,
        since: which.since.as_deref().map(since).transpose()?,
        newest_first: false,
    })
}

/// Says so where a type was asked for that no event of this log has.
fn note_unknown_type(log: &Log, which: &Which) -> Result<()> {
    let Some(name) = &which.name else { return Ok(()) };
    let types = log.stats()?.types;
    let pattern = pattern(name);
    let parts = pattern.split('*').collect::<Vec<_>>();
    if types.iter().any(|(known, _)| matches(known, &parts)) {
        return Ok(());
    }
    let mut nearest = types.iter().map(|(known, _)| (strsim::jaro_winkler(name, known), known)).collect::<Vec<_>>();
    nearest.sort_by(|one, other| other.0.total_cmp(&one.0));
    let nearest = nearest.into_iter().take(NEAREST).map(|(_, known)| known.as_str()).collect::<Vec<_>>().join(", ");
    output::note(format_args!("no event of this log is of the type {name}; the nearest are: {nearest}"));
    Ok(())
}

/// Whether a text is these parts with anything between them.
fn matches(text: &str, parts: &[&str]) -> bool {
    let [first, between @ .., last] = parts else { return parts == [text] };
    let Some(mut rest) = text.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else { return false };
    between.iter().all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

/// By id also a user who is erased; by name whoever has an account.
async fn user_named(context: &Context, user: &str) -> Result<UserId> {
    if let Some(id) = domain::id::parse_uuid(user) {
        return Ok(UserId(id));
    }
    let database = context.projections()?.database(ProjectionId::Users);
    Ok(account(&database, user).await?.user_id)
}

fn since(text: &str) -> Result<Timestamp> {
    let ago = settings::duration(text).and_then(|ago| i64::try_from(ago.as_micros()).ok());
    let since = match ago {
        Some(ago) => Some(Timestamp(store::now().0 - ago)),
        None => Timestamp::parse(text),
    };
    since.ok_or_else(|| {
        let message = format!("--since {text} is no time; it must be like 30m, 1h, 2d or 2026-01-31T12:00:00Z");
        failure(Code::Usage, message)
    })
}

fn columns(which: &Which) -> &'static [Column] {
    if which.personal { COLUMNS_PERSONAL } else { COLUMNS }
}

async fn list(context: &Context, log: &Log, mut filter: Filter, which: &Which) -> Result<()> {
    // A person is shown the last ones, and told how to see more; a script gets what it asked for.
    if context.output.lists_a_table() && which.limit.is_none() && which.from.is_none() && !which.follow {
        return tail(context, log, filter, which, LIST_ROWS).await;
    }
    let mut listing = Listing::new(context.output, columns(which));
    let mut left = which.limit.unwrap_or(u64::MAX);
    // What is appended while this lists is left to --follow.
    let head = log.head()?.position;
    filter.up_to = Some(which.to.map_or(head, |to| to.min(head)));
    while left > 0 {
        let page = usize::try_from(left).unwrap_or(PAGE).min(PAGE);
        let records = log.read_filtered(&filter, page)?;
        left -= records.len() as u64;
        let is_last = records.len() < page;
        for record in records {
            filter.after = record.position;
            listing.row(&shown(log, record, which.personal)?)?;
        }
        if is_last {
            break;
        }
    }
    if which.follow && left > 0 {
        follow(context, log, filter, which, (head, left), &mut listing).await?;
    } else if listing.is_empty() {
        note_unknown_type(log, which)?;
    }
    listing.end()
}

async fn tail(context: &Context, log: &Log, mut filter: Filter, which: &Which, page: u64) -> Result<()> {
    let mut listing = Listing::new(context.output, columns(which));
    let head = log.head()?.position;
    filter.up_to = Some(which.to.map_or(head, |to| to.min(head)));
    filter.newest_first = true;
    let mut left = which.limit.unwrap_or(page);
    let mut newest = Vec::new();
    while left > 0 {
        let page = usize::try_from(left).unwrap_or(PAGE).min(PAGE);
        let records = log.read_filtered(&filter, page)?;
        left -= records.len() as u64;
        let is_last = records.len() < page;
        newest.extend(records);
        match newest.last() {
            Some(oldest) if !is_last => filter.up_to = Some(oldest.position.saturating_sub(1)),
            Some(_) | None => break,
        }
    }
    if left == 0 && which.limit.is_none() {
        output::note(format_args!("the last {page} events; --limit N, --from N or -o ndjson show more"));
    }
    for record in newest.into_iter().rev() {
        listing.row(&shown(log, record, which.personal)?)?;
    }
    if listing.is_empty() {
        note_unknown_type(log, which)?;
    }
    filter.newest_first = false;
    if which.follow {
        follow(context, log, filter, which, (head, u64::MAX), &mut listing).await?;
    }
    listing.end()
}

/// Shows what comes behind `seen`, until there were enough or the last position was passed.
async fn follow(
    context: &Context,
    log: &Log,
    mut filter: Filter,
    which: &Which,
    (mut seen, mut left): (u64, u64),
    listing: &mut Listing,
) -> Result<()> {
    listing.flush()?;
    let (heard, hint) = watch::channel(0);
    let mut listening = JoinSet::new();
    if let Some(cluster) = &context.settings.database {
        // This process appends nothing.
        let (_, head) = watch::channel(0);
        listening.spawn(node::listen(cluster.clone(), head, heard));
    }
    let mut follower = Follower::new("events tail", hint);
    let mut woken = follower.begin();
    while woken.is_some() && left > 0 && which.to.is_none_or(|to| seen < to) {
        let head = log.head()?.position;
        let end = which.to.map_or(head, |to| to.min(head));
        let next = if seen >= end { Next::AtHead } else { Next::Further };
        if next == Next::Further {
            filter.after = seen;
            filter.up_to = Some(end);
            let page = usize::try_from(left).unwrap_or(PAGE).min(PAGE);
            let records = log.read_filtered(&filter, page)?;
            left -= records.len() as u64;
            seen = match records.last() {
                Some(last) if records.len() == page => last.position,
                Some(_) | None => end,
            };
            for record in records {
                listing.row(&shown(log, record, which.personal)?)?;
            }
            listing.flush()?;
        }
        woken = follower.after(Ok::<_, Infallible>(next)).await;
    }
    Ok(())
}

fn show(context: &Context, log: &Log, event: &str, personal: bool) -> Result<()> {
    if event.parse::<u64>().is_err() && domain::id::parse_uuid(event).is_none() {
        let message = format!("{event:?} is neither a position nor an event's id");
        return Err(failure(Code::Usage, message));
    }
    let found = find(log, event)?;
    let record = found.ok_or_else(|| {
        let message = format!("there is no event {event}; `letopis events stats` shows where the log ends");
        failure(Code::NotFound, message)
    })?;
    output::show(context.output, &shown(log, record, personal)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fuzz::Verdict;

    #[test]
    fn since_is_a_time_ago_or_an_instant() {
        let hour_ago = since("1h").unwrap();
        let expected = store::now().0 - 3_600_000_000;
        assert!((hour_ago.0 - expected).abs() < 10_000_000);
        assert_eq!(since("2026-01-01T00:00:00Z").unwrap(), Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
        assert!(since("yesterday").is_err());
    }

    #[test]
    fn a_star_stands_for_any_text() {
        let is = |text: &str, pattern: &str| matches(text, &pattern.split('*').collect::<Vec<_>>());
        assert!(is("message.posted.v1", "message.*") && is("message.posted.v1", "*.posted.*") && is("a", "a"));
        assert!(is("message.posted.v1", "*") && is("message.posted.v1", "m*s*1"));
        assert!(!is("message.posted.v1", "message.*.v2") && !is("a.v1", "a.v1*1") && !is("a", "b"));
    }

    #[test]
    fn fuzz_since_never_lies_ahead_of_now_unless_it_is_an_instant() {
        fuzz::text(&["1h", "30m", "2d", "99w", "2026-01-31T12:00:00Z", "2999-01-31T12:00:00+01:00"], |text| {
            let read = since(text);
            match &read {
                Ok(since) => assert!(*since <= store::now() || Timestamp::parse(text) == Some(*since)),
                Err(error) => assert!(error.to_string().contains("it must be like")),
            }
            Verdict::from(&read)
        });
    }
}
