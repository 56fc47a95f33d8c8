//! Passkeys: making them, signing in by them, and what is refused.

use projections::ProjectionId;
use serde_json::{Value, json};
use testkit::{Actor, Authenticator, Reply, TestApp};
use tokio::task::JoinSet;

/// What `begin` asks of a device.
async fn asked(actor: &Actor, path: &str, body: Value) -> Value {
    actor.post(path, body).await.expect_status(200).body["publicKey"].clone()
}

pub(super) async fn begin(nobody: &Actor) -> Value {
    asked(nobody, "/v1/auth/passkey/begin", json!({})).await
}

pub(super) async fn finish(nobody: &Actor, credential: Value) -> Reply {
    nobody.post("/v1/auth/passkey/finish", json!({"credential": credential})).await
}

/// A passkey of theirs, with its id.
pub(super) async fn passkey(app: &TestApp, actor: &Actor, counter: Option<u32>) -> (Authenticator, String) {
    let public_key = asked(actor, "/v1/me/passkeys/begin", json!({"name": "my phone"})).await;
    let (device, credential) = Authenticator::make_counting(&public_key, &app.url, counter);
    let added = actor.post("/v1/me/passkeys/finish", json!({"credential": credential})).await.expect_status(201);
    (device, added.id("id"))
}

async fn listed(actor: &Actor) -> Vec<Value> {
    let reply = actor.get("/v1/me/passkeys").await.expect_status(200);
    reply.body["passkeys"].as_array().expect("a list of passkeys").clone()
}

#[tokio::test]
async fn who_has_one_signs_in_by_it_alone() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (mut phone, id) = passkey(&app, &anna, None).await;
    let known = listed(&anna).await;
    assert_eq!((&known[0]["id"], &known[0]["name"]), (&json!(id), &json!("my phone")));
    assert_eq!(known[0]["last_used_at"], Value::Null);

    let mut nobody = app.anonymous();
    let public_key = begin(&nobody).await;
    assert_eq!(public_key["rpId"], "127.0.0.1");
    assert_eq!(public_key["userVerification"], "required");
    assert_eq!(public_key["allowCredentials"], json!([]), "the device knows who");
    let signed_in = finish(&nobody, phone.sign(&public_key)).await.expect_status(200);
    assert_eq!(signed_in.id("user_id"), anna.user_id);
    nobody.token = Some(signed_in.id("session_id"));
    let sessions = nobody.get("/v1/me/sessions").await.expect_status(200);
    assert_eq!(sessions.body["sessions"][0]["proofs"][0]["by"], "passkey");
    assert!(listed(&anna).await[0]["last_used_at"].is_string());
    assert_eq!(app.node.projections.verify(ProjectionId::Passkeys, &mut |_| {}).unwrap().differences, vec![]);
}

#[tokio::test]
async fn an_export_lists_them_without_their_keys() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (_, id) = passkey(&app, &anna, None).await;
    let export = anna.get("/v1/me/export").await.expect_status(200).text;
    let lines = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    let factors = lines.iter().filter(|line| line["kind"] == "second-factor").collect::<Vec<_>>();
    assert_eq!(factors.len(), 1, "{export}");
    assert_eq!(
        (&factors[0]["factor"], &factors[0]["id"], &factors[0]["name"]),
        (&json!("passkey"), &json!(id), &json!("my phone"))
    );
    assert!(factors[0].get("credential").is_none());
}

#[tokio::test]
async fn a_device_is_asked_for_a_key_that_it_keeps_and_verifies_its_holder_for() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (_, _) = passkey(&app, &anna, None).await;
    let public_key = asked(&anna, "/v1/me/passkeys/begin", json!({})).await;
    let selection = &public_key["authenticatorSelection"];
    assert_eq!(selection["residentKey"], "required");
    assert_eq!(selection["userVerification"], "required");
    assert_eq!(public_key["rp"]["id"], "127.0.0.1");
    assert_eq!(public_key["excludeCredentials"].as_array().map(Vec::len), Some(1), "not the same device twice");
    for bad in [json!({"name": ""}), json!({"name": "x".repeat(65)}), json!({"nickname": "x"})] {
        anna.post("/v1/me/passkeys/begin", bad).await.expect_problem(400, "bad-parameters");
    }
}

#[tokio::test]
async fn what_was_signed_for_another_page_another_host_or_without_its_holder_does_not_count() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (phone, _) = passkey(&app, &anna, None).await;
    let nobody = app.anonymous();
    let (mut other_page, mut other_host, mut unverified) = (phone.clone(), phone.clone(), phone);
    "http://127.0.0.1:1".clone_into(&mut other_page.origin);
    other_host.rp_id = Some("evil.example".to_owned());
    unverified.verifies = false;
    for mut device in [other_page, other_host, unverified] {
        let credential = device.sign(&begin(&nobody).await);
        finish(&nobody, credential).await.expect_problem(401, "bad-passkey");
        let public_key = asked(&anna, "/v1/me/passkeys/begin", json!({})).await;
        let mut made = public_key.clone();
        made["rp"]["id"] = json!(device.rp_id.as_deref().unwrap_or("127.0.0.1"));
        if device.verifies {
            let (_, credential) = Authenticator::make(&made, &device.origin);
            let reply = anna.post("/v1/me/passkeys/finish", json!({"credential": credential})).await;
            reply.expect_problem(401, "bad-passkey");
        }
    }
    assert_eq!(listed(&anna).await.len(), 1);
    assert_eq!(anna.get("/v1/me/sign-ins").await.expect_status(200).body["sign_ins"][0]["succeeded"], false);
}

#[tokio::test]
async fn a_device_that_does_not_verify_its_holder_makes_none() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let public_key = asked(&anna, "/v1/me/passkeys/begin", json!({})).await;
    assert_eq!(public_key["authenticatorSelection"]["userVerification"], "required");
    let (_, credential) = Authenticator::make_unverified(&public_key, &app.url);
    anna.post("/v1/me/passkeys/finish", json!({"credential": credential})).await.expect_problem(401, "bad-passkey");
    assert_eq!(listed(&anna).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_challenge_is_good_once_for_what_it_was_made_for() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let (mut phone, _) = passkey(&app, &anna, None).await;
    let nobody = app.anonymous();
    let public_key = begin(&nobody).await;
    let credential = phone.sign(&public_key);
    finish(&nobody, credential.clone()).await.expect_status(200);
    finish(&nobody, credential).await.expect_problem(401, "bad-passkey");
    // One that nobody asked for.
    let mut made_up = public_key.clone();
    made_up["challenge"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    finish(&nobody, phone.sign(&made_up)).await.expect_problem(401, "bad-passkey");
    // One for making a key; and one that another account has begun with.
    let making = asked(&anna, "/v1/me/passkeys/begin", json!({})).await;
    let mut crossed = public_key;
    crossed["challenge"] = making["challenge"].clone();
    finish(&nobody, phone.sign(&crossed)).await.expect_problem(401, "bad-passkey");
    let (_, credential) = Authenticator::make(&making, &app.url);
    boris.post("/v1/me/passkeys/finish", json!({"credential": credential})).await.expect_problem(401, "bad-passkey");
    assert_eq!(listed(&boris).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_key_that_counts_must_count_on() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (mut phone, _) = passkey(&app, &anna, Some(7)).await;
    let nobody = app.anonymous();
    let mut copy = phone.clone();
    finish(&nobody, phone.sign(&begin(&nobody).await)).await.expect_status(200);
    finish(&nobody, copy.sign(&begin(&nobody).await)).await.expect_problem(401, "bad-passkey");
    finish(&nobody, phone.sign(&begin(&nobody).await)).await.expect_status(200);
}

#[tokio::test]
async fn what_is_no_answer_of_a_device_is_said_to_be_none() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let nobody = app.anonymous();
    let not_base64 = json!({"response": {"clientDataJSON": "***"}});
    let not_json = json!({"response": {"clientDataJSON": "AAAA"}});
    for bad in [json!(null), json!({}), json!([]), json!("x"), not_base64, not_json] {
        finish(&nobody, bad.clone()).await.expect_problem(400, "bad-parameters");
        let reply = anna.post("/v1/me/passkeys/finish", json!({"credential": bad})).await;
        assert_eq!(reply.expect_problem(400, "bad-parameters").pointers(), ["/credential"]);
    }
}

#[tokio::test]
async fn one_that_was_removed_and_that_of_who_was_erased_sign_nobody_in() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (mut phone, id) = passkey(&app, &anna, None).await;
    let (mut laptop, _) = passkey(&app, &anna, None).await;
    let boris = app.user("Boris").await;
    boris.delete(&format!("/v1/me/passkeys/{id}")).await.expect_problem(404, "passkey-not-found");
    anna.delete(&format!("/v1/me/passkeys/{id}")).await.expect_status(200);
    anna.delete(&format!("/v1/me/passkeys/{id}")).await.expect_problem(404, "passkey-not-found");
    let nobody = app.anonymous();
    finish(&nobody, phone.sign(&begin(&nobody).await)).await.expect_problem(401, "bad-passkey");
    let credential = laptop.sign(&begin(&nobody).await);
    anna.send(reqwest::Method::DELETE, "/v1/me", Some(json!({"password": anna.password()})), &[])
        .await
        .expect_status(200);
    finish(&nobody, credential).await.expect_problem(401, "bad-passkey");
    let folder = app.stop().await;
    assert_eq!(super::tokens::holding(folder.path(), b"my phone"), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn of_two_that_answer_at_once_one_wins() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (mut phone, _) = passkey(&app, &anna, None).await;
    let credential = phone.sign(&begin(&app.anonymous()).await);
    let mut tries = JoinSet::new();
    for _ in 0..8 {
        let (nobody, credential) = (app.anonymous(), credential.clone());
        tries.spawn(async move { finish(&nobody, credential).await.status });
    }
    let statuses = tries.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
}
