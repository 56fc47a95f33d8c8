//! A chat's members: joining, adding, roles, leaving, removing.

use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};

async fn members(actor: &Actor, chat: &str) -> Vec<Value> {
    let reply = actor.get(&format!("/v1/chats/{chat}/users")).await.expect_status(200);
    reply.body["users"].as_array().expect("a list of members").clone()
}

/// Who is in it, with their role.
async fn roles(actor: &Actor, chat: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    members(actor, chat).await.iter().map(|one| (text(&one["user_name"]), text(&one["role"]))).collect()
}

async fn enter(actor: &Actor, chat: &str, body: Value) -> Reply {
    actor.post(&format!("/v1/chats/{chat}/users"), body).await
}

async fn set_role(actor: &Actor, chat: &str, whom: &Actor, role: &str) -> Reply {
    actor.patch(&format!("/v1/chats/{chat}/users/{}", whom.user_id), json!({"role": role})).await
}

async fn remove(actor: &Actor, chat: &str, whom: &Actor) -> Reply {
    actor.delete(&format!("/v1/chats/{chat}/users/{}", whom.user_id)).await
}

async fn say(actor: &Actor, chat: &str) -> Reply {
    actor.post(&format!("/v1/chats/{chat}/messages"), json!({"message": "hello"})).await
}

fn pairs(roles: &[(String, String)]) -> Vec<(&str, &str)> {
    roles.iter().map(|(name, role)| (name.as_str(), role.as_str())).collect()
}

#[tokio::test]
async fn anyone_joins_an_open_chat_once() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    let joined = enter(&boris, &chat, json!({})).await.expect_status(201);
    assert_eq!(joined.id("user_id"), boris.user_id);
    assert_eq!(joined.body["position"], joined.position());
    let head = app.node.log.head().unwrap().position;
    for body in [json!({}), json!({"user_name": "Boris"}), json!({"user_id": boris.user_id})] {
        let again = enter(&boris, &chat, body).await.expect_status(200);
        assert_eq!(again.id("user_id"), boris.user_id);
    }
    assert_eq!(app.node.log.head().unwrap().position, head);

    let all = members(&boris, &chat).await;
    assert_eq!(pairs(&roles(&boris, &chat).await), [("Anna", "owner"), ("Boris", "member")]);
    assert_eq!((&all[1]["user_id"], all[1].as_object().unwrap().len()), (&json!(boris.user_id), 5));
    assert!(all[0]["joined_at"].as_str() <= all[1]["joined_at"].as_str());
}

#[tokio::test]
async fn a_nickname_stands_on_messages_and_members_and_the_account_keeps_its_name() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    enter(&boris, &chat, json!({"user_name": "[bob] ✿"})).await.expect_status(201);
    boris.say(&chat, "hello").await;
    let page = anna.get(&format!("/v1/chats/{chat}/messages")).await.body;
    let message = &page["messages"][0];
    assert_eq!((&message["user_name"], &message["user_id"]), (&json!("[bob] ✿"), &json!(boris.user_id)));
    assert_eq!(pairs(&roles(&anna, &chat).await)[1].0, "[bob] ✿");
    assert_eq!(boris.get("/v1/me").await.body["user_name"], "Boris");

    for bad in ["", "  ", "a\nb", &"x".repeat(65)] {
        let refused = enter(&app.user(&format!("u{}", bad.len())).await, &chat, json!({"user_name": bad})).await;
        assert_eq!(refused.expect_problem(400, "bad-parameters").pointers(), ["/user_name"], "{bad:?}");
    }
}

#[tokio::test]
async fn a_private_chat_is_only_for_who_was_added() {
    let app = TestApp::start().await;
    let (anna, boris, vera) = (app.user("Anna").await, app.user("Boris").await, app.user("Vera").await);
    let chat = anna.post("/v1/chats", json!({"chat_name": "gifts", "private": true})).await.id("chat_id");
    enter(&boris, &chat, json!({})).await.expect_problem(403, "not-invited");
    enter(&boris, &chat, json!({"user_name": "Bob"})).await.expect_problem(403, "not-invited");
    enter(&boris, &chat, json!({"user_id": vera.user_id})).await.expect_problem(403, "not-a-member");
    say(&boris, &chat).await.expect_problem(403, "not-a-member");
    for list in ["users", "messages"] {
        boris.get(&format!("/v1/chats/{chat}/{list}")).await.expect_problem(403, "not-a-member");
    }

    let added = enter(&anna, &chat, json!({"user_id": boris.user_id})).await.expect_status(201);
    assert_eq!(added.id("user_id"), boris.user_id);
    say(&boris, &chat).await.expect_status(201);
    enter(&boris, &chat, json!({"user_id": vera.user_id})).await.expect_problem(403, "not-allowed");
    enter(&anna, &chat, json!({"user_id": boris.user_id})).await.expect_status(200);
    remove(&boris, &chat, &boris).await.expect_status(200);
    enter(&boris, &chat, json!({})).await.expect_problem(403, "not-invited");
}

#[tokio::test]
async fn only_somebody_who_exists_can_be_added() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let boris = app.user("Boris").await;
    let chat = anna.chat("garden").await;
    let unknown = json!({"user_id": uuid::Uuid::now_v7().to_string()});
    enter(&anna, &chat, unknown).await.expect_problem(404, "user-not-found");
    let refused = enter(&anna, &chat, json!({"user_id": "boris"})).await.expect_problem(400, "bad-parameters");
    assert_eq!(refused.pointers(), ["/user_id"]);
    let both = json!({"user_id": boris.user_id, "user_name": "Bob"});
    enter(&anna, &chat, both).await.expect_problem(400, "bad-parameters");
    assert_eq!(members(&anna, &chat).await.len(), 1);
}

#[tokio::test]
async fn who_is_muted_reads_and_does_not_write_also_after_coming_back() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let message = boris.say(&chat, "before").await;
    set_role(&anna, &chat, &boris, "muted").await.expect_status(200);
    say(&boris, &chat).await.expect_problem(403, "muted");
    let path = format!("/v1/chats/{chat}/messages/{message}");
    boris.patch(&path, json!({"message": "edited"})).await.expect_problem(403, "muted");
    assert_eq!(boris.get(&format!("/v1/chats/{chat}/messages")).await.expect_status(200).texts(), ["before"]);
    assert_eq!(boris.get(&format!("/v1/chats/{chat}")).await.body["role"], "muted");

    remove(&boris, &chat, &boris).await.expect_status(200);
    enter(&boris, &chat, json!({})).await.expect_status(201);
    say(&boris, &chat).await.expect_problem(403, "muted");
    set_role(&anna, &chat, &boris, "member").await.expect_status(200);
    say(&boris, &chat).await.expect_status(201);
}

#[tokio::test]
async fn an_admin_leads_members_but_neither_admins_nor_the_owner() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let (vera, gleb) = (app.user("Vera").await, app.user("Gleb").await);
    let chat = anna.chat("garden").await;
    for one in [&boris, &vera, &gleb] {
        one.join(&chat).await;
    }
    set_role(&boris, &chat, &vera, "muted").await.expect_problem(403, "not-allowed");
    remove(&boris, &chat, &vera).await.expect_problem(403, "not-allowed");
    set_role(&anna, &chat, &boris, "admin").await.expect_status(200);
    set_role(&anna, &chat, &gleb, "admin").await.expect_status(200);

    set_role(&boris, &chat, &vera, "muted").await.expect_status(200);
    set_role(&boris, &chat, &vera, "admin").await.expect_problem(403, "not-allowed");
    for role in ["member", "muted", "owner"] {
        set_role(&boris, &chat, &gleb, role).await.expect_problem(403, "not-allowed");
        set_role(&boris, &chat, &anna, role).await.expect_problem(403, "not-allowed");
    }
    remove(&boris, &chat, &gleb).await.expect_problem(403, "not-allowed");
    remove(&boris, &chat, &anna).await.expect_problem(403, "not-allowed");
    remove(&boris, &chat, &vera).await.expect_status(200);
    remove(&boris, &chat, &vera).await.expect_problem(404, "member-not-found");
    let now = roles(&anna, &chat).await;
    assert_eq!(pairs(&now), [("Anna", "owner"), ("Boris", "admin"), ("Gleb", "admin")]);
}

#[tokio::test]
async fn a_role_is_one_of_four_and_is_given_to_a_member() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    set_role(&anna, &chat, &boris, "admin").await.expect_problem(404, "member-not-found");
    boris.join(&chat).await;
    for bad in ["king", "", "Owner"] {
        let refused = set_role(&anna, &chat, &boris, bad).await.expect_problem(400, "bad-parameters");
        assert_eq!(refused.pointers(), ["/role"]);
    }
    let nobody = format!("/v1/chats/{chat}/users/nobody");
    anna.patch(&nobody, json!({"role": "admin"})).await.expect_problem(404, "user-not-found");
    let head = app.node.log.head().unwrap().position;
    set_role(&anna, &chat, &boris, "member").await.expect_status(200);
    assert_eq!(app.node.log.head().unwrap().position, head, "the same role again writes nothing");
}

#[tokio::test]
async fn an_owner_hands_the_chat_over_before_he_leaves() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    remove(&anna, &chat, &anna).await.expect_problem(409, "owner-must-hand-over");
    set_role(&anna, &chat, &anna, "member").await.expect_problem(403, "not-allowed");
    let handed = set_role(&anna, &chat, &boris, "owner").await.expect_status(200);
    assert_eq!(handed.id("user_id"), boris.user_id);
    assert_eq!(pairs(&roles(&anna, &chat).await), [("Anna", "admin"), ("Boris", "owner")]);
    remove(&anna, &chat, &anna).await.expect_status(200);
    anna.get(&format!("/v1/chats/{chat}/messages")).await.expect_problem(403, "not-a-member");
    boris.delete(&format!("/v1/chats/{chat}")).await.expect_status(200);
}

#[tokio::test]
async fn who_leaves_reads_no_more_and_his_messages_keep_his_name() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    enter(&boris, &chat, json!({"user_name": "Bob"})).await.expect_status(201);
    boris.say(&chat, "bye").await;
    remove(&boris, &chat, &boris).await.expect_status(200);
    remove(&boris, &chat, &boris).await.expect_problem(403, "not-a-member");
    boris.get(&format!("/v1/chats/{chat}/messages")).await.expect_problem(403, "not-a-member");
    let page = anna.get(&format!("/v1/chats/{chat}/messages")).await.body;
    assert_eq!(page["messages"][0]["user_name"], "Bob");
    assert_eq!(anna.get(&format!("/v1/chats/{chat}")).await.body["members"], 1);
    boris.join(&chat).await;
    assert_eq!(members(&boris, &chat).await.len(), 2);
}

#[tokio::test]
async fn members_come_in_pages_in_the_order_in_which_they_came() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let mut expected = vec![anna.user_id.clone()];
    for number in 0..4 {
        let guest = app.user(&format!("guest {number}")).await;
        guest.join(&chat).await;
        expected.push(guest.user_id);
    }
    let pages = anna.pages(&format!("/v1/chats/{chat}/users?limit=2"), "users").await;
    let ids = pages.iter().flatten().map(|member| member["user_id"].as_str().unwrap());
    assert_eq!(ids.collect::<Vec<_>>(), expected);
    let cursor = anna.get(&format!("/v1/chats/{chat}/users?limit=2")).await.next().unwrap();
    let other = anna.chat("kitchen").await;
    for foreign in [format!("{other}/users"), format!("{chat}/messages")] {
        anna.get(&format!("/v1/chats/{foreign}?from={cursor}")).await.expect_problem(400, "bad-cursor");
    }
}

#[tokio::test]
async fn nobody_is_called_as_somebody_else_is() {
    let app = TestApp::start().await;
    let (anna, boris, vera) = (app.user("Anna").await, app.user("Boris").await, app.user("Vera").await);
    let (chat, other) = (anna.chat("garden").await, anna.chat("kitchen").await);
    enter(&boris, &chat, json!({"user_name": "Bob"})).await.expect_status(201);
    // Another member's nickname, however it is written; and the names of accounts, in the chat or not.
    for taken in ["Bob", "BOB", " bob ", "Ｂｏｂ", "Anna", "aNNa", "BORIS"] {
        enter(&vera, &chat, json!({"user_name": taken})).await.expect_problem(409, "name-taken");
    }
    enter(&vera, &other, json!({"user_name": "Boris"})).await.expect_problem(409, "name-taken");
    enter(&vera, &other, json!({"user_name": "Bob"})).await.expect_status(201);
    enter(&vera, &chat, json!({})).await.expect_status(201);

    let path = |of: &Actor| format!("/v1/chats/{chat}/users/{}", of.user_id);
    vera.patch(&path(&vera), json!({"user_name": "bob"})).await.expect_problem(409, "name-taken");
    anna.patch(&path(&vera), json!({"user_name": "Verochka"})).await.expect_problem(403, "not-you");
    for bad in [json!({}), json!({"role": "muted", "user_name": "V"}), json!({"user_name": "¨x"})] {
        vera.patch(&path(&vera), bad).await.expect_problem(400, "bad-parameters");
    }
    vera.say(&chat, "hello").await;
    vera.patch(&path(&vera), json!({"user_name": "Verochka"})).await.expect_status(200);
    assert_eq!(pairs(&roles(&anna, &chat).await)[2].0, "Verochka");
    let page = anna.get(&format!("/v1/chats/{chat}/messages")).await.body;
    assert_eq!(page["messages"][0]["user_name"], "Verochka");
    // Joining again under another name is that name from now on, and never silently the old one.
    enter(&vera, &chat, json!({"user_name": "V"})).await.expect_status(200);
    assert_eq!(pairs(&roles(&anna, &chat).await)[2].0, "V");
    enter(&vera, &chat, json!({"user_name": "Bob"})).await.expect_problem(409, "name-taken");
    boris.patch(&path(&boris), json!({"user_name": "Boris"})).await.expect_status(200);
    vera.patch(&path(&vera), json!({"user_name": "Bob"})).await.expect_status(200);
    for name in
        [projections::ProjectionId::Chats, projections::ProjectionId::Messages, projections::ProjectionId::Search]
    {
        assert_eq!(app.node.projections.verify(name, &mut |_| {}).unwrap().differences, vec![], "{name}");
    }
}

#[tokio::test]
async fn of_many_who_want_a_nickname_at_once_one_gets_it() {
    let app = TestApp::start().await;
    let chat = app.user("Anna").await.chat("garden").await;
    let mut guests = Vec::new();
    for number in 0..12 {
        guests.push(app.user(&format!("guest {number}")).await);
    }
    let mut wanted = tokio::task::JoinSet::new();
    for guest in guests {
        let chat = chat.clone();
        wanted.spawn(async move { enter(&guest, &chat, json!({"user_name": "the one"})).await });
    }
    let got = wanted.join_all().await;
    assert_eq!(got.iter().filter(|reply| reply.status == 201).count(), 1);
    assert_eq!(got.iter().filter(|reply| reply.body["code"] == "name-taken").count(), 11);
}
