//! Where a name or an address is claimed.

use domain::id::{EmailClaim, NameClaim};
use domain::text::{Email, Nickname, UserName};
use store::Keys;

/// The claim on a user name: a keyed hash of its canonical form, so that names that look the same are one.
pub fn claim(keys: &Keys, name: &UserName) -> NameClaim {
    NameClaim(keys.keyed_hash("user name", &[name.canonical().as_bytes()]))
}

/// The claim that an account has on what somebody wants to be called in a chat, if any has.
pub fn claim_on(keys: &Keys, nickname: &Nickname) -> NameClaim {
    NameClaim(keys.keyed_hash("user name", &[nickname.key().as_bytes()]))
}

/// The claim on an address: upper and lower case are one.
pub fn email_claim(keys: &Keys, email: &Email) -> EmailClaim {
    EmailClaim(keys.keyed_hash("email address", &[email.canonical().as_bytes()]))
}
