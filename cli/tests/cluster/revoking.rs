//! A session that was revoked on one node is refused by it at once, and by every other within a second
//! (CONTRACT 1.2), whatever fails.

use crate::nodes::{Cluster, Node, SOON, ask, log_in, log_out, me, register};
use servers::{Nats, Postgres, PostgresOptions, Redis, Server, Streams, installed};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The contract's bound.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);
/// How often a session is revoked on each of the nodes.
const ROUNDS: usize = 4;

/// Revokes a session on one node, which both know. Answers how long after that the other one was asked last and let it
/// in.
async fn revoke(on: &Node, other: &Node) -> Duration {
    let session = log_in(on.url(), "anna").await;
    for node in [on, other] {
        assert_eq!(me(node.url(), &session).await, 200);
    }
    log_out(on.url(), &session).await;
    let revoked = Instant::now();
    assert_eq!(me(on.url(), &session).await, 401, "it knows by itself");
    let mut let_in = Duration::ZERO;
    loop {
        let asked = revoked.elapsed();
        match me(other.url(), &session).await {
            200 => let_in = asked,
            status => {
                assert_eq!(status, 401);
                return let_in;
            }
        }
        assert!(asked < REFUSED_WITHIN, "it was let in {asked:?} after it was revoked");
    }
}

async fn revoke_often(nodes: &[Node; 2], told: &str) {
    let mut longest = Duration::ZERO;
    for _ in 0..ROUNDS {
        longest = longest.max(revoke(&nodes[0], &nodes[1]).await).max(revoke(&nodes[1], &nodes[0]).await);
    }
    println!("{told}: let in for {longest:?} at most");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_node_refuses_it_within_a_second() {
    let Some(cluster) = Cluster::new().await else { return };
    let nodes = [cluster.node(), cluster.node()];
    assert_eq!(register(nodes[0].url(), "anna").await.status, 201);
    revoke_often(&nodes, "without anything else").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_node_refuses_it_within_a_second_also_when_redis_and_nats_go_and_come_back() {
    let Some(cluster) = Cluster::new().await else { return };
    if !installed(Server::Redis) || !installed(Server::Nats) {
        return;
    }
    let (mut redis, mut nats) = (Redis::start().unwrap(), Nats::start().unwrap());
    let settings = format!("redis_url = '{}'\nnats_url = '{}'", redis.url(), nats.url());
    let nodes = [(); 2].map(|()| cluster.node_by(&cluster.url, &settings));
    assert_eq!(register(nodes[0].url(), "anna").await.status, 201);
    revoke_often(&nodes, "with Redis and NATS").await;
    nats.stop();
    revoke_often(&nodes, "without NATS").await;
    redis.stop();
    revoke_often(&nodes, "without both").await;
    tokio::task::block_in_place(|| nats.restart(Streams::Kept)).unwrap();
    tokio::task::block_in_place(|| redis.restart()).unwrap();
    revoke_often(&nodes, "with both again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_lets_it_in_while_the_read_model_of_sessions_cannot_be_written() {
    let Some(cluster) = Cluster::new().await else { return };
    // The first one feeds the read models, so its tail is what waits.
    let nodes = [cluster.node(), cluster.node()];
    for name in ["anna", "boris"] {
        assert_eq!(register(nodes[0].url(), name).await.status, 201);
    }
    let (session, goes_on) = (log_in(nodes[0].url(), "anna").await, log_in(nodes[0].url(), "boris").await);
    for node in &nodes {
        assert_eq!((me(node.url(), &session).await, me(node.url(), &goes_on).await), (200, 200));
    }
    let mut sql = cluster.sql().await;
    let schema = "select table_schema::text from information_schema.tables
                  where table_name = 'checkpoint' and table_schema like 'letopis\\_sessions%'";
    let schema: String = sql.query_one(schema, &[]).await.unwrap().get(0);
    let held = sql.transaction().await.unwrap();
    held.execute(&format!("update {schema}.checkpoint set position = position"), &[]).await.unwrap();
    // Something else comes first, so that the tail of the node that feeds it waits and hears of nothing more.
    log_in(nodes[1].url(), "boris").await;
    let waits =
        "select exists (select 1 from pg_locks where not granted and transactionid = pg_current_xact_id()::xid)";
    let began = Instant::now();
    while !held.query_one(waits, &[]).await.unwrap().get::<_, bool>(0) {
        assert!(began.elapsed() < SOON, "nobody wants to write it");
    }
    // Whatever a node has just acknowledged itself: it knows at once whom that does not concern.
    for node in &nodes {
        log_in(node.url(), "boris").await;
        assert_eq!(me(node.url(), &goes_on).await, 200);
    }
    // On the other node; logging out needs no read model.
    log_out(nodes[1].url(), &session).await;
    let revoked = Instant::now();
    tokio::time::sleep(REFUSED_WITHIN).await;
    while revoked.elapsed() < REFUSED_WITHIN * 4 {
        for (node, feeds) in nodes.iter().zip([true, false]) {
            let reply = ask("GET", format!("{}/v1/me", node.url()), Some(&session), None).await;
            assert_eq!(reply.status, 503, "{feeds} {:?} {reply:?}", revoked.elapsed());
            assert_eq!(reply.body["code"], "projection-behind");
            assert!(reply.headers.contains_key("retry-after"));
            assert_eq!(me(node.url(), &goes_on).await, 200, "nothing of his has ended");
        }
    }
    held.rollback().await.unwrap();
    for node in &nodes {
        while me(node.url(), &session).await != 401 {
            assert!(revoked.elapsed() < SOON, "the read model does not follow any more");
        }
        assert_eq!(me(node.url(), &goes_on).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_the_database_brings_nobody_back() {
    if !installed(Server::Postgres) {
        return;
    }
    let mut postgres = Postgres::start(PostgresOptions::default()).unwrap();
    let cluster = Cluster::at(&postgres.url());
    let sql = cluster.sql().await;
    // What does not wait for the disk gets there when something else does.
    sql.execute("alter system set wal_writer_delay = '10s'", &[]).await.unwrap();
    sql.execute("select pg_reload_conf()", &[]).await.unwrap();
    let nodes = [cluster.node(), cluster.node()];
    assert_eq!(register(nodes[0].url(), "anna").await.status, 201);
    let session = log_in(nodes[0].url(), "anna").await;
    for node in &nodes {
        assert_eq!(me(node.url(), &session).await, 200);
    }
    log_out(nodes[0].url(), &session).await;
    let began = Instant::now();
    for node in &nodes {
        // Its read model has seen the end; nothing is written after that.
        while me(node.url(), &session).await != 401 {
            assert!(began.elapsed() < SOON, "it is let in");
        }
    }
    postgres.kill();
    tokio::task::block_in_place(|| postgres.restart()).unwrap();
    let back = Instant::now();
    for node in nodes.iter().cycle() {
        match me(node.url(), &session).await {
            401 if back.elapsed() > REFUSED_WITHIN => return,
            status => assert!(status == 401 || status == 503, "{status} {:?} after the crash", back.elapsed()),
        }
        assert!(back.elapsed() < SOON, "nobody answers");
    }
}

/// What is watched while Redis fails.
struct Watch {
    urls: [String; 2],
    answers: AtomicU64,
    over: AtomicBool,
}

impl Watch {
    /// A session that goes on is never refused, on either node.
    async fn goes_on(self: Arc<Self>, session: String) {
        while !self.over.load(Ordering::Relaxed) {
            for url in &self.urls {
                assert_eq!(me(url, &session).await, 200);
            }
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// One that was revoked is never let in again, a second later on either node.
    async fn ends(self: Arc<Self>) {
        let mut ended: Vec<(String, Instant)> = Vec::new();
        for turn in (0..2).cycle() {
            let [on, other] = [&self.urls[turn], &self.urls[1 - turn]];
            let session = log_in(on, "boris").await;
            assert_eq!(me(other, &session).await, 200);
            log_out(on, &session).await;
            assert_eq!(me(on, &session).await, 401);
            ended.push((session, Instant::now()));
            for (session, revoked) in ended.iter().rev().take(3).chain(ended.first()) {
                let due = revoked.elapsed() >= REFUSED_WITHIN;
                let status = me(other, session).await;
                assert!(
                    status == 401 || status == 200 && !due,
                    "{status} {:?} after it was revoked",
                    revoked.elapsed()
                );
            }
            self.answers.fetch_add(1, Ordering::Relaxed);
            if self.over.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    /// Lets everybody ask on.
    async fn some_answers(&self) {
        let (before, began) = (self.answers.load(Ordering::Relaxed), Instant::now());
        while self.answers.load(Ordering::Relaxed) < before + 12 {
            assert!(began.elapsed() < SOON, "nobody is answered");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_emptied_and_restarted_under_traffic_refuses_nobody_and_brings_nobody_back() {
    let Some(cluster) = Cluster::new().await else { return };
    if !installed(Server::Redis) {
        return;
    }
    let mut redis = Redis::start().unwrap();
    let settings = format!("redis_url = '{}'", redis.url());
    let nodes = [(); 2].map(|()| cluster.node_by(&cluster.url, &settings));
    let urls = nodes.each_ref().map(|node| node.url().to_owned());
    let watch = Arc::new(Watch { urls, answers: AtomicU64::new(0), over: AtomicBool::new(false) });
    for name in ["anna", "boris"] {
        assert_eq!(register(nodes[0].url(), name).await.status, 201);
    }
    let mut traffic = JoinSet::new();
    for turn in [0, 1, 0] {
        let session = log_in(&watch.urls[turn], "anna").await;
        traffic.spawn(Arc::clone(&watch).goes_on(session));
    }
    traffic.spawn(Arc::clone(&watch).ends());
    for _ in 0..3 {
        watch.some_answers().await;
        let mut connection =
            redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
        let () = redis::cmd("FLUSHALL").query_async(&mut connection).await.unwrap();
        watch.some_answers().await;
        redis.kill();
        watch.some_answers().await;
        tokio::task::block_in_place(|| redis.restart()).unwrap();
    }
    watch.some_answers().await;
    watch.over.store(true, Ordering::Relaxed);
    while let Some(ended) = traffic.join_next().await {
        ended.unwrap();
    }
}
