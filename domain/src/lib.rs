//! What may happen.
//!
//! The rules of Letopis, pure: no I/O, no async, no clock, no randomness, no environment (`clippy.toml` bans
//! them). Each aggregate is one file or one short folder in one order: State, Command, Event, Refusal, decide, evolve,
//! stored names, tests. What all aggregates have (a command, an event, a state, a refusal) is listed here, once each.
//! `decide` refuses or answers facts; `evolve` never fails and never judges. What a rule needs from outside
//! (the time, ids, hashes) comes with the command. This room must never know where facts are kept or who asks.

pub mod accounts;
pub mod chat;
mod decision;
pub mod id;
pub mod json;
pub mod notify;
pub mod ops;
pub mod personal;
mod reads;
mod refusal;
mod stored;
pub mod text;
pub mod time;

pub use accounts::{
    device, email, identities, identity, name, passkeys, password, proof, quota, session, token, totp, user, ways_in,
};
pub use chat::emoji::Emoji;
pub use chat::{message, pins, reactions, read_mark, report};
pub use decision::{Decision, Outcome};
pub use id::{
    Category, ChatId, DeliveryId, IdentitiesId, IdentityId, InboxId, InspectionId, InvitationId, LinkId, MailingId,
    MessageId, NotificationId, PasskeyId, PasskeysId, PinsId, PreferencesId, ProofId, ReactionsId, ReadMarkId,
    ReportId, SessionId, StreamId, SuppressionId, TemplateId, TokenId, TotpId, UserId,
};
pub use notify::{
    delivery, digest, inbox, link, mailing, notification, preferences, suppression, template, template_key,
};
pub use ops::{inspection, projection};
pub use personal::Personal;
pub use reads::Reads;
pub use refusal::RefusalKind;
pub use stored::{Stored, StoredParts, Unreadable};
pub use time::Timestamp;

/// The stored names of the facts that hold what somebody's password or code is checked against. It is shown to nobody, and
/// forgotten as soon as the next one of its stream is appended.
pub const VERIFIERS: [&str; 3] = [user::VERIFIERS[0], user::VERIFIERS[1], totp::SECRETS[0]];

/// One thing that somebody wants to happen: what it is about, and what is wanted.
#[derive(Clone, Debug)]
pub enum Command {
    /// About one account.
    User(UserId, user::Command),
    /// About one session.
    Session(SessionId, session::Command),
    /// About one service token.
    Token(TokenId, token::Command),
    /// About one person's second factor.
    Totp(TotpId, totp::Command),
    /// About the passkeys of one user.
    Passkeys(PasskeysId, passkeys::Command),
    /// About one proof of an address.
    Proof(ProofId, proof::Command),
    /// About whom other services know one user as.
    Identities(IdentitiesId, identities::Command),
    /// About one chat.
    Chat(ChatId, chat::Command),
    /// About one message.
    Message(MessageId, message::Command),
    /// About the reactions to one message.
    Reactions(ReactionsId, reactions::Command),
    /// About the pins of one chat.
    Pins(PinsId, pins::Command),
    /// About what was reported of one message.
    Report(ReportId, report::Command),
    /// About how far one person has read in one chat.
    ReadMark(ReadMarkId, read_mark::Command),
    /// About what one person is told that they have not read.
    Digest(id::DigestId, digest::Command),
    /// About one delivery.
    Delivery(DeliveryId, delivery::Command),
    /// About one notification.
    Notification(NotificationId, notification::Command),
    /// About one mailing.
    Mailing(MailingId, mailing::Command),
    /// About a person's inbox.
    Inbox(InboxId, inbox::Command),
    /// About one user's preferences.
    Preferences(PreferencesId, preferences::Command),
    /// About one address that gets nothing.
    Suppression(SuppressionId, suppression::Command),
    /// About one short link.
    Link(LinkId, link::Command),
    /// About one template.
    Template(TemplateId, template::Command),
    /// About what one projection steps over.
    Projection(id::ProjectionName, projection::Command),
    /// About a look of an operator at what is personal.
    Inspection(InspectionId, inspection::Command),
    /// Changes nothing, in somebody's name. A request that is answered outside of the log is one all the same to its
    /// `Idempotency-Key`, and keeps its receipt where all others keep theirs.
    Nothing(UserId),
}

impl Command {
    /// The stream that it is about.
    pub fn stream(&self) -> StreamId {
        match self {
            Command::User(id, _) | Command::Nothing(id) => (*id).into(),
            Command::Session(id, _) => (*id).into(),
            Command::Token(id, _) => (*id).into(),
            Command::Totp(id, _) => (*id).into(),
            Command::Passkeys(id, _) => (*id).into(),
            Command::Proof(id, _) => (*id).into(),
            Command::Identities(id, _) => (*id).into(),
            Command::Chat(id, _) => (*id).into(),
            Command::Message(id, _) => (*id).into(),
            Command::Reactions(id, _) => (*id).into(),
            Command::Pins(id, _) => (*id).into(),
            Command::Report(id, _) => (*id).into(),
            Command::ReadMark(id, _) => (*id).into(),
            Command::Digest(id, _) => (*id).into(),
            Command::Link(id, _) => (*id).into(),
            Command::Delivery(id, _) => (*id).into(),
            Command::Notification(id, _) => (*id).into(),
            Command::Mailing(id, _) => (*id).into(),
            Command::Inbox(id, _) => (*id).into(),
            Command::Preferences(id, _) => (*id).into(),
            Command::Suppression(id, _) => (*id).into(),
            Command::Template(id, _) => (*id).into(),
            Command::Projection(name, _) => (*name).into(),
            Command::Inspection(id, _) => (*id).into(),
        }
    }

    /// What its rules look at beside that stream, or change together with it.
    pub fn reads(&self) -> Reads {
        match self {
            Command::User(id, command) => command.reads(*id),
            Command::Session(_, command) => command.reads(),
            Command::Token(_, command) => command.reads(),
            Command::Totp(id, command) => command.reads(*id),
            Command::Passkeys(id, command) => command.reads(*id),
            Command::Proof(_, command) => command.reads(),
            Command::Identities(id, command) => command.reads(*id),
            Command::Chat(_, command) => command.reads(),
            Command::Message(_, command) => command.reads(),
            Command::Reactions(id, command) => command.reads(*id),
            Command::Pins(id, command) => command.reads(*id),
            Command::Report(id, command) => command.reads(*id),
            Command::ReadMark(id, command) => command.reads(*id),
            Command::Digest(id, command) => command.reads(*id),
            Command::Link(_, command) => command.reads(),
            Command::Template(_, command) => command.reads(),
            Command::Delivery(_, command) => command.reads(),
            Command::Notification(_, command) => command.reads(),
            Command::Mailing(_, command) => command.reads(),
            Command::Preferences(id, command) => command.reads(*id),
            Command::Suppression(_, command) => command.reads(),
            Command::Inbox(..) | Command::Projection(..) | Command::Inspection(..) | Command::Nothing(_) => {
                Reads::default()
            }
        }
    }

    /// Who says or does something in a chat by it: nobody may who was erased.
    pub fn by(&self) -> Option<UserId> {
        match self {
            Command::Chat(_, command) => command.by(),
            Command::Message(_, command) => Some(command.by()),
            Command::Reactions(_, command) => command.by(),
            Command::Pins(_, command) => command.by(),
            Command::Report(_, command) => command.by(),
            Command::ReadMark(id, _) => Some(id.user_id),
            Command::Digest(..) => None,
            Command::Link(..) => None,
            Command::Notification(_, command) => command.by(),
            Command::Mailing(_, command) => command.by(),
            Command::User(..) | Command::Session(..) | Command::Token(..) | Command::Delivery(..) => None,
            Command::Inbox(..) | Command::Projection(..) | Command::Inspection(..) | Command::Nothing(_) => None,
            Command::Preferences(..) | Command::Suppression(..) | Command::Proof(..) | Command::Totp(..) => None,
            Command::Template(..) | Command::Identities(..) | Command::Passkeys(..) => None,
        }
    }

    /// Whether whoever asks for it must not have been erased. What concerns an account is judged by its own rules.
    pub fn needs_living_actor(&self) -> bool {
        match self {
            Command::Chat(_, command) => command.needs_living_actor(),
            Command::Reactions(_, command) => command.needs_living_actor(),
            Command::Pins(_, command) => command.needs_living_actor(),
            Command::Link(..) | Command::ReadMark(..) | Command::Digest(..) => true,
            Command::Report(..) => true,
            Command::Session(..) | Command::Token(..) | Command::Message(..) | Command::Nothing(_) => true,
            Command::Delivery(..) | Command::Notification(..) | Command::Inbox(..) | Command::Suppression(..) => true,
            Command::Template(..) | Command::Mailing(..) | Command::Inspection(..) | Command::Passkeys(..) => true,
            // What is said of preferences is judged by the account that they are of.
            Command::User(..) | Command::Preferences(..) | Command::Proof(..) | Command::Projection(..) => false,
            // The same of a second factor and of identities.
            Command::Totp(..) | Command::Identities(..) => false,
        }
    }
}

/// One thing that has happened, and what it has happened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// To an account.
    User(UserId, user::Event),
    /// To a session.
    Session(SessionId, session::Event),
    /// To a service token.
    Token(TokenId, token::Event),
    /// To a user's quota.
    Quota(id::QuotaId, quota::Event),
    /// To the passkeys of a user.
    Passkeys(PasskeysId, passkeys::Event),
    /// To the claim on a name.
    Name(id::NameClaim, name::Event),
    /// To the claim on an address.
    Email(id::EmailClaim, email::Event),
    /// To a second factor.
    Totp(TotpId, totp::Event),
    /// To a proof of an address.
    Proof(ProofId, proof::Event),
    /// To the claim on an identity.
    Identity(id::IdentityClaim, identity::Event),
    /// To the identities of a user.
    Identities(IdentitiesId, identities::Event),
    /// To a chat.
    Chat(ChatId, chat::Event),
    /// To a message.
    Message(MessageId, message::Event),
    /// To the reactions to a message.
    Reactions(ReactionsId, reactions::Event),
    /// To the pins of a chat.
    Pins(PinsId, pins::Event),
    /// To what was reported of a message.
    Report(ReportId, report::Event),
    /// To how far somebody has read.
    ReadMark(ReadMarkId, read_mark::Event),
    /// To what somebody is told that they have not read.
    Digest(id::DigestId, digest::Event),
    /// To a delivery.
    Delivery(DeliveryId, delivery::Event),
    /// To a notification.
    Notification(NotificationId, notification::Event),
    /// To a mailing.
    Mailing(MailingId, mailing::Event),
    /// To a person's inbox.
    Inbox(InboxId, inbox::Event),
    /// To a user's preferences.
    Preferences(PreferencesId, preferences::Event),
    /// To an address that gets nothing.
    Suppression(SuppressionId, suppression::Event),
    /// To a short link.
    Link(LinkId, link::Event),
    /// To a template.
    Template(TemplateId, template::Event),
    /// To the claim on a template's key.
    TemplateKey(id::TemplateKey, template_key::Event),
    /// To a projection.
    Projection(id::ProjectionName, projection::Event),
    /// To a look of an operator.
    Inspection(InspectionId, inspection::Event),
}

impl Event {
    /// The stream that it is appended to.
    pub fn stream(&self) -> StreamId {
        match self {
            Event::User(id, _) => (*id).into(),
            Event::Session(id, _) => (*id).into(),
            Event::Token(id, _) => (*id).into(),
            Event::Totp(id, _) => (*id).into(),
            Event::Quota(id, _) => (*id).into(),
            Event::Passkeys(id, _) => (*id).into(),
            Event::Name(claim, _) => (*claim).into(),
            Event::Email(claim, _) => (*claim).into(),
            Event::Proof(id, _) => (*id).into(),
            Event::Identity(claim, _) => (*claim).into(),
            Event::Identities(id, _) => (*id).into(),
            Event::Chat(id, _) => (*id).into(),
            Event::Message(id, _) => (*id).into(),
            Event::Reactions(id, _) => (*id).into(),
            Event::Pins(id, _) => (*id).into(),
            Event::Report(id, _) => (*id).into(),
            Event::ReadMark(id, _) => (*id).into(),
            Event::Digest(id, _) => (*id).into(),
            Event::Link(id, _) => (*id).into(),
            Event::Delivery(id, _) => (*id).into(),
            Event::Notification(id, _) => (*id).into(),
            Event::Mailing(id, _) => (*id).into(),
            Event::Inbox(id, _) => (*id).into(),
            Event::Preferences(id, _) => (*id).into(),
            Event::Suppression(id, _) => (*id).into(),
            Event::Template(id, _) => (*id).into(),
            Event::TemplateKey(key, _) => (*key).into(),
            Event::Projection(name, _) => (*name).into(),
            Event::Inspection(id, _) => (*id).into(),
        }
    }

    /// Whether it changes what is shown of the thing that it happened to. Only such facts move the version that
    /// `ETag` tells and `If-Match` asks for: a stranger who guesses at a password must not change it.
    pub fn is_shown(&self) -> bool {
        if let Event::User(_, event) = self { event.is_shown() } else { true }
    }

    /// The stored names of the facts in its stream whose sealed parts are forgotten as soon as it is appended.
    pub fn supersedes(&self) -> &'static [&'static str] {
        if let Event::User(_, event) = self {
            event.supersedes()
        } else if let Event::Suppression(_, event) = self {
            event.supersedes()
        } else if let Event::Totp(_, event) = self {
            event.supersedes()
        } else {
            &[]
        }
    }

    /// The name that it is stored under.
    pub fn name(&self) -> &'static str {
        match self {
            Event::User(_, event) => event.name(),
            Event::Session(_, event) => event.name(),
            Event::Token(_, event) => event.name(),
            Event::Totp(_, event) => event.name(),
            Event::Quota(_, event) => event.name(),
            Event::Passkeys(_, event) => event.name(),
            Event::Name(_, event) => event.name(),
            Event::Email(_, event) => event.name(),
            Event::Proof(_, event) => event.name(),
            Event::Identity(_, event) => event.name(),
            Event::Identities(_, event) => event.name(),
            Event::Chat(_, event) => event.name(),
            Event::Message(_, event) => event.name(),
            Event::Reactions(_, event) => event.name(),
            Event::Pins(_, event) => event.name(),
            Event::Report(_, event) => event.name(),
            Event::ReadMark(_, event) => event.name(),
            Event::Digest(_, event) => event.name(),
            Event::Link(_, event) => event.name(),
            Event::Delivery(_, event) => event.name(),
            Event::Notification(_, event) => event.name(),
            Event::Mailing(_, event) => event.name(),
            Event::Inbox(_, event) => event.name(),
            Event::Preferences(_, event) => event.name(),
            Event::Suppression(_, event) => event.name(),
            Event::Template(_, event) => event.name(),
            Event::TemplateKey(_, event) => event.name(),
            Event::Projection(_, event) => event.name(),
            Event::Inspection(_, event) => event.name(),
        }
    }

    /// Writes an event down. What is personal in a user's own events is sealed under that user's key.
    pub fn stored(&self) -> Stored {
        let (payload, personal) = match self {
            Event::User(id, event) => event.written(*id),
            Event::Session(_, event) => event.written(),
            Event::Token(_, event) => event.written(),
            Event::Totp(_, event) => event.written(),
            Event::Quota(_, event) => event.written(),
            Event::Passkeys(_, event) => event.written(),
            Event::Name(_, event) => event.written(),
            Event::Email(_, event) => event.written(),
            Event::Proof(_, event) => event.written(),
            Event::Identity(_, event) => event.written(),
            Event::Identities(id, event) => event.written(*id),
            Event::Chat(_, event) => event.written(),
            Event::Message(_, event) => event.written(),
            Event::Reactions(_, event) => event.written(),
            Event::Pins(_, event) => event.written(),
            Event::Report(_, event) => event.written(),
            Event::ReadMark(_, event) => event.written(),
            Event::Digest(_, event) => event.written(),
            Event::Link(_, event) => event.written(),
            Event::Delivery(_, event) => event.written(),
            Event::Notification(_, event) => event.written(),
            Event::Mailing(_, event) => event.written(),
            Event::Inbox(_, event) => event.written(),
            Event::Preferences(id, event) => event.written(*id),
            Event::Suppression(id, event) => event.written(*id),
            Event::Template(_, event) => event.written(),
            Event::TemplateKey(_, event) => event.written(),
            Event::Projection(_, event) => event.written(),
            Event::Inspection(_, event) => event.written(),
        };
        Stored { name: self.name(), payload, personal }
    }

    /// Reads an event from its stored parts: first what happened, then to what.
    ///
    /// # Errors
    /// [`Unreadable`], the name first: an event of a newer version is told as that, whatever else it holds.
    pub fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match Category::of_event(parts.name).ok_or_else(|| parts.unknown())? {
            Category::User => parts.placed(user::Event::restore(parts)?, Event::User)?,
            Category::Session => parts.placed(session::Event::restore(parts)?, Event::Session)?,
            Category::Token => parts.placed(token::Event::restore(parts)?, Event::Token)?,
            Category::Totp => parts.placed(totp::Event::restore(parts)?, Event::Totp)?,
            Category::Quota => parts.placed(quota::Event::restore(parts)?, Event::Quota)?,
            Category::Passkeys => parts.placed(passkeys::Event::restore(parts)?, Event::Passkeys)?,
            Category::Name => parts.placed(name::Event::restore(parts)?, Event::Name)?,
            Category::Email => parts.placed(email::Event::restore(parts)?, Event::Email)?,
            Category::Proof => parts.placed(proof::Event::restore(parts)?, Event::Proof)?,
            Category::Identity => parts.placed(identity::Event::restore(parts)?, Event::Identity)?,
            Category::Identities => parts.placed(identities::Event::restore(parts)?, Event::Identities)?,
            Category::Chat => parts.placed(chat::Event::restore(parts)?, Event::Chat)?,
            Category::Message => parts.placed(message::Event::restore(parts)?, Event::Message)?,
            Category::Reactions => parts.placed(reactions::Event::restore(parts)?, Event::Reactions)?,
            Category::Pins => parts.placed(pins::Event::restore(parts)?, Event::Pins)?,
            Category::Report => parts.placed(report::Event::restore(parts)?, Event::Report)?,
            Category::ReadMark => parts.placed(read_mark::Event::restore(parts)?, Event::ReadMark)?,
            Category::Digest => parts.placed(digest::Event::restore(parts)?, Event::Digest)?,
            Category::Link => parts.placed(link::Event::restore(parts)?, Event::Link)?,
            Category::Delivery => parts.placed(delivery::Event::restore(parts)?, Event::Delivery)?,
            Category::Notification => parts.placed(notification::Event::restore(parts)?, Event::Notification)?,
            Category::Mailing => parts.placed(mailing::Event::restore(parts)?, Event::Mailing)?,
            Category::Inbox => parts.placed(inbox::Event::restore(parts)?, Event::Inbox)?,
            Category::Preferences => parts.placed(preferences::Event::restore(parts)?, Event::Preferences)?,
            Category::Suppression => parts.placed(suppression::Event::restore(parts)?, Event::Suppression)?,
            Category::Template => parts.placed(template::Event::restore(parts)?, Event::Template)?,
            Category::TemplateKey => parts.placed(template_key::Event::restore(parts)?, Event::TemplateKey)?,
            Category::Projection => parts.placed(projection::Event::restore(parts)?, Event::Projection)?,
            Category::Inspection => parts.placed(inspection::Event::restore(parts)?, Event::Inspection)?,
        })
    }
}

/// What the rules know of one stream: its facts, folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// An account.
    User(user::State),
    /// A session.
    Session(session::State),
    /// A service token.
    Token(token::State),
    /// A second factor.
    Totp(totp::State),
    /// A user's quota.
    Quota(quota::State),
    /// The passkeys of a user.
    Passkeys(passkeys::State),
    /// The claim on a name.
    Name(name::State),
    /// The claim on an address.
    Email(email::State),
    /// A proof of an address.
    Proof(proof::State),
    /// The claim on an identity.
    Identity(identity::State),
    /// The identities of a user.
    Identities(identities::State),
    /// A chat.
    Chat(chat::State),
    /// A message.
    Message(message::State),
    /// The reactions to a message.
    Reactions(reactions::State),
    /// The pins of a chat.
    Pins(pins::State),
    /// What was reported of a message.
    Report(report::State),
    /// How far somebody has read.
    ReadMark(read_mark::State),
    /// What somebody is told that they have not read.
    Digest(digest::State),
    /// A delivery.
    Delivery(delivery::State),
    /// A notification.
    Notification(notification::State),
    /// A mailing.
    Mailing(mailing::State),
    /// A person's inbox.
    Inbox(inbox::State),
    /// A user's preferences.
    Preferences(preferences::State),
    /// An address that gets nothing.
    Suppression(suppression::State),
    /// A short link.
    Link(link::State),
    /// A template.
    Template(template::State),
    /// The claim on a template's key.
    TemplateKey(template_key::State),
    /// What a projection steps over.
    Projection(projection::State),
    /// Of a look of an operator.
    Inspection(inspection::State),
}

impl State {
    /// A stream of that category before its first fact.
    pub fn empty(category: Category) -> State {
        match category {
            Category::User => State::User(user::State::default()),
            Category::Session => State::Session(session::State::default()),
            Category::Token => State::Token(token::State::default()),
            Category::Totp => State::Totp(totp::State::default()),
            Category::Quota => State::Quota(quota::State::default()),
            Category::Passkeys => State::Passkeys(passkeys::State::default()),
            Category::Name => State::Name(name::State::default()),
            Category::Email => State::Email(email::State::default()),
            Category::Proof => State::Proof(proof::State::default()),
            Category::Identity => State::Identity(identity::State::default()),
            Category::Identities => State::Identities(identities::State::default()),
            Category::Chat => State::Chat(chat::State::default()),
            Category::Message => State::Message(message::State::default()),
            Category::Reactions => State::Reactions(reactions::State::default()),
            Category::Pins => State::Pins(pins::State::default()),
            Category::Report => State::Report(report::State::default()),
            Category::ReadMark => State::ReadMark(read_mark::State::default()),
            Category::Digest => State::Digest(digest::State::default()),
            Category::Link => State::Link(link::State::default()),
            Category::Delivery => State::Delivery(delivery::State::default()),
            Category::Notification => State::Notification(notification::State::default()),
            Category::Mailing => State::Mailing(mailing::State::default()),
            Category::Inbox => State::Inbox(inbox::State::default()),
            Category::Preferences => State::Preferences(preferences::State::default()),
            Category::Suppression => State::Suppression(suppression::State::default()),
            Category::Template => State::Template(template::State::default()),
            Category::TemplateKey => State::TemplateKey(template_key::State::default()),
            Category::Projection => State::Projection(projection::State::default()),
            Category::Inspection => State::Inspection(inspection::State::default()),
        }
    }

    /// Folds one fact of that stream in.
    pub fn evolve(&mut self, event: &Event) {
        match (self, event) {
            (State::User(state), Event::User(id, event)) => user::evolve(*id, state, event),
            (State::Session(state), Event::Session(_, event)) => session::evolve(state, event),
            (State::Token(state), Event::Token(_, event)) => token::evolve(state, event),
            (State::Totp(state), Event::Totp(_, event)) => totp::evolve(state, event),
            (State::Quota(state), Event::Quota(_, event)) => quota::evolve(state, event),
            (State::Passkeys(state), Event::Passkeys(_, event)) => passkeys::evolve(state, event),
            (State::Name(state), Event::Name(_, event)) => name::evolve(state, event),
            (State::Email(state), Event::Email(_, event)) => email::evolve(state, event),
            (State::Proof(state), Event::Proof(_, event)) => proof::evolve(state, event),
            (State::Identity(state), Event::Identity(_, event)) => identity::evolve(state, event),
            (State::Identities(state), Event::Identities(_, event)) => identities::evolve(state, event),
            (State::Chat(state), Event::Chat(_, event)) => chat::evolve(state, event),
            (State::Message(state), Event::Message(_, event)) => message::evolve(state, event),
            (State::Reactions(state), Event::Reactions(_, event)) => reactions::evolve(state, event),
            (State::Pins(state), Event::Pins(_, event)) => pins::evolve(state, event),
            (State::Report(state), Event::Report(_, event)) => report::evolve(state, event),
            (State::ReadMark(state), Event::ReadMark(_, event)) => read_mark::evolve(state, event),
            (State::Digest(state), Event::Digest(_, event)) => digest::evolve(state, event),
            (State::Link(state), Event::Link(_, event)) => link::evolve(state, event),
            (State::Delivery(state), Event::Delivery(_, event)) => delivery::evolve(state, event),
            (State::Notification(state), Event::Notification(_, event)) => notification::evolve(state, event),
            (State::Mailing(state), Event::Mailing(_, event)) => mailing::evolve(state, event),
            (State::Inbox(state), Event::Inbox(_, event)) => inbox::evolve(state, event),
            (State::Preferences(state), Event::Preferences(_, event)) => preferences::evolve(state, event),
            (State::Suppression(state), Event::Suppression(_, event)) => suppression::evolve(state, event),
            (State::Template(state), Event::Template(_, event)) => template::evolve(state, event),
            (State::TemplateKey(state), Event::TemplateKey(_, event)) => template_key::evolve(state, event),
            (State::Projection(state), Event::Projection(_, event)) => projection::evolve(state, event),
            (State::Inspection(state), Event::Inspection(_, event)) => inspection::evolve(state, event),
            // Of another stream: it changes nothing here.
            (
                State::User(_)
                | State::Session(_)
                | State::Token(_)
                | State::Totp(_)
                | State::Quota(_)
                | State::Passkeys(_)
                | State::Name(_)
                | State::Email(_)
                | State::Proof(_)
                | State::Identity(_)
                | State::Identities(_)
                | State::Chat(_)
                | State::Message(_)
                | State::Reactions(_)
                | State::Pins(_)
                | State::Report(_)
                | State::ReadMark(_)
                | State::Digest(_)
                | State::Link(_)
                | State::Delivery(_)
                | State::Notification(_)
                | State::Mailing(_)
                | State::Inbox(_)
                | State::Preferences(_)
                | State::Suppression(_)
                | State::Template(_)
                | State::TemplateKey(_)
                | State::Projection(_)
                | State::Inspection(_),
                _,
            ) => {}
        }
    }

    /// It as JSON, for who looks at the log; what is personal in it only on request.
    pub fn to_json(&self, personal: bool) -> serde_json::Value {
        match self {
            State::User(state) => state.to_json(personal),
            State::Session(state) => state.to_json(),
            State::Token(state) => state.to_json(),
            State::Totp(state) => state.to_json(),
            State::Quota(state) => state.to_json(),
            State::Passkeys(state) => state.to_json(),
            State::Name(state) => state.to_json(),
            State::Email(state) => state.to_json(),
            State::Proof(state) => state.to_json(personal),
            State::Identity(state) => state.to_json(),
            State::Identities(state) => state.to_json(),
            State::Chat(state) => state.to_json(),
            State::Message(state) => state.to_json(personal),
            State::Reactions(state) => state.to_json(),
            State::Pins(state) => state.to_json(),
            State::Report(state) => state.to_json(),
            State::ReadMark(state) => state.to_json(),
            State::Digest(state) => state.to_json(),
            State::Link(state) => state.to_json(),
            State::Delivery(state) => state.to_json(),
            State::Notification(state) => state.to_json(),
            State::Mailing(state) => state.to_json(),
            State::Inbox(state) => state.to_json(),
            State::Preferences(state) => state.to_json(personal),
            State::Suppression(state) => state.to_json(personal),
            State::Template(state) => state.to_json(),
            State::TemplateKey(state) => state.to_json(),
            State::Projection(state) => state.to_json(),
            State::Inspection(state) => state.to_json(),
        }
    }
}

/// Why a command was refused. It is data for the user, never a failure of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// By the rules of accounts.
    #[error(transparent)]
    User(#[from] user::Refusal),
    /// By the rules of sessions.
    #[error(transparent)]
    Session(#[from] session::Refusal),
    /// By the rules of service tokens.
    #[error(transparent)]
    Token(#[from] token::Refusal),
    /// By the rules of second factors.
    #[error(transparent)]
    Totp(#[from] totp::Refusal),
    /// By the rules of passkeys.
    #[error(transparent)]
    Passkeys(#[from] passkeys::Refusal),
    /// By the rules of proofs.
    #[error(transparent)]
    Proof(#[from] proof::Refusal),
    /// By the rules of identities.
    #[error(transparent)]
    Identities(#[from] identities::Refusal),
    /// By the rules of chats.
    #[error(transparent)]
    Chat(#[from] chat::Refusal),
    /// By the rules of messages.
    #[error(transparent)]
    Message(#[from] message::Refusal),
    /// By the rules of reactions.
    #[error(transparent)]
    Reactions(#[from] reactions::Refusal),
    /// By the rules of pins.
    #[error(transparent)]
    Pins(#[from] pins::Refusal),
    /// By the rules of reports.
    #[error(transparent)]
    Report(#[from] report::Refusal),
    /// By the rules of marks of what was read.
    #[error(transparent)]
    ReadMark(#[from] read_mark::Refusal),
    /// By the rules of deliveries.
    #[error(transparent)]
    Delivery(#[from] delivery::Refusal),
    /// By the rules of notifications.
    #[error(transparent)]
    Notification(#[from] notification::Refusal),
    /// By the rules of mailings.
    #[error(transparent)]
    Mailing(#[from] mailing::Refusal),
    /// By the rules of preferences.
    #[error(transparent)]
    Preferences(#[from] preferences::Refusal),
    /// By the rules of suppressed addresses.
    #[error(transparent)]
    Suppression(#[from] suppression::Refusal),
    /// By the rules of short links.
    #[error(transparent)]
    Link(#[from] link::Refusal),
    /// By the rules of templates.
    #[error(transparent)]
    Template(#[from] template::Refusal),
    /// By the rules of projections.
    #[error(transparent)]
    Projection(#[from] projection::Refusal),
    #[error(transparent)]
    Inspection(#[from] inspection::Refusal),
    /// `If-Match` named a version that is not the stream's (CONTRACT 1.1).
    #[error("it has been changed since you read it; read it again and repeat")]
    VersionChanged,
}

impl Refusal {
    /// When an account may be used again that is refused because it is suspended; the inner one is none where somebody has
    /// to lift that.
    pub fn suspended_until(&self) -> Option<Option<Timestamp>> {
        if let Refusal::User(user::Refusal::Suspended { until })
        | Refusal::Proof(proof::Refusal::Suspended { until })
        | Refusal::Identities(identities::Refusal::Suspended { until }) = self
        {
            Some(*until)
        } else {
            None
        }
    }

    /// Of which kind it is.
    pub fn kind(&self) -> RefusalKind {
        match self {
            Refusal::User(refusal) => refusal.kind(),
            Refusal::Session(refusal) => refusal.kind(),
            Refusal::Token(refusal) => refusal.kind(),
            Refusal::Totp(refusal) => refusal.kind(),
            Refusal::Passkeys(refusal) => refusal.kind(),
            Refusal::Proof(refusal) => refusal.kind(),
            Refusal::Identities(refusal) => refusal.kind(),
            Refusal::Chat(refusal) => refusal.kind(),
            Refusal::Message(refusal) => refusal.kind(),
            Refusal::Reactions(refusal) => refusal.kind(),
            Refusal::Pins(refusal) => refusal.kind(),
            Refusal::Report(refusal) => refusal.kind(),
            Refusal::ReadMark(refusal) => refusal.kind(),
            Refusal::Link(refusal) => refusal.kind(),
            Refusal::Delivery(refusal) => refusal.kind(),
            Refusal::Notification(refusal) => refusal.kind(),
            Refusal::Mailing(refusal) => refusal.kind(),
            Refusal::Preferences(refusal) => refusal.kind(),
            Refusal::Suppression(refusal) => refusal.kind(),
            Refusal::Template(refusal) => refusal.kind(),
            Refusal::Projection(refusal) => refusal.kind(),
            Refusal::Inspection(refusal) => refusal.kind(),
            Refusal::VersionChanged => RefusalKind::VersionChanged,
        }
    }
}
