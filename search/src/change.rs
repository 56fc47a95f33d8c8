//! What changes in an index, and the documents that come of it. Cutting a text is the work; it needs no index and can
//! be done by several threads.

use crate::document::Document;
use crate::schema::{fields, pair};
use crate::words::{Words, folded_name, has_link, words};
use domain::{ChatId, MessageId, Timestamp, UserId};

/// One thing that changes.
#[derive(Clone, Debug)]
pub enum Change {
    /// A message was said.
    Posted(Post, Text),
    /// A message says something else.
    Edited {
        message_id: MessageId,
        /// What it says now.
        text: Text,
        /// When it was edited.
        at: Timestamp,
    },
    /// A message is gone.
    Removed(MessageId),
    /// Somebody is in a chat.
    Came {
        chat_id: ChatId,
        user_id: UserId,
        /// Their name there; none when it was erased.
        nickname: Option<String>,
    },
    /// Somebody is in a chat no more.
    Went { chat_id: ChatId, user_id: UserId },
    /// There is a chat of that name, or it has got that name.
    ChatNamed {
        chat_id: ChatId,
        /// How it is called.
        name: String,
    },
    /// A chat is gone, and all that was in it.
    ChatRemoved(ChatId),
    /// Somebody was erased: what they said is gone, and their names.
    Forgotten(UserId),
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Post {
    pub message_id: MessageId,
    /// In which chat.
    pub chat_id: ChatId,
    /// Who wrote it.
    pub author: UserId,
    /// Where it was said in the log.
    pub position: u64,
    /// When it was said.
    pub sent_at: Timestamp,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
}

/// A text, and the words that it was cut into.
#[derive(Clone, Debug)]
pub struct Text {
    text: String,
    words: Words,
    has_link: bool,
}

impl Text {
    /// Cuts it.
    pub fn cut(text: &str) -> Text {
        Text { text: text.to_owned(), words: words(text), has_link: has_link(text) }
    }
}

/// Most fields of a message.
const MESSAGE_FIELDS: usize = 11;

/// The document of a message.
pub(crate) fn message(post: &Post, text: Text) -> Document {
    let fields = fields();
    Document::of(MESSAGE_FIELDS)
        .with(fields.message_id, post.message_id.0.as_bytes())
        .with(fields.chat_id, post.chat_id.0.as_bytes())
        .with(fields.author, post.author.0.as_bytes())
        .with(fields.said_by, &pair(post.chat_id, post.author))
        .with(fields.position, post.position)
        .with(fields.sent_at, post.sent_at.0)
        .with_any(fields.edited_at, post.edited_at.map(|at| at.0))
        .with(fields.text, text.text)
        .with(fields.exact, text.words.exact)
        .with(fields.stems, text.words.stems)
        .with_any(fields.has_link, text.has_link.then_some(true))
}

/// Most fields of a member.
const MEMBER_FIELDS: usize = 6;

/// The document of a member, or of a former one.
pub(crate) fn member(key: &[u8; 32], nickname: Option<String>, is_present: bool) -> Document {
    let fields = fields();
    let (chat_id, user_id) = key.split_at(16);
    let nickname_key = nickname.as_deref().map(folded_name);
    Document::of(MEMBER_FIELDS)
        .with(fields.member, key)
        .with(fields.member_chat, chat_id)
        .with(fields.member_user, user_id)
        .with_any(fields.nickname, nickname)
        .with_any(fields.nickname_key, nickname_key)
        .with_any(fields.present_user, is_present.then_some(user_id))
}

/// The document of a chat.
pub(crate) fn chat(chat_id: ChatId, name: String) -> Document {
    let fields = fields();
    let key = folded_name(&name);
    Document::default()
        .with(fields.known, chat_id.0.as_bytes())
        .with(fields.chat_name, name)
        .with(fields.chat_name_key, key)
}
