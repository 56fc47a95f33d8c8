//! How far a consumer is, beside what it writes: both change in one transaction, or neither does.

use crate::sql::{Database, Place, Row, Snapshot, Tx};
use crate::{Error, Mark};

/// How far it is, with the log's hash there, by which another history of the log is known; and which node may move it:
/// the one whose lease is of this epoch, or a later one.
const TABLE: &str = "create table checkpoint (position bigint not null, hash bytea not null, epoch bigint not null);";
const INSERT: &str = "insert into checkpoint (position, hash, epoch) values ($1, $2, $3)";
const CLAIM: &str = "update checkpoint set epoch = $1 where epoch < $1";
const READ: &str = "select position, hash from checkpoint";
const READ_WITH_EPOCH: &str = "select position, hash, epoch from checkpoint";
/// Moves it. Beside a log that nodes share only to an event that this log holds: it is the same database, so no
/// failover can come in between.
const MOVE: &str = "update checkpoint set position = $1, hash = $2 where position = $3 and hash = $4 and epoch = $5";
const MOVE_SHARED: &str = "update checkpoint set position = $1, hash = $2
    where position = $3 and hash = $4 and epoch = $5
        and exists (select 1 from letopis.event event where event.position = $1 and event.hash = $2)";

const MISSING: Error = Error::Damaged { what: "a read model has no checkpoint" };

/// The checkpoint of what is stored in one place, for the node that writes it.
#[derive(Clone, Copy, Debug)]
pub struct Checkpoint {
    mark: Mark,
    epoch: u64,
    moves: &'static str,
}

impl Checkpoint {
    /// Makes its table at `place`, in the transaction that makes all else there; at the beginning of the log.
    ///
    /// # Errors
    /// Those of [`Tx::batch`].
    pub fn create(tx: &mut Tx<'_>, place: &Place, epoch: u64) -> Result<Checkpoint, Error> {
        let mark = Mark::default();
        tx.batch(TABLE)?;
        tx.queue(INSERT, &[mark.position.into(), (&mark.hash).into(), epoch.into()])?;
        Ok(Checkpoint { mark, epoch, moves: moves(place, epoch) })
    }

    /// Claims it for the holder of a lease: once the transaction is committed, no node whose lease is of an earlier
    /// epoch moves it. `None` when the holder of a later lease has claimed it.
    ///
    /// # Errors
    /// [`Error::Damaged`] when there is none; those of [`Tx::rows`].
    pub fn claim(tx: &mut Tx<'_>, place: &Place, epoch: u64) -> Result<Option<Checkpoint>, Error> {
        tx.queue(CLAIM, &[epoch.into()])?;
        let row = |row: &Row<'_>| Ok((mark(row)?, row.int(2)?.cast_unsigned()));
        let (mark, of) = tx.row(READ_WITH_EPOCH, &[], row)?.ok_or(MISSING)?;
        Ok((of == epoch).then_some(Checkpoint { mark, epoch, moves: moves(place, epoch) }))
    }

    /// Where it was when it was read or moved last.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// Of the lease under which it is moved; zero when no other node can move it.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Moves it in the transaction that writes what comes of the events up to `to`: first, so that a node which may not
    /// move it writes nothing. Answers where it is once that is committed; `None` when another node has claimed or
    /// moved it, when the server has lost its last moments, or when the shared log does not hold `to`.
    ///
    /// # Errors
    /// Those of [`Tx::execute`].
    #[must_use = "the transaction may be committed only when it was moved"]
    pub fn advance(self, tx: &mut Tx<'_>, to: Mark) -> Result<Option<Checkpoint>, Error> {
        let Mark { position, hash } = self.mark;
        let moved = tx.execute(
            self.moves,
            &[to.position.into(), (&to.hash).into(), position.into(), (&hash).into(), self.epoch.into()],
        )?;
        Ok((moved > 0).then_some(Checkpoint { mark: to, ..self }))
    }

    /// The one of that snapshot, whichever node writes it.
    ///
    /// # Errors
    /// [`Error::Damaged`] when there is none; those of [`Snapshot::rows`].
    pub fn read(snapshot: &Snapshot) -> Result<Mark, Error> {
        snapshot.row(READ, &[], mark)?.ok_or(MISSING)
    }

    /// The same as it is now.
    ///
    /// # Errors
    /// [`Error::Damaged`] when there is none; those of [`Database::rows`].
    pub async fn read_now(database: &Database) -> Result<Mark, Error> {
        database.row(READ, &[], mark).await?.ok_or(MISSING)
    }
}

/// What moves the checkpoint there. Scratch space, which no other node writes, is not compared with the log.
fn moves(place: &Place, epoch: u64) -> &'static str {
    match place {
        Place::Schema(_) if epoch > 0 => MOVE_SHARED,
        Place::Schema(_) | Place::File(_) => MOVE,
    }
}

fn mark(row: &Row<'_>) -> Result<Mark, Error> {
    let hash = row.bytes(1)?.try_into().map_err(|_| MISSING)?;
    Ok(Mark { position: row.int(0)?.cast_unsigned(), hash })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Writer;

    fn to(position: u64) -> Mark {
        Mark { position, hash: [position as u8; 32] }
    }

    /// Moves it and writes a row, in one transaction. Whether that was allowed.
    fn write(writer: &mut Writer, checkpoint: &mut Checkpoint, position: u64) -> bool {
        let mut tx = writer.begin().unwrap();
        let Some(moved) = checkpoint.advance(&mut tx, to(position)).unwrap() else { return false };
        tx.execute("insert into effect (position) values ($1)", &[position.into()]).unwrap();
        tx.commit().unwrap();
        *checkpoint = moved;
        true
    }

    fn claim(writer: &mut Writer, place: &Place, epoch: u64) -> Option<Checkpoint> {
        let mut tx = writer.begin().unwrap();
        let claimed = Checkpoint::claim(&mut tx, place, epoch).unwrap();
        tx.commit().unwrap();
        claimed
    }

    #[tokio::test]
    async fn the_epoch_is_compared_in_the_transaction_that_writes() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::File(folder.path().join("consumer.db"));
        let database = place.create().unwrap();
        let mut writer = database.writer().unwrap();
        let mut tx = writer.begin().unwrap();
        tx.batch("create table effect (position bigint primary key)").unwrap();
        let mut former = Checkpoint::create(&mut tx, &place, 1).unwrap();
        tx.commit().unwrap();
        assert!(write(&mut writer, &mut former, 1));
        let mut present = claim(&mut writer, &place, 2).unwrap();
        assert_eq!((present.mark(), present.epoch()), (to(1), 2));
        // Both are at the same position: only the epoch tells them apart.
        assert!(!write(&mut writer, &mut former, 2));
        assert!(claim(&mut writer, &place, 1).is_none(), "nor can it be claimed back");
        assert!(write(&mut writer, &mut present, 2));
        // The same node, in a place that went back by itself.
        let mut ahead = Checkpoint { mark: to(9), ..present };
        assert!(!write(&mut writer, &mut ahead, 10));
        let rows = database.snapshot().unwrap().rows("select position from effect", &[], |row| row.int(0)).unwrap();
        assert_eq!(rows, [1, 2], "who may not move it wrote nothing");
        assert_eq!(Checkpoint::read(&database.snapshot().unwrap()).unwrap(), to(2));
        assert_eq!(Checkpoint::read_now(&database).await.unwrap(), to(2));
    }
}
