//! The operator's console, as a browser without scripts sees it.

use domain::user::Role;
use reqwest::Method;
use testkit::{Actor, Reply, TestApp};

/// How a browser asks for a page.
const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

/// By the session cookie, as a browser.
pub(crate) async fn look(actor: &Actor, path: &str, headers: &[(&str, &str)]) -> Reply {
    ask(actor, Method::GET, path, None, headers).await
}

/// Sends a form, as a browser does.
pub(crate) async fn press(actor: &Actor, path: &str, form: &str, headers: &[(&str, &str)]) -> Reply {
    ask(actor, Method::POST, path, Some(form), headers).await
}

async fn ask(actor: &Actor, method: Method, path: &str, form: Option<&str>, headers: &[(&str, &str)]) -> Reply {
    let mut browser = actor.clone();
    let cookie = browser.token.take().map(|token| format!("__Host-letopis={token}"));
    let mut all = vec![BROWSER];
    all.extend(cookie.as_deref().map(|cookie| ("cookie", cookie)));
    if form.is_some() {
        all.push(("content-type", "application/x-www-form-urlencoded"));
    }
    all.extend(headers);
    browser.raw(method, path, form.map(str::to_owned), &all).await
}

/// What holds for every page.
#[track_caller]
pub(crate) fn check(page: &Reply) {
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{}", page.text);
    assert_eq!(page.header("referrer-policy"), "same-origin");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    let policy = page.header("content-security-policy");
    for rule in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(rule) && !policy.contains("unsafe"), "{policy}");
    }
    assert!(page.text.starts_with("<!doctype html>"), "{}", page.text);
    for inline in ["style=", "<style", "onclick", "javascript:", "src=\"http", "href=\"http"] {
        assert!(!page.text.contains(inline), "{inline} in {}", page.text);
    }
    assert!(!page.text.contains("<script>"), "no script stands in a page");
}

#[tokio::test]
async fn strangers_sign_in_first_and_come_back_to_where_they_wanted_to_go() {
    let app = TestApp::start().await;
    let stranger = app.anonymous();
    let sent = look(&stranger, "/console?a=b", &[]).await.expect_status(303);
    assert!(sent.header("location").ends_with("/sign-in?return_to=%2Fconsole%3Fa%3Db"), "{}", sent.header("location"));
    let mut ended = stranger.clone();
    ended.token = Some("Qm9yaXMgYW5kIEFubmEgd2VyZSBoZXJlIGluIE1heQA".to_owned());
    look(&ended, "/console", &[]).await.expect_status(303);
    let form = look(&stranger, sent.header("location"), &[]).await.expect_status(200);
    assert!(form.text.contains("name=\"password\""), "{}", form.text);
}

#[tokio::test]
async fn a_page_is_for_its_roles_and_in_the_language_of_who_looks() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.with_role("Anna", Role::Admin).await, app.user("Boris").await);
    let notifier = app.with_role("Nora", Role::Notifier).await;
    let page = look(&anna, "/console", &[]).await.expect_status(200);
    check(&page);
    assert!(page.text.contains("Anna") && page.text.contains("lang=\"en\""), "{}", page.text);
    for refused in [&boris, &notifier] {
        let refused = look(refused, "/console", &[]).await.expect_status(403);
        check(&refused);
        assert!(refused.text.contains("not-allowed"), "{}", refused.text);
    }
    anna.patch("/v1/me", serde_json::json!({"locale": "ru"})).await.expect_status(200);
    let page = look(&anna, "/console", &[("accept-language", "en")]).await.expect_status(200);
    assert!(page.text.contains("lang=\"ru\"") && page.text.contains("Обзор"), "{}", page.text);
    let refused = look(&boris, "/console", &[("accept-language", "ru")]).await;
    assert!(refused.text.contains("lang=\"en\""), "an account has a language: {}", refused.text);
}

#[tokio::test]
async fn forms_of_other_sites_change_nothing() {
    let app = TestApp::start().await;
    let anna = app.with_role("Anna", Role::Admin).await;
    let foreign: [&[(&str, &str)]; 3] = [
        &[("origin", "https://evil.example")],
        &[("sec-fetch-site", "cross-site")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
    ];
    for headers in foreign {
        let refused = press(&anna, "/console/sign-out", "", headers).await.expect_status(403);
        check(&refused);
        assert!(refused.text.contains("cross-site-request"), "{}", refused.text);
    }
    look(&anna, "/console", &[("sec-fetch-site", "cross-site")]).await.expect_status(200);
    let own = [("origin", app.url.as_str()), ("sec-fetch-site", "same-origin")];
    press(&anna, "/console/sign-out", "", &own).await.expect_status(303);
    look(&anna, "/console", &[]).await.expect_status(303);
}

#[tokio::test]
async fn the_style_and_the_script_are_kept_by_browsers() {
    let app = TestApp::start().await;
    let anna = app.with_role("Anna", Role::Admin).await;
    let page = look(&anna, "/console", &[]).await;
    for kind in [".css\"", ".js\""] {
        let at = page.text.find(kind).expect("the page names it");
        let from = page.text[..at].rfind('"').expect("in quotes") + 1;
        let file = look(&app.anonymous(), &page.text[from..at + kind.len() - 1], &[]).await.expect_status(200);
        assert!(file.header("cache-control").contains("immutable"));
    }
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let app = TestApp::start_with(api::Settings { has_console: false, ..TestApp::settings() }).await;
    let anna = app.with_role("Anna", Role::Admin).await;
    look(&anna, "/console", &[]).await.expect_problem(404, "not-found");
}
