//! Searching as a task: its states, whose it is, what it finds later.

use super::until;
use reqwest::Method;
use serde_json::json;
use testkit::{Actor, TestApp};

async fn ask(actor: &Actor, question: &str) -> String {
    actor.post("/v1/chats/search", json!({"message": question})).await.expect_status(201).id("task_id")
}

async fn status(actor: &Actor, task: &str) -> String {
    let reply = actor.get(&format!("/v1/chats/search/status/{task}")).await.expect_status(200);
    reply.body["status"].as_str().unwrap().to_owned()
}

async fn answered(actor: &Actor, task: &str) -> Vec<String> {
    until(async || status(actor, task).await == "SUCCESS").await;
    let pages = actor.pages(&format!("/v1/chats/search/{task}/messages?limit=7"), "messages").await;
    pages.iter().flatten().map(|message| message["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_task_finds_the_newest_hundred_of_my_chats() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let (chat, other) = (anna.chat("garden").await, boris.chat("kitchen").await);
    for number in 0..103 {
        anna.say(&chat, &format!("слово {number}")).await;
    }
    boris.say(&other, "слово чужое").await;
    let task = ask(&anna, "слова ").await;
    let expected = (3..103).rev().map(|number| format!("слово {number}")).collect::<Vec<_>>();
    assert_eq!(answered(&anna, &task).await, expected);
    let none = ask(&anna, "нетничего ").await;
    assert_eq!(answered(&anna, &none).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_read_is_authorised_again() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let (garden, kitchen) = (anna.chat("garden").await, anna.chat("kitchen").await);
    boris.join(&garden).await;
    boris.join(&kitchen).await;
    let edited = anna.say(&garden, "слово раз").await;
    let deleted = anna.say(&garden, "слово два").await;
    anna.say(&kitchen, "слово три").await;
    let task = ask(&boris, "слово").await;
    assert_eq!(answered(&boris, &task).await, ["слово три", "слово два", "слово раз"]);
    let messages = format!("/v1/chats/{garden}/messages");
    anna.patch(&format!("{messages}/{edited}"), json!({"message": "новое"})).await.expect_status(200);
    anna.delete(&format!("{messages}/{deleted}")).await.expect_status(200);
    anna.delete(&format!("/v1/chats/{kitchen}/users/{}", boris.user_id)).await.expect_status(200);
    assert_eq!(answered(&boris, &task).await, ["новое"]);
    for path in [format!("status/{task}"), format!("{task}/messages"), "status/1".into(), "1/messages".into()] {
        anna.get(&format!("/v1/chats/search/{path}")).await.expect_problem(404, "task-not-found");
    }
    let path = format!("/v1/chats/search/{task}/messages");
    boris.get(&format!("{path}?from=abc")).await.expect_problem(400, "bad-cursor");
    boris.get(&format!("{path}?limit=0")).await.expect_problem(400, "bad-parameters");
}

#[tokio::test]
async fn what_is_no_question_is_refused() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    for message in ["", "abc", "ёжи", "    ", "before:2026-02-30", "👍👍👍"] {
        let refused = anna.post("/v1/chats/search", json!({"message": message})).await;
        assert_eq!(refused.expect_problem(400, "bad-parameters").pointers(), ["/message"], "{message}");
    }
    anna.post("/v1/chats/search", json!({})).await.expect_problem(400, "bad-parameters");
}

#[tokio::test]
async fn a_repeat_with_the_same_key_is_the_same_task_also_after_a_restart() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    anna.say(&chat, "слово").await;
    let key = [("idempotency-key", "k")];
    let body = || Some(json!({"message": "слово"}));
    let first = anna.send(Method::POST, "/v1/chats/search", body(), &key).await.expect_status(201);
    let task = first.id("task_id");
    assert_eq!(answered(&anna, &task).await, ["слово"]);
    let app = app.restart().await;
    let anna = app.again(&anna);
    let second = anna.send(Method::POST, "/v1/chats/search", body(), &key).await.expect_status(201);
    assert_eq!((second.id("task_id"), second.header("idempotency-replayed")), (task.clone(), "true"));
    let other = Some(json!({"message": "другое"}));
    let other = anna.send(Method::POST, "/v1/chats/search", other, &key).await;
    other.expect_problem(422, "idempotency-key-reused");
    assert_eq!(answered(&anna, &task).await, ["слово"], "what was found survives a restart");
}

/// A key is good for one request, whatever kind of request it is.
#[tokio::test]
async fn a_key_of_a_task_is_one_of_every_other_write() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let messages = format!("/v1/chats/{chat}/messages");
    let body = || Some(json!({"message": "слово"}));
    let post = async |actor: &Actor, path: &str, key: &str| {
        actor.send(Method::POST, path, body(), &[("idempotency-key", key)]).await
    };
    post(&anna, &messages, "m").await.expect_status(201);
    post(&anna, "/v1/chats/search", "m").await.expect_problem(422, "idempotency-key-reused");
    let task = post(&anna, "/v1/chats/search", "t").await.expect_status(201);
    post(&anna, &messages, "t").await.expect_problem(422, "idempotency-key-reused");
    let app = app.restart().await;
    let anna = app.again(&anna);
    post(&anna, "/v1/chats/search", "m").await.expect_problem(422, "idempotency-key-reused");
    post(&anna, &messages, "t").await.expect_problem(422, "idempotency-key-reused");
    let again = post(&anna, "/v1/chats/search", "t").await.expect_status(201);
    assert_eq!((again.id("task_id"), again.position()), (task.id("task_id"), task.position()));
    assert_eq!(again.header("idempotency-replayed"), "true");
    // Another person's keys are their own.
    let boris = app.user("Boris").await;
    post(&boris, "/v1/chats/search", "m").await.expect_status(201);
}

/// Two signs of a script that sets no spaces are two words.
#[tokio::test]
async fn a_task_takes_a_word_of_few_signs_and_a_long_text() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    anna.say(&chat, "我从東京飞").await;
    assert_eq!(answered(&anna, &ask(&anna, "東京").await).await, ["我从東京飞"]);
    assert_eq!(answered(&anna, &ask(&anna, "飞*").await).await, ["我从東京飞"]);
    assert_eq!(answered(&anna, &ask(&anna, &"слово ".repeat(5_000)).await).await, Vec::<String>::new());
}
