//! A node that is killed or stopped under traffic, and the one that goes on.

use crate::common::ledger::{Client, Ledger, Load, Outcome, compare, flood, resolve};
use crate::nodes::{Cluster, Node, SOON, log_in, log_out, me};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// How long a node that died may be missed (`docs/decisions/0013`).
const TAKEN_OVER_MAX: Duration = Duration::from_secs(5);
const CLIENTS: u64 = 4;
/// How long traffic goes on before something happens.
const BEFORE: Duration = Duration::from_millis(500);

/// Traffic to one node.
fn traffic(client: &Arc<Client>, node: &Node, prefix: &str) -> (Load, JoinHandle<Outcome>) {
    let load = Load { pause: Duration::from_millis(20), ..Load::new(CLIENTS, prefix) };
    let (client, url, flooding) = (Arc::clone(client), node.url().to_owned(), load.clone());
    (load, tokio::spawn(async move { flood(&client, &url, &flooding).await }))
}

/// What came of it. Whoever got no answer asks `node`, with the same keys.
async fn resolved(client: &Client, (load, ended): (Load, JoinHandle<Outcome>), node: &Node) -> (Ledger, Outcome) {
    load.stop.store(true, Ordering::Relaxed);
    let outcome = ended.await.unwrap();
    (resolve(client, node.url(), outcome.ledger.clone()).await, outcome)
}

/// Until that node shows a message that was posted to it just now.
async fn shows_what_is_posted(client: &Client, node: &Node, key: &str) -> Ledger {
    let began = Instant::now();
    let (status, body) = client.post(node.url(), key).await.unwrap();
    assert_eq!(status, 201, "{body}");
    while client.read(node.url()).await != 200 {
        assert!(began.elapsed() < SOON, "its read models do not follow");
    }
    Ledger::from([(key.to_owned(), body["position"].as_u64())])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_under_traffic_loses_nothing_and_is_soon_not_missed() {
    let Some(cluster) = Cluster::new().await else { return };
    let mut node = cluster.node();
    let other = cluster.node();
    let client = Arc::new(Client::signed_in(node.url()).await);
    let fed_by = cluster.holders().await;
    assert_eq!(fed_by.len(), 1, "the one that started first feeds them all");
    let (here, there) = (traffic(&client, &node, "here"), traffic(&client, &other, "there"));
    tokio::time::sleep(BEFORE).await;
    // SIGKILL.
    node.server.child.kill().unwrap();
    let killed = Instant::now();
    let mut ledger = shows_what_is_posted(&client, &other, "afterwards").await;
    let missed = killed.elapsed();
    let (here, cut_off) = resolved(&client, here, &other).await;
    let (there, went_on) = resolved(&client, there, &other).await;
    println!("missed for {missed:?}; {} acknowledged, {} not", cut_off.acknowledged(), cut_off.unknown());
    assert!(missed < TAKEN_OVER_MAX, "{missed:?}");
    assert!(cut_off.acknowledged() > 0 && cut_off.unknown() > 0, "the load was too light to prove anything");
    assert_eq!(went_on.unknown(), 0, "the other one answered everybody");
    ledger.extend(here.into_iter().chain(there));
    compare(&other.place, &ledger);
    let feeds = cluster.holders().await;
    assert!(feeds.len() == 1 && feeds != fed_by, "{feeds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_stopped_and_goes_on_after_it_was_taken_over_writes_nothing_more() {
    let Some(cluster) = Cluster::new().await else { return };
    let (node, other) = (cluster.node(), cluster.node());
    let client = Arc::new(Client::signed_in(node.url()).await);
    let fed_by = cluster.holders().await;
    let session = log_in(node.url(), "anna").await;
    assert_eq!(me(node.url(), &session).await, 200);
    let load = traffic(&client, &other, "there");
    tokio::time::sleep(BEFORE).await;
    node.signal("-STOP");
    let mut ledger = shows_what_is_posted(&client, &other, "stopped").await;
    let feeds = cluster.holders().await;
    assert!(feeds.len() == 1 && feeds != fed_by, "{feeds:?}");
    log_out(other.url(), &session).await;
    // It is asked before it goes on, so that it answers with what it knew when it was stopped, if it ever does.
    let (url, ended) = (node.url().to_owned(), session.clone());
    let asked = tokio::spawn(async move { me(&url, &ended).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    node.signal("-CONT");
    assert_eq!(asked.await.unwrap(), 401, "this session has ended meanwhile");
    let (there, went_on) = resolved(&client, load, &other).await;
    assert!(went_on.acknowledged() > 0, "the load was too light to prove anything");
    ledger.extend(there);
    for node in [&node, &other] {
        ledger.extend(shows_what_is_posted(&client, node, &format!("to {}", node.url())).await);
    }
    assert_eq!(cluster.holders().await, feeds, "it has taken nothing back");
    let sql = cluster.sql().await;
    let schemas = "select table_schema::text from information_schema.tables where table_name = 'checkpoint'";
    for row in sql.query(schemas, &[]).await.unwrap() {
        let schema: String = row.get(0);
        let epoch = sql.query_one(&format!("select epoch from {schema}.checkpoint"), &[]).await.unwrap();
        assert_eq!(epoch.get::<_, i64>(0), 2, "{schema}");
    }
    compare(&other.place, &ledger);
    node.place.run(&["projections", "verify", "--all"]).ok();
}
