use super::*;
use domain::text::{ChatName, MessageText};
use domain::{Personal, StoredParts, Timestamp};
use uuid::Uuid;

/// Every shape that was ever stored, once each: its name and its payload.
const STORED: &str = include_str!("../../../domain/tests/snapshots/stored__every_shape_that_is_stored.snap");
const ID: &str = "00000000-0000-0000-0000-00000000000f";

fn stored() -> Vec<(&'static str, Event)> {
    let (_, shapes) = STORED.split_once("---\n").and_then(|(_, rest)| rest.split_once("---\n")).unwrap();
    let shapes = shapes.split("\n\n").map(|shape| {
        let mut lines = shape.lines();
        let (name, payload) = (lines.next().unwrap().trim(), lines.next().unwrap().trim());
        let (category, _) = name.split_once('.').unwrap();
        let id = match category {
            "name" | "email" | "identity" | "suppression" => "0f".repeat(32),
            "projection" | "template_key" => "users".to_owned(),
            "read_mark" => format!("{ID}.{ID}.7"),
            "digest" => format!("{ID}.7"),
            _ => ID.to_owned(),
        };
        let stream = &format!("{category}-{id}");
        (name, Event::restore(&StoredParts { stream, name, payload, personal: None }).unwrap())
    });
    shapes.collect()
}

#[test]
fn every_public_shape() {
    let shown = stored().into_iter().map(|(name, event)| match translate(&event) {
        Some(told) => format!("{name}\n  {}\n  {}\n", told.subject, told.payload),
        None => format!("{name}\n  is told to nobody\n"),
    });
    insta::assert_snapshot!(shown.collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_subject_is_one_that_the_stream_takes_and_no_wakeup() {
    let mut subjects = stored().iter().filter_map(|(_, event)| Some(translate(event)?.subject)).collect::<Vec<_>>();
    assert!(subjects.len() > 15, "{subjects:?}");
    for subject in &subjects {
        let taken = SUBJECTS.iter().any(|taken| {
            let category = taken.strip_suffix('*').unwrap();
            subject.strip_prefix(category).is_some_and(|fact| !fact.is_empty() && !fact.contains('.'))
        });
        assert!(taken, "{subject}");
    }
    assert!(SUBJECTS.iter().all(|taken| !crate::wakeups::SUBJECT.starts_with(taken.strip_suffix('*').unwrap())));
    subjects.dedup();
    let all = subjects.len();
    subjects.sort_unstable();
    subjects.dedup();
    assert_eq!(subjects.len(), all, "two facts are told under one subject");
}

#[test]
fn every_payload_has_the_version_of_its_shape() {
    for told in stored().iter().filter_map(|(_, event)| translate(event)) {
        let payload = serde_json::from_str::<serde_json::Value>(&told.payload).unwrap();
        assert_eq!(payload["v"], 1, "{}", told.subject);
    }
}

#[test]
fn what_people_wrote_is_not_told_even_where_it_is_known() {
    let (anna, chat_id) = (UserId(Uuid::from_u128(1)), ChatId(Uuid::from_u128(2)));
    let text = MessageText::parse("meet me at nine").unwrap();
    let events = [
        Event::Message(
            MessageId(Uuid::from_u128(15)),
            message::Event::Posted(message::Posted {
                chat_id,
                author: anna,
                sent_at: Timestamp(0),
                reply_to: None,
                text: Personal::Known(text.clone()),
            }),
        ),
        Event::Message(
            MessageId(Uuid::from_u128(15)),
            message::Event::Edited(message::Edited {
                chat_id,
                author: anna,
                at: Timestamp(0),
                text: Personal::Known(text),
            }),
        ),
        Event::Chat(
            chat_id,
            chat::Event::Created(chat::Created {
                chat_name: ChatName::parse("at nine").unwrap(),
                private: false,
                by: anna,
            }),
        ),
    ];
    for event in events {
        let told = translate(&event).unwrap();
        assert!(!told.payload.contains("nine"), "{told:?}");
    }
}
