//! Whom a page is for.

use domain::user::Role;

/// The least role that a page is for.
#[derive(Clone, Copy)]
pub(super) enum Least {
    Moderator,
    Admin,
}

impl Least {
    pub(super) fn admits(self, role: Role) -> bool {
        match self {
            Least::Moderator => role.moderates(),
            Least::Admin => role == Role::Admin,
        }
    }
}
