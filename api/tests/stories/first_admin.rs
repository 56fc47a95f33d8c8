//! The link by which the first admin opens their account: good once, and only while there is no admin.

use super::console::{look, press};
use api::{FirstAdmin, Settings};
use domain::user::Role;
use serde_json::json;
use testkit::TestApp;

const PASSWORD: &str = "correct horse battery staple";

async fn with_link() -> (TestApp, String) {
    let (first, link) = FirstAdmin::new();
    let app = TestApp::start_with(Settings { first_admin: Some(first), ..TestApp::settings() }).await;
    (app, link)
}

fn form(name: &str, password: &str) -> String {
    format!("user_name={name}&password={}", password.replace(' ', "+"))
}

#[tokio::test]
async fn the_link_opens_one_account_and_is_refused_afterwards() {
    let (app, link) = with_link().await;
    let stranger = app.anonymous();
    let page = look(&stranger, &link, &[]).await.expect_status(200);
    assert!(page.text.contains("name=\"password\""), "{}", page.text);
    let russian = look(&stranger, &link, &[("accept-language", "ru")]).await.expect_status(200);
    assert!(russian.text.contains("Первый администратор"), "{}", russian.text);
    // What does not fit is said, and the link stays good.
    let weak = press(&stranger, &link, &form("Anna", "12345678"), &[]).await.expect_status(400);
    assert!(weak.text.contains("value=\"Anna\"") && weak.text.contains("role=\"alert\""), "{}", weak.text);
    press(&stranger, &link, &form("Anna", PASSWORD), &[("origin", "https://evil.example")]).await.expect_status(403);
    press(&stranger, &link, &form("Anna", PASSWORD), &[]).await.expect_status(303);

    let login = json!({"user_name": "Anna", "password": PASSWORD});
    let signed_in = stranger.post("/v1/auth/login", login).await.expect_status(200);
    let mut anna = app.anonymous();
    anna.token = Some(signed_in.id("session_id"));
    assert_eq!(anna.get("/v1/me").await.expect_status(200).body["role"], "admin");
    look(&anna, "/console", &[]).await.expect_status(200);

    let used = look(&stranger, &link, &[]).await.expect_status(410);
    assert!(used.text.contains("link-expired"), "{}", used.text);
    press(&stranger, &link, &form("Mallory", PASSWORD), &[]).await.expect_status(410);
    let login = json!({"user_name": "Mallory", "password": PASSWORD});
    stranger.post("/v1/auth/login", login).await.expect_problem(401, "bad-credentials");
}

#[tokio::test]
async fn two_at_once_are_one_admin() {
    let (app, link) = with_link().await;
    let stranger = app.anonymous();
    let (anna_s, boris_s) = (form("Anna", PASSWORD), form("Boris", PASSWORD));
    let (anna, boris) = tokio::join!(press(&stranger, &link, &anna_s, &[]), press(&stranger, &link, &boris_s, &[]));
    let mut statuses = [anna.status, boris.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 410]);
}

#[tokio::test]
async fn other_links_and_one_of_a_house_with_an_admin_are_refused() {
    let (app, link) = with_link().await;
    let stranger = app.anonymous();
    let (_, other) = FirstAdmin::new();
    look(&stranger, &other, &[]).await.expect_status(410);
    press(&stranger, &other, &form("Mallory", PASSWORD), &[]).await.expect_status(410);
    app.user("Boris").await;
    look(&stranger, &link, &[]).await.expect_status(200);
    app.with_role("Anna", Role::Admin).await;
    look(&stranger, &link, &[]).await.expect_status(410);
    press(&stranger, &link, &form("Mallory", PASSWORD), &[]).await.expect_status(410);
    let none = TestApp::start().await;
    look(&none.anonymous(), &link, &[]).await.expect_status(410);
}
