//! Where a name or an address is claimed.

use domain::id::{EmailClaim, IdentityClaim, NameClaim};
use domain::text::{Email, Nickname, UserName};
use domain::totp::RecoveryHash;
use domain::{ChatId, UserId};
use store::Keys;

/// The claim on a user name: a keyed hash of its canonical form, so that names that look the same are one.
pub fn claim(keys: &Keys, name: &UserName) -> NameClaim {
    NameClaim(keys.keyed_hash("user name", &[name.canonical().as_bytes()]))
}

/// The claim that an account has on what somebody wants to be called in a chat, if any has.
pub fn claim_on(keys: &Keys, nickname: &Nickname) -> NameClaim {
    NameClaim(keys.keyed_hash("user name", &[nickname.key().as_bytes()]))
}

/// The claim on an identity: a keyed hash of issuer and subject, each as the service writes it.
pub fn identity_claim(keys: &Keys, issuer: &str, subject: &str) -> IdentityClaim {
    IdentityClaim(keys.keyed_hash("identity", &[issuer.as_bytes(), subject.as_bytes()]))
}

/// The one chat of two people, whoever of them asks. Its id is made of theirs by a keyed hash, so that nobody else can
/// name it, and has the form of all ids: its time is that of the later account.
pub fn direct_chat(keys: &Keys, one: UserId, other: UserId) -> ChatId {
    let (first, last) = if one <= other { (one, other) } else { (other, one) };
    let hash = keys.keyed_hash("direct chat", &[first.0.as_bytes(), last.0.as_bytes()]);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes[..6].copy_from_slice(&last.0.as_bytes()[..6]);
    let id = uuid::Builder::from_bytes(bytes).with_version(uuid::Version::SortRand);
    ChatId(id.with_variant(uuid::Variant::RFC4122).into_uuid())
}

/// A recovery code as it is kept. Without the keys nobody can try codes on it.
pub fn recovery_hash(keys: &Keys, user_id: UserId, code: &str) -> RecoveryHash {
    RecoveryHash(keys.keyed_hash("recovery code", &[user_id.0.as_bytes(), code.as_bytes()]))
}

/// The claim on an address: upper and lower case are one.
pub fn email_claim(keys: &Keys, email: &Email) -> EmailClaim {
    EmailClaim(keys.keyed_hash("email address", &[email.canonical().as_bytes()]))
}
