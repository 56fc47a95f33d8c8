//! Accounts that may not be used for a while.

use super::mail::facts;
use domain::Event;
use domain::user::{self, Role};
use projections::ProjectionId;
use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};

async fn suspend(actor: &Actor, whom: &Actor, body: Value) -> Reply {
    actor.put(&format!("/v1/users/{}/suspension", whom.user_id), body).await
}

async fn unsuspend(actor: &Actor, whom: &Actor) -> Reply {
    actor.delete(&format!("/v1/users/{}/suspension", whom.user_id)).await
}

fn reason() -> Value {
    json!({"reason": "threatens others"})
}

/// So many seconds from now.
fn later(seconds: i64) -> String {
    store::now().plus_seconds(seconds).to_string()
}

#[tokio::test]
async fn who_is_suspended_gets_in_no_way() {
    let app = TestApp::start().await;
    let moderator = app.with_role("Mara", Role::Moderator).await;
    let mut boris = app.user("Boris").await;
    let chat = boris.chat("garden").await;
    let body = json!({"name": "shop", "scopes": ["read", "write"]});
    let token = boris.post("/v1/me/tokens", body).await.expect_status(201).id("token");
    let mut service = boris.clone();
    service.token = Some(token);
    service.say(&chat, "by token").await;

    let until = later(3_600);
    let body = json!({"reason": "threatens others", "until": until});
    let suspended = suspend(&moderator, &boris, body.clone()).await.expect_status(200);
    assert_eq!((&suspended.body["until"], &suspended.body["reason"]), (&json!(until), &json!("threatens others")));
    assert_eq!(suspended.body["position"], suspended.position());
    boris.get("/v1/me").await.expect_problem(401, "invalid-session-id");
    let message = json!({"message": "x"});
    for refused in [
        service.get("/v1/chats").await,
        service.post(&format!("/v1/chats/{chat}/messages"), message).await,
        app.anonymous().post("/v1/auth/login", json!({"user_name": "Boris", "password": boris.password()})).await,
    ] {
        let refused = refused.expect_problem(403, "account-suspended");
        assert_eq!(refused.body["until"], json!(until));
    }
    // Who does not know the password learns nothing.
    let wrong = json!({"user_name": "Boris", "password": "not the passphrase"});
    let refused = app.anonymous().post("/v1/auth/login", wrong).await.expect_problem(401, "bad-credentials");
    assert_eq!(refused.body.get("until"), None);
    // That it failed is written behind the answer.
    let failed = |event: &Event| matches!(event, Event::User(_, user::Event::SignInsFailed(_)));
    super::until(async || facts(&app).iter().any(failed)).await;

    let head = app.node.log.head().unwrap().position;
    suspend(&moderator, &boris, body).await.expect_status(200);
    assert_eq!(app.node.log.head().unwrap().position, head, "the same again writes nothing");
    suspend(&moderator, &boris, reason()).await.expect_status(200);
    let nobody = app.anonymous();
    let right = json!({"user_name": "Boris", "password": boris.password()});
    let refused = nobody.post("/v1/auth/login", right).await;
    assert_eq!(refused.expect_problem(403, "account-suspended").body.get("until"), None);
    for name in [ProjectionId::Tokens, ProjectionId::Sessions, ProjectionId::Users] {
        assert_eq!(app.node.projections.verify(name, &mut |_| {}).unwrap().differences, vec![], "{name}");
    }

    for _ in 0..2 {
        unsuspend(&moderator, &boris).await.expect_status(200);
    }
    boris.get("/v1/me").await.expect_problem(401, "invalid-session-id");
    boris.log_in("Boris").await.expect_status(200);
    service.say(&chat, "again").await;
    assert_eq!(boris.get(&format!("/v1/chats/{chat}/messages")).await.texts(), ["by token", "again"]);
}

#[tokio::test]
async fn it_ends_by_itself() {
    let app = TestApp::start().await;
    let admin = app.with_role("Ada", Role::Admin).await;
    let boris = app.user("Boris").await;
    let chat = boris.chat("garden").await;
    let body = json!({"name": "shop", "scopes": ["read", "write"]});
    let token = boris.post("/v1/me/tokens", body).await.expect_status(201).id("token");
    let mut service = boris.clone();
    service.token = Some(token);
    suspend(&admin, &boris, json!({"reason": "x", "until": later(2)})).await.expect_status(200);
    service.get("/v1/chats").await.expect_problem(403, "account-suspended");
    super::until(async || {
        let body = json!({"user_name": "Boris", "password": boris.password()});
        app.anonymous().post("/v1/auth/login", body).await.status == 200
    })
    .await;
    service.say(&chat, "again").await;
}

#[tokio::test]
async fn only_moderators_and_admins_suspend_and_nobody_themselves() {
    let app = TestApp::start().await;
    let moderator = app.with_role("Mara", Role::Moderator).await;
    let (admin, other) = (app.with_role("Ada", Role::Admin).await, app.with_role("Olaf", Role::Admin).await);
    let notifier = app.with_role("Nina", Role::Notifier).await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    for nobody in [&anna, &notifier] {
        suspend(nobody, &boris, reason()).await.expect_problem(403, "not-allowed");
        unsuspend(nobody, &boris).await.expect_problem(403, "not-allowed");
    }
    suspend(&app.anonymous(), &boris, reason()).await.expect_problem(401, "auth-failed");
    for one in [&moderator, &admin] {
        suspend(one, one, reason()).await.expect_problem(403, "not-allowed");
    }
    suspend(&moderator, &admin, reason()).await.expect_problem(403, "not-allowed");
    suspend(&admin, &other, reason()).await.expect_status(200);
    unsuspend(&moderator, &other).await.expect_problem(403, "not-allowed");
    suspend(&admin, &moderator, reason()).await.expect_status(200);
    moderator.get("/v1/me").await.expect_problem(401, "invalid-session-id");
}

#[tokio::test]
async fn bad_requests_suspend_nobody() {
    let app = TestApp::start().await;
    let (admin, boris) = (app.with_role("Ada", Role::Admin).await, app.user("Boris").await);
    for (bad, field) in [
        (json!({}), "/reason"),
        (json!({"reason": ""}), "/reason"),
        (json!({"reason": "x".repeat(201)}), "/reason"),
        (json!({"reason": "x", "until": "tomorrow"}), "/until"),
        (json!({"reason": "x", "until": later(-1)}), "/until"),
        (json!({"reason": "x", "forever": true}), "/forever"),
    ] {
        assert_eq!(suspend(&admin, &boris, bad).await.expect_problem(400, "bad-parameters").pointers(), [field]);
    }
    for nobody in [uuid::Uuid::now_v7().to_string(), "boris".to_owned()] {
        admin.put(&format!("/v1/users/{nobody}/suspension"), reason()).await.expect_problem(404, "user-not-found");
        admin.delete(&format!("/v1/users/{nobody}/suspension")).await.expect_problem(404, "user-not-found");
    }
    boris.get("/v1/me").await.expect_status(200);
}
