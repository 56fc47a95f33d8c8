//! Pages of messages: their order, their limits, their cursors.

use serde_json::Value;
use testkit::{Actor, TestApp};

async fn talk(actor: &Actor, count: usize) -> (String, Vec<String>) {
    let chat = actor.chat("garden").await;
    let said = (0..count).map(|number| format!("message {number}")).collect::<Vec<_>>();
    for text in &said {
        actor.say(&chat, text).await;
    }
    (chat, said)
}

fn texts(pages: &[Vec<Value>]) -> Vec<&str> {
    pages.iter().flatten().filter_map(|message| message["text"].as_str()).collect()
}

#[tokio::test]
async fn messages_are_read_from_either_end() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (chat, said) = talk(&anna, 7).await;
    let path = format!("/v1/chats/{chat}/messages");
    assert_eq!(anna.get(&path).await.texts(), said);
    assert_eq!(anna.get(&format!("{path}?order=oldest-first")).await.texts(), said);
    let newest = said.iter().rev().cloned().collect::<Vec<_>>();
    assert_eq!(anna.get(&format!("{path}?order=newest-first")).await.texts(), newest);
    for order in ["sideways", "", "Oldest-First"] {
        anna.get(&format!("{path}?order={order}")).await.expect_problem(400, "bad-parameters");
    }
    for (order, expected) in [("oldest-first", &said), ("newest-first", &newest)] {
        for limit in [1, 2, 3, 6, 7, 1000] {
            let pages = anna.pages(&format!("{path}?order={order}&limit={limit}"), "messages").await;
            assert_eq!(texts(&pages), expected.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(pages.len(), said.len().div_ceil(limit), "and no empty page at the end");
        }
    }
    let empty = anna.chat("kitchen").await;
    let page = anna.get(&format!("/v1/chats/{empty}/messages")).await.expect_status(200);
    assert_eq!((page.texts().len(), page.next()), (0, None));
}

#[tokio::test]
async fn a_page_holds_fifty_unless_it_is_told_otherwise() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (chat, said) = talk(&anna, 52).await;
    let path = format!("/v1/chats/{chat}/messages");
    let page = anna.get(&path).await.expect_status(200);
    assert_eq!(page.texts(), said[..50]);
    let rest = anna.get(&format!("{path}?from={}", page.next().unwrap())).await.expect_status(200);
    assert_eq!((rest.texts(), rest.next()), (said[50..].to_vec(), None));
    assert_eq!(anna.get(&format!("{path}?limit=52")).await.next(), None);
    for list in [&path, "/v1/users", "/v1/chats", "/v1/me/sign-ins", &format!("/v1/chats/{chat}/users")] {
        for limit in ["0", "1001", "abc", "-1", "", "1.5", "99999999999999999999", "%2B"] {
            anna.get(&format!("{list}?limit={limit}")).await.expect_problem(400, "bad-parameters");
        }
        anna.get(&format!("{list}?limit=1000&colour=red&limits=0&%FF=%zz")).await.expect_status(200);
    }
}

#[tokio::test]
async fn nothing_is_repeated_or_lost_while_messages_arrive_and_go() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let (chat, said) = talk(&anna, 30).await;
    boris.join(&chat).await;
    let writing = tokio::spawn({
        let (boris, chat) = (boris.clone(), chat.clone());
        async move {
            for number in 0..60 {
                let id = boris.say(&chat, &format!("meanwhile {number}")).await;
                if number % 3 == 0 {
                    boris.delete(&format!("/v1/chats/{chat}/messages/{id}")).await.expect_status(200);
                }
            }
        }
    });
    let path = format!("/v1/chats/{chat}/messages");
    let back = anna.pages(&format!("{path}?order=newest-first&limit=3"), "messages").await;
    let forth = anna.pages(&format!("{path}?order=oldest-first&limit=3"), "messages").await;
    writing.await.unwrap();
    for mut pages in [back, forth] {
        if pages[0][0]["text"] != "message 0" {
            pages = vec![pages.concat().into_iter().rev().collect()];
        }
        let seen = texts(&pages);
        let old = seen.iter().filter(|text| text.starts_with("message")).copied().collect::<Vec<_>>();
        assert_eq!(old, said, "every message that was there at the start, once and in order");
        let ids = pages.iter().flatten().map(|message| message["message_id"].as_str().unwrap());
        let ids = ids.collect::<std::collections::HashSet<_>>();
        assert_eq!(ids.len(), seen.len(), "none twice");
    }
    let all = anna.pages(&format!("{path}?limit=7"), "messages").await;
    assert_eq!(texts(&all).len(), 30 + 40);
}

#[tokio::test]
async fn a_cursor_outlives_the_message_that_it_points_to_and_a_restart() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (chat, said) = talk(&anna, 5).await;
    let path = format!("/v1/chats/{chat}/messages");
    let page = anna.get(&format!("{path}?limit=2")).await;
    let cursor = page.next().unwrap();
    assert!(cursor.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-_".contains(&letter)), "{cursor}");
    let last = page.body["messages"][1]["message_id"].as_str().unwrap();
    anna.delete(&format!("{path}/{last}")).await.expect_status(200);
    assert_eq!(anna.get(&format!("{path}?from={cursor}")).await.texts(), said[2..]);
    let app = app.restart().await;
    assert_eq!(app.again(&anna).get(&format!("{path}?from={cursor}")).await.texts(), said[2..]);
}

#[tokio::test]
async fn a_cursor_belongs_to_one_list_and_order() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (chat, _) = talk(&anna, 3).await;
    let (other, _) = talk(&anna, 3).await;
    let path = format!("/v1/chats/{chat}/messages");
    let cursor = anna.get(&format!("{path}?limit=1")).await.next().unwrap();
    for order in ["", "&order=oldest-first"] {
        anna.get(&format!("{path}?from={cursor}{order}")).await.expect_status(200);
    }
    let refused = |path: String| {
        let anna = anna.clone();
        async move { anna.get(&path).await.expect_problem(400, "bad-cursor") }
    };
    refused(format!("{path}?order=newest-first&from={cursor}")).await;
    refused(format!("/v1/chats/{other}/messages?from={cursor}")).await;
    refused(format!("/v1/chats?from={cursor}")).await;
    let (first, rest) = cursor.split_at(1);
    let changed = format!("{}{rest}", if first == "A" { "B" } else { "A" });
    let long = "A".repeat(10_000);
    let made_up = ["", "0", "1", "abc", "%00", "%FF", "..", "null", "a b", "Zm9v=", &changed, rest, &long];
    for made_up in made_up {
        refused(format!("{path}?from={made_up}")).await;
    }
    refused(format!("{path}?from={cursor}A")).await;
    refused(format!("{path}?from={cursor}%3D")).await;
}

#[tokio::test]
async fn a_page_of_long_messages_ends_early_and_the_next_one_goes_on() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("long talk").await;
    for number in 0..40 {
        anna.say(&chat, &format!("{number} {}", "я".repeat(16_000))).await;
    }
    for order in ["oldest-first", "newest-first"] {
        let path = format!("/v1/chats/{chat}/messages?limit=1000&order={order}");
        let pages = anna.pages(&path, "messages").await;
        assert_eq!(pages.len(), 2, "1.3 MB of text do not fit into one page");
        let texts = pages.concat().into_iter().map(|message| message["text"].as_str().unwrap().to_owned());
        let mut numbers = texts.map(|text| text.split(' ').next().unwrap().parse::<u32>().unwrap()).collect::<Vec<_>>();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..40).collect::<Vec<_>>());
    }
    let listed = anna.get("/v1/chats").await.expect_status(200);
    let preview = listed.body["chats"][0]["last_message"]["text"].as_str().unwrap().to_owned();
    assert_eq!(preview.chars().count(), 256);
}
