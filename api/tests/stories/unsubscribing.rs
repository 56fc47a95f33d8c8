//! The link in a mail by which its reader gets no more of its category.

use domain::notify::{CategoryKey, UnsubscribeLink};
use domain::{UserId, id};
use reqwest::Method;
use serde_json::{Value, json};
use store::MailedPurpose;
use testkit::{Actor, Reply, TestApp};

const FORM: &str = "application/x-www-form-urlencoded";

/// The path of the link in a mail of that category.
fn link(app: &TestApp, to: &Actor, category: CategoryKey) -> String {
    let user_id = UserId(id::parse_uuid(&to.user_id).unwrap());
    let payload = UnsubscribeLink { user_id, category }.to_bytes();
    format!("/u/{}", app.node.keys.mailed_token(MailedPurpose::Unsubscribe, &payload))
}

async fn post(app: &TestApp, path: &str, content_type: &str, body: &str) -> Reply {
    // As a mail program does it: without a session, from who knows where.
    let headers =
        [("content-type", content_type), ("origin", "https://mail.example"), ("sec-fetch-site", "cross-site")];
    app.anonymous().raw(Method::POST, path, Some(body.to_owned()), &headers).await
}

async fn chosen(who: &Actor, category: &str) -> Value {
    who.get("/v1/me/preferences").await.expect_status(200).body["categories"][category].clone()
}

#[tokio::test]
async fn one_click_is_enough_whatever_the_mail_program_sends_along() {
    let app = TestApp::start().await;
    let form_data = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
    let bodies = [
        (FORM, "List-Unsubscribe=One-Click", "one-click"),
        ("multipart/form-data; boundary=x", form_data, "one-click"),
        (FORM, "", "page"),
    ];
    for (number, (content_type, body, how)) in bodies.into_iter().enumerate() {
        let anna = app.user(&format!("Anna {number}")).await;
        let path = link(&app, &anna, CategoryKey::MARKETING);
        let first = post(&app, &path, content_type, body).await.expect_status(200);
        assert_eq!(chosen(&anna, "marketing").await, json!({"email": false, "inbox": true, "live": true}));
        assert_eq!(chosen(&anna, "messages").await["email"], true, "and nothing else");
        let head = app.node.log.head().unwrap().position;
        let fact = app.node.log.read(head - 1, 1).unwrap().remove(0);
        assert_eq!(fact.payload, format!(r#"{{"category":"marketing","how":"{how}"}}"#));
        let again = post(&app, &path, content_type, body).await.expect_status(200);
        assert_eq!((again.text, app.node.log.head().unwrap().position), (first.text, head), "once is enough");
    }
}

#[tokio::test]
async fn looking_changes_nothing_and_the_page_is_in_the_language_of_the_reader() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let path = link(&app, &anna, CategoryKey::MARKETING);
    let page = app.anonymous().get(&path).await.expect_status(200);
    assert!(page.header("content-type").starts_with("text/html"), "{}", page.header("content-type"));
    assert!(page.text.contains("News and offers") && page.text.contains("<form method=\"post\">"), "{}", page.text);
    assert_eq!(chosen(&anna, "marketing").await["email"], true);
    anna.patch("/v1/me", json!({"locale": "ru"})).await.expect_status(200);
    let page = app.anonymous().get(&path).await.expect_status(200);
    assert!(page.text.contains("Новости и предложения") && page.text.contains("lang=\"ru\""), "{}", page.text);
}

#[tokio::test]
async fn a_link_that_is_none_of_ours_is_answered_like_one_and_does_nothing() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let whole = link(&app, &anna, CategoryKey::MARKETING);
    let cut = whole[..whole.len() - 1].to_owned();
    let other = link(&app, &anna, CategoryKey::parse("novelty").unwrap());
    let locked = link(&app, &anna, CategoryKey::SECURITY);
    let mut nobody = app.anonymous();
    nobody.user_id = "00000000-0000-0000-0000-000000000007".to_owned();
    let of_nobody = link(&app, &nobody, CategoryKey::MARKETING);
    let head = app.node.log.head().unwrap().position;
    for path in ["/u/nonsense", &cut, &other, &locked, &of_nobody] {
        app.anonymous().get(path).await.expect_status(200);
        post(&app, path, FORM, "List-Unsubscribe=One-Click").await.expect_status(200);
    }
    assert_eq!(app.node.log.head().unwrap().position, head);
}
