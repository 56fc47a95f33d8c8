//! What an index holds: a document for each message, for each member of a chat, also for former ones, and for each chat.
//! All of them in one index, so that one commit holds everything as of one position of the log.

use crate::words::LINES;
use domain::{ChatId, UserId};
use std::sync::LazyLock;
use tantivy::schema::{
    Field, IndexRecordOption, NumericOptions, STORED, Schema, SchemaBuilder, TextFieldIndexing, TextOptions,
};

/// The version of the documents and of the words that their texts are cut into. Raise it when either changes: the next
/// start builds a new index from the log.
pub const VERSION: u32 = 5;

/// The fields of all documents. Ids are the 16 bytes of the UUID.
#[derive(Clone, Debug)]
pub struct Fields {
    /// Message: its id; one document each. Stored.
    pub message_id: Field,
    /// Message: the chat. Stored; fast, so that a query keeps to the chats that somebody may read.
    pub chat_id: Field,
    /// Message: who wrote it. Stored.
    pub author: Field,
    /// Message: [`pair`] of chat and author, so that a name in a chat is one term.
    pub said_by: Field,
    /// Message: the position of its first event in the log. Fast, stored.
    pub position: Field,
    /// Message: when it was said, in microseconds since 1970. Fast, stored.
    pub sent_at: Field,
    /// Message: when it was last edited, in microseconds since 1970; missing when it was not. Stored.
    pub edited_at: Field,
    /// Message: the text as it was written. Stored only.
    pub text: Field,
    /// Message: the text's words as [`crate::words::words`] cuts them, with positions.
    pub exact: Field,
    /// Message: the text's stems, of the same cut.
    pub stems: Field,
    /// Message: true where the text has a link; missing where it has none.
    pub has_link: Field,
    /// Member: [`pair`] of chat and user; one document each. It stays when they go: their messages keep their name. Stored.
    pub member: Field,
    /// Member: the chat.
    pub member_chat: Field,
    /// Member: the user.
    pub member_user: Field,
    /// Member: the nickname. Stored only; missing when it was erased.
    pub nickname: Field,
    /// Member: [`crate::words::folded_name`] of the nickname.
    pub nickname_key: Field,
    /// Member: the user again, as long as they are in the chat. Stored.
    pub present_user: Field,
    /// Chat: its id; one document each. Stored.
    pub known: Field,
    /// Chat: its name. Stored only.
    pub chat_name: Field,
    /// Chat: [`crate::words::folded_name`] of its name.
    pub chat_name_key: Field,
}

static SCHEMA: LazyLock<(Schema, Fields)> = LazyLock::new(|| {
    let mut builder = Schema::builder();
    let fields = Fields::of(&mut builder);
    (builder.build(), fields)
});

/// The schema of every index of this version.
pub fn schema() -> &'static Schema {
    &SCHEMA.0
}

/// Its fields.
pub fn fields() -> &'static Fields {
    &SCHEMA.1
}

impl Fields {
    fn of(builder: &mut SchemaBuilder) -> Fields {
        let number = NumericOptions::default().set_fast().set_stored();
        let key = tantivy::schema::BytesOptions::default().set_indexed();
        let stored_key = key.clone().set_stored();
        let name_key = TextOptions::default()
            .set_indexing_options(TextFieldIndexing::default().set_tokenizer("raw").set_fieldnorms(false));
        Fields {
            message_id: builder.add_bytes_field("message_id", stored_key.clone()),
            chat_id: builder.add_bytes_field("chat_id", stored_key.clone().set_fast()),
            author: builder.add_bytes_field("author", stored_key.clone()),
            said_by: builder.add_bytes_field("said_by", key.clone()),
            position: builder.add_u64_field("position", number.clone()),
            sent_at: builder.add_i64_field("sent_at", number),
            edited_at: builder.add_i64_field("edited_at", STORED),
            text: builder.add_text_field("text", STORED),
            exact: builder.add_text_field("exact", words(IndexRecordOption::WithFreqsAndPositions)),
            stems: builder.add_text_field("stems", words(IndexRecordOption::WithFreqs)),
            has_link: builder.add_bool_field("has_link", NumericOptions::default().set_indexed()),
            member: builder.add_bytes_field("member", stored_key.clone()),
            member_chat: builder.add_bytes_field("member_chat", key.clone()),
            member_user: builder.add_bytes_field("member_user", key),
            nickname: builder.add_text_field("nickname", STORED),
            nickname_key: builder.add_text_field("nickname_key", name_key.clone()),
            present_user: builder.add_bytes_field("present_user", stored_key.clone()),
            known: builder.add_bytes_field("known", stored_key),
            chat_name: builder.add_text_field("chat_name", STORED),
            chat_name_key: builder.add_text_field("chat_name_key", name_key),
        }
    }
}

fn words(record: IndexRecordOption) -> TextOptions {
    let indexing = TextFieldIndexing::default().set_tokenizer(LINES).set_index_option(record);
    TextOptions::default().set_indexing_options(indexing)
}

/// A chat and a user as one key: the bytes of the one, then of the other.
pub fn pair(chat_id: ChatId, user_id: UserId) -> [u8; 32] {
    let mut key = [0; 32];
    let (chat, user) = key.split_at_mut(16);
    chat.copy_from_slice(chat_id.0.as_bytes());
    user.copy_from_slice(user_id.0.as_bytes());
    key
}
