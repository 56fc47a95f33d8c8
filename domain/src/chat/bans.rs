//! Who may not come into a chat any more, whichever way they try.

use super::{Ban, Banned, Event, MemberRemoved, Refusal, Role, Room, Unban, Unbanned, members};
use crate::text::Note;
use crate::{Personal, UserId, user};

/// Most people whom one chat keeps out: whoever names it has them all in memory.
pub const BANS_MAX: usize = 1_000;

/// The owner and admins ban, but neither the owner nor, as admins, another admin.
pub(super) fn ban(room: &Room, user: &user::State, command: &Ban) -> Result<Vec<Event>, Refusal> {
    let Ban { by, user_id, reason } = command;
    let mine = leader(room, *by)?;
    let user::State::Open(_) = user else { return Err(Refusal::UserNotFound) };
    let reason = reason.clone().map_or(Personal::Erased, Personal::Known);
    ban_as(room, mine, *by, *user_id, reason)
}

/// The same by somebody who may as much as that role.
pub(super) fn ban_as(
    room: &Room,
    mine: Role,
    by: UserId,
    user_id: UserId,
    reason: Personal<Note>,
) -> Result<Vec<Event>, Refusal> {
    if room.direct {
        return Err(Refusal::NotAllowed);
    }
    match room.members.get(&user_id) {
        Some(Role::Owner) => return Err(Refusal::NotAllowed),
        Some(Role::Admin) if mine != Role::Owner => return Err(Refusal::NotAllowed),
        Some(Role::Admin | Role::Member | Role::Muted) | None => {}
    }
    if room.banned.get(&user_id) == Some(&reason) {
        return Ok(vec![]);
    }
    if room.banned.len() >= BANS_MAX && !room.banned.contains_key(&user_id) {
        return Err(Refusal::TooManyBans);
    }
    let removed = room.members.contains_key(&user_id).then_some(Event::MemberRemoved(MemberRemoved { user_id, by }));
    Ok(removed.into_iter().chain([Event::Banned(Banned { user_id, by, reason })]).collect())
}

/// They may come in again as anybody else may.
pub(super) fn unban(room: &Room, command: &Unban) -> Result<Vec<Event>, Refusal> {
    let Unban { by, user_id } = *command;
    leader(room, by)?;
    let is_banned = room.banned.contains_key(&user_id);
    Ok(is_banned.then_some(Event::Unbanned(Unbanned { user_id, by })).into_iter().collect())
}

pub(super) fn leader(room: &Room, by: UserId) -> Result<Role, Refusal> {
    let role = members::role_of(room, by)?;
    if role.leads() { Ok(role) } else { Err(Refusal::NotAllowed) }
}

pub(super) fn refuse_banned(room: &Room, user_id: UserId) -> Result<(), Refusal> {
    if room.banned.contains_key(&user_id) { Err(Refusal::Banned) } else { Ok(()) }
}
