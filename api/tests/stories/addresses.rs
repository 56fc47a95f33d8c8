//! Confirming an address, having another one, and whose it is.

use super::mail::{address_of, confirm, facts, mail, mails, warnings, with_address};
use domain::proof::{Issue, Purpose, To, Wish};
use domain::text::{Email, Locale};
use domain::{Command, Event, ProofId, proof, user};
use reqwest::Method;
use serde_json::json;
use testkit::{Actor, Reply, TestApp};
use tokio::task::JoinSet;

const ANNAS: &str = "anna@example.org";

async fn register(app: &TestApp, name: &str, address: &str) -> Actor {
    let mut actor = app.anonymous();
    let body = json!({"user_name": name, "password": actor.password(), "email": address});
    actor.post("/v1/auth/register", body).await.expect_status(201);
    actor.log_in(name).await.expect_status(200);
    actor
}

async fn use_link(app: &TestApp, token: &str) -> Reply {
    app.anonymous().send(Method::POST, &format!("/c/{token}"), None, &[]).await
}

#[tokio::test]
async fn an_address_is_confirmed_by_its_link_once() {
    let app = TestApp::start().await;
    let anna = register(&app, "Anna", ANNAS).await;
    assert_eq!(address_of(&anna).await, (json!(ANNAS), json!(false)));
    let mail = mail(&app, Purpose::Welcome);
    assert_eq!(mail.to, ANNAS);
    let before = app.node.log.head().unwrap().position;
    for _ in 0..3 {
        let page = app.anonymous().get(&format!("/c/{}", mail.token)).await.expect_status(200);
        assert!(page.header("content-type").starts_with("text/html"));
    }
    assert_eq!(app.node.log.head().unwrap().position, before, "looking at the page changes nothing");
    let done = use_link(&app, &mail.token).await.expect_status(200);
    assert_eq!(done.body["position"], done.position());
    assert_eq!(address_of(&anna).await, (json!(ANNAS), json!(true)));
    use_link(&app, &mail.token).await.expect_problem(410, "link-expired");
    app.anonymous().get(&format!("/c/{}", mail.token)).await.expect_problem(410, "link-expired");
}

#[tokio::test]
async fn of_eight_who_use_a_link_at_once_one_succeeds() {
    let app = TestApp::start().await;
    register(&app, "Anna", ANNAS).await;
    let token = mail(&app, Purpose::Welcome).token;
    let mut uses = JoinSet::new();
    for _ in 0..8 {
        let (somebody, path) = (app.anonymous(), format!("/c/{token}"));
        uses.spawn(async move { somebody.send(Method::POST, &path, None, &[]).await.status.as_u16() });
    }
    let mut statuses = uses.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 410, 410, 410, 410, 410, 410, 410]);
}

#[tokio::test]
async fn a_repeat_with_the_same_key_gets_the_first_answer() {
    let app = TestApp::start().await;
    register(&app, "Anna", ANNAS).await;
    let path = format!("/c/{}", mail(&app, Purpose::Welcome).token);
    let key = [("idempotency-key", "once")];
    let first = app.anonymous().send(Method::POST, &path, None, &key).await.expect_status(200);
    let again = app.anonymous().send(Method::POST, &path, None, &key).await.expect_status(200);
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn a_confirmed_address_is_as_good_as_a_name_to_log_in() {
    let app = TestApp::start().await;
    let anna = with_address(&app, "Anna", "Anna@Example.org").await;
    for address in ["anna@example.org", "ANNA@EXAMPLE.ORG", " Anna@example.org "] {
        let reply = app.anonymous().log_in(address).await.expect_status(200);
        assert_eq!(reply.id("user_id"), anna.user_id, "{address}");
    }
    app.anonymous().log_in_with(ANNAS, "a wrong guess").await.expect_problem(401, "bad-credentials");
    app.anonymous().log_in("boris@example.org").await.expect_problem(401, "bad-credentials");
}

#[tokio::test]
async fn registering_with_a_confirmed_address_is_no_different_and_its_owner_is_told() {
    let app = TestApp::start().await;
    let anna = with_address(&app, "Anna", ANNAS).await;
    let boris = register(&app, "Boris", "ANNA@example.org").await;
    assert_eq!(address_of(&boris).await, (json!("ANNA@example.org"), json!(false)));
    assert_eq!(mails(&app, Purpose::Welcome).len(), 1, "nothing is mailed that would confirm it");
    assert_eq!(warnings(&app), 1);
    register(&app, "Boris II", ANNAS).await;
    assert_eq!(warnings(&app), 1, "its owner is told once a minute");
    let reply = app.anonymous().log_in(ANNAS).await.expect_status(200);
    assert_eq!(reply.id("user_id"), anna.user_id);
}

#[tokio::test]
async fn another_address_counts_once_it_is_confirmed() {
    let app = TestApp::start().await;
    let anna = with_address(&app, "Anna", ANNAS).await;
    let tag = anna.get("/v1/me").await.header("etag").to_owned();
    let asked = anna.put("/v1/me/email", json!({"email": "anna@new.example"})).await.expect_status(202);
    assert_eq!(asked.body["position"], asked.position());
    assert_eq!(address_of(&anna).await, (json!(ANNAS), json!(true)), "it is not theirs yet");
    assert_eq!(mail(&app, Purpose::Confirm).to, "anna@new.example");
    confirm(&app, Purpose::Confirm).await;
    assert_eq!(address_of(&anna).await, (json!("anna@new.example"), json!(true)));
    assert_ne!(anna.get("/v1/me").await.header("etag"), tag);
    app.anonymous().log_in("anna@new.example").await.expect_status(200);
    app.anonymous().log_in(ANNAS).await.expect_problem(401, "bad-credentials");
    let confirmed = |event| {
        let Event::User(_, user::Event::EmailConfirmed(confirmed)) = event else { return None };
        confirmed.personal.into_known()
    };
    let former = facts(&app).into_iter().rev().find_map(confirmed);
    assert_eq!(former.unwrap().former.unwrap().as_str(), ANNAS, "the former one can be told");
    // What she gave up is free.
    let boris = with_address(&app, "Boris", ANNAS).await;
    assert_eq!(app.anonymous().log_in(ANNAS).await.expect_status(200).id("user_id"), boris.user_id);
}

#[tokio::test]
async fn asking_for_an_address_again_is_no_second_mail_and_another_one_makes_the_first_link_void() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    for bad in ["anna", "", "a@b@c.org"] {
        let refused = anna.put("/v1/me/email", json!({"email": bad})).await.expect_problem(400, "bad-parameters");
        assert_eq!(refused.pointers(), ["/email"], "{bad}");
    }
    for _ in 0..3 {
        anna.put("/v1/me/email", json!({"email": ANNAS})).await.expect_status(202);
    }
    assert_eq!(mails(&app, Purpose::Confirm).len(), 1, "one a minute");
    let first = mail(&app, Purpose::Confirm).token;
    anna.put("/v1/me/email", json!({"email": "anna@new.example"})).await.expect_status(202);
    use_link(&app, &first).await.expect_problem(410, "link-expired");
    confirm(&app, Purpose::Confirm).await;
    assert_eq!(address_of(&anna).await, (json!("anna@new.example"), json!(true)));
}

#[tokio::test]
async fn of_two_who_want_one_address_the_first_to_confirm_has_it() {
    let app = TestApp::start().await;
    let anna = register(&app, "Anna", ANNAS).await;
    let boris = register(&app, "Boris", ANNAS).await;
    let links = mails(&app, Purpose::Welcome);
    use_link(&app, &links[1].token).await.expect_status(200);
    use_link(&app, &links[0].token).await.expect_problem(409, "email-taken");
    assert_eq!(address_of(&boris).await, (json!(ANNAS), json!(true)));
    assert_eq!(address_of(&anna).await, (json!(ANNAS), json!(false)));
}

#[tokio::test]
async fn an_erased_persons_address_is_free_and_their_links_are_void() {
    let app = TestApp::start().await;
    let anna = with_address(&app, "Anna", ANNAS).await;
    anna.put("/v1/me/email", json!({"email": "anna@new.example"})).await.expect_status(202);
    let late = mail(&app, Purpose::Confirm).token;
    let body = json!({"password": anna.password()});
    anna.send(Method::DELETE, "/v1/me", Some(body), &[]).await.expect_status(200);
    use_link(&app, &late).await.expect_problem(410, "link-expired");
    let boris = with_address(&app, "Boris", ANNAS).await;
    assert_eq!(address_of(&boris).await, (json!(ANNAS), json!(true)));
}

#[tokio::test]
async fn a_link_that_was_never_mailed_or_is_for_something_else_is_no_link() {
    let app = TestApp::start().await;
    let anna = with_address(&app, "Anna", ANNAS).await;
    anna.post("/v1/auth/password/forgot", json!({"email": ANNAS})).await.expect_status(202);
    let reset = mail(&app, Purpose::Reset);
    let keys = &app.node.keys;
    let confirming_a_reset = keys.mailed_token(store::MailedPurpose::Confirm, reset.id.0.as_bytes());
    let unknown = keys.mailed_token(store::MailedPurpose::Confirm, uuid::Uuid::now_v7().as_bytes());
    for token in ["nonsense", &reset.token, &confirming_a_reset, &unknown] {
        for page in ["c", "r", "m"].into_iter().filter(|page| *page != "r" || token != reset.token) {
            app.anonymous().get(&format!("/{page}/{token}")).await.expect_problem(410, "link-expired");
        }
        use_link(&app, token).await.expect_problem(410, "link-expired");
    }
}

#[tokio::test]
async fn a_link_is_void_after_its_time() {
    let app = TestApp::start().await;
    let anna = with_address(&app, "Anna", ANNAS).await;
    let email = Email::parse(ANNAS).unwrap();
    let claim = node::claims::email_claim(&app.node.keys, &email);
    let owner = Some(domain::UserId(uuid::Uuid::parse_str(&anna.user_id).unwrap()));
    for (wish, purpose, lasts) in [
        (Wish::NewPassword, Purpose::Reset, proof::RESET_LASTS),
        (Wish::SignIn(None), Purpose::SignIn, proof::CODE_LASTS),
    ] {
        let (to, email, language) = (To { claim, owner }, email.clone(), Locale::default());
        let issue = proof::Command::Issue(Issue { to, email, wish, language });
        let long_ago = super::now().plus_seconds(-i64::try_from(lasts.as_secs()).unwrap());
        let command = Command::Proof(ProofId(uuid::Uuid::now_v7()), issue);
        app.node.writer.send(commands::Request::by_operator(command, long_ago)).await.unwrap();
        let mail = mail(&app, purpose);
        if purpose == Purpose::Reset {
            let body = json!({"token": mail.token, "new_password": "another long passphrase"});
            let late = app.anonymous().post("/v1/auth/password/reset", body).await;
            late.expect_problem(410, "link-expired");
        } else {
            let body = json!({"email": ANNAS, "code": mail.code});
            let late = app.anonymous().post("/v1/auth/code/verify", body).await;
            late.expect_problem(401, "bad-code");
            let link = format!("/m/{}", mail.token);
            let late = app.anonymous().send(Method::POST, &link, None, &[]).await;
            late.expect_problem(410, "link-expired");
        }
    }
}
