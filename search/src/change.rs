//! What changes in an index, and the documents that come of it. Cutting a text is the work; it needs no index and can
//! be done by several threads.

use crate::schema::{fields, pair};
use crate::words::{Words, folded_name, has_link, words};
use domain::{ChatId, MessageId, Timestamp, UserId};
use tantivy::TantivyDocument;
use tantivy::tokenizer::PreTokenizedString;

/// One thing that changes.
#[derive(Clone, Debug)]
pub enum Change {
    /// A message was said.
    Posted(Post, Text),
    /// A message says something else.
    Edited {
        /// Which.
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
        /// Which chat.
        chat_id: ChatId,
        /// Who.
        user_id: UserId,
        /// His name there; none when it was erased.
        nickname: Option<String>,
    },
    /// Somebody is in a chat no more.
    Went {
        /// Which chat.
        chat_id: ChatId,
        /// Who.
        user_id: UserId,
    },
    /// There is a chat of that name, or it has got that name.
    ChatNamed {
        /// Which.
        chat_id: ChatId,
        /// How it is called.
        name: String,
    },
    /// A chat is gone, and all that was in it.
    ChatRemoved(ChatId),
    /// Somebody was erased: what he said is gone, and his names.
    Forgotten(UserId),
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Post {
    /// Which.
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

/// The document of a message.
pub(crate) fn message(post: &Post, text: Text) -> TantivyDocument {
    let fields = fields();
    let mut document = TantivyDocument::default();
    document.add_bytes(fields.message_id, post.message_id.0.as_bytes());
    document.add_bytes(fields.chat_id, post.chat_id.0.as_bytes());
    document.add_bytes(fields.author, post.author.0.as_bytes());
    document.add_bytes(fields.said_by, &pair(post.chat_id, post.author));
    document.add_u64(fields.position, post.position);
    document.add_i64(fields.sent_at, post.sent_at.0);
    if let Some(edited_at) = post.edited_at {
        document.add_i64(fields.edited_at, edited_at.0);
    }
    document.add_text(fields.text, text.text);
    let cut = |tokens| PreTokenizedString { text: String::new(), tokens };
    document.add_pre_tokenized_text(fields.exact, cut(text.words.exact));
    document.add_pre_tokenized_text(fields.stems, cut(text.words.stems));
    document.add_bool(fields.has_link, text.has_link);
    document
}

/// The document of a name in a chat.
pub(crate) fn name(chat_id: ChatId, user_id: UserId, nickname: Option<&str>) -> TantivyDocument {
    let fields = fields();
    let mut document = TantivyDocument::default();
    document.add_bytes(fields.named, &pair(chat_id, user_id));
    document.add_bytes(fields.named_chat, chat_id.0.as_bytes());
    document.add_bytes(fields.named_user, user_id.0.as_bytes());
    if let Some(nickname) = nickname {
        document.add_text(fields.nickname, nickname);
        document.add_text(fields.nickname_key, folded_name(nickname));
    }
    document
}

/// The document of a membership.
pub(crate) fn membership(chat_id: ChatId, user_id: UserId) -> TantivyDocument {
    let fields = fields();
    let mut document = TantivyDocument::default();
    document.add_bytes(fields.present, &pair(chat_id, user_id));
    document.add_bytes(fields.present_chat, chat_id.0.as_bytes());
    document.add_bytes(fields.present_user, user_id.0.as_bytes());
    document
}

/// The document of a chat.
pub(crate) fn chat(chat_id: ChatId, name: &str) -> TantivyDocument {
    let fields = fields();
    let mut document = TantivyDocument::default();
    document.add_bytes(fields.known, chat_id.0.as_bytes());
    document.add_text(fields.chat_name, name);
    document.add_text(fields.chat_name_key, folded_name(name));
    document
}
