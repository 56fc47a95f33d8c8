//! A person's second factor: a secret that a device of theirs shares with us and makes codes of (RFC 6238), and the codes that they
//! keep for when they lose that device. A stream of its own beside the account: what counts a code appends where nobody else
//! waits. Codes are checked before the command; that each counts once is decided here.

use crate::session::{Proof, Way};
use crate::user::{self, SessionsEnded};
use crate::{Decision, Outcome, Personal, Reads, RefusalKind, Timestamp, TotpId, UserId};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

mod event;

pub use event::{
    Begun, CodeUsed, Confirmed, Event, RecoveryCodeUsed, RecoveryCodesMade, RecoveryHash, Removed, SECRETS, Secret,
};

/// How long a secret waits for its first code.
const WAITS: Duration = Duration::from_secs(3_600);
/// Recovery codes that are made at once.
pub const RECOVERY_CODES: usize = 10;

/// What is known of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// How many secrets there have been: the version of the last one.
    pub secrets: u32,
    /// The last secret and when it was shared, unless its factor was removed.
    pub secret: Option<(Personal<Secret>, Timestamp)>,
    /// What counts as a second factor, once a first code was right.
    pub factor: Option<Factor>,
}

/// A factor that was confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factor {
    pub since: Timestamp,
    /// The step of the last code that counted.
    pub last_step: u64,
    /// The recovery codes that are left.
    pub codes: BTreeSet<RecoveryHash>,
}

/// What somebody may want of it.
#[derive(Clone, Debug)]
pub enum Command {
    /// Share a secret, which counts once a code of it was right. One that was begun before and not confirmed is void.
    Begin(Secret),
    Confirm(Confirm),
    MakeRecoveryCodes(MakeRecoveryCodes),
    /// Remove it, by who has it.
    Remove(Second),
    /// Remove it, by an operator, and end every session.
    TakeAway,
}

/// Make it a second factor, by its first code.
#[derive(Clone, Debug)]
pub struct Confirm {
    /// The version of the secret that the code was checked against.
    pub secrets: u32,
    /// The step that the code is of.
    pub step: u64,
    /// The first recovery codes.
    pub codes: Vec<RecoveryHash>,
}

/// Make new recovery codes; those of before are void.
#[derive(Clone, Debug)]
pub struct MakeRecoveryCodes {
    pub shown: Second,
    pub codes: Vec<RecoveryHash>,
}

/// What somebody showed beside their first proof, with what the rules check it against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Second {
    /// A code that their device made.
    Code {
        /// The version of the secret that it was checked against.
        secrets: u32,
        /// The step that it is of.
        step: u64,
    },
    /// A code that they kept.
    Recovery(RecoveryHash),
}

impl Command {
    /// What the rules look at beside it: the account.
    pub fn reads(&self, id: TotpId) -> Reads {
        Reads { user: Some(id.into()), ..Reads::default() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such account.
    #[error("there is no such user")]
    UserNotFound,
    /// A second factor is there; another would make the first one void.
    #[error("codes of a device are your second factor already; remove it first")]
    AlreadyOn,
    /// There is none, or none that waits for its first code.
    #[error("there is no such second factor; begin with POST /v1/me/totp")]
    NotFound,
    /// The code is wrong, or has counted before.
    #[error("this code is wrong, or it was used before; wait for the next one")]
    BadCode,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::UserNotFound => RefusalKind::UserNotFound,
            Refusal::AlreadyOn => RefusalKind::FactorExists,
            Refusal::NotFound => RefusalKind::FactorNotFound,
            Refusal::BadCode => RefusalKind::BadCode,
        }
    }
}

/// Decides on one person's second factor. `user` is the state of their account.
pub fn decide(
    id: TotpId,
    state: &State,
    user: &user::State,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    match user {
        user::State::Open(_) => {}
        user::State::Absent | user::State::Erased => return Err(Refusal::UserNotFound),
    }
    let events = match command {
        Command::Begin(secret) => {
            if state.factor.is_some() {
                return Err(Refusal::AlreadyOn);
            }
            vec![Event::Begun(Begun { user_id: id.into(), at, secret: Personal::Known(secret.clone()) })]
        }
        Command::Confirm(command) => confirm(state, command, at)?,
        Command::MakeRecoveryCodes(command) => {
            let mut events = used(state, &command.shown, at)?.1;
            events.push(Event::RecoveryCodesMade(RecoveryCodesMade { at, codes: command.codes.clone() }));
            events
        }
        Command::Remove(shown) => {
            let mut events = used(state, shown, at)?.1;
            events.push(Event::Removed(Removed { at }));
            events
        }
        Command::TakeAway => {
            if state.factor.is_none() {
                return Err(Refusal::NotFound);
            }
            let ended = user::Event::SessionsEnded(SessionsEnded { keep: None });
            let removed = crate::Event::Totp(id, Event::Removed(Removed { at }));
            return Ok(Decision::of(vec![removed, crate::Event::User(id.into(), ended)], Outcome::Done));
        }
    };
    let facts = events.into_iter().map(|event| crate::Event::Totp(id, event)).collect();
    Ok(Decision::of(facts, Outcome::Done))
}

fn confirm(state: &State, command: &Confirm, at: Timestamp) -> Result<Vec<Event>, Refusal> {
    state.waiting(at)?;
    // Another secret was shared since.
    if state.secrets != command.secrets {
        return Err(Refusal::BadCode);
    }
    let Confirm { step, codes, .. } = command.clone();
    Ok(vec![Event::Confirmed(Confirmed { at, step, codes })])
}

/// Uses up what was shown: as which proof that counts, and the facts of it.
///
/// # Errors
/// [`Refusal::NotFound`] where there is no factor, [`Refusal::BadCode`] for what has counted before or belongs to another secret.
pub(crate) fn used(state: &State, shown: &Second, at: Timestamp) -> Result<(Proof, Vec<Event>), Refusal> {
    let factor = state.factor.as_ref().ok_or(Refusal::NotFound)?;
    match shown {
        Second::Code { secrets, step } => {
            if *secrets != state.secrets || *step <= factor.last_step {
                return Err(Refusal::BadCode);
            }
            Ok((Proof { by: Way::Totp, at }, vec![Event::CodeUsed(CodeUsed { step: *step })]))
        }
        Second::Recovery(code) => {
            if !factor.codes.contains(code) {
                return Err(Refusal::BadCode);
            }
            let left = u32::try_from(factor.codes.len() - 1).unwrap_or(u32::MAX);
            let used = Event::RecoveryCodeUsed(RecoveryCodeUsed { code: *code, left, at });
            Ok((Proof { by: Way::RecoveryCode, at }, vec![used]))
        }
    }
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match (event, &mut state.factor) {
        (Event::Begun(begun), _) => {
            state.secrets += 1;
            state.secret = Some((begun.secret.clone(), begun.at));
        }
        (Event::Confirmed(confirmed), factor) => {
            let Confirmed { at, step, codes } = confirmed.clone();
            *factor = Some(Factor { since: at, last_step: step, codes: codes.into_iter().collect() });
        }
        (Event::CodeUsed(used), Some(factor)) => factor.last_step = used.step,
        (Event::RecoveryCodeUsed(used), Some(factor)) => {
            factor.codes.remove(&used.code);
        }
        (Event::RecoveryCodesMade(made), Some(factor)) => factor.codes = made.codes.iter().copied().collect(),
        (Event::Removed(_), _) => {
            state.factor = None;
            state.secret = None;
        }
        (Event::CodeUsed(_) | Event::RecoveryCodeUsed(_) | Event::RecoveryCodesMade(_), None) => {}
    }
}

impl State {
    /// The secret that waits for its first code.
    ///
    /// # Errors
    /// [`Refusal::AlreadyOn`] where a factor is there, [`Refusal::NotFound`] where none waits any more.
    pub fn waiting(&self, at: Timestamp) -> Result<&Personal<Secret>, Refusal> {
        if self.factor.is_some() {
            return Err(Refusal::AlreadyOn);
        }
        match &self.secret {
            Some((secret, begun_at)) if begun_at.plus(WAITS) > at => Ok(secret),
            Some(_) | None => Err(Refusal::NotFound),
        }
    }

    /// The secret of the factor; none where there is none, or it was erased.
    pub fn shared(&self) -> Option<&Secret> {
        self.factor.as_ref()?;
        self.secret.as_ref()?.0.known()
    }

    /// What signing in asks for beside the first proof; nothing where that is enough.
    pub fn asked(&self) -> Vec<Way> {
        match &self.factor {
            None => Vec::new(),
            Some(factor) if factor.codes.is_empty() => vec![Way::Totp],
            Some(_) => vec![Way::Totp, Way::RecoveryCode],
        }
    }

    /// It as JSON. The secret is shown to nobody.
    pub(crate) fn to_json(&self) -> Value {
        match (&self.factor, &self.secret) {
            (Some(factor), _) => json!({
                "is": "on", "since": factor.since, "last_step": factor.last_step,
                "recovery_codes_left": factor.codes.len(), "secrets": self.secrets,
            }),
            (None, Some(_)) => json!({"is": "begun", "secrets": self.secrets}),
            (None, None) => json!({"is": "off", "secrets": self.secrets}),
        }
    }
}

impl From<UserId> for TotpId {
    fn from(UserId(id): UserId) -> TotpId {
        TotpId(id)
    }
}

impl From<TotpId> for UserId {
    fn from(TotpId(id): TotpId) -> UserId {
        UserId(id)
    }
}

#[cfg(test)]
mod tests;
