//! Carries over the tables that earlier versions kept in the catalogue of the read models. What a person has asked must
//! not stay behind there, where no erasure would find it.

use crate::Result;
use crate::storage::Storage;
use store::sql::{Database, Place, Row, Tx, Value};
use store::{Folder, described};
use uuid::Uuid;

/// Rows that are carried over in one transaction.
const PAGE: usize = 10_000;
/// A longer file is not written again: what is deleted is overwritten all the same.
const WIPE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A table of before: its rows in pages by their key, how one is inserted and what they all are deleted by.
struct Former {
    name: &'static str,
    page: &'static str,
    insert: fn(&mut Tx<'_>, &Row<'_>) -> Result<()>,
    clear: &'static str,
    drop: &'static str,
}

const FORMER: &[Former] = &[
    Former {
        name: "session_use",
        page: "select session_id, last_seen_at from session_use where session_id > $1 order by session_id limit $2",
        insert: |tx, row| {
            tx.queue(
                "insert into session_use (session_id, last_seen_at) values ($1, $2)
                 on conflict (session_id) do update set last_seen_at = excluded.last_seen_at
                     where session_use.last_seen_at < excluded.last_seen_at",
                &[row.bytes(0)?.into(), row.int(1)?.into()],
            )
        },
        clear: "delete from session_use",
        drop: "drop table session_use",
    },
    Former {
        name: "token_use",
        page: "select token_id, last_seen_at from token_use where token_id > $1 order by token_id limit $2",
        insert: |tx, row| {
            tx.queue(
                "insert into token_use (token_id, last_seen_at) values ($1, $2)
                 on conflict (token_id) do update set last_seen_at = excluded.last_seen_at
                     where token_use.last_seen_at < excluded.last_seen_at",
                &[row.bytes(0)?.into(), row.int(1)?.into()],
            )
        },
        clear: "delete from token_use",
        drop: "drop table token_use",
    },
    Former {
        name: "search_tasks",
        page: "select task_id, user_id, fingerprint, question, wanted, state, tries, asked_at, changed_at, found
               from search_tasks where task_id > $1 order by task_id limit $2",
        insert: |tx, row| {
            tx.queue(
                "insert into search_tasks
                     (task_id, user_id, fingerprint, question, wanted, state, tries, asked_at, changed_at, found)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                 on conflict (task_id) do nothing",
                &[
                    row.bytes(0)?.into(),
                    row.bytes(1)?.into(),
                    row.maybe_bytes(2)?.into(),
                    row.maybe_text(3)?.into(),
                    row.int(4)?.into(),
                    row.int(5)?.into(),
                    row.int(6)?.into(),
                    row.int(7)?.into(),
                    row.int(8)?.into(),
                    row.maybe_bytes(9)?.into(),
                ],
            )
        },
        clear: "delete from search_tasks",
        drop: "drop table search_tasks",
    },
];

/// Does nothing where there is nothing to carry over. The caller holds the folder's lock, and nothing has the read
/// models open for writing. A crash in between is gone on with by the next start.
pub(crate) fn from(folder: &Folder, storage: &Storage) -> Result<()> {
    let path = folder.read_models().join("catalog.db");
    if !path.exists() {
        return Ok(());
    }
    match carry(&Place::File(path), storage) {
        Err(error) if error.is_damage() => {
            let lost = "what it kept beside them, search tasks and times of last use, is lost";
            tracing::warn!(error = described(&error), "the catalogue of the read models is damaged; {lost}");
            Ok(())
        }
        carried => carried,
    }
}

fn carry(place: &Place, storage: &Storage) -> Result<()> {
    let database = place.open()?;
    let noted = |error| database.noted(error);
    let there = tables(&database).map_err(noted)?;
    let former = FORMER.iter().filter(|former| there.iter().any(|name| name == former.name)).collect::<Vec<_>>();
    if former.is_empty() {
        return Ok(());
    }
    for table in &former {
        copy(&database, table, storage)?;
    }
    let remove = || {
        let mut writer = database.writer()?;
        let mut change = |sql: fn(&Former) -> &'static str| {
            let mut tx = writer.begin()?;
            former.iter().try_for_each(|table| tx.queue(sql(table), &[]))?;
            tx.commit()?;
            writer.wipe(WIPE_BYTES_MAX)
        };
        // As long as the tables are there, empty ones too, the next start sees to it that nothing is left of them.
        if change(|table| table.clear)? {
            change(|table| table.drop)?;
        }
        Ok(())
    };
    remove().map_err(noted)
}

fn tables(database: &Database) -> Result<Vec<String>> {
    // Only a file has such a past.
    let sql = "select name from sqlite_master where type = 'table'";
    database.snapshot()?.rows(sql, &[], |row| Ok(row.text(0)?.to_owned()))
}

/// Copies its rows. What is here already is kept where it is newer.
fn copy(database: &Database, table: &Former, storage: &Storage) -> Result<()> {
    let snapshot = database.snapshot()?;
    let (mut after, mut is_last) = (Vec::new(), false);
    while !is_last {
        storage.change(|tx| {
            let params = [Value::from(&after), (PAGE as i64).into()];
            let keys = snapshot.rows(table.page, &params, |row| {
                (table.insert)(tx, row)?;
                row.uuid(0)
            })?;
            is_last = keys.len() < PAGE;
            if let Some(last) = keys.last() {
                after = Uuid::as_bytes(last).to_vec();
            }
            Ok(())
        })?;
    }
    Ok(())
}
