//! A message as it is shown, wherever it is.

use domain::reactions::Reaction;
use domain::{MessageId, Timestamp, UserId};
use projections::messages;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub(crate) struct Message {
    #[schema(value_type = Uuid)]
    message_id: MessageId,
    /// Its author.
    #[schema(value_type = Uuid)]
    user_id: UserId,
    /// Their nickname in this chat.
    #[schema(example = "anna")]
    user_name: String,
    /// How they want to be called everywhere.
    #[schema(example = "Anna K.")]
    display_name: String,
    /// Left out where it is hidden, for all but those who may resolve what was reported of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "The tomatoes are ripe.", required = false)]
    text: Option<String>,
    /// Whether it is hidden because of what was reported of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    hidden: bool,
    #[schema(value_type = String, format = DateTime)]
    sent_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    edited_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    reply_to: Option<MessageId>,
    /// In the order of their first use; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    reactions: Vec<ShownReaction>,
}

/// One emoji that people reacted to a message with.
#[derive(Serialize, ToSchema)]
#[schema(as = Reaction)]
pub(crate) struct ShownReaction {
    #[schema(example = "👍")]
    emoji: String,
    /// How many people reacted with it.
    #[schema(minimum = 1)]
    count: u64,
    /// Whether I am one of them.
    mine: bool,
}

impl ShownReaction {
    pub(crate) fn of(reaction: Reaction) -> ShownReaction {
        let Reaction { emoji, count, mine } = reaction;
        ShownReaction { emoji: emoji.as_str().to_owned(), count, mine }
    }
}

impl Message {
    pub(crate) fn of(message: messages::Message, reactions: Vec<Reaction>) -> Message {
        let is_hidden = message.hidden;
        let revealed = Message::revealed(message, reactions);
        if is_hidden { Message { text: None, ..revealed } } else { revealed }
    }

    /// With what it says, also where it is hidden: for those who may resolve what was reported of it.
    pub(crate) fn revealed(message: messages::Message, reactions: Vec<Reaction>) -> Message {
        Message {
            message_id: message.message_id,
            user_id: message.user_id,
            user_name: message.user_name.unwrap_or_default(),
            display_name: message.display_name.unwrap_or_default(),
            text: Some(message.text),
            hidden: message.hidden,
            sent_at: message.sent_at,
            edited_at: message.edited_at,
            reply_to: message.reply_to,
            reactions: reactions.into_iter().map(ShownReaction::of).collect(),
        }
    }
}
