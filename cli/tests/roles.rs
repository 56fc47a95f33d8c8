//! Nodes that do a part of the work each, over one PostgreSQL.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, Server};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Longer than anything takes on a slow machine.
const SOON: Duration = Duration::from_secs(30);
const PASSWORD: &str = "correct horse battery";

fn serve(place: &Place, roles: &str) -> Server {
    let command = place.command(&["serve", "--listen", "127.0.0.1:0", "--roles", roles]);
    place.start_quietly(command).unwrap_or_else(|ended| panic!("{roles}: {ended:?}: {}", place.said()))
}

/// Two places over one database and one master key; the first one makes it.
fn two_places(database: &servers::Database) -> [Place; 2] {
    let first = Place::shared(database);
    first.run(&["migrate"]).ok();
    let key = first.data().join("master.key").display().to_string();
    // Makes the key.
    first.run(&["import", &first.file("nothing.ndjson", "")]).ok();
    [first, Place::shared(database).with("LETOPIS_MASTER_KEY_FILE", &key)]
}

async fn get(server: &Server, path: &str) -> (StatusCode, String) {
    let answer = Client::new().get(format!("{}{path}", server.url)).send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

async fn ready(server: &Server) -> (StatusCode, Value) {
    let (status, body) = get(server, "/readyz").await;
    (status, serde_json::from_str(&body).unwrap())
}

/// What a node says of the read model of accounts.
async fn users(server: &Server) -> Value {
    let (_, ready) = ready(server).await;
    ready["projections"].as_array().unwrap().iter().find(|one| one["name"] == "users").unwrap().clone()
}

async fn post(server: &Server, path: &str, user_name: &str) -> StatusCode {
    let body = json!({"user_name": user_name, "password": PASSWORD});
    Client::new().post(format!("{}{path}", server.url)).json(&body).send().await.unwrap().status()
}

async fn until(what: &str, wanted: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !wanted().await {
        assert!(began.elapsed() < SOON, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_answers_what_another_one_feeds() {
    let Some(database) = servers::postgres().await else { return };
    let [feeding, answering] = two_places(&database);
    let mut feeder = serve(&feeding, "projections");
    let answerer = serve(&answering, "api");
    assert_eq!(post(&answerer, "/v1/auth/register", "anna").await, 201);
    assert_eq!(post(&answerer, "/v1/auth/login", "anna").await, 200, "it was fed by the other node");
    feeder.child.kill().unwrap();
    feeder.child.wait().unwrap();
    // Writing goes on; who reads is told that it is not there yet.
    assert_eq!(post(&answerer, "/v1/auth/register", "boris").await, 201);
    assert_eq!(post(&answerer, "/v1/auth/login", "boris").await, 503);
    until("/readyz tells the lag", async || {
        let users = users(&answerer).await;
        users["lag_events"].as_u64() > Some(0) && users["lag_seconds"].as_u64() > Some(0)
    })
    .await;
    let feeder = serve(&feeding, "projections");
    until("it goes on", async || post(&answerer, "/v1/auth/login", "boris").await == 200).await;
    until("the lag is gone", async || users(&answerer).await["lag_events"] == 0).await;
    assert_eq!((feeder.stop(), answerer.stop()), (0, 0));
    feeding.run(&["projections", "verify", "--all"]).ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_says_what_it_does_and_answers_no_more() {
    let Some(database) = servers::postgres().await else { return };
    let [feeding, answering] = two_places(&database);
    let (feeder, answerer) = (serve(&feeding, "projections"), serve(&answering, "couriers, api"));
    for path in ["/ping", "/livez", "/readyz", "/metrics"] {
        assert_eq!(get(&feeder, path).await.0, 200, "{path}");
    }
    for path in ["/", "/ping_db", "/docs/", "/openapi.json", "/v1/me", "/nowhere"] {
        let (status, body) = get(&feeder, path).await;
        let problem = serde_json::from_str::<Value>(&body).unwrap();
        assert_eq!((status, problem["code"].as_str()), (StatusCode::NOT_FOUND, Some("not-found")), "{path}");
        assert!(problem["detail"].as_str().unwrap().contains("roles"), "{problem}");
    }
    assert_eq!(post(&feeder, "/v1/auth/register", "anna").await, 404);
    assert_eq!(get(&answerer, "/ping_db").await.0, 200);
    let info =
        |roles: &str| format!("letopis_node_info{{version=\"{}\",roles=\"{roles}\"}} 1", env!("CARGO_PKG_VERSION"));
    for (server, place, roles) in [(&feeder, &feeding, "projections"), (&answerer, &answering, "api,couriers")] {
        let (_, figures) = get(server, "/metrics").await;
        assert!(figures.contains(&info(roles)), "{figures}");
        let health = place.run(&["health", "--url", &server.url]).ok().json();
        assert_eq!(health["roles"], json!(roles.split(',').collect::<Vec<_>>()));
        let listen = server.url.strip_prefix("http://").unwrap();
        let doctor = place.command(&["doctor", "-o", "ndjson"]).env("LETOPIS_LISTEN", listen).output().unwrap();
        let doctor = String::from_utf8(doctor.stdout).unwrap();
        let port = doctor.lines().find(|line| line.contains("\"check\":\"port\"")).unwrap();
        assert!(port.contains(&format!("is served ({roles}), and ready")), "{port}");
    }
    // An operator is sent to the other node; what needs no read model fed here is done.
    let refused = answering.run(&["projections", "pause", "users"]);
    assert_eq!(refused.code, 4, "{}", refused.err);
    assert!(refused.err.contains("ask a node that has that role"), "{}", refused.err);
    let password = answering.file("password", PASSWORD);
    answering.run(&["users", "create", "vera", "--password-file", &password]).ok();
    feeding.run(&["projections", "pause", "users"]).ok();
    until("the other node knows", async || ready(&answerer).await.0 == 503).await;
    feeding.run(&["projections", "resume", "users"]).ok();
    until("and that it goes on", async || ready(&answerer).await.0 == 200).await;
    assert_eq!((feeder.stop(), answerer.stop()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_feeds_nothing_waits_for_one_that_does() {
    let Some(database) = servers::postgres().await else { return };
    let first = Place::shared(&database);
    first.run(&["migrate"]).ok();
    let key = first.data().join("master.key").display().to_string();
    let second = Place::shared(&database).with("LETOPIS_MASTER_KEY_FILE", &key);
    let (answerer, feeder) = std::thread::scope(|scope| {
        let answerer = scope.spawn(|| serve(&first, "api"));
        // It has made the key, and waits.
        let began = Instant::now();
        while !first.data().join("control.sock").exists() && !first.data().join("anchor").exists() {
            assert!(began.elapsed() < SOON, "it does not begin");
            std::thread::sleep(Duration::from_millis(20));
        }
        let feeder = serve(&second, "projections");
        (answerer.join().unwrap(), feeder)
    });
    assert_eq!(post(&answerer, "/v1/auth/register", "anna").await, 201);
    assert_eq!(post(&answerer, "/v1/auth/login", "anna").await, 200);
    assert_eq!((feeder.stop(), answerer.stop()), (0, 0));
    // Asked to stop while it waits, it does.
    let Some(empty) = servers::postgres().await else { return };
    let alone = Place::shared(&empty);
    alone.run(&["migrate"]).ok();
    let mut waiting = alone.command(&["serve", "--listen", "127.0.0.1:0", "--roles", "api"]).spawn().unwrap();
    until("it waits", async || alone.data().join("anchor").exists()).await;
    let asked = std::process::Command::new("kill").arg(waiting.id().to_string()).status().unwrap();
    let (began, ended) = (Instant::now(), waiting.wait().unwrap());
    assert!(asked.success() && ended.success() && began.elapsed() < Duration::from_secs(5), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_relay_runs_where_its_role_is() {
    let (Some(database), Some(account)) = (servers::postgres().await, servers::nats().await) else { return };
    let [first, second] = two_places(&database).map(|place| place.with("LETOPIS_NATS_URL", account.url()));
    let answerer = serve(&first, "api,projections");
    assert_eq!(post(&answerer, "/v1/auth/register", "anna").await, 201);
    let jetstream = async_nats::jetstream::new(servers::connect_nats(account.url()).await.unwrap());
    let courier = serve(&second, "couriers");
    until("it is told", async || {
        let Ok(mut stream) = jetstream.get_stream("letopis").await else { return false };
        stream.info().await.unwrap().state.messages == 1
    })
    .await;
    assert_eq!(ready(&courier).await.1["roles"], json!(["couriers"]));
    until("it shows where it is", async || get(&courier, "/metrics").await.1.contains("letopis_relay_position")).await;
    // It says so at once where it runs.
    assert!(!get(&answerer, "/metrics").await.1.contains("letopis_relay_"), "the relay runs here as well");
    // By hand it tells again wherever NATS is set.
    let done = first.run(&["events", "republish", "--from", "1", "-o", "json"]).ok().json();
    assert_eq!(done["facts"], 1, "{done}");
    // And leaves the relay to where its role is.
    assert_eq!(post(&answerer, "/v1/auth/register", "boris").await, 201);
    until("the second one is told", async || {
        let mut stream = jetstream.get_stream("letopis").await.unwrap();
        stream.info().await.unwrap().state.last_sequence >= 2
    })
    .await;
    assert_eq!((courier.stop(), answerer.stop()), (0, 0));
}

#[test]
fn a_part_of_the_work_needs_other_nodes() {
    let place = Place::new();
    for (roles, says) in [
        ("api", "the embedded log is served by one process"),
        ("api,projections", "the embedded log is served by one process"),
        ("cook", "one or more of api, projections, couriers"),
        ("", "one or more of api, projections, couriers"),
    ] {
        let ran = place.run(&["serve", "--listen", "127.0.0.1:0", "--roles", roles]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{roles}: {}", ran.err);
        assert!(ran.err.contains(says) && ran.err.contains("flag --roles"), "{roles}: {}", ran.err);
    }
    assert!(!place.data().exists(), "nothing is made where nothing starts");
}
