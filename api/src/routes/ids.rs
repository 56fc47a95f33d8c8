//! Ids in addresses.

use crate::error::{Code, Error};
use domain::{ChatId, MessageId, UserId, id};

/// An id in a path that is no id names nothing.
pub(super) fn chat_id(text: &str) -> Result<ChatId, Error> {
    id::parse_uuid(text).map(ChatId).ok_or_else(|| Error::new(Code::ChatNotFound, "there is no such chat"))
}

pub(super) fn user_id(text: &str) -> Result<UserId, Error> {
    id::parse_uuid(text).map(UserId).ok_or_else(|| Error::new(Code::UserNotFound, "there is no such user"))
}

pub(super) fn message_id(text: &str) -> Result<MessageId, Error> {
    let unknown = || Error::new(Code::MessageNotFound, "there is no such message in this chat");
    id::parse_uuid(text).map(MessageId).ok_or_else(unknown)
}
