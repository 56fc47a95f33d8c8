//! A log in a throwaway folder or database, its projections, and short words for facts.

use domain::text::{ChatName, DisplayName, Email, Locale, MessageText, Nickname, TimeZone, UserName};
use domain::user::{Origin, Verifier};
use domain::{
    ChatId, Event, MessageId, Personal, SessionId, StreamId, Timestamp, UserId, chat, message, session, user,
};
use projections::{ProjectionId, Projections, State, Status};
use std::collections::HashMap;
use store::{Appender, Batch, Cluster, Folder, Forget, Log, NewEvent};
use uuid::Uuid;

/// Where a log is stored, and its read models.
pub enum Base {
    Embedded,
    Shared { cluster: Cluster, database: servers::Database },
}

pub struct World {
    // Before the folder and the database: it is closed first.
    pub projections: Projections,
    pub log: Log,
    pub appender: Appender,
    pub folder: Folder,
    base: Base,
    place: tempfile::TempDir,
    versions: HashMap<StreamId, u64>,
    clock: i64,
}

impl World {
    /// None, after having said so, where there is no server for it.
    pub fn new() -> Option<World> {
        let base = if crate::SHARED { Base::shared()? } else { Base::Embedded };
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        let appender = base.appender(&folder);
        let log = appender.log(&folder).unwrap();
        let projections = Projections::open(&folder, log.clone()).unwrap();
        Some(World { projections, log, appender, folder, base, place, versions: HashMap::new(), clock: 1_000_000 })
    }

    /// The same folder in a new process: handles are closed and opened again.
    pub fn restarted(self) -> World {
        self.restarted_after(|_| {}, |_, _| {})
    }

    /// The same after somebody was at the folder, and after somebody has looked at it who only reads.
    pub fn restarted_after(self, work: impl FnOnce(&Folder), look: impl FnOnce(&Folder, &Log)) -> World {
        let World { projections, log, appender, folder, base, place, versions, clock } = self;
        projections.give_up().unwrap();
        drop((appender, log, projections));
        work(&folder);
        let appender = base.appender(&folder);
        let log = appender.log(&folder).unwrap();
        look(&folder, &log);
        let projections = Projections::open(&folder, log.clone()).unwrap();
        World { projections, log, appender, folder, base, place, versions, clock }
    }

    /// Appends facts a second after the last ones. Answers the head.
    pub fn append(&mut self, facts: impl IntoIterator<Item = Event>) -> u64 {
        self.append_and_forget(facts, Vec::new())
    }

    pub fn append_and_forget(&mut self, facts: impl IntoIterator<Item = Event>, forget: Vec<Forget>) -> u64 {
        self.clock += 1_000_000;
        let mut events = Vec::new();
        for event in facts {
            let version = self.versions.entry(event.stream()).or_insert(0);
            *version += 1;
            events.push(NewEvent { version: *version, event, meta: "{}".to_owned() });
        }
        let batch = Batch { at: Timestamp(self.clock), events, forget, ..Batch::default() };
        self.appender.append(&batch).unwrap().position
    }

    /// Appends facts and lets the projections follow.
    pub fn follow(&mut self, facts: impl IntoIterator<Item = Event>) -> u64 {
        let head = self.append(facts);
        self.projections.catch_up().unwrap();
        head
    }

    /// The log loses what is behind that position, as a failover or an older copy does; nobody here is told.
    pub fn cut(&mut self, position: u64) {
        let versions = self.log.read(0, 9_999).unwrap();
        self.versions.clear();
        for record in versions.iter().filter(|record| record.position <= position) {
            self.versions.insert(StreamId::parse(&record.stream).unwrap(), record.version);
        }
        match &self.base {
            Base::Embedded => {
                let connection = rusqlite::Connection::open(self.folder.database()).unwrap();
                let sql = "select sql from sqlite_master where type = 'trigger' and name = 'event_is_never_deleted'";
                let trigger: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
                let cut = format!(
                    "drop trigger event_is_never_deleted; delete from event where position > {position}; {trigger};
                     pragma wal_checkpoint(truncate)"
                );
                connection.execute_batch(&cut).unwrap();
            }
            Base::Shared { database, .. } => {
                let cut = format!(
                    "set search_path to letopis; alter table event disable trigger user;
                     delete from event where position > {position}; alter table event enable trigger user;
                     update log_head set (position, hash, recorded_at) =
                         (select position, hash, recorded_at from event order by position desc limit 1)"
                );
                statements(&database.url(), &cut);
            }
        }
    }

    /// The log is set back to that position, is accepted, and goes on otherwise while nobody here follows it; then
    /// everything is opened again.
    pub fn set_back(mut self, position: u64, go_on: impl FnOnce(&mut World)) -> World {
        self.cut(position);
        drop(self.appender);
        let lock = self.folder.lock().unwrap();
        let accepted = match &self.base {
            Base::Embedded => store::accept_anchor(&self.folder, &lock, |_| {}),
            Base::Shared { cluster, .. } => store::postgres::accept_anchor(cluster, &self.folder, &lock, |_| {}),
        };
        assert!(accepted.unwrap().is_other);
        drop(lock);
        self.appender = self.base.appender(&self.folder);
        go_on(&mut self);
        self.restarted()
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
        let (bytes, hash, recorded_at) = (self.base.bytes(id.as_bytes()), self.base.bytes(&hash), head.recorded_at.0);
        let insert = format!(
            "insert into event (position, stream, version, id, name, recorded_at, payload, meta, hash)
             values ({position}, '{stream}', {version}, {bytes}, '{name}', {recorded_at}, '{{}}', '{{}}', {hash})"
        );
        match &self.base {
            Base::Embedded => {
                rusqlite::Connection::open(self.folder.database()).unwrap().execute_batch(&insert).unwrap();
            }
            Base::Shared { database, .. } => {
                let head = format!("update log_head set position = {position}, hash = {hash}");
                statements(&database.url(), &format!("set search_path to letopis; {insert}; {head}"));
            }
        }
        let position = head.position + 1;
        drop(self.appender);
        self.appender = self.base.appender(&self.folder);
        assert_eq!(self.appender.head().position, position);
        (self, position)
    }

    pub fn status(&self, name: ProjectionId) -> Status {
        self.projections.status().unwrap().into_iter().find(|status| status.name == name).unwrap()
    }

    pub fn states(&self) -> Vec<(ProjectionId, State)> {
        self.projections.status().unwrap().into_iter().map(|status| (status.name, status.state)).collect()
    }

    /// The numbers of that projection's generations that are there.
    pub fn generations(&self, name: ProjectionId) -> Vec<u64> {
        let number = |place: &str, between: char| place.rsplit(between).next()?.parse().ok();
        let mut numbers: Vec<u64> = match &self.base {
            _ if !name.has_tables() => {
                let prefix = format!("{name}-v");
                let folders = self.read_models().into_iter().filter(|folder| folder.starts_with(&prefix));
                folders.filter_map(|folder| number(&folder, '-')).collect()
            }
            Base::Embedded => {
                let prefix = format!("{name}-v");
                let files = self.read_models().into_iter().filter(|file| file.starts_with(&prefix));
                files.filter_map(|file| number(file.strip_suffix(".db")?, '-')).collect()
            }
            Base::Shared { .. } => {
                let schemas = self.schemas(&format!("letopis_{}_v", name.as_str().replace('-', "_")));
                schemas.iter().filter_map(|schema| number(schema, '_')).collect()
            }
        };
        numbers.sort_unstable();
        numbers
    }

    /// Whether there is space that a verification used.
    pub fn has_scratch(&self) -> bool {
        match &self.base {
            Base::Embedded => self.read_models().iter().any(|file| file.starts_with("scratch")),
            Base::Shared { .. } => !self.schemas("letopis_scratch").is_empty(),
        }
    }

    fn read_models(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.folder.read_models()).unwrap();
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn schemas(&self, prefix: &str) -> Vec<String> {
        store::sql::schemas(self.cluster(), prefix).unwrap()
    }

    /// The database that nodes share.
    pub fn cluster(&self) -> &Cluster {
        match &self.base {
            Base::Embedded => panic!("an embedded log is not shared"),
            Base::Shared { cluster, .. } => cluster,
        }
    }

    /// Changes the serving generation of that projection behind its back.
    pub fn tamper(&self, name: ProjectionId, sql: &str) {
        let (generation, version) = (self.status(name).generation, name.version());
        let schema = format!("{}_v{version}_{generation}", name.as_str().replace('-', "_"));
        self.behind_its_back(&format!("{name}-v{version}-{generation}.db"), &schema, sql);
    }

    /// The same in the catalogue.
    pub fn tamper_catalog(&self, sql: &str) {
        self.behind_its_back("catalog.db", "models", sql);
    }

    fn behind_its_back(&self, file: &str, schema: &str, sql: &str) {
        match &self.base {
            Base::Embedded => {
                let path = self.folder.read_models().join(file);
                rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
            }
            Base::Shared { database, .. } => {
                statements(&database.url(), &format!("set search_path to letopis_{schema}; {sql}"));
            }
        }
    }

    /// Takes the newest generation of that projection away.
    pub fn lose(&self, name: ProjectionId) {
        let (generation, version) = (self.generations(name).pop().unwrap(), name.version());
        match &self.base {
            _ if !name.has_tables() => {
                let folder = format!("{name}-v{version}-{generation}");
                std::fs::remove_dir_all(self.folder.read_models().join(folder)).unwrap();
            }
            Base::Embedded => {
                let file = format!("{name}-v{version}-{generation}.db");
                std::fs::remove_file(self.folder.read_models().join(file)).unwrap();
            }
            Base::Shared { database, .. } => {
                let schema = format!("letopis_{}_v{version}_{generation}", name.as_str().replace('-', "_"));
                statements(&database.url(), &format!("drop schema {schema} cascade"));
            }
        }
    }

    /// No read model differs from what the log says.
    pub fn assert_verified(&self) {
        for name in ProjectionId::ALL {
            let verified = self.projections.verify(name, &mut |_| {}).unwrap();
            assert_eq!(verified.differences, vec![], "{name}");
        }
    }
}

impl Base {
    fn shared() -> Option<Base> {
        let database = elsewhere(|runtime| runtime.block_on(servers::postgres()))?;
        let cluster = Cluster::new(&database.url()).unwrap();
        store::postgres::migrate(&cluster, None).unwrap();
        Some(Base::Shared { cluster, database })
    }

    fn appender(&self, folder: &Folder) -> Appender {
        match self {
            Base::Embedded => Appender::open(folder, &folder.master_key()).unwrap(),
            Base::Shared { cluster, .. } => Appender::open_shared(cluster, folder, &folder.master_key()).unwrap(),
        }
    }

    fn bytes(&self, bytes: &[u8]) -> String {
        let hex = domain::id::hex(bytes);
        match self {
            Base::Embedded => format!("x'{hex}'"),
            Base::Shared { .. } => format!("'\\x{hex}'::bytea"),
        }
    }
}

/// Runs statements as somebody who knows nothing of ours.
pub fn statements(url: &str, sql: &str) {
    elsewhere(|runtime| {
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
            let connection = tokio::spawn(connection);
            client.batch_execute(sql).await.unwrap();
            drop(client);
            connection.await.unwrap().unwrap();
        });
    });
}

/// Beside the runtime that the test may run on.
fn elsewhere<T: Send>(work: impl FnOnce(tokio::runtime::Runtime) -> T + Send) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::scope(|scope| scope.spawn(|| work(runtime)).join().unwrap())
}

/// The projections whose read models are tables.
pub fn with_tables() -> impl Iterator<Item = ProjectionId> {
    ProjectionId::ALL.into_iter().filter(|name| name.has_tables())
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

pub fn of_user(who: UserId, event: user::Event) -> Event {
    Event::User(who, event)
}

pub fn of_chat(chat: ChatId, event: chat::Event) -> Event {
    Event::Chat(chat, event)
}

pub fn of_message(message: MessageId, event: message::Event) -> Event {
    Event::Message(message, event)
}

pub fn signed_up(who: UserId, name: &str, email: Option<&str>) -> Event {
    let personal = user::SignedUpAs {
        user_name: UserName::parse(name).unwrap(),
        email: email.map(|email| Email::parse(email).unwrap()),
    };
    let signed_up = user::SignedUp { at: Timestamp(5), personal: Personal::Known(personal) };
    of_user(who, user::Event::SignedUp(signed_up))
}

pub fn password(who: UserId, verifier: &str) -> Event {
    let verifier = Personal::Known(Verifier(verifier.to_owned()));
    of_user(who, user::Event::PasswordChanged(user::PasswordChanged { verifier }))
}

pub fn profile(who: UserId, display_name: &str) -> Event {
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

pub fn failed(who: UserId, minute: i64, count: u32, device: &str) -> Event {
    let minute = Timestamp(minute * 60_000_000);
    of_user(who, user::Event::SignInsFailed(user::SignInsFailed { minute, count, from: from(device) }))
}

pub fn signed_in(session: SessionId, who: UserId, at: i64) -> Event {
    let signed_in = session::SignedIn {
        user_id: who,
        token_hash: token(session),
        at: Timestamp(at),
        expires_at: Timestamp(at + 100),
        by: session::Way::Password,
        proofs: Vec::new(),
        new_device: false,
        from: from("curl"),
    };
    Event::Session(session, session::Event::SignedIn(signed_in))
}

pub fn token(session: SessionId) -> session::TokenHash {
    let mut hash = [7; 32];
    hash[..16].copy_from_slice(session.0.as_bytes());
    session::TokenHash(hash)
}

pub fn created(chat: ChatId, by: UserId, name: &str, private: bool) -> Event {
    let chat_name = ChatName::parse(name).unwrap();
    of_chat(chat, chat::Event::Created(chat::Created { chat_name, private, by }))
}

pub fn joined(chat: ChatId, who: UserId, nickname: &str, role: chat::Role) -> Event {
    let nickname = Personal::Known(Nickname::parse(nickname).unwrap());
    of_chat(chat, chat::Event::MemberJoined(chat::MemberJoined { user_id: who, role, invitation: None, nickname }))
}

pub fn added(chat: ChatId, who: UserId, nickname: &str, by: UserId) -> Event {
    let nickname = Personal::Known(Nickname::parse(nickname).unwrap());
    let role = chat::Role::Member;
    of_chat(chat, chat::Event::MemberAdded(chat::MemberAdded { user_id: who, role, by, nickname }))
}

pub fn left(chat: ChatId, who: UserId) -> Event {
    of_chat(chat, chat::Event::MemberLeft(chat::MemberLeft { user_id: who }))
}

pub fn posted(message: MessageId, chat: ChatId, author: UserId, text: &str) -> Event {
    let posted = message::Posted {
        chat_id: chat,
        author,
        sent_at: Timestamp(77),
        reply_to: None,
        text: Personal::Known(MessageText::parse(text).unwrap()),
    };
    of_message(message, message::Event::Posted(posted))
}

pub fn edited(message: MessageId, chat: ChatId, author: UserId, text: &str) -> Event {
    let text = Personal::Known(MessageText::parse(text).unwrap());
    of_message(message, message::Event::Edited(message::Edited { chat_id: chat, author, at: Timestamp(88), text }))
}

pub fn deleted(message: MessageId, chat: ChatId, by: UserId) -> Event {
    of_message(message, message::Event::Deleted(message::Deleted { chat_id: chat, by }))
}
