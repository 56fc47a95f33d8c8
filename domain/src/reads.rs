//! What rules look at beside their own stream.

use crate::id::{EmailClaim, IdentityClaim, NameClaim, PreferencesId, QuotaId, TemplateKey, TotpId};
use crate::{ChatId, IdentitiesId, MailingId, MessageId, PasskeysId, PinsId, ProofId, StreamId, UserId};

/// The streams beside its own whose states a command is decided on, by what they are to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// The account that comes in, or in whose name something is made.
    pub user: Option<UserId>,
    /// The account that a direct chat is opened with, that of who decides about another, or whose an identity is as far as the
    /// command knows.
    pub other: Option<UserId>,
    /// What counts against the limits of that account.
    pub quota: Option<QuotaId>,
    /// The second factor of who signs in.
    pub totp: Option<TotpId>,
    /// The passkeys of that account.
    pub passkeys: Option<PasskeysId>,
    /// The claim on a name that is chosen.
    pub claim: Option<NameClaim>,
    /// The preferences that what is changed has a meaning for.
    pub preferences: Option<PreferencesId>,
    /// The claim on an address.
    pub address: Option<EmailClaim>,
    /// The account that the address belongs to, as far as the command knows.
    pub owner: Option<UserId>,
    /// The claim on an identity.
    pub identity: Option<IdentityClaim>,
    /// The identities of the account.
    pub identities: Option<IdentitiesId>,
    /// The proof that is issued for that address.
    pub proof: Option<ProofId>,
    /// The chat that a message is in.
    pub chat: Option<ChatId>,
    /// The claim on a template's key.
    pub template_key: Option<TemplateKey>,
    /// The message that is answered to.
    pub answered: Option<MessageId>,
    /// The message that it is about, where the stream is not that of the message.
    pub message: Option<MessageId>,
    /// The pins of the chat.
    pub pins: Option<PinsId>,
    /// The mailing by which a delivery is sent.
    pub mailing: Option<MailingId>,
    /// The accounts of those who are told something.
    pub people: Vec<UserId>,
}

impl Reads {
    /// Each of them.
    pub fn streams(self) -> impl Iterator<Item = StreamId> {
        let Reads {
            user,
            other,
            quota,
            totp,
            passkeys,
            claim,
            preferences,
            address,
            owner,
            identity,
            identities,
            proof,
            chat,
            template_key,
            answered,
            message,
            pins,
            mailing,
            people,
        } = self;
        [
            user.map(StreamId::from),
            other.map(StreamId::from),
            quota.map(StreamId::from),
            totp.map(StreamId::from),
            passkeys.map(StreamId::from),
            claim.map(StreamId::from),
            preferences.map(StreamId::from),
            address.map(StreamId::from),
            owner.map(StreamId::from),
            identity.map(StreamId::from),
            identities.map(StreamId::from),
            proof.map(StreamId::from),
            chat.map(StreamId::from),
            template_key.map(StreamId::from),
            answered.map(StreamId::from),
            message.map(StreamId::from),
            pins.map(StreamId::from),
            mailing.map(StreamId::from),
        ]
        .into_iter()
        .flatten()
        .chain(people.into_iter().map(StreamId::from))
    }
}
