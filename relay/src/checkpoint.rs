//! How far the relay has come, and which node leads.

use crate::leadership::Leadership;
use crate::{Error, Result};
use std::path::Path;
use std::sync::Arc;
use store::follower::Lease;
use store::sql::{Database, Leases, Place, Row, Tx, Writer};
use store::{Arming, Outlet, RelayFiles, RelayPlace, described};
use uuid::Uuid;

const TABLES: &str = "
    create table if not exists relay (
        one bigint primary key,
        position bigint not null,
        event_id text not null,
        stream_made text not null,
        sequence bigint not null
    );
";
/// Where nodes share a log: of the latest lease under which somebody wrote.
const EPOCH_TABLES: &str = "create table if not exists relay_epoch (one bigint primary key, epoch bigint not null);";

/// Passes nobody whose lease is of an earlier epoch.
const FENCE: &str = "
    insert into relay_epoch (one, epoch) values (1, $1)
    on conflict (one) do update set epoch = excluded.epoch where relay_epoch.epoch <= excluded.epoch";

/// Of the one node that relays.
const LEASE: &str = "relay";

/// What was acknowledged, and by which stream of NATS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// Every event up to this position was told, where it is one to tell; zero when none was.
    pub position: u64,
    /// The id of the event at that position: a log that has another one there is another log.
    pub event_id: Uuid,
    /// When the stream was made, in nanoseconds since 1970, as text.
    pub stream_made: String,
    /// The last sequence number that the stream gave us.
    pub sequence: u64,
}

/// Where the relay keeps its [`Point`]. Beside an embedded log it is a small file with the read models; nodes that
/// share a log share it, too. Losing it costs a look at the stream.
pub struct Checkpoint {
    writer: Writer,
    arming: Arming,
    /// Which node leads.
    lease: Lease,
    /// Under which this node wrote last.
    epoch: u64,
}

impl Checkpoint {
    /// Opens the one of that place; beside files the caller holds the folder's lock. A damaged file is replaced.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn open(place: &RelayPlace) -> Result<Checkpoint> {
        let arming = Arming::open(place, Outlet::Relay)?;
        match place {
            RelayPlace::Files(files) => Checkpoint::in_file(files, arming),
            RelayPlace::Shared(place) => Checkpoint::shared(place, arming),
        }
    }

    fn in_file(files: &RelayFiles, arming: Arming) -> Result<Checkpoint> {
        files.make_folder()?;
        let path = files.checkpoint();
        let writer = match writer_of(&path) {
            Err(error) if !error.may_pass() => {
                let advice = "a new one is made, and the stream in NATS says how far the relay is";
                tracing::warn!(path = %path.display(), error = described(&error), "{advice}");
                Database::remove(&path)?;
                writer_of(&path)?
            }
            opened => opened?,
        };
        Ok(Checkpoint { writer, arming, lease: Lease::new(None, LEASE), epoch: 0 })
    }

    fn shared(place: &Place, arming: Arming) -> Result<Checkpoint> {
        let database = place.create()?;
        let mut writer = database.writer()?;
        let mut tx = writer.begin()?;
        tx.batch(TABLES)?;
        tx.batch(EPOCH_TABLES)?;
        tx.commit()?;
        let lease = Lease::new(Some(Arc::new(Leases::open(&database)?)), LEASE);
        Ok(Checkpoint { writer, arming, lease, epoch: 0 })
    }

    /// Which node leads; this one, where no other does. `anyway` takes the lead from another node.
    pub(crate) fn leadership(&mut self, anyway: bool) -> Result<Leadership> {
        if self.arming.is_disarmed()? {
            return Ok(Leadership::Disarmed);
        }
        let held = match self.lease.epoch() {
            Some(epoch) => Some(epoch),
            None => self.lease.take(anyway)?,
        };
        let Some(epoch) = held else { return Ok(Leadership::Others) };
        if epoch != self.epoch {
            // From here on nobody writes whose lease is of an earlier epoch: what is read now stays so.
            // Where that fails, the lease is released: a server that crashed may have lost one of both.
            fence_for_good(&mut self.writer, &self.lease, epoch).inspect_err(|_| self.lease.lose())?;
            self.epoch = epoch;
        }
        Ok(Leadership::Ours(epoch))
    }

    /// Lets another node lead at once.
    pub(crate) fn give_up(&self) -> Result<()> {
        Ok(self.lease.release()?)
    }

    /// Lets the relay of this log speak, or not.
    pub(crate) fn arm(&self, armed: bool) -> Result<()> {
        Ok(self.arming.set(armed)?)
    }

    /// The point; `None` when there is none yet.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn read(&mut self) -> Result<Option<Point>> {
        Ok(read(&mut self.writer)?)
    }

    /// Puts this point in place of the one before.
    ///
    /// # Errors
    /// [`crate::Error::Store`], [`Error::TakenOver`]: the one before stays.
    pub fn write(&mut self, point: &Point) -> Result<()> {
        let mut tx = self.writer.begin()?;
        if self.lease.is_shared() {
            fence(&mut tx, &self.lease, self.epoch)?;
        }
        let event_id = point.event_id.to_string();
        tx.execute(
            "insert into relay (one, position, event_id, stream_made, sequence) values (1, $1, $2, $3, $4)
             on conflict (one) do update set position = excluded.position, event_id = excluded.event_id,
                 stream_made = excluded.stream_made, sequence = excluded.sequence",
            &[
                point.position.into(),
                event_id.as_str().into(),
                point.stream_made.as_str().into(),
                point.sequence.into(),
            ],
        )?;
        Ok(tx.commit()?)
    }
}

/// Opens or makes the file, and reads it: damage is to show now.
fn writer_of(path: &Path) -> Result<Writer, store::Error> {
    let database = if path.exists() { Database::open(path)? } else { Database::create(path)? };
    let mut writer = database.writer()?;
    let mut tx = writer.begin()?;
    tx.batch(TABLES)?;
    tx.commit()?;
    read(&mut writer)?;
    Ok(writer)
}

fn read(writer: &mut Writer) -> Result<Option<Point>, store::Error> {
    let mut tx = writer.begin()?;
    tx.row("select position, event_id, stream_made, sequence from relay where one = 1", &[], point)
}

/// The fence of a new leadership waits for the disk, as what is written under it relies on it.
fn fence_for_good(writer: &mut Writer, lease: &Lease, epoch: u64) -> Result<()> {
    let mut tx = writer.begin()?;
    tx.keep()?;
    fence(&mut tx, lease, epoch)?;
    Ok(tx.commit()?)
}

/// Nothing more is written when another node has taken the lead.
fn fence(tx: &mut Tx<'_>, lease: &Lease, epoch: u64) -> Result<()> {
    if tx.execute(FENCE, &[epoch.into()])? > 0 {
        return Ok(());
    }
    lease.lose();
    Err(Error::TakenOver)
}

fn point(row: &Row<'_>) -> Result<Point, store::Error> {
    Ok(Point {
        position: row.int(0)?.cast_unsigned(),
        // What cannot be read is nobody's id: the log then does not hold it, and the stream is asked.
        event_id: Uuid::try_parse(row.text(1)?).unwrap_or_default(),
        stream_made: row.text(2)?.to_owned(),
        sequence: row.int(3)?.cast_unsigned(),
    })
}
