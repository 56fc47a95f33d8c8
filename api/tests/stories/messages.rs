//! Messages: posting, reading, editing, deleting them.

use reqwest::Method;
use serde_json::json;
use testkit::{Actor, Reply, TestApp};

async fn post(actor: &Actor, chat: &str, text: &str) -> Reply {
    actor.post(&format!("/v1/chats/{chat}/messages"), json!({"message": text})).await
}

async fn texts(actor: &Actor, chat: &str) -> Vec<String> {
    actor.get(&format!("/v1/chats/{chat}/messages")).await.expect_status(200).texts()
}

#[tokio::test]
async fn the_author_is_always_the_sessions_user() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let messages = format!("/v1/chats/{chat}/messages");
    let body = || json!({"message": "hello"});
    for other in [anna.user_id.as_str(), "Anna", "", "1"] {
        boris.post(&format!("{messages}?user_id={other}"), body()).await.expect_problem(403, "not-you");
    }
    let own = boris.user_id.clone();
    for same in [own.clone(), own.replace('-', ""), own.to_uppercase()] {
        boris.post(&format!("{messages}?user_id={same}"), body()).await.expect_status(201);
    }
    let page = anna.get(&messages).await.expect_status(200).body;
    let authors = page["messages"].as_array().unwrap().iter().map(|message| message["user_id"].as_str().unwrap());
    assert_eq!(authors.collect::<Vec<_>>(), [&own; 3]);
}

#[tokio::test]
async fn only_members_post_and_read() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    let message = anna.say(&chat, "hello").await;
    let path = format!("/v1/chats/{chat}/messages");
    post(&boris, &chat, "hello").await.expect_problem(403, "not-a-member");
    boris.get(&path).await.expect_problem(403, "not-a-member");
    for id in [message.as_str(), &uuid::Uuid::now_v7().to_string(), "1"] {
        boris.get(&format!("{path}/{id}")).await.expect_problem(403, "not-a-member");
    }
    for id in [message, uuid::Uuid::now_v7().to_string()] {
        // Who is not in the chat does not learn which messages are.
        let edit = json!({"message": "mine"});
        boris.patch(&format!("{path}/{id}"), edit).await.expect_problem(403, "not-a-member");
        boris.delete(&format!("{path}/{id}")).await.expect_problem(403, "not-a-member");
    }
    assert_eq!(texts(&anna, &chat).await, ["hello"]);
}

#[tokio::test]
async fn a_text_is_kept_as_it_was_typed() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let typed = [
        "  \n untrimmed \t\r\n",
        " ",
        "\u{202e}\u{200b}\u{feff}",
        "<script>alert('1')</script> & \"quotes\" \\",
        "'; drop table message; --",
        "👩‍👩‍👧‍👦 ё e\u{308} \u{1}\u{7f}\u{10ffff}",
        "%00 \\u0000 null",
    ];
    for text in typed {
        post(&anna, &chat, text).await.expect_status(201);
    }
    assert_eq!(texts(&anna, &chat).await, typed);
}

#[tokio::test]
async fn a_text_has_limits() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let long = "a".repeat(16_384);
    let wide = "я".repeat(16_384);
    assert_eq!(wide.len(), 32 * 1024);
    post(&anna, &chat, &long).await.expect_status(201);
    post(&anna, &chat, &wide).await.expect_status(201);
    let too_wide = format!("{}名", "я".repeat(16_383));
    for bad in ["", "a\u{0}b", &"a".repeat(16_385), &too_wide, &"🦀".repeat(16_384)] {
        let refused = post(&anna, &chat, bad).await.expect_problem(400, "bad-parameters");
        assert_eq!(refused.pointers(), ["/message"]);
        assert!(refused.text.len() < 1_000, "the text is not repeated");
    }
    let message = anna.say(&chat, "short").await;
    let path = format!("/v1/chats/{chat}/messages/{message}");
    for bad in ["", "a\u{0}b", &"a".repeat(16_385)] {
        anna.patch(&path, json!({"message": bad})).await.expect_problem(400, "bad-parameters");
    }
    anna.patch(&path, json!({"message": wide})).await.expect_status(200);
    assert_eq!(texts(&anna, &chat).await, [long, wide.clone(), wide]);

    // The longest text, every character escaped, is still within the limit of a body.
    let escaped = format!("{{\"message\":\"{}\"}}", "\\u0061".repeat(16_384));
    let headers = [("content-type", "application/json")];
    let posted = anna.raw(Method::POST, &format!("/v1/chats/{chat}/messages"), Some(escaped), &headers).await;
    posted.expect_status(201);
}

#[tokio::test]
async fn a_message_answers_another_of_its_chat() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (chat, other) = (anna.chat("garden").await, anna.chat("kitchen").await);
    let question = anna.say(&chat, "who?").await;
    let elsewhere = anna.say(&other, "here").await;
    let path = format!("/v1/chats/{chat}/messages");
    let answer = async |to: &str| anna.post(&path, json!({"message": "me", "reply_to": to})).await;
    let id = answer(&question).await.expect_status(201).id("message_id");
    assert_eq!(anna.get(&format!("{path}/{id}")).await.body["reply_to"], question);
    answer(&elsewhere).await.expect_problem(404, "message-not-found");
    answer(&uuid::Uuid::now_v7().to_string()).await.expect_problem(404, "message-not-found");
    assert_eq!(answer("who?").await.expect_problem(400, "bad-parameters").pointers(), ["/reply_to"]);
    anna.delete(&format!("{path}/{question}")).await.expect_status(200);
    answer(&question).await.expect_problem(404, "message-not-found");
    assert_eq!(anna.get(&format!("{path}/{id}")).await.expect_status(200).body["reply_to"], question);
}

#[tokio::test]
async fn the_author_edits_and_nobody_else() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let id = boris.say(&chat, "helo").await;
    let path = format!("/v1/chats/{chat}/messages/{id}");
    assert_eq!(boris.get(&path).await.body.get("edited_at"), None);
    anna.patch(&path, json!({"message": "mine"})).await.expect_problem(403, "not-allowed");
    let edited = boris.patch(&path, json!({"message": "hello"})).await.expect_status(200);
    assert_eq!((edited.id("message_id"), &edited.body["position"]), (id, &json!(edited.position())));
    let message = anna.get(&path).await.expect_status(200).body;
    assert_eq!(message["text"], "hello");
    assert!(message["edited_at"].as_str() > message["sent_at"].as_str());

    let head = app.node.log.head().unwrap().position;
    boris.patch(&path, json!({"message": "hello"})).await.expect_status(200);
    assert_eq!(app.node.log.head().unwrap().position, head, "the same text again writes nothing");
    let wrong_chat =
        format!("/v1/chats/{}/messages/{}", boris.chat("b").await, message["message_id"].as_str().unwrap());
    boris.get(&wrong_chat).await.expect_problem(404, "message-not-found");
    boris.patch(&wrong_chat, json!({"message": "x"})).await.expect_problem(404, "message-not-found");
    boris.delete(&wrong_chat).await.expect_problem(404, "message-not-found");
}

#[tokio::test]
async fn an_edit_on_an_old_version_is_refused() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let path = format!("/v1/chats/{chat}/messages/{}", anna.say(&chat, "one").await);
    let tag = anna.get(&path).await.header("etag").to_owned();
    let edit =
        async |text: &str| anna.send(Method::PATCH, &path, Some(json!({"message": text})), &[("if-match", &tag)]).await;
    edit("two").await.expect_status(200);
    edit("three").await.expect_problem(412, "version-changed");
    let delete = anna.send(Method::DELETE, &path, None, &[("if-match", &tag)]).await;
    delete.expect_problem(412, "version-changed");
    let message = anna.get(&path).await.expect_status(200);
    assert_eq!(message.body["text"], "two");
    assert_ne!(message.header("etag"), tag);
}

#[tokio::test]
async fn author_admin_and_owner_delete_and_what_is_deleted_is_gone() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let (vera, gleb) = (app.user("Vera").await, app.user("Gleb").await);
    let chat = anna.chat("garden").await;
    for one in [&boris, &vera, &gleb] {
        one.join(&chat).await;
    }
    let role = json!({"role": "admin"});
    anna.patch(&format!("/v1/chats/{chat}/users/{}", gleb.user_id), role).await.expect_status(200);
    let mut ids = Vec::new();
    for text in ["by the author", "by an admin", "by the owner", "stays"] {
        ids.push(boris.say(&chat, text).await);
    }
    let path = |id: &str| format!("/v1/chats/{chat}/messages/{id}");
    vera.delete(&path(&ids[0])).await.expect_problem(403, "not-allowed");
    for (actor, id) in [&boris, &gleb, &anna].into_iter().zip(&ids) {
        let deleted = actor.delete(&path(id)).await.expect_status(200);
        assert_eq!(deleted.body["position"], deleted.position());
        for reader in [&anna, &boris] {
            reader.get(&path(id)).await.expect_problem(404, "message-not-found");
        }
        boris.patch(&path(id), json!({"message": "again"})).await.expect_problem(404, "message-not-found");
        boris.delete(&path(id)).await.expect_status(200);
    }
    assert_eq!(texts(&vera, &chat).await, ["stays"]);
    let app = app.restart().await;
    assert_eq!(texts(&app.again(&vera), &chat).await, ["stays"]);
}

#[tokio::test]
async fn a_message_of_an_archived_chat_is_not_edited_but_can_be_deleted() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let path = format!("/v1/chats/{chat}/messages/{}", anna.say(&chat, "one").await);
    anna.patch(&format!("/v1/chats/{chat}"), json!({"archived": true})).await.expect_status(200);
    anna.patch(&path, json!({"message": "two"})).await.expect_problem(409, "chat-archived");
    anna.delete(&path).await.expect_status(200);
    assert_eq!(texts(&anna, &chat).await, Vec::<String>::new());
}
