//! Every page of the console with something on it: what people wrote stays text, forms change what they say, and whoever may
//! not see a page does not.

use super::console::{check, look, press};
use domain::user::Role;
use reqwest::Method;
use serde_json::json;
use testkit::{Actor, TestApp};

/// What a page must never hold as it stands.
const EVIL: &str = "<img src=x onerror=alert(1)>";
/// How it stands there.
pub(crate) const ESCAPED: &str = "&#60;img src=x onerror=alert(1)&#62;";

pub(crate) struct House {
    pub(crate) app: TestApp,
    pub(crate) admin: Actor,
    moderator: Actor,
    mallory: Actor,
    chat: String,
    message: String,
    template: String,
}

/// A house in which somebody has written something evil wherever people may write.
pub(crate) async fn house() -> House {
    let app = TestApp::start().await;
    let (admin, moderator) = (app.with_role("Anna", Role::Admin).await, app.with_role("Mara", Role::Moderator).await);
    let mut mallory = app.anonymous();
    mallory.register(EVIL).await.expect_status(201);
    let body = json!({"user_name": EVIL, "password": mallory.password()});
    let signed_in = mallory.send(Method::POST, "/v1/auth/login", Some(body), &[("user-agent", EVIL)]).await;
    mallory.token = Some(signed_in.expect_status(200).id("session_id"));
    mallory.patch("/v1/me", json!({"display_name": EVIL})).await.expect_status(200);
    mallory.post("/v1/me/tokens", json!({"name": EVIL, "scopes": ["read"]})).await.expect_status(201);
    let chat = mallory.chat(EVIL).await;
    let message = mallory.say(&chat, EVIL).await;
    let boris = app.user("Boris").await;
    boris.join(&chat).await;
    let report = json!({"reason": EVIL, "text": EVIL});
    boris.post(&format!("/v1/chats/{chat}/messages/{message}/reports"), report).await.expect_status(201);
    let content = json!({"subject": EVIL, "text": EVIL});
    let template = json!({"key": "evil", "category": "transactional", "variables": {}, "locales": {"en": content}});
    let template = admin.post("/v1/templates", template).await.expect_status(201).id("template_id");
    let note = json!({"reason": EVIL});
    admin.put("/v1/suppressions/evil@example.org", note).await.expect_status(200);
    let notification = json!({
        "content": {"subject": EVIL, "text": EVIL}, "to": {"user_ids": [mallory.user_id]}, "category": "transactional",
        "schedule": {"cron": "0 9 * * 1", "time_zone": "Europe/Moscow"},
    });
    admin.post("/v1/notifications", notification).await.expect_status(202);
    let suspension = json!({"reason": EVIL});
    admin.put(&format!("/v1/users/{}/suspension", boris.user_id), suspension).await.expect_status(200);
    House { app, admin, moderator, mallory, chat, message, template }
}

impl House {
    /// Every page for admins, and whether what was written is on it.
    pub(crate) fn pages(&self) -> Vec<(String, bool)> {
        let House { chat, message, template, .. } = self;
        let mallory = &self.mallory.user_id;
        let page = |path: &str, is_there: bool| (path.to_owned(), is_there);
        vec![
            page("/console", false),
            page("/console/overview/now", false),
            page("/console/events", false),
            page("/console/events?type=message.*", false),
            page("/console/events/1", false),
            page("/console/events/1/trace", false),
            page("/console/streams", false),
            page("/console/streams?prefix=chat-", false),
            (format!("/console/streams/message-{message}"), false),
            (format!("/console/events?stream={EVIL}"), true),
            (format!("/console/streams?prefix={EVIL}"), true),
            page("/console/projections", false),
            page("/console/people", true),
            (format!("/console/people?name={EVIL}"), true),
            (format!("/console/people/{mallory}"), true),
            page("/console/chats", true),
            (format!("/console/chats/{chat}"), true),
            page("/console/reports", true),
            page("/console/search?q=onerror", true),
            page("/console/templates", false),
            page("/console/templates/new", false),
            (format!("/console/templates/{template}"), true),
            page("/console/notifications", false),
            page("/console/deliveries", false),
            page("/console/schedules", false),
            page("/console/suppressions", false),
            page("/console/settings", false),
            page("/console/doctor", false),
        ]
    }
}

#[tokio::test]
async fn what_people_wrote_stays_text_on_every_page() {
    let house = house().await;
    for language in ["en", "ru"] {
        house.admin.patch("/v1/me", json!({"locale": language})).await.expect_status(200);
        for (path, is_there) in house.pages() {
            let page = look(&house.admin, &path, &[]).await;
            assert_eq!(page.status, 200, "{path}: {}", page.text);
            if path != "/console/overview/now" {
                check(&page);
            }
            assert!(!page.text.contains("<img"), "{path}: {}", page.text);
            assert!(!is_there || page.text.contains(ESCAPED), "{path}: {}", page.text);
        }
    }
}

#[tokio::test]
async fn moderators_see_what_they_may_and_users_nothing() {
    let house = house().await;
    let open = ["/console/people", "/console/reports"];
    for (path, _) in house.pages() {
        let seen = look(&house.moderator, &path, &[]).await;
        let expected = if path == "/console" {
            303
        } else if open.iter().any(|open| path.starts_with(open)) {
            200
        } else {
            403
        };
        assert_eq!(seen.status, expected, "{path}");
        let boris = look(&house.mallory, &path, &[]).await;
        assert_eq!(boris.status, 403, "{path}");
    }
    let person = look(&house.moderator, &format!("/console/people/{}", house.mallory.user_id), &[]).await;
    for hidden in ["/role", "/erase", "/sessions/"] {
        assert!(!person.text.contains(&format!("{hidden}\"")), "{hidden} in {}", person.text);
    }
    let own = [("origin", house.app.url.as_str())];
    for path in ["role", "sessions/end", "erase"] {
        let path = format!("/console/people/{}/{path}", house.mallory.user_id);
        press(&house.moderator, &path, "role=admin&user_name=x", &own).await.expect_status(403);
    }
}

#[tokio::test]
async fn what_is_sealed_is_shown_on_demand_and_that_is_a_fact() {
    let house = house().await;
    let events = house.admin.get("/v1/admin/events?type=message.posted").await.expect_status(200);
    let position = events.body["events"][0]["position"].as_u64().unwrap();
    let own = [("origin", house.app.url.as_str())];
    let page = look(&house.admin, &format!("/console/events/{position}"), &[]).await.expect_status(200);
    assert!(!page.text.contains(ESCAPED), "{}", page.text);
    let path = format!("/console/events/{position}/unseal");
    let page = press(&house.admin, &path, "reason=they+asked", &own).await.expect_status(200);
    assert!(page.text.contains(ESCAPED) && !page.text.contains("<img"), "{}", page.text);
    let looked = house.admin.get("/v1/admin/events?type=inspection.*").await.expect_status(200);
    let looked = &looked.body["events"][0];
    assert_eq!(looked["payload"]["by"], json!(house.admin.user_id));
    assert_eq!(looked["payload"]["position"], json!(position));
    // Whose it is can read who looked, and why.
    let export = house.mallory.get("/v1/me/export").await.expect_status(200);
    let told = export.text.lines().find(|line| line.contains("inspection.personal_shown.v1")).expect("it is told");
    assert!(told.contains("they asked") && told.contains(&house.admin.user_id), "{told}");
    let nothing = house.admin.post("/v1/admin/events/99999/unseal", json!({})).await;
    nothing.expect_problem(404, "event-not-found");
}

#[tokio::test]
async fn forms_change_what_they_say() {
    let house = house().await;
    let own = [("origin", house.app.url.as_str())];
    let person = format!("/console/people/{}", house.mallory.user_id);
    let account = format!("/v1/admin/users/{}", house.mallory.user_id);
    press(&house.admin, &format!("{person}/role"), "role=notifier", &own).await.expect_status(303);
    assert_eq!(house.admin.get(&account).await.body["role"], "notifier");
    press(&house.admin, &format!("{person}/role"), "role=king", &own).await.expect_status(400);
    let report = format!("/console/reports/{}/resolve", house.message);
    press(&house.moderator, &report, "action=hide", &own).await.expect_status(303);
    assert_eq!(house.admin.get("/v1/reports?state=open").await.body["reports"], json!([]));
    for verb in ["pause", "resume", "rebuild", "verify"] {
        press(&house.admin, &format!("/console/projections/links/{verb}"), "", &own).await.expect_status(303);
    }
    press(&house.admin, "/console/projections/links/skip", "reason=x", &own).await.expect_status(409);
    press(&house.admin, "/console/projections/nothing/pause", "", &own).await.expect_status(404);
    press(&house.admin, &format!("{person}/erase"), "user_name=wrong", &own).await.expect_status(400);
    house.admin.get(&account).await.expect_status(200);
    press(&house.admin, &format!("{person}/erase"), &format!("user_name={EVIL}"), &own).await.expect_status(303);
    house.admin.get(&account).await.expect_problem(404, "user-not-found");
    // What an admin did is theirs in the log.
    let done = house.admin.get("/v1/admin/events?type=user.erased").await.expect_status(200);
    assert_eq!(done.body["events"][0]["meta"]["actor"], json!(format!("user:{}", house.admin.user_id)));
}

#[tokio::test]
async fn a_template_is_written_with_a_preview_in_both_languages() {
    let house = house().await;
    let own = [("origin", house.app.url.as_str())];
    let form = "key=orders.sent&category=transactional&variables=%7B%7D&en.subject=Sent&en.text=It+is+on+its+way\
                &ru.subject=%D0%9E&ru.text=%D0%92+%D0%BF%D1%83%D1%82%D0%B8";
    let preview = press(&house.admin, "/console/templates", &format!("{form}&do=preview"), &own).await;
    let preview = preview.expect_status(200);
    check(&preview);
    assert!(preview.text.contains("It is on its way") && preview.text.contains("В пути"), "{}", preview.text);
    let broken = form.replace("It+is", "%7B%7B+missing+%7D%7D");
    let refused = press(&house.admin, "/console/templates", &format!("{broken}&do=publish"), &own).await;
    let refused = refused.expect_status(200);
    assert!(refused.text.contains("missing") && refused.text.contains("role=\"alert\""), "{}", refused.text);
    press(&house.admin, "/console/templates", &format!("{form}&do=publish"), &own).await.expect_status(303);
    let listed = house.admin.get("/v1/templates").await;
    assert_eq!(listed.body["templates"][0]["key"], "orders.sent");
}
