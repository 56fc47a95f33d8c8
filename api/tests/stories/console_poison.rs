//! A read model that an event stops, seen and mended by nothing but the pages of the console.

use super::console::{check, look, press};
use domain::user::Role;
use projections::ProjectionId;
use testkit::{Actor, TestApp};

/// The forms of the page, by where they go.
async fn forms(by: &Actor) -> Vec<String> {
    let page = look(by, "/console/projections", &[]).await.expect_status(200);
    check(&page);
    let actions = page.text.match_indices("action=\"").map(|(at, found)| &page.text[at + found.len()..]);
    actions.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_operator_skips_the_event_that_stops_a_read_model_with_a_reason() {
    let app = TestApp::start().await;
    if !app.is_embedded() {
        return;
    }
    let anna = app.with_role("Anna", Role::Admin).await;
    let chat = anna.chat("garden").await;
    anna.say(&chat, "one").await;
    let mut poison = 0;
    let app = app.restart_after(|data| poison = testkit::poison(data, "message.frozen.v9")).await;
    let anna = app.again(&anna);
    let stopped = [ProjectionId::Messages, ProjectionId::Chats, ProjectionId::Search];
    for name in stopped {
        super::until(async || app.node.projections.skippable(name).is_ok()).await;
    }
    // What is wrong, and what to press: the overview says it, the page of read models names the event and its form.
    let overview = look(&anna, "/console", &[]).await.expect_status(200);
    assert!(overview.text.contains("A read model is stopped"), "{}", overview.text);
    let page = look(&anna, "/console/projections", &[]).await.expect_status(200);
    assert!(page.text.contains("message.frozen.v9"), "{}", page.text);
    assert!(page.text.contains(&format!("href=\"/console/events/{poison}\"")), "{}", page.text);
    look(&anna, &format!("/console/events/{poison}"), &[]).await.expect_status(200);
    let messages = format!("/v1/chats/{chat}/messages");
    anna.get(&messages).await.expect_problem(503, "projection-behind");
    let offered = forms(&anna).await;
    for name in stopped {
        assert!(offered.contains(&format!("/console/projections/{name}/skip")), "{offered:?}");
    }
    assert!(!offered.contains(&"/console/projections/users/skip".to_owned()), "it goes on: {offered:?}");

    let skip = format!("/console/projections/{}/skip", ProjectionId::Messages);
    for nothing in ["", "reason=", "reason=++"] {
        let refused = press(&anna, &skip, nothing, &[]).await;
        assert!(refused.status.as_u16() >= 400, "without a reason nothing is skipped: {}", refused.text);
    }
    assert!(app.node.projections.skippable(ProjectionId::Messages).is_ok());
    for name in stopped {
        let skip = format!("/console/projections/{name}/skip");
        press(&anna, &skip, "reason=a+trial+version+wrote+it", &[]).await.expect_status(303);
        super::until(async || app.node.projections.position(name) >= poison).await;
    }
    anna.say(&chat, "two").await;
    assert_eq!(anna.get(&messages).await.expect_status(200).texts(), ["one", "two"]);
    assert!(forms(&anna).await.iter().all(|action| !action.ends_with("/skip")), "nothing is stopped any more");
    // That it was skipped, why, and by whom, is in the log.
    let told = anna.get("/v1/admin/events?type=projection.*").await.expect_status(200).body["events"].clone();
    let told = told.as_array().unwrap();
    assert_eq!(told.len(), stopped.len(), "{told:?}");
    for fact in told {
        assert_eq!(fact["payload"]["reason"], "a trial version wrote it", "{fact}");
        assert_eq!(fact["payload"]["position"], poison, "{fact}");
        assert_eq!(fact["meta"]["actor"], format!("user:{}", anna.user_id), "{fact}");
    }
}
