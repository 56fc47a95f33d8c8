//! Changing a password, and the history of sign-ins.

use super::until;
use node::passwords::{Cost, PasswordPolicy};
use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};

const NEW: &str = "another fine passphrase";

async fn change(actor: &Actor, old: &str, new: &str) -> Reply {
    actor.put("/v1/me/password", json!({"old_password": old, "new_password": new})).await
}

async fn history(actor: &Actor) -> Vec<Value> {
    let reply = actor.get("/v1/me/sign-ins").await.expect_status(200);
    reply.body["sign_ins"].as_array().expect("a list of sign-ins").clone()
}

fn failures(history: &[Value]) -> u64 {
    let failed = history.iter().filter(|sign_in| sign_in["succeeded"] == false);
    failed.filter_map(|sign_in| sign_in["count"].as_u64()).sum()
}

#[tokio::test]
async fn a_new_password_ends_every_other_session_and_the_old_password() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let mut elsewhere = app.anonymous();
    elsewhere.log_in("Anna").await.expect_status(200);
    let old = anna.password();

    let changed = change(&anna, old, NEW).await.expect_status(200);
    assert_eq!(changed.body["position"], changed.position());
    elsewhere.get("/v1/me").await.expect_problem(401, "invalid-session-id");
    anna.get("/v1/me").await.expect_status(200);
    app.anonymous().log_in_with("Anna", old).await.expect_problem(401, "bad-credentials");
    elsewhere.log_in_with("Anna", NEW).await.expect_status(200);
    elsewhere.get("/v1/me").await.expect_status(200);

    let app = app.restart().await;
    app.anonymous().log_in_with("Anna", old).await.expect_problem(401, "bad-credentials");
    app.again(&anna).get("/v1/me").await.expect_status(200);
}

#[tokio::test]
async fn a_password_is_changed_only_by_who_knows_it_and_only_to_a_good_one() {
    let app = TestApp::start().await;
    let mut anna = app.user("Anna").await;
    let old = anna.password();
    change(&anna, "not the old one", NEW).await.expect_problem(401, "bad-credentials");
    change(&anna, "", NEW).await.expect_problem(401, "bad-credentials");
    // Guessing with a stolen session shows in the history, as guessing at the door does.
    anna.log_in("Anna").await.expect_status(200);
    assert_eq!(failures(&history(&anna).await), 2);
    for weak in ["short", "password123", "this is anna again"] {
        let refused = change(&anna, old, weak).await.expect_problem(400, "weak-password");
        assert_eq!(refused.pointers(), ["/new_password"]);
    }
    change(&app.anonymous(), old, NEW).await.expect_problem(401, "auth-failed");
    app.anonymous().log_in("Anna").await.expect_status(200);
}

#[tokio::test]
async fn of_two_changes_at_once_one_wins() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let old = anna.password();
    let (one, other) = tokio::join!(change(&anna, old, NEW), change(&anna, old, "a third fine passphrase"));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    let winner = if one.status == 200 { NEW } else { "a third fine passphrase" };
    app.anonymous().log_in_with("Anna", winner).await.expect_status(200);
}

#[tokio::test]
async fn a_verifier_is_forgotten_when_another_takes_its_place() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    change(&anna, anna.password(), NEW).await.expect_status(200);
    let records = app.node.log.read(0, 100).unwrap();
    let verifiers = records.iter().filter(|record| record.name == "user.password_changed.v1").collect::<Vec<_>>();
    assert_eq!(verifiers.len(), 2);
    assert!(verifiers[0].sealed.is_none() && verifiers[0].sealed_hash.is_some());
    assert!(verifiers[1].sealed.is_some());
}

#[tokio::test]
async fn a_password_is_the_same_from_a_device_that_types_it_decomposed() {
    let app = TestApp::start().await;
    let (composed, decomposed) = ("caf\u{e9} cr\u{e8}me", "cafe\u{301} cre\u{300}me");
    let anna = app.user("Anna").await;
    change(&anna, anna.password(), decomposed).await.expect_status(200);
    for typed in [composed, decomposed] {
        app.anonymous().log_in_with("Anna", typed).await.expect_status(200);
    }
    change(&anna, composed, NEW).await.expect_status(200);
    // Seven characters, however many code points they are typed as.
    let short = change(&anna, NEW, "se\u{301}ve\u{301}n27").await.expect_problem(400, "weak-password");
    assert!(short.body["detail"].as_str().unwrap().contains("at least 8 characters"), "{:?}", short.body);
}

#[tokio::test]
async fn a_verifier_follows_the_cost_at_the_next_sign_in_and_nothing_else_changes() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let dearer = PasswordPolicy { cost: Cost { memory_kib: 64, passes: 2, lanes: 1 }, ..TestApp::passwords() };
    let app = app.restart_hashing(dearer).await;
    let anna = app.again(&anna);
    let names = |app: &TestApp| {
        let records = app.node.log.read(0, 100).unwrap();
        let verifiers = records.into_iter().filter(|record| domain::VERIFIERS.contains(&record.name.as_str()));
        verifiers.map(|record| (record.name, record.sealed.is_some())).collect::<Vec<_>>()
    };
    app.anonymous().log_in_with("Anna", "a wrong guess").await.expect_problem(401, "bad-credentials");
    assert_eq!(names(&app), [("user.password_changed.v1".to_owned(), true)]);
    for _ in 0..2 {
        app.anonymous().log_in("Anna").await.expect_status(200);
        let replaced = ("user.verifier_replaced.v1".to_owned(), true);
        assert_eq!(names(&app), [("user.password_changed.v1".to_owned(), false), replaced]);
        // The session from before goes on.
        let me = anna.get("/v1/me").await.expect_status(200);
        app.node
            .projections
            .caught_up(projections::ProjectionId::Users, me.position(), std::time::Duration::from_secs(10))
            .await
            .unwrap();
    }
    let sealed = app.node.log.read(0, 100).unwrap().into_iter().rfind(|record| record.name == domain::VERIFIERS[1]);
    let verifier = app.node.log.personal(&sealed.unwrap()).unwrap();
    assert!(matches!(&verifier, Some(domain::Personal::Known(text)) if text.contains("m=64,t=2")), "{verifier:?}");
    change(&anna, anna.password(), NEW).await.expect_status(200);
    assert_eq!(names(&app).iter().filter(|(_, sealed)| *sealed).count(), 1);
}

#[tokio::test]
async fn the_history_of_sign_ins_shows_the_failed_ones_newest_first() {
    let app = TestApp::start().await;
    let mut anna = app.user("Anna").await;
    let stranger = app.anonymous();
    for _ in 0..2 {
        let body = json!({"user_name": "ANNA", "password": "a wrong guess"});
        let headers = [("user-agent", "guessing machine")];
        stranger.send(reqwest::Method::POST, "/v1/auth/login", Some(body), &headers).await.expect_status(401);
    }
    until(async || failures(&history(&anna).await) == 2).await;
    anna.log_in("Anna").await.expect_status(200);

    let shown = history(&anna).await;
    assert_eq!((&shown[0]["succeeded"], &shown[0]["count"]), (&json!(true), &json!(1)));
    assert_eq!((&shown[1]["succeeded"], &shown[1]["device"]), (&json!(false), &json!("guessing machine")));
    assert_eq!((&shown[1]["address"], shown[1].get("session_id")), (&json!("127.0.0.1"), None));
    assert_eq!(shown.last().unwrap()["succeeded"], true, "the oldest is the first sign-in");
    let sessions = anna.get("/v1/me/sessions").await.body;
    assert_eq!(shown[0]["session_id"], sessions["sessions"][0]["id"]);
    assert!(history(&app.user("Boris").await).await.len() == 1, "everybody sees his own");
}

#[tokio::test]
async fn the_history_comes_in_pages_that_do_not_move() {
    let app = TestApp::start().await;
    let mut anna = app.user("Anna").await;
    for _ in 0..4 {
        anna.log_in("Anna").await.expect_status(200);
    }
    let all = history(&anna).await;
    assert_eq!(all.len(), 5);
    let pages = anna.pages("/v1/me/sign-ins?limit=2", "sign_ins").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(pages.concat(), all);

    let cursor = anna.get("/v1/me/sign-ins?limit=2").await.next().unwrap();
    anna.log_in("Anna").await.expect_status(200);
    let rest = anna.get(&format!("/v1/me/sign-ins?from={cursor}")).await.expect_status(200);
    assert_eq!(rest.body["sign_ins"].as_array().unwrap()[..], all[2..]);
    let boris = app.user("Boris").await;
    boris.get(&format!("/v1/me/sign-ins?from={cursor}")).await.expect_problem(400, "bad-cursor");
}
