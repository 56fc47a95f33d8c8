//! How far the relay has come: one row, in a database that is given from outside.

use crate::Result;
use std::path::PathBuf;
use store::sql::{Database, Row, Writer};
use store::{Error, Folder};
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

/// Where the relay keeps its [`Point`]. Beside an embedded log it is a small file with the read models: losing it
/// costs a look at the stream.
pub struct Checkpoint {
    writer: Writer,
}

impl Checkpoint {
    /// Its file in a data folder.
    pub fn path(folder: &Folder) -> PathBuf {
        folder.read_models().join("relay.db")
    }

    /// Opens the one of a data folder; the caller holds the folder's lock.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn in_folder(folder: &Folder) -> Result<Checkpoint> {
        let path = Checkpoint::path(folder);
        let database = if path.exists() { Database::open(&path)? } else { Database::create(&path)? };
        Checkpoint::open(&database)
    }

    /// Opens the one that is kept in this database; there is one relay at a time.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn open(database: &Database) -> Result<Checkpoint> {
        let mut writer = database.writer()?;
        let mut tx = writer.begin()?;
        tx.batch(TABLES)?;
        tx.commit()?;
        Ok(Checkpoint { writer })
    }

    /// The point; `None` when there is none yet.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn read(&mut self) -> Result<Option<Point>> {
        let mut tx = self.writer.begin()?;
        Ok(tx.row("select position, event_id, stream_made, sequence from relay where one = 1", &[], point)?)
    }

    /// Puts this point in place of the one before.
    ///
    /// # Errors
    /// [`crate::Error::Store`]: the one before stays.
    pub fn write(&mut self, point: &Point) -> Result<()> {
        let mut tx = self.writer.begin()?;
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

fn point(row: &Row<'_>) -> Result<Point, Error> {
    Ok(Point {
        position: row.int(0)?.cast_unsigned(),
        // What cannot be read is nobody's id: the log then does not hold it, and the stream is asked.
        event_id: Uuid::try_parse(row.text(1)?).unwrap_or_default(),
        stream_made: row.text(2)?.to_owned(),
        sequence: row.int(3)?.cast_unsigned(),
    })
}
