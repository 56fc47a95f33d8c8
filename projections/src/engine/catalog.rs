//! The catalogue: which generation of each projection serves, and what stopped it. In its place lies, too, which node
//! feeds which projection (`store::sql::Leases`).

use crate::engine::locations::Locations;
use crate::{Error, ProjectionId, Result};
use std::collections::HashMap;
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
    create table if not exists fence (name text primary key, epoch bigint not null);
";

/// The catalogue, opened.
#[derive(Clone)]
pub(crate) struct Catalog {
    database: Database,
    /// None when it is open for reading only.
    writer: Option<Arc<Mutex<Writer>>>,
}

/// A projection's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: ProjectionId,
    pub(crate) version: u32,
    pub(crate) generation: u64,
    pub(crate) rebuilding: bool,
    /// An operator has paused it.
    pub(crate) paused: bool,
    /// The event that it stopped at, and why.
    pub(crate) failed: Option<(u64, String)>,
}

impl Catalog {
    pub(crate) fn open(locations: &Locations) -> Result<Catalog> {
        let place = locations.catalog();
        let (database, writer) = place.open_or_replace(|tx| tx.batch(TABLES), "read models are built again")?;
        store::failpoint::pass("catalog-made");
        Ok(Catalog { database, writer: Some(Arc::new(Mutex::new(writer))) })
    }

    pub(crate) fn open_read_only(locations: &Locations) -> Result<Catalog> {
        let place = locations.catalog();
        if !place.exists()? {
            return Err(Error::NotBuilt);
        }
        Ok(Catalog { database: place.open()?, writer: None })
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
        let change = || {
            let mut tx = writer.begin()?;
            work(&mut tx)?;
            tx.commit()
        };
        Ok(change().map_err(|error| self.database.noted(error))?)
    }

    /// The row of that projection.
    pub(crate) fn entry(&self, name: ProjectionId) -> Result<Option<Entry>> {
        Ok(self.entries()?.remove(&name))
    }

    /// Every row that there is.
    pub(crate) fn entries(&self) -> Result<HashMap<ProjectionId, Entry>> {
        let snapshot = self.database.snapshot()?;
        let entries = snapshot.rows(ENTRIES, &[], entry).map_err(|error| self.database.noted(error))?;
        Ok(entries.into_iter().flatten().map(|entry| (entry.name, entry)).collect())
    }

    /// From here on nobody changes the projection's row whose lease is of an earlier epoch. Answers the row, and
    /// whether it was another one's before.
    pub(crate) fn claim(&self, name: ProjectionId, epoch: u64) -> Result<(Option<Entry>, bool)> {
        let mut claimed = (None, false);
        self.fenced(name, epoch, |tx, raised| {
            let entries = tx.rows(ENTRIES, &[], entry)?;
            claimed = (entries.into_iter().flatten().find(|entry| entry.name == name), raised);
            Ok(())
        })?;
        Ok(claimed)
    }

    /// Writes a projection's row, under a lease of that epoch.
    pub(crate) fn put(&self, entry: &Entry, epoch: u64) -> Result<()> {
        self.fenced(entry.name, epoch, |tx, _| write(tx, entry))
    }

    /// Changes something about a projection, unless another node has taken it over. The work is told whether the epoch
    /// is a new one.
    fn fenced(
        &self,
        name: ProjectionId,
        epoch: u64,
        work: impl FnOnce(&mut Tx<'_>, bool) -> Result<(), store::Error>,
    ) -> Result<()> {
        let mut taken_over = false;
        self.change(|tx| {
            let before =
                tx.row("select epoch from fence where name = $1", &[name.as_str().into()], |row| row.int(0))?;
            let passed = tx.execute(
                "insert into fence (name, epoch) values ($1, $2)
                 on conflict (name) do update set epoch = excluded.epoch where fence.epoch <= excluded.epoch",
                &[name.as_str().into(), epoch.into()],
            )?;
            taken_over = passed == 0;
            tx.keep()?;
            let raised = before.is_none_or(|before| before.cast_unsigned() < epoch);
            if taken_over { Ok(()) } else { work(tx, raised) }
        })?;
        if taken_over { Err(Error::TakenOver { name }) } else { Ok(()) }
    }
}

const ENTRIES: &str = "
    select name, version, generation, state, failed_position, error,
        (select count(*) from paused where paused.name = projection.name)
    from projection";

fn write(tx: &mut Tx<'_>, entry: &Entry) -> Result<(), store::Error> {
    let (position, error) = entry.failed.as_ref().map(|(at, why)| (*at, why.as_str())).unzip();
    tx.queue(
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
    tx.queue(paused, &[entry.name.as_str().into()])
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

/// None for a projection that only another version knows.
fn entry(row: &Row<'_>) -> Result<Option<Entry>, store::Error> {
    let Some(name) = ProjectionId::parse(row.text(0)?) else { return Ok(None) };
    let position = row.maybe_int(4)?.map(i64::cast_unsigned);
    Ok(Some(Entry {
        name,
        version: u32::try_from(row.int(1)?).unwrap_or(u32::MAX),
        generation: row.int(2)?.cast_unsigned(),
        rebuilding: row.text(3)? == crate::State::Rebuilding.as_str(),
        paused: row.int(6)? > 0,
        failed: position.zip(row.maybe_text(5)?.map(str::to_owned)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_taken_over_changes_no_row() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&Locations::Folder(folder.path().to_owned())).unwrap();
        let entry = |generation| Entry {
            name: ProjectionId::Users,
            version: 1,
            generation,
            rebuilding: false,
            paused: false,
            failed: None,
        };
        let claim = |epoch| catalog.claim(ProjectionId::Users, epoch).unwrap();
        assert_eq!(claim(1), (None, true));
        catalog.put(&entry(1), 1).unwrap();
        assert_eq!(claim(1), (Some(entry(1)), false), "it is its own");
        assert_eq!(claim(2), (Some(entry(1)), true));
        assert!(matches!(catalog.put(&entry(7), 1), Err(Error::TakenOver { name: ProjectionId::Users })));
        assert!(matches!(catalog.claim(ProjectionId::Users, 1), Err(Error::TakenOver { name: ProjectionId::Users })));
        assert_eq!(catalog.entry(ProjectionId::Users).unwrap(), Some(entry(1)));
        catalog.put(&entry(2), 2).unwrap();
        assert_eq!(claim(2), (Some(entry(2)), false));
    }
}
