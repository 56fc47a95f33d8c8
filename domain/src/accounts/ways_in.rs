//! What signs in to an account. The last of it stays: an account that nobody can enter is lost to its owner.

use crate::{Reads, RefusalKind, UserId, identities, passkeys, user};

/// What an account is entered by, beside its own password and address.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    pub user: &'a user::State,
    pub identities: &'a identities::State,
    pub passkeys: &'a passkeys::State,
}

/// What it would take away is the last way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is the last way to sign in to your account; add another one first, or set a password")]
pub struct LastWayIn;

impl LastWayIn {
    pub(crate) fn kind(self) -> RefusalKind {
        RefusalKind::LastWayIn
    }
}

/// The streams of one account that [`Beside`] is made of.
pub fn reads(user_id: UserId) -> Reads {
    Reads { user: Some(user_id), identities: Some(user_id.into()), passkeys: Some(user_id.into()), ..Reads::default() }
}

impl Beside<'_> {
    /// Lets one of them be taken away while another is left.
    pub(crate) fn one_less(&self, account: &user::Account) -> Result<(), LastWayIn> {
        let password = usize::from(account.passwords > 0);
        let address = usize::from(account.address.is_some());
        let others = self.identities.linked.len() + self.passkeys.passkeys.len();
        if password + address + others > 1 { Ok(()) } else { Err(LastWayIn) }
    }
}
