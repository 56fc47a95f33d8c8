//! What operators ask over `/v1/admin`.

use domain::user::Role;
use serde_json::{Value, json};
use testkit::{Actor, TestApp};

async fn ended(admin: &Actor, task: &str) -> Value {
    loop {
        let task = admin.get(&format!("/v1/admin/tasks/{task}")).await.expect_status(200).body;
        if task["state"] != "running" {
            return task;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_overview_tells_what_there_is_and_what_is_wrong() {
    let app = TestApp::start().await;
    let admin = app.with_role("Anna", Role::Admin).await;
    let seen = admin.get("/v1/admin/overview").await.expect_status(200).body;
    assert!(seen["head"].as_u64().unwrap() > 0 && seen["sessions"].as_u64().unwrap() > 0, "{seen}");
    assert!(seen["projections"].as_array().unwrap().len() > 5 && seen["disk"]["free_bytes"].as_u64().unwrap() > 0);
    admin.post("/v1/admin/projections/links/pause", json!({"reason": "a test"})).await.expect_status(200);
    let paused = async || {
        let seen = admin.get("/v1/admin/overview").await.body;
        seen["troubles"]
            .as_array()
            .unwrap()
            .iter()
            .any(|trouble| trouble["what"] == "projection-paused" && trouble["subject"] == "links")
    };
    super::until(paused).await;
    admin.post("/v1/admin/projections/links/resume", json!({})).await.expect_status(200);
}

#[tokio::test]
async fn events_are_found_by_what_they_are_about_in_both_directions() {
    let app = TestApp::start().await;
    let admin = app.with_role("Anna", Role::Admin).await;
    let boris = app.user("Boris").await;
    let chat = boris.chat("garden").await;
    for number in 0..5 {
        boris.say(&chat, &format!("number {number}")).await;
    }
    let pages = admin.pages("/v1/admin/events?type=message.*&limit=2", "events").await;
    let newest = pages.concat();
    assert_eq!(newest.len(), 5);
    assert!(newest.iter().all(|event| event["type"] == "message.posted.v1" && event.get("personal").is_none()));
    let positions = |events: &[Value]| events.iter().map(|event| event["position"].as_u64()).collect::<Vec<_>>();
    let oldest = admin.pages("/v1/admin/events?type=message.*&limit=2&order=oldest-first", "events").await.concat();
    let mut reversed = positions(&oldest);
    reversed.reverse();
    assert_eq!(positions(&newest), reversed);
    let one = &newest[0];
    let request_id = one["meta"]["request_id"].as_str().unwrap();
    let of_request = admin.get(&format!("/v1/admin/events?request_id={request_id}")).await.body;
    assert_eq!(of_request["events"], json!([one]));
    let at = one["recorded_at"].as_str().unwrap();
    let since = admin.get(&format!("/v1/admin/events?type=message.*&since={at}")).await.body;
    assert_eq!(since["events"], json!([one]));
    let until = admin.get(&format!("/v1/admin/events?type=message.*&until={at}")).await.body;
    assert_eq!(until["events"].as_array().unwrap().len(), 4);
    let by_id = format!("/v1/admin/events/{}", one["id"].as_str().unwrap());
    assert_eq!(admin.get(&by_id).await.body, *one);
    let traced = admin.get(&format!("{by_id}/trace")).await.expect_status(200).body;
    assert_eq!(traced["request_id"], request_id);
    assert_eq!(traced["commands"][0]["events"][0]["asked"], true);
    let stream = one["stream"].as_str().unwrap();
    let folded = admin.get(&format!("/v1/admin/streams/{stream}?at=1")).await.expect_status(200).body;
    assert_eq!((&folded["version"], &folded["state"]["text"]), (&json!(1), &Value::Null));
    admin.get(&format!("/v1/admin/streams/{stream}?at=9")).await.expect_problem(404, "stream-not-found");
    admin.get("/v1/admin/streams/cat-1").await.expect_problem(404, "stream-not-found");
    let streams = admin.pages("/v1/admin/streams?prefix=message-&limit=2", "streams").await.concat();
    assert_eq!(streams.len(), 5);
    for wrong in ["user_id=x", "since=yesterday", "order=up", "from=xyz"] {
        let status = admin.get(&format!("/v1/admin/events?{wrong}")).await.status;
        assert_eq!(status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn long_work_is_a_task_that_tells_how_far_it_is() {
    let app = TestApp::start().await;
    let admin = app.with_role("Anna", Role::Admin).await;
    for verb in ["rebuild", "verify"] {
        let begun = admin.post(&format!("/v1/admin/projections/users/{verb}"), json!({})).await.expect_status(202);
        assert_eq!(begun.header("location"), format!("/v1/admin/tasks/{}", begun.id("task_id")));
        let task = ended(&admin, &begun.id("task_id")).await;
        assert_eq!((&task["state"], &task["part"]), (&json!("done"), &json!(1.0)), "{task}");
    }
    let tasks = admin.get("/v1/admin/tasks").await.body;
    assert_eq!(tasks["tasks"].as_array().unwrap().len(), 2);
    admin.get("/v1/admin/tasks/0190163d-8694-739b-aea5-966c26f8ad91").await.expect_problem(404, "task-not-found");
    admin.post("/v1/admin/projections/cats/rebuild", json!({})).await.expect_problem(404, "projection-not-found");
    admin.post("/v1/admin/projections/users/skip", json!({"reason": "x"})).await.expect_problem(409, "wrong-state");
}

#[tokio::test]
async fn people_are_found_and_signed_out() {
    let app = TestApp::start().await;
    let admin = app.with_role("Anna", Role::Admin).await;
    let boris = app.user("Boris").await;
    let account = admin.get("/v1/admin/users/boris").await.expect_status(200).body;
    assert_eq!(account["user_id"], json!(boris.user_id));
    let names = admin.pages("/v1/admin/users?limit=1", "users").await.concat();
    assert_eq!(names.len(), 2);
    let sessions = admin.get("/v1/admin/users/boris/sessions").await.expect_status(200).body;
    let session = sessions["sessions"][0]["id"].as_str().unwrap();
    admin.delete(&format!("/v1/admin/users/anna/sessions/{session}")).await.expect_problem(404, "session-not-found");
    admin.delete(&format!("/v1/admin/users/boris/sessions/{session}")).await.expect_status(200);
    boris.get("/v1/me").await.expect_problem(401, "invalid-session-id");
    let sign_ins = admin.get("/v1/admin/users/boris/sign-ins").await.expect_status(200).body;
    assert_eq!(sign_ins["sign_ins"][0]["succeeded"], true);
    admin.post("/v1/admin/users/boris/role", json!({"role": "moderator"})).await.expect_status(200);
    admin.delete("/v1/admin/users/anna/sessions").await.expect_status(200);
    admin.get("/v1/me").await.expect_problem(401, "invalid-session-id");
}

#[tokio::test]
async fn chats_messages_and_deliveries_are_seen_over_the_whole_server() {
    let app = TestApp::start().await;
    let admin = app.with_role("Anna", Role::Admin).await;
    let boris = app.user("Boris").await;
    let chat = boris.chat("garden").await;
    let message = boris.say(&chat, "the tomatoes are ripe").await;
    let chats = admin.get("/v1/admin/chats?name=gar").await.expect_status(200).body;
    assert_eq!(chats["chats"][0]["chat_id"], json!(chat));
    let details = admin.get(&format!("/v1/admin/chats/{chat}")).await.expect_status(200).body;
    assert_eq!(details["people"][0]["user_id"], json!(boris.user_id));
    let hits = admin.get("/v1/admin/search?q=tomato").await.expect_status(200).body;
    assert_eq!((&hits["total"], &hits["hits"][0]["message_id"]), (&json!(1), &json!(message)));
    admin.get("/v1/admin/search").await.expect_problem(400, "bad-parameters");
    let body = json!({"content": {"subject": "x", "text": "y"}, "to": {"user_ids": [boris.user_id]},
        "category": "transactional", "schedule": {"cron": "0 9 * * 1", "time_zone": "Europe/Moscow"}});
    admin.post("/v1/notifications", body).await.expect_status(202);
    let schedules = admin.get("/v1/admin/schedules").await.expect_status(200).body;
    assert_eq!(schedules["schedules"][0]["next_runs"].as_array().unwrap().len(), 10);
    admin.get("/v1/admin/deliveries?state=delivered").await.expect_status(200);
    admin.get("/v1/admin/deliveries?state=lost").await.expect_problem(400, "bad-parameters");
    let nothing = admin.get("/v1/admin/deliveries/0190163d-8694-739b-aea5-966c26f8ad91").await;
    nothing.expect_problem(404, "delivery-not-found");
    admin.get("/v1/admin/settings").await.expect_status(200);
    admin.get("/v1/admin/doctor").await.expect_status(200);
}
