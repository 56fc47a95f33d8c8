//! What is told of each fact, and to whom. What it then says is read when it is sent (`show`).

use domain::chat::Role;
use domain::{
    ChatId, DeliveryId, Event, MessageId, UserId, chat, delivery, inbox, message, pins, reactions, read_mark, session,
    token, user,
};
use std::collections::HashMap;

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Where its fact stands in the log.
    pub(super) position: u64,
    pub(super) what: What,
}

/// What is told, by the names of CONTRACT 1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    MessagePosted(ChatId, MessageId),
    MessageEdited(ChatId, MessageId),
    MessageDeleted(ChatId, MessageId),
    MessageHidden(ChatId, MessageId),
    ReactionChanged(ChatId, MessageId),
    PinChanged { chat_id: ChatId, message_id: MessageId, pinned: bool },
    MemberJoined(ChatId, UserId, Role),
    MemberLeft(ChatId, UserId),
    MemberRoleChanged(ChatId, UserId, Role),
    ChatChanged(ChatId),
    ChatDeleted(ChatId),
    Read { user_id: UserId, chat_id: ChatId, message_id: MessageId, unread: u64 },
    InboxAdded(DeliveryId, UserId),
    InboxChanged(DeliveryId),
    InboxRead(UserId),
}

/// To whom something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// Who is in the chat now, and was when it happened.
    Chat(ChatId),
    /// Who was in the chat, which is gone.
    LastOf(ChatId),
    /// Who is in the chat, and who has just gone: it is the last that they hear of that chat.
    ChatAnd(ChatId, UserId),
    One(UserId),
    /// Whose inbox that item is in.
    Recipient(DeliveryId),
}

/// What a fact changes about who hears what. Who comes hears of it; who goes hears of that, and then no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Came(ChatId, UserId),
    Went(ChatId, UserId),
    Gone(ChatId),
    /// Something that this user calls with has ended.
    Ended(UserId),
}

impl What {
    pub(super) fn to(self) -> To {
        match self {
            What::MessagePosted(chat_id, _)
            | What::MessageEdited(chat_id, _)
            | What::MessageDeleted(chat_id, _)
            | What::MessageHidden(chat_id, _)
            | What::ReactionChanged(chat_id, _)
            | What::PinChanged { chat_id, .. }
            | What::MemberJoined(chat_id, ..)
            | What::MemberRoleChanged(chat_id, ..)
            | What::ChatChanged(chat_id) => To::Chat(chat_id),
            What::ChatDeleted(chat_id) => To::LastOf(chat_id),
            What::MemberLeft(chat_id, user_id) => To::ChatAnd(chat_id, user_id),
            What::InboxChanged(id) => To::Recipient(id),
            What::Read { user_id, .. } | What::InboxAdded(_, user_id) | What::InboxRead(user_id) => To::One(user_id),
        }
    }
}

impl To {
    /// Whether who is in those chats, in each since a position, may hear it. What is about themselves, and the last of a chat,
    /// is decided by its fact.
    pub(super) fn is_open_to(self, user_id: UserId, memberships: &HashMap<ChatId, u64>, position: u64) -> bool {
        match self {
            To::ChatAnd(_, gone) if gone == user_id => true,
            To::Chat(chat_id) | To::ChatAnd(chat_id, _) => {
                memberships.get(&chat_id).is_some_and(|since| *since <= position)
            }
            To::LastOf(_) | To::One(_) | To::Recipient(_) => true,
        }
    }
}

/// What is told of a fact.
pub(super) fn told(event: &Event) -> Option<What> {
    if let Event::Message(id, event) = event {
        Some(of_message(*id, event))
    } else if let Event::Reactions(id, reactions::Event::Added(reacted) | reactions::Event::Removed(reacted)) = event {
        Some(What::ReactionChanged(reacted.chat_id, (*id).into()))
    } else if let Event::Pins(id, event) = event {
        Some(of_pins((*id).into(), event))
    } else if let Event::ReadMark(id, read_mark::Event::Moved(moved)) = event {
        let read_mark::Moved { message_id, unread, .. } = *moved;
        Some(What::Read { user_id: id.user_id, chat_id: id.chat_id, message_id, unread })
    } else if let Event::Chat(id, event) = event {
        of_chat(*id, event)
    } else if let Event::Delivery(id, event) = event {
        of_delivery(*id, event)
    } else if let Event::Inbox(id, inbox::Event::AllRead(_)) = event {
        Some(What::InboxRead(UserId(id.0)))
    } else {
        None
    }
}

fn of_message(id: MessageId, event: &message::Event) -> What {
    match event {
        message::Event::Posted(posted) => What::MessagePosted(posted.chat_id, id),
        message::Event::Edited(edited) => What::MessageEdited(edited.chat_id, id),
        message::Event::Deleted(deleted) => What::MessageDeleted(deleted.chat_id, id),
        message::Event::Hidden(hidden) => What::MessageHidden(hidden.chat_id, id),
        // It reads as it did before.
        message::Event::Shown(shown) => What::MessageEdited(shown.chat_id, id),
    }
}

fn of_pins(chat_id: ChatId, event: &pins::Event) -> What {
    match event {
        pins::Event::Added(pin) => What::PinChanged { chat_id, message_id: pin.message_id, pinned: true },
        pins::Event::Removed(pin) => What::PinChanged { chat_id, message_id: pin.message_id, pinned: false },
    }
}

fn of_chat(id: ChatId, event: &chat::Event) -> Option<What> {
    match event {
        chat::Event::Renamed(_) | chat::Event::Archived(_) | chat::Event::Unarchived(_) => Some(What::ChatChanged(id)),
        chat::Event::Deleted(_) => Some(What::ChatDeleted(id)),
        chat::Event::MemberJoined(joined) => Some(What::MemberJoined(id, joined.user_id, joined.role)),
        chat::Event::MemberAdded(added) => Some(What::MemberJoined(id, added.user_id, added.role)),
        chat::Event::MemberLeft(left) => Some(What::MemberLeft(id, left.user_id)),
        chat::Event::MemberRemoved(removed) => Some(What::MemberLeft(id, removed.user_id)),
        chat::Event::RoleChanged(changed) => Some(What::MemberRoleChanged(id, changed.user_id, changed.role)),
        // Its first member joins in the same breath. A nickname is in every message that comes.
        chat::Event::Created(_)
        | chat::Event::DirectOpened(_)
        | chat::Event::Hidden(_)
        | chat::Event::Shown(_)
        | chat::Event::NicknameChanged(_)
        // Who is banned is removed by a fact of its own.
        | chat::Event::Banned(_)
        | chat::Event::Unbanned(_)
        | chat::Event::InvitationMade(_)
        | chat::Event::InvitationWithdrawn(_) => None,
    }
}

fn of_delivery(id: DeliveryId, event: &delivery::Event) -> Option<What> {
    use delivery::Event;
    match event {
        Event::AddedToInbox(added) => Some(What::InboxAdded(id, added.user_id)),
        Event::Read { .. } | Event::Archived { .. } => Some(What::InboxChanged(id)),
        Event::Requested(_)
        | Event::Attempted(_)
        | Event::Accepted(_)
        | Event::Refused(_)
        | Event::AttemptUnknown(_)
        | Event::Deferred(_)
        | Event::Reported(_)
        | Event::Failed { .. }
        | Event::DeadLettered { .. }
        | Event::Expired(_)
        | Event::Suppressed(_)
        | Event::Cancelled(_)
        | Event::Retried(_) => None,
    }
}

/// What a fact changes about who hears what.
pub(super) fn change(event: &Event) -> Option<Change> {
    if let Event::Chat(id, event) = event {
        membership(*id, event)
    } else if let Event::Session(_, session::Event::Ended(ended)) = event {
        Some(Change::Ended(ended.user_id))
    } else if let Event::Token(_, token::Event::Revoked(revoked)) = event {
        Some(Change::Ended(revoked.user_id))
    } else if let Event::User(id, event) = event {
        ends(event).then_some(Change::Ended(*id))
    } else {
        None
    }
}

fn membership(id: ChatId, event: &chat::Event) -> Option<Change> {
    match event {
        chat::Event::MemberJoined(joined) => Some(Change::Came(id, joined.user_id)),
        chat::Event::MemberAdded(added) => Some(Change::Came(id, added.user_id)),
        chat::Event::MemberLeft(left) => Some(Change::Went(id, left.user_id)),
        chat::Event::MemberRemoved(removed) => Some(Change::Went(id, removed.user_id)),
        chat::Event::Deleted(_) => Some(Change::Gone(id)),
        chat::Event::Created(_)
        | chat::Event::DirectOpened(_)
        | chat::Event::Hidden(_)
        | chat::Event::Shown(_)
        | chat::Event::Renamed(_)
        | chat::Event::Archived(_)
        | chat::Event::Unarchived(_)
        | chat::Event::RoleChanged(_)
        | chat::Event::NicknameChanged(_)
        | chat::Event::Banned(_)
        | chat::Event::Unbanned(_)
        | chat::Event::InvitationMade(_)
        | chat::Event::InvitationWithdrawn(_) => None,
    }
}

/// Whether a session or a service token of theirs may have ended by it.
fn ends(event: &user::Event) -> bool {
    match event {
        user::Event::SessionsEnded(_) | user::Event::TokensRevoked | user::Event::Erased => true,
        // Service tokens do not work as long as it lasts.
        user::Event::Suspended(_) => true,
        user::Event::SignedUp(_)
        | user::Event::NameGiven
        | user::Event::NameChosen(_)
        | user::Event::ProfileChanged(_)
        | user::Event::EmailChangeRequested(_)
        | user::Event::EmailConfirmed(_)
        | user::Event::PasswordChanged(_)
        | user::Event::VerifierReplaced(_)
        | user::Event::SignInsFailed(_)
        | user::Event::RoleSet(_)
        | user::Event::Unsuspended(_) => false,
    }
}
