//! Who comes into a chat, who leaves it, and what its members may do with each other.

use super::{By, Event, MemberAdded, MemberJoined, MemberLeft, MemberRemoved, Refusal, Role, RoleChanged, Room};
use crate::text::Nickname;
use crate::{Outcome, Personal, UserId, user};

pub(super) fn join(
    room: &Room,
    user: &user::State,
    user_id: UserId,
    nickname: Option<&Nickname>,
) -> Result<(Vec<Event>, Outcome), Refusal> {
    if room.members.contains_key(&user_id) {
        return Ok((vec![], Outcome::Member { user_id, joined: false }));
    }
    if room.private {
        return Err(Refusal::NotInvited);
    }
    if room.archived {
        return Err(Refusal::Archived);
    }
    let nickname = nickname_for(user, nickname)?;
    let joined = MemberJoined { user_id, role: role_on_entry(room, user_id), nickname };
    Ok((vec![Event::MemberJoined(joined)], Outcome::Member { user_id, joined: true }))
}

pub(super) fn add(
    room: &Room,
    user: &user::State,
    by: UserId,
    user_id: UserId,
) -> Result<(Vec<Event>, Outcome), Refusal> {
    if !role_of(room, by)?.leads() {
        return Err(Refusal::NotAllowed);
    }
    if room.members.contains_key(&user_id) {
        return Ok((vec![], Outcome::Member { user_id, joined: false }));
    }
    if room.archived {
        return Err(Refusal::Archived);
    }
    let nickname = nickname_for(user, None)?;
    let added = MemberAdded { user_id, role: role_on_entry(room, user_id), by, nickname };
    Ok((vec![Event::MemberAdded(added)], Outcome::Member { user_id, joined: true }))
}

pub(super) fn leave(room: &Room, user_id: UserId) -> Result<Vec<Event>, Refusal> {
    let owners = room.members.values().filter(|role| **role == Role::Owner).count();
    if role_of(room, user_id)? == Role::Owner && owners == 1 && room.members.len() > 1 {
        return Err(Refusal::OwnerMustHandOver);
    }
    Ok(leaving(room, user_id))
}

/// The last one takes the chat along: nobody could read, lead or delete it any more.
fn leaving(room: &Room, user_id: UserId) -> Vec<Event> {
    let mut events = vec![Event::MemberLeft(MemberLeft { user_id })];
    if room.members.len() == 1 {
        events.push(Event::Deleted(By { by: user_id }));
    }
    events
}

/// Somebody is about to be erased: he cannot be asked to hand over, and the chat must stay led.
pub(super) fn withdraw(room: &Room, user_id: UserId) -> Vec<Event> {
    let Some(role) = room.members.get(&user_id) else { return vec![] };
    let mut events = leaving(room, user_id);
    if *role == Role::Owner
        && let Some(heir) = heir(room, user_id)
    {
        events.push(Event::RoleChanged(RoleChanged { user_id: heir, role: Role::Owner, by: user_id }));
    }
    events
}

/// Who owns a chat after its owner: of the highest role that is left, whoever came first.
fn heir(room: &Room, owner: UserId) -> Option<UserId> {
    let rank = |user_id: &&UserId| match room.members.get(user_id) {
        Some(Role::Owner | Role::Admin) => 0,
        Some(Role::Member) => 1,
        Some(Role::Muted) | None => 2,
    };
    // Of equals, the first.
    room.order.iter().filter(|user_id| **user_id != owner).min_by_key(rank).copied()
}

pub(super) fn remove(room: &Room, by: UserId, user_id: UserId) -> Result<Vec<Event>, Refusal> {
    let (mine, theirs) = roles(room, by, user_id)?;
    if mine.leads() && theirs != Role::Owner && (mine == Role::Owner || !theirs.leads()) {
        Ok(vec![Event::MemberRemoved(MemberRemoved { user_id, by })])
    } else {
        Err(Refusal::NotAllowed)
    }
}

/// The owner gives any role; making another the owner makes him an admin. An admin makes members of the muted and
/// the other way round. An owner's role changes only by handing over.
pub(super) fn set_role(room: &Room, by: UserId, user_id: UserId, role: Role) -> Result<Vec<Event>, Refusal> {
    let (mine, theirs) = roles(room, by, user_id)?;
    let allowed = match mine {
        Role::Owner => theirs != Role::Owner || role == Role::Owner,
        Role::Admin => !theirs.leads() && !role.leads(),
        Role::Member | Role::Muted => false,
    };
    if !allowed {
        return Err(Refusal::NotAllowed);
    }
    if theirs == role {
        return Ok(vec![]);
    }
    let mut events = vec![Event::RoleChanged(RoleChanged { user_id, role, by })];
    if role == Role::Owner {
        events.push(Event::RoleChanged(RoleChanged { user_id: by, role: Role::Admin, by }));
    }
    Ok(events)
}

pub(super) fn role_of(room: &Room, user_id: UserId) -> Result<Role, Refusal> {
    room.members.get(&user_id).copied().ok_or(Refusal::NotAMember)
}

fn roles(room: &Room, by: UserId, user_id: UserId) -> Result<(Role, Role), Refusal> {
    let mine = role_of(room, by)?;
    let theirs = room.members.get(&user_id).copied().ok_or(Refusal::MemberNotFound)?;
    Ok((mine, theirs))
}

fn role_on_entry(room: &Room, user_id: UserId) -> Role {
    if room.left_muted.contains(&user_id) { Role::Muted } else { Role::Member }
}

pub(super) fn nickname_for(user: &user::State, chosen: Option<&Nickname>) -> Result<Personal<Nickname>, Refusal> {
    let user::State::Open(account) = user else {
        return Err(Refusal::UserNotFound);
    };
    let nickname = match (chosen, &account.profile.user_name) {
        (Some(chosen), _) => chosen.clone(),
        (None, Personal::Known(name)) => Nickname::of(name),
        (None, Personal::Erased) => return Err(Refusal::UserNotFound),
    };
    Ok(Personal::Known(nickname))
}
