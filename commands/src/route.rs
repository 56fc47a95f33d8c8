//! Which streams a command names, and which rules decide on it: one arm an aggregate.

use crate::request::{Actor, Request};
use crate::states::States;
use domain::{
    Command, Decision, Outcome, Refusal, StreamId, Timestamp, UserId, chat, message, name, projection, session, token,
    user,
};

/// The streams that a command decides on: its own first, then those whose states its rules look at.
pub(crate) fn streams(command: &Command) -> (StreamId, [Option<StreamId>; 2]) {
    match command {
        Command::User(id, user::Command::SignUp(user::SignUp { claim, .. })) => {
            ((*id).into(), [Some((*claim).into()), None])
        }
        Command::User(id, _) => ((*id).into(), [None, None]),
        Command::Session(id, session::Command::SignIn(session::SignIn { user_id, .. })) => {
            ((*id).into(), [Some((*user_id).into()), None])
        }
        Command::Session(id, session::Command::End(_)) => ((*id).into(), [None, None]),
        Command::Token(id, token::Command::Create(token::Create { user_id, .. })) => {
            ((*id).into(), [Some((*user_id).into()), None])
        }
        Command::Token(id, token::Command::Revoke(_)) => ((*id).into(), [None, None]),
        Command::Chat(id, command) => ((*id).into(), [newcomer(command), command.claim().map(StreamId::from)]),
        Command::Message(id, command) => {
            ((*id).into(), [Some(command.chat_id().into()), command.reply_to().map(StreamId::from)])
        }
        Command::Projection(name, projection::Command::Skip(_)) => ((*name).into(), [None, None]),
        Command::Nothing(user_id) => ((*user_id).into(), [None, None]),
    }
}

/// Every stream that must be known before a request is decided on.
pub(crate) fn wanted(request: &Request) -> impl Iterator<Item = StreamId> {
    let (own, others) = streams(&request.command);
    let people = people(request).into_iter().flatten().map(StreamId::from);
    std::iter::once(own).chain(others.into_iter().flatten()).chain(people)
}

/// In whose name something is said or done by a request: nobody may who was erased. What concerns an account is
/// judged by its own rules.
pub(crate) fn people(request: &Request) -> [Option<UserId>; 2] {
    let actor = match (request.actor, &request.command) {
        // Somebody who was erased meanwhile still has to be taken out.
        (Actor::User(_), Command::Chat(_, chat::Command::Withdraw(_))) => None,
        (
            Actor::User(id),
            Command::Session(..) | Command::Token(..) | Command::Chat(..) | Command::Message(..) | Command::Nothing(_),
        ) => Some(id),
        (Actor::User(_), Command::User(..) | Command::Projection(..)) => None,
        (Actor::Anonymous | Actor::Operator | Actor::Import | Actor::Courier(_), _) => None,
    };
    [actor, request.command.by().filter(|author| Some(*author) != actor)]
}

/// The account that comes into a chat by a command.
fn newcomer(command: &chat::Command) -> Option<StreamId> {
    match command {
        chat::Command::Create(chat::Create { by, .. }) => Some((*by).into()),
        chat::Command::Join(chat::Join { user_id, .. })
        | chat::Command::BringIn(chat::BringIn { user_id, .. })
        | chat::Command::Add(chat::Add { user_id, .. }) => Some((*user_id).into()),
        chat::Command::Change(_)
        | chat::Command::Delete(_)
        | chat::Command::Leave(_)
        | chat::Command::Withdraw(_)
        | chat::Command::DeleteIfEmpty
        | chat::Command::Remove(_)
        | chat::Command::SetNickname(_)
        | chat::Command::SetRole(_) => None,
    }
}

/// Decides on states that are loaded.
pub(crate) fn decide(states: &States, command: &Command, at: Timestamp) -> Result<Decision, Refusal> {
    #[cfg(test)]
    crate::tests::panic_if_asked(command);
    let (_, [second, third]) = streams(command);
    match command {
        Command::User(id, wish) => {
            let claim = second.map_or_else(name::State::default, |claim| states.name(claim));
            Ok(user::decide(*id, states.user(*id), &claim, wish, at)?)
        }
        Command::Session(id, wish) => {
            let user = second.map_or(&user::State::Absent, |user| states.user(user));
            Ok(session::decide(*id, &states.session(*id), user, wish, at)?)
        }
        Command::Token(id, wish) => {
            let user = second.map_or(&user::State::Absent, |user| states.user(user));
            Ok(token::decide(*id, &states.token(*id), user, wish, at)?)
        }
        Command::Chat(id, wish) => {
            let user = second.map_or(&user::State::Absent, |user| states.user(user));
            let claim = third.map_or_else(name::State::default, |claim| states.name(claim));
            Ok(chat::decide(*id, states.chat(*id), user, &claim, wish)?)
        }
        Command::Message(id, wish) => {
            let answered = third.map_or(&message::State::Absent, |answered| states.message(answered));
            Ok(message::decide(*id, states.message(*id), states.chat(wish.chat_id()), answered, wish, at)?)
        }
        Command::Projection(name, wish) => Ok(projection::decide(*name, states.projection(*name), wish)?),
        Command::Nothing(_) => Ok(Decision { facts: Vec::new(), outcome: Outcome::Done }),
    }
}
