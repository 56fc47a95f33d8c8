//! The catalogue: which generation of each projection serves, and what stopped it. Its file also holds what
//! changes without a fact.

use crate::{Error, Name, Result, session_use};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use store::sql::{Database, Row, Tx, Writer};

const TABLES: &str = "
    create table if not exists projection (
        name text primary key,
        version bigint not null,
        generation bigint not null,
        state text not null,
        failed_position bigint,
        error text
    );
    create table if not exists paused (name text primary key);
";

/// The catalogue's file, opened.
#[derive(Clone)]
pub(crate) struct Catalog {
    database: Database,
    /// None when it is open for reading only.
    writer: Option<Arc<Mutex<Writer>>>,
}

/// A projection's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: Name,
    pub(crate) version: u32,
    pub(crate) generation: u64,
    pub(crate) rebuilding: bool,
    /// An operator has paused it.
    pub(crate) paused: bool,
    /// The event that it stopped at, and why.
    pub(crate) failed: Option<(u64, String)>,
}

impl Catalog {
    pub(crate) fn open(models: &Path) -> Result<Catalog> {
        let path = models.join("catalog.db");
        let database = if path.exists() { Database::open(&path)? } else { Database::create(&path)? };
        let mut writer = database.writer()?;
        let mut tx = writer.begin()?;
        tx.batch(TABLES)?;
        tx.batch(session_use::TABLES)?;
        tx.commit()?;
        store::failpoint::pass("catalog-made");
        Ok(Catalog { database, writer: Some(Arc::new(Mutex::new(writer))) })
    }

    pub(crate) fn open_read_only(models: &Path) -> Result<Catalog> {
        let path = models.join("catalog.db");
        if !path.exists() {
            return Err(Error::NotBuilt);
        }
        Ok(Catalog { database: Database::open(&path)?, writer: None })
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn may_write(&self) -> bool {
        self.writer.is_some()
    }

    /// Changes something in one transaction.
    pub(crate) fn change(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<(), store::Error>) -> Result<()> {
        let writer = self.writer.as_ref().ok_or(Error::ReadOnly)?;
        // A panic cannot leave half a transaction behind: it is rolled back, and the next one begins anew.
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tx = writer.begin()?;
        work(&mut tx)?;
        Ok(tx.commit()?)
    }

    /// The row of that projection.
    pub(crate) fn entry(&self, name: Name) -> Result<Option<Entry>> {
        let snapshot = self.database.snapshot(None)?;
        Ok(snapshot.row(
            "select version, generation, state, failed_position, error,
                 (select count(*) from paused where paused.name = projection.name)
             from projection where name = $1",
            &[name.as_str().into()],
            |row| entry(name, row),
        )?)
    }

    /// Writes a projection's row.
    pub(crate) fn put(&self, entry: &Entry) -> Result<()> {
        let (position, error) = entry.failed.as_ref().map(|(at, why)| (*at, why.as_str())).unzip();
        self.change(|tx| {
            tx.execute(
                "insert into projection (name, version, generation, state, failed_position, error)
                 values ($1, $2, $3, $4, $5, $6)
                 on conflict (name) do update set version = excluded.version, generation = excluded.generation,
                     state = excluded.state, failed_position = excluded.failed_position, error = excluded.error",
                &[
                    entry.name.as_str().into(),
                    entry.version.into(),
                    entry.generation.into(),
                    entry.state().as_str().into(),
                    position.into(),
                    error.into(),
                ],
            )?;
            let paused = match entry.paused {
                true => "insert into paused (name) values ($1) on conflict (name) do nothing",
                false => "delete from paused where name = $1",
            };
            tx.execute(paused, &[entry.name.as_str().into()])?;
            Ok(())
        })
    }
}

impl Entry {
    /// What the projection does.
    pub(crate) fn state(&self) -> crate::State {
        match (self.rebuilding, self.paused, &self.failed) {
            (true, _, _) => crate::State::Rebuilding,
            (false, true, _) => crate::State::Paused,
            (false, false, Some(_)) => crate::State::Stopped,
            (false, false, None) => crate::State::Running,
        }
    }
}

fn entry(name: Name, row: &Row<'_>) -> Result<Entry, store::Error> {
    let position = row.maybe_int(3)?.map(i64::cast_unsigned);
    Ok(Entry {
        name,
        version: u32::try_from(row.int(0)?).unwrap_or(u32::MAX),
        generation: row.int(1)?.cast_unsigned(),
        rebuilding: row.text(2)? == crate::State::Rebuilding.as_str(),
        paused: row.int(5)? > 0,
        failed: position.zip(row.maybe_text(4)?.map(str::to_owned)),
    })
}
