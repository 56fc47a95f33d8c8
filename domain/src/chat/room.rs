//! A chat as it is: its name, its members, and how each fact changes it.

use super::event::{Event, MemberAdded, MemberJoined, MemberLeft, MemberRemoved};
use super::invitations::Invitation;
use crate::text::{ChatName, Nickname, Note};
use crate::{InvitationId, Personal, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

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
    /// Its name; a direct chat has none.
    pub chat_name: Option<ChatName>,
    /// Whether it is the chat of two people: nobody else comes in, and neither leads it.
    pub direct: bool,
    /// Which of the two have put it away, unless something was said since.
    pub hidden: Vec<UserId>,
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
    /// Who may not come in, and why.
    pub banned: HashMap<UserId, Personal<Note>>,
    /// Those that were neither used up nor withdrawn.
    pub invitations: BTreeMap<InvitationId, Invitation>,
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

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    if let Event::Created(created) = event {
        let named =
            Room { chat_name: Some(created.chat_name.clone()), private: created.private, ..Room::of(created.by) };
        *state = State::Open(Box::new(named));
        return;
    }
    if let Event::DirectOpened(opened) = event {
        *state = State::Open(Box::new(Room { private: true, direct: true, ..Room::of(opened.by) }));
        return;
    }
    let State::Open(room) = state else { return };
    match event {
        Event::Created(_) | Event::DirectOpened(_) => {}
        Event::Hidden(hidden) => {
            if !room.hidden.contains(&hidden.user_id) {
                room.hidden.push(hidden.user_id);
            }
        }
        Event::Shown(shown) => room.hidden.retain(|hidden| *hidden != shown.user_id),
        Event::Renamed(renamed) => room.chat_name = Some(renamed.chat_name.clone()),
        Event::Archived(_) => room.archived = true,
        Event::Unarchived(_) => room.archived = false,
        Event::Deleted(_) => *state = State::Deleted,
        Event::MemberJoined(MemberJoined { user_id, role, nickname, .. })
        | Event::MemberAdded(MemberAdded { user_id, role, nickname, .. }) => {
            if let Event::MemberJoined(MemberJoined { invitation: Some(id), .. }) = event {
                room.use_up(*id);
            }
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
        Event::Banned(banned) => {
            room.banned.insert(banned.user_id, banned.reason.clone());
        }
        Event::Unbanned(unbanned) => {
            room.banned.remove(&unbanned.user_id);
        }
        Event::InvitationMade(made) => {
            room.invitations.retain(|_, earlier| earlier.expires_at > made.at);
            let invitation = Invitation { expires_at: made.expires_at, uses_left: made.uses_max };
            room.invitations.insert(made.invitation_id, invitation);
        }
        Event::InvitationWithdrawn(withdrawn) => {
            room.invitations.remove(&withdrawn.invitation_id);
        }
    }
}

impl Room {
    /// An empty one that somebody has created.
    fn of(by: UserId) -> Room {
        Room {
            chat_name: None,
            direct: false,
            hidden: Vec::new(),
            private: false,
            archived: false,
            members: HashMap::new(),
            left_muted: Vec::new(),
            nicknames: HashMap::new(),
            called: HashMap::new(),
            order: Vec::new(),
            banned: HashMap::new(),
            invitations: BTreeMap::new(),
            went_last: by,
        }
    }

    /// One more has come in by it.
    fn use_up(&mut self, id: InvitationId) {
        let Some(Invitation { uses_left: Some(left), .. }) = self.invitations.get_mut(&id) else { return };
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.invitations.remove(&id);
        }
    }

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

impl State {
    /// It as JSON; what its members are called in it is left out.
    pub(crate) fn to_json(&self) -> Value {
        let room = match self {
            State::Absent => return json!({"is": "absent"}),
            State::Deleted => return json!({"is": "deleted"}),
            State::Open(room) => room,
        };
        let mut members = room.members.iter().collect::<Vec<_>>();
        members.sort_by_key(|(user_id, _)| **user_id);
        let members = members.iter().map(|(user_id, role)| json!({"user_id": user_id, "role": role}));
        let mut banned = room.banned.keys().collect::<Vec<_>>();
        banned.sort_unstable();
        let invitations = room.invitations.iter().map(|(id, invitation)| (id.to_string(), invitation.to_json()));
        json!({
            "is": "open", "chat_name": room.chat_name, "private": room.private, "archived": room.archived,
            "direct": room.direct,
            "members": members.collect::<Vec<_>>(), "banned": banned,
            "invitations": invitations.collect::<serde_json::Map<_, _>>(),
        })
    }
}
