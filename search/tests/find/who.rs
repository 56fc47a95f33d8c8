use crate::{Room, SOON, chat, user};
use proptest::prelude::*;
use search::{Change, Order, SearchRequest, TimeZone, Who, find, question};
use std::collections::BTreeSet;
use std::time::Instant;

const CHATS: u64 = 4;
const USERS: u64 = 4;

/// What happens in a few chats among a few people.
#[derive(Clone, Debug)]
enum Step {
    Comes(u64, u64),
    Goes(u64, u64),
    Says(u64, u64),
    ChatGoes(u64),
    Forgotten(u64),
    Commits,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..CHATS, 0..USERS).prop_map(|(chat, user)| Step::Comes(chat, user)),
        2 => (0..CHATS, 0..USERS).prop_map(|(chat, user)| Step::Goes(chat, user)),
        4 => (0..CHATS, 0..USERS).prop_map(|(chat, user)| Step::Says(chat, user)),
        1 => (0..CHATS).prop_map(Step::ChatGoes),
        1 => (0..USERS).prop_map(Step::Forgotten),
        1 => Just(Step::Commits),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Nobody finds a message of a chat that they are not in, by whatever question; and all of those that they are in.
    #[test]
    fn nobody_finds_what_he_may_not_read(steps in prop::collection::vec(step(), 1..60)) {
        let mut room = Room::new();
        let mut present = BTreeSet::new();
        let mut said = Vec::new();
        for step in steps {
            match step {
                Step::Comes(place, who) => {
                    room.came(chat(place), user(who), &format!("u{who}"));
                    present.insert((place, who));
                }
                Step::Goes(place, who) => {
                    room.change(Change::Went { chat_id: chat(place), user_id: user(who) });
                    present.remove(&(place, who));
                }
                Step::Says(place, who) => {
                    let position = room.post((chat(place), user(who)), "2026-01-01T00:00:00Z", "тайна https://x.org");
                    said.push((position, place, who));
                }
                Step::ChatGoes(place) => {
                    room.change(Change::ChatRemoved(chat(place)));
                    present.retain(|(other, _)| *other != place);
                    said.retain(|(_, other, _)| *other != place);
                }
                Step::Forgotten(who) => {
                    room.change(Change::Forgotten(user(who)));
                    present.retain(|(_, other)| *other != who);
                    said.retain(|(_, _, other)| *other != who);
                }
                Step::Commits => room.commit(),
            }
        }
        room.commit();
        for who in 0..USERS {
            let mut mine = said.iter().filter(|(_, place, _)| present.contains(&(*place, who))).collect::<Vec<_>>();
            mine.sort_unstable_by_key(|(position, _, _)| std::cmp::Reverse(*position));
            let mine = mine.into_iter().map(|(position, _, _)| *position).collect::<Vec<_>>();
            for question in ["тайны ", "тайн", "\"тайна https\"", "~тайан ", "-нет ", "нет OR -нет", "on:2026", "has:link"] {
                prop_assert_eq!(&room.found(Who::Member(user(who)), question), &mine, "{}", question);
            }
            for place in 0..CHATS {
                let question = format!("in:{} OR from:{}", chat(place), user(who));
                let found = room.found(Who::Member(user(who)), &question);
                prop_assert!(found.iter().all(|position| mine.contains(position)), "{}", question);
            }
        }
    }
}

#[test]
fn a_name_is_looked_for_in_ones_own_chats() {
    let mut room = Room::new();
    room.came(chat(1), user(1), "anna");
    room.came(chat(2), user(2), "anna");
    let mine = room.post((chat(1), user(1)), "2026-01-01T00:00:00Z", "x");
    room.post((chat(2), user(2)), "2026-01-01T00:00:00Z", "x");
    room.commit();
    assert_eq!(room.found(Who::Member(user(1)), "from:anna"), [mine]);
    assert_eq!(room.found(Who::Operator, "from:anna").len(), 2);
}

#[test]
fn who_has_left_finds_nothing_and_his_messages_keep_his_name() {
    for commits in [false, true] {
        let mut room = Room::new();
        room.came(chat(1), user(1), "anna");
        room.came(chat(1), user(2), "boris");
        let said = room.post((chat(1), user(2)), "2026-01-01T00:00:00Z", "тайна");
        if commits {
            room.commit();
        }
        room.change(Change::Went { chat_id: chat(1), user_id: user(2) });
        room.commit();
        assert_eq!(room.found(Who::Member(user(2)), "тайна"), [0; 0]);
        let seen = room.ask(Who::Member(user(1)), "from:boris").hits;
        let seen = seen.iter().map(|hit| (hit.position, hit.user_name.as_deref())).collect::<Vec<_>>();
        assert_eq!(seen, [(said, Some("boris"))]);
        room.came(chat(1), user(2), "bob");
        room.commit();
        assert_eq!(room.found(Who::Member(user(2)), "from:bob"), [said], "under the name that he has now");
        assert_eq!(room.found(Who::Member(user(1)), "from:boris"), [0; 0]);
    }
}

/// The scores and the cursor that a member sees while something is said in a chat that they are not in.
fn seen_beside(foreign: &str) -> (Vec<(u64, u32)>, Vec<u8>) {
    let mut room = Room::new();
    room.came(chat(1), user(1), "anna");
    room.came(chat(2), user(2), "boris");
    for text in ["кит плыл", "кит", "плыл PLT-3699 долго", "кит и кит PLT-3700"] {
        room.post((chat(1), user(1)), "2026-01-01T00:00:00Z", text);
        room.post((chat(2), user(2)), "2026-01-01T00:00:00Z", foreign);
    }
    room.commit();
    let question = question("кит OR плыл OR редкое OR \"кит плыл\" OR PLT-36").unwrap();
    let (who, order, deadline) = (Who::Member(user(1)), Order::Relevance, Instant::now() + SOON);
    let request =
        SearchRequest { question: &question, zone: &TimeZone::UTC, who, order, from: None, limit: 3, deadline };
    let found = find(&room.index().snapshot(), &request).unwrap();
    let scores = found.hits.iter().map(|hit| (hit.position, hit.score.to_bits())).collect();
    (scores, found.next.unwrap().bytes())
}

#[test]
fn scores_and_cursors_do_not_depend_on_other_chats() {
    let (scores, cursor) = seen_beside("x");
    assert!(scores.len() == 3 && scores[0].1 > 0);
    for foreign in ["редкое", "кит плыл", "редкое кит кит кит и ещё много слов о другом", "PLT PLT-3699"]
    {
        assert_eq!(seen_beside(foreign), (scores.clone(), cursor.clone()), "{foreign}");
    }
}

#[test]
fn a_chat_name_that_many_chats_have_stands_for_ones_own() {
    let mut room = Room::new();
    // More than one name may stand for.
    for number in 10..5_100 {
        room.change(Change::ChatNamed { chat_id: chat(number), name: "общий".into() });
    }
    room.change(Change::ChatNamed { chat_id: chat(1), name: "общий".into() });
    room.came(chat(1), user(1), "anna");
    let mine = room.post((chat(1), user(1)), "2026-01-01T00:00:00Z", "x");
    room.commit();
    assert_eq!(room.found(Who::Member(user(1)), "in:общий"), [mine]);
    assert!(!room.ask(Who::Operator, "in:общий").complete);
}
