//! Questions and their answers, over an index in a throwaway folder.
#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod forms;
mod limits;
mod pages;
mod scripts;
mod time;
mod who;

use domain::{ChatId, MessageId, Timestamp, UserId};
use search::{Change, Index, Order, Post, ResultPage, SearchRequest, Text, TimeZone, Who, Writer, find, question};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use uuid::Uuid;

/// Longer than any answer takes on a slow machine.
const SOON: Duration = Duration::from_secs(60);

fn chat(number: u64) -> ChatId {
    ChatId(Uuid::from_u128(0xC0 << 64 | u128::from(number)))
}

fn user(number: u64) -> UserId {
    UserId(Uuid::from_u128(0xB0 << 64 | u128::from(number)))
}

/// An index that is written as the projection does: each change has the next position.
struct Room {
    writer: Writer,
    position: u64,
    _folder: TempDir,
}

impl Room {
    fn new() -> Room {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::create(&folder.path().join("index")).unwrap();
        Room { writer, position: 0, _folder: folder }
    }

    fn index(&self) -> &Index {
        self.writer.index()
    }

    fn change(&mut self, change: Change) -> u64 {
        self.position += 1;
        self.writer.change(change).unwrap();
        self.position
    }

    fn commit(&mut self) {
        self.writer.commit(self.position).unwrap();
    }

    /// Says something; the answer is the position. The message's id is made of it.
    fn post(&mut self, (chat_id, author): (ChatId, UserId), sent_at: &str, text: &str) -> u64 {
        let message_id = MessageId(Uuid::from_u128(u128::from(self.position + 1)));
        let sent_at = Timestamp::parse(sent_at).unwrap();
        let position = self.position + 1;
        let post = Post { message_id, chat_id, author, position, sent_at, edited_at: None };
        self.change(Change::Posted(post, Text::cut(text)))
    }

    fn say(&mut self, text: &str) -> u64 {
        self.post((chat(1), user(1)), "2026-01-01T00:00:00Z", text)
    }

    fn came(&mut self, chat_id: ChatId, user_id: UserId, nickname: &str) {
        self.change(Change::Came { chat_id, user_id, nickname: Some(nickname.to_owned()) });
    }

    fn ask(&self, who: Who, text: &str) -> ResultPage {
        self.ask_in(&TimeZone::UTC, who, text)
    }

    fn ask_in(&self, zone: &TimeZone, who: Who, text: &str) -> ResultPage {
        let question = question(text).unwrap();
        let deadline = Instant::now() + SOON;
        let request =
            SearchRequest { question: &question, zone, who, order: Order::Newest, from: None, limit: 1_000, deadline };
        find(&self.index().snapshot(), &request).unwrap()
    }

    /// The positions that answer, the newest first.
    fn found(&self, who: Who, text: &str) -> Vec<u64> {
        let found = self.ask(who, text);
        assert!(found.complete);
        assert_eq!(found.total, found.hits.len() as u64);
        found.hits.iter().map(|hit| hit.position).collect()
    }
}
