//! Accounts and their addresses: the facts that are the same whichever way they come about.

use super::{
    Account, ConfirmedEmail, EmailChangeRequested, EmailConfirmed, Event, NewAddress, ProfileChanged, Refusal,
    SessionsEnded, SignedUp, SignedUpAs, Verifier, password_changed,
};
use crate::email::{self, PAUSE, Seen};
use crate::id::{EmailClaim, NameClaim};
use crate::proof::{self, CONFIRM_LASTS, Issued, Purpose};
use crate::text::{DisplayName, Email, Locale, TimeZone, UserName};
use crate::{Decision, Outcome, Personal, Timestamp, UserId, name};

/// Another address is wanted. The one that is confirmed, or was asked for just now, is left as it is.
pub(super) fn change(
    id: UserId,
    account: &Account,
    seen: &Seen<'_>,
    wanted: &NewAddress,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    let asked = |pending: super::PendingAddress| pending.claim == wanted.claim && pending.at.plus(PAUSE) > at;
    if account.address == Some(wanted.claim) || account.pending.is_some_and(asked) {
        return Ok(Decision::nothing(Outcome::Done));
    }
    Ok(Decision::of(want(id, Purpose::Confirm, seen, wanted, at)?, Outcome::Done))
}

/// An address is given. Where another account has it, that one's owner is told, and who gave it is not.
pub(super) fn want(
    id: UserId,
    purpose: Purpose,
    seen: &Seen<'_>,
    wanted: &NewAddress,
    at: Timestamp,
) -> Result<Vec<crate::Event>, Refusal> {
    let NewAddress { email, claim, owner, proof_id, language } = wanted;
    let (email, claim, proof_id) = (Personal::Known(email.clone()), *claim, *proof_id);
    let holder = seen.holder(claim, *owner).ok_or(Refusal::Incomplete)?.filter(|holder| *holder != id);
    let requested = EmailChangeRequested { proof_id, claim, at, email: email.clone() };
    let mut facts = vec![crate::Event::User(id, Event::EmailChangeRequested(requested))];
    match holder {
        Some(user_id) if seen.may_be_told(at) => {
            facts.push(crate::Event::Email(claim, email::Event::Wanted(email::Wanted { user_id, at })));
        }
        Some(_) => {}
        None => {
            let expires_at = at.plus(CONFIRM_LASTS);
            let (user_id, language) = (Some(id), language.clone());
            let issued = Issued { purpose, user_id, claim, passwords: 0, language, at, expires_at, email };
            facts.push(crate::Event::Proof(proof_id, proof::Event::Issued(issued)));
        }
    }
    Ok(facts)
}

/// An account is opened under that name.
pub(super) fn opened(
    id: UserId,
    (claim, user_name): (NameClaim, &UserName),
    email: Option<Email>,
    at: Timestamp,
) -> Vec<crate::Event> {
    let names = SignedUpAs { user_name: user_name.clone(), email };
    let signed_up = Event::SignedUp(SignedUp { at, personal: Personal::Known(names) });
    vec![
        crate::Event::Name(claim, name::Event::Claimed(name::Claimed { user_id: id })),
        crate::Event::User(id, signed_up),
    ]
}

/// A new account reads another language than the one that all begin with.
pub(super) fn speaks(id: UserId, user_name: &UserName, language: &Locale) -> Option<crate::Event> {
    is_called(id, user_name, language, None)
}

/// The same of one whose owner is called otherwise than the account.
fn is_called(
    id: UserId,
    user_name: &UserName,
    language: &Locale,
    display_name: Option<&DisplayName>,
) -> Option<crate::Event> {
    let changed = ProfileChanged {
        time_zone: TimeZone::default(),
        locale: language.clone(),
        display_name: Personal::Known(display_name.cloned().unwrap_or_else(|| DisplayName::of(user_name))),
    };
    let is_another = display_name.is_some() || *language != Locale::default();
    is_another.then_some(crate::Event::User(id, Event::ProfileChanged(changed)))
}

/// An account is opened by who reads that mail, under a name that was made up here.
pub(crate) fn opened_by_mail(
    id: UserId,
    name: (NameClaim, &UserName),
    email: &Email,
    language: &Locale,
    at: Timestamp,
) -> Vec<crate::Event> {
    opened_by_others(id, name, Some(email), (language, None), at)
}

/// An account is opened by whom another service knows, under a name that was made up here.
pub(crate) fn opened_by_others(
    id: UserId,
    name: (NameClaim, &UserName),
    email: Option<&Email>,
    (language, display_name): (&Locale, Option<&DisplayName>),
    at: Timestamp,
) -> Vec<crate::Event> {
    let mut facts = opened(id, name, email.cloned(), at);
    facts.push(crate::Event::User(id, Event::NameGiven));
    facts.extend(is_called(id, name.1, language, display_name));
    facts
}

/// An address is the account's from now on.
pub(crate) fn confirmed(id: UserId, claim: EmailClaim, email: &Email, former: Option<Email>) -> [crate::Event; 2] {
    let personal = Personal::Known(ConfirmedEmail { email: email.clone(), former });
    [
        crate::Event::Email(claim, email::Event::Claimed(email::Claimed { user_id: id })),
        crate::Event::User(id, Event::EmailConfirmed(EmailConfirmed { claim, personal })),
    ]
}

/// A password takes the place of a forgotten one, or is the first; nobody stays signed in.
pub(crate) fn replaced_password(id: UserId, verifier: &Verifier) -> [crate::Event; 2] {
    [password_changed(verifier), Event::SessionsEnded(SessionsEnded { keep: None })]
        .map(|event| crate::Event::User(id, event))
}
