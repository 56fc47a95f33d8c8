//! Live: what happens is told as it happens, and again to whoever comes back.

use super::{WAIT_MAX, until};
use domain::user::Role;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Actor, Heard, TestApp};

fn events(heard: &[Heard]) -> Vec<&str> {
    heard.iter().map(|heard| heard.event.as_str()).collect()
}

fn texts(heard: &[Heard]) -> Vec<&str> {
    heard.iter().map(|heard| heard.data["message"]["text"].as_str().unwrap_or_default()).collect()
}

/// Anna's chat, with Boris in it.
async fn pair(app: &TestApp) -> (Actor, Actor, String) {
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    (anna, boris, chat)
}

#[tokio::test]
async fn members_hear_what_is_said_edited_and_deleted() {
    let app = TestApp::start().await;
    let (anna, boris, chat) = pair(&app).await;
    let mut live = boris.live().await;
    let path = format!("/v1/chats/{chat}/messages");
    let posted = anna.post(&path, json!({"message": "two\nlines"})).await.expect_status(201);
    let heard = live.expect("message.posted").await;
    let id = posted.id("message_id");
    assert_eq!(heard.id, Some(posted.position()));
    let shown = boris.get(&format!("{path}/{id}")).await.expect_status(200).body;
    assert_eq!(heard.data, json!({"chat_id": chat, "message": shown}), "as GET shows it");
    let edited = anna.patch(&format!("{path}/{id}"), json!({"message": "one line"})).await.expect_status(200);
    let heard = live.expect("message.edited").await;
    assert_eq!((heard.id, &heard.data["message"]["text"]), (Some(edited.position()), &json!("one line")));
    anna.delete(&format!("{path}/{id}")).await.expect_status(200);
    let heard = live.expect("message.deleted").await;
    assert_eq!(heard.data, json!({"chat_id": chat, "message": {"message_id": id, "deleted": true}}));
}

#[tokio::test]
async fn who_comes_back_hears_what_they_missed_once_and_in_order() {
    let app = TestApp::start().await;
    let (anna, boris, chat) = pair(&app).await;
    let from = anna.get("/v1/me").await.position();
    let head = app.node.log.head().unwrap().position;
    assert!(from <= head);
    for number in 0..40 {
        anna.say(&chat, &number.to_string()).await;
    }
    let expected = (0..40).map(|number| number.to_string()).collect::<Vec<_>>();
    let mut live = boris.live_at(&format!("/v1/live?from={head}"), &[]).await;
    let mut heard = Vec::new();
    for _ in 0..40 {
        heard.push(live.expect("message.posted").await);
    }
    assert_eq!(texts(&heard), expected);
    // As a browser does it: from whichever event was the last.
    let middle = heard[19].id.unwrap().to_string();
    let mut again = boris.live_at("/v1/live", &[("last-event-id", &middle)]).await;
    anna.say(&chat, "after").await;
    let mut rest = Vec::new();
    while rest.last().is_none_or(|last: &Heard| last.data["message"]["text"] != "after") {
        rest.push(again.expect("message.posted").await);
    }
    assert_eq!(rest[..20], heard[20..], "the very same frames");
    assert_eq!(texts(&rest[20..]), ["after"]);
    assert_eq!(texts(&[live.expect("message.posted").await]), ["after"]);
}

#[tokio::test]
async fn what_is_gone_since_comes_as_a_tombstone() {
    let app = TestApp::start().await;
    let (anna, boris, chat) = pair(&app).await;
    let from = app.node.log.head().unwrap().position;
    let deleted = anna.say(&chat, "to be deleted").await;
    anna.delete(&format!("/v1/chats/{chat}/messages/{deleted}")).await.expect_status(200);
    let carl = app.user("Carl").await;
    carl.join(&chat).await;
    carl.say(&chat, "to be erased").await;
    let body = Some(json!({"password": carl.password()}));
    carl.send(Method::DELETE, "/v1/me", body, &[]).await.expect_status(200);
    anna.say(&chat, "last").await;
    let mut live = boris.live_at(&format!("/v1/live?from={from}"), &[]).await;
    let heard = [
        live.expect("message.posted").await,
        live.expect("message.deleted").await,
        live.expect("member.joined").await,
        live.expect("message.posted").await,
        live.expect("member.left").await,
        live.expect("message.posted").await,
    ];
    assert_eq!(heard[0].data["message"], json!({"message_id": deleted, "deleted": true}));
    assert_eq!((&heard[3].data["message"]["deleted"], heard[3].data["message"].get("text")), (&json!(true), None));
    assert_eq!(heard[4].data["user_name"], "", "their name is forgotten");
    assert_eq!(heard[5].data["message"]["text"], "last");
}

#[tokio::test]
async fn who_joins_hears_from_then_on_and_who_goes_hears_that_last() {
    let app = TestApp::start().await;
    let (anna, boris, chat) = pair(&app).await;
    let from = app.node.log.head().unwrap().position;
    let carl = app.user("Carl").await;
    let (mut live, mut owner) = (carl.live().await, anna.live().await);
    anna.say(&chat, "before").await;
    carl.join(&chat).await;
    anna.say(&chat, "with carl").await;
    anna.delete(&format!("/v1/chats/{chat}/users/{}", carl.user_id)).await.expect_status(200);
    anna.say(&chat, "after").await;
    carl.join(&chat).await;
    anna.say(&chat, "again").await;
    let path = format!("/v1/chats/{chat}/users/{}", boris.user_id);
    anna.patch(&path, json!({"role": "admin"})).await.expect_status(200);
    carl.delete(&format!("/v1/chats/{chat}/users/{}", carl.user_id)).await.expect_status(200);
    anna.patch(&format!("/v1/chats/{chat}"), json!({"archived": true, "chat_name": "winter"})).await.expect_status(200);
    let last = carl.chat("another").await;
    // What a chat was is not known any more once it is gone: all of it is heard before.
    let mut told = owner.up_to("chat.changed").await;
    told.extend(owner.up_to("chat.changed").await);
    let heard = live.up_to("member.joined").await;
    assert_eq!(heard[0].data, json!({"chat_id": chat, "user_id": carl.user_id, "user_name": "Carl", "role": "member"}));
    assert_eq!(texts(&[live.expect("message.posted").await]), ["with carl"]);
    let left = live.expect("member.left").await;
    assert_eq!(left.data, json!({"chat_id": chat, "user_id": carl.user_id, "user_name": "Carl"}));
    live.expect("member.joined").await;
    assert_eq!(texts(&[live.expect("message.posted").await]), ["again"]);
    assert_eq!(live.expect("member.role_changed").await.data["role"], "admin");
    live.expect("member.left").await;
    assert_eq!(live.expect("member.joined").await.data["chat_id"], json!(last), "and no more of that chat");
    // The owner heard all of it.
    anna.delete(&format!("/v1/chats/{chat}")).await.expect_status(200);
    let mut heard = told;
    heard.extend(owner.up_to("chat.deleted").await);
    let lines = "message.posted member.joined message.posted member.left message.posted member.joined message.posted
        member.role_changed member.left chat.changed chat.changed chat.deleted";
    assert_eq!(events(&heard), lines.split_whitespace().collect::<Vec<_>>());
    let changed = json!({"chat_id": chat, "chat_name": "winter", "archived": true});
    assert_eq!(heard.iter().rfind(|heard| heard.event == "chat.changed").unwrap().data, changed);
    // Who comes back to it hears what they may hear now: nothing was theirs but that it is gone.
    let mut again = anna.live_at(&format!("/v1/live?from={from}"), &[]).await;
    assert_eq!(again.expect("chat.deleted").await.data, json!({"chat_id": chat}));
    let mut again = carl.live_at(&format!("/v1/live?from={from}"), &[]).await;
    let heard = again.up_to("member.joined").await;
    assert_eq!(events(&heard), ["member.left", "member.left", "member.joined"]);
    assert_eq!(heard[2].data["chat_id"], json!(last));
}

#[tokio::test]
async fn reactions_pins_and_read_marks_are_told() {
    let app = TestApp::start().await;
    let (anna, boris, chat) = pair(&app).await;
    let mut mine = boris.clone();
    mine.log_in("Boris").await.expect_status(200);
    let (mut live, mut other, mut hers) = (boris.live().await, mine.live().await, anna.live().await);
    let id = anna.say(&chat, "ripe").await;
    live.find("message.posted").await;
    let emoji = format!("/v1/chats/{chat}/messages/{id}/reactions/%F0%9F%8D%85");
    let reacted = boris.put(&emoji, json!({})).await.expect_status(200);
    let heard = live.find("reaction.changed").await;
    let reactions = reacted.body["reactions"].clone();
    assert_eq!(reactions[0]["mine"], true);
    assert_eq!(heard.data, json!({"chat_id": chat, "message_id": id, "reactions": reactions}), "as the answer says it");
    let heard = hers.find("reaction.changed").await;
    assert_eq!(heard.data["reactions"][0]["mine"], false, "to Anna it is another's");
    boris.delete(&emoji).await.expect_status(200);
    assert_eq!(live.find("reaction.changed").await.data["reactions"], json!([]));
    let pin = format!("/v1/chats/{chat}/pins/{id}");
    anna.put(&pin, json!({})).await.expect_status(200);
    let pinned = live.find("pin.changed").await;
    assert_eq!(pinned.data, json!({"chat_id": chat, "message_id": id, "pinned": true}));
    anna.delete(&pin).await.expect_status(200);
    assert_eq!(live.find("pin.changed").await.data["pinned"], false);
    boris.put(&format!("/v1/chats/{chat}/read"), json!({"message_id": id})).await.expect_status(200);
    let read = json!({"chat_id": chat, "message_id": id, "unread": 0});
    assert_eq!(other.find("read").await.data, read, "on the other device");
    anna.say(&chat, "end").await;
    assert!(!events(&hers.up_to("message.posted").await).contains(&"read"), "what he has read is his own affair");
}

#[tokio::test]
async fn strangers_hear_nothing() {
    let app = TestApp::start().await;
    let (anna, boris, chat) = pair(&app).await;
    let carl = app.user("Carl").await;
    let mut live = carl.live().await;
    anna.say(&chat, "a secret").await;
    boris.post(&format!("/v1/chats/{chat}/typing"), json!({})).await.expect_status(204);
    let own = carl.chat("own").await;
    assert_eq!(live.next().await.unwrap().data["chat_id"], json!(own));
}

#[tokio::test]
async fn who_writes_is_shown_to_the_others_and_never_kept() {
    let app = TestApp::start().await;
    let (anna, boris, chat) = pair(&app).await;
    let path = format!("/v1/chats/{chat}/typing");
    let (mut live, mut own) = (boris.live().await, anna.live().await);
    let head = app.node.log.head().unwrap().position;
    // As clients do it: again and again, for as long as somebody writes. Who has come a moment ago may miss the first.
    let again = async {
        loop {
            anna.post(&path, json!({})).await.expect_status(204);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let typing = tokio::select! {
        typing = live.find("typing") => typing,
        () = again => unreachable!("it goes on"),
    };
    assert_eq!((typing.id, &typing.data), (None, &json!({"chat_id": chat, "user_id": anna.user_id})));
    assert_eq!(app.node.log.head().unwrap().position, head, "nothing was written");
    anna.say(&chat, "written").await;
    assert!(!events(&own.up_to("message.posted").await).contains(&"typing"), "who writes knows it");
    app.user("Carl").await.post(&path, json!({})).await.expect_problem(403, "not-a-member");
    anna.patch(&format!("/v1/chats/{chat}/users/{}", boris.user_id), json!({"role": "muted"})).await.expect_status(200);
    boris.post(&path, json!({})).await.expect_problem(403, "muted");
    boris.post("/v1/chats/nowhere/typing", json!({})).await.expect_problem(404, "chat-not-found");
}

#[tokio::test]
async fn who_comes_and_goes_is_shown_to_those_who_share_a_chat() {
    let app = TestApp::start().await;
    let (anna, boris, _) = pair(&app).await;
    let carl = app.user("Carl").await;
    let (mut live, mut stranger) = (anna.live().await, carl.live().await);
    let (first, second) = (boris.live().await, boris.live().await);
    let came = live.up_to("presence").await;
    assert_eq!(came.last().unwrap().data, json!({"user_id": boris.user_id, "online": true}));
    drop(first);
    drop(second);
    let went = live.up_to("presence").await;
    assert_eq!(went.last().unwrap().data, json!({"user_id": boris.user_id, "online": false}));
    carl.chat("own").await;
    assert_eq!(stranger.next().await.unwrap().event, "member.joined", "others hear nothing of it");
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let app = TestApp::start().await;
    let (anna, boris, chat) = pair(&app).await;
    let mut other = boris.clone();
    other.log_in("Boris").await.expect_status(200);
    let (mut live, mut kept) = (boris.live().await, other.live().await);
    boris.post("/v1/auth/logout", json!({})).await.expect_status(200);
    let heard = live.rest().await;
    assert_eq!(heard.last().unwrap().data, json!({"reason": "session-ended"}), "{heard:?}");
    anna.say(&chat, "still here").await;
    assert_eq!(texts(&kept.up_to("message.posted").await).last(), Some(&"still here"));
    // By a token that is revoked, and by being erased.
    let made = other.post("/v1/me/tokens", json!({"name": "bot", "scopes": ["read"]})).await.expect_status(201);
    let mut bot = app.anonymous();
    bot.token = Some(made.id("token"));
    let mut live = bot.live().await;
    other.delete(&format!("/v1/me/tokens/{}", made.id("id"))).await.expect_status(200);
    assert_eq!(live.rest().await.last().unwrap().data["reason"], "session-ended");
    // By a token of an account that is suspended.
    let (carl, moderator) = (app.user("Carl").await, app.with_role("Mona", Role::Moderator).await);
    let made = carl.post("/v1/me/tokens", json!({"name": "bot", "scopes": ["read"]})).await.expect_status(201);
    bot.token = Some(made.id("token"));
    let mut live = bot.live().await;
    let path = format!("/v1/users/{}/suspension", carl.user_id);
    moderator.put(&path, json!({"reason": "spam"})).await.expect_status(200);
    assert_eq!(live.rest().await.last().unwrap().data["reason"], "session-ended");
    let body = Some(json!({"password": other.password()}));
    other.send(Method::DELETE, "/v1/me", body, &[]).await.expect_status(200);
    assert_eq!(kept.rest().await.last().unwrap().data["reason"], "session-ended");
}

#[tokio::test]
async fn a_session_has_ten_streams() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(anna.live().await);
    }
    assert_eq!(anna.stream("/v1/live", &[]).await.status(), 429);
    let reply = anna.get("/v1/live").await;
    reply.expect_problem(429, "too-many-streams");
    let mut other = anna.clone();
    other.log_in("Anna").await.expect_status(200);
    drop(other.live().await);
    drop(open.pop());
    until(async || anna.stream("/v1/live", &[]).await.status() == 200).await;
}

#[tokio::test]
async fn what_is_asked_for_badly_is_refused() {
    let app = TestApp::start().await;
    let (anna, stranger) = (app.user("Anna").await, app.anonymous());
    let token = anna.token.clone().unwrap();
    stranger.get("/v1/live").await.expect_problem(401, "auth-failed");
    for name in ["token", "access_token", "session_id", "Token"] {
        for who in [&anna, &stranger] {
            for value in [token.as_str(), "x", ""] {
                who.get(&format!("/v1/live?{name}={value}")).await.expect_problem(401, "auth-failed");
                who.get(&format!("/v1/ws?{name}={value}")).await.expect_problem(401, "auth-failed");
            }
        }
    }
    for bad in ["x", "-1", "1.5", "99999999999999999999999", ""] {
        anna.get(&format!("/v1/live?from={bad}")).await.expect_problem(400, "bad-parameters");
    }
    let last = [("last-event-id", "x")];
    anna.send(Method::GET, "/v1/live", None, &last).await.expect_problem(400, "bad-parameters");
    anna.get("/v1/live?from=1000000").await.expect_problem(400, "bad-parameters");
    anna.get("/v1/ws").await.expect_problem(400, "bad-parameters");
    // A page of another site, with the user's cookie.
    let cookie = format!("__Host-letopis={token}");
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let headers = [("cookie", cookie.as_str()), (name, value)];
        let reply = stranger.send(Method::GET, "/v1/live", None, &headers).await;
        reply.expect_problem(403, "cross-site-request");
    }
    let _ = stranger.live_at("/v1/live", &[("cookie", &cookie), ("origin", &app.url)]).await;
}

#[tokio::test]
async fn a_stop_says_goodbye() {
    let app = TestApp::start().await;
    let (anna, boris, chat) = pair(&app).await;
    let mut live = boris.live().await;
    anna.say(&chat, "last words").await;
    live.expect("message.posted").await;
    let (heard, _) =
        tokio::join!(async { tokio::time::timeout(WAIT_MAX, live.rest()).await.expect("it ends") }, app.restart(),);
    assert_eq!(heard.last().map(|last| &last.data), Some(&json!({"reason": "stopping"}) as &Value));
}

#[tokio::test]
async fn the_inbox_is_told_of_as_well() {
    let app = TestApp::start_telling().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let mut live = boris.live().await;
    let chat = anna.chat("garden").await;
    anna.post(&format!("/v1/chats/{chat}/users"), json!({"user_id": boris.user_id})).await.expect_status(201);
    let added = live.up_to("inbox.added").await;
    let added = added.last().unwrap();
    let item = boris.get("/v1/inbox").await.body["items"][0].clone();
    assert_eq!(added.data, json!({"item": item, "unread": 1}));
    let id = item["id"].as_str().unwrap();
    boris.post(&format!("/v1/inbox/{id}/read"), json!({})).await.expect_status(200);
    let read = live.expect("inbox.changed").await;
    assert_eq!((&read.data["item"]["id"], &read.data["unread"]), (&json!(id), &json!(0)));
    boris.post(&format!("/v1/inbox/{id}/archive"), json!({})).await.expect_status(200);
    assert!(live.expect("inbox.changed").await.data["item"]["archived_at"].is_string());
    boris.post("/v1/inbox/read-all", json!({})).await.expect_status(200);
    assert_eq!(live.expect("inbox.changed").await.data, json!({"unread": 0}));
    let mut again = boris.live_at(&format!("/v1/live?from={}", added.id.unwrap() - 1), &[]).await;
    assert_eq!(events(&again.up_to("inbox.added").await), ["inbox.added"]);
}
