//! Mailings in the console: built by a form, previewed, sent, and looked at.

use super::console::{check, look, press};
use domain::user::Role;
use std::time::Duration;
use testkit::{Actor, TestApp};

const FORM: &str = "name=News+%3Cb%3E&category=marketing&subject=Hello&text=It+is+me&html=%3Cp%3EIt+is+me%3C%2Fp%3E&all=on&channel.inbox=on";

/// A time to send at: some are too far ahead.
pub fn in_a_year() -> String {
    let then = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(365 * 24);
    then.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

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
    let whom = page.text.contains("<dt>Audience</dt><dd>Everybody</dd>");
    assert!(whom && page.text.contains("<dt>Channel</dt><dd>inbox</dd>"), "{}", page.text);
    let edit = look(&anna, &format!("{one}/edit"), &[]).await.expect_status(200);
    check(&edit);
    assert!(edit.text.contains("It is me") && edit.text.contains("name=\"channel.inbox\" checked"), "{}", edit.text);
    assert!(!page.text.contains("deliveries.csv"), "nothing was sent yet: {}", page.text);
    let version = edit.text.split("name=\"version\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let goodbye = FORM.replace("Hello", "Goodbye") + "&version=" + version;
    press(&anna, &one, &goodbye, &[]).await.expect_status(303);
    let late = press(&anna, &one, &goodbye.replace("Goodbye", "Too+late"), &[]).await.expect_status(200);
    assert!(late.text.contains("role=\"alert\"") && late.text.contains("Too late"), "{}", late.text);
    let preview = look(&anna, &format!("{one}/preview"), &[]).await.expect_status(200);
    check(&preview);
    assert!(preview.text.contains("<dd>2</dd>") && preview.text.contains("Goodbye"), "{}", preview.text);
    let frame = look(&anna, &format!("{one}/preview/0"), &[]).await.expect_status(200);
    assert!(preview.text.contains(&format!("<iframe sandbox title=\"HTML\" src=\"{one}/preview/0\">")));
    assert!(frame.text.contains("<p>It is me</p>") && frame.header("content-security-policy").starts_with("sandbox"));
    look(&anna, &format!("{one}/preview/2"), &[]).await.expect_status(404);

    press(&anna, &format!("{one}/do/start"), "", &[]).await.expect_status(303);
    press(&anna, &format!("{one}/do/fly"), "", &[]).await.expect_status(404);
    look(&anna, &format!("{one}/edit"), &[]).await.expect_status(409);
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

/// What a page offers to do with a mailing.
async fn offered(by: &Actor, one: &str) -> Vec<String> {
    let page = look(by, one, &[]).await.expect_status(200);
    let actions = page.text.match_indices("action=\"").map(|(at, found)| &page.text[at + found.len()..]);
    let actions = actions.map(|rest| rest.split('"').next().unwrap());
    actions.filter_map(|action| Some(action.strip_prefix(one)?.strip_prefix("/do/")?.to_owned())).collect()
}

#[tokio::test]
async fn a_page_has_the_buttons_that_work_and_no_others() {
    let app = TestApp::start().await;
    let anna = app.with_role("Anna", Role::Admin).await;
    let later = format!("{FORM}&send_at={}", in_a_year());
    for (done, expected) in [
        (&[][..], &["start", "delete"][..]),
        (&["start"], &["pause", "cancel"]),
        (&["start", "pause"], &["resume", "cancel"]),
        (&["start", "pause", "resume"], &["pause", "cancel"]),
        (&["start", "cancel"], &[]),
    ] {
        for tried in ["start", "pause", "resume", "cancel", "delete"] {
            let one = drafted(&anna, &later).await;
            for verb in done {
                press(&anna, &format!("{one}/do/{verb}"), "", &[]).await.expect_status(303);
            }
            assert_eq!(offered(&anna, &one).await, expected, "after {done:?}");
            let pressed = press(&anna, &format!("{one}/do/{tried}"), "", &[]).await;
            // What was just done may be done once more, which changes nothing.
            let is_done = done.last() == Some(&tried);
            let works = expected.contains(&tried) || is_done;
            assert_eq!(pressed.status, if works { 303 } else { 409 }, "{tried} after {done:?}");
        }
    }
}

#[tokio::test]
async fn the_version_of_a_template_is_kept_by_the_form() {
    let app = TestApp::start().await;
    let anna = app.with_role("Anna", Role::Admin).await;
    let content = serde_json::json!({"subject": "Offer", "text": "x"});
    let template =
        serde_json::json!({"key": "offer", "category": "marketing", "variables": {}, "locales": {"en": content}});
    anna.post("/v1/templates", template).await.expect_status(201);
    let form = "name=Offer&category=marketing&template=offer&template_version=1&all=on&channel.inbox=on&subject=&text=";
    let one = drafted(&anna, form).await;
    let edit = look(&anna, &format!("{one}/edit"), &[]).await.expect_status(200);
    assert!(edit.text.contains("name=\"template_version\" type=\"number\" min=\"1\" value=\"1\""), "{}", edit.text);
    let id = one.rsplit('/').next().unwrap();
    assert_eq!(anna.get(&format!("/v1/mailings/{id}")).await.body["template"]["version"], 1);
    let bad = press(&anna, &one, &form.replace("version=1", "version=one"), &[]).await.expect_status(200);
    assert!(bad.text.contains("template_version"), "{}", bad.text);
}
