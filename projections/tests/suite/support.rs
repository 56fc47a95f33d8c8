//! A log in a throwaway folder, its projections, and short words for facts.

use domain::text::{ChatName, DisplayName, Email, Locale, MessageText, Nickname, TimeZone, UserName};
use domain::user::{Origin, Verifier};
use domain::{
    ChatId, Event, MessageId, Personal, SessionId, StreamId, Timestamp, UserId, chat, message, session, user,
};
use projections::{Name, Projections, State, Status};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use store::{Appender, Batch, Folder, Forget, Log, NewEvent};
use uuid::Uuid;

pub struct World {
    place: tempfile::TempDir,
    pub folder: Folder,
    pub appender: Appender,
    pub log: Log,
    pub projections: Projections,
    versions: HashMap<StreamId, u64>,
    clock: i64,
}

impl World {
    pub fn new() -> World {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        let appender = Appender::open(&folder, &folder.master_key()).unwrap();
        let log = appender.log(&folder).unwrap();
        let projections = Projections::open(&folder, log.clone()).unwrap();
        World { place, folder, appender, log, projections, versions: HashMap::new(), clock: 1_000_000 }
    }

    /// The same folder in a new process: handles are closed and opened again.
    pub fn restarted(self) -> World {
        let World { place, folder, appender, log, projections, versions, clock } = self;
        drop((appender, log, projections));
        let appender = Appender::open(&folder, &folder.master_key()).unwrap();
        let log = appender.log(&folder).unwrap();
        let projections = Projections::open(&folder, log.clone()).unwrap();
        World { place, folder, appender, log, projections, versions, clock }
    }

    /// Appends facts a second after the last ones. Answers the head.
    pub fn append(&mut self, facts: impl IntoIterator<Item = (StreamId, Event)>) -> u64 {
        self.append_and_forget(facts, Vec::new())
    }

    pub fn append_and_forget(
        &mut self,
        facts: impl IntoIterator<Item = (StreamId, Event)>,
        forget: Vec<Forget>,
    ) -> u64 {
        self.clock += 1_000_000;
        let mut events = Vec::new();
        for (stream, event) in facts {
            let version = self.versions.entry(stream).or_insert(0);
            *version += 1;
            events.push(NewEvent { stream, version: *version, event, meta: "{}".to_owned() });
        }
        let batch = Batch { at: Timestamp(self.clock), events, forget, ..Batch::default() };
        self.appender.append(&batch).unwrap().position
    }

    /// Appends facts and lets the projections follow.
    pub fn follow(&mut self, facts: impl IntoIterator<Item = (StreamId, Event)>) -> u64 {
        let head = self.append(facts);
        self.projections.catch_up().unwrap();
        head
    }

    /// Erases a person as the writer does.
    pub fn erase(&mut self, who: UserId) -> u64 {
        self.append_and_forget([of_user(who, user::Event::Erased)], vec![Forget::Subject(who)])
    }

    /// An event that no version knows, written past the appender; which is opened again.
    pub fn poison(mut self, stream: StreamId, name: &str) -> (World, u64) {
        let version = self.versions.entry(stream).or_insert(0);
        *version += 1;
        let version = version.cast_signed();
        let head = self.appender.head();
        let (stream, id, position) = (stream.to_string(), Uuid::now_v7(), head.position.cast_signed() + 1);
        let link = store::chain::Link {
            position,
            stream: &stream,
            version,
            id: id.as_bytes(),
            name,
            recorded_at: head.recorded_at.0,
            payload: "{}",
            subject: None,
            sealed_hash: None,
            meta: "{}",
        };
        let hash = store::chain::hash(&head.hash, &link, &mut Vec::new());
        rusqlite::Connection::open(self.folder.database())
            .unwrap()
            .execute(
                "insert into event (position, stream, version, id, name, recorded_at, payload, meta, hash)
                 values (?1, ?2, ?3, ?4, ?5, ?6, '{}', '{}', ?7)",
                (position, &stream, version, id.as_bytes(), name, head.recorded_at.0, hash),
            )
            .unwrap();
        let position = head.position + 1;
        drop(self.appender);
        self.appender = Appender::open(&self.folder, &self.folder.master_key()).unwrap();
        assert_eq!(self.appender.head().position, position);
        (self, position)
    }

    pub fn status(&self, name: Name) -> Status {
        self.projections.status().unwrap().into_iter().find(|status| status.name == name).unwrap()
    }

    pub fn states(&self) -> Vec<(Name, State)> {
        self.projections.status().unwrap().into_iter().map(|status| (status.name, status.state)).collect()
    }

    /// The files of that projection's generations.
    pub fn files(&self, name: Name) -> Vec<PathBuf> {
        let prefix = format!("{name}-v");
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.folder.read_models())
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| file_name(path).starts_with(&prefix) && file_name(path).ends_with(".db"))
            .collect();
        files.sort();
        files
    }

    /// Changes the serving file of that projection behind its back.
    pub fn tamper(&self, name: Name, sql: &str) {
        let generation = self.status(name).generation;
        let path = self.folder.read_models().join(format!("{name}-v{}-{generation}.db", name.version()));
        rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
    }

    /// No read model differs from what the log says.
    pub fn assert_verified(&self) {
        for name in Name::ALL {
            let verified = self.projections.verify(name, &mut |_| {}).unwrap();
            assert_eq!(verified.differences, vec![], "{name}");
        }
    }
}

pub fn file_name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

pub fn user_id(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

pub fn chat_id(number: u128) -> ChatId {
    ChatId(Uuid::from_u128(0xC000 + number))
}

pub fn message_id(number: u128) -> MessageId {
    MessageId(Uuid::from_u128(0xE000 + number))
}

pub fn session_id(number: u128) -> SessionId {
    SessionId(Uuid::from_u128(0x5000 + number))
}

pub fn of_user(who: UserId, event: user::Event) -> (StreamId, Event) {
    (who.into(), Event::User(event))
}

pub fn of_chat(chat: ChatId, event: chat::Event) -> (StreamId, Event) {
    (chat.into(), Event::Chat(event))
}

pub fn of_message(message: MessageId, event: message::Event) -> (StreamId, Event) {
    (message.into(), Event::Message(event))
}

pub fn signed_up(who: UserId, name: &str, email: Option<&str>) -> (StreamId, Event) {
    let personal = user::SignedUpAs {
        user_name: UserName::parse(name).unwrap(),
        email: email.map(|email| Email::parse(email).unwrap()),
    };
    let signed_up = user::SignedUp { at: Timestamp(5), personal: Personal::Known(personal) };
    of_user(who, user::Event::SignedUp(signed_up))
}

pub fn password(who: UserId, verifier: &str) -> (StreamId, Event) {
    let verifier = Personal::Known(Verifier(verifier.to_owned()));
    of_user(who, user::Event::PasswordChanged(user::PasswordChanged { verifier }))
}

pub fn profile(who: UserId, display_name: &str) -> (StreamId, Event) {
    let changed = user::ProfileChanged {
        time_zone: TimeZone::parse("Europe/Berlin").unwrap(),
        locale: Locale::parse("de").unwrap(),
        display_name: Personal::Known(DisplayName::parse(display_name).unwrap()),
    };
    of_user(who, user::Event::ProfileChanged(changed))
}

pub fn from(device: &str) -> Personal<Origin> {
    Personal::Known(Origin { device: device.to_owned(), address: "192.0.2.1".to_owned() })
}

pub fn failed(who: UserId, minute: i64, count: u32, device: &str) -> (StreamId, Event) {
    let minute = Timestamp(minute * 60_000_000);
    of_user(who, user::Event::SignInsFailed(user::SignInsFailed { minute, count, from: from(device) }))
}

pub fn signed_in(session: SessionId, who: UserId, at: i64) -> (StreamId, Event) {
    let signed_in = session::SignedIn {
        user_id: who,
        token_hash: token(session),
        at: Timestamp(at),
        expires_at: Timestamp(at + 100),
        from: from("curl"),
    };
    (session.into(), Event::Session(session::Event::SignedIn(signed_in)))
}

pub fn token(session: SessionId) -> session::TokenHash {
    let mut hash = [7; 32];
    hash[..16].copy_from_slice(session.0.as_bytes());
    session::TokenHash(hash)
}

pub fn created(chat: ChatId, by: UserId, name: &str, private: bool) -> (StreamId, Event) {
    let chat_name = ChatName::parse(name).unwrap();
    of_chat(chat, chat::Event::Created(chat::Created { chat_name, private, by }))
}

pub fn joined(chat: ChatId, who: UserId, nickname: &str, role: chat::Role) -> (StreamId, Event) {
    let nickname = Personal::Known(Nickname::parse(nickname).unwrap());
    of_chat(chat, chat::Event::MemberJoined(chat::MemberJoined { user_id: who, role, nickname }))
}

pub fn added(chat: ChatId, who: UserId, nickname: &str, by: UserId) -> (StreamId, Event) {
    let nickname = Personal::Known(Nickname::parse(nickname).unwrap());
    let role = chat::Role::Member;
    of_chat(chat, chat::Event::MemberAdded(chat::MemberAdded { user_id: who, role, by, nickname }))
}

pub fn left(chat: ChatId, who: UserId) -> (StreamId, Event) {
    of_chat(chat, chat::Event::MemberLeft(chat::MemberLeft { user_id: who }))
}

pub fn posted(message: MessageId, chat: ChatId, author: UserId, text: &str) -> (StreamId, Event) {
    let posted = message::Posted {
        chat_id: chat,
        author,
        sent_at: Timestamp(77),
        reply_to: None,
        text: Personal::Known(MessageText::parse(text).unwrap()),
    };
    of_message(message, message::Event::Posted(posted))
}

pub fn edited(message: MessageId, chat: ChatId, author: UserId, text: &str) -> (StreamId, Event) {
    let text = Personal::Known(MessageText::parse(text).unwrap());
    of_message(message, message::Event::Edited(message::Edited { chat_id: chat, author, at: Timestamp(88), text }))
}

pub fn deleted(message: MessageId, chat: ChatId, by: UserId) -> (StreamId, Event) {
    of_message(message, message::Event::Deleted(message::Deleted { chat_id: chat, by }))
}
