//! Where the wrapped keys are stored, and how they are found.

use crate::keys::Keys;
use crate::master_key::{self, MasterKey};
use crate::seal::Key;
use crate::{Error, failpoint};
use domain::UserId;
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;
use std::sync::Arc;

/// Unlocks the keys of a database; the first time it makes them, and the master key as well when there is none.
pub(super) fn unlock_or_make(connection: &Connection, master_key: &Path) -> Result<Keys, Error> {
    if find(connection, "check")?.is_some() {
        let keys = unlock(connection, master_key)?;
        master_key::settle(master_key, &wrapped(connection)?.0)?;
        return Ok(keys);
    }
    let master = match MasterKey::read(master_key)? {
        Some(master) => master,
        None => MasterKey::create(master_key)?,
    };
    failpoint::pass("key-made");
    let (keys, secrets) = Keys::first(master, master_key);
    connection
        .execute(
            "insert into secret (name, wrapped) values ('check', ?1), ('lookup', ?2)",
            (&secrets.check, &secrets.lookup),
        )
        .map_err(Error::not_written)?;
    Ok(keys)
}

/// Unlocks the keys of a database that has some.
pub(super) fn unlock(connection: &Connection, master_key: &Path) -> Result<Keys, Error> {
    let (check, lookup) = wrapped(connection)?;
    Keys::unlock(master_key, &check, &lookup)
}

/// The check value of the master key, and the wrapped key for look-ups.
pub(super) fn wrapped(connection: &Connection) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let missing = Error::Damaged { what: "the check value of the master key or the key for look-ups is missing" };
    match (find(connection, "check")?, find(connection, "lookup")?) {
        (Some(check), Some(lookup)) => Ok((check, lookup)),
        (Some(_) | None, _) => Err(missing),
    }
}

fn find(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let sql = "select wrapped from secret where name = ?1";
    Ok(connection.query_row(sql, [name], |row| row.get(0)).optional()?)
}

/// One look into the database with its keys at hand.
pub(super) struct KeyedView<'a> {
    pub(super) connection: &'a Connection,
    pub(super) keys: &'a Keys,
    forgotten_before: u64,
}

impl<'a> KeyedView<'a> {
    /// To be made before the first statement of the look runs: a key that is found in an older state of the
    /// database than the present one must not be kept.
    pub(super) fn new(connection: &'a Connection, keys: &'a Keys) -> KeyedView<'a> {
        KeyedView { connection, keys, forgotten_before: keys.forgotten() }
    }

    /// The data key of a subject; `None` when there is none, or none any more.
    pub(super) fn data_key(&self, subject: UserId) -> Result<Option<Arc<Key>>, Error> {
        if let Some(key) = self.keys.cached(subject) {
            return Ok(Some(key));
        }
        let mut statement = self.connection.prepare_cached("select wrapped from subject_key where subject = ?1")?;
        let wrapped: Option<Vec<u8>> =
            statement.query_row([subject.0.as_bytes().as_slice()], |row| row.get(0)).optional()?;
        let Some(wrapped) = wrapped else { return Ok(None) };
        let key = self.keys.unwrap_data_key(subject, &wrapped);
        let key = key.ok_or(Error::Damaged { what: "a data key does not open with the master key" })?;
        self.keys.cache_key(subject, key.clone(), self.forgotten_before);
        Ok(Some(key))
    }
}
