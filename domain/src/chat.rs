//! A chat: its name, its members and what each of them may do in it.

use crate::{ChatId, Decision, Outcome, RefusalKind, Timestamp, name, user};

mod bans;
mod command;
mod direct;
pub mod emoji;
mod event;
mod invitations;
mod members;
pub mod message;
pub mod pins;
pub mod reactions;
pub mod read_mark;
pub mod report;
mod room;
#[cfg(test)]
mod test_house;

pub use bans::BANS_MAX;
pub use command::{
    Add, Ban, BringIn, Change, Chosen, Command, Create, Delete, Invite, Join, JoinByInvitation, Leave, OpenDirect,
    Remove, SetNickname, SetRole, Unban, Withdraw, WithdrawInvitation,
};
pub use event::{
    Banned, By, Created, DirectOpened, Event, HiddenFor, InvitationMade, InvitationWithdrawn, MemberAdded,
    MemberJoined, MemberLeft, MemberRemoved, NicknameChanged, Renamed, RoleChanged, Unbanned,
};
pub use invitations::{INVITATIONS_MAX, Invitation};
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
    /// The user may not come in any more.
    #[error("this user is banned from the chat; its owner or an admin can lift that")]
    Banned,
    /// It keeps out [`BANS_MAX`].
    #[error("this chat has 1000 bans; lift one first")]
    TooManyBans,
    /// There is no such invitation that is open.
    #[error("this chat has no such open invitation")]
    InvitationNotFound,
    /// It has ended, was used up or was withdrawn, or the chat is gone.
    #[error("this invitation has ended, was used up or was withdrawn; ask for another")]
    InvitationExpired,
    /// It has [`INVITATIONS_MAX`] that are open.
    #[error("this chat has 100 open invitations; withdraw one first")]
    TooManyInvitations,
    /// A direct chat is of two people.
    #[error("a direct chat is between you and somebody else; name another user")]
    WithOneself,
    /// An archived chat takes neither messages nor members.
    #[error("this chat is archived; an owner or admin can open it again")]
    Archived,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::NotFound => RefusalKind::ChatNotFound,
            Refusal::AlreadyExists => RefusalKind::AlreadyExists,
            Refusal::NotInvited => RefusalKind::NotInvited,
            Refusal::NotAMember => RefusalKind::NotAMember,
            Refusal::NotAllowed => RefusalKind::NotAllowed,
            Refusal::UserNotFound => RefusalKind::UserNotFound,
            Refusal::MemberNotFound => RefusalKind::MemberNotFound,
            Refusal::NameTaken => RefusalKind::NameTaken,
            Refusal::OwnerMustHandOver => RefusalKind::OwnerMustHandOver,
            Refusal::Banned => RefusalKind::Banned,
            Refusal::TooManyBans => RefusalKind::TooManyBans,
            Refusal::InvitationNotFound => RefusalKind::InvitationNotFound,
            Refusal::InvitationExpired => RefusalKind::InvitationExpired,
            Refusal::TooManyInvitations => RefusalKind::TooManyInvitations,
            Refusal::WithOneself => RefusalKind::Malformed,
            Refusal::Archived => RefusalKind::ChatArchived,
        }
    }
}

/// What the rules look at beside the chat. What a command does not name is as if nothing had happened to it.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    /// The account that comes in (creates, joins, is added) or is kept out.
    pub user: &'a user::State,
    /// The account that a direct chat is opened with.
    pub other: &'a user::State,
    /// The claim on the name that is chosen.
    pub claim: name::State,
}

/// Decides on one chat.
pub fn decide(
    id: ChatId,
    state: &State,
    beside: &Beside<'_>,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    let Beside { user, claim, .. } = beside;
    let (events, outcome) = match command {
        Command::Create(command) => create(id, state, user, claim, command)?,
        Command::OpenDirect(command) => direct::open(id, state, beside, command)?,
        Command::DeleteIfEmpty => (delete_if_empty(open(state)?), Outcome::Done),
        Command::Change(command) => (change(occupied(state)?, command)?, Outcome::Done),
        Command::Delete(command) => (delete(occupied(state)?, command)?, Outcome::Done),
        Command::Join(command) => members::join(occupied(state)?, user, claim, command)?,
        Command::BringIn(command) => members::bring_in(occupied(state)?, user, claim, command)?,
        Command::SetNickname(command) => (members::set_nickname(occupied(state)?, claim, command)?, Outcome::Done),
        Command::Add(command) => members::add(occupied(state)?, user, command)?,
        Command::Leave(command) => (members::leave(occupied(state)?, command)?, Outcome::Done),
        Command::Withdraw(command) => (members::withdraw(occupied(state)?, command), Outcome::Done),
        Command::Remove(command) => (members::remove(occupied(state)?, command)?, Outcome::Done),
        Command::SetRole(command) => (members::set_role(occupied(state)?, command)?, Outcome::Done),
        Command::Ban(command) => (bans::ban(occupied(state)?, user, command)?, Outcome::Done),
        Command::Unban(command) => (bans::unban(occupied(state)?, command)?, Outcome::Done),
        Command::Invite(command) => invitations::invite(occupied(state)?, command, at)?,
        Command::WithdrawInvitation(command) => (invitations::withdraw(occupied(state)?, command, at)?, Outcome::Done),
        Command::JoinByInvitation(command) => invitations::join(state, user, claim, command, at)?,
    };
    Ok(Decision::of(events.into_iter().map(|event| crate::Event::Chat(id, event)).collect(), outcome))
}

/// What a command brings about, and what its caller is told.
type Decided = (Vec<Event>, Outcome);

fn open(state: &State) -> Result<&Room, Refusal> {
    match state {
        State::Open(room) => Ok(room),
        State::Absent | State::Deleted => Err(Refusal::NotFound),
    }
}

/// The chat, if somebody is in it. An earlier version left empty ones behind: nobody may come into what others said
/// there.
fn occupied(state: &State) -> Result<&Room, Refusal> {
    let room = open(state)?;
    if room.members.is_empty() { Err(Refusal::NotFound) } else { Ok(room) }
}

fn create(
    id: ChatId,
    state: &State,
    user: &user::State,
    claim: &name::State,
    command: &Create,
) -> Result<Decided, Refusal> {
    match state {
        State::Absent => {}
        State::Open(_) | State::Deleted => return Err(Refusal::AlreadyExists),
    }
    let nickname = members::nickname_for(None, user, claim, command.by, command.nickname.as_ref())?;
    let created = Created { chat_name: command.chat_name.clone(), private: command.private, by: command.by };
    let owner = MemberJoined { user_id: command.by, role: Role::Owner, invitation: None, nickname };
    Ok((vec![Event::Created(created), Event::MemberJoined(owner)], Outcome::ChatCreated { chat_id: id }))
}

fn delete_if_empty(room: &Room) -> Vec<Event> {
    if room.members.is_empty() { vec![Event::Deleted(By { by: room.went_last })] } else { vec![] }
}

fn delete(room: &Room, command: &Delete) -> Result<Vec<Event>, Refusal> {
    if members::role_of(room, command.by)? != Role::Owner {
        return Err(Refusal::NotAllowed);
    }
    Ok(vec![Event::Deleted(By { by: command.by })])
}

fn change(room: &Room, command: &Change) -> Result<Vec<Event>, Refusal> {
    let Change { by, chat_name, archived } = command;
    if !members::role_of(room, *by)?.leads() {
        return Err(Refusal::NotAllowed);
    }
    let mut events = Vec::new();
    if let Some(chat_name) = chat_name.as_ref().filter(|name| Some(*name) != room.chat_name.as_ref()) {
        events.push(Event::Renamed(Renamed { chat_name: chat_name.clone(), by: *by }));
    }
    match archived {
        Some(true) if !room.archived => events.push(Event::Archived(By { by: *by })),
        Some(false) if room.archived => events.push(Event::Unarchived(By { by: *by })),
        Some(_) | None => {}
    }
    Ok(events)
}

#[cfg(test)]
mod tests;
