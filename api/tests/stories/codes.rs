//! Signing in by a code or a link that is mailed, and which devices are new.

use super::mail::{confirm, mail, mails, was_new_device, with_address};
use api::{Settings, SignUp};
use domain::proof::Purpose;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};

const ANNAS: &str = "anna@example.org";

async fn ask(app: &TestApp, address: &str) {
    app.anonymous().post("/v1/auth/code", json!({"email": address})).await.expect_status(202);
}

async fn verify(app: &TestApp, address: &str, code: &str) -> Reply {
    app.anonymous().post("/v1/auth/code/verify", json!({"email": address, "code": code})).await
}

fn by(app: &TestApp, reply: &Reply) -> Actor {
    let mut actor = app.anonymous();
    actor.token = Some(reply.id("session_id"));
    actor
}

/// A code that is not the one.
fn wrong(code: &str) -> String {
    format!("{}{}", if code.starts_with('1') { '2' } else { '1' }, &code[1..])
}

#[tokio::test]
async fn a_code_signs_in_once() {
    let app = TestApp::start().await;
    let anna = with_address(&app, "Anna", ANNAS).await;
    ask(&app, "Anna@Example.org").await;
    let mail = mail(&app, Purpose::SignIn);
    verify(&app, ANNAS, &wrong(&mail.code)).await.expect_problem(401, "bad-code");
    let reply = verify(&app, ANNAS, &format!(" {} ", mail.code)).await.expect_status(200);
    assert_eq!(reply.id("user_id"), anna.user_id);
    assert_eq!(reply.body["position"], reply.position());
    by(&app, &reply).get("/v1/me").await.expect_status(200);
    anna.get("/v1/me").await.expect_status(200);
    verify(&app, ANNAS, &mail.code).await.expect_problem(401, "bad-code");
    let link = format!("/m/{}", mail.token);
    app.anonymous().send(Method::POST, &link, None, &[]).await.expect_problem(410, "link-expired");
}

#[tokio::test]
async fn a_session_tells_what_it_stands_on_and_since_when() {
    let app = TestApp::start().await;
    let anna = with_address(&app, "Anna", ANNAS).await;
    ask(&app, ANNAS).await;
    let reply = verify(&app, ANNAS, &mail(&app, Purpose::SignIn).code).await.expect_status(200);
    let by_mail = by(&app, &reply);
    let wrong = json!({"user_name": "Anna", "password": "a wrong guess"});
    app.anonymous().post("/v1/auth/login", wrong).await.expect_problem(401, "bad-credentials");
    let sessions = by_mail.get("/v1/me/sessions").await.expect_status(200).body["sessions"].clone();
    let history = loop {
        // A failed one is written behind its answer.
        let history = anna.get("/v1/me/sign-ins").await.expect_status(200).body["sign_ins"].clone();
        if history.as_array().unwrap().len() == 3 {
            break history;
        }
    };
    for (list, at) in [(&sessions, "created_at"), (&history, "at")] {
        let of = |way: &str| list.as_array().unwrap().iter().find(|one| one["proofs"][0]["by"] == way).unwrap().clone();
        for one in [of("password"), of("mail")] {
            assert_eq!(one["proofs"].as_array().unwrap().len(), 1, "{one}");
            assert_eq!(one["proofs"][0]["at"], one[at], "{one}");
        }
    }
    let failed = history.as_array().unwrap().iter().find(|one| one["succeeded"] == false).unwrap();
    assert_eq!(failed["proofs"], json!([]));
}

#[tokio::test]
async fn a_code_signs_in_whoever_changed_their_password_or_has_none() {
    let settings = Settings { sign_up: SignUp::ByMail, ..TestApp::settings() };
    let app = TestApp::start_with(settings).await;
    let anna = with_address(&app, "Anna", ANNAS).await;
    let change = json!({"old_password": anna.password(), "new_password": "another long passphrase"});
    anna.put("/v1/me/password", change).await.expect_status(200);
    ask(&app, ANNAS).await;
    verify(&app, ANNAS, &mail(&app, Purpose::SignIn).code).await.expect_status(200);
    ask(&app, "new@example.org").await;
    verify(&app, "new@example.org", &mail(&app, Purpose::SignUp).code).await.expect_status(200);
    // No password opens it: it has none.
    for guess in ["", "null", "a wrong guess"] {
        app.anonymous().log_in_with("new@example.org", guess).await.expect_problem(401, "bad-credentials");
    }
}

#[tokio::test]
async fn five_wrong_codes_spend_the_right_one_and_its_link() {
    let app = TestApp::start().await;
    with_address(&app, "Anna", ANNAS).await;
    ask(&app, ANNAS).await;
    let mail = mail(&app, Purpose::SignIn);
    for bad in ["", "abcdef", &mail.code[1..], &format!("{}0", mail.code), &wrong(&mail.code)] {
        verify(&app, ANNAS, bad).await.expect_problem(401, "bad-code");
    }
    verify(&app, ANNAS, &mail.code).await.expect_problem(401, "bad-code");
    let link = format!("/m/{}", mail.token);
    app.anonymous().send(Method::POST, &link, None, &[]).await.expect_problem(410, "link-expired");
}

#[tokio::test]
async fn an_address_gets_one_mail_a_minute_and_an_unknown_one_none() {
    let app = TestApp::start().await;
    with_address(&app, "Anna", ANNAS).await;
    for _ in 0..4 {
        ask(&app, ANNAS).await;
        ask(&app, "nobody@example.org").await;
    }
    assert_eq!(mails(&app, Purpose::SignIn).len(), 1);
    assert_eq!(mails(&app, Purpose::SignUp).len(), 0);
    for _ in 0..6 {
        verify(&app, "nobody@example.org", "123456").await.expect_problem(401, "bad-code");
    }
    verify(&app, "never@example.org", "123456").await.expect_problem(401, "bad-code");
    verify(&app, ANNAS, &mail(&app, Purpose::SignIn).code).await.expect_status(200);
}

#[tokio::test]
async fn a_link_signs_a_program_in_by_the_body_and_a_browser_by_the_cookie() {
    let app = TestApp::start().await;
    for (name, address, accept) in [("Anna", ANNAS, "*/*"), ("Vera", "vera@example.org", "text/html,*/*;q=0.8")] {
        with_address(&app, name, address).await;
        ask(&app, address).await;
        let link = format!("/m/{}", mail(&app, Purpose::SignIn).token);
        let before = app.node.log.head().unwrap().position;
        app.anonymous().get(&link).await.expect_status(200);
        assert_eq!(app.node.log.head().unwrap().position, before, "looking at the page changes nothing");
        let form = [("accept", accept), ("content-type", "application/x-www-form-urlencoded")];
        let foreign = [&form[..], &[("sec-fetch-site", "cross-site"), ("origin", "null")]].concat();
        let refused = send_form(&app, &link, &foreign).await;
        assert_eq!(refused.status(), 403);
        let own = [&form[..], &[("sec-fetch-site", "same-origin"), ("origin", "null")]].concat();
        let signed_in = send_form(&app, &link, &own).await;
        assert_eq!(signed_in.status(), 200);
        let cookie = signed_in.headers().get("set-cookie").map(|cookie| cookie.to_str().unwrap().to_owned());
        let text = signed_in.text().await.unwrap();
        match cookie {
            Some(cookie) => {
                assert!(text.starts_with("<!doctype html>") && !text.contains("session_id"), "{text}");
                let pair = cookie.split(';').next().unwrap();
                app.anonymous().send(Method::GET, "/v1/me", None, &[("cookie", pair)]).await.expect_status(200);
                assert_eq!(name, "Vera");
            }
            None => {
                let body = serde_json::from_str::<Value>(&text).unwrap();
                assert_eq!((body["session_id"].is_string(), name), (true, "Anna"));
            }
        }
    }
}

/// Posts without a word of the document: pages are not in it.
async fn send_form(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
    let mut request = reqwest::Client::new().post(format!("{}{path}", app.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_code_can_put_the_session_into_the_cookie() {
    let app = TestApp::start().await;
    with_address(&app, "Anna", ANNAS).await;
    ask(&app, ANNAS).await;
    let body = json!({"email": ANNAS, "code": mail(&app, Purpose::SignIn).code, "cookie": true});
    let reply = app.anonymous().post("/v1/auth/code/verify", body).await.expect_status(200);
    assert_eq!(reply.body.get("session_id"), None);
    assert!(reply.header("set-cookie").starts_with("__Host-letopis="));
}

#[tokio::test]
async fn an_unknown_address_opens_an_account_where_that_is_on_and_chooses_its_name_once() {
    let app = TestApp::start_with(Settings { sign_up: SignUp::ByMail, ..TestApp::settings() }).await;
    app.user("Taken").await;
    app.anonymous()
        .send(Method::POST, "/v1/auth/code", Some(json!({"email": ANNAS})), &[("accept-language", "ru")])
        .await
        .expect_status(202);
    let code = mail(&app, Purpose::SignUp).code;
    verify(&app, ANNAS, &wrong(&code)).await.expect_problem(401, "bad-code");
    let reply = verify(&app, ANNAS, &code).await.expect_status(200);
    let anna = by(&app, &reply);
    let me = anna.get("/v1/me").await.expect_status(200).body;
    let name = me["user_name"].as_str().unwrap();
    let (word, number) = name.split_once(' ').unwrap();
    assert!(word.bytes().all(|letter| letter.is_ascii_lowercase()) && number.parse::<u32>().is_ok(), "{name}");
    assert_eq!((&me["email"], &me["email_confirmed"], &me["locale"]), (&json!(ANNAS), &json!(true), &json!("ru")));
    let choose = async |name: &str| anna.patch("/v1/me", json!({"user_name": name})).await;
    choose("taken").await.expect_problem(409, "user-already-exists");
    assert_eq!(choose("a@b").await.expect_problem(400, "bad-parameters").pointers(), ["/user_name"]);
    let changed = choose("Anna").await.expect_status(200).body;
    assert_eq!((&changed["user_name"], &changed["display_name"]), (&json!("Anna"), &json!("Anna")));
    assert_eq!(anna.get("/v1/me").await.body["user_name"], "Anna");
    assert_eq!(anna.get("/v1/users?name=anna").await.body["users"][0]["user_name"], "Anna");
    choose("Anna").await.expect_status(200);
    choose("Vera").await.expect_problem(409, "name-is-fixed");
    app.user("Boris").await.patch("/v1/me", json!({"user_name": "Bob"})).await.expect_problem(409, "name-is-fixed");
    // The account is there now: the next code signs in to it.
    assert_eq!(mails(&app, Purpose::SignUp).len(), 1);
}

#[tokio::test]
async fn nobody_opens_an_account_where_that_is_closed() {
    let app = TestApp::start_with(Settings { sign_up: SignUp::Closed, ..TestApp::settings() }).await;
    app.anonymous().register("Anna").await.expect_problem(403, "sign-up-closed");
    ask(&app, ANNAS).await;
    assert_eq!(mails(&app, Purpose::SignUp).len(), 0);
}

#[tokio::test]
async fn a_family_of_programs_is_new_once_and_the_first_one_never() {
    let app = TestApp::start().await;
    let mut anna = app.anonymous();
    anna.register("Anna").await.expect_status(201);
    let chrome = |version: u32| format!("Mozilla/5.0 (Windows NT 10.0) Chrome/{version}.0 Safari/537.36");
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0".to_owned();
    let body = json!({"user_name": "Anna", "password": anna.password()});
    for (device, is_new) in [
        (chrome(126), false),
        (chrome(127), false),
        (firefox.clone(), true),
        (firefox.clone(), false),
        (chrome(128), false),
        ("curl/8.9".to_owned(), true),
    ] {
        let agent = [("user-agent", device.as_str())];
        let reply = anna.send(Method::POST, "/v1/auth/login", Some(body.clone()), &agent).await.expect_status(200);
        anna.token = Some(reply.id("session_id"));
        assert_eq!(was_new_device(&app), is_new, "{device}");
    }
    anna.put("/v1/me/email", json!({"email": ANNAS})).await.expect_status(202);
    confirm(&app, Purpose::Confirm).await;
    ask(&app, ANNAS).await;
    let body = json!({"email": ANNAS, "code": mail(&app, Purpose::SignIn).code});
    let agent = [("user-agent", "okhttp/4.12")];
    app.anonymous().send(Method::POST, "/v1/auth/code/verify", Some(body), &agent).await.expect_status(200);
    assert!(was_new_device(&app), "also of who comes in by a code");
}
