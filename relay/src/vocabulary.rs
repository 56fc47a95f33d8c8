//! The public vocabulary: what other services are told of each fact, and what they are not.
//!
//! A translation by hand, so that the log's own shapes stay free to change. It holds ids, roles and times, and
//! **nothing that a person wrote or is called**: what has left the house cannot be forgotten any more
//! (`docs/decisions/0012`). A shape keeps what it has as long as its `v` stays; fields may be added.

use domain::{ChatId, Event, MessageId, UserId, chat, message, user};
use serde_json::json;

/// The subjects that the stream takes: one for each category that is told. Wake-ups are not among them.
pub const SUBJECTS: [&str; 3] = ["letopis.user.*", "letopis.chat.*", "letopis.message.*"];

/// What other services are told of one fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicFact {
    /// `letopis.<category>.<fact>`
    pub subject: &'static str,
    /// JSON; `v` is the version of its shape.
    pub payload: String,
}

/// Translates a fact; `None` for what nobody outside is told. Who comes and goes with which session or token, and from
/// where, is the account's own affair; the claims on names and addresses are how those are kept apart, a proof is a mail to
/// one person, and a skipped event is how an operator mended a read model; what somebody wants to be told, and which address
/// gets nothing, is between them and us. What else is to be told gets an arm here.
pub fn translate(event: &Event) -> Option<PublicFact> {
    if let Event::User(id, event) = event {
        of_user(*id, event)
    } else if let Event::Chat(id, event) = event {
        of_chat(*id, event)
    } else if let Event::Message(id, event) = event {
        Some(of_message(*id, event))
    } else {
        None
    }
}

fn of_user(user_id: UserId, event: &user::Event) -> Option<PublicFact> {
    let told = match event {
        user::Event::SignedUp(event) => {
            say("letopis.user.signed_up", json!({"v": 1, "user_id": user_id, "at": event.at}))
        }
        // What was changed is read over HTTP: it is personal.
        user::Event::ProfileChanged(_) | user::Event::NameChosen(_) => {
            say("letopis.user.profile_changed", json!({"v": 1, "user_id": user_id}))
        }
        user::Event::RoleSet(event) => {
            say("letopis.user.role_set", json!({"v": 1, "user_id": user_id, "role": event.role}))
        }
        user::Event::Suspended(event) => {
            say("letopis.user.suspended", json!({"v": 1, "user_id": user_id, "by": event.by, "until": event.until}))
        }
        user::Event::Unsuspended(event) => {
            say("letopis.user.unsuspended", json!({"v": 1, "user_id": user_id, "by": event.by}))
        }
        user::Event::Erased => say("letopis.user.erased", json!({"v": 1, "user_id": user_id})),
        // How an account is secured, and who tries it, helps only who wants to break in.
        user::Event::NameGiven
        | user::Event::EmailChangeRequested(_)
        | user::Event::EmailConfirmed(_)
        | user::Event::PasswordChanged(_)
        | user::Event::VerifierReplaced(_)
        | user::Event::SignInsFailed(_)
        | user::Event::SessionsEnded(_)
        | user::Event::TokensRevoked => return None,
    };
    Some(told)
}

fn of_chat(chat_id: ChatId, event: &chat::Event) -> Option<PublicFact> {
    let told = match event {
        chat::Event::Created(event) => {
            say("letopis.chat.created", json!({"v": 1, "chat_id": chat_id, "private": event.private, "by": event.by}))
        }
        chat::Event::DirectOpened(event) => {
            say("letopis.chat.direct_opened", json!({"v": 1, "chat_id": chat_id, "by": event.by, "with": event.with}))
        }
        // What somebody has in their list is their own affair.
        chat::Event::Hidden(_) | chat::Event::Shown(_) => return None,
        chat::Event::Renamed(event) => say("letopis.chat.renamed", json!({"v": 1, "chat_id": chat_id, "by": event.by})),
        chat::Event::Archived(event) => {
            say("letopis.chat.archived", json!({"v": 1, "chat_id": chat_id, "by": event.by}))
        }
        chat::Event::Unarchived(event) => {
            say("letopis.chat.unarchived", json!({"v": 1, "chat_id": chat_id, "by": event.by}))
        }
        chat::Event::Deleted(event) => say("letopis.chat.deleted", json!({"v": 1, "chat_id": chat_id, "by": event.by})),
        chat::Event::MemberJoined(event) => say(
            "letopis.chat.member_joined",
            json!({"v": 1, "chat_id": chat_id, "user_id": event.user_id, "role": event.role}),
        ),
        chat::Event::MemberAdded(event) => say(
            "letopis.chat.member_added",
            json!({"v": 1, "chat_id": chat_id, "user_id": event.user_id, "role": event.role, "by": event.by}),
        ),
        chat::Event::MemberLeft(event) => {
            say("letopis.chat.member_left", json!({"v": 1, "chat_id": chat_id, "user_id": event.user_id}))
        }
        chat::Event::MemberRemoved(event) => say(
            "letopis.chat.member_removed",
            json!({"v": 1, "chat_id": chat_id, "user_id": event.user_id, "by": event.by}),
        ),
        chat::Event::Banned(event) => {
            say("letopis.chat.banned", json!({"v": 1, "chat_id": chat_id, "user_id": event.user_id, "by": event.by}))
        }
        chat::Event::Unbanned(event) => {
            say("letopis.chat.unbanned", json!({"v": 1, "chat_id": chat_id, "user_id": event.user_id, "by": event.by}))
        }
        // Who comes in by one is told; that there is one helps only who wants to come in.
        chat::Event::InvitationMade(_) | chat::Event::InvitationWithdrawn(_) => return None,
        // What they are called is read over HTTP: it is personal.
        chat::Event::NicknameChanged(event) => {
            say("letopis.chat.nickname_changed", json!({"v": 1, "chat_id": chat_id, "user_id": event.user_id}))
        }
        chat::Event::RoleChanged(event) => say(
            "letopis.chat.role_changed",
            json!({"v": 1, "chat_id": chat_id, "user_id": event.user_id, "role": event.role, "by": event.by}),
        ),
    };
    Some(told)
}

fn of_message(message_id: MessageId, event: &message::Event) -> PublicFact {
    match event {
        message::Event::Posted(event) => say(
            "letopis.message.posted",
            json!({
                "v": 1, "message_id": message_id, "chat_id": event.chat_id, "author": event.author,
                "sent_at": event.sent_at, "reply_to": event.reply_to,
            }),
        ),
        message::Event::Edited(event) => say(
            "letopis.message.edited",
            json!({
                "v": 1, "message_id": message_id, "chat_id": event.chat_id, "author": event.author, "at": event.at,
            }),
        ),
        message::Event::Deleted(event) => say(
            "letopis.message.deleted",
            json!({"v": 1, "message_id": message_id, "chat_id": event.chat_id, "by": event.by}),
        ),
        message::Event::Hidden(event) => {
            say("letopis.message.hidden", json!({"v": 1, "message_id": message_id, "chat_id": event.chat_id}))
        }
        message::Event::Shown(event) => {
            say("letopis.message.shown", json!({"v": 1, "message_id": message_id, "chat_id": event.chat_id}))
        }
    }
}

fn say(subject: &'static str, payload: serde_json::Value) -> PublicFact {
    PublicFact { subject, payload: payload.to_string() }
}

#[cfg(test)]
mod tests;
