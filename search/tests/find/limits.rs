use crate::{Room, SOON};
use search::question::{CHARACTERS_MAX, CLAUSES_MAX};
use search::{Asking, Order, Who, find, question};
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
        "a* b* c* d*".to_owned(),
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
                let asking = Asking { question: &question, who: Who::Operator, order, from: None, limit: 50, deadline };
                let found = find(&room.index().snapshot(), &asking).unwrap();
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
    let asking = Asking { question: &question, who, order: Order::Newest, from: None, limit: 5, deadline };
    let found = find(&room.index().snapshot(), &asking).unwrap();
    assert!(!found.complete && found.total < 3_000);
}
