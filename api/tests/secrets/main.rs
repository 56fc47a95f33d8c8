//! What is secret is in no log, at whatever level. One test, alone in its process: what is logged is the process's.

use reqwest::Method;
use serde_json::json;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use testkit::{Actor, Device, TestApp};
use tracing_subscriber::fmt::MakeWriter;

/// Everything that is logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Logged {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Logged {
    type Writer = Logged;

    fn make_writer(&self) -> Logged {
        self.clone()
    }
}

const PASSWORD: &str = "canary-password-eins";
const NEXT_PASSWORD: &str = "canary-password-zwei";
const WRONG_PASSWORD: &str = "canary-password-drei";
const LINK: &[u8] = b"canary-of-links";
const TEXT: &str = "canary-text";
const CHANGED_TEXT: &str = "canary-changed-text";
const ADDRESS: &str = "canary@example.org";
const DISPLAY_NAME: &str = "canary-display-name";
const KEY: &str = "canary-key";
const KEY_OF_TOKEN: &str = "canary-of-token";
const TOKEN_NAME: &str = "canary-name-of-token";
const NO_TOKEN: &str = "canary-token-of-nobody";

/// Creates a service token, and calls with it as it may and as it may not; its text.
async fn use_service_token(anna: &Actor, mut backend: Actor) -> String {
    let shop = json!({"name": TOKEN_NAME, "scopes": ["read"]});
    let reply = anna.send(Method::POST, "/v1/me/tokens", Some(shop), &[("idempotency-key", KEY_OF_TOKEN)]).await;
    let text = reply.expect_status(201).id("token");
    backend.token = Some(text.clone());
    backend.get("/v1/me").await.expect_status(200);
    backend.post("/v1/chats", json!({"chat_name": "yard"})).await.expect_status(403);
    text
}

/// Follows a link as it is mailed, and presses its button; its token.
async fn use_mailed_link(app: &TestApp, anna: &Actor) -> String {
    let token = app.node.keys.mailed_token(store::MailedPurpose::Confirm, LINK);
    anna.get(&format!("/c/{token}")).await.expect_status(410);
    anna.send(Method::POST, &format!("/c/{token}"), None, &[]).await.expect_status(410);
    token
}

/// Turns a second factor on, signs in by it, and removes it; all that is secret of it.
async fn use_second_factor(app: &TestApp, anna: &Actor) -> Vec<String> {
    let begun = anna.post("/v1/me/totp", json!({"password": NEXT_PASSWORD})).await.expect_status(201);
    let device = Device::of(&begun.id("secret"));
    let code = json!({"code": device.code(0)});
    let confirmed = anna.post("/v1/me/totp/confirm", code).await.expect_status(200);
    let codes = confirmed.body["recovery_codes"].as_array().into_iter().flatten();
    let mut secrets = codes.filter_map(|code| code.as_str().map(str::to_owned)).collect::<Vec<_>>();
    let body = json!({"user_name": "Anna", "password": NEXT_PASSWORD});
    let waiting = app.anonymous().post("/v1/auth/login", body).await.expect_status(401);
    let challenge = waiting.id("challenge");
    for (code, status) in [(&PASSWORD.to_owned(), 401), (&secrets[0], 200)] {
        let second = json!({"challenge": challenge, "code": code});
        app.anonymous().post("/v1/auth/login/second", second).await.expect_status(status);
    }
    let remove = json!({"password": NEXT_PASSWORD, "code": secrets[1]});
    anna.send(Method::DELETE, "/v1/me/totp", Some(remove), &[]).await.expect_status(200);
    secrets.extend([device.secret, challenge]);
    secrets
}

#[tokio::test]
async fn nothing_secret_is_logged_at_any_level() {
    let logged = Logged::default();
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(logged.clone()).with_ansi(false).init();
    tracing::trace!("the log is caught");

    let app = TestApp::start().await;
    let mut anna = app.anonymous();
    let account = json!({"user_name": "Anna", "password": PASSWORD, "email": ADDRESS});
    anna.post("/v1/auth/register", account.clone()).await.expect_status(201);
    anna.post("/v1/auth/register", account).await.expect_status(409);
    anna.log_in_with("Anna", WRONG_PASSWORD).await.expect_status(401);
    anna.log_in_with("Nobody", WRONG_PASSWORD).await.expect_status(401);
    anna.log_in_with("Anna", PASSWORD).await.expect_status(200);
    let token = anna.token.clone().unwrap();
    let by_cookie = json!({"user_name": "Anna", "password": PASSWORD, "cookie": true});
    let reply = app.anonymous().post("/v1/auth/login", by_cookie).await.expect_status(200);
    let cookie = reply.header("set-cookie").split(['=', ';']).nth(1).unwrap().to_owned();

    let (link, service_token) = (use_mailed_link(&app, &anna).await, use_service_token(&anna, app.anonymous()).await);
    let change = json!({"old_password": WRONG_PASSWORD, "new_password": NEXT_PASSWORD});
    anna.send(Method::PUT, "/v1/me/password", Some(change), &[]).await.expect_status(401);
    let change = json!({"old_password": PASSWORD, "new_password": NEXT_PASSWORD});
    anna.send(Method::PUT, "/v1/me/password", Some(change), &[("idempotency-key", KEY)]).await.expect_status(200);
    anna.send(Method::PATCH, "/v1/me", Some(json!({"display_name": DISPLAY_NAME})), &[]).await.expect_status(200);
    let factor = use_second_factor(&app, &anna).await;
    let chat = anna.chat("garden").await;
    let messages = format!("/v1/chats/{chat}/messages");
    let posted = anna.post(&messages, json!({"message": TEXT})).await.expect_status(201);
    let message = format!("{messages}/{}", posted.body["message_id"].as_str().unwrap());
    anna.send(Method::PATCH, &message, Some(json!({"message": CHANGED_TEXT})), &[]).await.expect_status(200);
    anna.get(&messages).await.expect_status(200);

    // What goes wrong is told about most.
    let json = [("content-type", "application/json")];
    for broken in [
        format!("{{\"user_name\":\"Anna\",\"password\":\"{PASSWORD}\""),
        format!("{{\"user_name\":\"Anna\",\"password\":[\"{PASSWORD}\"]}}"),
        format!("{{\"user_name\":\"Anna\",\"password\":\"{PASSWORD}\",\"{TEXT}\":1}}"),
    ] {
        anna.raw(Method::POST, "/v1/auth/login", Some(broken), &json).await.expect_status(400);
    }
    let mut nobody = app.anonymous();
    nobody.token = Some(NO_TOKEN.to_owned());
    nobody.get("/v1/me").await.expect_status(401);
    anna.post("/v1/auth/logout", serde_json::Value::Null).await.expect_status(200);

    let master_key = std::fs::read_to_string(app.node.folder.master_key()).unwrap().trim().to_owned();
    let app = app.restart().await;
    app.anonymous().log_in_with("Anna", NEXT_PASSWORD).await.expect_status(200);
    app.stop().await;

    let log = logged.text();
    assert!(log.contains("the log is caught") && log.lines().count() > 1, "the server's own words are caught, too");
    assert_eq!(master_key.len(), 64);
    let secrets = [
        PASSWORD,
        NEXT_PASSWORD,
        WRONG_PASSWORD,
        TEXT,
        CHANGED_TEXT,
        ADDRESS,
        DISPLAY_NAME,
        KEY,
        KEY_OF_TOKEN,
        TOKEN_NAME,
        NO_TOKEN,
        &token,
        &service_token["letopis_".len()..],
        &cookie,
        &link,
        &master_key,
        "$argon2",
    ];
    for secret in secrets.into_iter().chain(factor.iter().map(String::as_str)) {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "this line tells {secret}");
    }
}
