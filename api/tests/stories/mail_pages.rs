//! The pages that mailed links lead to, as a browser sees them.

use super::mail::{mail, with_address};
use domain::proof::Purpose;
use reqwest::{Client, Response};
use serde_json::json;
use testkit::TestApp;

const ANNAS: &str = "anna@example.org";
const BROWSER: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

struct Seen {
    status: u16,
    response_headers: reqwest::header::HeaderMap,
    text: String,
}

async fn seen(response: Response) -> Seen {
    let (status, response_headers) = (response.status().as_u16(), response.headers().clone());
    Seen { status, response_headers, text: response.text().await.unwrap() }
}

async fn look(app: &TestApp, path: &str, language: &str) -> Seen {
    let request = Client::new().get(format!("{}{path}", app.url));
    seen(request.header("accept", BROWSER).header("accept-language", language).send().await.unwrap()).await
}

async fn press(app: &TestApp, path: &str, form: &str) -> Seen {
    let request = Client::new().post(format!("{}{path}", app.url)).header("accept", BROWSER);
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
    seen(request.header("sec-fetch-site", "same-origin").header("origin", "null").send().await.unwrap()).await
}

/// What holds for every page.
#[track_caller]
fn check(page: &Seen) {
    let header = |name: &str| page.response_headers[name].to_str().unwrap();
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let policy = header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(page.text.starts_with("<!doctype html>") && page.text.contains("width=device-width"), "{}", page.text);
    for foreign in ["<script", "http://", "https://", "src=", "<link", "style="] {
        assert!(!page.text.contains(foreign), "{foreign} in {}", page.text);
    }
}

#[tokio::test]
async fn an_address_is_confirmed_with_a_button() {
    let app = TestApp::start().await;
    let mut anna = app.anonymous();
    let body = json!({"user_name": "Anna", "password": anna.password(), "email": ANNAS});
    anna.post("/v1/auth/register", body).await.expect_status(201);
    anna.log_in("Anna").await.expect_status(200);
    let link = format!("/c/{}", mail(&app, Purpose::Welcome).token);
    let page = look(&app, &link, "").await;
    check(&page);
    assert!(page.status == 200 && page.text.contains("<form method=\"post\">"), "{}", page.text);
    assert!(page.text.contains(ANNAS) && page.text.contains("lang=\"en\""), "{}", page.text);
    let done = press(&app, &link, "").await;
    check(&done);
    assert!(done.status == 200 && done.text.contains("Your address is confirmed"), "{}", done.text);
    let late = press(&app, &link, "").await;
    check(&late);
    assert!(late.status == 410 && late.text.contains("This link has expired"), "{}", late.text);
    let late = look(&app, &link, "ru-RU,ru;q=0.9").await;
    check(&late);
    assert!(late.status == 410 && late.text.contains("Ссылка больше не действует"), "{}", late.text);
}

#[tokio::test]
async fn a_page_is_in_the_language_of_the_account_and_else_of_the_browser() {
    let app = TestApp::start().await;
    let anna = with_address(&app, "Anna", ANNAS).await;
    anna.patch("/v1/me", json!({"locale": "ru-RU"})).await.expect_status(200);
    anna.put("/v1/me/email", json!({"email": "anna@new.example"})).await.expect_status(202);
    let link = format!("/c/{}", mail(&app, Purpose::Confirm).token);
    let page = look(&app, &link, "en").await;
    assert!(page.text.contains("lang=\"ru\"") && page.text.contains("Подтвердите адрес почты"), "{}", page.text);
    anna.patch("/v1/me", json!({"locale": "pt-BR"})).await.expect_status(200);
    assert!(look(&app, &link, "ru").await.text.contains("lang=\"ru\""));
    assert!(look(&app, &link, "de").await.text.contains("lang=\"en\""));
}

#[tokio::test]
async fn who_registers_with_a_browser_in_russian_reads_russian() {
    let app = TestApp::start().await;
    let mut vera = app.anonymous();
    let body = json!({"user_name": "Vera", "password": vera.password(), "email": "vera@example.org"});
    let russian = [("accept-language", "ru-RU,ru;q=0.9,en;q=0.5")];
    vera.send(reqwest::Method::POST, "/v1/auth/register", Some(body), &russian).await.expect_status(201);
    vera.log_in("Vera").await.expect_status(200);
    assert_eq!(vera.get("/v1/me").await.body["locale"], "ru");
}

#[tokio::test]
async fn a_password_is_set_on_the_page() {
    let app = TestApp::start().await;
    let anna = with_address(&app, "Anna", ANNAS).await;
    anna.post("/v1/auth/password/forgot", json!({"email": ANNAS})).await.expect_status(202);
    let link = format!("/r/{}", mail(&app, Purpose::Reset).token);
    let page = look(&app, &link, "").await;
    check(&page);
    assert!(page.text.contains("name=\"new_password\"") && page.text.contains("minlength=\"8\""), "{}", page.text);
    let differ = press(&app, &link, "new_password=another+long+passphrase&repeated=something+else").await;
    check(&differ);
    assert!(differ.status == 400 && differ.text.contains("differ"), "{}", differ.text);
    let weak = press(&app, &link, "new_password=password123&repeated=password123").await;
    assert!(weak.status == 400 && weak.text.contains("too easy to guess"), "{}", weak.text);
    assert!(!weak.text.contains("password123"), "what was typed is not repeated");
    let done = press(&app, &link, "new_password=another+long+passphrase&repeated=another+long+passphrase").await;
    check(&done);
    assert!(done.status == 200 && done.text.contains("Your password is changed"), "{}", done.text);
    anna.get("/v1/me").await.expect_problem(401, "invalid-session-id");
    app.anonymous().log_in_with("Anna", "another long passphrase").await.expect_status(200);
    let late = press(&app, &link, "new_password=another+long+passphrase&repeated=another+long+passphrase").await;
    assert_eq!(late.status, 410);
}
