//! What somebody may want of an account.

use super::{Origin, Role, Verifier};
use crate::id::{EmailClaim, NameClaim};
use crate::text::{DisplayName, Email, Locale, Note, TimeZone, UserName};
use crate::{ProofId, Reads, SessionId, Timestamp, UserId};

/// What somebody may want of an account.
#[derive(Clone, Debug)]
pub enum Command {
    SignUp(SignUp),
    ChangeProfile(ChangeProfile),
    ChangeEmail(NewAddress),
    ChangePassword(ChangePassword),
    ReplaceVerifier(ReplaceVerifier),
    CountFailedSignIns(CountFailedSignIns),
    EndSessions(EndSessions),
    /// Let nobody in any more by what they hold: end every session and revoke every service token.
    LockOut,
    SetRole(SetRole),
    Suspend(Suspend),
    /// Let its owner use it again.
    Unsuspend(Unsuspend),
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
    pub email: Option<NewAddress>,
    /// The password's verifier; none for imported people, who cannot log in before an operator gives them one.
    pub verifier: Option<Verifier>,
}

/// Have that address, once it is confirmed.
#[derive(Clone, Debug)]
pub struct NewAddress {
    pub email: Email,
    pub claim: EmailClaim,
    /// The owner in its stream; refused with [`super::Refusal::Incomplete`] when it is another by now.
    pub owner: Option<UserId>,
    /// What will confirm it.
    pub proof_id: ProofId,
    /// The language of who asks; a new account reads it from then on.
    pub language: Locale,
}

impl NewAddress {
    fn reads(&self) -> Reads {
        let NewAddress { claim, owner, proof_id, .. } = *self;
        Reads { address: Some(claim), owner, proof: Some(proof_id), ..Reads::default() }
    }
}

/// Change what is said; the rest stays.
#[derive(Clone, Debug)]
pub struct ChangeProfile {
    /// Another name, with the claim on it: once, and only where the name was made up here.
    pub user_name: Option<(NameClaim, UserName)>,
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

/// Keep its owner from using it.
#[derive(Clone, Debug)]
pub struct Suspend {
    /// A moderator, an admin, or [`UserId::OPERATOR`].
    pub by: UserId,
    pub reason: Note,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
pub struct Unsuspend {
    pub by: UserId,
}

impl Command {
    /// What the rules look at beside the account, or change with it.
    pub fn reads(&self, id: UserId) -> Reads {
        match self {
            Command::SignUp(command) => {
                let address = command.email.as_ref().map(NewAddress::reads).unwrap_or_default();
                Reads { claim: Some(command.claim), ..address }
            }
            Command::ChangeProfile(command) => {
                let claim = command.user_name.as_ref().map(|(claim, _)| *claim);
                // The zone is that of quiet hours as well.
                let preferences = command.time_zone.as_ref().map(|_| id.into());
                Reads { claim, preferences, ..Reads::default() }
            }
            Command::ChangeEmail(address) => address.reads(),
            Command::Suspend(Suspend { by, .. }) | Command::Unsuspend(Unsuspend { by }) => {
                Reads { other: Some(*by).filter(|by| *by != UserId::OPERATOR), ..Reads::default() }
            }
            Command::LockOut => Reads { quota: Some(id.into()), ..Reads::default() },
            Command::ChangePassword(_)
            | Command::ReplaceVerifier(_)
            | Command::CountFailedSignIns(_)
            | Command::EndSessions(_)
            | Command::SetRole(_)
            | Command::Erase => Reads::default(),
        }
    }
}
