//! Nodes that share a database.

use crate::common::{database, message};
use servers::Database;
use std::path::PathBuf;
use store::{Appender, Batch, Cluster, Error, Folder, Head, Log, NewEvent, postgres};
use tempfile::TempDir;

/// A database that was migrated, and the master key that its nodes have.
pub struct Shared {
    pub url: String,
    pub cluster: Cluster,
    pub key: PathBuf,
    _place: TempDir,
    // Behind the cluster: whose connections end first.
    _database: Option<Database>,
}

/// One node: its folder, and what it appends and reads with.
pub struct Node {
    pub appender: Appender,
    pub log: Log,
    pub folder: Folder,
    place: TempDir,
}

impl Shared {
    /// In the PostgreSQL of the run, where there is one.
    pub fn new() -> Option<Shared> {
        let database = database()?;
        let mut shared = Shared::at(&database.url());
        shared._database = Some(database);
        Some(shared)
    }

    /// In this database.
    pub fn at(url: &str) -> Shared {
        let cluster = Cluster::new(url).unwrap();
        postgres::migrate(&cluster, None).unwrap();
        let place = tempfile::tempdir().unwrap();
        Shared { url: url.to_owned(), cluster, key: place.path().join("master.key"), _place: place, _database: None }
    }

    pub fn node(&self) -> Node {
        self.node_by(&self.cluster)
    }

    /// A node that reaches the database in another way.
    pub fn node_by(&self, cluster: &Cluster) -> Node {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        Node::over(cluster, folder, self, place).unwrap()
    }

    /// The node stops and starts again.
    pub fn again(&self, node: Node) -> Result<Node, Error> {
        let Node { appender, log, folder, place } = node;
        drop((appender, log));
        Node::over(&self.cluster, folder, self, place)
    }
}

impl Node {
    fn over(cluster: &Cluster, folder: Folder, shared: &Shared, place: TempDir) -> Result<Node, Error> {
        let appender = Appender::open_shared(cluster, &folder, &shared.key)?;
        let log = Log::open_shared(cluster, &folder, &shared.key)?;
        Ok(Node { appender, log, folder, place })
    }

    pub fn append(&mut self, events: Vec<NewEvent>) -> Result<Head, Error> {
        self.appender.append(&Batch { at: domain::Timestamp(7), events, ..Batch::default() })
    }

    /// Appends one message.
    pub fn post(&mut self, number: u128) -> Result<Head, Error> {
        self.append(vec![message(number, 1, "text")])
    }

    /// The log holds; how many events there are.
    pub fn verified(&self) -> u64 {
        self.log.verify(1, u64::MAX, |_| {}).unwrap().events
    }
}
