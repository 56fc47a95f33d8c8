//! A chat as lines of JSON.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, TestApp};

async fn lines(actor: &Actor, chat: &str) -> Vec<Value> {
    let reply = actor.get(&format!("/v1/chats/{chat}/export")).await.expect_status(200);
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    assert!(reply.header("content-disposition").starts_with("attachment"));
    assert!(reply.position() > 0);
    reply.text.lines().map(|line| line.parse().unwrap()).collect()
}

#[tokio::test]
async fn the_owner_gets_every_message_as_it_is_read() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let (chat, yard) = (anna.chat("garden").await, anna.chat("yard").await);
    assert_eq!(lines(&anna, &chat).await, [Value::Null; 0]);
    boris.join(&chat).await;
    anna.say(&yard, "elsewhere").await;
    let mut said = Vec::new();
    for number in 0..47 {
        let by = if number % 2 == 0 { &anna } else { &boris };
        said.push(by.say(&chat, &format!("line\n{number} \"quoted\" \u{1f600}")).await);
    }
    let gone = format!("/v1/chats/{chat}/messages/{}", said.remove(20));
    anna.delete(&gone).await.expect_status(200);
    let edited = format!("/v1/chats/{chat}/messages/{}", said[2]);
    anna.patch(&edited, json!({"message": "edited"})).await.expect_status(200);
    let reaction = format!("{edited}/reactions/%F0%9F%91%8D");
    boris.send(Method::PUT, &reaction, None, &[]).await.expect_status(200);
    let exported = lines(&anna, &chat).await;
    let ids = exported.iter().map(|line| line["message_id"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(ids, said);
    let read = anna.get(&format!("/v1/chats/{chat}/messages?limit=1000")).await.body["messages"].clone();
    assert_eq!(json!(exported), read);
    assert_eq!(exported[2]["reactions"], json!([{"emoji": "\u{1f44d}", "count": 1, "mine": false}]));
    boris.send(Method::DELETE, "/v1/me", Some(json!({"password": boris.password()})), &[]).await.expect_status(200);
    let left = lines(&anna, &chat).await;
    assert!(left.len() > 20 && left.iter().all(|line| line["user_id"] == *anna.user_id), "{left:?}");
}

#[tokio::test]
async fn nobody_else_does() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    let path = format!("/v1/chats/{chat}/export");
    boris.get(&path).await.expect_problem(403, "not-a-member");
    app.anonymous().get(&path).await.expect_problem(401, "auth-failed");
    boris.join(&chat).await;
    let member = format!("/v1/chats/{chat}/users/{}", boris.user_id);
    for role in ["muted", "member", "admin"] {
        anna.patch(&member, json!({"role": role})).await.expect_status(200);
        boris.get(&path).await.expect_problem(403, "not-allowed");
    }
    anna.patch(&member, json!({"role": "owner"})).await.expect_status(200);
    anna.get(&path).await.expect_problem(403, "not-allowed");
    boris.get(&path).await.expect_status(200);
    for unknown in ["1".to_owned(), uuid::Uuid::now_v7().to_string()] {
        boris.get(&format!("/v1/chats/{unknown}/export")).await.expect_problem(404, "chat-not-found");
    }
}
