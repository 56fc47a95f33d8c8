//! What somebody may want of an account.

use super::{Origin, Role, Verifier};
use crate::id::NameClaim;
use crate::text::{DisplayName, Email, Locale, TimeZone, UserName};
use crate::{SessionId, Timestamp};

/// What somebody may want of an account.
#[derive(Clone, Debug)]
pub enum Command {
    /// Open it.
    SignUp {
        /// The claim on `user_name`.
        claim: NameClaim,
        /// Its name.
        user_name: UserName,
        /// An address, not yet confirmed.
        email: Option<Email>,
        /// The password's verifier; none for imported people, who cannot log in before an operator gives them one.
        verifier: Option<Verifier>,
    },
    /// Change what is said; the rest stays.
    ChangeProfile {
        /// How the user wants to be called.
        display_name: Option<DisplayName>,
        /// Where they live.
        time_zone: Option<TimeZone>,
        /// What they read.
        locale: Option<Locale>,
    },
    /// Change the password, and end the sessions that were opened with the old one.
    ChangePassword {
        /// The new password's verifier.
        verifier: Verifier,
        /// The version of the verifier that the old password was checked against; none when an operator sets it.
        checked: Option<u32>,
        /// The session that goes on.
        keep: Option<SessionId>,
    },
    /// Check the same password against another verifier from now on, because the old one was made in an outdated way.
    ReplaceVerifier {
        /// The new verifier of the same password.
        verifier: Verifier,
        /// The version of the verifier that the password was checked against; nothing happens when it is another by now.
        checked: u32,
    },
    /// Remember that sign-ins failed.
    CountFailedSignIns {
        /// In which minute.
        minute: Timestamp,
        /// How many so far in it.
        count: u32,
        /// Where the last one came from.
        from: Origin,
    },
    /// End every session but one.
    EndSessions {
        /// The one that goes on.
        keep: Option<SessionId>,
    },
    /// Let nobody in any more by what they hold: end every session and revoke every service token.
    LockOut,
    /// Give it a role.
    SetRole(Role),
    /// Forget the person.
    Erase,
}
