//! What a message said before.

use serde_json::{Value, json};
use testkit::{Actor, TestApp};

async fn texts(actor: &Actor, path: &str) -> Vec<Value> {
    let edits = actor.get(path).await.expect_status(200).body["edits"].clone();
    edits.as_array().unwrap().iter().map(|edit| edit["text"].clone()).collect()
}

#[tokio::test]
async fn members_see_every_text_of_a_message() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let message = anna.say(&chat, "one").await;
    let other = anna.say(&chat, "another").await;
    let one = format!("/v1/chats/{chat}/messages/{message}");
    let path = format!("{one}/edits");
    assert_eq!(texts(&boris, &path).await, ["one"]);
    for text in ["two", "two", "  three\n", "one"] {
        anna.patch(&one, json!({"message": text})).await.expect_status(200);
    }
    assert_eq!(texts(&boris, &path).await, ["one", "two", "  three\n", "one"], "what changed nothing is no edit");
    let edits = anna.get(&path).await.body["edits"].clone();
    let shown = anna.get(&one).await.body;
    assert_eq!((&edits[0]["at"], &edits[3]["at"]), (&shown["sent_at"], &shown["edited_at"]));
    assert_eq!(texts(&boris, &format!("/v1/chats/{chat}/messages/{other}/edits")).await, ["another"]);
    let pages = boris.pages(&format!("{path}?limit=3"), "edits").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(pages.concat(), *edits.as_array().unwrap());
    boris.get(&format!("{path}?from=nonsense")).await.expect_problem(400, "bad-cursor");
    boris.get(&format!("{path}?limit=0")).await.expect_problem(400, "bad-parameters");
}

#[tokio::test]
async fn they_are_gone_with_the_message() {
    let app = TestApp::start().await;
    let (anna, boris, stranger) = (app.user("Anna").await, app.user("Boris").await, app.user("Vera").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let (hers, his) = (anna.say(&chat, "hers").await, boris.say(&chat, "his").await);
    let one = |message: &str| format!("/v1/chats/{chat}/messages/{message}");
    let edits = |message: &str| format!("{}/edits", one(message));
    anna.patch(&one(&hers), json!({"message": "hers!"})).await.expect_status(200);
    boris.patch(&one(&his), json!({"message": "his!"})).await.expect_status(200);
    assert_eq!(texts(&anna, &edits(&his)).await, ["his", "his!"]);
    stranger.get(&edits(&hers)).await.expect_problem(403, "not-a-member");
    let yard = stranger.chat("yard").await;
    let foreign = format!("/v1/chats/{yard}/messages/{hers}/edits");
    stranger.get(&foreign).await.expect_problem(404, "message-not-found");
    for unknown in ["1".to_owned(), uuid::Uuid::now_v7().to_string()] {
        anna.get(&edits(&unknown)).await.expect_problem(404, "message-not-found");
        let nowhere = format!("/v1/chats/{unknown}/messages/{hers}/edits");
        anna.get(&nowhere).await.expect_problem(404, "chat-not-found");
    }
    anna.delete(&one(&hers)).await.expect_status(200);
    boris.get(&edits(&hers)).await.expect_problem(404, "message-not-found");
    boris
        .send(reqwest::Method::DELETE, "/v1/me", Some(json!({"password": boris.password()})), &[])
        .await
        .expect_status(200);
    anna.get(&edits(&his)).await.expect_problem(404, "message-not-found");
}

#[tokio::test]
async fn long_texts_come_in_pages() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let message = anna.say(&chat, "one").await;
    let one = format!("/v1/chats/{chat}/messages/{message}");
    for number in 0..45 {
        let text = format!("{number} {}", "ё".repeat(16_000));
        anna.patch(&one, json!({"message": text})).await.expect_status(200);
    }
    let pages = anna.pages(&format!("{one}/edits?limit=1000"), "edits").await;
    assert!(pages.len() > 1, "1.4 MiB are more than a page");
    assert_eq!(pages.concat().len(), 46);
}
