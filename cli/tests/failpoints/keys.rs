//! One `Idempotency-Key` for a message and for a search task: whatever a crash has cut off, the same request gets the
//! same answer and another one is refused.

use super::{assert_fired, runtime};
use crate::common::{Place, Server};
use serde_json::{Value, json};

/// Around the commit of the receipt; all but the first leave it in the log. Of each the first pass of a process is meant:
/// nothing else writes.
const POINTS: [(&str, bool); 4] =
    [("log-commit", false), ("log-committed", true), ("batch-published", true), ("answer-given", true)];

const WORDS: &str = "words that are looked for";

/// Somebody with a chat.
struct Someone {
    token: String,
    messages: String,
}

const TASKS: &str = "/v1/chats/search";

impl Someone {
    async fn new(url: &str) -> Someone {
        let mut someone = Someone { token: String::new(), messages: String::new() };
        let credentials = json!({"user_name": "anna", "password": "a long enough passphrase"});
        someone.ask(url, "/v1/auth/register", "", credentials.clone()).await.unwrap();
        let (_, session) = someone.ask(url, "/v1/auth/login", "", credentials).await.unwrap();
        someone.token = session["session_id"].as_str().unwrap().to_owned();
        let (_, chat) = someone.ask(url, "/v1/chats", "", json!({"chat_name": "garden"})).await.unwrap();
        someone.messages = format!("/v1/chats/{}/messages", chat["chat_id"].as_str().unwrap());
        someone
    }

    /// `None` when no answer came.
    async fn ask(&self, url: &str, path: &str, key: &str, body: Value) -> Option<(u16, Value)> {
        let mut request = reqwest::Client::new().post(format!("{url}{path}")).json(&body);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if !key.is_empty() {
            request = request.header("Idempotency-Key", key);
        }
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.json().await.ok()?))
    }

    async fn says(&self, server: &Server, path: &str, key: &str, words: &str) -> Option<(u16, Value)> {
        self.ask(&server.url, path, key, json!({"message": words})).await
    }

    async fn is_refused(&self, server: &Server, path: &str, key: &str, words: &str) {
        let (status, body) = self.says(server, path, key, words).await.unwrap();
        assert_eq!((status, &body["code"]), (422, &"idempotency-key-reused".into()), "{key} {path}: {body}");
    }
}

#[test]
fn a_key_is_good_for_one_request_of_any_kind_wherever_it_was_cut_off() {
    let place = Place::new();
    let runtime = runtime();
    let server = place.serve();
    let anna = runtime.block_on(Someone::new(&server.url));
    assert_eq!(server.stop(), 0);
    for (point, is_kept) in POINTS {
        for (path, other) in [(TASKS, anna.messages.as_str()), (anna.messages.as_str(), TASKS)] {
            let key = format!("{point} {}", path.len());
            let mut server = place.serve_until(&format!("{point}=crash@1")).unwrap();
            let answer = runtime.block_on(anna.says(&server, path, &key, WORDS));
            assert_fired(server.ended(), &place.said(), point);
            assert!(answer.is_none() || point == "answer-given", "{key}: {answer:?}");
            let server = place.serve();
            runtime.block_on(async {
                if is_kept {
                    // Also before the same request was sent again.
                    anna.is_refused(&server, other, &key, WORDS).await;
                    anna.is_refused(&server, path, &key, "other words").await;
                }
                let (status, first) = anna.says(&server, path, &key, WORDS).await.unwrap();
                assert_eq!(status, 201, "{key}: {first}");
                assert!(answer.is_none_or(|answer| answer == (201, first.clone())), "{key}: {first}");
                let again = anna.says(&server, path, &key, WORDS).await.unwrap();
                assert_eq!(again, (201, first), "{key}");
                anna.is_refused(&server, other, &key, WORDS).await;
                anna.is_refused(&server, path, &key, "other words").await;
            });
            assert_eq!(server.stop(), 0);
        }
    }
    place.run(&["events", "verify"]).ok();
    let posted = place.run(&["events", "ls", "--type", "message.posted.v1", "-o", "ndjson"]).ok();
    assert_eq!(posted.lines().len(), POINTS.len(), "each message is there once");
}
