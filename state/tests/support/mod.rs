//! A log in a throwaway folder or database, what is kept beside it, and short words for facts.

use domain::session::TokenHash;
use domain::text::TokenName;
use domain::token::Scopes;
use domain::user::Origin;
use domain::{Event, Personal, SessionId, StreamId, Timestamp, TokenId, UserId, session, token, user};
use state::Tables;
use std::collections::HashMap;
use std::os::unix::fs::FileExt;
use std::path::Path;
use store::sql::Place;
use store::{Appender, Batch, Cluster, Folder, Log, NewEvent};
use uuid::Uuid;

pub struct World {
    // Before the folder and the database: it is closed first.
    pub tables: Tables,
    pub log: Log,
    appender: Appender,
    pub folder: Folder,
    shared: Option<(Cluster, servers::Database)>,
    place: tempfile::TempDir,
    versions: HashMap<StreamId, u64>,
}

/// One of each kind; only the embedded one, after having said so, where there is no server for the other.
pub fn worlds() -> impl Iterator<Item = World> {
    [Some(World::embedded()), World::shared()].into_iter().flatten()
}

impl World {
    pub fn embedded() -> World {
        World::over(None)
    }

    fn shared() -> Option<World> {
        let database = elsewhere(|runtime| runtime.block_on(servers::postgres()))?;
        let cluster = Cluster::new(&database.url()).unwrap();
        store::postgres::migrate(&cluster, None).unwrap();
        Some(World::over(Some((cluster, database))))
    }

    fn over(shared: Option<(Cluster, servers::Database)>) -> World {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        let appender = match &shared {
            None => Appender::open(&folder, &folder.master_key()).unwrap(),
            Some((cluster, _)) => Appender::open_shared(cluster, &folder, &folder.master_key()).unwrap(),
        };
        let log = appender.log(&folder).unwrap();
        let tables = Tables::open(&folder, &log).unwrap();
        World { tables, log, appender, folder, shared, place, versions: HashMap::new() }
    }

    pub fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// The data folder.
    pub fn root(&self) -> &Path {
        self.place.path()
    }

    /// As another process has them; of an embedded log, as this one would have them without its memory.
    pub fn opened(&self) -> Tables {
        Tables::open(&self.folder, &self.log).unwrap()
    }

    /// As in a new process.
    pub fn restarted(self) -> World {
        self.restarted_after(|_| {})
    }

    /// The same after somebody was at the folder.
    pub fn restarted_after(self, work: impl FnOnce(&Path)) -> World {
        let World { tables, log, appender, folder, shared, place, versions } = self;
        drop(tables);
        work(place.path());
        let tables = Tables::open(&folder, &log).unwrap();
        World { tables, log, appender, folder, shared, place, versions }
    }

    /// As a version that kept these tables among the read models left them.
    pub fn before_this_crate(self, former: &str) -> World {
        match &self.shared {
            Some((_, database)) => {
                let path = "set search_path to letopis_models; drop table session_use, token_use, search_tasks";
                let former = format!("{path}, erasures_heeded; {former}");
                statements(&database.url(), &former);
                self.restarted()
            }
            None => {
                let folder = self.folder.clone();
                self.restarted_after(|_| {
                    Place::File(folder.state()).remove().unwrap();
                    folder.make_read_models().unwrap();
                    let catalog = folder.read_models().join("catalog.db");
                    rusqlite::Connection::open(catalog).unwrap().execute_batch(former).unwrap();
                })
            }
        }
    }

    /// Changes the tables behind their back.
    pub fn tamper(&self, sql: &str) {
        match &self.shared {
            Some((_, database)) => {
                statements(&database.url(), &format!("set search_path to letopis_models; {sql}"));
            }
            None => rusqlite::Connection::open(self.folder.state()).unwrap().execute_batch(sql).unwrap(),
        }
    }

    /// An id as the database's own language writes it.
    pub fn bytes(&self, id: &Uuid) -> String {
        let hex = domain::id::hex(id.as_bytes());
        if self.is_shared() { format!("'\\x{hex}'::bytea") } else { format!("x'{hex}'") }
    }

    pub fn append(&mut self, facts: impl IntoIterator<Item = Event>) {
        let mut events = Vec::new();
        for event in facts {
            let version = self.versions.entry(event.stream()).or_insert(0);
            *version += 1;
            events.push(NewEvent { version: *version, event, meta: "{}".to_owned() });
        }
        self.appender.append(&Batch { at: Timestamp(1_000_000), events, ..Batch::default() }).unwrap();
    }
}

/// Runs statements as somebody who knows nothing of ours.
fn statements(url: &str, sql: &str) {
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

/// Writes over a part of a file, which nobody has open.
pub fn overwrite(path: &Path, from: u64, bytes: usize) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    assert!(file.metadata().unwrap().len() >= from + bytes as u64, "{}", path.display());
    file.write_all_at(&vec![0xa5; bytes], from).unwrap();
}

pub fn user_id(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

pub fn session_id(number: u128) -> SessionId {
    SessionId(Uuid::from_u128(0x5000 + number))
}

pub fn token_id(number: u128) -> TokenId {
    TokenId(Uuid::from_u128(0x7000 + number))
}

fn hash(number: u128) -> TokenHash {
    let mut hash = [7; 32];
    hash[..16].copy_from_slice(&number.to_be_bytes());
    TokenHash(hash)
}

pub fn signed_in(number: u128, user_id: UserId) -> Event {
    let from = Personal::Known(Origin { device: "curl".to_owned(), address: "192.0.2.1".to_owned() });
    let (at, expires_at) = (Timestamp(10), Timestamp(110));
    let signed_in = session::SignedIn {
        user_id,
        token_hash: hash(number),
        at,
        expires_at,
        by: session::Way::Password,
        proofs: Vec::new(),
        new_device: false,
        from,
    };
    Event::Session(session_id(number), session::Event::SignedIn(signed_in))
}

pub fn created(number: u128, user_id: UserId) -> Event {
    let created = token::Created {
        user_id,
        token_hash: hash(number),
        scopes: Scopes::parse(["read"]).unwrap(),
        at: Timestamp(10),
        expires_at: None,
        name: Personal::Known(TokenName::parse("shop").unwrap()),
    };
    Event::Token(token_id(number), token::Event::Created(created))
}

pub fn erased(user_id: UserId) -> Event {
    Event::User(user_id, user::Event::Erased)
}
