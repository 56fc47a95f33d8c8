//! Pinned messages.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};

async fn pin(actor: &Actor, chat: &str, message: &str) -> Reply {
    actor.send(Method::PUT, &format!("/v1/chats/{chat}/pins/{message}"), None, &[]).await
}

async fn unpin(actor: &Actor, chat: &str, message: &str) -> Reply {
    actor.delete(&format!("/v1/chats/{chat}/pins/{message}")).await
}

/// The ids of what is pinned; each is shown as it is read by itself.
async fn pinned(actor: &Actor, chat: &str) -> Vec<String> {
    let pins = actor.get(&format!("/v1/chats/{chat}/pins")).await.expect_status(200).body["pins"].clone();
    let mut ids = Vec::new();
    for pin in pins.as_array().unwrap() {
        let id = pin["message_id"].as_str().unwrap();
        let message = actor.get(&format!("/v1/chats/{chat}/messages/{id}")).await.expect_status(200).body;
        assert_eq!(pin["message"], message);
        ids.push(id.to_owned());
    }
    ids
}

#[tokio::test]
async fn who_leads_a_chat_pins_messages() {
    let app = TestApp::start().await;
    let (anna, boris, vera) = (app.user("Anna").await, app.user("Boris").await, app.user("Vera").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let member = format!("/v1/chats/{chat}/users/{}", boris.user_id);
    let (one, two) = (anna.say(&chat, "one").await, boris.say(&chat, "two").await);
    assert_eq!(pinned(&boris, &chat).await, [""; 0]);
    pin(&boris, &chat, &one).await.expect_problem(403, "not-allowed");
    pin(&vera, &chat, &one).await.expect_problem(403, "not-a-member");
    vera.get(&format!("/v1/chats/{chat}/pins")).await.expect_problem(403, "not-a-member");
    let first = pin(&anna, &chat, &one).await.expect_status(200);
    assert_eq!(first.body["position"], first.position());
    let again = pin(&anna, &chat, &one).await.expect_status(200);
    assert_eq!(again.position(), first.position(), "nothing was written");
    anna.patch(&member, json!({"role": "admin"})).await.expect_status(200);
    pin(&boris, &chat, &two).await.expect_status(200);
    let reaction = format!("/v1/chats/{chat}/messages/{one}/reactions/%F0%9F%91%8D");
    boris.send(Method::PUT, &reaction, None, &[]).await.expect_status(200);
    assert_eq!(pinned(&anna, &chat).await, [two.clone(), one.clone()], "the newest pin first");
    let pins = anna.get(&format!("/v1/chats/{chat}/pins")).await.body["pins"].clone();
    assert_eq!((&pins[0]["pinned_by"], &pins[1]["pinned_by"]), (&json!(boris.user_id), &json!(anna.user_id)));
    assert_eq!(pins[1]["message"]["reactions"], json!([{"emoji": "👍", "count": 1, "mine": false}]));
    for _ in 0..2 {
        unpin(&boris, &chat, &two).await.expect_status(200);
    }
    assert_eq!(pinned(&anna, &chat).await, [one]);
    anna.patch(&member, json!({"role": "member"})).await.expect_status(200);
    unpin(&boris, &chat, &two).await.expect_problem(403, "not-allowed");
}

#[tokio::test]
async fn what_is_gone_is_pinned_no_more() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let (hers, his, left) =
        (anna.say(&chat, "hers").await, boris.say(&chat, "his").await, anna.say(&chat, "left").await);
    for message in [&hers, &his, &left] {
        pin(&anna, &chat, message).await.expect_status(200);
    }
    anna.delete(&format!("/v1/chats/{chat}/messages/{hers}")).await.expect_status(200);
    assert_eq!(pinned(&boris, &chat).await, [left.clone(), his]);
    for wish in [pin(&anna, &chat, &hers).await, unpin(&anna, &chat, &hers).await] {
        wish.expect_problem(404, "message-not-found");
    }
    boris.send(Method::DELETE, "/v1/me", Some(json!({"password": boris.password()})), &[]).await.expect_status(200);
    assert_eq!(pinned(&anna, &chat).await, [left]);
}

#[tokio::test]
async fn what_is_elsewhere_is_not_pinned_here() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (chat, yard) = (anna.chat("garden").await, anna.chat("yard").await);
    let message = anna.say(&yard, "elsewhere").await;
    for unknown in [message.clone(), uuid::Uuid::now_v7().to_string(), "1".to_owned()] {
        pin(&anna, &chat, &unknown).await.expect_problem(404, "message-not-found");
        unpin(&anna, &chat, &unknown).await.expect_problem(404, "message-not-found");
    }
    for unknown in [uuid::Uuid::now_v7().to_string(), "1".to_owned()] {
        pin(&anna, &unknown, &message).await.expect_problem(404, "chat-not-found");
        anna.get(&format!("/v1/chats/{unknown}/pins")).await.expect_problem(404, "chat-not-found");
    }
    anna.patch(&format!("/v1/chats/{yard}"), json!({"archived": true})).await.expect_status(200);
    pin(&anna, &yard, &message).await.expect_problem(409, "chat-archived");
}

#[tokio::test]
async fn fifty_are_pinned_and_a_deleted_one_makes_room() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let mut said = vec![boris.say(&chat, "his").await];
    for number in 0..51 {
        said.push(anna.say(&chat, &format!("{number}")).await);
    }
    for message in &said[..50] {
        pin(&anna, &chat, message).await.expect_status(200);
    }
    pin(&anna, &chat, &said[50]).await.expect_problem(409, "too-many-pins");
    pin(&anna, &chat, &said[49]).await.expect_status(200);
    anna.delete(&format!("/v1/chats/{chat}/messages/{}", said[1])).await.expect_status(200);
    pin(&anna, &chat, &said[50]).await.expect_status(200);
    pin(&anna, &chat, &said[51]).await.expect_problem(409, "too-many-pins");
    // Who is erased takes what they said along, also out of the count.
    boris.send(Method::DELETE, "/v1/me", Some(json!({"password": boris.password()})), &[]).await.expect_status(200);
    pin(&anna, &chat, &said[51]).await.expect_status(200);
    let mut expected = said[2..].to_vec();
    expected.reverse();
    assert_eq!(pinned(&anna, &chat).await, expected);
}

#[tokio::test]
async fn a_repeated_pin_gets_the_first_answer() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let message = anna.say(&chat, "one").await;
    let path = format!("/v1/chats/{chat}/pins/{message}");
    let keyed = [("Idempotency-Key", "one")];
    let first: Value = anna.send(Method::PUT, &path, None, &keyed).await.expect_status(200).body;
    unpin(&anna, &chat, &message).await.expect_status(200);
    let again = anna.send(Method::PUT, &path, None, &keyed).await.expect_status(200);
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first));
    assert_eq!(pinned(&anna, &chat).await, [""; 0]);
}
