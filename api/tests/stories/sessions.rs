//! Sessions: listing and ending them, their expiry, logging out.

use super::{now, until};
use commands::Request;
use domain::{Command, SessionId, Timestamp, UserId, id, session, user};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;
use testkit::{Actor, TestApp};
use uuid::Uuid;

async fn sessions(actor: &Actor) -> Vec<Value> {
    let reply = actor.get("/v1/me/sessions").await.expect_status(200);
    reply.body["sessions"].as_array().expect("a list of sessions").clone()
}

async fn another(app: &TestApp, name: &str) -> Actor {
    let mut actor = app.anonymous();
    actor.log_in(name).await.expect_status(200);
    actor
}

/// The id of the session that an actor has.
async fn current(actor: &Actor) -> String {
    let open = sessions(actor).await;
    let mine = open.iter().filter(|session| session["current"] == true).collect::<Vec<_>>();
    assert_eq!(mine.len(), 1);
    mine[0]["id"].as_str().expect("a session has an id").to_owned()
}

#[tokio::test]
async fn everybody_sees_his_own_sessions_newest_first() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    app.user("Boris").await;
    let body = json!({"user_name": "Anna", "password": anna.password()});
    let phone = [("user-agent", "telephone")];
    app.anonymous().send(Method::POST, "/v1/auth/login", Some(body), &phone).await.expect_status(200);

    let open = sessions(&anna).await;
    assert_eq!(open.len(), 2);
    assert_eq!((&open[0]["device"], &open[0]["current"]), (&json!("telephone"), &json!(false)));
    assert_eq!((&open[1]["address"], &open[1]["current"]), (&json!("127.0.0.1"), &json!(true)));
    for session in &open {
        let at = |name: &str| session[name].as_str().unwrap().to_owned();
        assert!(at("created_at") <= at("last_seen_at") && at("last_seen_at") < at("expires_at"));
        let text = session.to_string();
        assert!(!text.contains(anna.token.as_ref().unwrap()), "an id is not a token");
    }
}

#[tokio::test]
async fn one_session_is_ended_and_the_others_go_on() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (phone, tablet) = (another(&app, "Anna").await, another(&app, "Anna").await);
    let id = current(&phone).await;
    let ended = anna.delete(&format!("/v1/me/sessions/{id}")).await.expect_status(200);
    assert_eq!(ended.body["position"], ended.position());
    phone.get("/v1/me").await.expect_problem(401, "invalid-session-id");
    tablet.get("/v1/me").await.expect_status(200);
    assert_eq!(sessions(&anna).await.len(), 2);
    anna.delete(&format!("/v1/me/sessions/{id}")).await.expect_status(200);

    let own = current(&anna).await.replace('-', "");
    anna.delete(&format!("/v1/me/sessions/{own}")).await.expect_status(200);
    anna.get("/v1/me").await.expect_problem(401, "invalid-session-id");
}

#[tokio::test]
async fn all_other_sessions_are_ended_at_once() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (phone, tablet) = (another(&app, "Anna").await, another(&app, "Anna").await);
    let boris = app.user("Boris").await;
    anna.delete("/v1/me/sessions").await.expect_status(200);
    for ended in [phone, tablet] {
        ended.get("/v1/me").await.expect_problem(401, "invalid-session-id");
    }
    assert_eq!(sessions(&anna).await.len(), 1);
    boris.get("/v1/me").await.expect_status(200);
    another(&app, "Anna").await.get("/v1/me").await.expect_status(200);
}

#[tokio::test]
async fn anothers_session_is_not_there() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let his = current(&boris).await;
    let unknown = uuid::Uuid::now_v7().to_string();
    for id in [his.as_str(), &unknown, "1", "%00", &format!("{{{his}}}"), &format!("urn:uuid:{his}")] {
        anna.delete(&format!("/v1/me/sessions/{id}")).await.expect_problem(404, "session-not-found");
    }
    boris.get("/v1/me").await.expect_status(200);
}

#[tokio::test]
async fn a_session_ends_at_its_last_day_however_much_it_is_used() {
    let mut settings = TestApp::settings();
    settings.session_max = Duration::from_secs(1);
    let app = TestApp::start_with(settings).await;
    let mut anna = app.anonymous();
    anna.register("Anna").await.expect_status(201);
    anna.log_in("Anna").await.expect_status(200);
    until(async || anna.get("/v1/me").await.status == 401).await;
    let expired = anna.get("/v1/me").await.expect_problem(401, "session-id-expired");
    assert!(expired.header("www-authenticate").contains("error=\"invalid_token\""));
    anna.post("/v1/chats", json!({"chat_name": "garden"})).await.expect_problem(401, "session-id-expired");
    anna.send(Method::POST, "/v1/auth/logout", None, &[]).await.expect_status(200);
    anna.log_in("Anna").await.expect_status(200);
}

#[tokio::test]
async fn a_session_that_is_not_used_expires_and_one_in_use_does_not() {
    let mut settings = TestApp::settings();
    settings.session_idle = Duration::from_secs(2);
    let app = TestApp::start_with(settings).await;
    let anna = app.user("Anna").await;
    let left = another(&app, "Anna").await;
    until(async || sessions(&anna).await.len() == 1).await;
    left.get("/v1/me").await.expect_problem(401, "session-id-expired");
    anna.get("/v1/me").await.expect_status(200);
}

#[tokio::test]
async fn the_two_ends_of_a_session_mean_the_same_everywhere() {
    let app = TestApp::start().await;
    let mut anna = app.user("Anna").await;
    let opened = anna.log_in("Anna").await.expect_status(200).body;
    let listed = sessions(&anna).await.into_iter().find(|session| session["current"] == true).unwrap();
    assert_eq!(listed["expires_at"], opened["expires_at"]);
    let at = |of: &Value, name: &str| domain::Timestamp::parse(of[name].as_str().unwrap()).unwrap();
    let idle = TestApp::settings().session_idle;
    assert_eq!(at(&listed, "idle_expires_at"), at(&listed, "last_seen_at").plus(idle));
    assert!(at(&opened, "idle_expires_at") <= at(&listed, "idle_expires_at"), "it was used since");
    assert!(at(&listed, "idle_expires_at") < at(&listed, "expires_at"));
}

#[tokio::test]
async fn parts_of_a_second_count_too() {
    let mut settings = TestApp::settings();
    settings.session_idle = Duration::from_millis(90_500);
    let app = TestApp::start_with(settings).await;
    let anna = app.user("Anna").await;
    let session = sessions(&anna).await.remove(0);
    let at = |name: &str| domain::Timestamp::parse(session[name].as_str().unwrap()).unwrap();
    assert_eq!(at("idle_expires_at").0 - at("last_seen_at").0, 90_500_000);
}

#[tokio::test]
async fn logging_out_is_always_fine() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let other = another(&app, "Anna").await;
    let out = async |actor: &Actor, headers: &[(&str, &str)]| {
        let reply = actor.send(Method::POST, "/v1/auth/logout", None, headers).await.expect_status(200);
        assert!(reply.header("set-cookie").contains("Max-Age=0"));
        assert_eq!(reply.body["position"], reply.position());
    };
    out(&anna, &[]).await;
    anna.get("/v1/me").await.expect_problem(401, "invalid-session-id");
    other.get("/v1/me").await.expect_status(200);
    out(&anna, &[]).await;
    let nobody = app.anonymous();
    out(&nobody, &[]).await;
    for value in ["Bearer made-up", "nonsense", "Basic x", "", "Bearer ключ"] {
        out(&nobody, &[("authorization", value)]).await;
    }
    out(&nobody, &[("cookie", "__Host-letopis=made-up")]).await;
    assert_eq!(sessions(&other).await.len(), 1);
}

#[tokio::test]
async fn sessions_and_their_ends_survive_a_restart() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (out, ended) = (another(&app, "Anna").await, another(&app, "Anna").await);
    out.send(Method::POST, "/v1/auth/logout", None, &[]).await.expect_status(200);
    anna.delete(&format!("/v1/me/sessions/{}", current(&ended).await)).await.expect_status(200);
    let before = sessions(&anna).await;

    let app = app.restart().await;
    let again = app.again(&anna);
    again.get("/v1/me").await.expect_status(200);
    for gone in [out, ended] {
        app.again(&gone).get("/v1/me").await.expect_problem(401, "invalid-session-id");
    }
    let after = sessions(&again).await;
    assert_eq!((after.len(), &after[0]["id"]), (1, &before[0]["id"]));
    assert!(after[0]["last_seen_at"].as_str() >= before[0]["last_seen_at"].as_str(), "the last use is not forgotten");
}

#[tokio::test]
async fn logging_out_twice_with_one_key_ends_two_sessions() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let phone = another(&app, "Anna").await;
    for actor in [&anna, &phone] {
        let headers = [("idempotency-key", "k"), ("if-match", "\"7\"")];
        actor.send(Method::POST, "/v1/auth/logout", None, &headers).await.expect_status(200);
        actor.get("/v1/me").await.expect_problem(401, "invalid-session-id");
    }
}

#[tokio::test]
async fn a_session_says_where_it_comes_from_only_by_proxies_that_are_trusted() {
    let address = async |app: &TestApp, forwarded: &[&str]| {
        let mut anna = app.anonymous();
        let body = json!({"user_name": "Anna", "password": anna.password()});
        let headers = forwarded.iter().map(|list| ("x-forwarded-for", *list)).collect::<Vec<_>>();
        let reply = anna.send(Method::POST, "/v1/auth/login", Some(body), &headers).await.expect_status(200);
        anna.token = Some(reply.id("session_id"));
        sessions(&anna).await[0]["address"].as_str().unwrap().to_owned()
    };
    let app = TestApp::start().await;
    app.user("Anna").await;
    assert_eq!(address(&app, &["203.0.113.9"]).await, "127.0.0.1");

    let mut settings = TestApp::settings();
    settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap(), "10.0.0.1".parse().unwrap()];
    let app = TestApp::start_with(settings).await;
    app.user("Anna").await;
    assert_eq!(address(&app, &[]).await, "127.0.0.1");
    assert_eq!(address(&app, &["198.51.100.7, 203.0.113.9, 10.0.0.1"]).await, "203.0.113.9");
    assert_eq!(address(&app, &["198.51.100.7", "2001:db8::7,10.0.0.1"]).await, "2001:db8::7");
    assert_eq!(address(&app, &["198.51.100.7, unknown"]).await, "127.0.0.1", "what it does not know it does not guess");
}

#[tokio::test]
async fn only_the_beginning_of_a_devices_name_is_kept() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let body = json!({"user_name": "Anna", "password": anna.password()});
    let long = "a".repeat(300);
    let headers = [("user-agent", long.as_str())];
    anna.send(Method::POST, "/v1/auth/login", Some(body), &headers).await.expect_status(200);
    assert_eq!(sessions(&anna).await[0]["device"], long[..200]);
}

/// A session as if it had been opened by a node whose clock says that; `number` tells it from others.
pub(crate) async fn opened_at(app: &TestApp, anna: &Actor, number: usize, at: Timestamp) -> Actor {
    opened_as(app, anna, SessionId(Uuid::now_v7()), number, at).await
}

async fn opened_as(app: &TestApp, anna: &Actor, session_id: SessionId, number: usize, at: Timestamp) -> Actor {
    let token = format!("{number:A>43}");
    let sign_in = session::Command::SignIn(session::SignIn {
        user_id: UserId(id::parse_uuid(&anna.user_id).unwrap()),
        shown: session::Shown::Password { checked: 1 },
        shown_at: None,
        second: None,
        opening: session::Opening {
            token_hash: session::TokenHash(Sha256::digest(token.as_bytes()).into()),
            expires_at: at.plus(TestApp::settings().session_max),
            from: user::Origin { device: String::new(), address: String::new() },
            new_device: false,
        },
    });
    let request = Request::by_operator(Command::Session(session_id, sign_in), at);
    app.node.writer.send(request).await.unwrap();
    let mut actor = app.anonymous();
    actor.token = Some(token);
    actor
}

#[tokio::test]
async fn a_session_that_goes_on_is_listed_however_many_have_expired() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let mine = current(&anna).await;
    let (now, settings) = (now(), TestApp::settings());
    // Most have rested for too long, some of them are past their last day as well.
    let rested = now.plus_seconds(-i64::try_from(settings.session_idle.as_secs()).unwrap() - 60);
    let ended = now.plus_seconds(-i64::try_from(settings.session_max.as_secs()).unwrap() - 60);
    // Opened before all of them, and still in use.
    let (living_id, user_id) = (SessionId(Uuid::now_v7()), UserId(id::parse_uuid(&anna.user_id).unwrap()));
    app.node.state.last_use().touch(living_id, user_id, now);
    let living = opened_as(&app, &anna, living_id, 0, ended.plus_seconds(600)).await;
    for number in 1..=1_100 {
        opened_at(&app, &anna, number, if number % 10 == 0 { ended } else { rested }).await;
    }
    let listed = sessions(&anna).await.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(listed, [mine, living_id.to_string()]);
    living.get("/v1/me").await.expect_status(200);
}

#[tokio::test]
async fn a_session_of_a_clock_that_was_ahead_is_none() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let ahead = opened_at(&app, &anna, 0, now().plus_seconds(3 * 365 * 24 * 3600)).await;
    ahead.get("/v1/me").await.expect_problem(401, "session-id-expired");
    assert_eq!(sessions(&anna).await.len(), 1);
    anna.get("/v1/me").await.expect_status(200);
    // The clocks of two nodes may be a little apart.
    opened_at(&app, &anna, 1, now().plus_seconds(20)).await.get("/v1/me").await.expect_status(200);
}
