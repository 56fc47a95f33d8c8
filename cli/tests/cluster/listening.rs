//! Live on several nodes: whichever of them tells, each thing is heard once and in order.

use crate::nodes::{Cluster, Node, ask, log_in, log_out, register};
use serde_json::json;
use servers::{Nats, Server, Streams, installed};
use std::time::{Duration, Instant};
use testkit::{Heard, Live};

/// A node that died is believed to hold its people for so long (`docs/decisions/0032`), and some more on a busy machine.
const BELIEVED: Duration = Duration::from_secs(60);

async fn listen(node: &Node, session: &str, from: Option<u64>) -> Live {
    let from = from.map(|from| format!("?from={from}")).unwrap_or_default();
    let asked = reqwest::Client::new().get(format!("{}/v1/live{from}", node.url())).bearer_auth(session);
    Live::over(asked.send().await.unwrap()).await
}

/// Anna's and Boris's sessions, and the chat that they share.
async fn pair(node: &Node) -> (String, String, String) {
    for name in ["anna", "boris"] {
        assert_eq!(register(node.url(), name).await.status, 201);
    }
    let (anna, boris) = (log_in(node.url(), "anna").await, log_in(node.url(), "boris").await);
    let made = ask("POST", format!("{}/v1/chats", node.url()), Some(&anna), Some(json!({"chat_name": "garden"}))).await;
    let chat = made.body["chat_id"].as_str().unwrap().to_owned();
    let joined = ask("POST", format!("{}/v1/chats/{chat}/users", node.url()), Some(&boris), Some(json!({}))).await;
    assert_eq!(joined.status, 201, "{joined:?}");
    (anna, boris, chat)
}

async fn say(node: &Node, session: &str, chat: &str, text: &str) {
    let body = json!({"message": text});
    let said = ask("POST", format!("{}/v1/chats/{chat}/messages", node.url()), Some(session), Some(body)).await;
    assert_eq!(said.status, 201, "{said:?}");
}

fn text(heard: &Heard) -> String {
    heard.data["message"]["text"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_to_a_node_that_is_killed_misses_nothing_at_the_other() {
    const MESSAGES: usize = 200;
    let Some(cluster) = Cluster::new().await else { return };
    let (mut dying, other) = (cluster.node(), cluster.node());
    let (anna, boris, chat) = pair(&other).await;
    let mut live = listen(&dying, &boris, None).await;
    let (url, told) = (chat.clone(), anna.clone());
    let posting = tokio::spawn(async move {
        for number in 0..MESSAGES {
            say(&other, &told, &url, &number.to_string()).await;
        }
        other
    });
    let mut heard = Vec::new();
    while heard.len() < MESSAGES / 4 {
        heard.push(live.find("message.posted").await);
    }
    // SIGKILL; what is on its way then may or may not be heard.
    dying.server.child.kill().unwrap();
    heard.extend(live.rest().await.into_iter().filter(|heard| heard.event == "message.posted"));
    let other = posting.await.unwrap();
    let mut live = listen(&other, &boris, heard.last().unwrap().id).await;
    while heard.len() < MESSAGES {
        heard.push(live.find("message.posted").await);
    }
    let expected = (0..MESSAGES).map(|number| number.to_string()).collect::<Vec<_>>();
    assert_eq!(heard.iter().map(text).collect::<Vec<_>>(), expected);
    assert!(heard.is_sorted_by(|one, next| one.id < next.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_on_one_node_cuts_its_stream_on_the_other() {
    let Some(cluster) = Cluster::new().await else { return };
    let nodes = [cluster.node(), cluster.node()];
    let (anna, _, chat) = pair(&nodes[0]).await;
    for (on, other) in [(0, 1), (1, 0)] {
        let boris = log_in(nodes[on].url(), "boris").await;
        let mut live = listen(&nodes[other], &boris, None).await;
        say(&nodes[on], &anna, &chat, "here").await;
        assert_eq!(text(&live.find("message.posted").await), "here");
        log_out(nodes[on].url(), &boris).await;
        let ended = Instant::now();
        let rest = live.rest().await;
        assert_eq!(rest.last().map(|last| &last.data), Some(&json!({"reason": "session-ended"})), "{rest:?}");
        println!("cut after {:?}", ended.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_and_who_is_there_is_known_on_the_other_node_while_there_is_nats() {
    let Some(cluster) = Cluster::new().await else { return };
    if !installed(Server::Nats) {
        return;
    }
    let mut nats = Nats::start().unwrap();
    let settings = format!("nats_url = '{}'", nats.url());
    let [mut dying, other] = [(); 2].map(|()| cluster.node_by(&cluster.url, &settings));
    let (anna, boris, chat) = pair(&other).await;
    let mut live = listen(&other, &anna, None).await;
    let there = listen(&dying, &boris, None).await;
    let online = |heard: &Heard| heard.data["online"].as_bool();
    assert_eq!(online(&live.find("presence").await), Some(true));
    // As clients do it: again and again.
    let typing = async |node: &Node, live: &mut Live| {
        let again = async {
            loop {
                ask("POST", format!("{}/v1/chats/{chat}/typing", node.url()), Some(&boris), None).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            heard = live.find("typing") => heard,
            () = again => unreachable!("it goes on"),
        }
    };
    typing(&dying, &mut live).await;
    // Without NATS what is in the log is told all the same; with it again the rest as well.
    nats.stop();
    say(&dying, &boris, &chat, "without it").await;
    assert_eq!(text(&live.find("message.posted").await), "without it");
    tokio::task::block_in_place(|| nats.restart(Streams::Lost)).unwrap();
    typing(&dying, &mut live).await;
    drop(there);
    dying.server.child.kill().unwrap();
    // Who was there is gone once nobody has said so for a while. A listener wants to hear something meanwhile.
    let gone = async { while online(&live.find("presence").await) != Some(false) {} };
    let meanwhile = async {
        loop {
            say(&other, &anna, &chat, "still here").await;
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
    };
    let is_gone = tokio::select! {
        gone = tokio::time::timeout(BELIEVED, gone) => gone.is_ok(),
        () = meanwhile => unreachable!("it goes on"),
    };
    assert!(is_gone, "they are not there for ever");
}
