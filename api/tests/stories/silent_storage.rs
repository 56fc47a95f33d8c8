//! A database that hangs: it neither answers nor hangs up.

use super::until;
use api::Settings;
use node::{Node, NodeOptions};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::{TestApp, servers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Between a node and its database; says nothing to either side while it holds still.
async fn proxy(server: String, still: watch::Receiver<bool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((node, _)) = listener.accept().await {
            let Ok(database) = TcpStream::connect(&server).await else { continue };
            let ((from, to), (back, forth)) = (node.into_split(), database.into_split());
            tokio::spawn(pass(from, forth, still.clone()));
            tokio::spawn(pass(back, to, still.clone()));
        }
    });
    address
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut still: watch::Receiver<bool>) {
    let mut buffer = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if still.wait_for(|still| !still).await.is_err() || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

async fn expect_silence(asked: impl Future<Output = reqwest::Result<Response>>, at_most: Duration) {
    let began = Instant::now();
    let reply = asked.await.unwrap();
    assert_eq!(reply.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(reply.headers().contains_key("retry-after"));
    // No speed is measured: the database's own time-outs are ten times as long.
    assert!(began.elapsed() < at_most, "{:?}", began.elapsed());
    let code = reply.json::<Value>().await.unwrap()["code"].as_str().unwrap().to_owned();
    assert!(["unavailable", "projection-behind"].contains(&code.as_str()), "{code}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_is_not_waited_for_and_nothing_is_done_twice() {
    if !servers::installed(servers::Server::Postgres) {
        return;
    }
    let started = tokio::task::spawn_blocking(|| servers::Postgres::start(servers::PostgresOptions::default()));
    let database = started.await.unwrap().unwrap();
    let whole = database.url();
    let (who, place) = whole.split_once('@').unwrap();
    let (server, name) = place.split_once('/').unwrap();
    let (hold, still) = watch::channel(false);
    let url = format!("{who}@{}/{name}", proxy(server.to_owned(), still).await);
    store::postgres::migrate(&store::Cluster::new(&whole).unwrap(), None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let wait = Duration::from_millis(1_500);
    let cluster = store::Cluster::new(&url).unwrap().with_patience(wait);
    let data = folder.path().join("data");
    let options = NodeOptions { database: Some(cluster), ..NodeOptions::new(data) };
    let node = Arc::new(Node::open(options).await.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap());
    let settings = Settings { storage_wait: wait, ..TestApp::settings() };
    let serving = {
        let node = Arc::clone(&node);
        tokio::spawn(async move { api::serve(listener, &node, settings, std::future::pending()).await })
    };
    let client = Client::new();
    let password = "a long enough passphrase";
    let anna = json!({"user_name": "Anna", "password": password});
    for path in ["register", "login"] {
        let reply = client.post(format!("{at}/v1/auth/{path}")).json(&anna).send().await.unwrap();
        assert!(reply.status().is_success());
    }
    let reply = client.post(format!("{at}/v1/auth/login")).json(&anna).send().await.unwrap();
    let token = reply.json::<Value>().await.unwrap()["session_id"].as_str().unwrap().to_owned();
    let get = |path: &str| client.get(format!("{at}{path}")).bearer_auth(&token).send();
    let create = || {
        let body = json!({"chat_name": "garden"});
        client.post(format!("{at}/v1/chats")).bearer_auth(&token).header("idempotency-key", "k").json(&body).send()
    };
    assert!(get("/v1/me").await.unwrap().status().is_success());

    hold.send_replace(true);
    let patience = Duration::from_secs(4);
    for path in ["/v1/chats", "/v1/me", "/ping_db"] {
        expect_silence(get(path), patience).await;
    }
    expect_silence(create(), patience).await;
    // However many ask, nobody keeps the threads from answering what needs no storage.
    let crowd = (0..20).map(|_| tokio::spawn(get("/ping_db"))).collect::<Vec<_>>();
    assert!(client.get(format!("{at}/ping")).send().await.unwrap().status().is_success());
    for asked in crowd {
        assert_eq!(asked.await.unwrap().unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    }

    hold.send_replace(false);
    until(async || get("/ping_db").await.is_ok_and(|reply| reply.status().is_success())).await;
    until(async || create().await.is_ok_and(|reply| reply.status() == StatusCode::CREATED)).await;
    until(async || get("/v1/chats").await.is_ok_and(|reply| reply.status().is_success())).await;
    let chats = get("/v1/chats").await.unwrap().json::<Value>().await.unwrap();
    assert_eq!(
        chats["chats"].as_array().unwrap().len(),
        1,
        "the command whose outcome was unknown was found by its key"
    );
    serving.abort();
}
