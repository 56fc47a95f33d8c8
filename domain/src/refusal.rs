//! Of which kind a refusal is.

/// What a refusal is to a program: every door has an answer for each kind, and none asks which aggregate refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// What the caller came in with is wrong, or not right any more.
    BadCredentials,
    /// The passkey does not sign in to the account.
    BadPasskey,
    /// The account may not be used.
    Suspended,
    /// There is no such account.
    UserNotFound,
    /// There is no such session.
    SessionNotFound,
    /// There is no such service token.
    TokenNotFound,
    /// There is no such passkey.
    PasskeyNotFound,
    /// The account has as many passkeys as allowed.
    TooManyPasskeys,
    /// There is no such chat.
    ChatNotFound,
    /// There is no such member of a chat.
    MemberNotFound,
    /// There is no such report.
    ReportNotFound,
    /// There is no such message.
    MessageNotFound,
    /// There is no such template.
    TemplateNotFound,
    /// The address is not suppressed.
    SuppressionNotFound,
    /// The name of an account is taken.
    UserExists,
    /// The name of the account cannot be chosen again.
    NameFixed,
    /// A mailed link is good for nothing any more.
    LinkExpired,
    /// A mailed code is wrong, or counts no more.
    BadCode,
    /// Another account has confirmed the address.
    AddressTaken,
    /// There is a second factor already.
    FactorExists,
    /// There is no second factor.
    FactorNotFound,
    /// There is no such identity.
    IdentityNotFound,
    /// Another account signs in by the identity.
    IdentityTaken,
    /// An account has the address of who signs in by another service.
    AccountExists,
    /// The account has as many identities as allowed.
    TooManyIdentities,
    /// Nobody could sign in to the account any more.
    LastWayIn,
    /// An id is taken.
    AlreadyExists,
    /// The name in a chat is taken.
    NameTaken,
    /// There is no such delivery.
    DeliveryNotFound,
    /// There is no such notification.
    NotificationNotFound,
    /// There is no such mailing.
    MailingNotFound,
    /// The state of the thing does not allow it.
    WrongState,
    /// The user may not come into the chat any more.
    Banned,
    /// The chat keeps out as many people as allowed.
    TooManyBans,
    /// There is no such invitation.
    InvitationNotFound,
    /// The invitation has ended, was used up or was withdrawn.
    InvitationExpired,
    /// The chat has as many open invitations as allowed.
    TooManyInvitations,
    /// Only who is added may come in.
    NotInvited,
    /// Only members may.
    NotAMember,
    /// The role does not allow it.
    NotAllowed,
    /// The member may only read.
    Muted,
    /// The chat is closed.
    ChatArchived,
    /// The only owner wants to leave.
    OwnerMustHandOver,
    /// A message has as many kinds of reactions as allowed.
    TooManyReactions,
    /// A chat has as many pins as allowed.
    TooManyPins,
    /// It has as many edits or versions as allowed.
    EditedTooOften,
    /// As many events are skipped as allowed.
    SkippedTooOften,
    /// The user has as many service tokens as allowed.
    TooManyTokens,
    /// The command does not say all that it is decided on; the door that sends it says it the second time.
    Incomplete,
    /// What was said is of no use.
    Malformed,
    /// It was changed since it was read.
    VersionChanged,
}
