//! Nodes, and the people who use them.

use crate::common::{Place, Server};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use servers::Database;
use std::process::Command;
use std::time::Duration;
use store::{Appender, Folder};
use tempfile::TempDir;
use tokio_postgres::NoTls;

/// How long what must come is waited for, on a machine that has much else to do.
pub const SOON: Duration = Duration::from_secs(15);
/// Longer than any request takes.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
const PASSWORD: &str = "a long enough passphrase";

/// A database that nodes share, and the master key that each of them has.
pub struct Cluster {
    pub url: String,
    keys: TempDir,
    _database: Option<Database>,
}

/// One node: its folder, and its process.
pub struct Node {
    // Before the folder: it ends first.
    pub server: Server,
    pub place: Place,
}

impl Cluster {
    /// None, after having said so, where there is no PostgreSQL.
    pub async fn new() -> Option<Cluster> {
        let database = servers::postgres().await?;
        let cluster = Cluster::at(&database.url());
        Some(Cluster { _database: Some(database), ..cluster })
    }

    /// In this database.
    pub fn at(url: &str) -> Cluster {
        let cluster = Cluster { url: url.to_owned(), keys: tempfile::tempdir().unwrap(), _database: None };
        cluster.place(url, "").run(&["migrate"]).ok();
        cluster
    }

    /// Writes facts without a node. It blocks its thread.
    pub fn appender(&self) -> Appender {
        let folder = Folder::create(&self.keys.path().join("data")).unwrap();
        let cluster = store::Cluster::new(&self.url).unwrap();
        Appender::open_shared(&cluster, &folder, &self.keys.path().join("master.key")).unwrap()
    }

    /// Starts one.
    pub fn node(&self) -> Node {
        self.node_by(&self.url, "")
    }

    /// Starts one that reaches the database in another way, with further settings.
    pub fn node_by(&self, url: &str, settings: &str) -> Node {
        let place = self.place(url, settings);
        let server = place.start_quietly(place.command(&["serve", "--listen", "127.0.0.1:0"]));
        let server = server.unwrap_or_else(|ended| panic!("a node ended: {ended:?} {}", place.said()));
        Node { server, place }
    }

    fn place(&self, url: &str, settings: &str) -> Place {
        let place = Place::new();
        let key = self.keys.path().join("master.key");
        let settings = format!("database_url = '{url}'\nmaster_key_file = '{}'\n{settings}\n", key.display());
        place.file("letopis.toml", &settings);
        place
    }

    /// Asks the database itself.
    pub async fn sql(&self) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// Who feeds the projections: holders of leases that have not run out, each once.
    pub async fn holders(&self) -> Vec<String> {
        let sql = "select distinct holder from letopis_models.lease
                   where until > clock_timestamp() and name <> 'couriers'";
        let rows = self.sql().await.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

impl Node {
    pub fn url(&self) -> &str {
        &self.server.url
    }

    pub fn signal(&self, signal: &str) {
        let asked = Command::new("kill").args([signal, &self.server.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
    }
}

/// What a node answered.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

/// Asks a node for something; `with` is a session.
pub async fn ask(method: &str, url: String, with: Option<&str>, body: Option<Value>) -> Reply {
    let client = reqwest::Client::builder().timeout(ANSWERED_WITHIN).build().unwrap();
    let mut request = client.request(method.parse().unwrap(), url);
    if let Some(session) = with {
        request = request.bearer_auth(session);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Reply { status, headers, body: response.json().await.unwrap_or_default() }
}

pub async fn register(node: &str, name: &str) -> Reply {
    let body = json!({"user_name": name, "password": PASSWORD});
    ask("POST", format!("{node}/v1/auth/register"), None, Some(body)).await
}

/// A new session.
pub async fn log_in(node: &str, name: &str) -> String {
    let body = json!({"user_name": name, "password": PASSWORD});
    let reply = ask("POST", format!("{node}/v1/auth/login"), None, Some(body)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body["session_id"].as_str().unwrap().to_owned()
}

pub async fn log_out(node: &str, session: &str) {
    let reply = ask("POST", format!("{node}/v1/auth/logout"), Some(session), None).await;
    assert_eq!(reply.status, 200, "{reply:?}");
}

/// The status of an answer to a session.
pub async fn me(node: &str, session: &str) -> u16 {
    ask("GET", format!("{node}/v1/me"), Some(session), None).await.status
}
