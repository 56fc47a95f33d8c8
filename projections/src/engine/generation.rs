//! One generation of a read model: its tables, or its index, and its checkpoint, which change together.

use crate::engine::fold;
use crate::engine::handle::{Handle, Location};
use crate::engine::indexing::Indexing;
use crate::{Error, ProjectionId, Result};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use store::follower::Checkpoint;
use store::sql::{Database, Place, Writer};
use store::{Fact, Mark, failpoint};

/// Where somebody was erased and the tables were not wiped since.
const TRACES: &str = "create table traces (position bigint not null);";

/// A generation, open for writing.
pub(crate) struct Generation {
    name: ProjectionId,
    number: u64,
    /// Of the lease under which it is written; zero when no other node can write it.
    epoch: u64,
    body: Body,
    /// When the stored checkpoint was last seen in its place.
    confirmed: Instant,
    /// The checkpoint: further than the stored one when what came since does not concern this read model.
    mark: Mark,
    /// The events that it steps over.
    skips: BTreeSet<u64>,
    /// Somebody was erased, and their rows may still be where they were, although nobody finds them.
    residue: bool,
}

/// What it writes.
enum Body {
    Tables { database: Database, writer: Box<Writer>, checkpoint: Checkpoint },
    Index(Box<Indexing>),
}

/// How often to check whether what was written is still there.
const CONFIRMED: Duration = Duration::from_secs(1);

/// A longer file is not looked through at a start: what is damaged in it shows when it is read.
const CHECK_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Longer tables are not wiped when somebody is erased: a file that is rewritten would hold up everybody who reads
/// it, and a long table is left to the server's own vacuum.
const WIPE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// From so many facts on it pays to write a file differently.
const MUCH: u64 = 10_000;

/// What is shared by the tables of all read models, the checkpoint: the version of it is a part of theirs.
pub(crate) const CHECKPOINT_VERSION: u32 = 1;

impl Generation {
    /// Makes a new one without the indexes that only queries need. Whatever a crash left at its place goes.
    pub(crate) fn create(
        place: &Location,
        (name, number): (ProjectionId, u64),
        epoch: u64,
        skips: BTreeSet<u64>,
    ) -> Result<Generation> {
        if place.exists()? {
            place.remove()?;
        }
        let body = match place {
            Location::Tables(place) => Body::create(place, name, epoch)?,
            Location::Folder(path) => Body::Index(Box::new(Indexing::create(path)?)),
        };
        failpoint::pass("generation-made");
        let (mark, confirmed) = (Mark::default(), Instant::now());
        Ok(Generation { name, number, epoch, body, confirmed, mark, skips, residue: false })
    }

    /// Opens the one in that place. From here on nobody writes it whose lease is of an earlier epoch.
    pub(crate) fn open(
        place: &Location,
        (name, number): (ProjectionId, u64),
        epoch: u64,
        skips: BTreeSet<u64>,
    ) -> Result<Generation> {
        let (body, residue) = match place {
            Location::Tables(place) => Body::open(place, name, epoch)?,
            Location::Folder(path) => {
                let indexing = Indexing::open(path)?;
                let residue = indexing.has_residue();
                (Body::Index(Box::new(indexing)), residue)
            }
        };
        let (mark, confirmed) = (body.stored(), Instant::now());
        Ok(Generation { name, number, epoch, body, confirmed, mark, skips, residue })
    }

    /// Of the lease under which it is written.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// What is read of it.
    pub(crate) fn handle(&self) -> Handle {
        match &self.body {
            Body::Tables { database, .. } => Handle::Tables(database.clone()),
            Body::Index(indexing) => Handle::Index(indexing.index().clone()),
        }
    }

    /// The last position that is folded in.
    pub(crate) fn position(&self) -> u64 {
        self.mark.position
    }

    /// The last event that is folded in.
    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    /// The last event that whoever reads it finds: an index shows what is folded in from its next commit on.
    pub(crate) fn shown(&self) -> Mark {
        match &self.body {
            Body::Tables { .. } => self.mark,
            Body::Index(indexing) if indexing.oldest().is_some() => indexing.stored(),
            Body::Index(_) => self.mark,
        }
    }

    /// Since when something is folded in that nobody finds yet.
    pub(crate) fn unseen(&self) -> Option<Instant> {
        match &self.body {
            Body::Tables { .. } => None,
            Body::Index(indexing) => indexing.oldest(),
        }
    }

    /// Folds in the facts right behind the checkpoint, and moves it, in one transaction; nothing happens when one
    /// of them cannot be applied.
    pub(crate) fn apply(&mut self, facts: &[Fact]) -> Result<()> {
        let mut mark = self.mark;
        for fact in facts {
            if fact.position != mark.position + 1 {
                return Err(Error::Gap { name: self.name, expected: mark.position + 1, found: fact.position });
            }
            mark = fact.mark();
        }
        let definition = self.name.definition();
        let concerns = |fact: &&Fact| definition.is_about(fact.event.stream().category());
        if facts.iter().any(|fact| concerns(&fact)) {
            match &self.body {
                Body::Tables { .. } => self.write(mark, facts)?,
                Body::Index(_) => {
                    let skipped = |fact: &&Fact| self.skips.contains(&fact.position);
                    let concerning = facts.iter().filter(|fact| concerns(fact) && !skipped(fact)).collect::<Vec<_>>();
                    self.index(mark, &concerning)?;
                }
            }
        }
        self.mark = mark;
        Ok(())
    }

    fn index(&mut self, mark: Mark, facts: &[&Fact]) -> Result<()> {
        let Body::Index(indexing) = &mut self.body else { return Ok(()) };
        let changed = indexing.change(facts, mark);
        self.residue |= facts.iter().any(|fact| fold::erased(fact).is_some());
        if changed.is_err() {
            // What was not committed is lost, and is folded in again.
            self.mark = indexing.stored();
        }
        changed.map_err(|error| self.owned(error))
    }

    fn owned(&self, error: search::Error) -> Error {
        let name = self.name;
        if matches!(error, search::Error::NotOwner) { Error::NotOwner { name } } else { error.into() }
    }

    /// The next event cannot be read, and does not concern this read model or is skipped.
    pub(crate) fn step_over(&mut self, next: Mark) {
        if next.position == self.mark.position + 1 {
            self.mark = next;
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

    /// Stores the checkpoint where it is; where it is stored already, looks now and then whether it is still there.
    ///
    /// # Errors
    /// [`Error::TakenOver`] when it is not: another node has moved it, or the server has crashed and lost its last
    /// moments. Whoever opens the generation again goes on from what is there.
    pub(crate) fn persist(&mut self) -> Result<()> {
        let stored = self.body.stored();
        if stored != self.mark {
            match &self.body {
                Body::Tables { .. } => self.write(self.mark, &[])?,
                Body::Index(_) => self.commit()?,
            }
        } else if self.epoch > 0 && self.confirmed.elapsed() >= CONFIRMED {
            self.confirmed = Instant::now();
            if let Body::Tables { database, .. } = &self.body
                && Checkpoint::read(&database.snapshot()?)? != stored
            {
                return Err(Error::TakenOver { name: self.name });
            }
        }
        match &self.body {
            Body::Tables { .. } if !self.residue => Ok(()),
            Body::Tables { .. } | Body::Index(_) => self.wipe(),
        }
    }

    /// Shows what is folded in, and stores the checkpoint with it.
    fn commit(&mut self) -> Result<()> {
        let Body::Index(indexing) = &mut self.body else { return Ok(()) };
        let committed = indexing.commit(self.mark);
        if committed.is_err() {
            self.mark = indexing.stored();
        }
        committed.map_err(|error| self.owned(error))
    }

    /// Takes away what is still there of somebody who was erased. Where a reader is in the way, or it takes longer,
    /// the next [`Generation::persist`] does it, or goes on.
    pub(crate) fn wipe(&mut self) -> Result<()> {
        if self.shown() != self.mark {
            // Nobody is to find it before it is taken away.
            self.commit()?;
        }
        match &mut self.body {
            Body::Tables { writer, .. } => {
                self.residue = true;
                if writer.wipe(WIPE_BYTES_MAX)? {
                    let mut tx = writer.begin()?;
                    tx.queue("delete from traces", &[])?;
                    tx.commit()?;
                    self.residue = false;
                }
                Ok(())
            }
            Body::Index(indexing) => {
                let purged = indexing.purge();
                self.residue = indexing.has_residue();
                if purged.is_err() {
                    self.mark = indexing.stored();
                }
                purged.map_err(|error| self.owned(error))
            }
        }
    }

    /// Whether it, or a generation before it, may still hold what was said of somebody who was erased; or, in an index,
    /// deleted text that must be gone by now.
    pub(crate) fn has_residue(&self) -> bool {
        match &self.body {
            Body::Tables { .. } => self.residue,
            Body::Index(indexing) => self.residue || indexing.has_residue(),
        }
    }

    /// About that many facts are to be folded in.
    pub(crate) fn prepare_for(&mut self, facts: u64) -> Result<()> {
        match &mut self.body {
            Body::Tables { writer, .. } => writer.expect_much(facts > MUCH)?,
            Body::Index(indexing) => indexing.prepare_for(facts),
        }
        Ok(())
    }

    /// Makes the indexes that its queries need.
    pub(crate) fn make_indexes(&mut self) -> Result<()> {
        let Body::Tables { writer, .. } = &mut self.body else { return Ok(()) };
        let mut tx = writer.begin()?;
        tx.batch(self.name.definition().indexes)?;
        Ok(tx.commit()?)
    }

    fn write(&mut self, mark: Mark, facts: &[Fact]) -> Result<()> {
        match (self.write_in(mark, facts), &self.body) {
            (Err(Error::Store(error)), Body::Tables { database, .. }) => Err(database.noted(error).into()),
            (written, _) => written,
        }
    }

    fn write_in(&mut self, mark: Mark, facts: &[Fact]) -> Result<()> {
        let Body::Tables { writer, checkpoint, .. } = &mut self.body else { return Ok(()) };
        let mut tx = writer.begin()?;
        // First: who does not own the checkpoint any more must not write a row.
        let Some(moved) = checkpoint.advance(&mut tx, mark)? else {
            let name = self.name;
            return Err(if self.epoch == 0 { Error::NotOwner { name } } else { Error::TakenOver { name } });
        };
        let definition = self.name.definition();
        let unskipped = facts.iter().filter(|fact| !self.skips.contains(&fact.position)).collect::<Vec<_>>();
        definition.write(&mut tx, &unskipped)?;
        if definition.guards && !facts.is_empty() {
            tx.keep()?;
        }
        let erased = facts.iter().find(|fact| fold::erased(fact).is_some()).map(|fact| fact.position);
        if let Some(position) = erased {
            // In the same transaction: a crash before it is wiped does not make it forgotten.
            tx.queue("insert into traces (position) values ($1)", &[position.into()])?;
        }
        failpoint::pass("model-written");
        tx.commit()?;
        failpoint::pass("model-committed");
        self.residue |= erased.is_some();
        *checkpoint = moved;
        self.confirmed = Instant::now();
        Ok(())
    }
}

impl Body {
    fn create(place: &Place, name: ProjectionId, epoch: u64) -> Result<Body> {
        let database = place.create()?;
        let mut writer = Box::new(database.writer()?);
        let mut tx = writer.begin()?;
        tx.batch(name.definition().tables)?;
        tx.batch(TRACES)?;
        let checkpoint = Checkpoint::create(&mut tx, place, epoch)?;
        tx.commit()?;
        Ok(Body::Tables { database, writer, checkpoint })
    }

    /// And whether somebody's traces are to be taken away.
    fn open(place: &Place, name: ProjectionId, epoch: u64) -> Result<(Body, bool)> {
        let database = place.open()?;
        database.check(CHECK_BYTES_MAX)?;
        let mut writer = Box::new(database.writer()?);
        let mut tx = writer.begin()?;
        let checkpoint = Checkpoint::claim(&mut tx, place, epoch)?.ok_or(Error::TakenOver { name })?;
        let residue = tx.row("select position from traces limit 1", &[], |row| row.int(0))?.is_some();
        tx.commit()?;
        Ok((Body::Tables { database, writer, checkpoint }, residue))
    }

    /// The checkpoint in its place.
    fn stored(&self) -> Mark {
        match self {
            Body::Tables { checkpoint, .. } => checkpoint.mark(),
            Body::Index(indexing) => indexing.stored(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Event, Timestamp, UserId, user};
    use uuid::Uuid;

    #[test]
    fn who_was_taken_over_writes_nothing_from_where_he_stands() {
        let folder = tempfile::tempdir().unwrap();
        let place = Location::Tables(Place::File(folder.path().join("users.db")));
        let id = (ProjectionId::Users, 1);
        let mut former = Generation::create(&place, id, 1, BTreeSet::new()).unwrap();
        let mut present = Generation::open(&place, id, 2, BTreeSet::new()).unwrap();
        let fact = |position| Fact {
            position,
            version: position,
            id: Uuid::from_u128(position.into()),
            recorded_at: Timestamp(1),
            event: Event::User(UserId(Uuid::from_u128(1)), user::Event::TokensRevoked),
            hash: [position as u8; 32],
        };
        // Both stand at the same position: only the epoch tells them apart.
        let taken_over =
            |done: Result<()>| assert!(matches!(done, Err(Error::TakenOver { name: ProjectionId::Users })));
        taken_over(former.apply(&[fact(1)]));
        assert_eq!(former.position(), 0);
        former.step_over(fact(1).mark());
        taken_over(former.persist());
        taken_over(Generation::open(&place, id, 1, BTreeSet::new()).map(drop));
        present.apply(&[fact(1)]).unwrap();
        assert_eq!(present.handle().mark().unwrap(), fact(1).mark());
    }
}
