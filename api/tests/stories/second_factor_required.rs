//! Where the operator wants a second factor of some or of all.

use super::passkeys::{begin, finish, passkey};
use super::second_factors::with_device;
use api::{SecondFactor, Settings};
use domain::user::Role;
use reqwest::Method;
use serde_json::json;
use testkit::TestApp;

async fn start(second_factor: SecondFactor) -> TestApp {
    TestApp::start_with(Settings { second_factor, ..TestApp::settings() }).await
}

#[tokio::test]
async fn who_has_none_can_do_nothing_but_set_one_up() {
    let app = start(SecondFactor::All).await;
    let anna = app.user("Anna").await;
    let refused = [
        anna.get("/v1/chats").await,
        anna.post("/v1/chats", json!({"chat_name": "garden"})).await,
        anna.patch("/v1/me", json!({"locale": "ru"})).await,
        anna.get("/v1/me/export").await,
        anna.post("/v1/me/tokens", json!({"name": "shop", "scopes": ["read"]})).await,
        anna.get("/v1/live").await,
        anna.send(Method::DELETE, "/v1/me", Some(json!({"password": anna.password()})), &[]).await,
    ];
    for reply in refused {
        reply.expect_problem(403, "second-factor-required");
    }
    for path in ["/v1/me", "/v1/me/totp", "/v1/me/sessions"] {
        anna.get(path).await.expect_status(200);
    }
    with_device(&anna).await;
    anna.post("/v1/chats", json!({"chat_name": "garden"})).await.expect_status(201);
    let boris = app.user("Boris").await;
    boris.post("/v1/auth/logout", json!(null)).await.expect_status(200);
    boris.get("/v1/me").await.expect_problem(401, "invalid-session-id");
}

#[tokio::test]
async fn where_only_admins_are_concerned_others_go_on_and_who_becomes_one_is() {
    let app = start(SecondFactor::Admins).await;
    let anna = app.user("Anna").await;
    let token = anna.post("/v1/me/tokens", json!({"name": "shop", "scopes": ["read"]})).await.id("token");
    let mut backend = anna.clone();
    backend.token = Some(token);
    backend.get("/v1/chats").await.expect_status(200);
    app.give_role(&anna, Role::Admin).await;
    for admin in [&anna, &backend] {
        admin.get("/v1/chats").await.expect_problem(403, "second-factor-required");
        admin.get("/v1/me").await.expect_status(200);
    }
    backend.post("/v1/chats", json!({"chat_name": "garden"})).await.expect_problem(403, "scope-missing");
    let mut device = with_device(&anna).await;
    for admin in [&anna, &backend] {
        admin.get("/v1/chats").await.expect_status(200);
    }
    // Whoever removes it is where they began.
    let remove = json!({"password": anna.password(), "code": device.recovery_code()});
    anna.send(Method::DELETE, "/v1/me/totp", Some(remove), &[]).await.expect_status(200);
    anna.get("/v1/chats").await.expect_problem(403, "second-factor-required");
}

#[tokio::test]
async fn who_has_a_passkey_does_nothing_by_the_password_alone() {
    for second_factor in [SecondFactor::All, SecondFactor::Admins] {
        let app = start(second_factor).await;
        let anna = app.user("Anna").await;
        app.give_role(&anna, Role::Admin).await;
        let (mut phone, id) = passkey(&app, &anna, None).await;
        // The session in which it was made goes on.
        anna.get("/v1/chats").await.expect_status(200);
        let mut thief = app.anonymous();
        thief.log_in("Anna").await.expect_status(200);
        let password = json!({"password": thief.password()});
        let refused = [
            thief.get("/v1/chats").await,
            thief.get("/v1/live").await,
            // They make themselves no factor, and take none off.
            thief.post("/v1/me/totp", password).await,
            thief.post("/v1/me/passkeys/begin", json!({})).await,
            thief.send(Method::DELETE, &format!("/v1/me/passkeys/{id}"), None, &[]).await,
            thief.send(Method::DELETE, "/v1/me/sessions", None, &[]).await,
        ];
        for reply in refused {
            let reply = reply.expect_problem(403, "second-factor-required");
            assert!(reply.text.contains("sign in by your passkey"), "{}", reply.text);
        }
        thief.get("/v1/me").await.expect_status(200);
        let mut by_phone = app.anonymous();
        let signed_in = finish(&by_phone, phone.sign(&begin(&by_phone).await)).await.expect_status(200);
        by_phone.token = Some(signed_in.id("session_id"));
        by_phone.get("/v1/chats").await.expect_status(200);
        // Without the passkey the password is as little as it was: another factor is set up first.
        by_phone.send(Method::DELETE, &format!("/v1/me/passkeys/{id}"), None, &[]).await.expect_status(200);
        thief.get("/v1/chats").await.expect_problem(403, "second-factor-required");
        thief.post("/v1/me/passkeys/begin", json!({})).await.expect_status(200);
    }
}

#[tokio::test]
async fn a_factor_beside_another_one_makes_no_session_stand_on_more() {
    let app = start(SecondFactor::All).await;
    let anna = app.user("Anna").await;
    let (_, first) = passkey(&app, &anna, None).await;
    let mut thief = app.anonymous();
    thief.log_in("Anna").await.expect_status(200);
    passkey(&app, &anna, None).await;
    with_device(&anna).await;
    anna.send(Method::DELETE, &format!("/v1/me/passkeys/{first}"), None, &[]).await.expect_status(200);
    thief.get("/v1/chats").await.expect_problem(403, "second-factor-required");
}

/// Every operation is closed to who has none but those for setting one up, for seeing oneself, and those that anybody may.
#[test]
fn what_is_open_to_them_is_told_here() {
    let open = api::operations().into_iter().filter(|operation| operation.spec.without_second_factor);
    // A passkey is a factor as well: its stories tell of setting one up.
    let open = open.filter(|operation| !operation.path.starts_with("/v1/me/passkeys"));
    let mut open = open.map(|operation| format!("{} {}", operation.method, operation.path)).collect::<Vec<_>>();
    open.sort();
    assert_eq!(
        open,
        [
            "DELETE /v1/me/sessions",
            "DELETE /v1/me/sessions/{id}",
            "DELETE /v1/me/totp",
            "GET /v1/me",
            "GET /v1/me/sessions",
            "GET /v1/me/totp",
            "POST /v1/me/totp",
            "POST /v1/me/totp/confirm",
            "POST /v1/me/totp/recovery-codes",
        ]
    );
}
