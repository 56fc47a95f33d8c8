//! Conditional requests: what a caller has read is current, or it is not.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};

async fn with(actor: &Actor, method: Method, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Reply {
    actor.send(method, path, body, headers).await
}

/// Each single thing that has a tag, and a change of it.
async fn things(anna: &Actor) -> [(String, fn(&str) -> Value); 3] {
    let chat = anna.chat("garden").await;
    let message = anna.say(&chat, "one").await;
    let quiet = anna.chat("quiet").await;
    [
        ("/v1/me".to_owned(), |text| json!({"display_name": text})),
        (format!("/v1/chats/{quiet}"), |text| json!({"chat_name": text})),
        (format!("/v1/chats/{chat}/messages/{message}"), |text| json!({"message": text})),
    ]
}

#[tokio::test]
async fn a_tag_is_known_however_a_proxy_rewrites_it() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    for (path, body) in things(&anna).await {
        let forms: [fn(&str) -> String; 6] = [
            |tag| tag.to_owned(),
            |tag| format!("W/{tag}"),
            |tag| format!("{}-gzip\"", tag.trim_end_matches('"')),
            |tag| format!("W/{};br\"", tag.trim_end_matches('"')),
            |tag| format!("\"0\", {tag}"),
            |_| "*".to_owned(),
        ];
        for (number, form) in forms.iter().enumerate() {
            let tag = anna.get(&path).await.header("etag").to_owned();
            let (new, old) = (body(&format!("new {number}")), body("old"));
            let headers = [("if-match", form(&tag)), ("idempotency-key", format!("{number} {path}"))];
            let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
            let changed = with(&anna, Method::PATCH, &path, Some(new.clone()), &headers).await.expect_status(200);
            // The answer of a change has the tag of what a read shows then; so has the same answer again.
            assert_eq!(changed.header("etag"), anna.get(&path).await.header("etag"), "{path}");
            let again = with(&anna, Method::PATCH, &path, Some(new), &headers).await.expect_status(200);
            assert_eq!((again.header("idempotency-replayed"), again.header("etag")), ("true", changed.header("etag")));
            assert_ne!(changed.header("etag"), tag, "{path}");
            if number != 5 {
                let stale = with(&anna, Method::PATCH, &path, Some(old), &[("if-match", &form(&tag))]).await;
                stale.expect_problem(412, "version-changed");
            }
        }
        let tag = anna.get(&path).await.header("etag").to_owned();
        let lines = [("if-match", "\"0\""), ("if-match", tag.as_str())];
        with(&anna, Method::PATCH, &path, Some(body("two lines")), &lines).await.expect_status(200);
        let bare = tag.replace('"', "");
        for malformed in ["", &bare, "\"", "\"1\" \"2\""] {
            let refused = with(&anna, Method::PATCH, &path, Some(body("no")), &[("if-match", malformed)]).await;
            refused.expect_problem(400, "bad-parameters");
        }
    }
}

#[tokio::test]
async fn what_the_caller_has_is_not_sent_again() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    for (path, body) in things(&anna).await {
        let tag = anna.get(&path).await.header("etag").to_owned();
        let weak = format!("W/{tag}");
        let list = format!("\"0\", {}-gzip\"", tag.trim_end_matches('"'));
        for known in [&tag, &weak, &list, "*"] {
            for method in [Method::GET, Method::HEAD] {
                let same = with(&anna, method, &path, None, &[("if-none-match", known)]).await.expect_status(304);
                assert_eq!((same.text.as_str(), same.header("etag")), ("", tag.as_str()), "{path}");
                assert!(same.position() > 0 && !same.header("x-request-id").is_empty());
            }
        }
        for unknown in ["\"0\"", "garbage", "W/\"0\", \"1.x\""] {
            with(&anna, Method::GET, &path, None, &[("if-none-match", unknown)]).await.expect_status(200);
        }
        anna.patch(&path, body("another")).await.expect_status(200);
        let after = with(&anna, Method::GET, &path, None, &[("if-none-match", &tag)]).await.expect_status(200);
        assert_ne!(after.header("etag"), tag);
        // Only who may read learns that it is current.
        let stranger = with(&app.anonymous(), Method::GET, &path, None, &[("if-none-match", "*")]).await;
        stranger.expect_problem(401, "auth-failed");
    }
    // Lists and addresses without a tag have no such answer.
    with(&anna, Method::GET, "/v1/chats", None, &[("if-none-match", "*")]).await.expect_status(200);
    with(&anna, Method::GET, "/ping", None, &[("if-none-match", "*")]).await.expect_status(200);
}

#[tokio::test]
async fn a_chat_is_another_when_something_was_said_in_it() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let path = format!("/v1/chats/{chat}");
    let read = async |tag: &str| with(&anna, Method::GET, &path, None, &[("if-none-match", tag)]).await;
    let mut tag = anna.get(&path).await.header("etag").to_owned();
    let message = anna.say(&chat, "one").await;
    for change in ["said", "edited", "deleted"] {
        let message = format!("{path}/messages/{message}");
        match change {
            "edited" => drop(anna.patch(&message, json!({"message": "two"})).await.expect_status(200)),
            "deleted" => drop(anna.delete(&message).await.expect_status(200)),
            _ => {}
        }
        let now = read(&tag).await.expect_status(200).header("etag").to_owned();
        read(&now).await.expect_status(304);
        tag = now;
    }
    anna.say(&chat, "three").await;
    let tag = anna.get(&path).await.header("etag").to_owned();
    let rename = async |name: &str| {
        with(&anna, Method::PATCH, &path, Some(json!({"chat_name": name})), &[("if-match", &tag)]).await
    };
    rename("yard").await.expect_status(200);
    rename("field").await.expect_problem(412, "version-changed");
}
