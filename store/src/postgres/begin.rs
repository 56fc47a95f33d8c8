//! The beginning of a batch: the head is taken, and what this node must know before it decides is read.

use super::connect::BEGIN;
use super::reading::READ;
use super::rows::{self, Param, fact, get};
use super::secrets::{self, DataKeys};
use crate::anchor::Mark;
use crate::record::number;
use crate::{BatchNeeds, Broken, BrokenKind, Error, Fact, Head, Keys, Other};
use domain::{StreamId, UserId};
use std::collections::HashMap;
use std::sync::LazyLock;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// Events of others that are read at once, while the head is held; at least two, as the first is known.
const OTHERS_MAX: i64 = 10_000;

/// What was read while the head was taken.
pub(super) struct HeadRead {
    /// Rows of the wanted streams, before the head was taken.
    pub(super) streams: Vec<Row>,
    /// Where the log ends, or what was read of it.
    pub(super) head: Head,
    pub(super) receipts: Vec<Row>,
    /// Wrapped data keys of the wanted subjects.
    keys: Vec<Row>,
    /// What was appended behind `known` by anybody.
    pub(super) others: Vec<Row>,
    /// The log goes on behind those.
    pub(super) is_behind: bool,
}

/// Takes the head, in one round trip: everything is sent before the first answer is waited for. Behind the lock each
/// statement sees what was committed before it (read committed), and nobody commits events any more.
pub(super) async fn take(
    client: &Client,
    known: Head,
    needs: &BatchNeeds,
    asked: &[UserId],
) -> Result<HeadRead, Error> {
    let streams = needs.streams.iter().map(StreamId::to_string).collect::<Vec<_>>();
    let receipts = needs.receipts.iter().map(<[u8; 32]>::as_slice).collect::<Vec<_>>();
    let subjects = asked.iter().map(|subject| subject.0.as_bytes().as_slice()).collect::<Vec<_>>();
    let from = i64::try_from(known.position).unwrap_or(i64::MAX);
    let of_streams: [Param<'_>; 1] = [(&streams, Type::TEXT_ARRAY)];
    let of_head: [Param<'_>; 2] = [(&from, Type::INT8), (&OTHERS_MAX, Type::INT8)];
    let of_receipts: [Param<'_>; 1] = [(&receipts, Type::BYTEA_ARRAY)];
    let of_subjects: [Param<'_>; 1] = [(&subjects, Type::BYTEA_ARRAY)];
    let no_streams = streams.is_empty();
    let (reading, streams, begun, taken, receipts, keys) = tokio::join!(
        biased; // in this order
        unless(no_streams, client.batch_execute(READ)),
        unless(no_streams, client.query_typed(STREAMS, &of_streams)),
        // Also when the streams could not be read.
        client.batch_execute(if no_streams { BEGIN } else { &BEHIND_READ }),
        client.query_typed(HEAD, &of_head),
        unless(receipts.is_empty(), client.query_typed(RECEIPTS, &of_receipts)),
        unless(subjects.is_empty() && !needs.streams.is_empty(), client.query_typed(KEYS, &of_subjects)),
    );
    let ((), streams, ()) = (reading?, streams?, begun?);
    let (mut taken, receipts, keys) = (taken?.into_iter(), receipts?, keys?);
    let head = rows::position(&taken.next().ok_or(Error::Damaged { what: "the log has no head" })?)?;
    let others = taken.collect::<Vec<_>>();
    let is_all = i64::try_from(others.len()).is_ok_and(|read| read < OTHERS_MAX);
    let mut head_read = HeadRead { streams, head, receipts, keys, others, is_behind: false };
    goes_on_from(&mut head_read, known)?;
    let last = head_read.others.last().map(rows::position).transpose()?.unwrap_or(known);
    if last.position < head.position {
        if is_all {
            return Err(Error::Damaged { what: "the log ends before its head" });
        }
        // The rest is for the next time: whoever holds the head keeps every other node waiting.
        (head_read.head, head_read.is_behind) = (last, true);
    }
    Ok(head_read)
}

/// A statement, unless nothing is asked for: each costs the server a parse and a plan.
async fn unless<T: Default>(
    is_nothing: bool,
    statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, tokio_postgres::Error> {
    if is_nothing { Ok(T::default()) } else { statement.await }
}

/// What begins the batch where something was read before.
static BEHIND_READ: LazyLock<String> = LazyLock::new(|| format!("commit; {BEGIN}"));

// What may be sealed comes with its subject's wrapped key, so that no further round trip is needed to read it
// (migrations/postgres).
const STREAMS: &str = "select * from letopis.wanted_streams($1)";
const HEAD: &str = "select * from letopis.take_head($1, $2)";
const RECEIPTS: &str = "select command_id, fingerprint, position, at, subject, outcome,
    (select wrapped from letopis.subject_key key where key.subject = receipt.subject)
    from letopis.receipt where command_id = any($1)";
// With the check value of the master key: whoever seals for a new person must wrap by the present one.
const KEYS: &str = "select null::bytea, wrapped from letopis.secret where name = 'check' union all
    select subject, wrapped from letopis.subject_key where subject = any($1)";

impl HeadRead {
    /// The check value of the master key that wraps now, where new people may be sealed for.
    pub(super) fn check(&self) -> Result<Option<&[u8]>, Error> {
        let check = self.keys.iter().find(|row| get::<Option<&[u8]>>(row, 0).is_ok_and(|subject| subject.is_none()));
        check.map(|row| get(row, 1)).transpose()
    }

    /// The data keys that came with it, kept from now on.
    pub(super) fn keys(&self, keys: &Keys, forgotten_before: u64) -> Result<DataKeys, Error> {
        let of = |rows: &[Row], subject, wrapped| secrets::opened(keys, forgotten_before, rows, (subject, wrapped));
        let mut found = of(&self.keys, 0, 1)?;
        found.extend(of(&self.streams, 7, 12)?);
        found.extend(of(&self.others, 7, 12)?);
        found.extend(of(&self.receipts, 4, 6)?);
        Ok(found)
    }
}

/// The log still holds what this node knows of it; that row is then taken out of what others wrote.
fn goes_on_from(head_read: &mut HeadRead, known: Head) -> Result<(), Error> {
    if known.position == 0 {
        return Ok(());
    }
    let first = head_read.others.first().map(|row| get::<&[u8]>(row, 11)).transpose()?;
    if first != Some(known.hash.as_slice()) {
        return Err(not_held(head_read.head, known.into()));
    }
    head_read.others.remove(0);
    Ok(())
}

/// Whether the log holds what the anchor knows.
pub(super) async fn held(client: &Client, head: Head, known: Mark) -> Result<(), Error> {
    if known.position == 0 {
        return Ok(());
    }
    let position = i64::try_from(known.position).unwrap_or(i64::MAX);
    let sql = "select hash from letopis.event where position = $1";
    let rows = rows::query(client, sql, &[(&position, Type::INT8)]).await?;
    match rows.first().map(|row| get::<&[u8]>(row, 0)).transpose()? {
        Some(hash) if hash == known.hash => Ok(()),
        Some(_) | None => Err(not_held(head, known)),
    }
}

fn not_held(head: Head, known: Mark) -> Error {
    let source = if head.position < known.position {
        let what = format!("the log ends before it, but it did reach to {}", known.position);
        Broken { position: head.position + 1, what, kind: BrokenKind::Missing }
    } else {
        let what = "it is not the event that this node knows".to_owned();
        Broken { position: known.position, what, kind: BrokenKind::Anchor }
    };
    Error::NotHeld { source }
}

/// The wanted streams, decoded; each with its facts by version, or why it cannot be read.
pub(super) async fn streams(
    client: &Client,
    keys: &Keys,
    forgotten_before: u64,
    needs: &BatchNeeds,
    rows: &[Row],
) -> Result<Vec<(StreamId, Result<Vec<Fact>, Error>)>, Error> {
    let at_hand = rows::keys_of(client, keys, forgotten_before, rows).await?;
    let mut of_stream: HashMap<&str, Vec<&Row>> = HashMap::new();
    for row in rows {
        of_stream.entry(get(row, 1)?).or_default().push(row);
    }
    let decoded = needs.streams.iter().map(|stream| {
        let rows = of_stream.remove(stream.to_string().as_str()).unwrap_or_default();
        (*stream, rows.into_iter().map(|row| fact(&at_hand, row)).collect())
    });
    Ok(decoded.collect())
}

/// What others have appended, decoded as far as this program can.
pub(super) async fn others(
    client: &Client,
    keys: &Keys,
    forgotten_before: u64,
    rows: &[Row],
) -> Result<Vec<Other>, Error> {
    let at_hand = rows::keys_of(client, keys, forgotten_before, rows).await?;
    let mut others = Vec::with_capacity(rows.len());
    for row in rows {
        // A stream of a kind that only a newer program knows is nothing that this one decides on.
        let Some(stream) = StreamId::parse(get(row, 1)?) else { continue };
        let event = match fact(&at_hand, row) {
            Ok(fact) => Some(fact.event),
            Err(Error::Unreadable { .. }) => None,
            Err(error) => return Err(error),
        };
        others.push(Other { stream, version: number(get(row, 2)?), event });
    }
    Ok(others)
}
