//! Who comes into a chat, who leaves it, and what its members may do with each other.

use super::bans::refuse_banned;
use super::{
    Add, BringIn, By, Chosen, Decided, Event, Join, Leave, MemberAdded, MemberJoined, MemberLeft, MemberRemoved,
    NicknameChanged, Refusal, Remove, Role, RoleChanged, Room, SetNickname, SetRole, Withdraw, direct,
};
use crate::text::Nickname;
use crate::{Outcome, Personal, UserId, name, user};

pub(super) fn join(room: &Room, user: &user::State, claim: &name::State, command: &Join) -> Result<Decided, Refusal> {
    let (user_id, nickname) = (command.user_id, command.nickname.as_ref());
    refuse_banned(room, user_id)?;
    let Some(role) = role_on_entry(room, user_id) else { return is_in_as(room, claim, user_id, nickname) };
    if room.private {
        return Err(Refusal::NotInvited);
    }
    if room.archived {
        return Err(Refusal::Archived);
    }
    let nickname = nickname_for(Some(room), user, claim, user_id, nickname)?;
    Ok(came_in(user_id, Event::MemberJoined(MemberJoined { user_id, role, invitation: None, nickname })))
}

/// Members who say another name now have that one from now on.
pub(super) fn is_in_as(
    room: &Room,
    claim: &name::State,
    user_id: UserId,
    nickname: Option<&Chosen>,
) -> Result<Decided, Refusal> {
    let events = nickname.map_or(Ok(vec![]), |chosen| rename(room, claim, user_id, &chosen.nickname))?;
    Ok((events, Outcome::Member { user_id, joined: false }))
}

pub(super) fn add(room: &Room, user: &user::State, command: &Add) -> Result<Decided, Refusal> {
    let Add { by, user_id } = *command;
    if !role_of(room, by)?.leads() {
        return Err(Refusal::NotAllowed);
    }
    refuse_banned(room, user_id)?;
    let Some(role) = role_on_entry(room, user_id) else { return Ok(is_in(user_id)) };
    if room.archived {
        return Err(Refusal::Archived);
    }
    let nickname = nickname_for(Some(room), user, &name::State::default(), user_id, None)?;
    Ok(came_in(user_id, Event::MemberAdded(MemberAdded { user_id, role, by, nickname })))
}

/// Somebody who was there when it was said. Of the names that they can have the first that is free.
pub(super) fn bring_in(
    room: &Room,
    user: &user::State,
    claim: &name::State,
    command: &BringIn,
) -> Result<Decided, Refusal> {
    let (user_id, nickname) = (command.user_id, command.nickname.as_ref());
    let Some(role) = role_on_entry(room, user_id) else { return Ok(is_in(user_id)) };
    if room.direct {
        return Err(Refusal::NotInvited);
    }
    // What they said is brought in all the same, under the name that they had.
    if room.banned.contains_key(&user_id) {
        return Ok(is_in(user_id));
    }
    let own = name::State::default();
    let spelling = nickname.filter(|chosen| is_own_spelling(room, claim, user_id, chosen));
    let nickname = match nickname_for(Some(room), user, claim, user_id, nickname) {
        // Spellings that differ by a space were two people then.
        Err(Refusal::NameTaken) => match (spelling, nickname_for(Some(room), user, &own, user_id, None)) {
            (Some(chosen), _) => Personal::Known(chosen.nickname.clone()),
            (None, Err(Refusal::NameTaken)) => Personal::Known(Nickname::made_for(user_id)),
            (None, other) => other?,
        },
        other => other?,
    };
    Ok(came_in(user_id, Event::MemberJoined(MemberJoined { user_id, role, invitation: None, nickname })))
}

/// The role in which somebody comes in; none when they are in the chat already.
pub(super) fn role_on_entry(room: &Room, user_id: UserId) -> Option<Role> {
    if room.members.contains_key(&user_id) {
        None
    } else if room.left_muted.contains(&user_id) {
        Some(Role::Muted)
    } else {
        Some(Role::Member)
    }
}

fn is_in(user_id: UserId) -> Decided {
    (vec![], Outcome::Member { user_id, joined: false })
}

pub(super) fn came_in(user_id: UserId, event: Event) -> Decided {
    (vec![event], Outcome::Member { user_id, joined: true })
}

/// Whether nobody else spells it so, in the chat or as an account.
fn is_own_spelling(room: &Room, claim: &name::State, user_id: UserId, chosen: &Chosen) -> bool {
    claim.owner.is_none_or(|owner| owner == user_id) && !room.nicknames.values().any(|taken| *taken == chosen.nickname)
}

pub(super) fn set_nickname(room: &Room, claim: &name::State, command: &SetNickname) -> Result<Vec<Event>, Refusal> {
    rename(room, claim, command.user_id, &command.nickname.nickname)
}

/// The same name in another spelling is a change as well.
fn rename(room: &Room, claim: &name::State, user_id: UserId, nickname: &Nickname) -> Result<Vec<Event>, Refusal> {
    role_of(room, user_id)?;
    is_free(Some(room), claim, user_id, nickname)?;
    if room.nicknames.get(&user_id) == Some(nickname) {
        return Ok(vec![]);
    }
    Ok(vec![Event::NicknameChanged(NicknameChanged { user_id, nickname: Personal::Known(nickname.clone()) })])
}

/// Nobody is called as somebody else is.
fn is_free(room: Option<&Room>, claim: &name::State, user_id: UserId, nickname: &Nickname) -> Result<(), Refusal> {
    if claim.owner.is_some_and(|owner| owner != user_id) {
        return Err(Refusal::NameTaken);
    }
    let Some(room) = room else { return Ok(()) };
    let key = nickname.key();
    let mine = u32::from(room.nicknames.get(&user_id).is_some_and(|mine| mine.key() == key));
    match room.called.get(&key) {
        Some(called) if *called > mine => Err(Refusal::NameTaken),
        Some(_) | None => Ok(()),
    }
}

pub(super) fn leave(room: &Room, command: &Leave) -> Result<Vec<Event>, Refusal> {
    let user_id = command.user_id;
    if room.direct && room.members.len() > 1 {
        role_of(room, user_id)?;
        return Ok(direct::put_away(user_id));
    }
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

/// Somebody is about to be erased: they cannot be asked to hand over, and the chat must stay led.
pub(super) fn withdraw(room: &Room, command: &Withdraw) -> Vec<Event> {
    let user_id = command.user_id;
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

pub(super) fn remove(room: &Room, command: &Remove) -> Result<Vec<Event>, Refusal> {
    let Remove { by, user_id } = *command;
    let (mine, theirs) = roles(room, by, user_id)?;
    if mine.leads() && theirs != Role::Owner && (mine == Role::Owner || !theirs.leads()) {
        Ok(vec![Event::MemberRemoved(MemberRemoved { user_id, by })])
    } else {
        Err(Refusal::NotAllowed)
    }
}

/// The owner gives any role; making another member the owner makes the former owner an admin. An admin makes members of the muted and
/// the other way round. An owner's role changes only by handing over.
pub(super) fn set_role(room: &Room, command: &SetRole) -> Result<Vec<Event>, Refusal> {
    let SetRole { by, user_id, role } = *command;
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

/// How somebody is called who comes into a chat; into none yet, when it is being created.
pub(super) fn nickname_for(
    room: Option<&Room>,
    user: &user::State,
    claim: &name::State,
    user_id: UserId,
    chosen: Option<&Chosen>,
) -> Result<Personal<Nickname>, Refusal> {
    let user::State::Open(account) = user else {
        return Err(Refusal::UserNotFound);
    };
    let nickname = match (chosen, &account.profile.user_name) {
        (Some(chosen), _) => chosen.nickname.clone(),
        (None, Personal::Known(name)) => Nickname::of(name),
        (None, Personal::Erased) => return Err(Refusal::UserNotFound),
    };
    is_free(room, claim, user_id, &nickname)?;
    Ok(Personal::Known(nickname))
}
