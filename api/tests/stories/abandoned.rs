//! Chats that their last member leaves, and those that earlier versions left behind.

use super::append;
use domain::{ChatId, Event, UserId, chat, user};
use serde_json::json;
use testkit::{Actor, TestApp};

async fn leave(actor: &Actor, chat: &str) {
    actor.delete(&format!("/v1/chats/{chat}/users/{}", actor.user_id)).await.expect_status(200);
}

async fn private_chat(actor: &Actor) -> String {
    let body = json!({"chat_name": "burrow", "private": true});
    actor.post("/v1/chats", body).await.expect_status(201).id("chat_id")
}

/// What an operator finds, over all chats.
fn found(app: &TestApp, words: &str) -> u64 {
    let question = search::question(words).unwrap();
    let snapshot = app.node.projections.index().unwrap().look().unwrap();
    let request = search::SearchRequest {
        question: &question,
        zone: &jiff::tz::TimeZone::UTC,
        who: search::Who::Operator,
        order: search::Order::Newest,
        from: None,
        limit: 10,
        deadline: std::time::Instant::now() + super::WAIT_MAX,
    };
    search::find(&snapshot, &request).unwrap().total
}

#[tokio::test]
async fn the_last_who_leaves_a_chat_deletes_it_with_all_that_was_said() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let (open, closed) = (anna.chat("garden").await, private_chat(&anna).await);
    boris.join(&open).await;
    anna.say(&open, "zebrafinch one").await;
    anna.say(&closed, "zebrafinch two").await;
    super::until(async || found(&app, "zebrafinch") == 2).await;

    let path = format!("/v1/chats/{open}/users/{}", anna.user_id);
    anna.delete(&path).await.expect_problem(409, "owner-must-hand-over");
    let hand_over = format!("/v1/chats/{open}/users/{}", boris.user_id);
    anna.patch(&hand_over, json!({"role": "owner"})).await.expect_status(200);
    leave(&anna, &open).await;
    boris.get(&format!("/v1/chats/{open}/messages")).await.expect_status(200);
    leave(&boris, &open).await;
    leave(&anna, &closed).await;
    for chat in [&open, &closed] {
        boris.get(&format!("/v1/chats/{chat}")).await.expect_problem(404, "chat-not-found");
        boris.post(&format!("/v1/chats/{chat}/users"), json!({})).await.expect_problem(404, "chat-not-found");
    }
    assert_eq!(boris.get("/v1/chats?scope=public").await.body["chats"], json!([]));
    super::until(async || found(&app, "zebrafinch") == 0).await;
}

#[tokio::test]
async fn a_chat_ends_when_its_last_member_is_erased() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let (alone, shared) = (anna.chat("yard").await, anna.chat("garden").await);
    boris.join(&shared).await;
    let body = Some(json!({"password": anna.password()}));
    anna.send(reqwest::Method::DELETE, "/v1/me", body, &[]).await.expect_status(200);
    boris.get(&format!("/v1/chats/{alone}")).await.expect_problem(404, "chat-not-found");
    assert_eq!(boris.get(&format!("/v1/chats/{shared}")).await.body["role"], "owner");
}

fn went(actor: &Actor, chat: &str) -> Event {
    let user_id = UserId(actor.user_id.parse().unwrap());
    Event::Chat(of(chat), chat::Event::MemberLeft(chat::MemberLeft { user_id }))
}

fn of(chat: &str) -> ChatId {
    ChatId(chat.parse().unwrap())
}

#[tokio::test]
async fn chats_that_an_earlier_version_left_behind_are_settled_at_a_start() {
    let app = TestApp::start().await;
    if !app.is_embedded() {
        return;
    }
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let (open, closed, own) = (anna.chat("garden").await, private_chat(&anna).await, anna.chat("own").await);
    let shared = boris.chat("of an erased owner").await;
    anna.join(&shared).await;
    let alone = boris.chat("of an erased owner alone").await;
    for chat in [&open, &closed] {
        anna.say(chat, "zebrafinch").await;
    }
    let app = app
        .restart_after(|data| {
            let erased = Event::User(UserId(boris.user_id.parse().unwrap()), user::Event::Erased);
            append(data, vec![went(&anna, &open), went(&anna, &closed), erased]);
        })
        .await;
    let anna = app.again(&anna);
    for chat in [&open, &closed, &alone] {
        let path = format!("/v1/chats/{chat}");
        super::until(async || anna.get(&path).await.status == 404).await;
    }
    super::until(async || found(&app, "zebrafinch") == 0).await;
    let path = format!("/v1/chats/{shared}");
    super::until(async || anna.get(&path).await.body["role"] == "owner").await;
    assert_eq!(anna.get(&path).await.body["members"], 1);
    assert_eq!(anna.get(&format!("/v1/chats/{own}")).await.body["role"], "owner");

    let head = app.node.log.head().unwrap();
    let app = app.restart().await;
    app.again(&anna).get("/v1/me").await.expect_status(200);
    assert_eq!(app.node.log.head().unwrap(), head, "there is nothing more to settle");
}
