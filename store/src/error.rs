//! What can go wrong with a store, said to the person who can mend it. The driver's own words stay in the source.

use crate::Broken;
use std::io;
use std::path::PathBuf;

/// Every failure of this crate. None of them is an answer to a user: they are ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder holds no database.
    #[error(
        "there is no Letopis data at {path}; start `letopis serve` there once, or name the right folder with --data"
    )]
    NoData {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Another process serves the folder.
    #[error("another process (pid {pid}) serves this data folder; stop it first, or use another folder")]
    Locked {
        /// Its process id as it wrote it down; `unknown` when it did not.
        pid: String,
    },
    /// The database has sealed parts, and the key to them is not where it should be.
    #[error(
        "the master key is missing: there is no {path}; put the key of this database there, or name its place with LETOPIS_MASTER_KEY_FILE"
    )]
    MissingMasterKey {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The key is not the one that this database was sealed with.
    #[error(
        "the master key is not the one of this database; put the right one in its place, or name it with LETOPIS_MASTER_KEY_FILE"
    )]
    WrongMasterKey,
    /// Another process rotated the master key, and the new one is not on this machine.
    #[error(
        "the master key was rotated, and {path} is still the former one; put the new key there (mode 0600) and start again"
    )]
    Rotated {
        /// The key's file.
        path: PathBuf,
    },
    /// A rotation of a log that nodes share needs the new key on every node first.
    #[error(
        "nothing is rotated yet: the new master key is {path}; copy it to every node, beside its master key and with the same ending (mode 0600), then run this again"
    )]
    NextKeyMade {
        /// The new key's file.
        path: PathBuf,
    },
    /// Others can read the key.
    #[error("{path} can be read by others; run `chmod 600 {path}`, and think about who may have read it")]
    LooseMasterKey {
        /// The key's file.
        path: PathBuf,
    },
    /// The file is no key.
    #[error("{path} is not a master key: it must hold 64 hex digits")]
    NotAMasterKey {
        /// The file.
        path: PathBuf,
    },
    /// The file is no list of the erased.
    #[error("line {line} of {path} is not of a list of the erased: it must be `<user id> <time>`; put the list back")]
    NotAnErasedList {
        /// The file.
        path: PathBuf,
        /// From one.
        line: usize,
    },
    /// The last line of the list of the erased is cut off.
    #[error(
        "the last line of {path}, line {line}, is cut off, and the person whom it names must not come back: put the list back from a copy; if there is none and a crash cut it off, remove that half line: the log has that erasure, and the next start of this log adds it again"
    )]
    HalfAnErasedList {
        /// The file.
        path: PathBuf,
        /// From one.
        line: usize,
    },
    /// A file or folder could not be read, made or written.
    #[error("could not {doing} {path}; check that it exists, that it belongs to this user, and that the disk has room")]
    File {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        source: io::Error,
    },
    /// A thread could not be started.
    #[error("could not start a thread; check the limits of this user")]
    Thread { source: io::Error },
    /// The tables are of a version that this program does not know.
    #[error(
        "the database is of version {found}, this program knows {known}; run the version of Letopis that wrote it, or a newer one"
    )]
    NewerSchema {
        /// Of the database.
        found: i64,
        /// The newest one known here.
        known: i64,
    },
    /// The tables are older than this program needs, and it may not change them now.
    #[error(
        "the database is of version {found}, this program needs {known}; run `letopis migrate`, or start the server once"
    )]
    OlderSchema {
        /// Of the database.
        found: i64,
        /// The one needed.
        known: i64,
    },
    /// The SQLite that this program was built with can lose data.
    #[error("this program was built with SQLite {found}, which can corrupt its log; build it with 3.51.3 or newer")]
    OldSqlite {
        /// Its version.
        found: &'static str,
    },
    /// The database does not sync every commit.
    #[error("the database does not sync every commit to the disk; use a folder on a local disk")]
    NotDurable,
    /// Nothing of the batch was written. It may be tried again.
    #[error("nothing was written; check the disk, see the cause in the server's log, and try again")]
    NotWritten { source: rusqlite::Error },
    /// PostgreSQL has not written the batch. It may be tried again.
    #[error("nothing was written: PostgreSQL refused it; see the cause in the server's log and try again")]
    Refused {
        /// Its words.
        source: tokio_postgres::Error,
    },
    /// The connection was lost while a commit was under way: whether it was written, the log tells when it can be
    /// read again.
    #[error("the connection to PostgreSQL was lost during a commit: {what}; the next batch finds out what was written")]
    Unconfirmed {
        /// The driver's words.
        what: String,
    },
    /// PostgreSQL refused a statement, or the connection broke.
    #[error("PostgreSQL could not do it; see the cause, and check the server and LETOPIS_DATABASE_URL")]
    Postgres {
        /// Its words.
        #[from]
        source: tokio_postgres::Error,
    },
    /// PostgreSQL cannot be reached.
    #[error("PostgreSQL cannot be reached: {what}; check that it runs, and LETOPIS_DATABASE_URL")]
    Unreachable {
        /// The driver's words.
        what: String,
    },
    /// PostgreSQL did not answer within 40 s.
    #[error("PostgreSQL did not answer in time; check what keeps it busy (pg_stat_activity), then try again")]
    Unanswered,
    /// The address of the database is none.
    #[error("LETOPIS_DATABASE_URL is no address such as postgres://user:password@host:5432/database: {what}")]
    DatabaseUrl {
        /// What is wrong with it.
        what: String,
    },
    /// Nothing of the batch was written, as the disk is full.
    #[error("nothing was written: the disk is full; free some space and try again")]
    DiskFull {
        /// The driver's words.
        source: rusqlite::Error,
    },
    /// An event of the batch is too large. Nothing of the batch was written.
    #[error("nothing was written: an event {name} of {bytes} bytes is larger than an event may be")]
    TooLarge {
        /// Its name.
        name: &'static str,
        /// Payload, sealed part and meta together.
        bytes: usize,
    },
    /// Nobody knows whether the batch was written. The process must stop: after the start the log tells.
    #[error("the disk failed while a commit was written; the process stops, check the disk, then start it again")]
    CommitFailed {
        /// The driver's or the system's words.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A commit failed before: nothing is written any more.
    #[error("an earlier commit failed: nothing can be written; check the disk, then restart the process")]
    Stopped,
    /// Reading or opening failed.
    #[error(
        "the database could not be read or changed; check the disk and the files' owner, then run `letopis events verify`"
    )]
    Database {
        /// The driver's words.
        #[from]
        source: rusqlite::Error,
    },
    /// A file says of itself that it is damaged.
    #[error(
        "{path} is damaged; a read model, a catalogue (in read-models/) or state.db is made again at the next start; if it is the log, letopis.db, keep a copy of the folder, check the disk, and restore a backup: `letopis events verify` says how far it can be read"
    )]
    DamagedFile {
        path: PathBuf,
        /// The driver's words.
        source: rusqlite::Error,
    },
    /// A row of the log is not what was written.
    #[error("event {position} is damaged: {what}; run `letopis events verify`, and restore a backup if it agrees")]
    Corrupt {
        /// Which row.
        position: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The log is not what its anchor says, or its chain is broken. Nothing was changed.
    #[error(
        "the log is broken at {source}; nothing was changed: keep a copy of the folder, put back what is missing (letopis.db, letopis.db-wal) or restore a backup; `letopis events verify` checks everything; `letopis events anchor --accept` goes on with the events that are there, if their chain is intact"
    )]
    NotHeld {
        /// The first bad position.
        source: Broken,
    },
    /// What was read of the log before is not in it any more: the database came back with another history.
    #[error(
        "the log has another history than the one that was read: it does not hold the event {position} that is known here; if you set the log back on purpose, stop the node, run `letopis events anchor --accept` and start it: everything from the other history is built again"
    )]
    OtherHistory {
        /// Of the event that is known here.
        position: u64,
    },
    /// There is a log and no anchor.
    #[error(
        "there is no anchor at {path}, so it is unknown whether the log is whole; put it back if it was lost; `letopis events anchor --accept` verifies the log as it is and makes a new one"
    )]
    NoAnchor {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// No part of the anchor can be read.
    #[error(
        "the anchor {path} is damaged, so it is unknown whether the log is whole; `letopis events anchor --accept` verifies the log as it is and makes a new one"
    )]
    BadAnchor {
        /// The file.
        path: PathBuf,
    },
    /// A key or a receipt is not what was written.
    #[error("the database is damaged: {what}; restore a backup")]
    Damaged {
        /// What is wrong.
        what: &'static str,
    },
    /// This program cannot read an event.
    #[error("event {position} cannot be read: {source}")]
    Unreadable { position: u64, source: domain::Unreadable },
    /// A log is brought into a database that has one already.
    #[error("the log in this database is not empty: it reaches to {events}; name another one; nothing was changed")]
    NotEmptyDatabase {
        /// Where it ends.
        events: u64,
    },
    /// A log is brought into a database that a node has opened before.
    #[error(
        "a node has made keys of its own in this database; make another one, run `letopis migrate`, and import before \
         the first start; nothing was changed"
    )]
    KeysInTheWay,
    /// A log is brought into a folder that has one already.
    #[error(
        "the log at {path} is not empty: it reaches to {events}; name another folder with --data; nothing was changed"
    )]
    NotEmpty {
        /// The folder.
        path: PathBuf,
        /// Where it ends, or did by its anchor.
        events: u64,
    },
    /// Something is written into a folder that holds something else.
    #[error("{path} holds {name} already; name a folder that is empty or not there yet; nothing was changed")]
    InTheWay {
        /// The folder.
        path: PathBuf,
        /// What it holds.
        name: String,
    },
    /// A log was brought into the folder, and that was interrupted.
    #[error(
        "an import or a restore into this folder did not finish: run it again; to begin with an empty log instead, remove {path}"
    )]
    Unfinished {
        /// What is left of it.
        path: PathBuf,
    },
    /// A log comes from elsewhere, and there is no master key for it.
    #[error(
        "there is no master key at {path}, and names and texts are sealed under the one of the folder that this comes from: bring its `master.key` there (mode 0600), or name its place with LETOPIS_MASTER_KEY_FILE (`letopis restore` takes --master-key as well); nothing was changed"
    )]
    NoMasterKeyBrought {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A log comes from elsewhere, and the master key is not the one that it was sealed with.
    #[error(
        "{path} is not the master key that this was sealed with: bring `master.key` of the folder that it comes from, or name its place with LETOPIS_MASTER_KEY_FILE; nothing was changed"
    )]
    OtherMasterKey {
        /// The key that was tried.
        path: PathBuf,
    },
    /// A master key is brought to where another one lies.
    #[error(
        "there is another master key at {path}; put it elsewhere first, if anything still needs it; nothing was changed"
    )]
    KeyInTheWay {
        /// The other one.
        path: PathBuf,
    },
    /// An export could not be written.
    #[error("the export could not be written; check that its disk has room, then run it again")]
    Export { source: io::Error },
    /// An export could not be read.
    #[error("the file could not be read; check it, then run the import again; nothing was imported")]
    Import { source: io::Error },
    /// The file is no export, or of another version.
    #[error("this file is no export of a log that this program can read: {what}; nothing was imported")]
    NotAnExport { what: String },
    /// The file is not what was exported.
    #[error(
        "line {line} {what}; nothing was imported: the file is not what `letopis events export` wrote, bring it again or export again"
    )]
    BadExport {
        /// In the file, from one.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The folder is no backup, or one that was interrupted.
    #[error("{path} is no complete backup: {what}; use another one, and take this one again")]
    NotABackup {
        /// The folder.
        path: PathBuf,
        what: String,
    },
    /// A file of a backup is not what was written.
    #[error("{path} is not what the backup wrote: {what}; use another backup; nothing was changed")]
    BadBackup {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A read model's column is not of the kind that its query expects.
    #[error("column {index} of a read model is not {expected}; rebuild it with `letopis projections rebuild`")]
    Column {
        /// From zero, in the query's order.
        index: usize,
        /// The kind.
        expected: &'static str,
    },
}

impl Error {
    /// For `map_err` on input and output.
    pub(crate) fn file(doing: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::File { doing, path, source }
    }

    /// Whether the database says of itself that it is damaged.
    // Every other failure is another matter.
    #[allow(clippy::wildcard_enum_match_arm)]
    pub fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match self {
            Error::Database { source } => matches!(source.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase)),
            Error::Corrupt { .. } | Error::Damaged { .. } | Error::DamagedFile { .. } | Error::NotHeld { .. } => true,
            _ => false,
        }
    }

    /// Whether the database was not reached, did not answer, or went away meanwhile: which says nothing of what it holds.
    // Every other failure is another matter.
    #[allow(clippy::wildcard_enum_match_arm)]
    pub fn is_lost(&self) -> bool {
        match self {
            Error::Unreachable { .. } | Error::Unanswered | Error::Unconfirmed { .. } => true,
            // Without a code it is the driver that speaks: the connection is gone. With one of class 08 (connections), 53
            // (resources) or 57 (somebody stops it) the server says so itself.
            Error::Postgres { source } | Error::Refused { source } => {
                source.code().is_none_or(|code| ["08", "53", "57"].iter().any(|class| code.code().starts_with(class)))
            }
            _ => false,
        }
    }

    /// Whether the same may succeed later without anybody changing the data: the disk is full, a file is locked or
    /// cannot be reached.
    // Every other failure is another matter.
    #[allow(clippy::wildcard_enum_match_arm)]
    pub fn may_pass(&self) -> bool {
        use rusqlite::ErrorCode::{
            CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, FileLockingProtocolFailed, OutOfMemory, ReadOnly,
            SystemIoFailure,
        };
        match self {
            Error::DiskFull { .. } | Error::File { .. } => true,
            Error::Unreachable { .. } | Error::Unanswered | Error::Unconfirmed { .. } => true,
            // What PostgreSQL says of the data itself does not pass: class 22 is bad data, 23 a broken constraint, 42P
            // and 427 what is not there, or there already.
            Error::Postgres { source } | Error::Refused { source } => source
                .code()
                .is_none_or(|code| !["22", "23", "42P", "427"].iter().any(|class| code.code().starts_with(class))),
            Error::Database { source } | Error::NotWritten { source } => matches!(
                source.sqlite_error_code(),
                Some(
                    CannotOpen
                        | DatabaseBusy
                        | DatabaseLocked
                        | DiskFull
                        | FileLockingProtocolFailed
                        | OutOfMemory
                        | ReadOnly
                        | SystemIoFailure
                )
            ),
            _ => false,
        }
    }

    /// The same failure of that file, which is named where it is damaged.
    // Every other failure is another matter.
    #[allow(clippy::wildcard_enum_match_arm)]
    pub(crate) fn in_file(self, path: &std::path::Path) -> Error {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match self {
            Error::Database { source } | Error::NotWritten { source }
                if matches!(source.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase)) =>
            {
                Error::DamagedFile { path: path.to_owned(), source }
            }
            error => error,
        }
    }

    /// A failure before the commit: nothing is written.
    pub(crate) fn not_written(source: rusqlite::Error) -> Error {
        match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Error::DiskFull { source },
            Some(_) | None => Error::NotWritten { source },
        }
    }
}

/// An error with its causes, in one line: the operator needs the driver's words, too.
pub fn described(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    text
}
