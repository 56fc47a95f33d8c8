//! Second factors on two nodes: what is shown once counts once, wherever.

use crate::nodes::{Cluster, Node, Reply, ask, log_in, register};
use serde_json::{Value, json};
use testkit::Device;

const PASSWORD: &str = "a long enough passphrase";
/// Each takes three of the ten recovery codes.
const RACES: usize = 3;

async fn post(node: &Node, path: &str, with: Option<&str>, body: Value) -> Reply {
    ask("POST", format!("{}{path}", node.url()), with, Some(body)).await
}

/// Anna's device.
async fn device(node: &Node) -> Device {
    assert_eq!(register(node.url(), "anna").await.status, 201);
    let session = log_in(node.url(), "anna").await;
    let begun = post(node, "/v1/me/totp", Some(&session), json!({"password": PASSWORD})).await;
    let mut device = Device::of(begun.body["secret"].as_str().unwrap());
    let code = json!({"code": device.code(0)});
    let confirmed = post(node, "/v1/me/totp/confirm", Some(&session), code).await;
    let codes = confirmed.body["recovery_codes"].as_array().unwrap();
    device.recovery_codes = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    device
}

async fn challenge(node: &Node) -> String {
    let body = json!({"user_name": "anna", "password": PASSWORD});
    let reply = post(node, "/v1/auth/login", None, body).await;
    assert_eq!((reply.status, &reply.body["code"]), (401, &"second-factor-needed".into()), "{reply:?}");
    reply.body["challenge"].as_str().unwrap().to_owned()
}

/// Shows a code to each node at once; one of them takes it.
async fn race(nodes: &[Node; 2], challenges: [&str; 2], codes: [&str; 2]) {
    let show = async |place: usize| {
        let body = json!({"challenge": challenges[place], "code": codes[place]});
        post(&nodes[place], "/v1/auth/login/second", None, body).await
    };
    let (one, other) = tokio::join!(show(0), show(1));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401], "{one:?} {other:?}");
    let lost = if one.status == 401 { one } else { other };
    assert_eq!(lost.body["code"], "bad-code");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_a_recovery_code_and_a_challenge_that_both_nodes_see_at_once_have_one_winner() {
    let Some(cluster) = Cluster::new().await else { return };
    let nodes = [cluster.node(), cluster.node()];
    let mut device = device(&nodes[0]).await;
    let code = device.code(1);
    race(&nodes, [&challenge(&nodes[0]).await, &challenge(&nodes[1]).await], [&code, &code]).await;
    for on in 0..RACES {
        let recovery = device.recovery_code();
        race(&nodes, [&challenge(&nodes[0]).await, &challenge(&nodes[1]).await], [&recovery, &recovery]).await;
        // One challenge, which either node has made, and two codes.
        let waiting = challenge(&nodes[on % 2]).await;
        race(&nodes, [&waiting, &waiting], [&device.recovery_code(), &device.recovery_code()]).await;
    }
    nodes[0].place.run(&["events", "verify"]).ok();
}
