//! What a request may be made of: its body, its type, its size, its address.

use reqwest::Method;
use serde_json::json;
use testkit::{Actor, Reply, TestApp};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
const CHATS: &str = "/v1/chats";

async fn send(actor: &Actor, body: &str) -> Reply {
    actor.raw(Method::POST, CHATS, Some(body.to_owned()), &JSON).await
}

#[tokio::test]
async fn a_fault_in_a_body_is_told_in_our_words_with_a_pointer() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let cases = [
        (r#"{"chat_name":"a","colour":"red"}"#, "/colour", "is not known here"),
        (r#"{"chat_name":"a","a/b~c":1}"#, "/a~1b~0c", "is not known here"),
        (r#"{"chat_name":"a","":1}"#, "/", "is not known here"),
        (r#"{}"#, "/chat_name", "is required"),
        (r#"{"chat_name":null}"#, "/chat_name", "must be a string"),
        (r#"{"chat_name":5}"#, "/chat_name", "must be a string"),
        (r#"{"chat_name":["a"]}"#, "/chat_name", "must be a string"),
        (r#"{"chat_name":{"a":"b"}}"#, "/chat_name", "must be a string"),
        (r#"{"chat_name":"a","private":"yes"}"#, "/private", "must be true or false"),
        (r#"{"chat_name":"a","private":1}"#, "/private", "must be true or false"),
        (r#"{"chat_name":"a","chat_name":"b"}"#, "/chat_name", "is there twice"),
        (r#"["a"]"#, "", "must be a JSON object"),
        (r#""a""#, "", "must be a JSON object"),
        (r#"null"#, "", "must be a JSON object"),
        (r#"7"#, "", "must be a JSON object"),
    ];
    for (body, pointer, detail) in cases {
        let refused = send(&anna, body).await.expect_problem(400, "bad-parameters");
        assert_eq!(refused.pointers(), [pointer], "{body}");
        assert_eq!(refused.body["errors"][0]["detail"], detail, "{body}");
        for word in ["serde", "invalid type", "expected", "`", "line"] {
            assert!(!refused.text.contains(word), "a parser speaks: {}", refused.text);
        }
    }
    assert_eq!(anna.get(CHATS).await.body["chats"], json!([]), "nothing was created");
}

#[tokio::test]
async fn what_is_no_json_is_400() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let malformed = [
        "",
        " ",
        "{",
        "{\"chat_name\":\"a\"",
        "{\"chat_name\":\"a\",}",
        "{'chat_name':'a'}",
        "chat_name=a",
        "{\"chat_name\":\"a\"} {}",
        "{\"chat_name\":\"a\"}]",
        "{\"chat_name\":\"\\ud800\"}",
        "{\"chat_name\":\"\\u00\"}",
        "{\"chat_name\":\"a\nb\"}",
        "\u{feff}{\"chat_name\":\"a\"}",
        "NaN",
        "{\"chat_name\":1e999}",
    ];
    for body in malformed {
        let refused = send(&anna, body).await.expect_problem(400, "bad-parameters");
        for word in ["EOF", "expected", "surrogate", "trailing", "recursion", "`"] {
            assert!(!refused.text.contains(word), "a parser speaks: {}", refused.text);
        }
    }
    let latin = reqwest::Client::new().post(format!("{}{CHATS}", app.url)).bearer_auth(anna.token.as_ref().unwrap());
    let body = b"{\"chat_name\":\"caf\xe9\"}".to_vec();
    let refused = latin.header("content-type", "application/json").body(body).send().await.unwrap();
    assert_eq!(refused.status(), 400, "a body is UTF-8");
}

#[tokio::test]
async fn a_deep_body_is_400_and_not_a_crash() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let nested = |depth: usize| format!("{{\"chat_name\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    for depth in [32, 1_000, 60_000] {
        let refused = send(&anna, &nested(depth)).await.expect_problem(400, "bad-parameters");
        assert!(refused.text.contains("32 levels"), "{depth}: {}", refused.text);
    }
    assert_eq!(send(&anna, &nested(31)).await.expect_status(400).pointers(), ["/chat_name"]);
    send(&anna, &"[".repeat(100_000)).await.expect_problem(400, "bad-parameters");
    send(&anna, &format!("{{\"chat_name\":\"{}\"}}", "[".repeat(200))).await.expect_status(201);
}

#[tokio::test]
async fn a_body_is_json_by_its_content_type() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let body = || Some(json!({"chat_name": "garden"}).to_string());
    for bad in ["text/plain", "application/x-www-form-urlencoded", "text/json", "json", "", "application/jsonp"] {
        let refused = anna.raw(Method::POST, CHATS, body(), &[("content-type", bad)]).await;
        refused.expect_problem(415, "unsupported-media-type");
    }
    anna.raw(Method::POST, CHATS, body(), &[]).await.expect_problem(415, "unsupported-media-type");
    anna.raw(Method::POST, CHATS, None, &[]).await.expect_problem(415, "unsupported-media-type");
    for good in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/vnd.api+json",
        "application/json; by=Zürich",
    ] {
        anna.raw(Method::POST, CHATS, body(), &[("content-type", good)]).await.expect_status(201);
    }
}

#[tokio::test]
async fn a_body_has_a_size() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let padded = |size: usize| {
        let body = r#"{"chat_name":"garden"}"#;
        format!("{body}{}", " ".repeat(size - body.len()))
    };
    let key = [JSON[0], ("idempotency-key", "k")];
    send(&anna, &padded(128 * 1024)).await.expect_status(201);
    for size in [128 * 1024 + 1, 1024 * 1024, 16 * 1024 * 1024] {
        send(&anna, &padded(size)).await.expect_problem(413, "body-too-large");
        anna.raw(Method::POST, CHATS, Some(padded(size)), &key).await.expect_problem(413, "body-too-large");
    }

    // Also where no body is asked for.
    let out = anna.raw(Method::DELETE, "/v1/me/sessions", Some(padded(128 * 1024 + 1)), &[]).await;
    out.expect_problem(413, "body-too-large");

    let nobody = app.anonymous();
    let login = |size: usize| {
        let body = json!({"user_name": "Anna", "password": anna.password()}).to_string();
        Some(format!("{body}{}", " ".repeat(size - body.len())))
    };
    nobody.raw(Method::POST, "/v1/auth/login", login(4096), &JSON).await.expect_status(200);
    for path in ["/v1/auth/login", "/v1/auth/register"] {
        for headers in [&JSON[..], &key[..]] {
            let refused = nobody.raw(Method::POST, path, login(4097), headers).await;
            refused.expect_problem(413, "body-too-large");
        }
    }
}

#[tokio::test]
async fn headers_have_a_size() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let with = async |size: usize| {
        let value = "x".repeat(size);
        anna.send(Method::GET, "/v1/me", None, &[("x-padding", &value)]).await
    };
    with(15 * 1024).await.expect_status(200);
    with(16 * 1024).await.expect_problem(431, "headers-too-large");
    with(31 * 1024).await.expect_problem(431, "headers-too-large");
    anna.get("/v1/me").await.expect_status(200);
}

#[tokio::test]
async fn odd_addresses_are_problems_and_never_a_crash() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let parts = ["%00", "%FF", "%zz", "%", "%2F", "%2e%2e%2f", "%E2%80%AE", "%F0%9F%A6%80", "a%20b", "*", "'", "{x}"];
    for part in parts {
        for path in [format!("/v1/chats/{part}"), format!("/v1/chats/{chat}/messages/{part}"), format!("/{part}")] {
            let status = anna.get(&path).await.status.as_u16();
            assert!([400, 404].contains(&status), "{path} answers {status}");
        }
        let status = anna.delete(&format!("/v1/me/sessions/{part}")).await.status.as_u16();
        assert!([400, 404].contains(&status), "{part} answers {status}");
        for list in ["/v1/users", "/v1/chats"] {
            anna.get(&format!("{list}?name={part}&{part}={part}&{part}")).await.expect_status(200);
            anna.get(&format!("{list}?limit={part}")).await.expect_problem(400, "bad-parameters");
            anna.get(&format!("{list}?from={part}")).await.expect_problem(400, "bad-cursor");
        }
    }
    for path in ["/v1/users?", "/v1/users?&&&", "/v1/users?=", "/v1/users?limit=5&limit=7", "/v1/users?name"] {
        anna.get(path).await.expect_status(200);
    }
    let long = "n".repeat(8_000);
    anna.get(&format!("/v1/users?name={long}")).await.expect_status(200);
    anna.get(&format!("/v1/chats/{long}")).await.expect_problem(404, "chat-not-found");
}

#[tokio::test]
async fn a_fault_in_the_query_is_told_by_its_parameter_and_not_as_a_place_in_a_body() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    for (address, parameter) in
        [("/v1/chats?limit=0", "limit"), ("/v1/chats?scope=ours", "scope"), ("/v1/me?min_position=x", "min_position")]
    {
        let refused = anna.get(address).await.expect_problem(400, "bad-parameters");
        let faults = &refused.body["errors"];
        assert_eq!((&faults[0]["parameter"], faults[0].get("pointer")), (&json!(parameter), None), "{address}");
    }
}
