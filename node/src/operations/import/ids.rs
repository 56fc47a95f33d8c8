//! Who and what is who and what: ids out of what the file says, the same on every installation and in every run.

use super::file::Line;
use domain::text::{ChatName, UserName, canonical_name};
use domain::{ChatId, MessageId, UserId};
use std::collections::HashMap;
use uuid::Uuid;

/// Never to be changed: with other ids a second import would bring everything in again.
const CONTEXT: &str = "letopis import 2026-11 ids of rooms, authors and messages";

/// The chat of a room.
pub fn chat(room: &ChatName) -> ChatId {
    ChatId(id("chat", &[room.as_str().as_bytes()]))
}

/// The account of an author: spellings that look the same are one person.
pub fn user(author: &str) -> UserId {
    UserId(match canonical_name(author) {
        Some(canonical) => id("user", &[canonical.as_bytes()]),
        None => id("user without canonical name", &[author.as_bytes()]),
    })
}

/// Names for an author's account, the best first: their own spelling where it is a valid name, then names that are
/// made from it.
pub fn user_names(author: &str, user_id: UserId) -> Vec<UserName> {
    let digits = user_id.0.simple().to_string();
    // 57 characters, a hyphen and 6 digits are the 64 that a name may have.
    let fits = |c: &char| *c == ' ' || UserName::parse(c.encode_utf8(&mut [0; 4])).is_ok();
    let kept = author.trim().chars().filter(fits).take(57).collect::<String>();
    let kept = if kept.trim().is_empty() { "user" } else { kept.trim() };
    let made = [author.to_owned(), format!("{kept}-{}", &digits[..6]), format!("user-{digits}")];
    made.iter().filter_map(|name| UserName::parse(name).ok()).collect()
}

/// How often the same message was seen: people do say the same thing twice within a second.
#[derive(Default)]
pub struct Occurrences {
    seen: HashMap<Uuid, u64>,
}

impl Occurrences {
    /// The message of a line: a UUIDv7 of the line's own time, its random part out of the hash. Ids that rise with
    /// time go to the right edge of every index; ids all over the place would touch a page of it for each message.
    pub fn message(&mut self, line: &Line) -> MessageId {
        let at = line.at.0.to_be_bytes();
        let parts = [line.room.as_str().as_bytes(), &at, line.author.as_bytes(), line.text.as_str().as_bytes()];
        let same = id("message", &parts);
        let occurrence = self.seen.entry(same).or_default();
        *occurrence += 1;
        let random = id("occurrence", &[same.as_bytes(), &occurrence.to_be_bytes()]).into_bytes();
        let mut tail = [0; 10];
        tail.copy_from_slice(&random[..10]);
        MessageId(uuid::Builder::from_unix_timestamp_millis(line.at.unix_ms(), &tail).into_uuid())
    }
}

/// A UUID of version 8 out of a hash. Parts are told apart by their lengths.
fn id(kind: &str, parts: &[&[u8]]) -> Uuid {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    for part in std::iter::once(kind.as_bytes()).chain(parts.iter().copied()) {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Timestamp;
    use domain::text::MessageText;

    fn line(text: &str) -> Line {
        Line {
            number: 1,
            room: ChatName::parse("r").unwrap(),
            at: Timestamp(5),
            author: "a".to_owned(),
            text: MessageText::parse(text).unwrap(),
        }
    }

    #[test]
    fn spellings_that_look_the_same_are_one_person() {
        assert_eq!(user("Anna"), user("ANNA"));
        assert_eq!(user("Straße"), user("strasse"));
        assert_ne!(user("[optik]"), user("[optik] "));
        assert_eq!(user("Anna").0.get_version_num(), 8);
    }

    #[test]
    fn ids_are_fixed_for_ever() {
        assert_eq!(user("anna").to_string(), "47cdddb1-6216-8ce6-bf8c-c1909641668e");
        assert_eq!(chat(&ChatName::parse("#ubuntu").unwrap()).to_string(), "0cc96c65-e4c4-8128-a012-daeacb31302f");
        assert_eq!(Occurrences::default().message(&line("hi")).to_string(), "00000000-0000-714c-a878-a0d48c3eb02b");
    }

    #[test]
    fn an_author_without_a_valid_name_gets_one() {
        let first = |author: &str| user_names(author, user(author))[0].as_str().to_owned();
        assert_eq!(first("Анна"), "Анна");
        assert!(first("[x] ").starts_with("[x]-"));
        assert!(first("a@b.example").starts_with("ab.example-"));
        assert!(first("@@").starts_with("user-"));
        let long = first(&"я".repeat(100));
        assert_eq!(long.chars().count(), 64);
        for author in ["Анна", "[x] ", "\u{200b}", "a\tb", " "] {
            let names = user_names(author, user(author));
            assert!(names.len() >= 2, "{author:?}: a taken name must leave another");
        }
    }

    #[test]
    fn the_same_words_twice_are_two_messages_and_the_same_two_in_every_run() {
        let run = || {
            let mut seen = Occurrences::default();
            ["hi", "hi", "ho"].map(|text| seen.message(&line(text)))
        };
        let ids = run();
        assert!(ids[0] != ids[1] && ids[1] != ids[2]);
        assert_eq!(ids, run());
    }
}
