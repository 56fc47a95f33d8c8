//! A projection that an event stops, or an operator pauses, over HTTP.

use commands::Request;
use domain::{Command, Timestamp, projection};
use projections::ProjectionId;
use serde_json::Value;
use testkit::{Actor, TestApp};

/// The state of one read model as `/readyz` shows it.
async fn shown(app: &TestApp, ready: u16, name: &str) -> Value {
    let reply = app.anonymous().get("/readyz").await.expect_status(ready);
    assert_eq!(reply.body["ready"], ready == 200);
    let all = reply.body["projections"].as_array().unwrap().clone();
    all.into_iter().find(|one| one["name"] == name).unwrap()
}

async fn gauge(app: &TestApp, what: &str, name: &str) -> String {
    let text = app.anonymous().get("/metrics").await.expect_status(200).text;
    let line = format!("letopis_projection_{what}{{projection=\"{name}\"}} ");
    text.lines().find_map(|one| one.strip_prefix(&line)).unwrap_or_default().to_owned()
}

async fn caught_up(app: &TestApp, name: ProjectionId) {
    let head = app.node.log.head().unwrap().position;
    app.node.projections.caught_up(name, head, super::WAIT_MAX).await.unwrap();
}

#[tokio::test]
async fn a_paused_read_model_answers_what_it_has_and_nothing_newer() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    anna.say(&chat, "one").await;
    let page = format!("/v1/chats/{chat}/messages");
    anna.get(&page).await.expect_status(200);
    app.node.projections.pause(ProjectionId::Messages).unwrap();
    assert_eq!(anna.get(&page).await.expect_status(200).texts(), ["one"]);
    assert_eq!(shown(&app, 503, "messages").await["state"], "paused");
    assert_eq!(
        (gauge(&app, "paused", "messages").await, gauge(&app, "stopped", "messages").await),
        ("1".into(), "0".into())
    );
    anna.say(&chat, "two").await;
    let refused = anna.get(&page).await.expect_problem(503, "projection-behind");
    assert!(!refused.header("retry-after").is_empty());
    anna.get(&format!("/v1/chats/{chat}/users")).await.expect_status(200);
    let listed = anna.get("/v1/chats").await.expect_status(200);
    assert_eq!(listed.body["chats"][0]["last_message"]["text"], "two", "a list of chats needs no messages");

    let app = app.restart().await;
    let anna = app.again(&anna);
    anna.get(&page).await.expect_problem(503, "projection-behind");
    assert_eq!(shown(&app, 503, "messages").await["state"], "paused");
    app.node.projections.resume(ProjectionId::Messages).unwrap();
    caught_up(&app, ProjectionId::Messages).await;
    assert_eq!(anna.get(&page).await.expect_status(200).texts(), ["one", "two"]);
    assert_eq!(shown(&app, 200, "messages").await["state"], "running");
}

#[tokio::test]
async fn an_event_of_a_newer_version_stops_who_follows_it_until_it_is_skipped() {
    let app = TestApp::start().await;
    if !app.is_embedded() {
        return;
    }
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    anna.say(&chat, "one").await;
    let app = with_poison(app, "message.frozen.v9").await;
    let anna = app.again(&anna);
    let page = format!("/v1/chats/{chat}/messages");
    super::until(async || app.node.projections.skippable(ProjectionId::Messages).is_ok()).await;

    let stopped = shown(&app, 503, "messages").await;
    assert_eq!(stopped["state"], "stopped");
    assert!(stopped["error"].as_str().unwrap().contains("message.frozen.v9"), "{stopped}");
    assert_eq!(gauge(&app, "stopped", "messages").await, "1");
    assert_eq!(
        (gauge(&app, "stopped", "users").await, gauge(&app, "stopped", "sessions").await),
        ("0".into(), "0".into())
    );
    anna.get(&page).await.expect_problem(503, "projection-behind");
    reads_of_others_go_on(&anna).await;
    anna.say(&chat, "two").await;

    skip(&app, ProjectionId::Messages).await;
    // It stops every read model of messages.
    for name in [ProjectionId::Chats, ProjectionId::Search] {
        super::until(async || app.node.projections.skippable(name).is_ok()).await;
        skip(&app, name).await;
        caught_up(&app, name).await;
    }
    caught_up(&app, ProjectionId::Messages).await;
    assert_eq!(shown(&app, 200, "messages").await["state"], "running");
    assert_eq!(gauge(&app, "stopped", "messages").await, "0");
    assert_eq!(anna.get(&page).await.expect_status(200).texts(), ["one", "two"]);
    let app = app.restart().await;
    assert_eq!(app.again(&anna).get(&page).await.expect_status(200).texts(), ["one", "two"]);
    let verified = app.node.projections.verify(ProjectionId::Messages, &mut |_| {}).unwrap();
    assert_eq!(verified.differences, vec![]);
}

async fn reads_of_others_go_on(anna: &Actor) {
    // Chats are shown with their last message: they follow messages as well.
    for path in ["/v1/me", "/v1/me/sessions", "/v1/users?name="] {
        anna.get(path).await.expect_status(200);
    }
}

/// As `letopis projections skip` does it.
async fn skip(app: &TestApp, name: ProjectionId) {
    let position = app.node.projections.skippable(name).unwrap();
    let command =
        projection::Command::Skip(projection::Skip { position, reason: "a trial version wrote it".to_owned() });
    let request = Request::by_operator(Command::Projection(name.in_log(), command), Timestamp(1));
    app.node.writer.send(request).await.unwrap();
    app.node.projections.skip(name, position).unwrap();
}

/// Stops the server, appends an event of that name past the writer, and starts it again.
async fn with_poison(app: TestApp, name: &str) -> TestApp {
    app.restart_after(|data| {
        testkit::poison(data, name);
    })
    .await
}
