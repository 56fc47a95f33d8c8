use crate::{Room, SOON, chat, user};
use domain::MessageId;
use search::{Change, Cursor, Order, SearchRequest, TimeZone, Who, find, find_plain, question};
use std::collections::HashSet;
use std::time::Instant;
use uuid::Uuid;

/// Reads all pages; between two, others say and delete things. Answers the positions in order, and the first total.
fn pages(order: Order) -> (Vec<u64>, Vec<u64>, u64) {
    let mut room = Room::new();
    room.came(chat(1), user(1), "a");
    let mut expected = (0..40).map(|number| room.say(&"слово ".repeat(number % 7 + 1))).collect::<Vec<_>>();
    for number in 0..20 {
        room.say(&format!("другое {number}"));
    }
    room.commit();
    let question = question("слово OR редкое ").unwrap();
    let (mut positions, mut cursor, mut total) = (Vec::new(), None::<Cursor>, None);
    loop {
        let (from, deadline) = (cursor.as_ref(), Instant::now() + SOON);
        let request = SearchRequest {
            question: &question,
            zone: &TimeZone::UTC,
            who: Who::Member(user(1)),
            order,
            from,
            limit: 7,
            deadline,
        };
        let found = find(&room.index().snapshot(), &request).unwrap();
        total.get_or_insert(found.total);
        positions.extend(found.hits.iter().map(|hit| hit.position));
        let Some(next) = found.next else { break };
        cursor = Some(Cursor::parse(&next.bytes()).unwrap());
        assert_eq!(cursor.as_ref(), Some(&next));
        room.say("слово слово редкое");
        for number in 0..50 {
            room.say(&format!("шум {number}"));
        }
        // The oldest of those not yet shown is deleted: it must not come, and nothing else may move.
        if let Some(gone) = expected.iter().copied().find(|position| !positions.contains(position)) {
            room.change(Change::Removed(MessageId(Uuid::from_u128(u128::from(gone)))));
            expected.retain(|position| *position != gone);
        }
        room.commit();
    }
    (positions, expected, total.unwrap())
}

#[test]
fn pages_neither_repeat_nor_lose_a_message_while_others_come_and_go() {
    for order in [Order::Newest, Order::Relevance] {
        let (positions, mut expected, total) = pages(order);
        assert_eq!(total, 40);
        assert_eq!(positions.iter().collect::<HashSet<_>>().len(), positions.len(), "{order:?}: one is repeated");
        let mut sorted = positions.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expected, "{order:?}");
        expected.reverse();
        assert_eq!(positions == expected, order == Order::Newest);
    }
}

#[test]
fn by_relevance_the_rarer_word_and_the_shorter_text_come_first() {
    let mut room = Room::new();
    let long = room.say("кит плыл долго и далеко, и никто его не видел, кроме чаек");
    let short = room.say("кит плыл");
    for _ in 0..20 {
        room.say("плыл");
    }
    room.commit();
    let question = question("кит OR плыл ").unwrap();
    let deadline = Instant::now() + SOON;
    let who = Who::Operator;
    let request = SearchRequest {
        question: &question,
        zone: &TimeZone::UTC,
        who,
        order: Order::Relevance,
        from: None,
        limit: 5,
        deadline,
    };
    let found = find(&room.index().snapshot(), &request).unwrap();
    assert_eq!(found.hits[..2].iter().map(|hit| hit.position).collect::<Vec<_>>(), [short, long]);
    assert!(found.hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
    assert_eq!(found.total, 22);
}

#[test]
fn a_cursor_that_is_none_is_not_read() {
    for bytes in [&[][..], &[0; 19], &[0; 400]] {
        assert_eq!(Cursor::parse(bytes), None);
    }
}

#[test]
fn a_page_of_long_texts_ends_early_and_a_list_of_ids_does_not() {
    let mut room = Room::new();
    room.came(chat(1), user(1), "a");
    let text = "слово ".repeat(2_700);
    for _ in 0..100 {
        room.say(&text);
    }
    room.commit();
    let (question, order, snapshot) = (question("слово ").unwrap(), Order::Newest, room.index().snapshot());
    let deadline = Instant::now() + SOON;
    let request = SearchRequest {
        question: &question,
        zone: &TimeZone::UTC,
        who: Who::Member(user(1)),
        order,
        from: None,
        limit: 100,
        deadline,
    };
    let ids = find_plain(&snapshot, &request).unwrap();
    assert_eq!((ids.hits.len(), ids.next), (100, None));
    let page = find(&snapshot, &request).unwrap();
    assert!(page.hits.len() < 50 && page.next.is_some(), "{} hits", page.hits.len());
    let shown = |hits: &[search::Hit]| hits.iter().map(|hit| hit.position).collect::<Vec<_>>();
    assert_eq!(shown(&page.hits), shown(&ids.hits)[..page.hits.len()]);
}
