//! Being told of what was said to one and stayed unread.

use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Actor, TestApp};

/// Asks until the answer is there.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..400 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("waited in vain until {what}");
}

/// What they were told of messages, the newest first.
async fn told(actor: &Actor, count: usize) -> Vec<Value> {
    until("the inbox has it", async || {
        let items = actor.get("/v1/inbox").await.expect_status(200).body["items"].clone();
        let of_messages = |item: &&Value| item["category"] == "messages";
        let items = items.as_array()?.iter().filter(of_messages).cloned().collect::<Vec<_>>();
        (items.len() >= count).then_some(items)
    })
    .await
}

#[tokio::test]
async fn a_name_an_answer_and_a_direct_message_are_told() {
    let app = TestApp::start_telling_of_unread().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = boris.chat("garden").await;
    anna.join(&chat).await;
    boris.say(&chat, "nobody is called here, not even x@anna").await;
    boris.say(&chat, "are you there, @anna?").await;
    let first = told(&anna, 1).await;
    assert!(first[0]["text"].as_str().unwrap().contains("Boris: are you there, @anna?"), "{}", first[0]);
    let hers = anna.say(&chat, "yes, @Anna is").await;
    let body = json!({"message": "good", "reply_to": hers});
    boris.post(&format!("/v1/chats/{chat}/messages"), body).await.expect_status(201);
    let second = told(&anna, 2).await;
    assert_eq!((second.len(), &second[1]), (2, &first[0]), "each is told once, and one's own name by oneself never");
    assert!(second[0]["text"].as_str().unwrap().contains("Boris: good"), "{}", second[0]);
    let direct = boris.send(Method::PUT, &format!("/v1/direct/{}", anna.user_id), None, &[]).await.id("chat_id");
    boris.say(&direct, "between us").await;
    let third = told(&anna, 3).await;
    assert!(third[0]["text"].as_str().unwrap().contains("Boris: between us"), "{}", third[0]);
    assert_eq!(told(&boris, 0).await, [Value::Null; 0]);
    let chats = projections::ProjectionId::Chats;
    assert_eq!(app.node.projections.verify(chats, &mut |_| {}).unwrap().differences, vec![]);
}

#[tokio::test]
async fn what_is_read_or_hidden_or_gone_by_then_is_not_told() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = boris.chat("garden").await;
    anna.join(&chat).await;
    let read = boris.say(&chat, "@anna one").await;
    anna.put(&format!("/v1/chats/{chat}/read"), json!({"message_id": read})).await.expect_status(200);
    let hidden = boris.say(&chat, "@anna two").await;
    let report = anna.post(&format!("/v1/chats/{chat}/messages/{hidden}/reports"), json!({"reason": "spam"})).await;
    let resolve = format!("/v1/reports/{}/resolve", report.expect_status(201).id("report_id"));
    boris.post(&resolve, json!({"action": "hide"})).await.expect_status(200);
    let deleted = boris.say(&chat, "@anna three").await;
    boris.delete(&format!("/v1/chats/{chat}/messages/{deleted}")).await.expect_status(200);
    boris.say(&chat, "@anna four").await;
    let app = app.restart_telling_of_unread().await;
    let told = told(&app.again(&anna), 1).await;
    let text = told[0]["text"].as_str().unwrap();
    assert!(text.contains("@anna four"), "{text}");
    for kept in ["one", "two", "three"] {
        assert!(!text.contains(kept), "{kept}: {text}");
    }
}
