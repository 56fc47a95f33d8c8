//! Chats: creating, finding, renaming, archiving, deleting them.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, TestApp};

async fn private_chat(actor: &Actor, name: &str) -> String {
    let reply = actor.post("/v1/chats", json!({"chat_name": name, "private": true})).await;
    reply.expect_status(201).id("chat_id")
}

async fn listed(actor: &Actor, query: &str) -> Vec<Value> {
    let reply = actor.get(&format!("/v1/chats{query}")).await.expect_status(200);
    reply.body["chats"].as_array().expect("a list of chats").clone()
}

fn names(chats: &[Value]) -> Vec<&str> {
    chats.iter().filter_map(|chat| chat["chat_name"].as_str()).collect()
}

#[tokio::test]
async fn who_creates_a_chat_is_its_owner() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let created = anna.post("/v1/chats", json!({"chat_name": "garden 🌱"})).await.expect_status(201);
    assert_eq!(created.body["position"], created.position());
    let id = created.id("chat_id");
    let chat = anna.get(&format!("/v1/chats/{id}")).await.expect_status(200);
    assert!(!chat.header("etag").is_empty());
    let chat = chat.body;
    assert_eq!((&chat["chat_name"], &chat["role"]), (&json!("garden 🌱"), &json!("owner")));
    assert_eq!((&chat["members"], &chat["private"], &chat["archived"]), (&json!(1), &json!(false), &json!(false)));
    assert_eq!(chat.get("last_message"), None);
    anna.say(&id, "first").await;
    anna.say(&id, "second").await;
    let chat = anna.get(&format!("/v1/chats/{id}")).await.body;
    assert_eq!((&chat["last_message"]["text"], &chat["last_message"]["user_name"]), (&json!("second"), &json!("Anna")));
}

#[tokio::test]
async fn a_chat_needs_a_name_of_one_line() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let id = anna.chat("garden").await;
    for bad in ["", "   ", "two\nlines", "a\u{0}b", &"c".repeat(256)] {
        let body = json!({"chat_name": bad});
        let refused = anna.post("/v1/chats", body.clone()).await.expect_problem(400, "bad-parameters");
        assert_eq!(refused.pointers(), ["/chat_name"], "{bad:?}");
        anna.patch(&format!("/v1/chats/{id}"), body).await.expect_problem(400, "bad-parameters");
    }
    anna.chat(&"я".repeat(255)).await;
    anna.chat("garden").await;
    assert_eq!(names(&listed(&anna, "?name=garden").await), ["garden", "garden"], "names are not unique");
}

#[tokio::test]
async fn an_id_may_come_without_hyphens() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let id = anna.chat("garden").await;
    let message = anna.say(&id, "hello").await;
    let (short, short_message) = (id.replace('-', ""), message.replace('-', ""));
    let chat = anna.get(&format!("/v1/chats/{short}")).await.expect_status(200);
    assert_eq!(chat.body["chat_id"], id, "and is answered with them");
    let path = format!("/v1/chats/{}/messages/{short_message}", short.to_uppercase());
    assert_eq!(anna.get(&path).await.expect_status(200).body["message_id"], message);
    let body = json!({"message": "again", "reply_to": short_message});
    anna.post(&format!("/v1/chats/{short}/messages"), body).await.expect_status(201);
    let boris = app.user("Boris").await;
    let body = json!({"user_id": boris.user_id.replace('-', "")});
    let added = anna.post(&format!("/v1/chats/{short}/users"), body).await.expect_status(201);
    assert_eq!(added.id("user_id"), boris.user_id);
    let path = format!("/v1/chats/{short}/users/{}", boris.user_id.replace('-', ""));
    anna.patch(&path, json!({"role": "admin"})).await.expect_status(200);
    anna.delete(&path).await.expect_status(200);
}

#[tokio::test]
async fn what_is_no_id_names_no_chat() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let unknown = uuid::Uuid::now_v7();
    for id in [unknown.to_string(), "1".to_owned(), format!("{{{unknown}}}"), format!("urn:uuid:{unknown}")] {
        let chat = format!("/v1/chats/{id}");
        anna.get(&chat).await.expect_problem(404, "chat-not-found");
        anna.patch(&chat, json!({"chat_name": "mine"})).await.expect_problem(404, "chat-not-found");
        anna.delete(&chat).await.expect_problem(404, "chat-not-found");
        anna.get(&format!("{chat}/users")).await.expect_problem(404, "chat-not-found");
        anna.post(&format!("{chat}/users"), json!({})).await.expect_problem(404, "chat-not-found");
        anna.get(&format!("{chat}/messages")).await.expect_problem(404, "chat-not-found");
        anna.post(&format!("{chat}/messages"), json!({"message": "x"})).await.expect_problem(404, "chat-not-found");
        anna.delete(&format!("{chat}/messages/{unknown}")).await.expect_problem(404, "chat-not-found");
    }
}

#[tokio::test]
async fn my_chats_and_those_that_anyone_may_join_are_two_lists() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    anna.chat("Garden").await;
    private_chat(&anna, "Gifts").await;
    let kitchen = anna.chat("Kitchen").await;
    boris.join(&kitchen).await;
    boris.say(&kitchen, "soup!").await;

    assert_eq!(names(&listed(&anna, "").await), ["Kitchen", "Gifts", "Garden"]);
    assert_eq!(names(&listed(&anna, "?scope=mine&name=g").await), ["Gifts", "Garden"]);
    assert_eq!(names(&listed(&boris, "?scope=mine").await), ["Kitchen"]);
    let public = listed(&boris, "?scope=public").await;
    assert_eq!(names(&public), ["Kitchen", "Garden"]);
    assert_eq!((&public[0]["role"], &public[0]["members"]), (&json!("member"), &json!(2)));
    assert_eq!(public[0]["last_message"]["text"], "soup!");
    assert_eq!((public[1].get("role"), public[1].get("last_message")), (None, None));
    assert_eq!(names(&listed(&boris, "?scope=public&name=GAR").await), ["Garden"]);
    boris.get("/v1/chats?scope=all").await.expect_problem(400, "bad-parameters");
    app.anonymous().get("/v1/chats").await.expect_problem(401, "auth-failed");
}

#[tokio::test]
async fn a_stranger_does_not_see_what_is_said() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let open = anna.chat("garden").await;
    anna.say(&open, "secret of the roses").await;
    let seen = boris.get(&format!("/v1/chats/{open}")).await.expect_status(200);
    assert_eq!(seen.body["chat_name"], "garden");
    assert!(!seen.text.contains("roses"));
    assert!(!boris.get("/v1/chats?scope=public").await.text.contains("roses"));

    let closed = private_chat(&anna, "gifts").await;
    let refused = boris.get(&format!("/v1/chats/{closed}")).await.expect_problem(403, "not-a-member");
    assert!(!refused.text.contains("gifts"));
}

#[tokio::test]
async fn chats_come_in_pages_newest_first() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    for number in 0..5 {
        anna.chat(&format!("room {number}")).await;
    }
    for scope in ["mine", "public"] {
        let pages = anna.pages(&format!("/v1/chats?scope={scope}&limit=2"), "chats").await;
        let found = pages.iter().flat_map(|page| names(page)).collect::<Vec<_>>();
        assert_eq!(found, ["room 4", "room 3", "room 2", "room 1", "room 0"]);
        assert_eq!(pages.len(), 3);
    }
    let cursor = anna.get("/v1/chats?scope=mine&limit=2").await.next().unwrap();
    for foreign in ["scope=public", "scope=mine&name=room"] {
        anna.get(&format!("/v1/chats?{foreign}&from={cursor}")).await.expect_problem(400, "bad-cursor");
    }
    let boris = app.user("Boris").await;
    boris.get(&format!("/v1/chats?scope=mine&from={cursor}")).await.expect_problem(400, "bad-cursor");
}

#[tokio::test]
async fn owner_and_admins_rename_and_archive() {
    let app = TestApp::start().await;
    let (anna, boris, vera) = (app.user("Anna").await, app.user("Boris").await, app.user("Vera").await);
    let id = anna.chat("garden").await;
    let path = format!("/v1/chats/{id}");
    boris.patch(&path, json!({"chat_name": "mine"})).await.expect_problem(403, "not-a-member");
    boris.join(&id).await;
    boris.patch(&path, json!({"chat_name": "mine"})).await.expect_problem(403, "not-allowed");
    anna.patch(&format!("{path}/users/{}", boris.user_id), json!({"role": "admin"})).await.expect_status(200);
    boris.patch(&path, json!({"chat_name": "yard", "archived": true})).await.expect_status(200);

    let chat = anna.get(&path).await.expect_status(200).body;
    assert_eq!((&chat["chat_name"], &chat["archived"]), (&json!("yard"), &json!(true)));
    let say = json!({"message": "hello"});
    anna.post(&format!("{path}/messages"), say.clone()).await.expect_problem(409, "chat-archived");
    vera.post(&format!("{path}/users"), json!({})).await.expect_problem(409, "chat-archived");
    assert_eq!(listed(&vera, "?scope=public").await, Vec::<Value>::new(), "nobody can join it");
    assert_eq!(names(&listed(&anna, "").await), ["yard"], "and nobody loses it");
    anna.get(&format!("{path}/messages")).await.expect_status(200);

    let head = app.node.log.head().unwrap().position;
    anna.patch(&path, json!({"archived": true, "chat_name": "yard"})).await.expect_status(200);
    anna.patch(&path, json!({})).await.expect_status(200);
    assert_eq!(app.node.log.head().unwrap().position, head, "what changes nothing writes nothing");
    anna.patch(&path, json!({"archived": false})).await.expect_status(200);
    anna.post(&format!("{path}/messages"), say).await.expect_status(201);
}

#[tokio::test]
async fn a_chat_that_was_changed_meanwhile_is_not_overwritten() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let path = format!("/v1/chats/{}", anna.chat("garden").await);
    let tag = anna.get(&path).await.header("etag").to_owned();
    let rename = async |tag: &str, name: &str| {
        let body = json!({"chat_name": name});
        anna.send(Method::PATCH, &path, Some(body), &[("if-match", tag)]).await
    };
    rename(&tag, "yard").await.expect_status(200);
    rename(&tag, "field").await.expect_problem(412, "version-changed");
    let delete = async |tag: &str| anna.send(Method::DELETE, &path, None, &[("if-match", tag)]).await;
    delete(&tag).await.expect_problem(412, "version-changed");
    assert_eq!(anna.get(&path).await.body["chat_name"], "yard");
    let tag = anna.get(&path).await.header("etag").to_owned();
    delete(&tag).await.expect_status(200);
}

#[tokio::test]
async fn the_owner_deletes_a_chat_and_everything_in_it_is_gone() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let id = anna.chat("garden").await;
    boris.join(&id).await;
    let message = anna.say(&id, "hello").await;
    let path = format!("/v1/chats/{id}");
    anna.patch(&format!("{path}/users/{}", boris.user_id), json!({"role": "admin"})).await.expect_status(200);
    boris.delete(&path).await.expect_problem(403, "not-allowed");
    anna.delete(&path).await.expect_status(200);
    for actor in [&anna, &boris] {
        actor.get(&path).await.expect_problem(404, "chat-not-found");
        actor.get(&format!("{path}/messages")).await.expect_problem(404, "chat-not-found");
        actor.get(&format!("{path}/messages/{message}")).await.expect_problem(404, "chat-not-found");
        actor.get(&format!("{path}/users")).await.expect_problem(404, "chat-not-found");
        assert_eq!(listed(actor, "").await, Vec::<Value>::new());
    }
    anna.delete(&path).await.expect_problem(404, "chat-not-found");
    boris.post(&format!("{path}/users"), json!({})).await.expect_problem(404, "chat-not-found");
}
