//! What happens to a chat, and how it is written down.

use super::Role;
use crate::stored::{StoredParts, Unreadable, Written, json, sealed};
use crate::text::{ChatName, Nickname, Note};
use crate::{InvitationId, Personal, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// What happens to a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was created.
    Created(Created),
    /// It was opened as the chat of two people, whose coming in is a fact of its own each.
    DirectOpened(DirectOpened),
    /// One of the two has put it away until something is said in it.
    Hidden(HiddenFor),
    /// They have it in their list again.
    Shown(HiddenFor),
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
    /// Somebody may not come in any more.
    Banned(Banned),
    /// They may again.
    Unbanned(Unbanned),
    /// Whoever has the code of an invitation may come in.
    InvitationMade(InvitationMade),
    /// Nobody may by that one any more.
    InvitationWithdrawn(InvitationWithdrawn),
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

/// `chat.direct_opened.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectOpened {
    /// Who opened it.
    pub by: UserId,
    pub with: UserId,
}

/// `chat.hidden.v1`, `chat.shown.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HiddenFor {
    pub user_id: UserId,
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
    pub user_id: UserId,
    /// What they may do.
    pub role: Role,
    /// By which invitation they came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<InvitationId>,
    /// Their name in the chat.
    #[serde(skip)]
    pub nickname: Personal<Nickname>,
}

/// `chat.member_added.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberAdded {
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
    pub user_id: UserId,
}

/// `chat.member_removed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRemoved {
    pub user_id: UserId,
    /// Who did it.
    pub by: UserId,
}

/// `chat.role_changed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleChanged {
    pub user_id: UserId,
    /// The role from now on.
    pub role: Role,
    /// Who did it.
    pub by: UserId,
}

/// `chat.nickname_changed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicknameChanged {
    pub user_id: UserId,
    /// Their name in the chat from now on.
    #[serde(skip)]
    pub nickname: Personal<Nickname>,
}

/// `chat.banned.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Banned {
    pub user_id: UserId,
    /// Who did it.
    pub by: UserId,
    /// Why; it reads the same where none was given and where it was forgotten with them.
    #[serde(skip)]
    pub reason: Personal<Note>,
}

/// `chat.unbanned.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unbanned {
    pub user_id: UserId,
    /// Who did it.
    pub by: UserId,
}

/// `chat.invitation_made.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationMade {
    pub invitation_id: InvitationId,
    /// Who did it.
    pub by: UserId,
    pub at: Timestamp,
    pub expires_at: Timestamp,
    /// How many may come in by it; none where their number is not bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses_max: Option<u32>,
}

/// `chat.invitation_withdrawn.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationWithdrawn {
    pub invitation_id: InvitationId,
    /// Who did it.
    pub by: UserId,
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Created(_) => "chat.created.v1",
            Event::DirectOpened(_) => "chat.direct_opened.v1",
            Event::Hidden(_) => "chat.hidden.v1",
            Event::Shown(_) => "chat.shown.v1",
            Event::Renamed(_) => "chat.renamed.v1",
            Event::Archived(_) => "chat.archived.v1",
            Event::Unarchived(_) => "chat.unarchived.v1",
            Event::Deleted(_) => "chat.deleted.v1",
            Event::MemberJoined(_) => "chat.member_joined.v1",
            Event::MemberAdded(_) => "chat.member_added.v1",
            Event::MemberLeft(_) => "chat.member_left.v1",
            Event::MemberRemoved(_) => "chat.member_removed.v1",
            Event::RoleChanged(_) => "chat.role_changed.v1",
            Event::NicknameChanged(_) => "chat.nickname_changed.v1",
            Event::Banned(_) => "chat.banned.v1",
            Event::Unbanned(_) => "chat.unbanned.v1",
            Event::InvitationMade(_) => "chat.invitation_made.v1",
            Event::InvitationWithdrawn(_) => "chat.invitation_withdrawn.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Created(event) => (json(event), None),
            Event::DirectOpened(event) => (json(event), None),
            Event::Hidden(event) | Event::Shown(event) => (json(event), None),
            Event::Renamed(event) => (json(event), None),
            Event::Archived(event) | Event::Unarchived(event) | Event::Deleted(event) => (json(event), None),
            Event::MemberJoined(event) => (json(event), sealed(event.user_id, &event.nickname)),
            Event::MemberAdded(event) => (json(event), sealed(event.user_id, &event.nickname)),
            Event::MemberLeft(event) => (json(event), None),
            Event::MemberRemoved(event) => (json(event), None),
            Event::RoleChanged(event) => (json(event), None),
            Event::NicknameChanged(event) => (json(event), sealed(event.user_id, &event.nickname)),
            Event::Banned(event) => (json(event), sealed(event.user_id, &event.reason)),
            Event::Unbanned(event) => (json(event), None),
            Event::InvitationMade(event) => (json(event), None),
            Event::InvitationWithdrawn(event) => (json(event), None),
        }
    }

    /// Who came in by it.
    pub fn newcomer(&self) -> Option<UserId> {
        match self {
            Event::MemberJoined(joined) => Some(joined.user_id),
            Event::MemberAdded(added) => Some(added.user_id),
            Event::Created(_)
            | Event::DirectOpened(_)
            | Event::Hidden(_)
            | Event::Shown(_)
            | Event::Renamed(_)
            | Event::Archived(_)
            | Event::Unarchived(_)
            | Event::Deleted(_)
            | Event::MemberLeft(_)
            | Event::MemberRemoved(_)
            | Event::RoleChanged(_)
            | Event::NicknameChanged(_)
            | Event::Banned(_)
            | Event::Unbanned(_)
            | Event::InvitationMade(_)
            | Event::InvitationWithdrawn(_) => None,
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "chat.created.v1" => Event::Created(parts.payload()?),
            "chat.direct_opened.v1" => Event::DirectOpened(parts.payload()?),
            "chat.hidden.v1" => Event::Hidden(parts.payload()?),
            "chat.shown.v1" => Event::Shown(parts.payload()?),
            "chat.renamed.v1" => Event::Renamed(parts.payload()?),
            "chat.archived.v1" => Event::Archived(parts.payload()?),
            "chat.unarchived.v1" => Event::Unarchived(parts.payload()?),
            "chat.deleted.v1" => Event::Deleted(parts.payload()?),
            "chat.member_joined.v1" => {
                Event::MemberJoined(MemberJoined { nickname: parts.personal()?, ..parts.payload()? })
            }
            "chat.member_added.v1" => {
                Event::MemberAdded(MemberAdded { nickname: parts.personal()?, ..parts.payload()? })
            }
            "chat.member_left.v1" => Event::MemberLeft(parts.payload()?),
            "chat.member_removed.v1" => Event::MemberRemoved(parts.payload()?),
            "chat.role_changed.v1" => Event::RoleChanged(parts.payload()?),
            "chat.nickname_changed.v1" => {
                Event::NicknameChanged(NicknameChanged { nickname: parts.personal()?, ..parts.payload()? })
            }
            "chat.banned.v1" => Event::Banned(Banned { reason: parts.personal()?, ..parts.payload()? }),
            "chat.unbanned.v1" => Event::Unbanned(parts.payload()?),
            "chat.invitation_made.v1" => Event::InvitationMade(parts.payload()?),
            "chat.invitation_withdrawn.v1" => Event::InvitationWithdrawn(parts.payload()?),
            _ => return Err(parts.unknown()),
        })
    }
}
