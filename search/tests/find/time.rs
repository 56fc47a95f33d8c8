use crate::{Room, chat, user};
use search::{Change, Note, TimeZone, Who};

#[test]
fn a_day_is_one_of_the_asker_and_an_instant_is_everybodys() {
    let mut room = Room::new();
    let at = |room: &mut Room, sent_at: &str| room.post((chat(1), user(1)), sent_at, "слово");
    let evening = at(&mut room, "2026-01-31T20:59:59.999999Z");
    let night = at(&mut room, "2026-01-31T21:00:00Z");
    let later = at(&mut room, "2026-01-31T21:00:00.5Z");
    room.commit();
    let moscow = TimeZone::get("Europe/Moscow").unwrap();
    let table: [(&TimeZone, &str, &[u64]); 12] = [
        (&TimeZone::UTC, "on:2026-01-31", &[later, night, evening]),
        (&moscow, "on:2026-01-31", &[evening]),
        (&moscow, "on:2026-2-1", &[later, night]),
        (&moscow, "before:2026-02", &[evening]),
        (&moscow, "after:2026-01", &[later, night]),
        (&moscow, "after:2026-01-31T21:00:00Z", &[later]),
        (&moscow, "before:2026-01-31T21:00:00Z", &[evening]),
        (&moscow, "on:2026-01-31T21:00:00Z", &[later, night]),
        (&moscow, "on:2026-01-31T21:00:00.5Z", &[later]),
        (&moscow, "on:2026-01-31T21:00Z", &[later, night]),
        (&moscow, "before:2026-02-01T00:00:00+03:00", &[evening]),
        (&moscow, "on:\"2026-02-01 00:00\"", &[later, night]),
    ];
    for (zone, question, positions) in table {
        let found = room.ask_in(zone, Who::Operator, question);
        assert_eq!(found.hits.iter().map(|hit| hit.position).collect::<Vec<_>>(), positions, "{question}");
        assert!(found.notes.is_empty(), "{:?}", found.notes);
    }
}

/// Where clocks change a day has 23 or 25 hours, or begins at one.
#[test]
fn a_day_at_a_change_of_clocks_is_as_long_as_it_was() {
    let mut room = Room::new();
    let zone = |name| TimeZone::get(name).unwrap();
    let (berlin, santiago) = (zone("Europe/Berlin"), zone("America/Santiago"));
    // The first and the last microsecond of a day, and those beside it.
    let table = [
        (
            &berlin,
            "2026-03-29",
            [
                "2026-03-28T22:59:59.999999Z",
                "2026-03-28T23:00:00Z",
                "2026-03-29T21:59:59.999999Z",
                "2026-03-29T22:00:00Z",
            ],
        ),
        (
            &berlin,
            "2026-10-25",
            [
                "2026-10-24T21:59:59.999999Z",
                "2026-10-24T22:00:00Z",
                "2026-10-25T22:59:59.999999Z",
                "2026-10-25T23:00:00Z",
            ],
        ),
        // There midnight is one o'clock that day.
        (
            &santiago,
            "2026-09-06",
            [
                "2026-09-06T03:59:59.999999Z",
                "2026-09-06T04:00:00Z",
                "2026-09-07T02:59:59.999999Z",
                "2026-09-07T03:00:00Z",
            ],
        ),
    ];
    for (zone, day, instants) in table {
        let posted = instants.map(|at| room.post((chat(1), user(1)), at, "слово"));
        room.commit();
        let [before, first, last, after] = posted;
        let found = |question: String| {
            let hits = room.ask_in(zone, Who::Operator, &question).hits;
            hits.iter().map(|hit| hit.position).filter(|position| posted.contains(position)).collect::<Vec<_>>()
        };
        assert_eq!(found(format!("on:{day}")), [last, first], "{day}");
        assert_eq!(found(format!("before:{day}")), [before], "{day}");
        assert_eq!(found(format!("after:{day}")), [after], "{day}");
    }
}

#[test]
fn a_name_of_two_words_stands_in_quotes_and_one_that_two_people_have_means_both() {
    let mut room = Room::new();
    for (number, name) in [(1, "Anna Maria"), (2, "anna maria"), (3, "anna")] {
        room.came(chat(number), user(1), "me myself");
        room.came(chat(number), user(number + 10), name);
    }
    let said = [1, 2, 3].map(|number| room.post((chat(number), user(number + 10)), "2026-01-01T00:00:00Z", "слово"));
    room.commit();
    let found = |question: &str| {
        let found = room.ask(Who::Member(user(1)), question);
        assert!(found.notes.is_empty(), "{question}: {:?}", found.notes);
        found.hits.iter().map(|hit| hit.position).collect::<Vec<_>>()
    };
    assert_eq!(found("from:\"anna maria\" слово"), [said[1], said[0]]);
    assert_eq!(found("from:\"@Anna Maria\""), [said[1], said[0]]);
    assert_eq!(found("from:«anna maria» слово"), [said[1], said[0]]);
    assert_eq!(found("from:anna слово"), [said[2]]);
}

/// A member of two chats among three, of which each has one.
fn room() -> (Room, [u64; 3]) {
    let mut room = Room::new();
    let said = [1, 2, 3].map(|number| {
        let name = ["garden", "#kitchen", "secret"][number as usize - 1].to_owned();
        room.change(Change::ChatNamed { chat_id: chat(number), name });
        room.came(chat(number), user(2), "boris");
        room.post((chat(number), user(2)), "2026-01-01T00:00:00Z", "слово")
    });
    room.came(chat(1), user(1), "anna");
    room.came(chat(2), user(1), "@anna");
    room.came(chat(3), user(3), "clara");
    room.commit();
    (room, said)
}

#[test]
fn a_name_is_known_with_its_sign_and_without_and_who_asks_is_me() {
    let (mut room, [garden, kitchen, _]) = room();
    let mine = room.post((chat(1), user(1)), "2026-01-02T00:00:00Z", "моё");
    room.commit();
    let table: [(&str, &[u64]); 12] = [
        ("from:boris", &[kitchen, garden]),
        ("from:@Boris", &[kitchen, garden]),
        ("from:me", &[mine]),
        ("from:Me -from:boris", &[mine]),
        ("-from:me", &[kitchen, garden]),
        ("from:anna", &[mine]),
        ("from:@anna", &[mine]),
        ("in:garden", &[mine, garden]),
        ("in:#garden", &[mine, garden]),
        ("in:#kitchen", &[kitchen]),
        ("in:kitchen", &[kitchen]),
        ("in:me", &[mine, kitchen, garden]),
    ];
    for (question, positions) in table {
        let found = room.ask(Who::Member(user(1)), question);
        assert_eq!(found.hits.iter().map(|hit| hit.position).collect::<Vec<_>>(), positions, "{question}");
        assert!(found.notes.is_empty(), "{question}: {:?}", found.notes);
    }
}

#[test]
fn who_and_what_nobody_knows_is_said() {
    let (room, _) = room();
    let (account, secret) = (user(3).to_string(), chat(3).to_string());
    for name in ["dora", "@dora", "clara", "\"me\"", &account, "10000000-0000-4000-8000-000000000000"] {
        let found = room.ask(Who::Member(user(1)), &format!("слово from:{name}"));
        let unknown = [Note::UnknownPerson(name.trim_matches('"').to_owned())];
        assert_eq!((found.total, found.notes.as_slice()), (0, unknown.as_slice()));
    }
    for name in ["attic", "#attic", "secret", "#secret", &secret] {
        let found = room.ask(Who::Member(user(1)), &format!("in:{name} слово"));
        assert_eq!((found.total, found.notes.as_slice()), (0, [Note::UnknownChat(name.to_owned())].as_slice()));
    }
    // They are left out all the same.
    let found = room.ask(Who::Member(user(1)), "слово -from:clara OR in:secret");
    assert_eq!((found.total, found.notes.len()), (2, 2));
    assert!(room.ask(Who::Operator, "from:clara in:secret").notes.is_empty());
    assert_eq!(room.ask(Who::Operator, "from:me").notes, [Note::NobodyAsks]);
}
