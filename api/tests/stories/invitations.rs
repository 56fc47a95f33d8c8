//! Invitations into a chat.

use projections::ProjectionId;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};

async fn invite(actor: &Actor, chat: &str, body: Value) -> Reply {
    actor.post(&format!("/v1/chats/{chat}/invitations"), body).await
}

async fn join(actor: &Actor, code: &str) -> Reply {
    actor.post(&format!("/v1/invitations/{code}"), json!({})).await
}

async fn open(actor: &Actor, chat: &str) -> Vec<Value> {
    let reply = actor.get(&format!("/v1/chats/{chat}/invitations")).await.expect_status(200);
    reply.body["invitations"].as_array().unwrap().clone()
}

async fn private(actor: &Actor) -> String {
    let reply = actor.post("/v1/chats", json!({"chat_name": "gifts", "private": true})).await;
    reply.expect_status(201).id("chat_id")
}

fn assert_verified(app: &TestApp) {
    let found = app.node.projections.verify(ProjectionId::Chats, &mut |_| {}).unwrap();
    assert_eq!(found.differences, vec![]);
}

#[tokio::test]
async fn whoever_has_the_code_comes_in() {
    let app = TestApp::start().await;
    let (anna, boris, vera) = (app.user("Anna").await, app.user("Boris").await, app.user("Vera").await);
    let chat = private(&anna).await;
    let made = invite(&anna, &chat, json!({"expires_in": 3600, "uses_max": 2})).await.expect_status(201);
    let code = made.id("code");
    assert!(made.id("url").ends_with(&format!("/i/{code}")) && made.body["expires_at"].is_string());
    assert_eq!(made.body["position"], made.position());
    boris.post(&format!("/v1/chats/{chat}/users"), json!({})).await.expect_problem(403, "not-invited");
    let joined = join(&boris, &code).await.expect_status(201);
    assert_eq!((joined.id("user_id"), joined.id("chat_id")), (boris.user_id.clone(), chat.clone()));
    assert_eq!(join(&boris, &code).await.expect_status(200).id("user_id"), boris.user_id);
    let listed = open(&anna, &chat).await;
    assert_eq!((&listed[0]["code"], &listed[0]["url"]), (&json!(code), &made.body["url"]));
    assert_eq!((&listed[0]["uses"], &listed[0]["uses_max"]), (&json!(1), &json!(2)));
    assert_eq!((&listed[0]["by"], &listed[0]["by_name"]), (&json!(anna.user_id), &json!("Anna")));
    boris.say(&chat, "hello").await;

    let body = json!({"user_name": "V"});
    vera.post(&format!("/v1/invitations/{code}"), body).await.expect_status(201);
    let users = anna.get(&format!("/v1/chats/{chat}/users")).await.body;
    assert_eq!((&users["users"][2]["user_name"], &users["users"][2]["role"]), (&json!("V"), &json!("member")));
    assert!(open(&anna, &chat).await.is_empty(), "it is used up");
    join(&app.user("Gleb").await, &code).await.expect_problem(410, "invitation-expired");
    join(&boris, &code).await.expect_status(200);
    assert_verified(&app);
}

#[tokio::test]
async fn a_code_is_kept_nowhere() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let code = invite(&anna, &chat, json!({})).await.id("code");
    let boris = app.user("Boris").await;
    join(&boris, &code).await.expect_status(201);
    let data = app.stop().await;
    let mut searched = 0;
    let mut folders = vec![data.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                let bytes = std::fs::read(&path).unwrap();
                searched += bytes.len();
                let held = bytes.windows(code.len()).any(|part| part == code.as_bytes());
                assert!(!held, "{}", path.display());
            }
        }
    }
    assert!(searched > 10_000);
}

#[tokio::test]
async fn of_two_at_once_one_gets_the_last_place() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = private(&anna).await;
    let code = invite(&anna, &chat, json!({"uses_max": 1})).await.id("code");
    let mut guests = tokio::task::JoinSet::new();
    for number in 0..10 {
        let (guest, code) = (app.user(&format!("guest {number}")).await, code.clone());
        guests.spawn(async move { join(&guest, &code).await });
    }
    let replies = guests.join_all().await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    assert_eq!(replies.iter().filter(|reply| reply.body["code"] == "invitation-expired").count(), 9);
    assert_eq!(anna.get(&format!("/v1/chats/{chat}")).await.body["members"], 2);
}

#[tokio::test]
async fn it_is_withdrawn_and_ends_with_its_chat() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = private(&anna).await;
    let first = invite(&anna, &chat, json!({})).await;
    let second = invite(&anna, &chat, json!({})).await;
    assert_ne!(first.id("code"), second.id("code"));
    let path = format!("/v1/chats/{chat}/invitations/{}", first.id("invitation_id"));
    boris.delete(&path).await.expect_problem(403, "not-a-member");
    let elsewhere = anna.chat("garden").await;
    let foreign = path.replace(&chat, &elsewhere);
    anna.delete(&foreign).await.expect_problem(404, "invitation-not-found");
    anna.delete(&path).await.expect_status(200);
    anna.delete(&path).await.expect_problem(404, "invitation-not-found");
    anna.delete(&format!("/v1/chats/{chat}/invitations/x")).await.expect_problem(404, "invitation-not-found");
    join(&boris, &first.id("code")).await.expect_problem(410, "invitation-expired");
    assert_eq!(open(&anna, &chat).await.len(), 1);

    anna.patch(&format!("/v1/chats/{chat}"), json!({"archived": true})).await.expect_status(200);
    join(&boris, &second.id("code")).await.expect_problem(409, "chat-archived");
    invite(&anna, &chat, json!({})).await.expect_problem(409, "chat-archived");
    anna.delete(&format!("/v1/chats/{chat}")).await.expect_status(200);
    join(&boris, &second.id("code")).await.expect_problem(410, "invitation-expired");
    assert_verified(&app);
}

#[tokio::test]
async fn what_is_no_code_leads_nowhere() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let code = invite(&anna, &chat, json!({})).await.id("code");
    let boris = app.user("Boris").await;
    for bad in ["x", &code[1..], &format!("{code}A"), &"A".repeat(64)] {
        join(&boris, bad).await.expect_problem(404, "invitation-not-found");
    }
    for (bad, field) in [
        (json!({"expires_in": 59}), "/expires_in"),
        (json!({"expires_in": 31_536_001}), "/expires_in"),
        (json!({"uses_max": 0}), "/uses_max"),
        (json!({"uses_max": 1_000_001}), "/uses_max"),
        (json!({"uses_max": -1}), "/uses_max"),
        (json!({"for": "boris"}), "/for"),
    ] {
        let refused = invite(&anna, &chat, bad).await.expect_problem(400, "bad-parameters");
        assert_eq!(refused.pointers(), [field]);
    }
    let bad_name = json!({"user_name": "\n"});
    boris.post(&format!("/v1/invitations/{code}"), bad_name).await.expect_problem(400, "bad-parameters");
    let taken = json!({"user_name": "Anna"});
    boris.post(&format!("/v1/invitations/{code}"), taken).await.expect_problem(409, "name-taken");
    // Bodies may be left out.
    let path = format!("/v1/chats/{chat}/invitations");
    anna.send(Method::POST, &path, None, &[]).await.expect_status(201);
    boris.send(Method::POST, &format!("/v1/invitations/{code}"), None, &[]).await.expect_status(201);
    boris.raw(Method::POST, &path, Some("{}".to_owned()), &[]).await.expect_problem(415, "unsupported-media-type");
}

#[tokio::test]
async fn so_many_are_open_at_once() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    for _ in 0..domain::chat::INVITATIONS_MAX {
        invite(&anna, &chat, json!({})).await.expect_status(201);
    }
    invite(&anna, &chat, json!({})).await.expect_problem(409, "too-many-invitations");
    let pages = anna.pages(&format!("/v1/chats/{chat}/invitations?limit=40"), "invitations").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [40, 40, 20]);
}

#[tokio::test]
async fn a_repeat_with_its_key_gets_the_same_code() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let path = format!("/v1/chats/{chat}/invitations");
    let key = [("idempotency-key", "once")];
    let first = anna.send(Method::POST, &path, Some(json!({})), &key).await.expect_status(201);
    let again = anna.send(Method::POST, &path, Some(json!({})), &key).await.expect_status(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.body, first.body);
    assert_eq!(open(&anna, &chat).await.len(), 1);
}

#[tokio::test]
async fn a_page_shows_where_it_leads() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.post("/v1/chats", json!({"chat_name": "<garden>", "private": true})).await.id("chat_id");
    let made = invite(&anna, &chat, json!({})).await;
    let code = made.id("code");
    let nobody = app.anonymous();
    let page = nobody.get(&format!("/i/{code}")).await.expect_status(200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.text.contains("&lt;garden&gt;") && page.text.contains(&code), "{}", page.text);
    nobody.get("/i/nonsense").await.expect_problem(404, "invitation-not-found");
    let path = format!("/v1/chats/{chat}/invitations/{}", made.id("invitation_id"));
    anna.delete(&path).await.expect_status(200);
    nobody.get(&format!("/i/{code}")).await.expect_problem(410, "invitation-expired");
}
