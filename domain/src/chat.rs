//! A chat: its name, its members and what each of them may do in it.

use crate::text::ChatName;
use crate::{ChatId, Decision, Outcome, UserId, name, user};

mod command;
mod event;
mod members;
pub mod message;
mod room;

pub use command::{Chosen, Command};
pub use event::{
    By, Created, Event, MemberAdded, MemberJoined, MemberLeft, MemberRemoved, NicknameChanged, Renamed, RoleChanged,
};
pub use room::{Role, Room, State, evolve};

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such chat, or no more.
    #[error("there is no such chat")]
    NotFound,
    /// Its id is taken.
    #[error("this chat exists already")]
    AlreadyExists,
    /// The chat is private and nobody added the user.
    #[error("this chat is private; ask its owner or an admin to add you")]
    NotInvited,
    /// Only members may.
    #[error("you are not a member of this chat; join it first")]
    NotAMember,
    /// The member's role does not allow it.
    #[error("your role in this chat does not allow this")]
    NotAllowed,
    /// There is no such account, or no more.
    #[error("there is no such user")]
    UserNotFound,
    /// The user is not in the chat.
    #[error("this user is not a member of the chat")]
    MemberNotFound,
    /// Another member is called so, or another account.
    #[error("this name belongs to another member of the chat or to another account; choose another")]
    NameTaken,
    /// The only owner may leave only as the last member.
    #[error("you own this chat; make another member its owner before you leave")]
    OwnerMustHandOver,
    /// An archived chat takes neither messages nor members.
    #[error("this chat is archived; an owner or admin can open it again")]
    Archived,
}

/// Decides on one chat. `user` is the state of the account that comes in (creates, joins, is added), `claim` that of the
/// name that is chosen; they are not looked at otherwise.
pub fn decide(
    id: ChatId,
    state: &State,
    user: &user::State,
    claim: &name::State,
    command: &Command,
) -> Result<Decision, Refusal> {
    let room = match (state, command) {
        (State::Absent, Command::Create { .. }) => return create(id, user, claim, command),
        (State::Open(_) | State::Deleted, Command::Create { .. }) => return Err(Refusal::AlreadyExists),
        (State::Absent | State::Deleted, _) => return Err(Refusal::NotFound),
        (State::Open(room), Command::DeleteIfEmpty) => return Ok(delete_if_empty(id, room)),
        // Left behind by an earlier version: nobody may come into what others said here.
        (State::Open(room), _) if room.members.is_empty() => return Err(Refusal::NotFound),
        (State::Open(room), _) => room,
    };
    let (events, outcome) = match command {
        Command::Create { .. } | Command::DeleteIfEmpty => return Err(Refusal::AlreadyExists),
        Command::Change { by, chat_name, archived } => {
            (change(room, *by, chat_name.as_ref(), *archived)?, Outcome::Done)
        }
        Command::Delete { by } => {
            if members::role_of(room, *by)? != Role::Owner {
                return Err(Refusal::NotAllowed);
            }
            (vec![Event::Deleted(By { by: *by })], Outcome::Done)
        }
        Command::Join { user_id, nickname } => members::join(room, user, claim, *user_id, nickname.as_ref())?,
        Command::BringIn { user_id, nickname } => members::bring_in(room, user, claim, *user_id, nickname.as_ref())?,
        Command::SetNickname { user_id, nickname } => {
            (members::set_nickname(room, claim, *user_id, &nickname.nickname)?, Outcome::Done)
        }
        Command::Add { by, user_id } => members::add(room, user, *by, *user_id)?,
        Command::Leave { user_id } => (members::leave(room, *user_id)?, Outcome::Done),
        Command::Withdraw { user_id } => (members::withdraw(room, *user_id), Outcome::Done),
        Command::Remove { by, user_id } => (members::remove(room, *by, *user_id)?, Outcome::Done),
        Command::SetRole { by, user_id, role } => (members::set_role(room, *by, *user_id, *role)?, Outcome::Done),
    };
    Ok(Decision::of(events.into_iter().map(|event| crate::Event::Chat(id, event)).collect(), outcome))
}

fn create(id: ChatId, user: &user::State, claim: &name::State, command: &Command) -> Result<Decision, Refusal> {
    let Command::Create { by, chat_name, private, nickname } = command else {
        return Err(Refusal::NotFound);
    };
    let nickname = members::nickname_for(None, user, claim, *by, nickname.as_ref())?;
    let created = Created { chat_name: chat_name.clone(), private: *private, by: *by };
    let owner = MemberJoined { user_id: *by, role: Role::Owner, nickname };
    let facts = [Event::Created(created), Event::MemberJoined(owner)];
    let facts = facts.into_iter().map(|event| crate::Event::Chat(id, event)).collect();
    Ok(Decision::of(facts, Outcome::ChatCreated { chat_id: id }))
}

fn delete_if_empty(id: ChatId, room: &Room) -> Decision {
    if !room.members.is_empty() {
        return Decision::nothing(Outcome::Done);
    }
    let deleted = Event::Deleted(By { by: room.went_last });
    Decision::of(vec![crate::Event::Chat(id, deleted)], Outcome::Done)
}

fn change(
    room: &Room,
    by: UserId,
    chat_name: Option<&ChatName>,
    archived: Option<bool>,
) -> Result<Vec<Event>, Refusal> {
    if !members::role_of(room, by)?.leads() {
        return Err(Refusal::NotAllowed);
    }
    let mut events = Vec::new();
    if let Some(chat_name) = chat_name.filter(|name| **name != room.chat_name) {
        events.push(Event::Renamed(Renamed { chat_name: chat_name.clone(), by }));
    }
    match archived {
        Some(true) if !room.archived => events.push(Event::Archived(By { by })),
        Some(false) if room.archived => events.push(Event::Unarchived(By { by })),
        Some(_) | None => {}
    }
    Ok(events)
}

#[cfg(test)]
mod tests;
