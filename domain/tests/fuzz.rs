//! What stands in a log, and what people write, mutated: whatever is read is written back equal.
#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use domain::id::{hex, parse_hash, parse_uuid};
use domain::text::{
    ChatName, DisplayName, Email, Locale, MessageText, Nickname, TimeZone, Unfit, UserName, canonical_name,
};
use domain::{Category, Event, StoredParts, StreamId, Timestamp, Unreadable};
use fuzz::Verdict;
use uuid::Uuid;

/// Every shape that was ever stored, as `tests/stored.rs` has it.
const SHAPES: &str = include_str!("snapshots/stored__every_shape_that_is_stored.snap");

/// Name, payload and personal part, a line each. The last may have line breaks, or be missing.
fn shapes() -> Vec<String> {
    let shapes = SHAPES.splitn(3, "---\n").nth(2).unwrap().trim_end().split("\n\n");
    shapes
        .map(|shape| {
            let mut lines = shape.splitn(4, '\n').map(|line| line.strip_prefix("  ").unwrap_or(line));
            let (name, payload) = (lines.next().unwrap(), lines.next().unwrap());
            // Whose the personal part is stands on a line of its own.
            match lines.nth(1) {
                Some(personal) => format!("{name}\n{payload}\n{personal}"),
                None => format!("{name}\n{payload}"),
            }
        })
        .collect()
}

/// One stream of each kind.
fn streams() -> Vec<String> {
    let id = Uuid::from_u128(1);
    let forms = [id.to_string(), "01".repeat(32), "users".to_owned(), format!("{id}.{id}.7"), format!("{id}.7")];
    let of = |category: Category| {
        let texts = forms.iter().map(|form| format!("{}-{form}", category.word()));
        texts.into_iter().find(|text| StreamId::parse(text).is_some()).expect("one of the forms is that of its ids")
    };
    Category::ALL.map(of).to_vec()
}

/// Reads an event in the stream of its kind; in every other one it is misplaced.
fn restore(name: &str, payload: &str, personal: Option<&str>) -> Result<Event, Unreadable> {
    let read = |stream: &String| Event::restore(&StoredParts { stream, name, payload, personal });
    let (category, _) = name.split_once('.').unwrap_or((name, ""));
    let (own, others): (Vec<_>, Vec<_>) =
        streams().into_iter().partition(|stream| stream.starts_with(&format!("{category}-")));
    let Some(restored) = own.first().map(read) else { return read(&others[0]) };
    for other in others.iter().map(read) {
        match &restored {
            Ok(_) => assert_eq!(other, Err(Unreadable::Misplaced(name.to_owned()))),
            Err(error) => assert_eq!(other.as_ref(), Err(error)),
        }
    }
    restored
}

#[test]
fn an_event_that_can_be_read_is_written_back_equal() {
    let shapes = shapes();
    let seeds = shapes.iter().map(String::as_str).collect::<Vec<_>>();
    let names = shapes.iter().map(|shape| shape.split('\n').next().unwrap()).collect::<Vec<_>>();
    fuzz::text(&seeds, |input| {
        let mut parts = input.splitn(3, '\n');
        let (name, payload, personal) = (parts.next().unwrap(), parts.next().unwrap_or_default(), parts.next());
        let restored = restore(name, payload, personal);
        match &restored {
            Ok(event) => {
                assert_eq!(event.name(), name);
                let stored = event.stored();
                let personal = stored.personal.as_ref().map(|(_, text)| text.as_str());
                let again = restore(stored.name, &stored.payload, personal);
                assert_eq!(again.as_ref(), Ok(event));
                assert_eq!(again.unwrap().stored(), stored);
            }
            Err(Unreadable::UnknownName(unknown)) => assert!(unknown == name && !names.contains(&name)),
            Err(error @ Unreadable::Misplaced(_)) => panic!("{error}: it was read in its own stream"),
            Err(Unreadable::Shape { name: known, .. }) => assert!(known == name && names.contains(&name)),
        }
        Verdict::from(&restored)
    });
}

#[test]
fn an_id_has_one_form() {
    let id = Uuid::from_u128(0x0190_c2f4_0000_7000_8000_0000_0000_00ab);
    let digits = "ab".repeat(32);
    let streams = [
        format!("user-{id}"),
        format!("session-{}", id.simple()),
        format!("token-{id}"),
        format!("chat-{id}"),
        format!("message-{id}"),
        format!("name-{digits}"),
        "projection-sign-ins".to_owned(),
        id.to_string(),
        digits.clone(),
    ];
    let seeds = streams.iter().map(String::as_str).collect::<Vec<_>>();
    fuzz::text(&seeds, |input| {
        let stream = StreamId::parse(input);
        if let Some(stream) = stream {
            let text = stream.to_string();
            assert_eq!(StreamId::parse(&text), Some(stream));
            let plain = |text: &str| text.to_lowercase().replace('-', "");
            assert_eq!(plain(&text), plain(input));
        }
        let (id, hash) = (parse_uuid(input), parse_hash(input));
        if let Some(id) = id {
            assert_eq!(id.simple().to_string(), input.to_lowercase().replace('-', ""));
        }
        if let Some(hash) = hash {
            assert_eq!(hex(&hash), input.to_lowercase());
        }
        Verdict::from(stream.is_some() || id.is_some() || hash.is_some())
    });
}

#[test]
fn an_instant_reads_back() {
    let seeds = [
        "2026-11-21T14:53:17Z",
        "2004-12-25T09:14:00.123456789+01:00",
        "1969-12-31T23:59:59.999999-00:30",
        "-009999-06-01T00:00:00Z",
    ];
    fuzz::text(&seeds, |input| {
        let instant = Timestamp::parse(input);
        if let Some(instant) = instant {
            assert_eq!(Timestamp::parse(&instant.to_string()), Some(instant));
            let later = instant.plus_seconds(60);
            assert_eq!(Timestamp::parse(&later.to_string()), Some(later));
        }
        Verdict::from(&instant)
    });
}

/// Holds a text against its own rules: it is kept as it was written, and taken again.
fn kept<T: PartialEq + std::fmt::Debug>(
    input: &str,
    parse: fn(&str) -> Result<T, Unfit>,
    as_str: fn(&T) -> &str,
) -> bool {
    let parsed = parse(input);
    if let Ok(text) = &parsed {
        assert_eq!(as_str(text), input);
        assert_eq!(parse(as_str(text)).as_ref(), Ok(text));
    }
    parsed.is_ok()
}

#[test]
fn what_people_write_is_kept_as_it_is_or_refused() {
    let seeds =
        ["Анна Петровна", "anna@example.org", "Europe/Berlin", "pt-BR", "hello, \"world\" 🦀", "ŞİŞLİ ﬃ", "ﷺﷺﷺﷺﷺﷺﷺ"];
    fuzz::text(&seeds, |input| {
        let taken = [
            kept(input, UserName::parse, UserName::as_str),
            kept(input, Nickname::parse, Nickname::as_str),
            kept(input, DisplayName::parse, DisplayName::as_str),
            kept(input, ChatName::parse, ChatName::as_str),
            kept(input, MessageText::parse, MessageText::as_str),
            kept(input, Email::parse, Email::as_str),
            kept(input, TimeZone::parse, TimeZone::as_str),
            kept(input, Locale::parse, Locale::as_str),
        ];
        if let Some(canonical) = canonical_name(input) {
            assert_eq!(canonical_name(&canonical).as_ref(), Some(&canonical), "two accounts could look like one");
        }
        if let Ok(name) = UserName::parse(input) {
            assert!(name.canonical().len() <= 256, "it goes into a cursor");
            assert!(!name.canonical().contains('\0'));
        }
        // Nearly everything is a message.
        let [is_user_name, _, _, _, _, is_email, ..] = taken;
        Verdict::from(is_user_name || is_email)
    });
}
