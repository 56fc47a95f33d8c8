//! Every way in which a request can fail, and the one place that knows status codes.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::session::Way;
use domain::token::Scope;
use domain::{Refusal, RefusalKind, Timestamp};
use node::IndexError;
use node::operations;
use node::passwords::PasswordError;
use serde::Serialize;
use std::fmt;
use utoipa::ToSchema;

/// Declares the codes: name, kebab-case, status, title.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:ident, $title:literal;)*) => {
        /// What went wrong, as a program sees it. Codes are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, for the documents.
            pub(crate) const ALL: &[Code] = &[$(Code::$name,)*];

            /// Its stable text.
            pub(crate) fn text(self) -> &'static str {
                match self { $(Code::$name => $code,)* }
            }

            /// Its HTTP status.
            pub(crate) fn status(self) -> StatusCode {
                match self { $(Code::$name => StatusCode::$status,)* }
            }

            /// It in words.
            pub(crate) fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }
        }
    };
}

codes! {
    BadParameters = "bad-parameters", BAD_REQUEST, "The request is not well formed";
    WeakPassword = "weak-password", BAD_REQUEST, "The password is too weak";
    BadTarget = "bad-target", BAD_REQUEST, "Links may not lead to this address";
    BadCursor = "bad-cursor", BAD_REQUEST, "The cursor does not belong to this list";
    AuthFailed = "auth-failed", UNAUTHORIZED, "The request has no valid credentials";
    InvalidSession = "invalid-session-id", UNAUTHORIZED, "The session is unknown or has ended";
    SessionExpired = "session-id-expired", UNAUTHORIZED, "The session has expired";
    BadCredentials = "bad-credentials", UNAUTHORIZED, "User name or password is wrong";
    BadPasskey = "bad-passkey", UNAUTHORIZED, "This passkey does not sign in here";
    WrongDigits = "bad-code", UNAUTHORIZED, "The code is wrong or has expired";
    SecondFactorNeeded = "second-factor-needed", UNAUTHORIZED, "A second factor is needed to sign in";
    SecondFactorRequired = "second-factor-required", FORBIDDEN, "A second factor must be set up first";
    FreshSignInNeeded = "fresh-sign-in-needed", FORBIDDEN, "Sign in again: this needs a sign-in within the last ten minutes";
    Suspended = "account-suspended", FORBIDDEN, "The account is suspended";
    CrossSite = "cross-site-request", FORBIDDEN, "The request comes from another site";
    BadSignature = "bad-signature", FORBIDDEN, "The signature is not valid";
    SessionRequired = "session-required", FORBIDDEN, "This needs a session; a service token cannot do it";
    ScopeMissing = "scope-missing", FORBIDDEN, "The service token lacks a scope";
    SignUpClosed = "sign-up-closed", FORBIDDEN, "Sign-up is closed";
    NotYou = "not-you", FORBIDDEN, "Only the users themselves can do this";
    NotAMember = "not-a-member", FORBIDDEN, "Only members of the chat can do this";
    NotInvited = "not-invited", FORBIDDEN, "The chat is private";
    NotAllowed = "not-allowed", FORBIDDEN, "The role does not allow this";
    Banned = "banned", FORBIDDEN, "The user is banned from the chat";
    Muted = "muted", FORBIDDEN, "The member is muted";
    UserNotFound = "user-not-found", NOT_FOUND, "There is no such user";
    SessionNotFound = "session-not-found", NOT_FOUND, "There is no such session";
    IdentityNotFound = "identity-not-found", NOT_FOUND, "There is no such identity";
    BadReturnTo = "bad-return-to", BAD_REQUEST, "The sign-in may not return to this address";
    BadState = "bad-state", BAD_REQUEST, "The sign-in is unknown, has ended or began in another browser";
    AccessDenied = "access-denied", FORBIDDEN, "The person or the provider declined";
    ProviderRefused = "provider-refused", BAD_GATEWAY, "The provider refused the sign-in";
    ProviderUntrue = "provider-untrue", BAD_GATEWAY, "The provider's answer is not valid";
    ProviderUnavailable = "provider-unavailable", BAD_GATEWAY, "The provider does not answer";
    ProviderNotFound = "provider-not-found", NOT_FOUND, "There is no such provider";
    PasskeyNotFound = "passkey-not-found", NOT_FOUND, "There is no such passkey";
    TokenNotFound = "token-not-found", NOT_FOUND, "There is no such service token";
    ChatNotFound = "chat-not-found", NOT_FOUND, "There is no such chat";
    MemberNotFound = "member-not-found", NOT_FOUND, "There is no such member";
    MessageHidden = "message-hidden", FORBIDDEN, "The message is hidden";
    ReportNotFound = "report-not-found", NOT_FOUND, "There is no such report";
    InvitationNotFound = "invitation-not-found", NOT_FOUND, "There is no such invitation";
    InvitationExpired = "invitation-expired", GONE, "The invitation has ended, is used up or was withdrawn";
    MessageNotFound = "message-not-found", NOT_FOUND, "There is no such message";
    LinkNotFound = "link-not-found", NOT_FOUND, "There is no such link";
    LinkExpired = "link-expired", GONE, "The link has expired or was already used";
    FactorNotFound = "second-factor-not-found", NOT_FOUND, "There is no such second factor";
    MailNotFound = "mail-not-found", NOT_FOUND, "There is no such mail";
    DeliveryNotFound = "delivery-not-found", NOT_FOUND, "There is no such delivery";
    NotificationNotFound = "notification-not-found", NOT_FOUND, "There is no such notification";
    MailingNotFound = "mailing-not-found", NOT_FOUND, "There is no such mailing";
    TemplateNotFound = "template-not-found", NOT_FOUND, "There is no such template";
    TaskNotFound = "task-not-found", NOT_FOUND, "There is no such task";
    TaskNotComplete = "task-not-complete", BAD_REQUEST, "The task has not finished";
    TaskFailed = "task-failed", BAD_REQUEST, "The task failed";
    EventNotFound = "event-not-found", NOT_FOUND, "There is no such event";
    StreamNotFound = "stream-not-found", NOT_FOUND, "There is no such stream";
    ProjectionNotFound = "projection-not-found", NOT_FOUND, "There is no such read model";
    SuppressionNotFound = "suppression-not-found", NOT_FOUND, "The address is not suppressed";
    NotFound = "not-found", NOT_FOUND, "There is nothing at this address";
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "This address does not accept this method";
    TooSlow = "request-timeout", REQUEST_TIMEOUT, "The request took too long to arrive";
    UserExists = "user-already-exists", CONFLICT, "The user name is taken";
    NameFixed = "name-is-fixed", CONFLICT, "The user name cannot be changed";
    AddressTaken = "email-taken", CONFLICT, "Another account has confirmed the address";
    OwnerMustHandOver = "owner-must-hand-over", CONFLICT, "The owner must hand the chat over first";
    NameTaken = "name-taken", CONFLICT, "The name is taken";
    Archived = "chat-archived", CONFLICT, "The chat is archived";
    EditedTooOften = "edited-too-often", CONFLICT, "The message was edited too often";
    TooManyReactions = "too-many-reactions", CONFLICT, "The message has as many kinds of reactions as allowed";
    IdentityTaken = "identity-taken", CONFLICT, "Another account signs in with this identity";
    AccountExists = "account-exists", CONFLICT, "An account with this address exists; log in to it, then link the identity";
    TooManyIdentities = "too-many-identities", CONFLICT, "The account has as many identities as allowed";
    TooManyPasskeys = "too-many-passkeys", CONFLICT, "The account has as many passkeys as allowed";
    LastWayIn = "last-way-in", CONFLICT, "This is the last way to sign in to the account";
    TooManyPins = "too-many-pins", CONFLICT, "The chat has as many pinned messages as allowed";
    TooManyBans = "too-many-bans", CONFLICT, "The chat has as many bans as allowed";
    TooManyInvitations = "too-many-invitations", CONFLICT, "The chat has as many open invitations as allowed";
    TooManyTokens = "too-many-tokens", CONFLICT, "The user has as many service tokens as allowed";
    WrongState = "wrong-state", CONFLICT, "The current state does not allow this";
    FactorExists = "second-factor-exists", CONFLICT, "The account already has a second factor";
    AlreadyExists = "already-exists", CONFLICT, "It already exists";
    VersionChanged = "version-changed", PRECONDITION_FAILED, "It has changed in the meantime";
    TooLarge = "body-too-large", PAYLOAD_TOO_LARGE, "The body is too large";
    HeadersTooLarge = "headers-too-large", REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large";
    UnsupportedMediaType = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "The body must be JSON";
    TemplateInvalid = "template-invalid", UNPROCESSABLE_ENTITY, "The template is not valid";
    TemplateTooExpensive = "template-too-expensive", UNPROCESSABLE_ENTITY, "The template takes too much work to render";
    KeyReused = "idempotency-key-reused", UNPROCESSABLE_ENTITY, "The idempotency key was used with another request";
    LimitExceeded = "request-limit-exceeded", TOO_MANY_REQUESTS, "Too many requests";
    TooManyStreams = "too-many-streams", TOO_MANY_REQUESTS, "The session has as many streams open as allowed";
    Internal = "internal-error", INTERNAL_SERVER_ERROR, "Internal error";
    Starting = "starting", SERVICE_UNAVAILABLE, "The server is starting";
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "The server is busy";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "The storage is not available";
    ProjectionBehind = "projection-behind", SERVICE_UNAVAILABLE, "The read model is still behind";
}

/// One fault in a body or a query parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// Where in the body (RFC 6901).
    #[schema(example = "/user_name")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pointer: Option<String>,
    /// Which query parameter.
    #[schema(example = "limit")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parameter: Option<String>,
    /// Within that text, from 1 on, where it has lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    /// In characters, from 1 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<usize>,
    /// What is wrong with it.
    #[schema(example = "must have 1 to 64 characters")]
    pub(crate) detail: String,
}

impl FieldError {
    /// A fault of a field at the top of the body.
    pub(crate) fn of(field: &str, detail: impl ToString) -> FieldError {
        FieldError::at(format!("/{field}"), detail)
    }

    /// A fault of what a pointer into the body (RFC 6901) names.
    pub(crate) fn at(pointer: String, detail: impl ToString) -> FieldError {
        FieldError { pointer: Some(pointer), parameter: None, line: None, column: None, detail: detail.to_string() }
    }

    /// A fault of a query parameter.
    pub(crate) fn of_parameter(name: &str, detail: impl ToString) -> FieldError {
        let parameter = Some(name.to_owned());
        FieldError { pointer: None, parameter, line: None, column: None, detail: detail.to_string() }
    }
}

/// What somebody must show before they get what they asked for.
#[derive(Clone)]
pub(crate) enum WantedProof {
    /// Again who they are, in one of these ways.
    Fresh { ways: Vec<Way> },
    /// One of these factors, with what the sign-in goes on with.
    Second { challenge: String, factors: Vec<Way> },
}

/// Without the challenge: by it and a code somebody signs in.
impl fmt::Debug for WantedProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WantedProof::Fresh { ways } => f.debug_struct("Fresh").field("ways", ways).finish(),
            WantedProof::Second { factors, .. } => {
                f.debug_struct("Second").field("factors", factors).finish_non_exhaustive()
            }
        }
    }
}

/// A request failed.
#[derive(Clone, Debug)]
pub(crate) struct Error {
    pub(crate) code: Code,
    pub(crate) detail: String,
    pub(crate) errors: Vec<FieldError>,
    /// The scope that the caller's service token lacks.
    pub(crate) scope: Option<Scope>,
    /// When the account that is suspended may be used again.
    pub(crate) until: Option<Timestamp>,
    /// What who asks must show.
    pub(crate) wanted: Option<Box<WantedProof>>,
    /// After how many seconds the same request may be answered.
    pub(crate) retry_after_seconds: Option<u64>,
}

impl Error {
    /// A failure with its explanation.
    pub(crate) fn new(code: Code, detail: impl ToString) -> Error {
        Error {
            code,
            detail: detail.to_string(),
            errors: Vec::new(),
            scope: None,
            until: None,
            wanted: None,
            retry_after_seconds: None,
        }
    }

    /// The account of who asks may not be used.
    pub(crate) fn suspended(until: Option<Timestamp>) -> Error {
        Error { until, ..Error::new(Code::Suspended, domain::user::Refusal::Suspended { until }) }
    }

    /// The account went away while its session was looked at.
    pub(crate) fn gone() -> Error {
        Error::new(Code::InvalidSession, "there is no such session; log in again")
    }

    /// Who asks must have shown lately who they are.
    pub(crate) fn fresh_sign_in_needed(ways: Vec<Way>) -> Error {
        let detail = "this needs a sign-in within the last ten minutes; sign in again, or send your password if the request accepts one";
        let wanted = Some(Box::new(WantedProof::Fresh { ways }));
        Error { wanted, ..Error::new(Code::FreshSignInNeeded, detail) }
    }

    /// What was shown is right, and one of these must be shown beside it.
    pub(crate) fn second_factor_needed(challenge: String, factors: Vec<Way>) -> Error {
        let detail =
            "send the challenge with a code of your second factor to POST /v1/auth/login/second, within five minutes";
        let wanted = Some(Box::new(WantedProof::Second { challenge, factors }));
        Error { wanted, ..Error::new(Code::SecondFactorNeeded, detail) }
    }

    /// One field of the body is at fault.
    pub(crate) fn field(code: Code, field: &str, detail: impl ToString) -> Error {
        let fault = FieldError::of(field, detail);
        Error { errors: vec![fault.clone()], ..Error::new(code, format!("{field} {}", fault.detail)) }
    }

    /// A query parameter is malformed.
    pub(crate) fn bad_parameter(name: &str, detail: impl ToString) -> Error {
        let fault = FieldError::of_parameter(name, detail);
        let detail = format!("{name} {}", fault.detail);
        Error { errors: vec![fault], ..Error::new(Code::BadParameters, detail) }
    }

    /// One field of the body is malformed.
    pub(crate) fn bad(field: &str, detail: impl ToString) -> Error {
        Error::field(Code::BadParameters, field, detail)
    }

    /// There were too many requests; the next one may be answered after so many seconds.
    pub(crate) fn limited(after_seconds: u64, detail: impl ToString) -> Error {
        let retry_after_seconds = Some(after_seconds.max(1));
        Error { retry_after_seconds, ..Error::new(Code::LimitExceeded, detail) }
    }

    /// The caller's service token may not do it.
    pub(crate) fn scope_missing(scope: Scope) -> Error {
        let detail = format!("this token lacks the scope {}; create one that has it, or use a session", scope.name());
        Error { scope: Some(scope), ..Error::new(Code::ScopeMissing, detail) }
    }

    /// A receipt holds the answer to a command of another kind: its key was used for another request.
    pub(crate) fn other_answer() -> Error {
        Error::new(Code::KeyReused, commands::Error::KeyReused)
    }

    /// Whether it says that what somebody called with is not or no longer good.
    pub(crate) fn is_about_credentials(&self) -> bool {
        self.code.status() == StatusCode::UNAUTHORIZED
            || matches!(self.code, Code::ScopeMissing | Code::Suspended | Code::SecondFactorRequired)
    }

    /// The log or a read model failed. It is logged here, once; the caller is told nothing of it.
    pub(crate) fn ours(error: &(dyn std::error::Error + 'static), code: Code) -> Error {
        tracing::error!(error, "a request failed");
        Error::new(code, "the server failed; its log says why")
    }
}

impl IntoResponse for Error {
    /// The body is written at the outermost layer (`http::envelope::finish`), which knows the request's id.
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<commands::Error> for Error {
    fn from(error: commands::Error) -> Error {
        let code = match &error {
            commands::Error::Refused(refusal) => return Error::from(*refusal),
            commands::Error::KeyReused => Code::KeyReused,
            commands::Error::Overloaded => Code::Overloaded,
            commands::Error::Unavailable | commands::Error::ClockAhead { .. } => Code::Unavailable,
            commands::Error::Internal => Code::Internal,
        };
        Error::new(code, error)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        let code = match refusal.kind() {
            RefusalKind::BadCredentials => Code::BadCredentials,
            RefusalKind::Suspended => Code::Suspended,
            RefusalKind::UserNotFound => Code::UserNotFound,
            RefusalKind::SessionNotFound => Code::SessionNotFound,
            RefusalKind::IdentityNotFound => Code::IdentityNotFound,
            RefusalKind::IdentityTaken => Code::IdentityTaken,
            RefusalKind::AccountExists => Code::AccountExists,
            RefusalKind::TooManyIdentities => Code::TooManyIdentities,
            RefusalKind::LastWayIn => Code::LastWayIn,
            RefusalKind::PasskeyNotFound => Code::PasskeyNotFound,
            RefusalKind::BadPasskey => Code::BadPasskey,
            RefusalKind::TooManyPasskeys => Code::TooManyPasskeys,
            RefusalKind::TokenNotFound => Code::TokenNotFound,
            RefusalKind::ChatNotFound => Code::ChatNotFound,
            RefusalKind::MemberNotFound => Code::MemberNotFound,
            RefusalKind::MessageNotFound => Code::MessageNotFound,
            RefusalKind::TemplateNotFound => Code::TemplateNotFound,
            RefusalKind::DeliveryNotFound => Code::DeliveryNotFound,
            RefusalKind::NotificationNotFound => Code::NotificationNotFound,
            RefusalKind::MailingNotFound => Code::MailingNotFound,
            RefusalKind::WrongState => Code::WrongState,
            RefusalKind::SuppressionNotFound => Code::SuppressionNotFound,
            RefusalKind::UserExists => Code::UserExists,
            RefusalKind::NameFixed => Code::NameFixed,
            RefusalKind::LinkExpired => Code::LinkExpired,
            RefusalKind::BadCode => Code::WrongDigits,
            RefusalKind::AddressTaken => Code::AddressTaken,
            RefusalKind::FactorExists => Code::FactorExists,
            RefusalKind::FactorNotFound => Code::FactorNotFound,
            RefusalKind::AlreadyExists => Code::AlreadyExists,
            RefusalKind::NameTaken => Code::NameTaken,
            RefusalKind::NotInvited => Code::NotInvited,
            RefusalKind::Banned => Code::Banned,
            RefusalKind::TooManyBans => Code::TooManyBans,
            RefusalKind::ReportNotFound => Code::ReportNotFound,
            RefusalKind::InvitationNotFound => Code::InvitationNotFound,
            RefusalKind::InvitationExpired => Code::InvitationExpired,
            RefusalKind::TooManyInvitations => Code::TooManyInvitations,
            RefusalKind::NotAMember => Code::NotAMember,
            RefusalKind::NotAllowed => Code::NotAllowed,
            RefusalKind::Muted => Code::Muted,
            RefusalKind::ChatArchived => Code::Archived,
            RefusalKind::OwnerMustHandOver => Code::OwnerMustHandOver,
            RefusalKind::EditedTooOften => Code::EditedTooOften,
            RefusalKind::TooManyReactions => Code::TooManyReactions,
            RefusalKind::TooManyPins => Code::TooManyPins,
            RefusalKind::TooManyTokens => Code::TooManyTokens,
            // The route says it the second time.
            RefusalKind::Incomplete => Code::Internal,
            // Only operators skip events, and not over HTTP.
            RefusalKind::Malformed | RefusalKind::SkippedTooOften => Code::BadParameters,
            RefusalKind::VersionChanged => Code::VersionChanged,
        };
        Error { until: refusal.suspended_until().flatten(), ..Error::new(code, refusal) }
    }
}

impl From<operations::Error> for Error {
    fn from(error: operations::Error) -> Error {
        let code = match error {
            operations::Error::Command(error) => return error.into(),
            operations::Error::Store(error) => return error.into(),
            operations::Error::Projections(error) => return error.into(),
            operations::Error::Hashing(error) => return error.into(),
            operations::Error::Behind(_) => Code::ProjectionBehind,
            operations::Error::Reason(_) | operations::Error::UserName { .. } => Code::BadParameters,
            operations::Error::Password(_) => Code::WeakPassword,
            operations::Error::NoUser(_) => Code::UserNotFound,
            operations::Error::NoFactor(_) => Code::FactorNotFound,
            operations::Error::NoChat(_) => Code::ChatNotFound,
            operations::Error::NoStream(_) => Code::StreamNotFound,
            operations::Error::NoProjection { .. } => Code::ProjectionNotFound,
            operations::Error::NoRelay => Code::WrongState,
            operations::Error::Relay(_)
            | operations::Error::Node(_)
            | operations::Error::Ended(_)
            | operations::Error::Panicked { .. }
            | operations::Error::DamagedName(_)
            | operations::Error::FolderGone(_)
            | operations::Error::NotVerified(_)
            | operations::Error::NoBackup(_)
            | operations::Error::NoFileThere(_)
            | operations::Error::AlreadyThere(_)
            | operations::Error::CannotWrite { .. }
            | operations::Error::CannotOpen { .. }
            | operations::Error::IsFolder(_)
            | operations::Error::NoFile
            | operations::Error::File(_)
            | operations::Error::FileStopped(_)
            | operations::Error::FileBroken { .. }
            | operations::Error::NoChatLog { .. }
            | operations::Error::LineRefused { .. }
            | operations::Error::Unreached { .. }
            | operations::Error::SocketPath(_)
            | operations::Error::Socket { .. }
            | operations::Error::ServerGone { .. }
            | operations::Error::OtherVersion(_)
            | operations::Error::Answered(_) => return Error::ours(&error, Code::Internal),
        };
        Error::new(code, error)
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Error {
        Error::ours(&error, Code::Unavailable)
    }
}

impl From<projections::Error> for Error {
    fn from(error: projections::Error) -> Error {
        // What an operator wants of a read model that is not in that state.
        if matches!(
            error,
            projections::Error::FeedsNone { .. }
                | projections::Error::RebuildRunning { .. }
                | projections::Error::NotStopped { .. }
                | projections::Error::Erasure { .. }
                | projections::Error::FoldedMeanwhile { .. }
                | projections::Error::SkippedMeanwhile { .. }
        ) {
            return Error::new(Code::WrongState, error);
        }
        Error::ours(&error, Code::Unavailable)
    }
}

impl From<IndexError> for Error {
    fn from(error: IndexError) -> Error {
        match error {
            IndexError::Projections(error) => error.into(),
            IndexError::Search(error) => error.into(),
            IndexError::Panicked(error) => Error::ours(&error, Code::Internal),
        }
    }
}

impl From<search::Error> for Error {
    fn from(error: search::Error) -> Error {
        Error::ours(&error, Code::Unavailable)
    }
}

impl From<PasswordError> for Error {
    fn from(error: PasswordError) -> Error {
        match error {
            PasswordError::Overloaded => Error::new(Code::Overloaded, error),
            PasswordError::Failed => Error::ours(&error, Code::Internal),
        }
    }
}
