//! How far in the log erasures are heeded: a crash between an erasure and the forgetting is mended from there on.

use crate::Result;
use crate::parts::Part;
use domain::{StreamId, UserId};
use store::sql::{Database, Row, Tx};
use store::{ERASED, Filter, Log, Mark};

pub(crate) const PART: Part = Part { tables: TABLES, forget: |_, _| Ok(()), begin_again };

/// One row.
const TABLES: &str = "
    create table if not exists erasures_heeded (
        id bigint primary key,
        position bigint not null,
        hash bytea not null
    );
";
/// Positions that are looked through by one query, and erasures that it answers: neither takes long.
const POSITIONS: u64 = 1_000_000;
const PAGE: usize = 1_000;

fn begin_again(tx: &mut Tx<'_>) -> Result<()> {
    tx.queue("delete from erasures_heeded", &[])
}

/// How far every node has heeded them.
pub(crate) fn heeded(database: &Database) -> Result<Mark> {
    let snapshot = database.snapshot()?;
    Ok(snapshot.row("select position, hash from erasures_heeded", &[], mark)?.unwrap_or_default())
}

/// Remembers that everybody is forgotten who was erased up to there; another node may be further.
pub(crate) fn heed(tx: &mut Tx<'_>, mark: Mark) -> Result<()> {
    tx.queue(
        "insert into erasures_heeded (id, position, hash) values (1, $1, $2)
         on conflict (id) do update set position = excluded.position, hash = excluded.hash
             where erasures_heeded.position < excluded.position",
        &[mark.position.into(), (&mark.hash).into()],
    )
}

/// Who was erased above one position and up to another one.
pub(crate) fn between(log: &Log, after: u64, up_to: u64) -> Result<Vec<UserId>> {
    let mut erased = Vec::new();
    let mut filter = Filter { after, name: Some(ERASED.to_owned()), ..Filter::default() };
    while filter.after < up_to {
        let last = filter.after.saturating_add(POSITIONS).min(up_to);
        filter.up_to = Some(last);
        let page = log.read_filtered(&filter, PAGE)?;
        let streams = page.iter().filter_map(|record| StreamId::parse(&record.stream));
        erased.extend(streams.filter_map(|stream| UserId::try_from(stream).ok()));
        filter.after = match page.last() {
            Some(record) if page.len() == PAGE => record.position,
            Some(_) | None => last,
        };
    }
    Ok(erased)
}

fn mark(row: &Row<'_>) -> Result<Mark> {
    let hash = row.bytes(1)?.try_into().map_err(|_| store::Error::Column { index: 1, expected: "32 bytes" })?;
    Ok(Mark { position: row.int(0)?.cast_unsigned(), hash })
}
