//! What looking a session up costs: `cargo nextest run --release -p api --run-ignored only measure --no-capture`.

use super::*;
use crate::Settings;
use node::redis::Address;
use node::{Node, NodeOptions};
use std::time::Instant;

const LOOKS: usize = 20_000;
const AT_ONCE: usize = 16;

/// Made-up sessions in Redis, looked up by a node that has none of them; then by one that has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it measures, and tests nothing"]
async fn measure_a_look_up() {
    if !servers::installed(servers::Server::Redis) {
        return;
    }
    let server = servers::Redis::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let redis = Some(Address::parse(&server.url()).unwrap());
    let options = NodeOptions { redis, ..NodeOptions::new(data) };
    let node = Node::open(options).await.unwrap();
    let app = App::new(&node, Settings::default());
    let stamp = Stamp {
        generation: app.projections.open_sessions().generation(),
        mark: app.projections.mark(projections::ProjectionId::Sessions),
    };
    for number in 0..LOOKS {
        let open = sessions::Open {
            session_id: domain::SessionId(uuid::Uuid::now_v7()),
            user_id: UserId(uuid::Uuid::now_v7()),
            created_at: Timestamp(0),
            expires_at: Timestamp(i64::MAX),
            proved_at: Timestamp(0),
            on_two: false,
        };
        let found = SessionHit { open, source: Source::Model(stamp) };
        app.share(&number.to_string(), &found, Timestamp(0)).await;
        while number == 0 && app.session_of("0").await.unwrap().is_none() {
            // It is not connected yet.
            app.share("0", &found, Timestamp(0)).await;
        }
    }
    for at_once in [1, AT_ONCE] {
        app.projections.open_sessions().clear();
        report("Redis", at_once, &app).await;
        report("this process", at_once, &app).await;
    }
}

async fn report(from: &str, at_once: usize, app: &App) {
    let began = Instant::now();
    let tasks = (0..at_once).map(|task| {
        let app = app.clone();
        tokio::spawn(async move {
            let mut took = Vec::new();
            for number in (task..LOOKS).step_by(at_once) {
                let began = Instant::now();
                assert!(app.session_of(&number.to_string()).await.unwrap().is_some());
                took.push(began.elapsed());
            }
            took
        })
    });
    let mut took = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        took.extend(task.await.unwrap());
    }
    let per_second = LOOKS as f64 / began.elapsed().as_secs_f64();
    took.sort_unstable();
    let part = |percent: usize| took[(took.len() - 1) * percent / 100];
    let (half, most) = (part(50), part(99));
    println!("{from}, {at_once} at once: p50 {half:?}, p99 {most:?}, {per_second:.0} a second");
}
