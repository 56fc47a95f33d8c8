//! One generation of a read model: a file with its tables and its checkpoint, which change together.

use crate::{Error, Name, Result};
use domain::{Event, user};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use store::sql::{Database, Snapshot, Writer};
use store::{Fact, failpoint};

const CHECKPOINT: &str = "
    create table checkpoint (position bigint not null);
    insert into checkpoint (position) values (0);
";

/// Where somebody was erased and the file was not written anew since.
const TRACES: &str = "create table if not exists traces (position bigint not null)";

/// A generation, open for writing.
pub(crate) struct Generation {
    name: Name,
    number: u64,
    path: PathBuf,
    database: Database,
    writer: Writer,
    /// The checkpoint in the file.
    stored: u64,
    /// The checkpoint: further than the stored one when what came since does not concern this read model.
    position: u64,
    /// The events that it steps over.
    skips: BTreeSet<u64>,
    /// Somebody was erased, and the file may still hold what was said of him, in pages that are free.
    traces: bool,
}

/// A longer file is not written anew when somebody is erased: that would hold up everybody who reads it.
const VACUUM_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The file of a generation.
pub(crate) fn path(models: &Path, name: Name, version: u32, number: u64) -> PathBuf {
    models.join(format!("{name}-v{version}-{number}.db"))
}

/// The checkpoint in a generation's file.
pub(crate) fn checkpoint(snapshot: &Snapshot) -> Result<u64, store::Error> {
    let position = snapshot.row("select position from checkpoint", &[], |row| row.int(0))?;
    position.map(i64::cast_unsigned).ok_or(store::Error::Damaged { what: "a read model has no checkpoint" })
}

impl Generation {
    /// Makes a new one without the indexes that only queries need. Whatever a crash left at its place goes.
    pub(crate) fn create(path: &Path, name: Name, number: u64, skips: BTreeSet<u64>) -> Result<Generation> {
        if path.exists() {
            Database::remove(path)?;
        }
        let database = Database::create(path)?;
        let mut writer = database.writer()?;
        let mut tx = writer.begin()?;
        tx.batch(name.tables())?;
        tx.batch(CHECKPOINT)?;
        tx.batch(TRACES)?;
        tx.commit()?;
        failpoint::pass("generation-made");
        Ok(Generation {
            name,
            number,
            path: path.to_owned(),
            database,
            writer,
            stored: 0,
            position: 0,
            skips,
            traces: false,
        })
    }

    /// Opens the one in that file.
    pub(crate) fn open(path: &Path, name: Name, number: u64, skips: BTreeSet<u64>) -> Result<Generation> {
        let database = Database::open(path)?;
        let stored = checkpoint(&database.snapshot(None)?)?;
        let mut writer = database.writer()?;
        let mut tx = writer.begin()?;
        tx.batch(TRACES)?;
        let traces = tx.row("select position from traces limit 1", &[], |row| row.int(0))?.is_some();
        tx.commit()?;
        let position = stored;
        let path = path.to_owned();
        Ok(Generation { name, number, path, database, writer, stored, position, skips, traces })
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// The last position that is folded in.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Folds in the facts right behind the checkpoint, and moves it, in one transaction; nothing happens when one
    /// of them cannot be applied.
    pub(crate) fn apply(&mut self, facts: &[Fact]) -> Result<()> {
        let mut position = self.position;
        for fact in facts {
            if fact.position != position + 1 {
                return Err(Error::Gap { name: self.name, expected: position + 1, found: fact.position });
            }
            position = fact.position;
        }
        if facts.iter().any(|fact| self.name.is_about(fact.stream.category())) {
            self.write(position, facts)?;
        }
        self.position = position;
        Ok(())
    }

    /// The next event cannot be read, and does not concern this read model or is skipped.
    pub(crate) fn step_over(&mut self, position: u64) {
        if position == self.position + 1 {
            self.position = position;
        }
    }

    /// Steps over the event at that position when it comes to it.
    pub(crate) fn skip(&mut self, position: u64) {
        self.skips.insert(position);
    }

    /// The events that it steps over.
    pub(crate) fn skips(&self) -> &BTreeSet<u64> {
        &self.skips
    }

    /// Stores the checkpoint where it is.
    pub(crate) fn persist(&mut self) -> Result<()> {
        if self.stored < self.position {
            self.write(self.position, &[])?;
        }
        if self.traces { self.wipe() } else { Ok(()) }
    }

    /// Overwrites what the file still holds of somebody who was erased. Where a reader is in the way, the next
    /// [`Generation::persist`] does it.
    pub(crate) fn wipe(&mut self) -> Result<()> {
        self.traces = true;
        if self.writer.wipe(VACUUM_BYTES_MAX)? {
            let mut tx = self.writer.begin()?;
            tx.execute("delete from traces", &[])?;
            tx.commit()?;
            self.traces = false;
        }
        Ok(())
    }

    /// Whether the file, or that of a generation before it, may still hold what was said of somebody who was erased.
    pub(crate) fn has_traces(&self) -> bool {
        self.traces
    }

    /// Makes the indexes that its queries need.
    pub(crate) fn make_indexes(&mut self) -> Result<()> {
        let mut tx = self.writer.begin()?;
        tx.batch(self.name.indexes())?;
        Ok(tx.commit()?)
    }

    fn write(&mut self, position: u64, facts: &[Fact]) -> Result<()> {
        let mut tx = self.writer.begin()?;
        // First: who does not own the checkpoint any more must not write a row.
        let moved = tx.execute(
            "update checkpoint set position = $1 where position = $2",
            &[position.into(), self.stored.into()],
        )?;
        if moved == 0 {
            return Err(Error::NotOwner { name: self.name });
        }
        for fact in facts {
            if self.name.is_about(fact.stream.category()) && !self.skips.contains(&fact.position) {
                self.name.apply(&mut tx, fact)?;
            }
        }
        let erases = |fact: &&Fact| matches!(fact.event, Event::User(user::Event::Erased));
        let erased = facts.iter().find(erases).map(|fact| fact.position);
        if let Some(position) = erased {
            // In the same transaction: a crash before the file is written anew does not make it forgotten.
            tx.execute("insert into traces (position) values ($1)", &[position.into()])?;
        }
        failpoint::pass("model-written");
        tx.commit()?;
        failpoint::pass("model-committed");
        self.traces |= erased.is_some();
        self.stored = position;
        Ok(())
    }
}
