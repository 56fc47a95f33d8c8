//! Where the wrapped keys are stored, and how they are found.

use super::connect::{BEGIN, bounded};
use super::reading;
use super::rows::{Param, get, query};
use crate::Error;
use crate::keys::Keys;
use crate::master_key::{self, MasterKey};
use crate::seal::Key;
use domain::UserId;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// Data keys at hand: who is not among them has none.
pub(super) type DataKeys = HashMap<UserId, Arc<Key>>;

/// Unlocks the keys of a database; the first time it makes them, and the master key as well when there is none. After
/// an error the connection is to be closed: it may be inside a transaction.
pub(super) async fn unlock_or_make(client: &Client, master_key: &Path) -> Result<Keys, Error> {
    if let Some((check, lookup)) = reading::alone(client, wrapped(client)).await? {
        let keys = Keys::unlock(master_key, &check, &lookup)?;
        master_key::settle(master_key, &check)?;
        return Ok(keys);
    }
    let (master, new) = match MasterKey::read(master_key)? {
        Some(master) => (master, None),
        None => {
            let (master, digits) = MasterKey::new();
            (master, Some(digits))
        }
    };
    let (keys, secrets) = Keys::first(master, master_key);
    // Whoever comes second waits here for the first one's commit, and then adds nothing. So only the key that counts
    // gets a file, and before it counts.
    let sql = "insert into letopis.secret (name, wrapped) values ('check', $1), ('lookup', $2) on conflict do nothing";
    let made = bounded(async {
        client.batch_execute(BEGIN).await?;
        let params: [Param<'_>; 2] = [(&secrets.check, Type::BYTEA), (&secrets.lookup, Type::BYTEA)];
        let is_first = client.execute_typed(sql, &params).await? > 0;
        if let Some(digits) = new.filter(|_| is_first) {
            MasterKey::place(master_key, &digits)?;
        }
        client.batch_execute("commit").await?;
        Ok(is_first)
    });
    if made.await? {
        return Ok(keys);
    }
    reading::alone(client, unlock(client, master_key)).await?.ok_or(Error::Damaged { what: "the keys are missing" })
}

/// Unlocks the keys of a database that has some.
pub(super) async fn unlock(client: &Client, master_key: &Path) -> Result<Option<Keys>, Error> {
    let Some((check, lookup)) = wrapped(client).await? else { return Ok(None) };
    Keys::unlock(master_key, &check, &lookup).map(Some)
}

/// The check value of the master key, and the wrapped key for look-ups; none before the first node made them.
pub(super) async fn wrapped(client: &Client) -> Result<Option<(Vec<u8>, Vec<u8>)>, Error> {
    let rows = query(client, "select name, wrapped from letopis.secret", &[]).await?;
    let find = |name: &str| {
        let found = rows.iter().find(|row| row.try_get::<_, &str>(0).is_ok_and(|found| found == name));
        found.map(|row| get::<Vec<u8>>(row, 1)).transpose()
    };
    match (find("check")?, find("lookup")?) {
        (None, None) => Ok(None),
        (Some(check), Some(lookup)) => Ok(Some((check, lookup))),
        (Some(_) | None, _) => {
            Err(Error::Damaged { what: "the check value of the master key or the key for look-ups is missing" })
        }
    }
}

/// The data keys of these people, as far as there are any.
pub(super) async fn fetch(
    client: &Client,
    keys: &Keys,
    forgotten_before: u64,
    subjects: impl Iterator<Item = UserId>,
) -> Result<DataKeys, Error> {
    let (mut found, mut unknown) = (DataKeys::new(), BTreeSet::new());
    for subject in subjects {
        match keys.cached(subject) {
            Some(key) => drop(found.insert(subject, key)),
            None => drop(unknown.insert(subject)),
        }
    }
    if unknown.is_empty() {
        return Ok(found);
    }
    let ids = unknown.iter().map(|subject| subject.0.as_bytes().as_slice()).collect::<Vec<_>>();
    let sql = "select subject, wrapped from letopis.subject_key where subject = any($1)";
    let rows = query(client, sql, &[(&ids, Type::BYTEA_ARRAY)]).await?;
    found.extend(opened(keys, forgotten_before, &rows, (0, 1))?);
    Ok(found)
}

/// Unwraps the data keys of rows that have a subject and their wrapped key in those columns, and keeps them. Who has
/// none, or is nobody, adds nothing.
pub(super) fn opened(
    keys: &Keys,
    forgotten_before: u64,
    rows: &[Row],
    (subject, wrapped): (usize, usize),
) -> Result<DataKeys, Error> {
    let mut opened = DataKeys::new();
    for row in rows {
        let (Some(subject), Some(wrapped)) = (get::<Option<&[u8]>>(row, subject)?, get(row, wrapped)?) else {
            continue;
        };
        let subject = uuid::Uuid::from_slice(subject).map(UserId);
        let subject = subject.map_err(|_| Error::Damaged { what: "a data key has no subject" })?;
        if opened.contains_key(&subject) {
            continue;
        }
        let key = match keys.cached(subject) {
            Some(key) => key,
            None => {
                let key = keys.unwrap_data_key(subject, wrapped);
                let key = key.ok_or(Error::Damaged { what: "a data key does not open with the master key" })?;
                keys.cache_key(subject, key.clone(), forgotten_before);
                key
            }
        };
        opened.insert(subject, key);
    }
    Ok(opened)
}
