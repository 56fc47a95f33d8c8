//! Where a name is claimed.

use domain::id::NameClaim;
use domain::text::UserName;
use store::Keys;

/// The claim on a user name: a keyed hash of its canonical form, so that names that look the same are one.
pub fn claim(keys: &Keys, name: &UserName) -> NameClaim {
    NameClaim(keys.keyed_hash("user name", &[name.canonical().as_bytes()]))
}
