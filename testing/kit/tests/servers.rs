//! The servers that tests stand on: each is spoken to, killed, started again, and gone in the end.
#![allow(clippy::unwrap_used)]

use async_nats::jetstream::{self, stream};
use std::net::TcpStream;
use std::process::{Command, Output};
use testkit::servers::{self, Access, Nats, Postgres, PostgresOptions, REQUIRED, Redis, Server, Streams};
use tokio_postgres::{Client, Error, NoTls};

fn is_gone(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_err()
}

async fn connect(url: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn rows(url: &str) -> i64 {
    connect(url).await.unwrap().query_one("select count(*) from kept", &[]).await.unwrap().get(0)
}

async fn run_sql(url: &str, sql: &'static str) {
    connect(url).await.unwrap().batch_execute(sql).await.unwrap();
}

#[tokio::test]
async fn a_killed_postgres_starts_again_with_what_was_committed() {
    if !servers::installed(Server::Postgres) {
        return;
    }
    let mut postgres = Postgres::start(PostgresOptions { fsync: true, access: Access::Password }).unwrap();
    let url = postgres.url();
    run_sql(&url, "create table kept (n bigint); insert into kept values (1)").await;
    postgres.kill();
    assert!(is_gone(postgres.port()));
    postgres.restart().unwrap();
    assert_eq!((rows(&url).await, postgres.url()), (1, url.clone()));
    run_sql(&url, "insert into kept values (2)").await;
    postgres.stop_immediate();
    assert!(is_gone(postgres.port()));
    postgres.restart().unwrap();
    assert_eq!(rows(&url).await, 2);
    postgres.stop();
    postgres.restart().unwrap();
    assert_eq!(rows(&url).await, 2);
    let (port, folder) = (postgres.port(), postgres.socket_folder().to_owned());
    drop(postgres);
    assert!(is_gone(port) && !folder.exists());
}

#[tokio::test]
async fn postgres_checks_its_pages_and_who_asks() {
    if !servers::installed(Server::Postgres) {
        return;
    }
    let postgres = Postgres::start(PostgresOptions::default()).unwrap();
    let client = connect(&postgres.url()).await.unwrap();
    let checksums = client.query_one("show data_checksums", &[]).await.unwrap();
    assert_eq!(checksums.get::<_, &str>(0), "on");
    let stranger = format!("postgres://letopis:guessed@127.0.0.1:{}/postgres", postgres.port());
    assert!(connect(&stranger).await.is_err());
    let trusting = Postgres::start(PostgresOptions { access: Access::Trust, ..PostgresOptions::default() }).unwrap();
    connect(&trusting.url()).await.unwrap();
    assert!(!trusting.url().contains("letopis:"));
}

#[tokio::test]
async fn a_killed_redis_starts_again_empty() {
    if !servers::installed(Server::Redis) {
        return;
    }
    let mut server = Redis::start().unwrap();
    let get = async |url: String| {
        let mut connection = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
        let before: Option<String> = redis::cmd("GET").arg("kept").query_async(&mut connection).await.unwrap();
        let () = redis::cmd("SET").arg("kept").arg("yes").query_async(&mut connection).await.unwrap();
        before
    };
    assert_eq!(get(server.url()).await, None);
    assert_eq!(get(server.url()).await.as_deref(), Some("yes"));
    server.kill();
    assert!(is_gone(server.port()));
    server.restart().unwrap();
    assert_eq!(get(server.url()).await, None);
    let port = server.port();
    drop(server);
    assert!(is_gone(port));
}

#[tokio::test]
async fn nats_starts_again_with_its_streams_or_without() {
    if !servers::installed(Server::Nats) {
        return;
    }
    let mut server = Nats::start().unwrap();
    let url = server.url();
    let open = async || jetstream::new(servers::connect_nats(&url).await.unwrap());
    let config = stream::Config { name: "KEPT".into(), subjects: vec!["kept".into()], ..Default::default() };
    open().await.create_stream(config).await.unwrap();
    let sent = open().await.publish("kept", "one".into()).await.unwrap().await.unwrap();
    assert_eq!(sent.sequence, 1);
    server.kill();
    assert!(is_gone(server.port()));
    server.restart(Streams::Kept).unwrap();
    let stream = open().await.get_stream("KEPT").await.unwrap();
    assert_eq!(stream.get_raw_message(1).await.unwrap().payload, "one");
    server.restart(Streams::Lost).unwrap();
    assert!(open().await.get_stream("KEPT").await.is_err());
    let port = server.port();
    drop(server);
    assert!(is_gone(port));
}

#[tokio::test]
async fn each_test_has_a_database_of_its_own() {
    let Some(ours) = servers::postgres().await else { return };
    let theirs = servers::postgres().await.unwrap();
    run_sql(&ours.url(), "create table kept (n bigint)").await;
    run_sql(&theirs.url(), "create table kept (n bigint); insert into kept values (1)").await;
    assert_eq!((rows(&ours.url()).await, rows(&theirs.url()).await), (0, 1));
    let url = theirs.url();
    let _connected = connect(&url).await.unwrap();
    drop(theirs);
    let refused = connect(&url).await.err().unwrap();
    assert_eq!(refused.code().unwrap().code(), "3D000", "{refused}");
}

#[tokio::test]
async fn each_test_has_keys_of_its_own() {
    let Some(ours) = servers::redis().await else { return };
    let theirs = servers::redis().await.unwrap();
    let mut here = redis::Client::open(ours.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let mut there = redis::Client::open(theirs.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let () = redis::cmd("SET").arg("kept").arg("ours").query_async(&mut here).await.unwrap();
    let seen: Option<String> = redis::cmd("GET").arg("kept").query_async(&mut there).await.unwrap();
    assert_eq!(seen, None);
    let url = ours.url().to_owned();
    drop(ours);
    let left: Option<String> = redis::cmd("GET").arg("kept").query_async(&mut here).await.unwrap();
    assert_eq!(left, None, "{url} is emptied");
}

#[tokio::test]
async fn each_test_has_streams_of_its_own() {
    let Some(ours) = servers::nats().await else { return };
    let theirs = servers::nats().await.unwrap();
    let here = jetstream::new(servers::connect_nats(ours.url()).await.unwrap());
    let there = jetstream::new(servers::connect_nats(theirs.url()).await.unwrap());
    let config = stream::Config { name: "KEPT".into(), subjects: vec!["kept".into()], ..Default::default() };
    here.create_stream(config).await.unwrap();
    here.get_stream("KEPT").await.unwrap();
    assert!(there.get_stream("KEPT").await.is_err());
}

/// One of the tests above, in a process of its own.
fn without_servers(test: &str, required: &str) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test]).env(REQUIRED, required);
    for server in Server::ALL {
        command.env_remove(server.variable());
    }
    command.output().unwrap()
}

#[test]
fn a_test_without_its_server_passes_and_says_so() {
    for (test, server) in [
        ("each_test_has_a_database_of_its_own", "PostgreSQL"),
        ("each_test_has_keys_of_its_own", "Redis"),
        ("each_test_has_streams_of_its_own", "nats-server"),
    ] {
        let output = without_servers(test, "");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        let line = format!("left out: needs {server}; scripts/test provides it ({test})");
        assert!(said.lines().any(|said| said == line), "{said}");
    }
}

#[test]
fn a_server_that_is_required_and_missing_fails_the_test() {
    let output = without_servers("each_test_has_a_database_of_its_own", "required");
    assert!(!output.status.success());
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("PostgreSQL is required by LETOPIS_TEST_SERVERS"), "{shown}");
}

#[test]
fn a_command_finds_the_servers_and_its_exit_code_is_kept() {
    if Server::ALL.into_iter().any(|server| !servers::installed(server)) {
        return;
    }
    let script = "echo $LETOPIS_TEST_POSTGRES_URL $LETOPIS_TEST_REDIS_URL $LETOPIS_TEST_NATS_URL; exit 7";
    let output = Command::new(env!("CARGO_BIN_EXE_servers")).args(["run", "sh", "-c", script]).output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert_eq!(output.stderr, b"");
    let told = String::from_utf8(output.stdout).unwrap();
    let schemes = told.split_whitespace().map(|url| url.split("://").next().unwrap()).collect::<Vec<_>>();
    assert_eq!(schemes, ["postgres", "redis", "nats"]);
    let ports = told.split_whitespace().map(|url| url.rsplit(':').next().unwrap().split('/').next().unwrap());
    for port in ports {
        assert!(is_gone(port.parse().unwrap()), "a server outlived the command on port {port}");
    }
}

#[test]
fn a_run_that_is_told_to_end_ends_its_command_and_its_servers() {
    if Server::ALL.into_iter().any(|server| !servers::installed(server)) {
        return;
    }
    // The command says where a server is, and has the signal sent to who started it.
    let script = "echo ${LETOPIS_TEST_REDIS_URL##*:}; kill -TERM $PPID; exec sleep 60";
    let output = Command::new(env!("CARGO_BIN_EXE_servers")).args(["run", "sh", "-c", script]).output().unwrap();
    assert_eq!(output.status.code(), Some(128 + 15), "{output:?}");
    let port = String::from_utf8(output.stdout).unwrap();
    assert!(is_gone(port.trim().parse().unwrap()), "{port}");
}
