//! One node sends, and another goes on when it is stopped.

use crate::common::people::{Nina, sign_up};
use crate::nodes::{Cluster, SOON};
use serde_json::{Value, json};
use servers::SmtpSink;
use std::collections::HashMap;
use std::time::Duration;

/// As many as a node sends at once.
const IN_FLIGHT_MAX: u64 = 64;
/// How long it takes until the other node has taken over, and all is sent, on a machine that has much else to do.
const WITHIN: Duration = Duration::from_secs(90);

async fn until(what: &str, within: Duration, is_so: impl AsyncFn() -> bool) {
    let looking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(within, looking).await.unwrap_or_else(|_| panic!("not within {within:?}: {what}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_stopped_while_it_sent_tells_nobody_twice_when_it_goes_on() {
    const PEOPLE: u32 = 300;
    let Some(cluster) = Cluster::new().await else { return };
    let sink = SmtpSink::start().await;
    std::thread::scope(|scope| scope.spawn(|| sign_up(&mut cluster.appender(), PEOPLE)).join().unwrap());
    let settings = [
        format!("smtp_url = '{}'", sink.url("?tls=none")),
        "mail_from = 'news@example.org'".to_owned(),
        "mail_per_second_max = '30'".to_owned(),
    ];
    let sending = cluster.node_by(&cluster.url, &settings.join("\n"));
    Nina::created(&sending.place);
    let nina = Nina::signed_in(sending.url()).await;
    let news = json!({
        "name": "News", "category": "marketing", "audience": {"role": "user"}, "channels": ["email"],
        "content": {"subject": "News", "text": "There is news."},
    });
    let created = nina.post(sending.url(), "/v1/mailings", news).await;
    let path = format!("/v1/mailings/{}", created["mailing_id"].as_str().unwrap());
    nina.post(sending.url(), &format!("{path}/start"), Value::Null).await;
    until("it sends", SOON, async || sink.received().len() > 10).await;
    let other = cluster.node_by(&cluster.url, &settings.join("\n"));
    sending.signal("-STOP");
    let before = sink.received().len();
    assert!(before < PEOPLE as usize - 50, "it was too fast to prove anything");
    until("the other one goes on", WITHIN, async || sink.received().len() > before + 20).await;
    sending.signal("-CONT");
    // What the first one had begun and not given away rests for some minutes; all the others' are sent.
    let count = |shown: &Value, state: &str| shown["counts"][state].as_u64().unwrap_or_default();
    let ended = |shown: &Value| ["accepted", "unknown", "deferred"].map(|state| count(shown, state));
    let is_done = async || {
        let shown = nina.get(other.url(), &path).await;
        ended(&shown).iter().sum::<u64>() == u64::from(PEOPLE) && count(&shown, "deferred") <= IN_FLIGHT_MAX
    };
    until("all but those are sent", WITHIN, is_done).await;

    let mut received = HashMap::<String, u32>::new();
    for mail in sink.received() {
        *received.entry(mail.to).or_default() += 1;
    }
    assert!(received.values().all(|count| *count == 1), "somebody got it twice: {received:?}");
    let [accepted, ..] = ended(&nina.get(other.url(), &path).await);
    assert!(received.len() as u64 >= accepted, "{} came, and {accepted} were accepted", received.len());
}
