//! A house with a fresh log, and facts to put into it.
#![allow(dead_code, reason = "each story uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use domain::text::MessageText;
use domain::{ChatId, Event, MessageId, Personal, Timestamp, UserId, message, user};
use servers::Database;
use std::path::Path;
use store::{Appender, Batch, Broken, Cluster, Error, Folder, Head, Log, NewEvent, Verification, postgres};
use tempfile::TempDir;
use uuid::Uuid;

/// Where a house's log is stored.
pub enum Base {
    Embedded,
    Shared { cluster: Cluster, database: Database },
}

pub struct House {
    // Before the folder and the database: it is closed first.
    pub appender: Appender,
    pub log: Log,
    pub folder: Folder,
    pub base: Base,
    place: TempDir,
}

/// A house on each database there is: a story that is told of all of them.
pub fn each() -> impl Iterator<Item = House> {
    std::iter::once(House::new()).chain(House::shared())
}

impl House {
    /// With an embedded log.
    pub fn new() -> House {
        Closed::new(Base::Embedded).opened()
    }

    /// With a log in PostgreSQL, where there is one.
    pub fn shared() -> Option<House> {
        Closed::shared().map(Closed::opened)
    }

    pub fn reopened(self) -> House {
        self.closed().opened()
    }

    /// Everything is closed; the folder is still there.
    pub fn closed(self) -> Closed {
        Closed { folder: self.folder, base: self.base, place: self.place }
    }

    pub fn append(&mut self, events: Vec<NewEvent>) -> Head {
        self.append_at(Timestamp(1_700_000_000_000_000), events)
    }

    pub fn append_at(&mut self, at: Timestamp, events: Vec<NewEvent>) -> Head {
        self.appender.append(&Batch { at, events, ..Batch::default() }).unwrap()
    }

    pub fn verify(&self) -> Result<Verification, Broken> {
        self.log.verify(1, u64::MAX, |_| {}).map_err(broken)
    }

    /// Another one who reads the same log, and does not append.
    pub fn beside(&self) -> Result<Log, Error> {
        self.base.log(&self.folder)
    }

    /// A connection that knows none of our rules but the tables' own.
    pub fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.database()).unwrap()
    }

    /// Runs statements as somebody who knows none of our rules but the tables' own.
    pub fn sql(&self, sql: &str) -> Result<(), String> {
        match &self.base {
            Base::Embedded => self.raw().execute_batch(sql).map_err(|error| error.to_string()),
            Base::Shared { database, .. } => statements(&database.url(), sql).map_err(|error| error.to_string()),
        }
    }

    /// The same, without the triggers.
    pub fn tampering(&self, sql: &str) {
        let without = match &self.base {
            Base::Embedded => {
                "drop trigger if exists event_is_never_deleted; drop trigger if exists event_is_only_forgotten"
            }
            Base::Shared { .. } => "set session_replication_role = replica",
        };
        self.sql(&format!("{without}; {sql}")).unwrap();
    }

    /// Bytes as this database writes them.
    pub fn bytes(&self, bytes: &[u8]) -> String {
        let hex = domain::id::hex(bytes);
        match &self.base {
            Base::Embedded => format!("x'{hex}'"),
            Base::Shared { .. } => format!("'\\x{hex}'::bytea"),
        }
    }

    /// The database's files.
    pub fn files(&self) -> Vec<Vec<u8>> {
        let all = std::fs::read_dir(self.folder.root()).unwrap().map(|entry| entry.unwrap().path());
        let ours = all.filter(|path| path.to_string_lossy().contains("letopis.db"));
        ours.map(|path| std::fs::read(path).unwrap()).collect()
    }
}

impl Base {
    pub fn appender(&self, folder: &Folder) -> Result<Appender, Error> {
        match self {
            Base::Embedded => Appender::open(folder, &folder.master_key()),
            Base::Shared { cluster, .. } => Appender::open_shared(cluster, folder, &folder.master_key()),
        }
    }

    pub fn log(&self, folder: &Folder) -> Result<Log, Error> {
        match self {
            Base::Embedded => Log::open_read_only(folder, &folder.master_key()),
            Base::Shared { cluster, .. } => Log::open_shared(cluster, folder, &folder.master_key()),
        }
    }
}

pub struct Closed {
    pub folder: Folder,
    pub base: Base,
    place: TempDir,
}

impl Closed {
    fn new(base: Base) -> Closed {
        let place = tempfile::tempdir().unwrap();
        Closed { folder: Folder::create(&place.path().join("data")).unwrap(), base, place }
    }

    fn shared() -> Option<Closed> {
        let database = database()?;
        let cluster = Cluster::new(&database.url()).unwrap();
        postgres::migrate(&cluster, None).unwrap();
        Some(Closed::new(Base::Shared { cluster, database }))
    }

    pub fn opened(self) -> House {
        let Closed { folder, base, place } = self;
        let appender = base.appender(&folder).unwrap();
        let log = match &base {
            Base::Embedded => Log::open(&folder, appender.keys()),
            Base::Shared { cluster, .. } => Log::open_shared(cluster, &folder, &folder.master_key()),
        };
        House { appender, log: log.unwrap(), folder, base, place }
    }

    pub fn path(&self) -> &Path {
        self.folder.root()
    }

    pub fn sql(&self, sql: &str) -> Result<(), String> {
        match &self.base {
            Base::Embedded => {
                let raw = rusqlite::Connection::open(self.folder.database()).unwrap();
                raw.execute_batch(sql).map_err(|error| error.to_string())
            }
            Base::Shared { database, .. } => statements(&database.url(), sql).map_err(|error| error.to_string()),
        }
    }
}

/// An empty database, where there is a PostgreSQL.
pub fn database() -> Option<Database> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(servers::postgres())
}

/// Runs statements, with the log's tables at hand.
pub fn statements(url: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    asked(url, async |client| {
        client.batch_execute("set search_path to letopis").await?;
        client.batch_execute(sql).await
    })
}

/// Asks as somebody who knows nothing of ours.
pub fn asked<T>(
    url: &str,
    ask: impl AsyncFnOnce(&tokio_postgres::Client) -> Result<T, tokio_postgres::Error>,
) -> Result<T, tokio_postgres::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
        let connection = tokio::spawn(connection);
        let answer = ask(&client).await;
        drop(client);
        let _ = connection.await;
        answer
    })
}

pub fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

pub fn id(number: u128) -> MessageId {
    MessageId(Uuid::from_u128(number))
}

pub fn message(number: u128, version: u64, text: &str) -> NewEvent {
    message_in(number, version, user(1), text)
}

pub fn message_in(number: u128, version: u64, author: UserId, text: &str) -> NewEvent {
    let event = Event::Message(
        id(number),
        message::Event::Posted(message::Posted {
            chat_id: ChatId(Uuid::from_u128(5)),
            author,
            sent_at: Timestamp(1),
            reply_to: None,
            text: Personal::Known(MessageText::parse(text).unwrap()),
        }),
    );
    NewEvent { version, event, meta: r#"{"actor":"system"}"#.to_owned() }
}

pub fn role(user_id: UserId, version: u64) -> NewEvent {
    let event = Event::User(user_id, user::Event::RoleSet(user::RoleSet { role: user::Role::Admin }));
    NewEvent { version, event, meta: "{}".to_owned() }
}

pub fn verifier(user_id: UserId, version: u64, text: &str) -> NewEvent {
    let verifier = Personal::Known(user::Verifier(text.to_owned()));
    let event = Event::User(user_id, user::Event::PasswordChanged(user::PasswordChanged { verifier }));
    NewEvent { version, event, meta: "{}".to_owned() }
}

/// The verdict that an error is.
pub fn broken(error: store::Error) -> Broken {
    let store::Error::NotHeld { source } = error else { panic!("no verdict: {error}") };
    source
}
