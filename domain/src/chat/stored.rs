//! How a chat's facts are written down.

use super::{Event, MemberAdded, MemberJoined, NicknameChanged};
use crate::stored::{StoredParts, Unreadable, Written, json, sealed};

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Created(_) => "chat.created.v1",
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
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Created(event) => (json(event), None),
            Event::Renamed(event) => (json(event), None),
            Event::Archived(event) | Event::Unarchived(event) | Event::Deleted(event) => (json(event), None),
            Event::MemberJoined(event) => (json(event), sealed(event.user_id, &event.nickname)),
            Event::MemberAdded(event) => (json(event), sealed(event.user_id, &event.nickname)),
            Event::MemberLeft(event) => (json(event), None),
            Event::MemberRemoved(event) => (json(event), None),
            Event::RoleChanged(event) => (json(event), None),
            Event::NicknameChanged(event) => (json(event), sealed(event.user_id, &event.nickname)),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "chat.created.v1" => Event::Created(parts.payload()?),
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
            _ => return Err(parts.unknown()),
        })
    }
}
