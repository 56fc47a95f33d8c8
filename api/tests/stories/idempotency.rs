//! The same key with the same request gives the first answer again.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};
use tokio::task::JoinSet;

async fn keyed(actor: &Actor, method: Method, path: &str, body: Option<Value>, key: &str) -> Reply {
    actor.send(method, path, body, &[("idempotency-key", key)]).await
}

async fn post(actor: &Actor, path: &str, body: Value, key: &str) -> Reply {
    keyed(actor, Method::POST, path, Some(body), key).await
}

/// It is the first answer once more, and says so.
#[track_caller]
fn assert_repeats(again: &Reply, first: &Reply) {
    assert!(first.status.is_success(), "{}", first.text);
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.position(), first.position());
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_writes_nothing() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    let path = format!("/v1/chats/{chat}");
    let message = format!("{path}/messages/{}", anna.say(&chat, "one").await);
    let writes = [
        (&anna, Method::POST, "/v1/chats".to_owned(), Some(json!({"chat_name": "kitchen"}))),
        (&boris, Method::POST, format!("{path}/users"), Some(json!({"user_name": "Bob"}))),
        (&anna, Method::POST, format!("{path}/messages"), Some(json!({"message": "hello"}))),
        (&anna, Method::PATCH, message.clone(), Some(json!({"message": "two"}))),
        (&anna, Method::PATCH, format!("{path}/users/{}", boris.user_id), Some(json!({"role": "muted"}))),
        (&anna, Method::PATCH, "/v1/me".to_owned(), Some(json!({"display_name": "A."}))),
        (&anna, Method::DELETE, message, None),
        (&boris, Method::DELETE, format!("{path}/users/{}", boris.user_id), None),
        (&anna, Method::DELETE, "/v1/me/sessions".to_owned(), None),
        (&anna, Method::DELETE, path.clone(), None),
    ];
    let mut first = Vec::new();
    for (number, (actor, method, path, body)) in writes.iter().enumerate() {
        first.push(keyed(actor, method.clone(), path, body.clone(), &format!("key {number}")).await);
    }
    let head = app.node.log.head().unwrap().position;
    for (number, (actor, method, path, body)) in writes.iter().enumerate() {
        let again = keyed(actor, method.clone(), path, body.clone(), &format!("key {number}")).await;
        assert_repeats(&again, &first[number]);
    }
    let app = app.restart().await;
    for (number, (actor, method, path, body)) in writes.iter().enumerate() {
        let actor = app.again(actor);
        let again = keyed(&actor, method.clone(), path, body.clone(), &format!("key {number}")).await;
        assert_repeats(&again, &first[number]);
    }
    assert_eq!(app.node.log.head().unwrap().position, head);
}

#[tokio::test]
async fn a_key_is_good_for_one_request() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let garden = json!({"chat_name": "garden"});
    post(&anna, "/v1/chats", garden.clone(), "k").await.expect_status(201);
    post(&anna, "/v1/chats", json!({"chat_name": "yard"}), "k").await.expect_problem(422, "idempotency-key-reused");
    post(&anna, "/v1/chats?x=1", garden.clone(), "k").await.expect_problem(422, "idempotency-key-reused");
    let other = keyed(&anna, Method::PATCH, "/v1/me", Some(json!({})), "k").await;
    other.expect_problem(422, "idempotency-key-reused");
    let app = app.restart().await;
    let anna = app.again(&anna);
    post(&anna, "/v1/chats", json!({"chat_name": "yard"}), "k").await.expect_problem(422, "idempotency-key-reused");
    assert_eq!(post(&anna, "/v1/chats", garden, "k").await.header("idempotency-replayed"), "true");
    assert_eq!(anna.get("/v1/chats").await.body["chats"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn keys_are_each_users_own() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let body = json!({"chat_name": "garden"});
    let hers = post(&anna, "/v1/chats", body.clone(), "k").await.expect_status(201);
    let his = post(&boris, "/v1/chats", body.clone(), "k").await.expect_status(201);
    assert_ne!(hers.id("chat_id"), his.id("chat_id"));
    assert_eq!(his.header("idempotency-replayed"), "");
    let mut elsewhere = app.anonymous();
    elsewhere.log_in("Anna").await.expect_status(200);
    assert_repeats(&post(&elsewhere, "/v1/chats", body.clone(), "k").await, &hers);
    post(&app.anonymous(), "/v1/chats", body, "k").await.expect_problem(401, "auth-failed");
}

#[tokio::test]
async fn a_refusal_is_decided_anew() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    let path = format!("/v1/chats/{chat}/messages");
    let say = async || post(&boris, &path, json!({"message": "hello"}), "k").await;
    say().await.expect_problem(403, "not-a-member");
    boris.join(&chat).await;
    let first = say().await.expect_status(201);
    assert_repeats(&say().await, &first);
    post(&boris, "/v1/chats", json!({"chat_name": ""}), "other").await.expect_problem(400, "bad-parameters");
    post(&boris, "/v1/chats", json!({"chat_name": "yard"}), "other").await.expect_status(201);
}

#[tokio::test]
async fn what_changed_nothing_is_kept_too() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let join = async |key: &str| post(&boris, &format!("/v1/chats/{chat}/users"), json!({}), key).await;
    let first = join("k").await.expect_status(200);
    boris.delete(&format!("/v1/chats/{chat}/users/{}", boris.user_id)).await.expect_status(200);
    assert_repeats(&join("k").await, &first);
    boris.get(&format!("/v1/chats/{chat}/messages")).await.expect_problem(403, "not-a-member");
    join("another").await.expect_status(201);
}

#[tokio::test]
async fn ten_repeats_at_once_write_once() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let path = format!("/v1/chats/{chat}/messages");
    for round in 0..3 {
        let mut repeats = JoinSet::new();
        for _ in 0..10 {
            let (anna, path) = (anna.clone(), path.clone());
            let body = json!({"message": format!("round {round}")});
            repeats.spawn(async move { post(&anna, &path, body, &format!("round {round}")).await });
        }
        let replies = repeats.join_all().await;
        let first = replies.iter().find(|reply| reply.header("idempotency-replayed").is_empty()).unwrap();
        for again in replies.iter().filter(|reply| !std::ptr::eq(*reply, first)) {
            assert_repeats(again, first);
        }
    }
    assert_eq!(anna.get(&path).await.texts(), ["round 0", "round 1", "round 2"]);
}

#[tokio::test]
async fn an_account_is_opened_once_by_one_key() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    let body = |name: &str| json!({"user_name": name, "password": nobody.password()});
    let register = async |name: &str, key: &str| post(&nobody, "/v1/auth/register", body(name), key).await;
    let first = register("Anna", "k").await.expect_status(201);
    assert_repeats(&register("Anna", "k").await, &first);
    let other = json!({"user_name": "Anna", "password": "another fine passphrase"});
    post(&nobody, "/v1/auth/register", other, "k").await.expect_problem(422, "idempotency-key-reused");
    // A stranger may have thought of the same key.
    assert_ne!(register("Boris", "k").await.expect_status(201).id("user_id"), first.id("user_id"));
    register("Anna", "another").await.expect_problem(409, "user-already-exists");
    nobody.post("/v1/auth/register", body("Anna")).await.expect_problem(409, "user-already-exists");
    let mut at_once = JoinSet::new();
    for _ in 0..6 {
        let (nobody, body) = (nobody.clone(), body("Vera"));
        at_once.spawn(async move { post(&nobody, "/v1/auth/register", body, "v").await.expect_status(201) });
    }
    let ids = at_once.join_all().await.iter().map(|reply| reply.id("user_id")).collect::<Vec<_>>();
    assert!(ids.iter().all(|id| *id == ids[0]));
    let app = app.restart().await;
    assert_repeats(&post(&app.anonymous(), "/v1/auth/register", body("Anna"), "k").await, &first);
}

#[tokio::test]
async fn a_password_is_changed_once_by_one_key() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let body = json!({"old_password": anna.password(), "new_password": "another fine passphrase"});
    let change = async |key: &str| {
        let headers = [("idempotency-key", key)];
        anna.send(Method::PUT, "/v1/me/password", Some(body.clone()), &headers).await
    };
    let first = change("k").await.expect_status(200);
    assert_repeats(&change("k").await, &first);
    change("another").await.expect_problem(401, "bad-credentials");
}

#[tokio::test]
async fn every_login_opens_a_session_whatever_its_key() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let body = || json!({"user_name": "Anna", "password": anna.password()});
    let nobody = app.anonymous();
    let first = post(&nobody, "/v1/auth/login", body(), "k").await.expect_status(200);
    let second = post(&nobody, "/v1/auth/login", body(), "k").await.expect_status(200);
    assert_ne!(first.id("session_id"), second.id("session_id"));
    assert_eq!(second.header("idempotency-replayed"), "");
    let wrong = json!({"user_name": "Anna", "password": "a wrong guess"});
    post(&nobody, "/v1/auth/login", wrong, "k").await.expect_problem(401, "bad-credentials");
}

#[tokio::test]
async fn a_key_has_a_length_and_reads_do_not_need_one() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (longest, too_long) = ("k".repeat(255), "k".repeat(256));
    let create = async |key: &str| post(&anna, "/v1/chats", json!({"chat_name": "garden"}), key).await;
    create(&longest).await.expect_status(201);
    for bad in ["", &too_long, "ключ"] {
        create(bad).await.expect_problem(400, "bad-parameters");
    }
    for key in ["k", &too_long] {
        let read = keyed(&anna, Method::GET, "/v1/me", None, key).await.expect_status(200);
        assert_eq!(read.header("idempotency-replayed"), "");
    }
}

#[tokio::test]
async fn neither_keys_nor_requests_can_be_read_in_the_log() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let key = "my-very-own-key-0815";
    post(&anna, "/v1/chats", json!({"chat_name": "garden"}), key).await.expect_status(201);
    let records = app.node.log.read(0, 100).unwrap();
    assert!(records.iter().any(|record| record.meta.contains("command_id")));
    assert!(records.iter().all(|record| !record.meta.contains(key)));
}
