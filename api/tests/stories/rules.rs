//! What holds for every address: problems, request ids, headers, methods.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::TestApp;

#[tokio::test]
async fn a_failure_is_a_problem_with_a_code() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let headers = [("x-request-id", "ask-me.about_this")];
    let path = format!("/v1/chats/{}", uuid::Uuid::now_v7());
    let refused = anna.send(Method::GET, &path, None, &headers).await.expect_problem(404, "chat-not-found");
    assert_eq!(refused.header("content-type"), "application/problem+json");
    assert_eq!((&refused.body["status"], &refused.body["request_id"]), (&json!(404), &json!("ask-me.about_this")));
    for text in ["type", "title", "detail"] {
        assert!(refused.body[text].as_str().is_some_and(|text| !text.is_empty()), "{}", refused.text);
    }
    assert_eq!(refused.body.get("errors"), None, "the body is not at fault");

    // Codes are documented where everybody looks.
    let document = app.anonymous().get("/openapi.json").await.body;
    let codes = &document["components"]["schemas"]["ErrorCode"];
    let description = codes["description"].as_str().unwrap();
    for code in ["chat-not-found", "bad-parameters", "auth-failed", "projection-behind", "cross-site-request"] {
        assert!(description.contains(&format!("`{code}`")), "{code}");
        assert!(codes["enum"].as_array().unwrap().contains(&json!(code)), "{code}");
    }
}

#[tokio::test]
async fn an_unknown_address_or_method_is_a_problem_too() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    for path in ["/v1", "/v1/", "/v2/chats", "/v1/chats/", "/v1/Chats", "/nothing", "//"] {
        for actor in [&anna, &app.anonymous()] {
            actor.get(path).await.expect_problem(404, "not-found");
            actor.post(path, json!({})).await.expect_problem(404, "not-found");
        }
    }
    let wrong = [
        (Method::PUT, "/v1/chats"),
        (Method::DELETE, "/v1/chats"),
        (Method::GET, "/v1/auth/login"),
        (Method::POST, "/v1/me"),
        (Method::TRACE, "/v1/me"),
        (Method::POST, "/ping"),
        (Method::GET, "/v1/me/password"),
    ];
    for (method, path) in wrong {
        let refused = anna.send(method.clone(), path, None, &[]).await.expect_problem(405, "method-not-allowed");
        let allowed = refused.header("allow");
        assert!(!allowed.is_empty() && !allowed.split(',').any(|one| one == method.as_str()), "{path}: {allowed}");
    }
}

#[tokio::test]
async fn a_request_id_is_taken_over_when_it_is_one_and_made_when_it_is_not() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let ask = async |id: &str| {
        let reply = anna.send(Method::GET, "/v1/me", None, &[("x-request-id", id)]).await.expect_status(200);
        reply.header("x-request-id").to_owned()
    };
    let longest = "x".repeat(64);
    for good in ["a", "0", "ABC.def_1-2", &longest, "..", "-"] {
        assert_eq!(ask(good).await, good);
    }
    let too_long = "x".repeat(65);
    for bad in ["", "a b", "a/b", "a,b", "{}", "ключ", "<script>", "a\tb", &too_long] {
        let made = ask(bad).await;
        assert!(uuid::Uuid::try_parse(&made).is_ok(), "{bad}: {made}");
    }
    let (one, other) = (anna.get("/ping").await, anna.get("/ping").await);
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
}

#[tokio::test]
async fn every_event_remembers_the_request_that_caused_it() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let ids = |headers: Value| headers.as_str().map(str::to_owned);
    let body = Some(json!({"chat_name": "garden"}));
    let made = anna.send(Method::POST, "/v1/chats", body.clone(), &[("x-request-id", "mine-1")]).await;
    let position = made.expect_status(201).position();
    let records = app.node.log.read(position - 2, 2).unwrap();
    assert_eq!(
        records.iter().map(|record| record.name.as_str()).collect::<Vec<_>>(),
        ["chat.created.v1", "chat.member_joined.v1"]
    );
    for record in records {
        let meta = serde_json::from_str::<Value>(&record.meta).unwrap();
        assert_eq!(ids(meta["request_id"].clone()).as_deref(), Some("mine-1"));
        assert_eq!(meta["actor"], format!("user:{}", anna.user_id));
    }
    let made = anna.send(Method::POST, "/v1/chats", body, &[("x-request-id", "not mine")]).await;
    let record = app.node.log.read(made.position() - 1, 1).unwrap().remove(0);
    let meta = serde_json::from_str::<Value>(&record.meta).unwrap();
    assert_eq!(meta["request_id"], made.header("x-request-id"));
}

#[tokio::test]
async fn no_request_passes_for_a_courier() {
    let app = TestApp::start().await;
    let anna = app.user("courier").await;
    let cause = app.node.log.read(0, 1).unwrap().remove(0).id.to_string();
    let body = json!({"chat_name": "garden"});
    let meant = [("x-actor", "courier"), ("x-causation", &cause), ("causation", &cause), ("x-request-id", "courier")];
    let made = anna.send(Method::POST, "/v1/chats", Some(body.clone()), &meant).await.expect_status(201);
    let fields = json!({"chat_name": "garden", "actor": "courier", "causation": cause});
    anna.post("/v1/chats", fields).await.expect_problem(400, "bad-parameters");
    for scheme in ["Courier", "Bearer"] {
        let token = format!("{scheme} courier:{cause}");
        let header = [("authorization", token.as_str())];
        let tried = app.anonymous().send(Method::POST, "/v1/chats", Some(body.clone()), &header).await;
        assert_eq!(tried.status, 401, "{scheme}");
    }
    let cookie = format!("session=courier; actor=courier; causation={cause}");
    let tried = app.anonymous().send(Method::POST, "/v1/chats", Some(body), &[("cookie", &cookie)]).await;
    assert_eq!(tried.status, 401);
    let records = app.node.log.read(0, 100).unwrap();
    assert!(records.last().unwrap().position == made.position(), "nothing else was written");
    for record in records {
        let meta = serde_json::from_str::<Value>(&record.meta).unwrap();
        let actor = meta["actor"].as_str().unwrap();
        assert!(actor == "anonymous" || actor == format!("user:{}", anna.user_id), "{meta}");
        assert_eq!(meta.get("causation"), None);
    }
}

#[tokio::test]
async fn browsers_are_told_to_be_careful() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    for path in ["/v1/me", "/v1/chats/1", "/ping", "/nothing", "/openapi.json", "/docs/", "/v1/users?limit=0"] {
        let reply = anna.get(path).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(reply.header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert!(reply.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(reply.header("server"), "", "{path}");
        if path.starts_with("/v1") {
            assert_eq!(reply.header("cache-control"), "no-store", "{path}");
        }
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    for path in ["/v1/me", "/v1/chats", "/ping", "/openapi.json"] {
        let get = anna.get(path).await.expect_status(200);
        let head = anna.send(Method::HEAD, path, None, &[]).await.expect_status(200);
        assert_eq!(head.text, "");
        assert_eq!(head.header("content-type"), get.header("content-type"));
        assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
        assert_eq!(head.header("etag"), get.header("etag"));
    }
    let refused = app.anonymous().send(Method::HEAD, "/v1/me", None, &[]).await.expect_status(401);
    assert_eq!(refused.text, "");
    assert!(!refused.header("www-authenticate").is_empty());
}

#[tokio::test]
async fn options_answers_who_may_call_and_does_nothing() {
    let mut settings = TestApp::settings();
    settings.allowed_origins = vec!["https://chat.example.org".to_owned()];
    let app = TestApp::start_with(settings).await;
    let nobody = app.anonymous();
    let preflight = async |origin: &str| {
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        nobody.send(Method::OPTIONS, "/v1/chats", None, &headers).await.expect_status(200)
    };
    let allowed = preflight("https://chat.example.org").await;
    assert_eq!(allowed.header("access-control-allow-origin"), "https://chat.example.org");
    assert_eq!(allowed.header("access-control-allow-credentials"), "true");
    for header in ["authorization", "content-type", "idempotency-key", "if-match", "letopis-min-position"] {
        assert!(allowed.header("access-control-allow-headers").contains(header), "{header}");
    }
    assert!(allowed.header("access-control-allow-methods").contains("PATCH"));
    assert_eq!(preflight("https://evil.example").await.header("access-control-allow-origin"), "");
    assert_eq!(nobody.send(Method::OPTIONS, "/v1/chats", None, &[]).await.expect_status(200).text, "");
}
