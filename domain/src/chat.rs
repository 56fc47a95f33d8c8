//! A chat: its name, its members and what each of them may do in it.

use crate::id::NameClaim;
use crate::text::{ChatName, Nickname};
use crate::{ChatId, Decision, Outcome, Personal, UserId, name, user};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

mod members;
pub mod message;
mod stored;

/// What is known of a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// There is none.
    #[default]
    Absent,
    /// There is one.
    Open(Box<Room>),
    /// There was one.
    Deleted,
}

/// A chat that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// Its name.
    pub chat_name: ChatName,
    /// Whether only those who were added may be in it.
    pub private: bool,
    /// Whether it is closed for new messages and members.
    pub archived: bool,
    /// Who is in it.
    pub members: HashMap<UserId, Role>,
    /// Who left while muted: they are muted when they come back.
    pub left_muted: Vec<UserId>,
    /// What they are called in it, as far as it is known.
    pub nicknames: HashMap<UserId, Nickname>,
    /// How many are called so, by [`Nickname::key`]; only old logs have more than one.
    pub called: HashMap<String, u32>,
    /// Its members in the order in which they came.
    pub order: Vec<UserId>,
    /// Who went last; before anybody did, who created it.
    pub went_last: UserId,
}

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything, also delete the chat and hand it over.
    Owner,
    /// Rename and archive, add and remove members, mute them, delete messages.
    Admin,
    /// Read and write.
    Member,
    /// Read.
    Muted,
}

impl Role {
    /// Every role, the greatest first.
    pub const ALL: [Role; 4] = [Role::Owner, Role::Admin, Role::Member, Role::Muted];

    /// Its name in JSON and in read models.
    pub fn name(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Admin => "admin",
            Role::Member => "member",
            Role::Muted => "muted",
        }
    }

    /// The role of that name.
    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == text)
    }

    /// Whether it may rename, archive, add, remove, mute and delete others' messages.
    pub fn leads(self) -> bool {
        matches!(self, Role::Owner | Role::Admin)
    }
}

/// What somebody may want of a chat.
#[derive(Clone, Debug)]
pub enum Command {
    /// Create it and be its owner.
    Create {
        /// Who.
        by: UserId,
        /// Its name.
        chat_name: ChatName,
        /// Whether only those who are added may be in it.
        private: bool,
        /// The creator's name in it; by default that of the account.
        nickname: Option<Chosen>,
    },
    /// Rename it, archive it, open it again; what is not given stays.
    Change {
        /// Who.
        by: UserId,
        /// The new name.
        chat_name: Option<ChatName>,
        /// Whether it is to be closed for new messages and members.
        archived: Option<bool>,
    },
    /// Delete it.
    Delete {
        /// Who.
        by: UserId,
    },
    /// Become a member.
    Join {
        /// Who.
        user_id: UserId,
        /// Their name in it; by default that of the account. A member gets that name from now on.
        nickname: Option<Chosen>,
    },
    /// Be a member in an imported history, whatever the chat is today: private, archived, or a name is taken.
    BringIn {
        /// Who.
        user_id: UserId,
        /// Their name in it where it is free; else that of the account, or one made from it.
        nickname: Option<Chosen>,
    },
    /// Be called otherwise in it.
    SetNickname {
        /// Who.
        user_id: UserId,
        /// The new name.
        nickname: Chosen,
    },
    /// Make somebody else a member.
    Add {
        /// Who does it.
        by: UserId,
        /// Who is added.
        user_id: UserId,
    },
    /// Be a member no more.
    Leave {
        /// Who.
        user_id: UserId,
    },
    /// Take somebody out who is about to be erased: an owner is followed by whoever has led the chat the longest, and
    /// a chat ends with its last member.
    Withdraw {
        /// Who.
        user_id: UserId,
    },
    /// Delete it if nobody is in it: earlier versions left such chats behind.
    DeleteIfEmpty,
    /// Make somebody else a member no more.
    Remove {
        /// Who does it.
        by: UserId,
        /// Who is removed.
        user_id: UserId,
    },
    /// Change what a member may do.
    SetRole {
        /// Who does it.
        by: UserId,
        /// Whose role.
        user_id: UserId,
        /// The new role.
        role: Role,
    },
}

/// A name that somebody chose for one chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The name.
    pub nickname: Nickname,
    /// The claim on it: it may be the name of another's account.
    pub claim: NameClaim,
}

impl Command {
    /// The claim on the name that was chosen.
    pub fn claim(&self) -> Option<NameClaim> {
        match self {
            Command::Create { nickname, .. } | Command::Join { nickname, .. } | Command::BringIn { nickname, .. } => {
                nickname.as_ref().map(|chosen| chosen.claim)
            }
            Command::SetNickname { nickname, .. } => Some(nickname.claim),
            Command::Change { .. }
            | Command::Delete { .. }
            | Command::Add { .. }
            | Command::Leave { .. }
            | Command::Withdraw { .. }
            | Command::DeleteIfEmpty
            | Command::Remove { .. }
            | Command::SetRole { .. } => None,
        }
    }
}

/// What happens to a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was created.
    Created(Created),
    /// It has another name.
    Renamed(Renamed),
    /// It is closed for new messages and members.
    Archived(By),
    /// It is open again.
    Unarchived(By),
    /// It was deleted.
    Deleted(By),
    /// Somebody came.
    MemberJoined(MemberJoined),
    /// Somebody was brought.
    MemberAdded(MemberAdded),
    /// Somebody went.
    MemberLeft(MemberLeft),
    /// Somebody was sent away.
    MemberRemoved(MemberRemoved),
    /// A member may do something else now.
    RoleChanged(RoleChanged),
    /// A member is called otherwise.
    NicknameChanged(NicknameChanged),
}

/// `chat.created.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// Its name.
    pub chat_name: ChatName,
    /// Whether only those who are added may be in it.
    pub private: bool,
    /// Who created it; their membership is a fact of its own.
    pub by: UserId,
}

/// `chat.renamed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renamed {
    /// The new name.
    pub chat_name: ChatName,
    /// Who did it.
    pub by: UserId,
}

/// `chat.archived.v1`, `chat.unarchived.v1`, `chat.deleted.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// Who did it.
    pub by: UserId,
}

/// `chat.member_joined.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberJoined {
    /// Who.
    pub user_id: UserId,
    /// What they may do.
    pub role: Role,
    /// Their name in the chat.
    #[serde(skip)]
    pub nickname: Personal<Nickname>,
}

/// `chat.member_added.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberAdded {
    /// Who.
    pub user_id: UserId,
    /// What they may do.
    pub role: Role,
    /// Who did it.
    pub by: UserId,
    /// Their name in the chat.
    #[serde(skip)]
    pub nickname: Personal<Nickname>,
}

/// `chat.member_left.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberLeft {
    /// Who.
    pub user_id: UserId,
}

/// `chat.member_removed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRemoved {
    /// Who.
    pub user_id: UserId,
    /// Who did it.
    pub by: UserId,
}

/// `chat.role_changed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleChanged {
    /// Whose.
    pub user_id: UserId,
    /// The role from now on.
    pub role: Role,
    /// Who did it.
    pub by: UserId,
}

/// `chat.nickname_changed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicknameChanged {
    /// Whose.
    pub user_id: UserId,
    /// Their name in the chat from now on.
    #[serde(skip)]
    pub nickname: Personal<Nickname>,
}

/// Why not.
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

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    if let Event::Created(created) = event {
        *state = State::Open(Box::new(Room {
            chat_name: created.chat_name.clone(),
            private: created.private,
            archived: false,
            members: HashMap::new(),
            left_muted: Vec::new(),
            nicknames: HashMap::new(),
            called: HashMap::new(),
            order: Vec::new(),
            went_last: created.by,
        }));
        return;
    }
    let State::Open(room) = state else { return };
    match event {
        Event::Created(_) => {}
        Event::Renamed(renamed) => room.chat_name = renamed.chat_name.clone(),
        Event::Archived(_) => room.archived = true,
        Event::Unarchived(_) => room.archived = false,
        Event::Deleted(_) => *state = State::Deleted,
        Event::MemberJoined(MemberJoined { user_id, role, nickname })
        | Event::MemberAdded(MemberAdded { user_id, role, nickname, .. }) => {
            room.call(*user_id, nickname.known());
            room.left_muted.retain(|muted| muted != user_id);
            if room.members.insert(*user_id, *role).is_none() {
                room.order.push(*user_id);
            }
        }
        Event::MemberLeft(MemberLeft { user_id }) | Event::MemberRemoved(MemberRemoved { user_id, .. }) => {
            room.order.retain(|member| member != user_id);
            room.went_last = *user_id;
            room.call(*user_id, None);
            if room.members.remove(user_id) == Some(Role::Muted) {
                room.left_muted.push(*user_id);
            }
        }
        Event::RoleChanged(changed) => {
            room.members.insert(changed.user_id, changed.role);
        }
        Event::NicknameChanged(changed) => room.call(changed.user_id, changed.nickname.known()),
    }
}

impl Room {
    /// Remembers how somebody is called here from now on; none where it is not known, or nobody is.
    fn call(&mut self, user_id: UserId, nickname: Option<&Nickname>) {
        let former = match nickname {
            Some(nickname) => {
                *self.called.entry(nickname.key()).or_default() += 1;
                self.nicknames.insert(user_id, nickname.clone())
            }
            None => self.nicknames.remove(&user_id),
        };
        let Some(former) = former.map(|former| former.key()) else { return };
        if let Some(count) = self.called.get_mut(&former) {
            *count -= 1;
            if *count == 0 {
                self.called.remove(&former);
            }
        }
    }
}

#[cfg(test)]
mod tests;
