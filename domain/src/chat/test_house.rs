//! A chat for the tests of what happens around its messages: Olga owns it, Boris is an admin, Vera a member, Max muted.

use crate::chat::{self, Role, message};
use crate::text::{ChatName, MessageText};
use crate::{ChatId, MessageId, Personal, Timestamp, UserId};
use uuid::Uuid;

pub(super) const ROOM: ChatId = ChatId(Uuid::from_u128(100));
pub(super) const GARDEN: ChatId = ChatId(Uuid::from_u128(101));
pub(super) const HELLO: MessageId = MessageId(Uuid::from_u128(200));
pub(super) const NOON: Timestamp = Timestamp(1_800_000_000_000_000);
pub(super) const OLGA: UserId = UserId(Uuid::from_u128(1));
pub(super) const BORIS: UserId = UserId(Uuid::from_u128(2));
pub(super) const VERA: UserId = UserId(Uuid::from_u128(3));
pub(super) const MAX: UserId = UserId(Uuid::from_u128(4));
pub(super) const STRANGER: UserId = UserId(Uuid::from_u128(5));

/// The chat, to which this has happened as well.
pub(super) fn room(more: &[chat::Event]) -> chat::State {
    let chat_name = ChatName::parse("kitchen").unwrap();
    let mut state = chat::State::default();
    chat::evolve(&mut state, &chat::Event::Created(chat::Created { chat_name, private: false, by: OLGA }));
    for (user_id, role) in [(OLGA, Role::Owner), (BORIS, Role::Admin), (VERA, Role::Member), (MAX, Role::Muted)] {
        let joined = chat::MemberJoined { user_id, role, invitation: None, nickname: Personal::Erased };
        chat::evolve(&mut state, &chat::Event::MemberJoined(joined));
    }
    more.iter().for_each(|event| chat::evolve(&mut state, event));
    state
}

pub(super) fn archived() -> chat::State {
    room(&[chat::Event::Archived(chat::By { by: OLGA })])
}

pub(super) fn deleted_room() -> chat::State {
    room(&[chat::Event::Deleted(chat::By { by: OLGA })])
}

/// A message of Vera's in that chat, or what became of it.
pub(super) fn said(chat_id: ChatId) -> message::State {
    said_as(chat_id, Personal::Known(MessageText::parse("hello").unwrap()))
}

pub(super) fn said_as(chat_id: ChatId, text: Personal<MessageText>) -> message::State {
    let mut state = message::State::default();
    let posted = message::Posted { chat_id, author: VERA, sent_at: NOON, reply_to: None, text };
    message::evolve(&mut state, &message::Event::Posted(posted));
    state
}

pub(super) fn deleted() -> message::State {
    let mut state = said(ROOM);
    message::evolve(&mut state, &message::Event::Deleted(message::Deleted { chat_id: ROOM, by: VERA }));
    state
}
