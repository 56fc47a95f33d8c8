//! Sessions looked up in Redis: what it holds, loses, or gets back changes nobody's answer.

use super::until;
use node::redis::Address;
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, Client, cmd};
use reqwest::Method;
use servers::{Redis, Server};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use testkit::{Actor, TestApp};

/// Sessions whose answers are watched under faults, all the time.
const WATCHED: usize = 3;
/// How many answers each watched session gets between two faults.
const ANSWERS: u64 = 10;
/// How often Redis is emptied, and gets back what it held before.
const FLUSHES: usize = 20;
/// How often Redis is killed.
const KILLS: usize = 3;

async fn app_with(url: &str) -> TestApp {
    TestApp::start_sharing(Address::parse(url).unwrap()).await
}

async fn connection(url: &str) -> MultiplexedConnection {
    Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
}

/// Everything that Redis holds.
async fn held(redis: &mut MultiplexedConnection) -> BTreeMap<String, Vec<u8>> {
    let keys: Vec<String> = redis.keys("*").await.unwrap();
    let mut held = BTreeMap::new();
    for key in keys {
        if let Some(value) = redis.get::<_, Option<Vec<u8>>>(&key).await.unwrap() {
            held.insert(key, value);
        }
    }
    held
}

/// Asks as at a node that has not seen this session: what the process keeps is forgotten before.
async fn asked(app: &TestApp, actor: &Actor) -> testkit::Reply {
    app.node.projections.open_sessions().clear();
    actor.get("/v1/me").await
}

/// Asks until Redis holds that many sessions.
async fn shared(app: &TestApp, actors: &[&Actor], url: &str) -> BTreeMap<String, Vec<u8>> {
    until(async || {
        for actor in actors {
            asked(app, actor).await.expect_status(200);
        }
        held(&mut connection(url).await).await.len() == actors.len()
    })
    .await;
    held(&mut connection(url).await).await
}

/// How many look-ups have found a session there.
async fn figure(app: &TestApp, found: &str) -> u64 {
    let figures = reqwest::get(format!("{}/metrics", app.url)).await.unwrap().text().await.unwrap();
    let name = format!("letopis_session_lookups_total{{found=\"{found}\"}} ");
    figures.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn a_session_is_found_in_redis_and_else_in_the_read_model() {
    let Some(space) = servers::redis().await else { return };
    let app = app_with(space.url()).await;
    let anna = app.user("Anna").await;
    let held = shared(&app, &[&anna], space.url()).await;
    let token = anna.token.as_ref().unwrap();
    for (key, value) in &held {
        let text = format!("{key} {}", String::from_utf8_lossy(value));
        assert!(key.starts_with("letopis:") && !text.contains("Anna") && !text.contains(token), "{text}");
        let left: i64 = connection(space.url()).await.pttl(key).await.unwrap();
        assert!(left > 0, "it would stay for ever");
    }
    let looked_up = |found: &'static str| figure(&app, found);
    let before = looked_up("redis").await;
    asked(&app, &anna).await.expect_status(200);
    assert!(looked_up("redis").await > before, "a node that has not seen it asks Redis");
    let () = cmd("FLUSHDB").query_async(&mut connection(space.url()).await).await.unwrap();
    let before = looked_up("model").await;
    asked(&app, &anna).await.expect_status(200);
    assert!(looked_up("model").await > before, "and else the read model");
    let before = looked_up("process").await;
    anna.get("/v1/me").await.expect_status(200);
    assert!(looked_up("process").await > before, "and keeps it");
}

#[tokio::test]
async fn what_comes_late_into_redis_or_again_or_by_another_hand_brings_nobody_back() {
    let Some(space) = servers::redis().await else { return };
    let app = app_with(space.url()).await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let mut phone = app.anonymous();
    phone.log_in("Anna").await.expect_status(200);
    let only_anna = shared(&app, &[&anna], space.url()).await;
    let held = shared(&app, &[&anna, &boris, &phone], space.url()).await;
    let mut redis = connection(space.url()).await;
    anna.send(Method::POST, "/v1/auth/logout", None, &[]).await.expect_status(200);
    asked(&app, &anna).await.expect_problem(401, "invalid-session-id");
    // Who read before the end writes now; a Redis that was emptied or lost its disk is back with an old copy.
    let () = cmd("FLUSHDB").query_async(&mut redis).await.unwrap();
    for (key, value) in &held {
        let () = redis.set(key, value).await.unwrap();
    }
    asked(&app, &anna).await.expect_problem(401, "invalid-session-id");
    assert_eq!(asked(&app, &phone).await.expect_status(200).id("user_id"), phone.user_id);
    assert_eq!(asked(&app, &boris).await.expect_status(200).id("user_id"), boris.user_id);

    // One session's entry under another one's key, and entries that somebody has changed.
    let annas = only_anna.values().next().unwrap();
    let mut changed = annas.clone();
    changed[20] ^= 1;
    for value in [annas, &changed, &Vec::new(), &b"{}".to_vec()] {
        for key in held.keys() {
            let () = redis.set(key, value).await.unwrap();
        }
        asked(&app, &anna).await.expect_problem(401, "invalid-session-id");
        assert_eq!(asked(&app, &boris).await.expect_status(200).id("user_id"), boris.user_id);
    }
}

/// What is watched while Redis fails.
struct Watch {
    app: TestApp,
    answers: AtomicU64,
    over: AtomicBool,
}

impl Watch {
    /// A session that goes on is never refused.
    async fn goes_on(self: Arc<Self>, actor: Actor) {
        while !self.over.load(Ordering::Relaxed) {
            asked(&self.app, &actor).await.expect_status(200);
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A session that has ended is never let in again.
    async fn ends(self: Arc<Self>, name: &'static str) {
        let mut ended: Vec<Actor> = Vec::new();
        while !self.over.load(Ordering::Relaxed) {
            let mut actor = self.app.anonymous();
            actor.log_in(name).await.expect_status(200);
            asked(&self.app, &actor).await.expect_status(200);
            actor.send(Method::POST, "/v1/auth/logout", None, &[]).await.expect_status(200);
            ended.push(actor);
            for actor in ended.iter().rev().take(5).chain(ended.first()) {
                asked(&self.app, actor).await.expect_problem(401, "invalid-session-id");
            }
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lets everybody ask on.
    async fn some_answers(&self) {
        let before = self.answers.load(Ordering::Relaxed);
        until(async || self.answers.load(Ordering::Relaxed) >= before + ANSWERS * (WATCHED as u64 + 1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_emptied_killed_and_restored_under_traffic_refuses_nobody_and_brings_nobody_back() {
    if !servers::installed(Server::Redis) {
        return;
    }
    let mut server = Redis::start().unwrap();
    let url = server.url();
    let watch = Watch { app: app_with(&url).await, answers: AtomicU64::new(0), over: AtomicBool::new(false) };
    let watch = Arc::new(watch);
    let mut traffic = tokio::task::JoinSet::new();
    for number in 0..WATCHED {
        let actor = watch.app.user(&format!("Anna{number}")).await;
        traffic.spawn(Arc::clone(&watch).goes_on(actor));
    }
    watch.app.anonymous().register("Boris").await.expect_status(201);
    traffic.spawn(Arc::clone(&watch).ends("Boris"));

    let filled = || until(async || held(&mut connection(&url).await).await.len() > WATCHED);
    for _ in 0..FLUSHES {
        filled().await;
        let mut redis = connection(&url).await;
        let before = held(&mut redis).await;
        watch.some_answers().await;
        let () = cmd("FLUSHALL").query_async(&mut redis).await.unwrap();
        for (key, value) in before {
            let () = redis.set(key, value).await.unwrap();
        }
        watch.some_answers().await;
    }
    for _ in 0..KILLS {
        filled().await;
        server.kill();
        watch.some_answers().await;
        tokio::task::block_in_place(|| server.restart()).unwrap();
        watch.some_answers().await;
    }
    filled().await;
    watch.over.store(true, Ordering::Relaxed);
    while let Some(ended) = traffic.join_next().await {
        ended.unwrap();
    }
}
