//! What was read, and how much was not.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};

async fn read(actor: &Actor, chat: &str, message: &str) -> Reply {
    actor.put(&format!("/v1/chats/{chat}/read"), json!({"message_id": message})).await
}

/// What their list and the chat itself say.
async fn unread(actor: &Actor, chat: &str) -> u64 {
    let chats = actor.get("/v1/chats").await.expect_status(200).body["chats"].clone();
    let listed = chats.as_array().unwrap().iter().find(|listed| listed["chat_id"] == *chat).unwrap();
    let one = actor.get(&format!("/v1/chats/{chat}")).await.expect_status(200).body;
    assert_eq!(one["unread"], listed["unread"]);
    listed["unread"].as_u64().unwrap()
}

#[tokio::test]
async fn what_others_say_is_unread_until_it_is_read() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    let before = anna.say(&chat, "before").await;
    boris.join(&chat).await;
    assert_eq!(unread(&boris, &chat).await, 0, "nothing is unread at joining");
    let mut said = Vec::new();
    for number in 0..5 {
        said.push(anna.say(&chat, &format!("{number}")).await);
    }
    let his = boris.say(&chat, "his").await;
    assert_eq!((unread(&boris, &chat).await, unread(&anna, &chat).await), (5, 1), "one's own is never unread");
    let marked = read(&boris, &chat, &said[2]).await.expect_status(200);
    assert_eq!((&marked.body["unread"], &marked.body["position"]), (&json!(2), &json!(marked.position())));
    assert_eq!(unread(&boris, &chat).await, 2);
    for earlier in [&said[0], &said[2], &before] {
        let again = read(&boris, &chat, earlier).await.expect_status(200);
        assert_eq!((again.body["unread"].as_u64(), again.position()), (Some(2), marked.position()), "never back");
    }
    anna.delete(&format!("/v1/chats/{chat}/messages/{}", said[3])).await.expect_status(200);
    assert_eq!(unread(&boris, &chat).await, 1, "what is deleted is not counted");
    anna.delete(&format!("/v1/chats/{chat}/messages/{}", said[1])).await.expect_status(200);
    assert_eq!(unread(&boris, &chat).await, 1, "what was read before it was deleted neither");
    boris.delete(&format!("/v1/chats/{chat}/messages/{his}")).await.expect_status(200);
    assert_eq!((unread(&boris, &chat).await, unread(&anna, &chat).await), (1, 0));
    assert_eq!(read(&boris, &chat, &said[4]).await.expect_status(200).body["unread"], 0);
    assert_eq!(unread(&boris, &chat).await, 0);
    let public = boris.get("/v1/chats?scope=public").await.body;
    assert_eq!(public["chats"][0]["unread"], 0);
    let stranger = app.user("Vera").await;
    assert_eq!(stranger.get("/v1/chats?scope=public").await.body["chats"][0]["unread"], Value::Null);
    assert_eq!(stranger.get(&format!("/v1/chats/{chat}")).await.body["unread"], Value::Null);
}

#[tokio::test]
async fn the_list_begins_with_the_last_activity() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let (garden, yard) = (anna.chat("garden").await, anna.chat("yard").await);
    boris.join(&garden).await;
    let list = async |limit: u32| {
        let pages = anna.pages(&format!("/v1/chats?limit={limit}"), "chats").await.concat();
        pages.iter().map(|chat| (chat["chat_id"].clone(), chat["unread"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(list(50).await, [(json!(yard), json!(0)), (json!(garden), json!(0))]);
    let message = boris.say(&garden, "hello").await;
    let expected = [(json!(garden), json!(1)), (json!(yard), json!(0))];
    assert_eq!((list(50).await, list(1).await), (expected.to_vec(), expected.to_vec()));
    let last = anna.get("/v1/chats").await.body["chats"][0]["last_message"].clone();
    assert_eq!(
        (&last["message_id"], &last["text"], &last["user_name"]),
        (&json!(message), &json!("hello"), &json!("Boris"))
    );
    read(&anna, &garden, &message).await.expect_status(200);
    assert_eq!(list(50).await, [(json!(garden), json!(0)), (json!(yard), json!(0))], "reading is no activity");
}

#[tokio::test]
async fn who_comes_back_begins_with_nothing_unread() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let one = anna.say(&chat, "one").await;
    boris.say(&chat, "his").await;
    boris.delete(&format!("/v1/chats/{chat}/users/{}", boris.user_id)).await.expect_status(200);
    read(&boris, &chat, &one).await.expect_problem(403, "not-a-member");
    let two = anna.say(&chat, "two").await;
    boris.join(&chat).await;
    assert_eq!(unread(&boris, &chat).await, 0);
    anna.say(&chat, "three").await;
    assert_eq!(read(&boris, &chat, &two).await.expect_status(200).body["unread"], 1);
    assert_eq!(unread(&boris, &chat).await, 1);
}

#[tokio::test]
async fn who_is_erased_is_not_counted_any_more() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let vera = app.user("Vera").await;
    vera.join(&chat).await;
    for number in 0..3 {
        boris.say(&chat, &format!("{number}")).await;
        vera.say(&chat, &format!("{number}")).await;
    }
    assert_eq!(unread(&anna, &chat).await, 6);
    boris.send(Method::DELETE, "/v1/me", Some(json!({"password": boris.password()})), &[]).await.expect_status(200);
    assert_eq!((unread(&anna, &chat).await, unread(&vera, &chat).await), (3, 0));
}

#[tokio::test]
async fn only_what_can_be_read_is_marked() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let (chat, yard) = (anna.chat("garden").await, anna.chat("yard").await);
    let (message, elsewhere) = (anna.say(&chat, "one").await, anna.say(&yard, "two").await);
    read(&boris, &chat, &message).await.expect_problem(403, "not-a-member");
    for unknown in [&elsewhere, &uuid::Uuid::now_v7().to_string()] {
        read(&anna, &chat, unknown).await.expect_problem(404, "message-not-found");
    }
    let malformed = read(&anna, &chat, "1").await.expect_problem(400, "bad-parameters");
    assert_eq!(malformed.pointers(), ["/message_id"]);
    for unknown in ["1".to_owned(), uuid::Uuid::now_v7().to_string()] {
        read(&anna, &unknown, &message).await.expect_problem(404, "chat-not-found");
    }
    for body in [json!({}), json!({"message_id": message, "more": 1}), json!([])] {
        anna.put(&format!("/v1/chats/{chat}/read"), body).await.expect_problem(400, "bad-parameters");
    }
    boris.join(&chat).await;
    let member = format!("/v1/chats/{chat}/users/{}", boris.user_id);
    anna.patch(&member, json!({"role": "muted"})).await.expect_status(200);
    anna.patch(&format!("/v1/chats/{chat}"), json!({"archived": true})).await.expect_status(200);
    read(&boris, &chat, &message).await.expect_status(200);
    anna.delete(&format!("/v1/chats/{chat}/messages/{message}")).await.expect_status(200);
    read(&boris, &chat, &message).await.expect_problem(404, "message-not-found");
}

#[tokio::test]
async fn a_repeated_mark_gets_the_first_answer() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let message = anna.say(&chat, "one").await;
    let path = format!("/v1/chats/{chat}/read");
    let keyed = async |message: &str| {
        let body = json!({"message_id": message});
        boris.send(Method::PUT, &path, Some(body), &[("Idempotency-Key", "one")]).await
    };
    let first = keyed(&message).await.expect_status(200);
    anna.say(&chat, "two").await;
    anna.delete(&format!("/v1/chats/{chat}/messages/{message}")).await.expect_status(200);
    let again = keyed(&message).await.expect_status(200);
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
    keyed(&uuid::Uuid::now_v7().to_string()).await.expect_problem(422, "idempotency-key-reused");
}
