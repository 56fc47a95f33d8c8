//! Names of things: ids of aggregates, and the streams that they are kept in.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use uuid::Uuid;

/// Declares an id: a UUID that cannot be taken for the id of something else.
macro_rules! uuid_id {
    ($name:ident, $what:literal) => {
        #[doc = concat!("The id of ", $what, ": a UUID, version 7 when it was made here.")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(out)
            }
        }
    };
}

/// Declares the id of something that has a stream.
macro_rules! id {
    ($name:ident, $what:literal) => {
        uuid_id!($name, $what);

        impl From<$name> for StreamId {
            fn from(id: $name) -> StreamId {
                StreamId::$name(id)
            }
        }

        stream_of!($name);
    };
}

/// The way from a stream back to what names it; the stream of something else is handed back.
macro_rules! stream_of {
    ($name:ident) => {
        impl TryFrom<StreamId> for $name {
            type Error = StreamId;

            fn try_from(stream: StreamId) -> Result<$name, StreamId> {
                if let StreamId::$name(id) = stream { Ok(id) } else { Err(stream) }
            }
        }
    };
}

/// A hash of 32 bytes as text: 64 hex digits.
macro_rules! hash_as_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.serialize_str(&$crate::id::hex(&self.0))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<$name, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
                $crate::id::parse_hash(&text).map($name).ok_or_else(|| serde::de::Error::custom("not 64 hex digits"))
            }
        }
    };
}

pub(crate) use hash_as_text;

id!(UserId, "an account");
id!(SessionId, "a session");

impl UserId {
    /// Who has the data folder: it is the id of no account.
    pub const OPERATOR: UserId = UserId(Uuid::nil());
}

id!(TokenId, "a service token");
id!(TotpId, "a person's second factor: that of the user");
id!(QuotaId, "a user's quota: that of the user");
id!(PasskeysId, "the passkeys of a user: that of the user");
uuid_id!(PasskeyId, "a passkey: it has no stream of its own");
id!(ProofId, "a proof that somebody reads the mail of an address");
id!(IdentitiesId, "a user's identities: that of the user");
uuid_id!(IdentityId, "an identity on the list of a user: its stream is that of its claim");
id!(ChatId, "a chat");
id!(MessageId, "a message");
id!(ReactionsId, "the reactions to a message: that of the message");
id!(PinsId, "the pins of a chat: that of the chat");
id!(ReportId, "what was reported of a message: that of the message");
uuid_id!(InvitationId, "an invitation into a chat: it has no stream of its own");
id!(LinkId, "a short link");
id!(TemplateId, "a template");
id!(InspectionId, "a look of an operator at what is personal");
id!(DeliveryId, "a delivery");
id!(NotificationId, "a notification");
id!(MailingId, "a mailing");
id!(InboxId, "a person's inbox: that of the user");
id!(PreferencesId, "a user's preferences: that of the user");
stream_of!(NameClaim);
stream_of!(TemplateKey);
stream_of!(SuppressionId);
stream_of!(EmailClaim);
stream_of!(IdentityClaim);
stream_of!(ProjectionName);
stream_of!(ReadMarkId);
stream_of!(DigestId);

/// The claim on a name: its keyed hash, so that the log can be searched by a name without holding it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameClaim(pub [u8; 32]);

/// The claim on an address of e-mail: its keyed hash. As text: 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailClaim(pub [u8; 32]);

hash_as_text!(EmailClaim);

/// The claim on an identity: a keyed hash of issuer and subject. As text: 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentityClaim(pub [u8; 32]);

impl Serialize for IdentityClaim {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for IdentityClaim {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<IdentityClaim, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        parse_hash(&text).map(IdentityClaim).ok_or_else(|| serde::de::Error::custom("not 64 hex digits"))
    }
}

impl From<IdentityClaim> for StreamId {
    fn from(claim: IdentityClaim) -> StreamId {
        StreamId::IdentityClaim(claim)
    }
}

impl From<EmailClaim> for StreamId {
    fn from(claim: EmailClaim) -> StreamId {
        StreamId::EmailClaim(claim)
    }
}

impl From<NameClaim> for StreamId {
    fn from(claim: NameClaim) -> StreamId {
        StreamId::NameClaim(claim)
    }
}

/// The suppression of an address: its keyed hash, so that the log can be searched by an address without holding it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SuppressionId(pub [u8; 32]);

impl SuppressionId {
    /// Under whose key the address is sealed: nobody's, but of the suppression alone. It is of a version of UUIDs that no
    /// account has (RFC 9562, version 8).
    pub fn subject(self) -> UserId {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.0[..16]);
        UserId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

impl From<SuppressionId> for StreamId {
    fn from(id: SuppressionId) -> StreamId {
        StreamId::SuppressionId(id)
    }
}

/// How far somebody has read in a chat, among the messages of one span of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadMarkId {
    pub user_id: UserId,
    pub chat_id: ChatId,
    /// The number of the span.
    pub span: u64,
}

impl ReadMarkId {
    /// Reads the text form: both ids and the number, with dots between them.
    fn parse(text: &str) -> Option<ReadMarkId> {
        let mut parts = text.split('.');
        let (user, chat, number) = (parts.next()?, parts.next()?, parts.next()?);
        let span = parse_number(number)?;
        let id = ReadMarkId { user_id: UserId(parse_uuid(user)?), chat_id: ChatId(parse_uuid(chat)?), span };
        parts.next().is_none().then_some(id)
    }
}

impl fmt::Display for ReadMarkId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ReadMarkId { user_id, chat_id, span } = self;
        write!(out, "{user_id}.{chat_id}.{span}")
    }
}

impl From<ReadMarkId> for StreamId {
    fn from(id: ReadMarkId) -> StreamId {
        StreamId::ReadMarkId(id)
    }
}

/// What somebody is told that they have not read, among the messages of one span of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DigestId {
    pub user_id: UserId,
    /// The number of the span.
    pub span: u64,
}

impl DigestId {
    /// Reads the text form: the id and the number, with a dot between them.
    fn parse(text: &str) -> Option<DigestId> {
        let (user, span) = text.split_once('.')?;
        Some(DigestId { user_id: UserId(parse_uuid(user)?), span: parse_number(span)? })
    }
}

impl fmt::Display for DigestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DigestId { user_id, span } = self;
        write!(out, "{user_id}.{span}")
    }
}

impl From<DigestId> for StreamId {
    fn from(id: DigestId) -> StreamId {
        StreamId::DigestId(id)
    }
}

/// A number as it is written here: without a sign or leading zeros.
fn parse_number(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|number| number.to_string() == text)
}

/// The name of a projection: lower-case letters and hyphens, a letter at both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectionName {
    /// Filled up with zeros, so that it is copied as ids are.
    text: [u8; ProjectionName::BYTES_MAX],
}

impl ProjectionName {
    /// The longest.
    const BYTES_MAX: usize = 32;

    /// Reads a name; `None` when it is none.
    pub fn parse(name: &str) -> Option<ProjectionName> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        if name.starts_with('-') || name.ends_with('-') || !name.bytes().all(fits) {
            return None;
        }
        let mut text = [0; ProjectionName::BYTES_MAX];
        text.get_mut(..name.len()).filter(|place| !place.is_empty())?.copy_from_slice(name.as_bytes());
        Some(ProjectionName { text })
    }
}

impl fmt::Display for ProjectionName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.iter().take_while(|byte| **byte != 0).try_for_each(|byte| write!(out, "{}", char::from(*byte)))
    }
}

/// The key of a template: 1 to 64 lower-case letters, digits, dots, hyphens and underscores, a letter first, a letter or a
/// digit last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateKey {
    /// Filled up with zeros, so that it is copied as ids are.
    text: [u8; TemplateKey::BYTES_MAX],
}

impl TemplateKey {
    /// The longest.
    pub const BYTES_MAX: usize = 64;

    /// Reads a key; `None` when it is none.
    pub fn parse(key: &str) -> Option<TemplateKey> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = |byte: u8| is_word(byte) || matches!(byte, b'.' | b'-' | b'_');
        let ends_fit = key.bytes().next()?.is_ascii_lowercase() && key.bytes().last().is_some_and(is_word);
        if !ends_fit || !key.bytes().all(fits) {
            return None;
        }
        let mut text = [0; TemplateKey::BYTES_MAX];
        text.get_mut(..key.len())?.copy_from_slice(key.as_bytes());
        Some(TemplateKey { text })
    }
}

impl fmt::Display for TemplateKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.iter().take_while(|byte| **byte != 0).try_for_each(|byte| write!(out, "{}", char::from(*byte)))
    }
}

impl Serialize for TemplateKey {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TemplateKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<TemplateKey, D::Error> {
        let text = <Cow<'de, str>>::deserialize(from)?;
        TemplateKey::parse(&text).ok_or_else(|| serde::de::Error::custom("it is no key of a template"))
    }
}

impl From<TemplateKey> for StreamId {
    fn from(key: TemplateKey) -> StreamId {
        StreamId::TemplateKey(key)
    }
}

impl From<UserId> for QuotaId {
    fn from(UserId(id): UserId) -> QuotaId {
        QuotaId(id)
    }
}

impl From<UserId> for IdentitiesId {
    fn from(UserId(id): UserId) -> IdentitiesId {
        IdentitiesId(id)
    }
}

impl From<IdentitiesId> for UserId {
    fn from(IdentitiesId(id): IdentitiesId) -> UserId {
        UserId(id)
    }
}

impl From<UserId> for PreferencesId {
    fn from(UserId(id): UserId) -> PreferencesId {
        PreferencesId(id)
    }
}

impl From<PreferencesId> for UserId {
    fn from(PreferencesId(id): PreferencesId) -> UserId {
        UserId(id)
    }
}

impl From<ProjectionName> for StreamId {
    fn from(name: ProjectionName) -> StreamId {
        StreamId::ProjectionName(name)
    }
}

/// A stream of the log: one aggregate's events, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamId {
    /// `user-<id>`
    UserId(UserId),
    /// `session-<id>`
    SessionId(SessionId),
    /// `token-<id>`
    TokenId(TokenId),
    /// `totp-<id of the user>`
    TotpId(TotpId),
    /// `quota-<id of the user>`
    QuotaId(QuotaId),
    /// `passkeys-<id of the user>`
    PasskeysId(PasskeysId),
    /// `name-<64 hex digits>`
    NameClaim(NameClaim),
    /// `email-<64 hex digits>`
    EmailClaim(EmailClaim),
    /// `proof-<id>`
    ProofId(ProofId),
    /// `identity-<64 hex digits>`
    IdentityClaim(IdentityClaim),
    /// `identities-<id of the user>`
    IdentitiesId(IdentitiesId),
    /// `chat-<id>`
    ChatId(ChatId),
    /// `message-<id>`
    MessageId(MessageId),
    /// `reactions-<id of the message>`
    ReactionsId(ReactionsId),
    /// `pins-<id of the chat>`
    PinsId(PinsId),
    /// `report-<id of the message>`
    ReportId(ReportId),
    /// `read_mark-<id of the user>.<id of the chat>.<number of the span>`
    ReadMarkId(ReadMarkId),
    /// `digest-<id of the user>.<number of the span>`
    DigestId(DigestId),
    /// `link-<id>`
    LinkId(LinkId),
    /// `delivery-<id>`
    DeliveryId(DeliveryId),
    /// `notification-<id>`
    NotificationId(NotificationId),
    /// `mailing-<id>`
    MailingId(MailingId),
    /// `inbox-<id of the user>`
    InboxId(InboxId),
    /// `preferences-<id of the user>`
    PreferencesId(PreferencesId),
    /// `suppression-<64 hex digits>`
    SuppressionId(SuppressionId),
    /// `template-<id>`
    TemplateId(TemplateId),
    /// `template_key-<key>`
    TemplateKey(TemplateKey),
    /// `projection-<name>`
    ProjectionName(ProjectionName),
    /// `inspection-<id>`
    InspectionId(InspectionId),
}

/// What a stream is about: the first word of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// An account.
    User,
    /// A session.
    Session,
    /// A service token.
    Token,
    /// A second factor.
    Totp,
    /// What a user has of what is limited.
    Quota,
    /// The passkeys of a user.
    Passkeys,
    /// The claim on a name.
    Name,
    /// The claim on an address.
    Email,
    /// A proof of an address.
    Proof,
    /// The claim on an identity.
    Identity,
    /// The identities of a user.
    Identities,
    /// A chat.
    Chat,
    /// A message.
    Message,
    /// The reactions to a message.
    Reactions,
    /// The pins of a chat.
    Pins,
    /// What was reported of a message.
    Report,
    /// How far somebody has read.
    ReadMark,
    /// What somebody is told that they have not read.
    Digest,
    /// A short link.
    Link,
    /// What one person is told over one channel.
    Delivery,
    /// What others are told because somebody wants it.
    Notification,
    /// What many are told, in runs.
    Mailing,
    /// A person's inbox.
    Inbox,
    /// What a user wants to be told.
    Preferences,
    /// An address that gets nothing any more.
    Suppression,
    /// A template of notifications.
    Template,
    /// The claim on a template's key.
    TemplateKey,
    /// What was decided about a projection.
    Projection,
    /// That an operator looked at what is personal.
    Inspection,
}

impl Category {
    /// Every category.
    pub const ALL: [Category; 29] = [
        Category::User,
        Category::Session,
        Category::Token,
        Category::Totp,
        Category::Quota,
        Category::Passkeys,
        Category::Name,
        Category::Email,
        Category::Proof,
        Category::Identity,
        Category::Identities,
        Category::Chat,
        Category::Message,
        Category::Reactions,
        Category::Pins,
        Category::Report,
        Category::ReadMark,
        Category::Digest,
        Category::Link,
        Category::Delivery,
        Category::Notification,
        Category::Mailing,
        Category::Inbox,
        Category::Preferences,
        Category::Suppression,
        Category::Template,
        Category::TemplateKey,
        Category::Projection,
        Category::Inspection,
    ];

    /// The first word of its streams' names, and of its events' stored names.
    pub fn word(self) -> &'static str {
        match self {
            Category::User => "user",
            Category::Session => "session",
            Category::Token => "token",
            Category::Totp => "totp",
            Category::Quota => "quota",
            Category::Passkeys => "passkeys",
            Category::Name => "name",
            Category::Email => "email",
            Category::Proof => "proof",
            Category::Identity => "identity",
            Category::Identities => "identities",
            Category::Chat => "chat",
            Category::Message => "message",
            Category::Reactions => "reactions",
            Category::Pins => "pins",
            Category::Report => "report",
            Category::ReadMark => "read_mark",
            Category::Digest => "digest",
            Category::Link => "link",
            Category::Delivery => "delivery",
            Category::Notification => "notification",
            Category::Mailing => "mailing",
            Category::Inbox => "inbox",
            Category::Preferences => "preferences",
            Category::Suppression => "suppression",
            Category::Template => "template",
            Category::TemplateKey => "template_key",
            Category::Projection => "projection",
            Category::Inspection => "inspection",
        }
    }

    /// Whether its streams are rarely named twice in a short time, so that keeping their states is of no use.
    pub fn is_rarely_named_again(self) -> bool {
        match self {
            Category::Link | Category::ReadMark | Category::Digest => true,
            // In a lively chat the same ones are named again and again, and those of a popular message are many.
            Category::Reactions | Category::Pins | Category::Report => false,
            Category::Preferences | Category::Suppression | Category::Email | Category::Proof => true,
            Category::Identity | Category::Identities => true,
            Category::Passkeys => true,
            Category::Message
            | Category::Name
            | Category::Token
            | Category::Template
            | Category::TemplateKey
            | Category::Inbox
            | Category::Projection
            | Category::Inspection => true,
            Category::User | Category::Session | Category::Quota | Category::Chat => false,
            // Each sign-in looks at it.
            Category::Totp => false,
            Category::Delivery | Category::Notification | Category::Mailing => false,
        }
    }

    /// The category of that word; `None` when this version of Letopis has none.
    pub fn parse(word: &str) -> Option<Category> {
        Category::ALL.into_iter().find(|category| category.word() == word)
    }

    /// The category of events of that stored name, also of names that this version of Letopis does not know.
    pub fn of_event(name: &str) -> Option<Category> {
        Category::parse(name.split_once('.')?.0)
    }
}

impl StreamId {
    /// What it is about.
    pub fn category(&self) -> Category {
        match self {
            StreamId::UserId(_) => Category::User,
            StreamId::SessionId(_) => Category::Session,
            StreamId::TokenId(_) => Category::Token,
            StreamId::TotpId(_) => Category::Totp,
            StreamId::QuotaId(_) => Category::Quota,
            StreamId::PasskeysId(_) => Category::Passkeys,
            StreamId::NameClaim(_) => Category::Name,
            StreamId::EmailClaim(_) => Category::Email,
            StreamId::ProofId(_) => Category::Proof,
            StreamId::IdentityClaim(_) => Category::Identity,
            StreamId::IdentitiesId(_) => Category::Identities,
            StreamId::ChatId(_) => Category::Chat,
            StreamId::MessageId(_) => Category::Message,
            StreamId::ReactionsId(_) => Category::Reactions,
            StreamId::PinsId(_) => Category::Pins,
            StreamId::ReportId(_) => Category::Report,
            StreamId::ReadMarkId(_) => Category::ReadMark,
            StreamId::DigestId(_) => Category::Digest,
            StreamId::LinkId(_) => Category::Link,
            StreamId::DeliveryId(_) => Category::Delivery,
            StreamId::NotificationId(_) => Category::Notification,
            StreamId::MailingId(_) => Category::Mailing,
            StreamId::InboxId(_) => Category::Inbox,
            StreamId::PreferencesId(_) => Category::Preferences,
            StreamId::SuppressionId(_) => Category::Suppression,
            StreamId::TemplateId(_) => Category::Template,
            StreamId::TemplateKey(_) => Category::TemplateKey,
            StreamId::ProjectionName(_) => Category::Projection,
            StreamId::InspectionId(_) => Category::Inspection,
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-", self.category().word())?;
        match self {
            StreamId::UserId(id) => id.fmt(out),
            StreamId::SessionId(id) => id.fmt(out),
            StreamId::TokenId(id) => id.fmt(out),
            StreamId::TotpId(id) => id.fmt(out),
            StreamId::QuotaId(id) => id.fmt(out),
            StreamId::PasskeysId(id) => id.fmt(out),
            StreamId::NameClaim(NameClaim(hash)) | StreamId::EmailClaim(EmailClaim(hash)) => out.write_str(&hex(hash)),
            StreamId::ProofId(id) => id.fmt(out),
            StreamId::IdentityClaim(IdentityClaim(hash)) => out.write_str(&hex(hash)),
            StreamId::IdentitiesId(id) => id.fmt(out),
            StreamId::ChatId(id) => id.fmt(out),
            StreamId::MessageId(id) => id.fmt(out),
            StreamId::ReactionsId(id) => id.fmt(out),
            StreamId::PinsId(id) => id.fmt(out),
            StreamId::ReportId(id) => id.fmt(out),
            StreamId::ReadMarkId(id) => id.fmt(out),
            StreamId::DigestId(id) => id.fmt(out),
            StreamId::LinkId(id) => id.fmt(out),
            StreamId::DeliveryId(id) => id.fmt(out),
            StreamId::NotificationId(id) => id.fmt(out),
            StreamId::MailingId(id) => id.fmt(out),
            StreamId::InboxId(id) => id.fmt(out),
            StreamId::PreferencesId(id) => id.fmt(out),
            StreamId::SuppressionId(SuppressionId(hash)) => out.write_str(&hex(hash)),
            StreamId::TemplateId(id) => id.fmt(out),
            StreamId::TemplateKey(key) => key.fmt(out),
            StreamId::ProjectionName(name) => name.fmt(out),
            StreamId::InspectionId(id) => id.fmt(out),
        }
    }
}

impl StreamId {
    /// Reads the text form; `None` when it names no stream of this version of Letopis.
    pub fn parse(text: &str) -> Option<StreamId> {
        let (category, rest) = text.split_once('-')?;
        Some(match Category::parse(category)? {
            Category::User => UserId(parse_uuid(rest)?).into(),
            Category::Session => SessionId(parse_uuid(rest)?).into(),
            Category::Token => TokenId(parse_uuid(rest)?).into(),
            Category::Totp => TotpId(parse_uuid(rest)?).into(),
            Category::Quota => QuotaId(parse_uuid(rest)?).into(),
            Category::Passkeys => PasskeysId(parse_uuid(rest)?).into(),
            Category::Name => NameClaim(parse_hash(rest)?).into(),
            Category::Email => EmailClaim(parse_hash(rest)?).into(),
            Category::Proof => ProofId(parse_uuid(rest)?).into(),
            Category::Identity => IdentityClaim(parse_hash(rest)?).into(),
            Category::Identities => IdentitiesId(parse_uuid(rest)?).into(),
            Category::Chat => ChatId(parse_uuid(rest)?).into(),
            Category::Message => MessageId(parse_uuid(rest)?).into(),
            Category::Reactions => ReactionsId(parse_uuid(rest)?).into(),
            Category::Pins => PinsId(parse_uuid(rest)?).into(),
            Category::Report => ReportId(parse_uuid(rest)?).into(),
            Category::ReadMark => ReadMarkId::parse(rest)?.into(),
            Category::Digest => DigestId::parse(rest)?.into(),
            Category::Link => LinkId(parse_uuid(rest)?).into(),
            Category::Delivery => DeliveryId(parse_uuid(rest)?).into(),
            Category::Notification => NotificationId(parse_uuid(rest)?).into(),
            Category::Mailing => MailingId(parse_uuid(rest)?).into(),
            Category::Inbox => InboxId(parse_uuid(rest)?).into(),
            Category::Preferences => PreferencesId(parse_uuid(rest)?).into(),
            Category::Suppression => SuppressionId(parse_hash(rest)?).into(),
            Category::Template => TemplateId(parse_uuid(rest)?).into(),
            Category::TemplateKey => TemplateKey::parse(rest)?.into(),
            Category::Projection => ProjectionName::parse(rest)?.into(),
            Category::Inspection => InspectionId(parse_uuid(rest)?).into(),
        })
    }
}

/// A UUID in canonical form, or as 32 hex digits without hyphens; the other forms of RFC 9562's readers
/// (braces, URN) are refused.
pub fn parse_uuid(text: &str) -> Option<Uuid> {
    if text.len() == 36 || text.len() == 32 { Uuid::try_parse(text).ok() } else { None }
}

/// Bytes as lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// 32 bytes out of 64 hex digits.
pub fn parse_hash(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_read_back_from_their_text() {
        let id = Uuid::from_u128(7);
        let streams: [StreamId; 28] = [
            UserId(id).into(),
            SessionId(id).into(),
            TokenId(id).into(),
            QuotaId(id).into(),
            TotpId(id).into(),
            PasskeysId(id).into(),
            ChatId(id).into(),
            MessageId(id).into(),
            ReactionsId(id).into(),
            PinsId(id).into(),
            ReportId(id).into(),
            ReadMarkId { user_id: UserId(id), chat_id: ChatId(id), span: 70 }.into(),
            DigestId { user_id: UserId(id), span: 70 }.into(),
            DeliveryId(id).into(),
            NotificationId(id).into(),
            MailingId(id).into(),
            InboxId(id).into(),
            NameClaim([0xab; 32]).into(),
            PreferencesId(id).into(),
            SuppressionId([0xab; 32]).into(),
            EmailClaim([0xab; 32]).into(),
            ProofId(id).into(),
            IdentityClaim([0xab; 32]).into(),
            IdentitiesId(id).into(),
            TemplateId(id).into(),
            TemplateKey::parse("orders.shipped-2").unwrap().into(),
            ProjectionName::parse("sign-ins").unwrap().into(),
            InspectionId(id).into(),
        ];
        for stream in streams {
            assert_eq!(StreamId::parse(&stream.to_string()), Some(stream));
        }
    }

    #[test]
    fn anything_else_is_no_stream() {
        for text in ["", "user", "user-", "user-1", "cat-00000000000000000000000000000007", "name-é", "name-+1"] {
            assert_eq!(StreamId::parse(text), None, "{text}");
        }
        for name in ["", "-", "-a", "a-", "A", "a b", "é", &"a".repeat(33)] {
            assert_eq!(StreamId::parse(&format!("projection-{name}")), None, "{name}");
        }
        for text in ["1.2.3", "A.A", "A.A.", "A.A.+1", "A.A.01", "A.A.-1", "A.A.1.", "A.A.1.1"] {
            let text = text.replace('A', &Uuid::from_u128(7).to_string());
            assert_eq!(StreamId::parse(&format!("read_mark-{text}")), None, "{text}");
        }
        assert_eq!(parse_uuid("{00000000-0000-0000-0000-000000000007}"), None);
        assert!(parse_uuid("00000000000000000000000000000007").is_some());
    }
}
