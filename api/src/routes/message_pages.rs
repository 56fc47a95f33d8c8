//! The messages of a chat as one member sees them, one or in pages.

use super::message_shown::Message;
use crate::error::{Code, Error};
use crate::http::conditional::{tag, tag_beside};
use axum::http::HeaderValue;
use domain::json::json_bytes;
use domain::reactions::Reaction;
use domain::{ChatId, MessageId, UserId};
use projections::messages::{self, Order};
use store::sql::Database;

/// Bytes of JSON after which a page takes no more messages: 1,000 of the longest would be 94 MiB.
pub(super) const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// Most rows that are read at a time.
const STEP_ROWS_MAX: u32 = 100;
/// About how many bytes of JSON one kind of reaction takes.
const REACTION_BYTES: usize = 64;

/// The messages of one chat, as one of its members sees them.
#[derive(Clone, Copy)]
pub(super) struct ListOf<'a> {
    pub(super) database: &'a Database,
    pub(super) chat_id: ChatId,
    pub(super) viewer: UserId,
}

/// A message with the reactions to it.
pub(super) struct Row {
    message: messages::Message,
    reactions: Vec<Reaction>,
}

/// Some messages in their order.
pub(super) struct Page {
    pub(super) rows: Vec<Row>,
    /// Whether there are more behind the last one.
    pub(super) more: bool,
    /// Whether there are more before the first one; not looked for unless the page is around a message.
    pub(super) more_before: bool,
}

impl Row {
    pub(super) fn position(&self) -> u64 {
        self.message.position
    }

    pub(super) fn shown(self) -> Message {
        Message::of(self.message, self.reactions)
    }

    /// For those who may resolve what was reported of it.
    pub(super) fn revealed(self) -> Message {
        Message::revealed(self.message, self.reactions)
    }

    pub(super) fn is_hidden(&self) -> bool {
        self.message.hidden
    }

    /// What was reacted is no part of the message's own stream.
    pub(super) fn tag(&self) -> HeaderValue {
        if self.reactions.is_empty() {
            return tag(self.message.version);
        }
        let reactions = serde_json::to_vec(&self.reactions).expect("it has string keys and no floats");
        tag_beside(self.message.version, &[&reactions])
    }

    fn json_bytes(&self) -> usize {
        json_bytes(&self.message.text) + self.reactions.len() * REACTION_BYTES
    }
}

impl ListOf<'_> {
    /// One message.
    pub(super) async fn one(self, message_id: MessageId) -> Result<Row, Error> {
        let message = messages::one(self.database, self.chat_id, message_id).await?;
        let not_found = || Error::new(Code::MessageNotFound, "there is no such message in this chat");
        let mut rows = self.with_reactions(vec![message.ok_or_else(not_found)?]).await?;
        rows.pop().ok_or_else(not_found)
    }

    /// The page that has a message in its middle, as far as there are as many on both sides of it.
    pub(super) async fn around(self, order: Order, message_id: MessageId, limit: u32) -> Result<Page, Error> {
        let middle = self.one(message_id).await?.position();
        let before = self.page(order.reversed(), Some(middle), (limit - 1) / 2).await?;
        // The message itself is the first of those behind.
        let from = match order {
            Order::OldestFirst => middle - 1,
            Order::NewestFirst => middle + 1,
        };
        let behind = self.page(order, Some(from), limit - before.rows.len() as u32).await?;
        let rows = before.rows.into_iter().rev().chain(behind.rows).collect();
        Ok(Page { rows, more: behind.more, more_before: before.more })
    }

    /// A page behind a position in its order. It ends early when it has become large.
    pub(super) async fn page(self, order: Order, mut from: Option<u64>, limit: u32) -> Result<Page, Error> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        loop {
            let wanted = (limit + 1).saturating_sub(rows.len() as u32).min(STEP_ROWS_MAX);
            let step = self.step(order, from, wanted).await?;
            let is_last = step.len() < wanted as usize;
            for row in step {
                if rows.len() >= limit as usize || bytes > PAGE_BYTES_MAX {
                    return Ok(Page { rows, more: true, more_before: false });
                }
                bytes += row.json_bytes();
                from = Some(row.position());
                rows.push(row);
            }
            if is_last {
                return Ok(Page { rows, more: false, more_before: false });
            }
        }
    }

    /// So many messages behind a position in that order.
    pub(super) async fn step(self, order: Order, from: Option<u64>, limit: u32) -> Result<Vec<Row>, store::Error> {
        self.with_reactions(messages::page(self.database, self.chat_id, order, from, limit).await?).await
    }

    async fn with_reactions(self, messages: Vec<messages::Message>) -> Result<Vec<Row>, store::Error> {
        let positions = || messages.iter().map(|message| message.position);
        let Some(range) = positions().min().zip(positions().max()) else { return Ok(Vec::new()) };
        let mut reactions = messages::reactions(self.database, self.chat_id, range, self.viewer).await?;
        let row = |message: messages::Message| {
            let reactions = reactions.remove(&message.message_id).unwrap_or_default();
            Row { message, reactions }
        };
        Ok(messages.into_iter().map(row).collect())
    }
}

/// A message as it reads now; none when it is gone or hidden, or `user_id` is not in its chat now.
pub(super) async fn readable(
    database: &Database,
    chat_id: ChatId,
    message_id: MessageId,
    user_id: UserId,
) -> Result<Option<messages::Message>, Error> {
    match messages::access(database, chat_id, user_id).await? {
        messages::Access::Member => {
            let message = messages::one(database, chat_id, message_id).await?;
            Ok(message.filter(|message| !message.hidden))
        }
        messages::Access::NotAMember | messages::Access::NoChat => Ok(None),
    }
}

/// Lets members in.
pub(super) async fn admit(database: &Database, chat_id: ChatId, user_id: UserId) -> Result<(), Error> {
    match messages::access(database, chat_id, user_id).await? {
        messages::Access::Member => Ok(()),
        messages::Access::NotAMember => {
            Err(Error::new(Code::NotAMember, "you are not a member of this chat; join it first"))
        }
        messages::Access::NoChat => Err(Error::new(Code::ChatNotFound, "there is no such chat")),
    }
}
