//! What wants a fresh sign-in, asked again with the same key by a session that is not fresh any more: the first answer.

use super::external::{Browser, knowing};
use super::fresh_sign_ins::of_eleven_minutes_ago;
use super::mail::with_address;
use super::second_factors::with_device;
use reqwest::Method;
use serde_json::{Value, json};
use servers::{Provider, ProviderUser};
use testkit::{Actor, Authenticator, Reply, TestApp};

const KEY: (&str, &str) = ("idempotency-key", "once");

/// The same twice, the second time by a session of eleven minutes ago; without the key that one is refused. Answers the first.
async fn twice(app: &TestApp, anna: &Actor, method: Method, path: &str, body: Option<Value>) -> Reply {
    let stale = of_eleven_minutes_ago(app, anna).await;
    let refused = stale.send(method.clone(), path, body.clone(), &[]).await;
    assert!(refused.status == 401 || refused.status == 403, "{method} {path}: {}", refused.text);
    let first = anna.send(method.clone(), path, body.clone(), &[KEY]).await;
    assert!(first.status.is_success(), "{method} {path}: {}", first.text);
    let again = stale.send(method.clone(), path, body.clone(), &[KEY]).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text), "{method} {path}");
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!(again.position(), first.position());
    first
}

/// What a device answers to a begin of hers.
async fn made(app: &TestApp, anna: &Actor) -> Value {
    let begun = anna.post("/v1/me/passkeys/begin", json!({"name": "my phone"})).await.expect_status(200);
    let (_, credential) = Authenticator::make(&begun.body["publicKey"], &app.url);
    json!({"credential": credential})
}

#[tokio::test]
async fn a_passkey_is_added_and_removed_once() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let body = made(&app, &anna).await;
    let first = anna.send(Method::POST, "/v1/me/passkeys/finish", Some(body.clone()), &[KEY]).await.expect_status(201);
    let id = first.id("id");
    assert_eq!(first.body["name"], "my phone");
    let stale = of_eleven_minutes_ago(&app, &anna).await;
    let path = format!("/v1/me/passkeys/{id}");
    let remove = ("idempotency-key", "another");
    stale.send(Method::DELETE, &path, None, &[remove]).await.expect_problem(403, "fresh-sign-in-needed");
    let removed = anna.send(Method::DELETE, &path, None, &[remove]).await.expect_status(200);
    // The challenge is used up and the passkey is gone: neither makes another answer of it, nor does a restart.
    let app = app.restart().await;
    let stale = app.again(&stale);
    let added = stale.send(Method::POST, "/v1/me/passkeys/finish", Some(body), &[KEY]).await;
    let gone = stale.send(Method::DELETE, &path, None, &[remove]).await;
    for (again, first) in [(added, first), (gone, removed)] {
        assert_eq!((again.status, &again.text), (first.status, &first.text));
        assert_eq!(again.header("idempotency-replayed"), "true");
    }
    let other = stale.send(Method::POST, "/v1/me/passkeys/finish", Some(json!({"credential": {}})), &[KEY]).await;
    other.expect_problem(422, "idempotency-key-reused");
    assert_eq!(stale.get("/v1/me/passkeys").await.body["passkeys"], json!([]));
}

#[tokio::test]
async fn an_identity_is_taken_off_once() {
    let provider = Provider::start().await;
    let app = TestApp::start_with(knowing(&[("acme", &provider)])).await;
    let anna = app.user("Anna").await;
    provider.sign_in_as(ProviderUser::new("anna-1", "elsewhere@example.org"));
    Browser::of(anna.clone()).code("acme", "&link=true").await;
    let listed = anna.get("/v1/me/identities").await.expect_status(200).body["identities"].clone();
    let path = format!("/v1/me/identities/{}", listed[0]["id"].as_str().unwrap());
    twice(&app, &anna, Method::DELETE, &path, None).await;
    assert_eq!(anna.get("/v1/me/identities").await.body["identities"], json!([]));
}

#[tokio::test]
async fn a_second_factor_is_removed_once() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let mut device = with_device(&anna).await;
    let body = json!({"password": anna.password(), "code": device.recovery_code()});
    let first = anna.send(Method::DELETE, "/v1/me/totp", Some(body.clone()), &[KEY]).await.expect_status(200);
    let stale = of_eleven_minutes_ago(&app, &anna).await;
    let again = stale.send(Method::DELETE, "/v1/me/totp", Some(body), &[KEY]).await.expect_status(200);
    assert_eq!((&again.text, again.header("idempotency-replayed")), (&first.text, "true"));
}

#[tokio::test]
async fn an_address_and_a_token_are_asked_for_once() {
    let app = TestApp::start().await;
    let anna = with_address(&app, "Anna", "anna@example.org").await;
    twice(&app, &anna, Method::PUT, "/v1/me/email", Some(json!({"email": "other@example.org"}))).await;
    let token = json!({"name": "shop", "scopes": ["read"]});
    let stale = of_eleven_minutes_ago(&app, &anna).await;
    let other = ("idempotency-key", "another");
    let first = anna.send(Method::POST, "/v1/me/tokens", Some(token.clone()), &[other]).await.expect_status(201);
    let again = stale.send(Method::POST, "/v1/me/tokens", Some(token), &[other]).await.expect_status(201);
    assert_eq!((&again.text, again.header("idempotency-replayed")), (&first.text, "true"));
}
