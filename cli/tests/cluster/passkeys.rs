//! Passkeys on two nodes: what one node has begun is finished once, wherever.

use crate::nodes::{Cluster, Node, Reply, ask, log_in, register};
use serde_json::{Value, json};
use testkit::Authenticator;

const RACES: usize = 5;
/// Where pages are that both nodes serve.
const ORIGIN: &str = "http://localhost:8080";

async fn post(node: &Node, path: &str, with: Option<&str>, body: Value) -> Reply {
    ask("POST", format!("{}{path}", node.url()), with, Some(body)).await
}

/// What a device is asked.
async fn begun(node: &Node, path: &str, with: Option<&str>) -> Value {
    let begun = post(node, path, with, json!({})).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    begun.body["publicKey"].clone()
}

/// Gives the device's answer to both nodes at once; one of them takes it, with that status.
async fn race(nodes: &[Node; 2], path: &str, with: Option<&str>, credential: &Value, won: u16) -> Reply {
    let finish = async |node: usize| post(&nodes[node], path, with, json!({"credential": credential})).await;
    let (one, other) = tokio::join!(finish(0), finish(1));
    let (winner, lost) = if one.status == won { (one, other) } else { (other, one) };
    assert_eq!((winner.status, lost.status), (won, 401), "{winner:?} {lost:?}");
    assert_eq!(lost.body["code"], "bad-passkey");
    winner
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_answers_to_both_nodes_at_once_counts_once() {
    let Some(cluster) = Cluster::new().await else { return };
    let settings = format!("public_url = '{ORIGIN}'\nrate_limits = 'off'");
    let nodes = [(); 2].map(|()| cluster.node_by(&cluster.url, &settings));
    assert_eq!(register(nodes[0].url(), "anna").await.status, 201);
    let session = log_in(nodes[0].url(), "anna").await;
    for round in 0..RACES {
        let asked = begun(&nodes[round % 2], "/v1/me/passkeys/begin", Some(&session)).await;
        let (mut device, made) = Authenticator::make(&asked, ORIGIN);
        let added = race(&nodes, "/v1/me/passkeys/finish", Some(&session), &made, 201).await;
        for node in &nodes {
            let path = format!("/v1/me/passkeys?min_position={}", added.body["position"]);
            let listed = ask("GET", format!("{}{path}", node.url()), Some(&session), None).await;
            assert_eq!(listed.body["passkeys"].as_array().map(Vec::len), Some(round + 1), "{listed:?}");
        }
        let signed = device.sign(&begun(&nodes[(round + 1) % 2], "/v1/auth/passkey/begin", None).await);
        let winner = race(&nodes, "/v1/auth/passkey/finish", None, &signed, 200).await;
        assert!(winner.body["session_id"].is_string(), "{winner:?}");
    }
    nodes[0].place.run(&["events", "verify"]).ok();
}
