//! Reactions to messages.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};

fn path(chat: &str, message: &str, emoji: &str) -> String {
    let emoji = utf8_percent_encode(emoji, NON_ALPHANUMERIC);
    format!("/v1/chats/{chat}/messages/{message}/reactions/{emoji}")
}

async fn react(actor: &Actor, chat: &str, message: &str, emoji: &str) -> Reply {
    actor.send(Method::PUT, &path(chat, message, emoji), None, &[]).await
}

async fn take_back(actor: &Actor, chat: &str, message: &str, emoji: &str) -> Reply {
    actor.delete(&path(chat, message, emoji)).await
}

async fn seen(actor: &Actor, chat: &str, message: &str) -> Value {
    let one = actor.get(&format!("/v1/chats/{chat}/messages/{message}")).await.expect_status(200).body;
    let list = actor.get(&format!("/v1/chats/{chat}/messages?limit=1000")).await.expect_status(200).body;
    let listed = list["messages"].as_array().unwrap().iter().find(|listed| listed["message_id"] == *message).unwrap();
    assert_eq!(listed, &one, "a list shows the same");
    one["reactions"].clone()
}

fn reaction(emoji: &str, count: u64, mine: bool) -> Value {
    json!({"emoji": emoji, "count": count, "mine": mine})
}

#[tokio::test]
async fn people_react_and_take_it_back() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let message = anna.say(&chat, "hello").await;
    let other = anna.say(&chat, "another").await;
    assert_eq!(seen(&anna, &chat, &message).await, Value::Null);
    let first = react(&boris, &chat, &message, "\u{1f44d}").await.expect_status(200);
    assert_eq!(first.body["reactions"], json!([reaction("\u{1f44d}", 1, true)]));
    assert_eq!(first.body["position"], first.position());
    let again = react(&boris, &chat, &message, "\u{1f44d}").await.expect_status(200);
    assert_eq!(again.body["reactions"], first.body["reactions"]);
    assert_eq!(again.position(), first.position(), "nothing was written");
    react(&anna, &chat, &message, "\u{2764}").await.expect_status(200);
    let both = react(&anna, &chat, &message, "\u{1f44d}").await.expect_status(200);
    let expected = json!([reaction("\u{1f44d}", 2, true), reaction("\u{2764}\u{fe0f}", 1, true)]);
    assert_eq!(both.body["reactions"], expected, "in the order of their first use");
    assert_eq!(seen(&anna, &chat, &message).await, expected);
    let expected = json!([reaction("\u{1f44d}", 2, true), reaction("\u{2764}\u{fe0f}", 1, false)]);
    assert_eq!(seen(&boris, &chat, &message).await, expected);
    assert_eq!(seen(&boris, &chat, &other).await, Value::Null);
    for _ in 0..2 {
        let less = take_back(&boris, &chat, &message, "\u{1f44d}").await.expect_status(200);
        let expected = json!([reaction("\u{1f44d}", 1, false), reaction("\u{2764}\u{fe0f}", 1, false)]);
        assert_eq!(less.body["reactions"], expected);
    }
    take_back(&anna, &chat, &message, "\u{1f44d}").await.expect_status(200);
    // A kind that is used anew is the last one.
    react(&boris, &chat, &message, "\u{1f44d}").await.expect_status(200);
    let expected = json!([reaction("\u{2764}\u{fe0f}", 1, true), reaction("\u{1f44d}", 1, false)]);
    assert_eq!(seen(&anna, &chat, &message).await, expected);
    let none = take_back(&anna, &chat, &message, "\u{2764}\u{fe0f}").await.expect_status(200);
    assert_eq!(none.body["reactions"].as_array().unwrap().len(), 1);
    take_back(&boris, &chat, &message, "\u{1f44d}").await.expect_status(200);
    assert_eq!(seen(&anna, &chat, &message).await, Value::Null);
}

#[tokio::test]
async fn one_emoji_is_taken_and_nothing_else() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let message = anna.say(&chat, "hello").await;
    let one = [
        "\u{1f44d}\u{1f3fd}",
        "\u{1f1e9}\u{1f1ea}",
        "#\u{fe0f}\u{20e3}",
        "1\u{20e3}",
        "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466}",
        "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
        "\u{1f3f3}\u{200d}\u{1f308}",
    ];
    for emoji in one {
        react(&anna, &chat, &message, emoji).await.expect_status(200);
    }
    assert_eq!(seen(&anna, &chat, &message).await.as_array().unwrap().len(), one.len());
    let none = ["a", "1", " ", "ok", ":+1:", "\u{1f44d}\u{1f44d}", "\u{1f44d}a", "\u{fe0f}", "\u{200d}", "\0", "+1"];
    for text in none {
        react(&anna, &chat, &message, text).await.expect_problem(400, "bad-parameters");
        take_back(&anna, &chat, &message, text).await.expect_problem(400, "bad-parameters");
    }
    let malformed = format!("/v1/chats/{chat}/messages/{message}/reactions/%FF");
    anna.send(Method::PUT, &malformed, None, &[]).await.expect_problem(400, "bad-parameters");
    react(&anna, &chat, &message, &"\u{1f44d}".repeat(500)).await.expect_problem(400, "bad-parameters");
}

#[tokio::test]
async fn a_message_takes_twenty_kinds() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let message = anna.say(&chat, "hello").await;
    let kinds = (0..21).map(|number| char::from_u32(0x1f600 + number).unwrap().to_string()).collect::<Vec<_>>();
    for (number, emoji) in kinds[..20].iter().enumerate() {
        let by = if number % 2 == 0 { &anna } else { &boris };
        react(by, &chat, &message, emoji).await.expect_status(200);
    }
    react(&anna, &chat, &message, &kinds[20]).await.expect_problem(409, "too-many-reactions");
    react(&anna, &chat, &message, &kinds[1]).await.expect_status(200);
    // Erasing somebody makes room: what they alone reacted with is gone.
    boris.send(Method::DELETE, "/v1/me", Some(json!({"password": boris.password()})), &[]).await.expect_status(200);
    let left = seen(&anna, &chat, &message).await;
    assert_eq!(left.as_array().unwrap().len(), 11);
    assert!(left.as_array().unwrap().iter().all(|one| one["count"] == 1 && one["mine"] == true), "{left}");
    let more = react(&anna, &chat, &message, &kinds[20]).await.expect_status(200);
    assert_eq!(more.body["reactions"].as_array().unwrap().len(), 12);
}

#[tokio::test]
async fn who_may_not_post_may_not_react() {
    let app = TestApp::start().await;
    let (anna, boris, stranger) = (app.user("Anna").await, app.user("Boris").await, app.user("Vera").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let message = anna.say(&chat, "hello").await;
    react(&boris, &chat, &message, "\u{1f44d}").await.expect_status(200);
    react(&stranger, &chat, &message, "\u{1f44d}").await.expect_problem(403, "not-a-member");
    let elsewhere = stranger.chat("yard").await;
    react(&stranger, &elsewhere, &message, "\u{1f44d}").await.expect_problem(404, "message-not-found");
    for unknown in [uuid::Uuid::now_v7().to_string(), "1".to_owned()] {
        react(&boris, &chat, &unknown, "\u{1f44d}").await.expect_problem(404, "message-not-found");
        react(&boris, &unknown, &message, "\u{1f44d}").await.expect_problem(404, "chat-not-found");
    }
    let member = format!("/v1/chats/{chat}/users/{}", boris.user_id);
    anna.patch(&member, json!({"role": "muted"})).await.expect_status(200);
    react(&boris, &chat, &message, "\u{2764}").await.expect_problem(403, "muted");
    take_back(&boris, &chat, &message, "\u{1f44d}").await.expect_problem(403, "muted");
    anna.patch(&member, json!({"role": "member"})).await.expect_status(200);
    anna.patch(&format!("/v1/chats/{chat}"), json!({"archived": true})).await.expect_status(200);
    react(&boris, &chat, &message, "\u{2764}").await.expect_problem(409, "chat-archived");
    take_back(&boris, &chat, &message, "\u{1f44d}").await.expect_problem(409, "chat-archived");
    anna.patch(&format!("/v1/chats/{chat}"), json!({"archived": false})).await.expect_status(200);
    anna.delete(&format!("/v1/chats/{chat}/messages/{message}")).await.expect_status(200);
    react(&boris, &chat, &message, "\u{2764}").await.expect_problem(404, "message-not-found");
    take_back(&boris, &chat, &message, "\u{1f44d}").await.expect_problem(404, "message-not-found");
    boris.delete(&member).await.expect_status(200);
    react(&boris, &chat, &message, "\u{2764}").await.expect_problem(403, "not-a-member");
}

#[tokio::test]
async fn a_repeated_reaction_gets_the_first_answer() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let message = anna.say(&chat, "hello").await;
    let put = path(&chat, &message, "\u{1f44d}");
    let keyed = async || anna.send(Method::PUT, &put, None, &[("Idempotency-Key", "one")]).await.expect_status(200);
    let first = keyed().await;
    react(&boris, &chat, &message, "\u{1f44d}").await.expect_status(200);
    let again = keyed().await;
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
    let other = path(&chat, &message, "\u{2764}");
    let other = anna.send(Method::PUT, &other, None, &[("Idempotency-Key", "one")]).await;
    other.expect_problem(422, "idempotency-key-reused");
}

#[tokio::test]
async fn a_reaction_changes_the_tag_of_a_message_and_not_its_version() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let message = anna.say(&chat, "hello").await;
    let one = format!("/v1/chats/{chat}/messages/{message}");
    let before = anna.get(&one).await.header("etag").to_owned();
    react(&anna, &chat, &message, "\u{1f44d}").await.expect_status(200);
    let known = [("If-None-Match", before.as_str())];
    let after = anna.send(Method::GET, &one, None, &known).await.expect_status(200).header("etag").to_owned();
    assert_ne!(after, before);
    anna.send(Method::GET, &one, None, &[("If-None-Match", &after)]).await.expect_status(304);
    let edit = json!({"message": "hello!"});
    anna.send(Method::PATCH, &one, Some(edit), &[("If-Match", &after)]).await.expect_status(200);
}

#[tokio::test]
async fn who_is_erased_takes_reactions_and_messages_along() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let (hers, his) = (anna.say(&chat, "hers").await, boris.say(&chat, "his").await);
    for message in [&hers, &his] {
        react(&anna, &chat, message, "\u{1f44d}").await.expect_status(200);
        react(&boris, &chat, message, "\u{1f44d}").await.expect_status(200);
        react(&boris, &chat, message, "\u{2764}").await.expect_status(200);
    }
    boris.send(Method::DELETE, "/v1/me", Some(json!({"password": boris.password()})), &[]).await.expect_status(200);
    assert_eq!(seen(&anna, &chat, &hers).await, json!([reaction("\u{1f44d}", 1, true)]));
    react(&anna, &chat, &his, "\u{2764}").await.expect_problem(404, "message-not-found");
    let now = react(&anna, &chat, &hers, "\u{1f44d}").await.expect_status(200);
    assert_eq!(now.body["reactions"], json!([reaction("\u{1f44d}", 1, true)]));
}
