//! A house with a fresh log, and facts to put into it.
#![allow(dead_code, reason = "each story uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use domain::text::MessageText;
use domain::{ChatId, Event, MessageId, Personal, Timestamp, UserId, message, user};
use std::path::Path;
use store::{Appender, Batch, Broken, Folder, Head, Log, NewEvent, Verified};
use uuid::Uuid;

pub struct House {
    // Before the folder: it is closed first.
    pub appender: Appender,
    pub log: Log,
    pub folder: Folder,
    place: tempfile::TempDir,
}

impl House {
    pub fn new() -> House {
        House::at(tempfile::tempdir().unwrap())
    }

    fn at(place: tempfile::TempDir) -> House {
        let folder = Folder::create(&place.path().join("data")).unwrap();
        let appender = Appender::open(&folder, &folder.master_key()).unwrap();
        let log = Log::open(&folder, appender.keys()).unwrap();
        House { appender, log, folder, place }
    }

    pub fn reopened(self) -> House {
        let House { appender, log, place, .. } = self;
        drop((appender, log));
        House::at(place)
    }

    /// Everything is closed; the folder is still there.
    pub fn closed(self) -> Closed {
        Closed { _place: self.place, folder: self.folder }
    }

    pub fn append(&mut self, events: Vec<NewEvent>) -> Head {
        self.append_at(Timestamp(1_700_000_000_000_000), events)
    }

    pub fn append_at(&mut self, at: Timestamp, events: Vec<NewEvent>) -> Head {
        self.appender.append(&Batch { at, events, ..Batch::default() }).unwrap()
    }

    pub fn verify(&self) -> Result<Verified, Broken> {
        self.log.verify(1, u64::MAX, |_| {})
    }

    /// A connection that knows none of our rules but the tables' own.
    pub fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.database()).unwrap()
    }

    /// The same, without the triggers.
    pub fn tampering(&self, sql: &str) {
        let raw = self.raw();
        raw.execute_batch("drop trigger event_is_never_deleted; drop trigger event_is_only_forgotten").unwrap();
        raw.execute_batch(sql).unwrap();
    }

    /// The database's files.
    pub fn files(&self) -> Vec<Vec<u8>> {
        let all = std::fs::read_dir(self.folder.root()).unwrap().map(|entry| entry.unwrap().path());
        let ours = all.filter(|path| path.to_string_lossy().contains("letopis.db"));
        ours.map(|path| std::fs::read(path).unwrap()).collect()
    }
}

pub struct Closed {
    _place: tempfile::TempDir,
    pub folder: Folder,
}

impl Closed {
    pub fn path(&self) -> &Path {
        self.folder.root()
    }
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
    let event = Event::Message(message::Event::Posted(message::Posted {
        chat_id: ChatId(Uuid::from_u128(5)),
        author,
        sent_at: Timestamp(1),
        reply_to: None,
        text: Personal::Known(MessageText::parse(text).unwrap()),
    }));
    NewEvent { stream: id(number).into(), version, event, meta: r#"{"actor":"system"}"#.to_owned() }
}

pub fn role(user_id: UserId, version: u64) -> NewEvent {
    let event = Event::User(user::Event::RoleSet(user::RoleSet { role: user::Role::Admin }));
    NewEvent { stream: user_id.into(), version, event, meta: "{}".to_owned() }
}

pub fn verifier(user_id: UserId, version: u64, text: &str) -> NewEvent {
    let verifier = Personal::Known(user::Verifier(text.to_owned()));
    let event = Event::User(user::Event::PasswordChanged(user::PasswordChanged { verifier }));
    NewEvent { stream: user_id.into(), version, event, meta: "{}".to_owned() }
}
