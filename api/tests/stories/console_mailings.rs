//! Mailings in the console: built by a form, previewed, sent, and looked at.

use super::console::{check, look, press};
use domain::user::Role;
use std::time::Duration;
use testkit::{Actor, TestApp};

const FORM: &str = "name=News+%3Cb%3E&category=marketing&subject=Hello&text=It+is+me&all=on&channel.inbox=on";

/// Drafts one by the form; where its page is.
async fn drafted(by: &Actor, form: &str) -> String {
    let made = press(by, "/console/mailings", form, &[]).await.expect_status(303);
    made.header("location").trim_end_matches("?done").to_owned()
}

#[tokio::test]
async fn a_mailing_is_built_previewed_and_sent_by_pages() {
    let app = TestApp::start_telling().await;
    let anna = app.with_role("Anna", Role::Admin).await;
    app.user("Boris <i>").await;
    check(&look(&anna, "/console/mailings/new", &[]).await.expect_status(200));
    let bad = press(&anna, "/console/mailings", "name=&category=marketing&subject=Kept&text=x&all=on", &[]).await;
    let bad = bad.expect_status(200);
    check(&bad);
    assert!(bad.text.contains("/name") && bad.text.contains("value=\"Kept\""), "what was typed is kept: {}", bad.text);

    let one = drafted(&anna, FORM).await;
    let page = look(&anna, &one, &[]).await.expect_status(200);
    check(&page);
    assert!(page.text.contains("draft") && page.text.contains("News &#60;b&#62;"), "{}", page.text);
    let edit = look(&anna, &format!("{one}/edit"), &[]).await.expect_status(200);
    check(&edit);
    assert!(edit.text.contains("It is me") && edit.text.contains("name=\"channel.inbox\" checked"), "{}", edit.text);
    press(&anna, &one, &FORM.replace("Hello", "Goodbye"), &[]).await.expect_status(303);
    let preview = look(&anna, &format!("{one}/preview"), &[]).await.expect_status(200);
    check(&preview);
    assert!(preview.text.contains("<dd>2</dd>") && preview.text.contains("Goodbye"), "{}", preview.text);

    press(&anna, &format!("{one}/do/start"), "", &[]).await.expect_status(303);
    press(&anna, &format!("{one}/do/fly"), "", &[]).await.expect_status(404);
    let mut progress = String::new();
    for _ in 0..400 {
        progress = look(&anna, &format!("{one}/progress"), &[]).await.expect_status(200).text;
        if progress.contains("finished") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(
        progress.contains("finished") && progress.contains("delivered 2") && progress.contains("2/2"),
        "{progress}"
    );
    let rows = look(&anna, &format!("{one}/deliveries?state=delivered"), &[]).await.expect_status(200);
    check(&rows);
    assert!(rows.text.contains("Boris &#60;i&#62;"), "{}", rows.text);
    let list = look(&anna, "/console/mailings?state=finished", &[]).await.expect_status(200);
    check(&list);
    assert!(list.text.contains("News &#60;b&#62;"), "{}", list.text);

    let other = drafted(&anna, FORM).await;
    press(&anna, &format!("{other}/do/delete"), "", &[]).await.expect_status(303);
    look(&anna, &other, &[]).await.expect_status(404);
}

#[tokio::test]
async fn pages_of_mailings_are_for_admins_and_forms_of_other_sites_do_nothing() {
    let app = TestApp::start().await;
    let (anna, mara) = (app.with_role("Anna", Role::Admin).await, app.with_role("Mara", Role::Moderator).await);
    look(&mara, "/console/mailings", &[]).await.expect_status(403);
    let foreign = [("origin", "https://evil.example")];
    press(&anna, "/console/mailings", FORM, &foreign).await.expect_status(403);
    let list = look(&anna, "/console/mailings", &[("accept-language", "ru")]).await.expect_status(200);
    assert!(!list.text.contains("News"), "{}", list.text);
    anna.patch("/v1/me", serde_json::json!({"locale": "ru"})).await.expect_status(200);
    assert!(look(&anna, "/console/mailings", &[]).await.text.contains("Рассылки"));
}
