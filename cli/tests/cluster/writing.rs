//! Two nodes that append: who wins, and what becomes of a commit whose answer is lost.

use crate::common::ledger::Client;
use crate::nodes::{Cluster, ask, log_in, register};
use serde_json::json;
use servers::{Fate, Proxy};

const RACES: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_registered_on_both_nodes_at_once_has_one_winner() {
    let Some(cluster) = Cluster::new().await else { return };
    let nodes = [cluster.node(), cluster.node()];
    for race in 0..RACES {
        let name = format!("anna{race}");
        let (one, other) = tokio::join!(register(nodes[0].url(), &name), register(nodes[1].url(), &name));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "{one:?} {other:?}");
        let lost = if one.status == 409 { one } else { other };
        assert_eq!(lost.body["code"], "user-already-exists");
    }
    nodes[0].place.run(&["events", "verify"]).ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_commit_got_no_answer_is_found_by_its_key_on_the_other_node() {
    let Some(cluster) = Cluster::new().await else { return };
    let proxy = Proxy::before(&cluster.url, "letopis.write_batch").unwrap();
    let (node, other) = (cluster.node_by(proxy.url(), ""), cluster.node());
    let client = Client::signed_in(node.url()).await;
    for (key, fate) in [("cut", Fate::Cut), ("disowned", Fate::Disowned)] {
        proxy.next_commit(fate);
        let (status, body) = client.post(node.url(), key).await.unwrap();
        assert_eq!((status, &body["code"]), (503, &"unavailable".into()), "{body}");
        let (status, there) = client.post(other.url(), key).await.unwrap();
        assert_eq!(status, 201, "{there}");
        let (status, here) = client.post(node.url(), key).await.unwrap();
        assert_eq!((status, here), (201, there));
    }
    let posted = other.place.run(&["events", "ls", "--type", "message.posted.v1", "-o", "ndjson"]).ok();
    assert_eq!(posted.lines().len(), 2, "each is there once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nickname_that_two_people_want_on_two_nodes_at_once_has_one_winner() {
    let Some(cluster) = Cluster::new().await else { return };
    let nodes = [cluster.node(), cluster.node()];
    let mut sessions = Vec::new();
    for (node, name) in [(0, "owner"), (0, "anna"), (1, "boris")] {
        assert_eq!(register(nodes[node].url(), name).await.status, 201);
        sessions.push(log_in(nodes[node].url(), name).await);
    }
    let mut won = [0, 0];
    for race in 0..RACES {
        let created = json!({"chat_name": format!("race {race}")});
        let created = ask("POST", format!("{}/v1/chats", nodes[0].url()), Some(&sessions[0]), Some(created)).await;
        let members = format!("/v1/chats/{}/users", created.body["chat_id"].as_str().unwrap());
        // The spellings of one name.
        let join = async |node: usize, nickname: &str| {
            let body = json!({"user_name": nickname});
            ask("POST", format!("{}{members}", nodes[node].url()), Some(&sessions[node + 1]), Some(body)).await
        };
        let (one, other) = tokio::join!(join(0, "Zürich"), join(1, "zu\u{308}rich"));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "{one:?} {other:?}");
        let lost = usize::from(other.status == 409);
        won[1 - lost] += 1;
        assert_eq!([&one, &other][lost].body["code"], "name-taken");
        // And whoever has lost comes in by another name.
        assert_eq!(join(lost, "another name").await.status, 201);
        let seen = format!("{}{members}", nodes[lost].url());
        let seen = ask("GET", seen, Some(&sessions[0]), None).await;
        assert_eq!(seen.body["users"].as_array().map(Vec::len), Some(3), "{seen:?}");
    }
    println!("won by either node: {won:?}");
    nodes[0].place.run(&["events", "verify"]).ok();
    nodes[1].place.run(&["projections", "verify", "--all"]).ok();
}
