//! Who is kept out of a chat.

use projections::ProjectionId;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};

async fn ban(actor: &Actor, chat: &str, whom: &Actor, body: Value) -> Reply {
    actor.put(&format!("/v1/chats/{chat}/bans/{}", whom.user_id), body).await
}

async fn unban(actor: &Actor, chat: &str, whom: &Actor) -> Reply {
    actor.delete(&format!("/v1/chats/{chat}/bans/{}", whom.user_id)).await
}

async fn bans(actor: &Actor, chat: &str) -> Vec<Value> {
    let reply = actor.get(&format!("/v1/chats/{chat}/bans")).await.expect_status(200);
    reply.body["bans"].as_array().unwrap().clone()
}

fn assert_verified(app: &TestApp) {
    for name in [ProjectionId::Chats, ProjectionId::Messages, ProjectionId::Search] {
        assert_eq!(app.node.projections.verify(name, &mut |_| {}).unwrap().differences, vec![], "{name}");
    }
}

#[tokio::test]
async fn who_is_banned_is_removed_and_has_no_way_back() {
    let app = TestApp::start().await;
    let (anna, boris, vera) = (app.user("Anna").await, app.user("Boris").await, app.user("Vera").await);
    let chat = anna.chat("garden").await;
    let users = format!("/v1/chats/{chat}/users");
    boris.post(&users, json!({"user_name": "Bob"})).await.expect_status(201);
    let invitation = anna.post(&format!("/v1/chats/{chat}/invitations"), json!({})).await.expect_status(201);
    let banned = ban(&anna, &chat, &boris, json!({"reason": "advertises watches"})).await.expect_status(200);
    assert_eq!(banned.body["position"], banned.position());
    let all = bans(&anna, &chat).await;
    assert_eq!(all.len(), 1);
    assert_eq!((&all[0]["user_id"], &all[0]["user_name"]), (&json!(boris.user_id), &json!("Bob")));
    assert_eq!((&all[0]["reason"], &all[0]["by"]), (&json!("advertises watches"), &json!(anna.user_id)));
    assert!(all[0]["at"].is_string());

    boris.get(&format!("/v1/chats/{chat}/messages")).await.expect_problem(403, "not-a-member");
    boris
        .post(&format!("/v1/chats/{chat}/messages"), json!({"message": "x"}))
        .await
        .expect_problem(403, "not-a-member");
    boris.post(&users, json!({})).await.expect_problem(403, "banned");
    boris.post(&users, json!({"user_name": "Bob"})).await.expect_problem(403, "banned");
    anna.post(&users, json!({"user_id": boris.user_id})).await.expect_problem(403, "banned");
    let by_code = format!("/v1/invitations/{}", invitation.id("code"));
    boris.post(&by_code, json!({})).await.expect_problem(403, "banned");
    assert_eq!(anna.get(&format!("/v1/chats/{chat}")).await.body["members"], 1);

    let head = app.node.log.head().unwrap().position;
    ban(&anna, &chat, &boris, json!({"reason": "advertises watches"})).await.expect_status(200);
    assert_eq!(app.node.log.head().unwrap().position, head, "the same again writes nothing");
    ban(&anna, &chat, &boris, json!({})).await.expect_status(200);
    assert_eq!(bans(&anna, &chat).await[0].get("reason"), None);
    // Somebody who was never in it, without a body.
    let path = format!("/v1/chats/{chat}/bans/{}", vera.user_id);
    anna.send(Method::PUT, &path, None, &[]).await.expect_status(200);
    assert_eq!(bans(&anna, &chat).await[0]["user_name"], "Vera", "the last one first");
    vera.post(&users, json!({})).await.expect_problem(403, "banned");
    assert_verified(&app);

    for _ in 0..2 {
        unban(&anna, &chat, &boris).await.expect_status(200);
    }
    boris.post(&users, json!({})).await.expect_status(201);
    assert_verified(&app);
}

#[tokio::test]
async fn an_admin_bans_neither_the_owner_nor_another_admin() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let (vera, gleb) = (app.user("Vera").await, app.user("Gleb").await);
    let chat = anna.chat("garden").await;
    for one in [&boris, &vera, &gleb] {
        one.join(&chat).await;
    }
    for admin in [&boris, &vera] {
        let path = format!("/v1/chats/{chat}/users/{}", admin.user_id);
        anna.patch(&path, json!({"role": "admin"})).await.expect_status(200);
    }
    for whom in [&anna, &vera, &boris] {
        ban(&boris, &chat, whom, json!({})).await.expect_problem(403, "not-allowed");
    }
    ban(&gleb, &chat, &boris, json!({})).await.expect_problem(403, "not-allowed");
    unban(&gleb, &chat, &boris).await.expect_problem(403, "not-allowed");
    gleb.get(&format!("/v1/chats/{chat}/bans")).await.expect_problem(403, "not-allowed");
    ban(&boris, &chat, &gleb, json!({})).await.expect_status(200);
    gleb.get(&format!("/v1/chats/{chat}/bans")).await.expect_problem(403, "not-a-member");
    ban(&anna, &chat, &vera, json!({})).await.expect_status(200);
    assert_eq!(bans(&boris, &chat).await.len(), 2);
}

#[tokio::test]
async fn bad_requests_ban_nobody() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    for bad in ["", " ", "a\u{0}", &"x".repeat(201)] {
        let refused = ban(&anna, &chat, &boris, json!({"reason": bad})).await.expect_problem(400, "bad-parameters");
        assert_eq!(refused.pointers(), ["/reason"]);
    }
    ban(&anna, &chat, &boris, json!({"why": "x"})).await.expect_problem(400, "bad-parameters");
    let nobody = uuid::Uuid::now_v7();
    for whom in [nobody.to_string(), "boris".to_owned()] {
        let path = format!("/v1/chats/{chat}/bans/{whom}");
        anna.put(&path, json!({})).await.expect_problem(404, "user-not-found");
    }
    ban(&anna, &nobody.to_string(), &boris, json!({})).await.expect_problem(404, "chat-not-found");
    ban(&anna, "garden", &boris, json!({})).await.expect_problem(404, "chat-not-found");
    assert!(bans(&anna, &chat).await.is_empty());
    let direct = anna.send(Method::PUT, &format!("/v1/direct/{}", boris.user_id), None, &[]).await.id("chat_id");
    ban(&anna, &direct, &boris, json!({})).await.expect_problem(403, "not-allowed");
    let path = format!("/v1/chats/{direct}/invitations");
    anna.post(&path, json!({})).await.expect_problem(403, "not-allowed");
}

#[tokio::test]
async fn a_ban_goes_with_the_banned_and_with_the_chat() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let (chat, other) = (anna.chat("garden").await, anna.chat("kitchen").await);
    for room in [&chat, &other] {
        ban(&anna, room, &boris, json!({"reason": "advertises watches"})).await.expect_status(200);
    }
    anna.delete(&format!("/v1/chats/{other}")).await.expect_status(200);
    let erase = json!({"password": boris.password()});
    boris.send(Method::DELETE, "/v1/me", Some(erase), &[]).await.expect_status(200);
    assert!(bans(&anna, &chat).await.is_empty());
    assert_verified(&app);
}

#[tokio::test]
async fn bans_come_in_pages() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let mut expected = Vec::new();
    for number in 0..5 {
        let guest = app.user(&format!("guest {number}")).await;
        ban(&anna, &chat, &guest, json!({})).await.expect_status(200);
        expected.insert(0, guest.user_id);
    }
    let pages = anna.pages(&format!("/v1/chats/{chat}/bans?limit=2"), "bans").await;
    let ids = pages.iter().flatten().map(|ban| ban["user_id"].as_str().unwrap());
    assert_eq!(ids.collect::<Vec<_>>(), expected);
    let cursor = anna.get(&format!("/v1/chats/{chat}/bans?limit=2")).await.next().unwrap();
    anna.get(&format!("/v1/chats/{chat}/invitations?from={cursor}")).await.expect_problem(400, "bad-cursor");
}
