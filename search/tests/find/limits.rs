use crate::{Room, SOON};
use search::question::{CHARACTERS_MAX, CLAUSES_MAX};
use search::{Order, SearchRequest, TimeZone, Who, find, find_plain, question};
use std::time::{Duration, Instant};

/// Of the questions below, on a slow machine and without optimisation.
const HOSTILE_MAX: Duration = Duration::from_secs(5);

fn room() -> Room {
    let mut room = Room::new();
    for number in 0..3_000_u32 {
        // Many words that begin alike and are alike.
        room.say(&format!("слово{number} a{number:x} {} {}", number % 10, "a b c d e f g ".repeat(3)));
    }
    room.commit();
    room
}

/// What somebody could type to make it slow: every question is answered soon, or refused with its place.
#[test]
fn no_question_is_slow() {
    let room = room();
    let hostile = [
        "сл* a1* a2* слово1*".to_owned(),
        "~слово1 ~слово2 ~слово3 ~слово44".to_owned(),
        "a OR ".repeat(CLAUSES_MAX - 1) + "b",
        "-a -b -c".to_owned(),
        format!("\"{}\"", "a b c d e f g ".repeat(3)),
        format!("\"{}\" {}", "a ".repeat(32), "\"a b\" ".repeat(CLAUSES_MAX - 1)),
        "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a".to_owned(),
        "\"".repeat(CHARACTERS_MAX),
        "(".repeat(CHARACTERS_MAX),
        "-".repeat(CHARACTERS_MAX),
        "a-".repeat(CHARACTERS_MAX / 2),
        "~".repeat(500) + &"a".repeat(500),
        "*".repeat(CHARACTERS_MAX),
        "from:".repeat(200),
        "а\u{301}".repeat(500),
        "\u{fdfa}".repeat(CHARACTERS_MAX),
        "из-за ".repeat(20),
    ];
    for text in hostile {
        let since = Instant::now();
        if question(&text).is_ok() {
            for order in [Order::Newest, Order::Relevance] {
                let question = question(&text).unwrap();
                let deadline = Instant::now() + SOON;
                let request = SearchRequest {
                    question: &question,
                    zone: &TimeZone::UTC,
                    who: Who::Operator,
                    order,
                    from: None,
                    limit: 50,
                    deadline,
                };
                let found = find(&room.index().snapshot(), &request).unwrap();
                assert!(found.next.is_none_or(|next| next.bytes().len() <= 200));
            }
        }
        assert!(since.elapsed() < HOSTILE_MAX, "{:?} for {text:.60}", since.elapsed());
    }
}

#[test]
fn an_answer_ends_at_its_deadline_and_says_so() {
    let room = room();
    let question = question("a ").unwrap();
    let deadline = Instant::now();
    let who = Who::Operator;
    let request = SearchRequest {
        question: &question,
        zone: &TimeZone::UTC,
        who,
        order: Order::Newest,
        from: None,
        limit: 5,
        deadline,
    };
    let found = find(&room.index().snapshot(), &request).unwrap();
    assert!(!found.complete && !found.looked && found.total < 3_000);
    let empty = Room::new();
    let found = find(&empty.index().snapshot(), &request).unwrap();
    assert!(found.complete && found.looked && found.total == 0);
}

/// A text that is one chunk of thousands of parts, asked for by as many clauses as there may be.
#[test]
fn highlights_of_a_hostile_text_are_made_soon() {
    let mut room = Room::new();
    room.say(&"a-".repeat(8_192));
    room.commit();
    let text = "a-a ".repeat(CLAUSES_MAX);
    let question = question(&text).unwrap();
    let since = Instant::now();
    let (who, order, deadline) = (Who::Operator, Order::Newest, since + SOON);
    let request =
        SearchRequest { question: &question, zone: &TimeZone::UTC, who, order, from: None, limit: 50, deadline };
    let found = find(&room.index().snapshot(), &request).unwrap();
    assert!(since.elapsed() < HOSTILE_MAX, "{:?}", since.elapsed());
    assert!(!found.hits[0].highlights.is_empty());
    let plain = find_plain(&room.index().snapshot(), &request).unwrap();
    assert_eq!((plain.total, plain.hits[0].highlights.len()), (1, 0));
}

#[test]
fn a_beginning_with_more_endings_than_are_tried_says_so() {
    let mut room = Room::new();
    for hundred in 0..50 {
        let words = (0..100).map(|number| format!("PLT-3{hundred:02}{number:02} ")).collect::<String>();
        room.say(&words);
    }
    room.say("ABC-3001 ABC-3002");
    room.commit();
    let found = room.ask(Who::Operator, "PLT-30*");
    assert!(found.complete);
    assert_eq!(found.total, 10);
    let found = room.ask(Who::Operator, "plt-31499 OR PLT-314*");
    assert_eq!((found.complete, found.total), (true, 1));
    // 5,000 words begin with -3.
    assert!(!room.ask(Who::Operator, "PLT-3*").complete);
}
