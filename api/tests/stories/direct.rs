//! The one chat of two people.

use projections::ProjectionId;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};

async fn open(actor: &Actor, with: &Actor) -> Reply {
    actor.send(Method::PUT, &format!("/v1/direct/{}", with.user_id), None, &[]).await
}

async fn listed(actor: &Actor, query: &str) -> Vec<Value> {
    let reply = actor.get(&format!("/v1/chats{query}")).await.expect_status(200);
    reply.body["chats"].as_array().unwrap().clone()
}

async fn leave(actor: &Actor, chat: &str) -> Reply {
    actor.delete(&format!("/v1/chats/{chat}/users/{}", actor.user_id)).await
}

fn assert_verified(app: &TestApp) {
    for name in [ProjectionId::Chats, ProjectionId::Messages, ProjectionId::Search] {
        assert_eq!(app.node.projections.verify(name, &mut |_| {}).unwrap().differences, vec![], "{name}");
    }
}

#[tokio::test]
async fn two_people_have_one_chat_and_each_sees_the_other() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let first = open(&anna, &boris).await.expect_status(201);
    let chat = first.id("chat_id");
    assert_eq!(first.body["position"], first.position());
    assert_eq!(uuid::Uuid::parse_str(&chat).unwrap().get_version_num(), 7);
    for (one, other) in [(&anna, &boris), (&boris, &anna)] {
        assert_eq!(open(one, other).await.expect_status(200).id("chat_id"), chat);
    }
    assert_eq!(first.position(), app.node.log.head().unwrap().position, "opening it again writes nothing");

    for (one, other, called) in [(&anna, &boris, "Boris"), (&boris, &anna, "Anna")] {
        let mine = listed(one, "?scope=mine").await;
        assert_eq!(mine.len(), 1);
        let alone = one.get(&format!("/v1/chats/{chat}")).await.expect_status(200).body;
        for shown in [&mine[0], &alone] {
            assert_eq!((&shown["chat_id"], &shown["chat_name"]), (&json!(chat), &json!(called)));
            assert_eq!((&shown["direct"], &shown["user_id"]), (&json!(true), &json!(other.user_id)));
            assert_eq!((&shown["private"], &shown["members"]), (&json!(true), &json!(2)));
            assert_eq!(shown["role"], "member");
        }
        assert_eq!(listed(one, &format!("?name={}", &called[..3].to_lowercase())).await.len(), 1);
        assert_eq!(listed(one, "?name=x").await.len(), 0);
    }
    let before = anna.get(&format!("/v1/chats/{chat}")).await;
    boris.patch("/v1/me", json!({"display_name": "Боря"})).await.expect_status(200);
    let after = anna.get(&format!("/v1/chats/{chat}")).await;
    assert_eq!(after.body["chat_name"], "Боря");
    assert_ne!(before.header("etag"), after.header("etag"));
    assert_eq!(listed(&anna, "?name=боря").await.len(), 1);
    let group = anna.chat("garden").await;
    assert_eq!(anna.get(&format!("/v1/chats/{group}")).await.body["direct"], false);
    assert_verified(&app);
}

#[tokio::test]
async fn both_at_once_get_the_same_one() {
    let app = TestApp::start().await;
    for number in 0..8 {
        let (one, other) = (app.user(&format!("one {number}")).await, app.user(&format!("other {number}")).await);
        let (mine, theirs) = tokio::join!(open(&one, &other), open(&other, &one));
        assert_eq!(mine.id("chat_id"), theirs.id("chat_id"));
        assert_eq!(u16::from(mine.status) + u16::from(theirs.status), 401, "one of them is 201, the other 200");
    }
}

#[tokio::test]
async fn it_is_with_another_who_is_there() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    open(&anna, &anna).await.expect_problem(400, "bad-parameters");
    for nobody in [uuid::Uuid::now_v7().to_string(), "boris".to_owned()] {
        let path = format!("/v1/direct/{nobody}");
        anna.send(Method::PUT, &path, None, &[]).await.expect_problem(404, "user-not-found");
    }
    assert!(listed(&anna, "").await.is_empty());
    let boris = app.user("Boris").await;
    let short = format!("/v1/direct/{}", boris.user_id.replace('-', ""));
    anna.send(Method::PUT, &short, None, &[]).await.expect_status(201);
}

#[tokio::test]
async fn nobody_else_comes_in_and_neither_changes_it() {
    let app = TestApp::start().await;
    let (anna, boris, vera) = (app.user("Anna").await, app.user("Boris").await, app.user("Vera").await);
    let chat = open(&anna, &boris).await.id("chat_id");
    let users = format!("/v1/chats/{chat}/users");
    anna.say(&chat, "hello").await;
    assert_eq!(boris.get(&format!("/v1/chats/{chat}/messages")).await.texts(), ["hello"]);

    vera.post(&users, json!({})).await.expect_problem(403, "not-invited");
    vera.get(&format!("/v1/chats/{chat}")).await.expect_problem(403, "not-a-member");
    vera.get(&format!("/v1/chats/{chat}/messages")).await.expect_problem(403, "not-a-member");
    assert!(listed(&vera, "?scope=public").await.is_empty());
    for one in [&anna, &boris] {
        let other = if one.user_id == anna.user_id { &boris } else { &anna };
        one.post(&users, json!({"user_id": vera.user_id})).await.expect_problem(403, "not-allowed");
        for change in [json!({"chat_name": "ours"}), json!({"archived": true})] {
            one.patch(&format!("/v1/chats/{chat}"), change).await.expect_problem(403, "not-allowed");
        }
        for whom in [one, other] {
            let path = format!("{users}/{}", whom.user_id);
            one.patch(&path, json!({"role": "owner"})).await.expect_problem(403, "not-allowed");
        }
        one.delete(&format!("{users}/{}", other.user_id)).await.expect_problem(403, "not-allowed");
        one.delete(&format!("/v1/chats/{chat}")).await.expect_problem(403, "not-allowed");
    }
    assert_eq!(anna.get(&users).await.body["users"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn who_leaves_does_not_see_it_until_something_is_said_or_they_open_it() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = open(&anna, &boris).await.id("chat_id");
    anna.say(&chat, "one").await;
    leave(&anna, &chat).await.expect_status(200);
    assert!(listed(&anna, "").await.is_empty());
    assert_eq!(listed(&boris, "").await.len(), 1, "the other still has it");
    assert_eq!(anna.get(&format!("/v1/chats/{chat}/messages")).await.texts(), ["one"], "it is put away, not gone");

    boris.say(&chat, "two").await;
    assert_eq!(listed(&anna, "").await[0]["last_message"]["text"], "two");
    leave(&anna, &chat).await.expect_status(200);
    assert!(listed(&anna, "").await.is_empty(), "it is put away once more");
    assert_eq!(open(&anna, &boris).await.expect_status(200).id("chat_id"), chat);
    assert_eq!(listed(&anna, "").await.len(), 1);

    leave(&anna, &chat).await.expect_status(200);
    assert_verified(&app);
    let app = app.restart().await;
    let mut anna = app.anonymous();
    anna.log_in("Anna").await;
    assert!(listed(&anna, "").await.is_empty());
    let export = anna.get("/v1/me/export").await.text;
    assert!(export.lines().any(|line| line.contains("\"kind\":\"chat\"") && line.contains(&chat)), "{export}");
}

#[tokio::test]
async fn it_stays_with_the_one_who_is_left_and_goes_with_the_last() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = open(&anna, &boris).await.id("chat_id");
    boris.say(&chat, "from boris").await;
    anna.say(&chat, "from anna").await;
    leave(&boris, &chat).await.expect_status(200);
    let erase = json!({"password": boris.password()});
    boris.send(Method::DELETE, "/v1/me", Some(erase), &[]).await.expect_status(200);

    let left = listed(&anna, "").await;
    assert_eq!((&left[0]["chat_name"], &left[0]["direct"]), (&json!(""), &json!(true)));
    assert_eq!((&left[0]["user_id"], &left[0]["members"]), (&json!(boris.user_id), &json!(1)));
    assert_eq!(anna.get(&format!("/v1/chats/{chat}/messages")).await.texts(), ["from anna"]);
    open(&anna, &boris).await.expect_problem(404, "user-not-found");
    assert_verified(&app);
    leave(&anna, &chat).await.expect_status(200);
    anna.get(&format!("/v1/chats/{chat}")).await.expect_problem(404, "chat-not-found");
    assert_verified(&app);
}

#[tokio::test]
async fn a_repeat_with_its_key_gets_the_first_answer() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let path = format!("/v1/direct/{}", boris.user_id);
    let key = [("idempotency-key", "once")];
    let first = anna.send(Method::PUT, &path, None, &key).await.expect_status(201);
    let again = anna.send(Method::PUT, &path, None, &key).await.expect_status(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.body, first.body);
}
