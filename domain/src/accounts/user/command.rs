//! What somebody may want of an account.

use super::{Origin, Role, Verifier};
use crate::id::NameClaim;
use crate::text::{DisplayName, Email, Locale, TimeZone, UserName};
use crate::{Reads, SessionId, Timestamp, UserId};

/// What somebody may want of an account.
#[derive(Clone, Debug)]
pub enum Command {
    SignUp(SignUp),
    ChangeProfile(ChangeProfile),
    ChangePassword(ChangePassword),
    ReplaceVerifier(ReplaceVerifier),
    CountFailedSignIns(CountFailedSignIns),
    EndSessions(EndSessions),
    /// Let nobody in any more by what they hold: end every session and revoke every service token.
    LockOut,
    SetRole(SetRole),
    /// Forget the person.
    Erase,
}

/// Open it.
#[derive(Clone, Debug)]
pub struct SignUp {
    /// The claim on `user_name`.
    pub claim: NameClaim,
    pub user_name: UserName,
    /// An address, not yet confirmed.
    pub email: Option<Email>,
    /// The password's verifier; none for imported people, who cannot log in before an operator gives them one.
    pub verifier: Option<Verifier>,
}

/// Change what is said; the rest stays.
#[derive(Clone, Debug)]
pub struct ChangeProfile {
    pub display_name: Option<DisplayName>,
    pub time_zone: Option<TimeZone>,
    pub locale: Option<Locale>,
}

/// Change the password, and end the sessions that were opened with the old one.
#[derive(Clone, Debug)]
pub struct ChangePassword {
    pub verifier: Verifier,
    /// The version of the verifier that the old password was checked against; none when an operator sets it.
    pub checked: Option<u32>,
    /// The session that goes on.
    pub keep: Option<SessionId>,
}

/// Check the same password against another verifier from now on, because the old one was made in an outdated way.
#[derive(Clone, Debug)]
pub struct ReplaceVerifier {
    pub verifier: Verifier,
    /// The version of the verifier that the password was checked against; nothing happens when it is another by now.
    pub checked: u32,
}

/// Remember that sign-ins failed.
#[derive(Clone, Debug)]
pub struct CountFailedSignIns {
    pub minute: Timestamp,
    /// How many so far in that minute.
    pub count: u32,
    /// Where the last one came from.
    pub from: Origin,
}

/// End every session but one.
#[derive(Clone, Debug)]
pub struct EndSessions {
    /// The one that goes on.
    pub keep: Option<SessionId>,
}

/// Give it a role.
#[derive(Clone, Debug)]
pub struct SetRole {
    pub role: Role,
}

impl Command {
    /// What the rules look at beside the account, or change with it.
    pub fn reads(&self, id: UserId) -> Reads {
        match self {
            Command::SignUp(command) => Reads { claim: Some(command.claim), ..Reads::default() },
            Command::LockOut => Reads { quota: Some(id.into()), ..Reads::default() },
            // The zone is that of quiet hours as well.
            Command::ChangeProfile(ChangeProfile { time_zone: Some(_), .. }) => {
                Reads { preferences: Some(id.into()), ..Reads::default() }
            }
            Command::ChangeProfile(_)
            | Command::ChangePassword(_)
            | Command::ReplaceVerifier(_)
            | Command::CountFailedSignIns(_)
            | Command::EndSessions(_)
            | Command::SetRole(_)
            | Command::Erase => Reads::default(),
        }
    }
}
