//! What is reported of messages, and what becomes of them.

use domain::user::Role;
use projections::ProjectionId;
use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};

async fn report(actor: &Actor, chat: &str, message: &str) -> Reply {
    actor.post(&format!("/v1/chats/{chat}/messages/{message}/reports"), json!({"reason": "spam"})).await
}

async fn resolve(actor: &Actor, report: &str, action: &str) -> Reply {
    actor.post(&format!("/v1/reports/{report}/resolve"), json!({"action": action})).await
}

async fn listed(actor: &Actor, path: &str) -> Vec<Value> {
    actor.get(path).await.expect_status(200).body["reports"].as_array().unwrap().clone()
}

async fn shown(actor: &Actor, chat: &str, message: &str) -> Value {
    actor.get(&format!("/v1/chats/{chat}/messages/{message}")).await.expect_status(200).body
}

async fn found(actor: &Actor) -> u64 {
    actor.get("/v1/search?q=watches").await.expect_status(200).body["total"].as_u64().unwrap()
}

fn assert_verified(app: &TestApp) {
    for name in [ProjectionId::Chats, ProjectionId::Messages, ProjectionId::Search] {
        assert_eq!(app.node.projections.verify(name, &mut |_| {}).unwrap().differences, vec![], "{name}");
    }
}

/// A chat of Anna's in which Boris has advertised, and ten others.
async fn crowd(app: &TestApp) -> (Actor, Actor, Vec<Actor>, String, String) {
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let mut others = Vec::new();
    for number in 0..10 {
        let other = app.user(&format!("other {number}")).await;
        other.join(&chat).await;
        others.push(other);
    }
    let message = boris.say(&chat, "cheap watches").await;
    (anna, boris, others, chat, message)
}

#[tokio::test]
async fn what_ten_have_reported_is_hidden_until_somebody_resolves_it() {
    let app = TestApp::start().await;
    let moderator = app.with_role("Mara", Role::Moderator).await;
    let (anna, boris, others, chat, message) = crowd(&app).await;
    anna.say(&chat, "hello").await;
    for other in &others[..9] {
        report(other, &chat, &message).await.expect_status(201);
        report(other, &chat, &message).await.expect_status(200);
    }
    assert_eq!(shown(&boris, &chat, &message).await["hidden"], Value::Null);
    assert_eq!(found(&boris).await, 1);
    let tenth = report(&others[9], &chat, &message).await.expect_status(201);
    let id = tenth.id("report_id");

    for one in [&boris, &others[0]] {
        let hidden = shown(one, &chat, &message).await;
        assert_eq!((&hidden["hidden"], hidden.get("text")), (&json!(true), None));
        let page = one.get(&format!("/v1/chats/{chat}/messages")).await.body;
        assert_eq!((&page["messages"][0]["hidden"], page["messages"][0].get("text")), (&json!(true), None));
        assert_eq!(page["messages"][1]["text"], "hello");
        assert_eq!(found(one).await, 0);
    }
    let hers = shown(&anna, &chat, &message).await;
    assert_eq!((&hers["hidden"], &hers["text"]), (&json!(true), &json!("cheap watches")));
    assert_eq!(found(&anna).await, 0);
    assert_verified(&app);

    for (one, path) in [
        (&anna, format!("/v1/chats/{chat}/reports")),
        (&moderator, format!("/v1/chats/{chat}/reports?state=open")),
        (&moderator, "/v1/reports".to_owned()),
        (&moderator, "/v1/reports?state=open".to_owned()),
    ] {
        let reports = listed(one, &path).await;
        assert_eq!(reports.len(), 1, "{path}");
        let report = &reports[0];
        assert_eq!((&report["report_id"], &report["message_id"]), (&json!(id), &json!(message)));
        assert_eq!((&report["text"], &report["user_name"]), (&json!("cheap watches"), &json!("Boris")));
        assert_eq!((&report["state"], &report["count"]), (&json!("open"), &json!(10)));
        assert_eq!(report["complaints"].as_array().unwrap().len(), 10);
        assert_eq!(report["complaints"][0]["reason"], "spam");
    }
    assert!(listed(&moderator, "/v1/reports?state=resolved").await.is_empty());

    for _ in 0..2 {
        resolve(&moderator, &id, "dismiss").await.expect_status(200);
    }
    let seen = shown(&others[0], &chat, &message).await;
    assert_eq!((seen.get("hidden"), &seen["text"]), (None, &json!("cheap watches")));
    assert_eq!(found(&others[0]).await, 1);
    resolve(&anna, &id, "hide").await.expect_problem(409, "wrong-state");
    let resolved = listed(&moderator, "/v1/reports?state=resolved").await;
    assert_eq!((&resolved[0]["resolved"]["action"], &resolved[0]["state"]), (&json!("dismiss"), &json!("resolved")));
    assert_eq!(resolved[0]["resolved"]["by"], json!(moderator.user_id));
    assert!(listed(&anna, &format!("/v1/chats/{chat}/reports?state=open")).await.is_empty());
    assert_verified(&app);
}

#[tokio::test]
async fn it_is_hidden_deleted_or_its_author_banned() {
    let app = TestApp::start().await;
    let (anna, boris, others, chat, _) = crowd(&app).await;
    let mut ids = Vec::new();
    for action in ["hide", "delete", "ban"] {
        let message = boris.say(&chat, &format!("more watches: {action}")).await;
        let id = report(&others[0], &chat, &message).await.expect_status(201).id("report_id");
        resolve(&others[0], &id, action).await.expect_problem(403, "not-allowed");
        resolve(&boris, &id, action).await.expect_problem(403, "not-allowed");
        resolve(&anna, &id, action).await.expect_status(200);
        ids.push(message);
    }
    assert_eq!(shown(&others[0], &chat, &ids[0]).await["hidden"], true);
    let gone = others[0].get(&format!("/v1/chats/{chat}/messages/{}", ids[1])).await;
    gone.expect_problem(404, "message-not-found");
    assert_eq!(shown(&others[0], &chat, &ids[2]).await["hidden"], true);
    assert_eq!(found(&anna).await, 1, "the first one, which nobody reported");
    boris.post(&format!("/v1/chats/{chat}/users"), json!({})).await.expect_problem(403, "banned");
    let last = anna.get(&format!("/v1/chats/{chat}")).await.body;
    assert_eq!(last["last_message"]["text"], "cheap watches", "what is hidden is not shown as the newest");
    assert_verified(&app);
    let app = app.restart().await;
    assert_verified(&app);
}

#[tokio::test]
async fn who_may_report_and_see_it() {
    let app = TestApp::start().await;
    let (anna, boris, others, chat, message) = crowd(&app).await;
    let stranger = app.user("Stranger").await;
    report(&stranger, &chat, &message).await.expect_problem(403, "not-a-member");
    report(&boris, &chat, &message).await.expect_problem(403, "not-allowed");
    let elsewhere = anna.chat("kitchen").await;
    report(&anna, &elsewhere, &message).await.expect_problem(404, "message-not-found");
    report(&anna, &chat, "nonsense").await.expect_problem(404, "message-not-found");
    report(&anna, "nonsense", &message).await.expect_problem(404, "chat-not-found");
    let path = format!("/v1/chats/{chat}/messages/{message}/reports");
    for (bad, field) in [
        (json!({}), "/reason"),
        (json!({"reason": ""}), "/reason"),
        (json!({"reason": "x".repeat(201)}), "/reason"),
        (json!({"reason": "x", "text": ""}), "/text"),
        (json!({"reason": "x", "text": "x".repeat(2_001)}), "/text"),
        (json!({"reason": "x", "more": 1}), "/more"),
    ] {
        assert_eq!(anna.post(&path, bad).await.expect_problem(400, "bad-parameters").pointers(), [field]);
    }
    let body = json!({"reason": "other", "text": "он продаёт\nчасы"});
    let key = [("idempotency-key", "once")];
    let first = others[0].send(reqwest::Method::POST, &path, Some(body.clone()), &key).await.expect_status(201);
    let again = others[0].send(reqwest::Method::POST, &path, Some(body), &key).await.expect_status(201);
    assert_eq!(again.body, first.body);
    let reports = listed(&anna, &format!("/v1/chats/{chat}/reports")).await;
    assert_eq!(reports[0]["complaints"][0]["text"], "он продаёт\nчасы");

    let id = first.id("report_id");
    resolve(&anna, &id, "forget").await.expect_problem(400, "bad-parameters");
    resolve(&anna, "nonsense", "hide").await.expect_problem(404, "report-not-found");
    resolve(&anna, &uuid::Uuid::now_v7().to_string(), "hide").await.expect_problem(404, "report-not-found");
    let path = format!("/v1/chats/{chat}/reports");
    others[0].get(&path).await.expect_problem(403, "not-allowed");
    stranger.get(&path).await.expect_problem(403, "not-a-member");
    anna.get("/v1/reports").await.expect_problem(403, "not-allowed");
    anna.get(&format!("{path}?state=closed")).await.expect_problem(400, "bad-parameters");

    let erase = json!({"password": others[0].password()});
    others[0].send(reqwest::Method::DELETE, "/v1/me", Some(erase), &[]).await.expect_status(200);
    let reports = listed(&anna, &path).await;
    assert_eq!((&reports[0]["count"], reports[0]["complaints"].as_array().unwrap().len()), (&json!(1), 0));
    assert_verified(&app);
}
