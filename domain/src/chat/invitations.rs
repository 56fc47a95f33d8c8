//! Invitations into a chat: who has the code of one comes in, until it ends, is used up or is withdrawn.

use super::bans::{leader, refuse_banned};
use super::{
    Decided, Event, InvitationMade, InvitationWithdrawn, Invite, JoinByInvitation, MemberJoined, Refusal, Room, State,
    WithdrawInvitation, members,
};
use crate::{Outcome, Timestamp, name, user};
use serde_json::{Value, json};

/// Most invitations of one chat that are open at once.
pub const INVITATIONS_MAX: usize = 100;

/// An invitation that was neither used up nor withdrawn. Whether it has ended is for the reader to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invitation {
    pub expires_at: Timestamp,
    /// How many may still come in by it; none where their number is not bounded.
    pub uses_left: Option<u32>,
}

impl Invitation {
    pub(super) fn to_json(self) -> Value {
        json!({"expires_at": self.expires_at, "uses_left": self.uses_left})
    }
}

pub(super) fn invite(room: &Room, command: &Invite, at: Timestamp) -> Result<Decided, Refusal> {
    let Invite { by, invitation_id, expires_at, uses_max } = *command;
    leader(room, by)?;
    if room.archived {
        return Err(Refusal::Archived);
    }
    if room.invitations.values().filter(|invitation| invitation.expires_at > at).count() >= INVITATIONS_MAX {
        return Err(Refusal::TooManyInvitations);
    }
    let made = InvitationMade { invitation_id, by, at, expires_at, uses_max };
    Ok((vec![Event::InvitationMade(made)], Outcome::Invited { invitation_id, expires_at }))
}

pub(super) fn withdraw(room: &Room, command: &WithdrawInvitation, at: Timestamp) -> Result<Vec<Event>, Refusal> {
    let WithdrawInvitation { by, invitation_id } = *command;
    leader(room, by)?;
    match room.invitations.get(&invitation_id) {
        Some(invitation) if invitation.expires_at > at => {
            Ok(vec![Event::InvitationWithdrawn(InvitationWithdrawn { invitation_id, by })])
        }
        Some(_) | None => Err(Refusal::InvitationNotFound),
    }
}

/// A member uses nothing up, and a chat that is gone takes its invitations along.
pub(super) fn join(
    state: &State,
    user: &user::State,
    claim: &name::State,
    command: &JoinByInvitation,
    at: Timestamp,
) -> Result<Decided, Refusal> {
    let JoinByInvitation { user_id, invitation_id, nickname } = command;
    let State::Open(room) = state else { return Err(Refusal::InvitationExpired) };
    refuse_banned(room, *user_id)?;
    let Some(role) = members::role_on_entry(room, *user_id) else {
        return members::is_in_as(room, claim, *user_id, nickname.as_ref());
    };
    match room.invitations.get(invitation_id) {
        Some(invitation) if invitation.expires_at > at => {}
        Some(_) | None => return Err(Refusal::InvitationExpired),
    }
    if room.archived {
        return Err(Refusal::Archived);
    }
    let nickname = members::nickname_for(Some(room), user, claim, *user_id, nickname.as_ref())?;
    let joined = MemberJoined { user_id: *user_id, role, invitation: Some(*invitation_id), nickname };
    Ok(members::came_in(*user_id, Event::MemberJoined(joined)))
}
