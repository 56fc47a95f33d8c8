//! Two nodes that append: who wins, and what becomes of a commit whose answer is lost.

use crate::common::ledger::Client;
use crate::nodes::{Cluster, register};
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
