//! What a failure is to whoever asked: of which kind it is, and in which words.

use crate::NodeError;
use crate::operations::Error;
use domain::{Refusal, RefusalKind};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::ErrorKind;

/// What kind of failure. The command line has an exit code for each, and HTTP a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// It was not done, for a reason that is of no kind of its own.
    Failure,
    /// It was asked in a way that cannot be understood.
    Usage,
    /// What it is about is not there.
    NotFound,
    /// Something that is there already stands against it.
    Conflict,
    /// Something is not healthy, or does not verify.
    Unhealthy,
    /// Who asks may not.
    Auth,
    /// Nobody answers.
    Unreachable,
}

/// A failure as it travels over the control socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Of which kind it is.
    pub code: FailureKind,
    /// What went wrong and what to do next.
    pub message: String,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Failure {
        Failure { code: error.kind(), message: in_words(error) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The failure and what lies behind it, with colons between.
fn in_words(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// The kind of an error, or of what lies behind it; none where none of them is of a kind of its own.
pub fn kind(error: &(dyn std::error::Error + 'static)) -> Option<FailureKind> {
    causes(error).find_map(known)
}

fn known(cause: &(dyn std::error::Error + 'static)) -> Option<FailureKind> {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return Some(failure.code);
    }
    if let Some(error) = cause.downcast_ref::<Error>() {
        return Some(error.kind());
    }
    if let Some(error) = cause.downcast_ref::<store::Error>() {
        return of_store(error);
    }
    // These are shown as the failure inside them, which is then no cause of its own.
    if let Some(NodeError::Store(error) | NodeError::Projections(projections::Error::Store(error))) =
        cause.downcast_ref::<NodeError>()
    {
        return of_store(error);
    }
    if let Some(NodeError::Relay(error)) = cause.downcast_ref::<NodeError>() {
        return of_relay(error);
    }
    if let Some(error) = cause.downcast_ref::<projections::Error>() {
        return of_projections(error);
    }
    if let Some(error) = cause.downcast_ref::<relay::Error>() {
        return of_relay(error);
    }
    match cause.downcast_ref::<commands::Error>()? {
        commands::Error::Refused(refusal) => Some(of_refusal(refusal)),
        commands::Error::KeyReused => Some(FailureKind::Conflict),
        commands::Error::Overloaded
        | commands::Error::Unavailable
        | commands::Error::ClockAhead { .. }
        | commands::Error::Internal => None,
    }
}

// The store may learn new failures: those have no number of their own.
#[allow(clippy::wildcard_enum_match_arm)]
fn of_store(error: &store::Error) -> Option<FailureKind> {
    match error {
        store::Error::NoData { .. } => Some(FailureKind::NotFound),
        error if error.is_lost() => Some(FailureKind::Unreachable),
        store::Error::DatabaseUrl { .. } => Some(FailureKind::Usage),
        store::Error::File { source, .. } if source.kind() == ErrorKind::PermissionDenied => Some(FailureKind::Auth),
        store::Error::Locked { .. }
        | store::Error::NotEmpty { .. }
        | store::Error::NotEmptyDatabase { .. }
        | store::Error::KeysInTheWay
        | store::Error::InTheWay { .. }
        | store::Error::Unfinished { .. }
        | store::Error::KeyInTheWay { .. }
        | store::Error::NextKeyMade { .. } => Some(FailureKind::Conflict),
        store::Error::MissingMasterKey { .. }
        | store::Error::Rotated { .. }
        | store::Error::WrongMasterKey
        | store::Error::NoMasterKeyBrought { .. }
        | store::Error::OtherMasterKey { .. }
        | store::Error::LooseMasterKey { .. }
        | store::Error::NotAMasterKey { .. } => Some(FailureKind::Auth),
        store::Error::Corrupt { .. }
        | store::Error::Damaged { .. }
        | store::Error::BadExport { .. }
        | store::Error::NotABackup { .. }
        | store::Error::BadBackup { .. }
        | store::Error::NotHeld { .. }
        | store::Error::OtherHistory { .. }
        | store::Error::NoAnchor { .. }
        | store::Error::BadAnchor { .. } => Some(FailureKind::Unhealthy),
        error if error.is_damage() => Some(FailureKind::Unhealthy),
        _ => None,
    }
}

// Read models may learn new failures as well.
#[allow(clippy::wildcard_enum_match_arm)]
fn of_projections(error: &projections::Error) -> Option<FailureKind> {
    match error {
        projections::Error::Store(error) => of_store(error),
        projections::Error::Search(error) if !error.may_pass() => Some(FailureKind::Unhealthy),
        projections::Error::NotBuilt
        | projections::Error::NobodyBuilds { .. }
        | projections::Error::OtherVersion { .. } => Some(FailureKind::NotFound),
        projections::Error::FeedsNone { .. }
        | projections::Error::RebuildRunning { .. }
        | projections::Error::NotStopped { .. }
        | projections::Error::Erasure { .. }
        | projections::Error::FoldedMeanwhile { .. }
        | projections::Error::SkippedMeanwhile { .. } => Some(FailureKind::Conflict),
        projections::Error::Poison { .. } | projections::Error::Gap { .. } => Some(FailureKind::Unhealthy),
        _ => None,
    }
}

fn of_relay(error: &relay::Error) -> Option<FailureKind> {
    match error {
        relay::Error::Store(error) => of_store(error),
        relay::Error::Unreadable { .. } | relay::Error::OtherHistory { .. } => Some(FailureKind::Unhealthy),
        relay::Error::Unreachable(_) => Some(FailureKind::Unreachable),
        relay::Error::NothingThere { .. } => Some(FailureKind::NotFound),
        relay::Error::Disarmed | relay::Error::TakenOver => Some(FailureKind::Conflict),
        relay::Error::Refused(_) | relay::Error::Contended(_) => None,
    }
}

fn of_refusal(refusal: &Refusal) -> FailureKind {
    match refusal.kind() {
        RefusalKind::UserNotFound
        | RefusalKind::SessionNotFound
        | RefusalKind::TokenNotFound
        | RefusalKind::FactorNotFound
        | RefusalKind::IdentityNotFound
        | RefusalKind::PasskeyNotFound
        | RefusalKind::ChatNotFound
        | RefusalKind::MemberNotFound
        | RefusalKind::MessageNotFound
        | RefusalKind::TemplateNotFound
        | RefusalKind::DeliveryNotFound
        | RefusalKind::NotificationNotFound
        | RefusalKind::MailingNotFound
        | RefusalKind::InvitationNotFound
        | RefusalKind::ReportNotFound
        | RefusalKind::SuppressionNotFound => FailureKind::NotFound,
        RefusalKind::BadCredentials | RefusalKind::BadPasskey | RefusalKind::BadCode | RefusalKind::Suspended => {
            FailureKind::Auth
        }
        RefusalKind::UserExists
        | RefusalKind::AlreadyExists
        | RefusalKind::FactorExists
        | RefusalKind::NameFixed
        | RefusalKind::LinkExpired
        | RefusalKind::AddressTaken
        | RefusalKind::NameTaken
        | RefusalKind::NotInvited
        | RefusalKind::Banned
        | RefusalKind::TooManyBans
        | RefusalKind::InvitationExpired
        | RefusalKind::TooManyInvitations
        | RefusalKind::NotAMember
        | RefusalKind::NotAllowed
        | RefusalKind::Muted
        | RefusalKind::ChatArchived
        | RefusalKind::OwnerMustHandOver
        | RefusalKind::EditedTooOften
        | RefusalKind::SkippedTooOften
        | RefusalKind::TooManyTokens
        | RefusalKind::IdentityTaken
        | RefusalKind::AccountExists
        | RefusalKind::TooManyIdentities
        | RefusalKind::TooManyPasskeys
        | RefusalKind::LastWayIn
        | RefusalKind::TooManyReactions
        | RefusalKind::TooManyPins
        | RefusalKind::WrongState
        | RefusalKind::VersionChanged => FailureKind::Conflict,
        RefusalKind::Malformed => FailureKind::Usage,
        RefusalKind::Incomplete => FailureKind::Failure,
    }
}
