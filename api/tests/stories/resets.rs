//! A forgotten password.

use super::mail::{facts, mail, mails, with_address};
use domain::Event;
use domain::proof::Purpose;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};
use tokio::task::JoinSet;

const ANNAS: &str = "anna@example.org";
const NEW: &str = "another long passphrase";

async fn forget(actor: &Actor, address: &str) -> Reply {
    actor.post("/v1/auth/password/forgot", json!({"email": address})).await.expect_status(202)
}

async fn reset(app: &TestApp, token: &str, new_password: &str) -> Reply {
    app.anonymous().post("/v1/auth/password/reset", json!({"token": token, "new_password": new_password})).await
}

/// What can be seen of an answer, but for what differs from one to the next.
fn seen(reply: &Reply) -> (u16, Vec<String>, Vec<String>) {
    let mut headers = reply.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    headers.sort();
    let body = reply.body.as_object().map(|body| body.keys().cloned().collect()).unwrap_or_default();
    (reply.status.as_u16(), headers, body)
}

#[tokio::test]
async fn asking_is_the_same_and_as_much_work_whether_an_account_has_the_address_or_not() {
    let app = TestApp::start().await;
    let anna = with_address(&app, "Anna", ANNAS).await;
    let unconfirmed = json!({"user_name": "Vera", "password": NEW, "email": "vera@example.org"});
    anna.post("/v1/auth/register", unconfirmed).await.expect_status(201);
    let nobody = app.anonymous();
    for path in ["/v1/auth/password/forgot", "/v1/auth/code"] {
        let mut answers = Vec::new();
        for address in [ANNAS, "nobody@example.org", "vera@example.org"] {
            let before = facts(&app).len();
            let reply = nobody.post(path, json!({"email": address})).await.expect_status(202);
            let names = facts(&app)[before..].iter().map(Event::name).collect::<Vec<_>>();
            assert_eq!(reply.body["position"], reply.position());
            answers.push((seen(&reply), names));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    }
    assert_eq!(mails(&app, Purpose::Reset).len(), 1, "and one of them was mailed");
    assert_eq!(mails(&app, Purpose::SignIn).len(), 1);
    for path in ["/v1/auth/password/forgot", "/v1/auth/code"] {
        let refused = nobody.post(path, json!({"email": "nobody"})).await.expect_problem(400, "bad-parameters");
        assert_eq!(refused.pointers(), ["/email"]);
    }
}

#[tokio::test]
async fn a_new_password_is_set_once_and_ends_every_session() {
    let app = TestApp::start().await;
    let anna = with_address(&app, "Anna", ANNAS).await;
    forget(&app.anonymous(), "ANNA@example.org").await;
    let token = mail(&app, Purpose::Reset).token;
    app.anonymous().get(&format!("/r/{token}")).await.expect_status(200);
    let weak = reset(&app, &token, "password123").await.expect_problem(400, "weak-password");
    assert_eq!(weak.pointers(), ["/new_password"]);
    reset(&app, &token, "hello-aNNa-2026").await.expect_problem(400, "weak-password");
    anna.get("/v1/me").await.expect_status(200);
    let done = reset(&app, &token, NEW).await.expect_status(200);
    assert_eq!(done.body["position"], done.position());
    anna.get("/v1/me").await.expect_problem(401, "invalid-session-id");
    app.anonymous().log_in("Anna").await.expect_problem(401, "bad-credentials");
    app.anonymous().log_in_with("Anna", NEW).await.expect_status(200);
    reset(&app, &token, "yet another passphrase").await.expect_problem(410, "link-expired");
    app.anonymous().get(&format!("/r/{token}")).await.expect_problem(410, "link-expired");
}

#[tokio::test]
async fn of_six_resets_by_one_link_one_succeeds() {
    let app = TestApp::start().await;
    with_address(&app, "Anna", ANNAS).await;
    forget(&app.anonymous(), ANNAS).await;
    let token = mail(&app, Purpose::Reset).token;
    let mut uses = JoinSet::new();
    for number in 0..6 {
        let somebody = app.anonymous();
        let body = json!({"token": token, "new_password": format!("passphrase number {number}")});
        uses.spawn(async move { somebody.post("/v1/auth/password/reset", body).await.status.as_u16() });
    }
    let mut statuses = uses.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 410, 410, 410, 410, 410]);
}

#[tokio::test]
async fn another_password_or_another_address_makes_the_links_void() {
    let app = TestApp::start().await;
    let anna = with_address(&app, "Anna", ANNAS).await;
    for _ in 0..2 {
        forget(&app.anonymous(), ANNAS).await;
    }
    let tokens = mails(&app, Purpose::Reset).into_iter().map(|mail| mail.token).collect::<Vec<_>>();
    assert_eq!(tokens.len(), 2);
    let change = json!({"old_password": anna.password(), "new_password": NEW});
    anna.put("/v1/me/password", change).await.expect_status(200);
    for token in &tokens {
        reset(&app, token, "yet another passphrase").await.expect_problem(410, "link-expired");
    }
    forget(&app.anonymous(), ANNAS).await;
    let token = mail(&app, Purpose::Reset).token;
    anna.put("/v1/me/email", json!({"email": "anna@new.example"})).await.expect_status(202);
    super::mail::confirm(&app, Purpose::Confirm).await;
    reset(&app, &token, "yet another passphrase").await.expect_problem(410, "link-expired");
    app.anonymous().log_in_with("Anna", NEW).await.expect_status(200);
}

#[tokio::test]
async fn a_repeat_with_the_same_key_gets_the_first_answer_and_mails_nothing_more() {
    let app = TestApp::start().await;
    with_address(&app, "Anna", ANNAS).await;
    let nobody = app.anonymous();
    let ask =
        async |path: &str, body: Value| nobody.send(Method::POST, path, Some(body), &[("idempotency-key", path)]).await;
    for path in ["/v1/auth/password/forgot", "/v1/auth/code"] {
        let first = ask(path, json!({"email": ANNAS})).await.expect_status(202);
        let again = ask(path, json!({"email": ANNAS})).await.expect_status(202);
        assert_eq!((first.body, again.header("idempotency-replayed")), (again.body.clone(), "true"));
    }
    assert_eq!(mails(&app, Purpose::Reset).len(), 1);
    let body = json!({"token": mail(&app, Purpose::Reset).token, "new_password": NEW});
    let first = ask("/v1/auth/password/reset", body.clone()).await.expect_status(200);
    let again = ask("/v1/auth/password/reset", body.clone()).await.expect_status(200);
    assert_eq!((first.body, again.header("idempotency-replayed")), (again.body.clone(), "true"));
    let other = json!({"token": body["token"], "new_password": "yet another passphrase"});
    ask("/v1/auth/password/reset", other).await.expect_problem(422, "idempotency-key-reused");
}
