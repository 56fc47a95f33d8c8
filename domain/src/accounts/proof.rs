//! A proof that somebody reads the mail of an address: a mail carries its link or its code, and it is used once. The
//! secrets are derived from its id and stored nowhere (`docs/decisions/0021`); what it is good for, and for how long, is
//! here.

use crate::email::{self, Seen};
use crate::id::{EmailClaim, NameClaim, ProofId};
use crate::session::{self, Opening, Way};
use crate::text::{Email, Locale, UserName};
use crate::user::{self, Account, Verifier};
use crate::{Decision, Outcome, Personal, Reads, RefusalKind, SessionId, Timestamp, UserId, name, totp};
use std::time::Duration;

mod event;

pub use event::{Event, Issued, Purpose, Tried, Used};

/// How long the link is good that confirms an address.
pub const CONFIRM_LASTS: Duration = Duration::from_secs(24 * 3600);
/// How long the link is good that sets a password.
pub const RESET_LASTS: Duration = Duration::from_secs(3600);
/// How long a code or link is good that signs in.
pub const CODE_LASTS: Duration = Duration::from_secs(15 * 60);
/// Wrong codes after which the right one counts no more.
pub const TRIES_MAX: u32 = 5;

/// Whether it can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// There is none.
    #[default]
    Absent,
    /// It can, before it expires, unless what it is about has changed.
    Open(Box<Proof>),
    /// It was used, or wrong codes were tried too often.
    Spent,
}

/// One that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub purpose: Purpose,
    /// Whose account it is about; for [`Purpose::SignUp`] the one that it opens. None where no account has the address: the
    /// proof was never mailed and opens nothing.
    pub user_id: Option<UserId>,
    pub claim: EmailClaim,
    pub email: Personal<Email>,
    /// How many passwords the account had.
    pub passwords: u32,
    pub language: Locale,
    pub expires_at: Timestamp,
    /// Wrong codes so far.
    pub tries: u32,
}

/// What somebody may want of a proof.
#[derive(Clone, Debug)]
pub enum Command {
    /// Mail it to an address: for signing in, or for a new password.
    Issue(Issue),
    /// A code was wrong.
    CountWrongCode,
    ConfirmEmail(ConfirmEmail),
    ResetPassword(ResetPassword),
    SignIn(Box<SignIn>),
}

/// Mail it, if an account has the address. Where none has, the same is written, and nothing is mailed.
#[derive(Clone, Debug)]
pub struct Issue {
    pub to: To,
    pub email: Email,
    pub wish: Wish,
    pub language: Locale,
}

/// What a mail is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    NewPassword,
    /// With the id of the account that is opened where the address has none; none where accounts are not opened so.
    SignIn(Option<UserId>),
}

/// An address, with who has confirmed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct To {
    pub claim: EmailClaim,
    /// The owner in its stream; refused with [`Refusal::Incomplete`] when it is another by now.
    pub owner: Option<UserId>,
}

/// Confirm the address for the account that asked.
#[derive(Clone, Debug)]
pub struct ConfirmEmail {
    pub user_id: UserId,
    pub to: To,
}

/// Set a password, and end every session.
#[derive(Clone, Debug)]
pub struct ResetPassword {
    pub user_id: UserId,
    pub verifier: Verifier,
}

/// Open a session, for [`Purpose::SignUp`] with the account.
#[derive(Clone, Debug)]
pub struct SignIn {
    pub user_id: UserId,
    pub to: To,
    pub session_id: SessionId,
    pub opening: Opening,
    /// What a new account is called; none where there is one.
    pub name: Option<(NameClaim, UserName)>,
}

impl Command {
    /// What the rules look at beside the proof, or change with it.
    pub fn reads(&self) -> Reads {
        let of = |to: &To| Reads { address: Some(to.claim), owner: to.owner, ..Reads::default() };
        match self {
            Command::Issue(Issue { to, .. }) => of(to),
            Command::CountWrongCode => Reads::default(),
            Command::ConfirmEmail(ConfirmEmail { user_id, to }) => Reads { user: Some(*user_id), ..of(to) },
            Command::ResetPassword(ResetPassword { user_id, .. }) => Reads { user: Some(*user_id), ..Reads::default() },
            Command::SignIn(command) => {
                let claim = command.name.as_ref().map(|(claim, _)| *claim);
                let (user, totp) = (Some(command.user_id), Some(command.user_id.into()));
                Reads { user, totp, claim, ..of(&command.to) }
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It was used, has expired, or what it was about has changed.
    #[error("this link has expired, or it was used already; ask for another")]
    Expired,
    /// The code is wrong, or counts no more.
    #[error("this code is wrong or has expired; ask for another after a few wrong ones")]
    BadCode,
    /// Another account confirmed the address meanwhile.
    #[error("another account has confirmed this address")]
    AddressTaken,
    /// The name of the new account is taken; the door chooses another.
    #[error("this user name is taken; choose another")]
    NameTaken,
    /// The address has another owner than the command says.
    #[error("the address belongs to another account now")]
    Incomplete,
    /// The account may not be used.
    #[error("this account is suspended")]
    Suspended {
        /// When that ends by itself; none where somebody has to lift it.
        until: Option<Timestamp>,
    },
    /// Its id is taken.
    #[error("this proof exists already")]
    AlreadyExists,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::Expired => RefusalKind::LinkExpired,
            Refusal::BadCode => RefusalKind::BadCode,
            Refusal::AddressTaken => RefusalKind::AddressTaken,
            Refusal::NameTaken => RefusalKind::UserExists,
            Refusal::Incomplete => RefusalKind::Incomplete,
            Refusal::Suspended { .. } => RefusalKind::Suspended,
            Refusal::AlreadyExists => RefusalKind::AlreadyExists,
        }
    }
}

/// What rules look at beside the proof; what a command does not name is not looked at.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    /// The account that the command names.
    pub user: &'a user::State,
    pub address: Seen<'a>,
    /// The name of a new account.
    pub claim: name::State,
    /// The second factor of the account.
    pub totp: &'a totp::State,
}

/// Decides on one proof.
pub fn decide(
    id: ProofId,
    state: &State,
    beside: &Beside<'_>,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    match command {
        Command::Issue(command) => issue(id, state, &beside.address, command, at),
        Command::CountWrongCode => count_wrong_code(id, state, at),
        Command::ConfirmEmail(command) => confirm(id, open(state, at)?, beside, command),
        Command::ResetPassword(command) => reset(id, open(state, at)?, beside.user, command),
        Command::SignIn(command) => sign_in(id, open(state, at)?, beside, command, at),
    }
}

fn open(state: &State, at: Timestamp) -> Result<&Proof, Refusal> {
    match state {
        State::Open(proof) if proof.expires_at > at => Ok(proof),
        State::Open(_) | State::Absent | State::Spent => Err(Refusal::Expired),
    }
}

fn account(user: &user::State) -> Result<&Account, Refusal> {
    match user {
        user::State::Open(account) => Ok(account),
        user::State::Absent | user::State::Erased => Err(Refusal::Expired),
    }
}

fn issue(id: ProofId, state: &State, address: &Seen<'_>, command: &Issue, at: Timestamp) -> Result<Decision, Refusal> {
    match state {
        State::Absent => {}
        State::Open(_) | State::Spent => return Err(Refusal::AlreadyExists),
    }
    let Issue { to, email, wish, language } = command;
    let holder = address.holder(to.claim, to.owner).ok_or(Refusal::Incomplete)?;
    let (purpose, user_id, lasts) = match wish {
        Wish::NewPassword => (Purpose::Reset, holder, RESET_LASTS),
        Wish::SignIn(_) if !address.may_be_asked(at) => return Ok(Decision::nothing(Outcome::Done)),
        Wish::SignIn(Some(new)) if holder.is_none() => (Purpose::SignUp, Some(*new), CODE_LASTS),
        Wish::SignIn(_) => (Purpose::SignIn, holder, CODE_LASTS),
    };
    let passwords = match address.owner {
        user::State::Open(account) if holder.is_some() => account.passwords,
        user::State::Open(_) | user::State::Absent | user::State::Erased => 0,
    };
    // Sealed under the account's key: of an address that no account has nothing is kept.
    let email = if user_id.is_some() { Personal::Known(email.clone()) } else { Personal::Erased };
    let expires_at = at.plus(lasts);
    let language = language.clone();
    let issued = Issued { purpose, user_id, claim: to.claim, passwords, language, at, expires_at, email };
    let asked = email::Event::CodeAsked(email::CodeAsked { proof_id: id, at });
    let asked = (*wish != Wish::NewPassword).then_some(crate::Event::Email(to.claim, asked));
    let facts = asked.into_iter().chain([crate::Event::Proof(id, Event::Issued(issued))]).collect();
    Ok(Decision::of(facts, Outcome::Done))
}

/// One that cannot be used any more counts no further.
fn count_wrong_code(id: ProofId, state: &State, at: Timestamp) -> Result<Decision, Refusal> {
    let Ok(proof) = open(state, at) else { return Ok(Decision::nothing(Outcome::Done)) };
    let tried = Event::Tried(Tried { count: proof.tries + 1 });
    Ok(Decision::of(vec![crate::Event::Proof(id, tried)], Outcome::Done))
}

fn confirm(id: ProofId, proof: &Proof, beside: &Beside<'_>, command: &ConfirmEmail) -> Result<Decision, Refusal> {
    let ConfirmEmail { user_id, to } = command;
    let account = account(beside.user)?;
    // Whoever asks for another address makes the links to the ones before void.
    let is_wanted = account.pending.as_ref().is_some_and(|pending| pending.proof_id == id);
    if !is_wanted || !proof.is_for(&[Purpose::Welcome, Purpose::Confirm], *user_id, to.claim) {
        return Err(Refusal::Expired);
    }
    let holder = beside.address.holder(to.claim, to.owner).ok_or(Refusal::Incomplete)?;
    if holder.is_some_and(|holder| holder != *user_id) {
        return Err(Refusal::AddressTaken);
    }
    let former = account.address.and(account.profile.email.clone());
    let email = proof.email.known().ok_or(Refusal::Expired)?;
    let mut facts = vec![used(id)];
    facts.extend(user::confirmed(*user_id, to.claim, email, former));
    Ok(Decision::of(facts, Outcome::Done))
}

/// A password that was changed since, or an address that is not the account's any more, makes it void.
fn reset(id: ProofId, proof: &Proof, user: &user::State, command: &ResetPassword) -> Result<Decision, Refusal> {
    let account = account(user)?;
    let is_current = account.passwords == proof.passwords && account.address == Some(proof.claim);
    if !is_current || !proof.is_for(&[Purpose::Reset], command.user_id, proof.claim) {
        return Err(Refusal::Expired);
    }
    let mut facts = vec![used(id)];
    facts.extend(user::replaced_password(command.user_id, &command.verifier));
    Ok(Decision::of(facts, Outcome::Done))
}

fn sign_in(
    id: ProofId,
    proof: &Proof,
    beside: &Beside<'_>,
    command: &SignIn,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    let SignIn { user_id, to, .. } = command;
    let Beside { user, address, claim, .. } = beside;
    let is_last = address.state.code.is_some_and(|(last, _)| last == id);
    if !is_last || !proof.is_for(&[Purpose::SignIn, Purpose::SignUp], *user_id, to.claim) {
        return Err(Refusal::Expired);
    }
    let holder = address.holder(to.claim, to.owner).ok_or(Refusal::Incomplete)?;
    let mut facts = vec![used(id)];
    match (user, &command.name) {
        (user::State::Open(account), _) if holder == Some(*user_id) => {
            // Who has the code has the mailbox: they may know.
            if let Some(suspension) = account.suspended_at(at) {
                return Err(Refusal::Suspended { until: suspension.until });
            }
        }
        (user::State::Absent, Some((name, user_name))) if proof.purpose == Purpose::SignUp && holder.is_none() => {
            if claim.owner.is_some() {
                return Err(Refusal::NameTaken);
            }
            let email = proof.email.known().ok_or(Refusal::Expired)?;
            facts.extend(user::opened_by_mail(*user_id, (*name, user_name), email, &proof.language, at));
            facts.extend(user::confirmed(*user_id, to.claim, email, None));
        }
        (user::State::Open(_) | user::State::Absent | user::State::Erased, _) => return Err(Refusal::Expired),
    }
    let first = session::Proof { by: Way::Mail, at };
    let decision = session::open_or_ask(command.session_id, *user_id, first, beside.totp, &command.opening, at);
    facts.extend(decision.facts);
    Ok(Decision::of(facts, decision.outcome))
}

fn used(id: ProofId) -> crate::Event {
    crate::Event::Proof(id, Event::Used(Used {}))
}

impl Proof {
    fn is_for(&self, purposes: &[Purpose], user_id: UserId, claim: EmailClaim) -> bool {
        purposes.contains(&self.purpose) && self.user_id == Some(user_id) && self.claim == claim
    }
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match (event, &mut *state) {
        (Event::Issued(issued), _) => {
            *state = State::Open(Box::new(Proof {
                purpose: issued.purpose,
                user_id: issued.user_id,
                claim: issued.claim,
                email: issued.email.clone(),
                passwords: issued.passwords,
                language: issued.language.clone(),
                expires_at: issued.expires_at,
                tries: 0,
            }));
        }
        (Event::Tried(Tried { count }), State::Open(proof)) if *count < TRIES_MAX => proof.tries = *count,
        (Event::Tried(_) | Event::Used(_), _) => *state = State::Spent,
    }
}

#[cfg(test)]
mod tests;
