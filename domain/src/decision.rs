//! What the rules answer when they accept a command.

use crate::link::LinkCode;
use crate::text::PasskeyName;
use crate::{
    ChatId, Event, InvitationId, MailingId, MessageId, NotificationId, PasskeyId, ReportId, SessionId, TemplateId,
    Timestamp, TokenId, UserId, preferences, reactions, session, user,
};

/// What a command answers when it is accepted. Kept with the receipt, so that a repeat gives the same answer.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done; there is nothing more to say.
    Done,
    /// An account was opened.
    SignedUp { user_id: UserId },
    /// A profile was changed; this is how it reads now.
    Profile(user::Profile),
    /// Preferences were set; this is how they read now.
    Preferences(preferences::Current),
    /// A session was opened.
    SignedIn { session_id: SessionId },
    /// What was shown is right, and one of these is to be shown beside it.
    SecondFactorNeeded { ways: Vec<session::Way> },
    /// A service token was created. Its text is not kept.
    TokenCreated {
        token_id: TokenId,
        created_at: Timestamp,
        /// When it ends; none when it does not by itself.
        expires_at: Option<Timestamp>,
    },
    /// A passkey was added, which its owner calls that.
    PasskeyAdded { passkey_id: PasskeyId, name: PasskeyName },
    /// A short link was made.
    LinkCreated {
        code: LinkCode,
        /// When it ends; none when it does not.
        expires_at: Option<Timestamp>,
    },
    /// A chat was created.
    ChatCreated { chat_id: ChatId },
    /// The chat of two people is there.
    DirectChat {
        chat_id: ChatId,
        /// False when it was there before.
        created: bool,
    },
    /// An invitation into a chat was made. Its code is derived and not kept.
    Invited { invitation_id: InvitationId, expires_at: Timestamp },
    /// A message was reported.
    Reported {
        report_id: ReportId,
        /// False when this person had done so before.
        first: bool,
    },
    /// A user is a member of a chat.
    Member {
        user_id: UserId,
        /// False when they were one before.
        joined: bool,
    },
    /// A version of a template was published.
    TemplatePublished { template_id: TemplateId, version: u32 },
    /// A message was posted, or edited.
    Posted {
        message_id: MessageId,
        /// When it was said; none in receipts of before this was kept, and of an edit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sent_at: Option<Timestamp>,
    },
    /// These are the reactions to a message now, as whoever asks sees them.
    Reactions(Vec<reactions::Reaction>),
    /// Somebody has read up to a message.
    ReadUpTo {
        /// So many messages of others are behind it.
        unread: u64,
    },
    /// The intent to send is a fact: this attempt may begin.
    Sending { attempt: u32 },
    /// People are to be told something.
    NotificationRequested {
        notification_id: NotificationId,
        /// How many people it was for when it was asked for.
        recipients: u64,
    },
    /// A mailing was drafted.
    MailingCreated { mailing_id: MailingId },
}

/// What `decide` answers: the facts to append, none when nothing changes, and the outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// In the order in which they happened.
    pub facts: Vec<Event>,
    /// What the caller is told.
    pub outcome: Outcome,
}

impl Decision {
    pub(crate) fn of(facts: Vec<Event>, outcome: Outcome) -> Decision {
        Decision { facts, outcome }
    }

    /// The wish is already true: nothing is written.
    pub(crate) fn nothing(outcome: Outcome) -> Decision {
        Decision { facts: Vec::new(), outcome }
    }
}
