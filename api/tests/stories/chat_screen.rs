//! What the screen of a chat application shows, and what it asks for to do so.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};

async fn call_oneself(actor: &Actor, display_name: &str) {
    actor.patch("/v1/me", json!({"display_name": display_name})).await.expect_status(200);
}

#[tokio::test]
async fn a_user_is_shown_to_every_user_and_nothing_else_of_them() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    call_oneself(&anna, "Anna K.").await;
    let path = format!("/v1/users/{}", anna.user_id);
    let seen = boris.get(&path).await.expect_status(200);
    assert_eq!(seen.body, json!({"user_id": anna.user_id, "user_name": "Anna", "display_name": "Anna K."}));
    let tag = seen.header("etag").to_owned();
    let known = [("if-none-match", tag.as_str())];
    // What happens to the account and is not shown does not show in the tag either.
    let change = json!({"old_password": anna.password(), "new_password": "another long passphrase"});
    anna.put("/v1/me/password", change).await.expect_status(200);
    boris.send(Method::GET, &path, None, &known).await.expect_status(304);
    call_oneself(&anna, "Anna").await;
    boris.send(Method::GET, &path, None, &known).await.expect_status(200);

    for unknown in [uuid::Uuid::now_v7().to_string(), "1".to_owned(), "Anna".to_owned()] {
        boris.get(&format!("/v1/users/{unknown}")).await.expect_problem(404, "user-not-found");
    }
    let erased = json!({"password": "another long passphrase"});
    anna.send(Method::DELETE, "/v1/me", Some(erased), &[]).await.expect_status(200);
    boris.get(&path).await.expect_problem(404, "user-not-found");
}

#[tokio::test]
async fn members_and_messages_show_how_people_want_to_be_called() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.post(&format!("/v1/chats/{chat}/users"), json!({"user_name": "gardener"})).await.expect_status(201);
    let message = boris.say(&chat, "the roses are out").await;
    for name in ["Boris", "Boris the Gardener", "Б. Б."] {
        if name != "Boris" {
            call_oneself(&boris, name).await;
        }
        let members = anna.get(&format!("/v1/chats/{chat}/users")).await.expect_status(200).body["users"].clone();
        let messages =
            anna.get(&format!("/v1/chats/{chat}/messages")).await.expect_status(200).body["messages"].clone();
        let one = anna.get(&format!("/v1/chats/{chat}/messages/{message}")).await.expect_status(200).body;
        let last = anna.get(&format!("/v1/chats/{chat}")).await.expect_status(200).body["last_message"].clone();
        let listed = anna.get("/v1/chats").await.expect_status(200).body["chats"][0]["last_message"].clone();
        for shown in [&members[1], &messages[0], &one, &last, &listed] {
            assert_eq!((&shown["user_name"], &shown["display_name"]), (&json!("gardener"), &json!(name)));
        }
        assert_eq!((&members[0]["user_name"], &members[0]["display_name"]), (&json!("Anna"), &json!("Anna")));
    }
    // Who has left keeps the name of what they said.
    boris.delete(&format!("/v1/chats/{chat}/users/{}", boris.user_id)).await.expect_status(200);
    let left = anna.get(&format!("/v1/chats/{chat}/messages/{message}")).await.expect_status(200).body;
    assert_eq!(left["display_name"], "Б. Б.");
}

#[tokio::test]
async fn hits_say_in_which_chat_they_are() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (garden, kitchen) = (anna.chat("garden").await, anna.chat("kitchen").await);
    anna.say(&garden, "tomatoes are ripe").await;
    anna.say(&kitchen, "tomatoes are cooked").await;
    anna.patch(&format!("/v1/chats/{garden}"), json!({"chat_name": "yard"})).await.expect_status(200);
    let hits = anna.get("/v1/search?q=tomatoes").await.expect_status(200).body["hits"].clone();
    let chats = hits
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| (hit["chat_id"].as_str().unwrap(), hit["chat_name"].as_str().unwrap()));
    assert_eq!(chats.collect::<Vec<_>>(), [(kitchen.as_str(), "kitchen"), (garden.as_str(), "yard")]);
}

/// A chat with messages `1` to `9`: its address, and the ids of the messages.
async fn nine(anna: &Actor) -> (String, Vec<String>) {
    let chat = anna.chat("garden").await;
    let mut ids = Vec::new();
    for number in 1..=9 {
        ids.push(anna.say(&chat, &number.to_string()).await);
    }
    (format!("/v1/chats/{chat}/messages"), ids)
}

fn iterator(reply: &Reply, name: &str) -> Option<String> {
    reply.body[name]["iterator"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_page_around_a_message_goes_on_in_both_directions() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (path, ids) = nine(&anna).await;
    let page = async |query: String| anna.get(&format!("{path}?{query}")).await.expect_status(200);

    let middle = page(format!("around={}&limit=3", ids[4])).await;
    assert_eq!(middle.texts(), ["4", "5", "6"]);
    let next = page(format!("limit=9&from={}", iterator(&middle, "next").unwrap())).await;
    assert_eq!((next.texts(), iterator(&next, "next")), (["7", "8", "9"].map(str::to_owned).to_vec(), None));
    let previous = iterator(&middle, "previous").unwrap();
    let previous = page(format!("limit=9&order=newest-first&from={previous}")).await;
    assert_eq!(previous.texts(), ["3", "2", "1"]);
    let newer = page(format!("after={}", iterator(&middle, "newer").unwrap())).await;
    assert_eq!(newer.texts(), ["7", "8", "9"]);

    let mirrored = page(format!("around={}&limit=3&order=newest-first", ids[4])).await;
    assert_eq!(mirrored.texts(), ["6", "5", "4"]);
    let next = page(format!("order=newest-first&from={}", iterator(&mirrored, "next").unwrap())).await;
    assert_eq!(next.texts(), ["3", "2", "1"]);
    let previous = page(format!("from={}", iterator(&mirrored, "previous").unwrap())).await;
    assert_eq!(previous.texts(), ["7", "8", "9"]);

    for (around, limit, expected, before, behind) in [
        (0, 1, vec!["1"], false, true),
        (8, 1, vec!["9"], true, false),
        (4, 1, vec!["5"], true, true),
        (4, 2, vec!["5", "6"], true, true),
        (0, 4, vec!["1", "2", "3", "4"], false, true),
        (1, 5, vec!["1", "2", "3", "4", "5"], false, true),
        (8, 5, vec!["7", "8", "9"], true, false),
        (4, 50, vec!["1", "2", "3", "4", "5", "6", "7", "8", "9"], false, false),
    ] {
        let reply = page(format!("around={}&limit={limit}", ids[around])).await;
        assert_eq!(reply.texts(), expected, "{around} {limit}");
        let both = (iterator(&reply, "previous").is_some(), iterator(&reply, "next").is_some());
        assert_eq!(both, (before, behind), "{around} {limit}");
    }

    let other = anna.chat("yard").await;
    let elsewhere = anna.say(&other, "elsewhere").await;
    anna.delete(&format!("{path}/{}", ids[2])).await.expect_status(200);
    for gone in [&elsewhere, &ids[2], &uuid::Uuid::now_v7().to_string()] {
        anna.get(&format!("{path}?around={gone}")).await.expect_problem(404, "message-not-found");
    }
    let next = iterator(&middle, "next").unwrap();
    for malformed in ["around=".to_owned(), "around=1".to_owned(), format!("around={}&from={next}", ids[4])] {
        anna.get(&format!("{path}?{malformed}")).await.expect_problem(400, "bad-parameters");
    }
    app.user("Boris").await.get(&format!("{path}?around={}", ids[4])).await.expect_problem(403, "not-a-member");
}

#[tokio::test]
async fn polling_has_a_cursor_also_when_nothing_is_newer_yet() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let path = format!("/v1/chats/{chat}/messages");
    let newer = |reply: &Reply| iterator(reply, "newer").expect("every page has a cursor for what is newer");
    let poll = async |after: &str| anna.get(&format!("{path}?after={after}")).await.expect_status(200);

    let mut after = newer(&anna.get(&format!("{path}?order=newest-first")).await.expect_status(200));
    for said in [vec![], vec!["1", "2"], vec![], vec!["3"], vec![]] {
        for text in &said {
            anna.say(&chat, text).await;
        }
        let reply = poll(&after).await;
        assert_eq!((reply.texts(), reply.next()), (said.iter().map(|text| (*text).to_owned()).collect(), None));
        after = newer(&reply);
    }
    // From any page on, and page by page.
    let newest = anna.get(&format!("{path}?order=newest-first&limit=1")).await.expect_status(200);
    assert_eq!((newest.texts(), poll(&newer(&newest)).await.texts()), (vec!["3".to_owned()], vec![]));
    let oldest = anna.get(&format!("{path}?limit=1")).await.expect_status(200);
    let first = anna.get(&format!("{path}?limit=1&after={}", newer(&oldest))).await.expect_status(200);
    assert_eq!((first.texts(), poll(&newer(&first)).await.texts()), (vec!["2".to_owned()], vec!["3".to_owned()]));
    assert_eq!(poll(&first.next().unwrap()).await.texts(), ["3"]);

    // What is deleted is not missed.
    let gone = anna.say(&chat, "gone").await;
    let seen = newer(&poll(&after).await);
    anna.delete(&format!("{path}/{gone}")).await.expect_status(200);
    anna.say(&chat, "4").await;
    assert_eq!((poll(&seen).await.texts(), poll(&after).await.texts()), (vec!["4".to_owned()], vec!["4".to_owned()]));

    let foreign = newer(&anna.get(&format!("/v1/chats/{}/messages", anna.chat("yard").await)).await);
    for bad in [foreign.as_str(), "", "x"] {
        anna.get(&format!("{path}?after={bad}")).await.expect_problem(400, "bad-cursor");
    }
    for wrong in ["&order=newest-first".to_owned(), format!("&from={after}"), format!("&around={gone}")] {
        anna.get(&format!("{path}?after={after}{wrong}")).await.expect_problem(400, "bad-parameters");
    }
}

#[tokio::test]
async fn who_posts_is_told_when_it_was() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    let path = format!("/v1/chats/{chat}/messages");
    let key = [("idempotency-key", "once")];
    let body = || Some(json!({"message": "hello"}));
    let posted = anna.send(Method::POST, &path, body(), &key).await.expect_status(201).body;
    let read = anna.get(&format!("{path}/{}", posted["message_id"].as_str().unwrap())).await.expect_status(200).body;
    assert_eq!(posted["sent_at"], read["sent_at"]);
    let again = anna.send(Method::POST, &path, body(), &key).await.expect_status(201);
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &posted));
}

#[tokio::test]
async fn my_chats_are_listed_by_their_last_activity() {
    fn names(page: &[Value]) -> Vec<String> {
        page.iter().map(|chat| chat["chat_name"].as_str().unwrap().to_owned()).collect()
    }
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let old = boris.chat("old").await;
    let (a, b) = (anna.chat("a").await, anna.chat("b").await);
    anna.chat("c").await;
    let listed = async || {
        let pages = anna.pages("/v1/chats?scope=mine&limit=1", "chats").await;
        pages.iter().flat_map(|page| names(page)).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, ["c", "b", "a"]);
    let said = anna.say(&a, "hello").await;
    assert_eq!(listed().await, ["a", "c", "b"]);
    boris.join(&b).await;
    assert_eq!(listed().await, ["a", "c", "b"], "others come and go");
    boris.say(&b, "hello").await;
    assert_eq!(listed().await, ["b", "a", "c"]);
    anna.delete(&format!("/v1/chats/{a}/messages/{said}")).await.expect_status(200);
    assert_eq!(listed().await, ["b", "a", "c"], "what was said there was said");
    anna.join(&old).await;
    assert_eq!(listed().await, ["old", "b", "a", "c"]);
    let named = anna.get("/v1/chats?name=a").await.expect_status(200).body["chats"].clone();
    assert_eq!(names(named.as_array().unwrap()), ["a"]);
    // Those that anyone may join stay in the order of their creation.
    let public = anna.get("/v1/chats?scope=public").await.expect_status(200).body["chats"].clone();
    assert_eq!(names(public.as_array().unwrap()), ["c", "b", "a", "old"]);
}
