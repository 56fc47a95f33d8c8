//! Parts of the product that a server leaves out.

use domain::user::Role;
use node::{Module, Modules};
use projections::ProjectionId;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, TestApp};

async fn without(app: TestApp, left_out: &[Module]) -> TestApp {
    let there = Module::ALL.into_iter().filter(|module| !left_out.contains(module)).collect::<Vec<_>>();
    app.restart_having(Modules::of(&there).expect("what is needed is there")).await
}

/// The status and the code of an answer; the document of a whole server, which judges all others, knows more than this one.
async fn answer(app: &TestApp, by: &Actor, method: Method, path: &str) -> (u16, Value) {
    let request = reqwest::Client::new().request(method, format!("{}{path}", app.url));
    let request = request.bearer_auth(by.token.as_deref().unwrap_or_default());
    let response = request.send().await.expect("the server answers");
    let status = response.status().as_u16();
    let body = response.text().await.expect("the body is text");
    (status, serde_json::from_str::<Value>(&body).map_or(Value::Null, |body| body["code"].clone()))
}

async fn is_nowhere(app: &TestApp, by: &Actor, method: Method, path: &str) {
    let found = answer(app, by, method.clone(), path).await;
    assert_eq!(found, (404, json!("not-found")), "{method} {path}");
}

async fn paths(app: &TestApp) -> Vec<String> {
    let document = app.anonymous().get("/openapi.json").await.expect_status(200).body;
    document["paths"].as_object().expect("there are paths").keys().cloned().collect()
}

#[tokio::test]
async fn search_is_left_out_and_comes_back_with_what_was_said_meanwhile() {
    let app = TestApp::start().await;
    let anna = app.user("anna").await;
    let chat = anna.chat("garden").await;
    anna.say(&chat, "The tomatoes are ripe.").await;
    let app = without(app, &[Module::Search]).await;
    let anna = app.again(&anna);
    is_nowhere(&app, &anna, Method::GET, "/v1/search?q=tomatoes").await;
    is_nowhere(&app, &anna, Method::POST, "/v1/chats/search").await;
    is_nowhere(&app, &anna, Method::GET, "/v1/chats/search/status/0197c1a2-7d3e-7b6a-9c55-2f8e4c1d0a77").await;
    let paths = paths(&app).await;
    assert!(paths.iter().all(|path| !path.contains("search")) && paths.iter().any(|path| path == "/v1/chats"));
    let document = app.anonymous().get("/openapi.json").await.body;
    assert!(document["tags"].as_array().unwrap().iter().all(|tag| tag["name"] != "search"));
    assert!(!app.node.projections.has(ProjectionId::Search));
    anna.say(&chat, "Tomatoes once more.").await;
    app.anonymous().get("/readyz").await.expect_status(200);
    app.anonymous().get("/metrics").await.expect_status(200);
    let app = app.restart_having(Modules::ALL).await;
    let found = app.again(&anna).get("/v1/search?q=tomatoes").await.expect_status(200);
    assert_eq!(found.body["total"], 2, "{}", found.text);
}

#[tokio::test]
async fn a_server_of_accounts_alone_forgets_people_as_well() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("anna").await, app.user("boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    anna.say(&chat, "The tomatoes are ripe.").await;
    let app = without(app, &Module::ALL).await;
    let (anna, boris) = (app.again(&anna), app.again(&boris));
    for path in ["/v1/chats", "/v1/inbox", "/v1/me/preferences", "/v1/templates", "/v1/search?q=a"] {
        is_nowhere(&app, &boris, Method::GET, path).await;
    }
    boris.get("/v1/me").await.expect_status(200);
    let export = boris.get("/v1/me/export").await.expect_status(200);
    assert!(export.text.trim_end().lines().last().unwrap().contains("\"end\""), "{}", export.text);
    let erase = json!({"password": anna.password()});
    anna.send(Method::DELETE, "/v1/me", Some(erase), &[]).await.expect_status(200);
    app.anonymous().get("/readyz").await.expect_status(200);
    // They come back without whoever was erased, and with everybody else.
    let app = app.restart_having(Modules::ALL).await;
    let boris = app.again(&boris);
    super::until(async || {
        let members = boris.get(&format!("/v1/chats/{chat}/users")).await.expect_status(200).body["users"].clone();
        members.as_array().is_some_and(|members| members.len() == 1 && members[0]["role"] == "owner")
    })
    .await;
    assert_eq!(boris.get("/v1/search?q=tomatoes").await.expect_status(200).body["total"], 0);
    for name in ProjectionId::ALL {
        let verified = app.node.projections.verify(name, &mut |_| {}).unwrap();
        assert_eq!(verified.differences, vec![], "{name}");
    }
}

#[tokio::test]
async fn notifications_are_left_out_and_templates_come_back() {
    let app = TestApp::start().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let template = json!({"key": "a", "category": "transactional", "variables": {}, "locales": {"en": {"subject": "s", "text": "t"}}});
    let id = nina.post("/v1/templates", template).await.expect_status(201).id("template_id");
    let app = without(app, &[Module::Notifications, Module::Mailings]).await;
    let again = app.again(&nina);
    for path in ["/v1/inbox", "/v1/templates", "/v1/notifications", "/v1/notification-categories", "/v1/suppressions"] {
        is_nowhere(&app, &again, Method::GET, path).await;
    }
    again.get("/v1/chats").await.expect_status(200);
    let app = app.restart_having(Modules::ALL).await;
    app.again(&nina).get(&format!("/v1/templates/{id}")).await.expect_status(200);
}
