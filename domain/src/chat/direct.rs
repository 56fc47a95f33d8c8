//! The one chat of two people. Both are plain members of it, and it is private: nobody leads it, so that nobody else comes
//! in and nothing about it is changed (`docs/decisions/0026`).

use super::{Beside, Decided, DirectOpened, Event, HiddenFor, MemberJoined, OpenDirect, Refusal, Role, State, members};
use crate::{ChatId, Outcome, UserId, name};

/// Opens it, or has it in the list again. Its id is made of both people, so that it is the same whoever of them asks.
pub(super) fn open(id: ChatId, state: &State, beside: &Beside<'_>, command: &OpenDirect) -> Result<Decided, Refusal> {
    let OpenDirect { by, with } = *command;
    if by == with {
        return Err(Refusal::WithOneself);
    }
    let free = name::State::default();
    let nickname = members::nickname_for(None, beside.user, &free, by, None)?;
    let others = members::nickname_for(None, beside.other, &free, with, None)?;
    match state {
        State::Open(room) => {
            members::role_of(room, by)?;
            let shown = room.hidden.contains(&by).then_some(Event::Shown(HiddenFor { user_id: by }));
            Ok((shown.into_iter().collect(), Outcome::DirectChat { chat_id: id, created: false }))
        }
        State::Absent => {
            let joined = |user_id, nickname| {
                Event::MemberJoined(MemberJoined { user_id, role: Role::Member, invitation: None, nickname })
            };
            let events =
                vec![Event::DirectOpened(DirectOpened { by, with }), joined(by, nickname), joined(with, others)];
            Ok((events, Outcome::DirectChat { chat_id: id, created: true }))
        }
        // Only with the last of the two.
        State::Deleted => Err(Refusal::NotFound),
    }
}

/// Who leaves keeps the chat and does not see it until something is said in it, or they open it again: the other could
/// not reach them otherwise.
pub(super) fn put_away(user_id: UserId) -> Vec<Event> {
    vec![Event::Hidden(HiddenFor { user_id })]
}
