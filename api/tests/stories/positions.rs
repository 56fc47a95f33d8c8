//! Positions: reading one's own writes, and those of others.

use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};
use testkit::TestApp;
use tokio::task::JoinSet;

#[tokio::test]
async fn every_write_answers_where_it_stands_in_the_log() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    let path = format!("/v1/chats/{chat}");
    let message = anna.say(&chat, "hello").await;
    let writes = [
        boris.post(&format!("{path}/users"), json!({})).await,
        anna.post(&format!("{path}/messages"), json!({"message": "again"})).await,
        anna.patch(&format!("{path}/messages/{message}"), json!({"message": "hi"})).await,
        anna.patch(&path, json!({"chat_name": "yard"})).await,
        anna.patch(&format!("{path}/users/{}", boris.user_id), json!({"role": "admin"})).await,
        anna.delete(&format!("{path}/messages/{message}")).await,
        anna.delete("/v1/me/sessions").await,
        anna.delete(&path).await,
    ];
    let mut before = 0;
    for reply in writes {
        assert!(reply.status.is_success());
        assert!(reply.position() > before, "positions grow");
        assert_eq!(reply.body["position"], reply.position());
        before = reply.position();
    }
    assert_eq!(before, app.node.log.head().unwrap().position);
    let profile = anna.patch("/v1/me", json!({"locale": "ru"})).await.expect_status(200);
    assert_eq!(profile.position(), before + 1);
    assert_eq!(profile.body.get("position"), None);
}

#[tokio::test]
async fn everybody_reads_every_write_that_was_acknowledged() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let mut talk = JoinSet::new();
    for number in 0..8 {
        let (boris, chat) = (app.user(&format!("guest {number}")).await, chat.clone());
        let anna = anna.clone();
        talk.spawn(async move {
            boris.join(&chat).await;
            for turn in 0..10 {
                let said = boris.post(&format!("/v1/chats/{chat}/messages"), json!({"message": "x"})).await;
                let id = said.expect_status(201).id("message_id");
                let reader = if turn % 2 == 0 { &anna } else { &boris };
                reader.get(&format!("/v1/chats/{chat}/messages/{id}")).await.expect_status(200);
                let page = reader.get(&format!("/v1/chats/{chat}/messages?order=newest-first&limit=1000")).await;
                assert!(page.text.contains(&id), "what was acknowledged is there");
            }
        });
    }
    talk.join_all().await;
    let app = app.restart().await;
    let all = app.again(&anna).get(&format!("/v1/chats/{chat}/messages?limit=1000")).await;
    assert_eq!(all.expect_status(200).texts().len(), 80);
}

#[tokio::test]
async fn a_read_tells_how_far_its_read_model_is() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let said = anna.post(&format!("/v1/chats/{chat}/messages"), json!({"message": "x"})).await.position();
    let reads = ["messages", "users"].map(|list| format!("/v1/chats/{chat}/{list}"));
    let others = ["/v1/me", "/v1/me/sessions", "/v1/me/sign-ins", "/v1/users", "/v1/chats"].map(str::to_owned);
    let head = app.node.log.head().unwrap().position;
    for path in reads.into_iter().chain(others).chain([format!("/v1/chats/{chat}")]) {
        let position = anna.get(&path).await.expect_status(200).position();
        assert!(position > 0 && position <= head, "{path}: {position}");
    }
    assert!(anna.get(&format!("/v1/chats/{chat}/messages")).await.position() >= said);
}

#[tokio::test]
async fn a_read_waits_for_the_position_that_it_is_told() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let path = format!("/v1/chats/{chat}/messages");
    let head = app.node.log.head().unwrap().position;
    for min in [0, 1, head] {
        let by_query = anna.get(&format!("{path}?min_position={min}")).await.expect_status(200);
        assert!(by_query.position() >= min);
        let headers = [("letopis-min-position", min.to_string())];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert!(anna.send(Method::GET, &path, None, &headers).await.expect_status(200).position() >= min);
    }
    // Told of what is only about to be written, it answers as soon as that is there.
    let ahead = format!("{path}?min_position={}", head + 1);
    let (read, _) = tokio::join!(anna.get(&ahead), anna.say(&chat, "now"));
    assert_eq!(read.expect_status(200).texts(), ["now"]);
}

#[tokio::test]
async fn a_position_that_does_not_come_is_503_in_good_time() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let began = Instant::now();
    let far = [("letopis-min-position", "18446744073709551615")];
    let paths = ["/v1/me", "/v1/users", "/v1/chats", "/v1/me/sessions", "/v1/me/sign-ins"].map(str::to_owned);
    let more = ["", "/users", "/messages"].map(|rest| format!("/v1/chats/{chat}{rest}"));
    let mut waiting = JoinSet::new();
    for path in paths.into_iter().chain(more) {
        let anna = anna.clone();
        waiting.spawn(async move {
            let by_query = format!("{path}?min_position=1000000");
            let (by_query, by_header) = tokio::join!(anna.get(&by_query), anna.send(Method::GET, &path, None, &far));
            for refused in [by_query, by_header] {
                let refused = refused.expect_problem(503, "projection-behind");
                assert!(refused.header("retry-after").parse::<u64>().is_ok());
            }
        });
    }
    waiting.join_all().await;
    assert!(began.elapsed() < Duration::from_secs(8), "all of them wait two seconds at most, and at once");
}

#[tokio::test]
async fn a_malformed_position_is_400() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    for bad in ["-1", "abc", "1.5", "0x1", "18446744073709551616", "1 2"] {
        anna.get(&format!("/v1/me?min_position={bad}")).await.expect_problem(400, "bad-parameters");
        let headers = [("letopis-min-position", bad)];
        anna.send(Method::GET, "/v1/me", None, &headers).await.expect_problem(400, "bad-parameters");
    }
    anna.get("/v1/me?min_position=").await.expect_problem(400, "bad-parameters");
}
