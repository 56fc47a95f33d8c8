//! Searching: what is found, by whom, and in what pages.

use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};

async fn search(actor: &Actor, question: &str) -> Reply {
    let encoded = question.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    actor.get(&format!("/v1/search?q={encoded}")).await
}

async fn texts(actor: &Actor, question: &str) -> Vec<String> {
    let found = search(actor, question).await.expect_status(200);
    let hits = found.body["hits"].as_array().unwrap();
    assert_eq!(found.body["total"], hits.len(), "{question}");
    hits.iter().map(|hit| hit["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn ones_own_message_is_found_at_once() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    for number in 0..20 {
        let message = anna.say(&chat, &format!("Ёжики номер{number} пришли")).await;
        let found = search(&anna, &format!("ежик номер{number} ")).await.expect_status(200);
        let hit = &found.body["hits"][0];
        assert_eq!(found.body["total"], 1);
        assert_eq!(
            (&hit["message_id"], &hit["chat_id"], &hit["user_id"]),
            (&json!(message), &json!(chat), &json!(anna.user_id))
        );
        assert_eq!((&hit["user_name"], &hit["score"]), (&json!("Anna"), &json!(0.0)));
        assert_eq!(hit["highlights"], json!([[0, 5], [6, 12 + number / 10]]));
    }
}

#[tokio::test]
async fn what_is_edited_deleted_or_erased_follows_at_once() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    let messages = format!("/v1/chats/{chat}/messages");
    let first = boris.say(&chat, "старое слово").await;
    boris.patch(&format!("{messages}/{first}"), json!({"message": "новое слово"})).await.expect_status(200);
    assert_eq!(texts(&anna, "старое ").await, Vec::<String>::new());
    assert_eq!(texts(&anna, "слово").await, ["новое слово"]);
    let second = boris.say(&chat, "второе слово").await;
    boris.delete(&format!("{messages}/{second}")).await.expect_status(200);
    assert_eq!(texts(&anna, "слово").await, ["новое слово"]);
    let password = json!({"password": boris.password()});
    boris.send(reqwest::Method::DELETE, "/v1/me", Some(password), &[]).await.expect_status(200);
    assert_eq!(texts(&anna, "слово").await, Vec::<String>::new());
    assert_eq!(texts(&anna, "from:Boris").await, Vec::<String>::new());
}

#[tokio::test]
async fn only_chats_that_one_is_in_now_are_searched() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let (garden, kitchen) = (anna.chat("garden").await, anna.chat("kitchen").await);
    anna.say(&garden, "тайна сада").await;
    anna.say(&kitchen, "тайна кухни").await;
    assert_eq!(texts(&boris, "тайна").await, Vec::<String>::new());
    boris.join(&garden).await;
    assert_eq!(texts(&boris, "тайны ").await, ["тайна сада"]);
    assert_eq!(texts(&boris, "тайна -нет").await, ["тайна сада"]);
    assert_eq!(texts(&boris, &format!("in:kitchen OR in:{kitchen}")).await, Vec::<String>::new());
    assert_eq!(texts(&boris, "from:Anna in:garden").await, ["тайна сада"]);
    boris.delete(&format!("/v1/chats/{garden}/users/{}", boris.user_id)).await.expect_status(200);
    assert_eq!(texts(&boris, "тайна").await, Vec::<String>::new());
    boris.join(&garden).await;
    assert_eq!(texts(&boris, "тайна").await, ["тайна сада"]);
    anna.delete(&format!("/v1/chats/{garden}/users/{}", boris.user_id)).await.expect_status(200);
    assert_eq!(texts(&boris, "тайна").await, Vec::<String>::new());
    assert_eq!(texts(&anna, "тайна").await, ["тайна кухни", "тайна сада"]);
}

/// Random comings and goings: at every moment each finds what they may read, and nothing else.
#[tokio::test]
async fn nobody_finds_what_he_may_not_read() {
    let app = TestApp::start().await;
    let owner = app.user("Owner").await;
    let people = [app.user("Anna").await, app.user("Boris").await, app.user("Clara").await];
    let mut chats = Vec::new();
    for number in 0..3 {
        let chat = owner.chat(&format!("chat {number}")).await;
        owner.say(&chat, &format!("секрет chat{number}")).await;
        chats.push(chat);
    }
    let mut present = [[false; 3]; 3];
    let mut seed = 7_u64;
    for _ in 0..40 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (who, which) = ((seed >> 33) as usize % 3, (seed >> 40) as usize % 3);
        let (person, chat) = (&people[who], &chats[which]);
        if present[who][which] {
            let by = if seed >> 63 == 0 { person } else { &owner };
            by.delete(&format!("/v1/chats/{chat}/users/{}", person.user_id)).await.expect_status(200);
        } else {
            person.join(chat).await;
        }
        present[who][which] = !present[who][which];
        for (person, present) in people.iter().zip(present) {
            let mine = (0..3).rev().filter(|chat| present[*chat]).map(|chat| format!("секрет chat{chat}"));
            let mine = mine.collect::<Vec<_>>();
            for question in ["секреты ", "секр", "from:Owner", "-нет"] {
                assert_eq!(texts(person, question).await, mine, "{question}");
            }
        }
    }
}

#[tokio::test]
async fn pages_stay_right_while_messages_arrive() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    for number in 0..9 {
        anna.say(&chat, &format!("слово {}", "ещё ".repeat(number))).await;
    }
    for order in ["newest-first", "relevance"] {
        let path = format!("/v1/search?q=%D1%81%D0%BB%D0%BE%D0%B2%D0%BE&order={order}&limit=4");
        let (mut ids, mut from) = (Vec::<Value>::new(), String::new());
        loop {
            let page = anna.get(&format!("{path}{from}")).await.expect_status(200);
            ids.extend(page.body["hits"].as_array().unwrap().iter().map(|hit| hit["message_id"].clone()));
            assert!(page.position() > 0);
            let Some(next) = page.next() else { break };
            from = format!("&from={next}");
            let message = anna.say(&chat, "слово слово").await;
            anna.get(&format!("{path}&from={next}x")).await.expect_problem(400, "bad-cursor");
            anna.get(&format!("/v1/search?q=other&order={order}&from={next}")).await.expect_problem(400, "bad-cursor");
            anna.delete(&format!("/v1/chats/{chat}/messages/{message}")).await.expect_status(200);
            anna.say(&chat, "другое").await;
        }
        let all = ids.len();
        ids.sort_by_key(Value::to_string);
        ids.dedup();
        assert_eq!((all, ids.len()), (9, 9), "{order}");
    }
}

#[tokio::test]
async fn a_question_that_cannot_be_read_is_refused_with_its_place() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    for (question, place) in [("", 0), ("да before:2026-02-30", 10), ("on:2026-13", 3), ("- ~ \"\"", 0)] {
        let refused = search(&anna, question).await.expect_problem(400, "bad-parameters");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("at character {place}:")), "{detail}");
    }
    anna.get("/v1/search").await.expect_problem(400, "bad-parameters");
    anna.get("/v1/search?q=a&order=oldest").await.expect_problem(400, "bad-parameters");
    anna.get("/v1/search?q=a&limit=0").await.expect_problem(400, "bad-parameters");
    app.anonymous().get("/v1/search?q=a").await.expect_problem(401, "auth-failed");
}

/// Whatever is pasted is answered, and what was read otherwise than it was meant is said.
#[tokio::test]
async fn whatever_is_pasted_is_answered_and_what_nobody_knows_is_said() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.chat("secret").await;
    let sentence = "我昨天从東京飞到北京然后又从北京飞到東京我昨天从東京飞到北京然后又从北京飞到東京";
    let url = format!("https://example.org/{}", "part/".repeat(50));
    for text in [sentence, &url, "on:click here", "cc:@clara"] {
        anna.say(&chat, text).await;
    }
    for (question, notes) in [
        (sentence, 1),
        (url.as_str(), 1),
        ("東京 ", 0),
        ("数* OR 東*", 0),
        ("on:click ", 1),
        ("\"on:click\"", 0),
        ("@clara ", 0),
        ("from:me @clara", 0),
        ("from:@Anna in:#garden @clara", 0),
    ] {
        let found = search(&anna, question).await.expect_status(200);
        assert_eq!(found.body["total"], 1, "{question}");
        assert_eq!(found.body["notes"].as_array().unwrap().len(), notes, "{question}: {}", found.body["notes"]);
    }
    for question in ["from:boris", "in:secret", "from:nobody", &"слово ".repeat(200)] {
        let found = search(&anna, question).await.expect_status(200);
        assert_eq!((&found.body["total"], found.body["notes"].as_array().unwrap().is_empty()), (&json!(0), false));
    }
}

#[tokio::test]
async fn a_day_is_one_of_my_time_zone() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    anna.say(&chat, "слово").await;
    let found = search(&anna, "слово").await;
    let sent_at = found.body["hits"][0]["sent_at"].as_str().unwrap().to_owned();
    // 14 hours ahead and 12 behind: it is never the same day in both.
    let mut days = Vec::new();
    for zone in ["Pacific/Kiritimati", "Etc/GMT+12"] {
        anna.patch("/v1/me", json!({"time_zone": zone})).await.expect_status(200);
        let local = search::TimeZone::get(zone).unwrap();
        let day = local.to_datetime(sent_at.parse().unwrap()).date().to_string();
        assert_eq!(search(&anna, &format!("on:{day}")).await.body["total"], 1, "{day} in {zone}");
        assert_eq!(search(&anna, &format!("before:{day}")).await.body["total"], 0);
        for other in &days {
            assert_eq!(search(&anna, &format!("on:{other}")).await.body["total"], 0);
        }
        days.push(day);
    }
    assert_eq!(search(&anna, &format!("after:{sent_at}")).await.body["total"], 0);
    assert_eq!(search(&anna, &format!("on:{sent_at}")).await.body["total"], 1);
}
