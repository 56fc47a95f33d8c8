//! How the facts of an aggregate come into a read model: into tables, or into the text index.

use domain::id::DigestId;
use domain::{
    Category, ChatId, DeliveryId, Event, IdentitiesId, InboxId, LinkId, MailingId, MessageId, NotificationId,
    PasskeysId, PinsId, PreferencesId, ReactionsId, ReadMarkId, ReportId, SessionId, SuppressionId, TemplateId,
    TokenId, TotpId, UserId, chat, delivery, digest, identities, inbox, link, mailing, message, notification, passkeys,
    pins, preferences, reactions, read_mark, report, session, suppression, template, token, totp, user,
};
use search::Change;
use store::Fact;
use store::sql::Tx;

/// Folds an event of one aggregate into tables; the fact tells where it stands in the log.
type Write<Id, E> = fn(&mut Tx<'_>, &Fact, Id, &E) -> Result<(), store::Error>;

/// Writes what a page of facts comes to, once all of them are folded in one by one: in a busy chat each message replaces
/// what the one before has written, and in a mailing each delivery.
type WritePage = fn(&mut Tx<'_>, &[&Fact]) -> Result<(), store::Error>;

/// What an event of one aggregate changes in the text index.
type Index<Id, E> = fn(&Fact, Id, &E) -> Option<Change>;

/// What one read model does with the facts of one aggregate. A new aggregate is a new variant here, and touches no read
/// model that does not care.
#[derive(Clone, Copy)]
pub(crate) enum Fold {
    User(Write<UserId, user::Event>),
    Session(Write<SessionId, session::Event>),
    Token(Write<TokenId, token::Event>),
    Passkeys(Write<PasskeysId, passkeys::Event>),
    Totp(Write<TotpId, totp::Event>),
    Link(Write<LinkId, link::Event>),
    Identities(Write<IdentitiesId, identities::Event>),
    Chat(Write<ChatId, chat::Event>),
    Message(Write<MessageId, message::Event>),
    Reactions(Write<ReactionsId, reactions::Event>),
    Report(Write<ReportId, report::Event>),
    Pins(Write<PinsId, pins::Event>),
    ReadMark(Write<ReadMarkId, read_mark::Event>),
    Digest(Write<DigestId, digest::Event>),
    /// One by one, and then the page that they came in.
    MessagePages(Write<MessageId, message::Event>, WritePage),
    Delivery(Write<DeliveryId, delivery::Event>),
    /// One by one, and then the page that they came in.
    DeliveryPages(Write<DeliveryId, delivery::Event>, WritePage),
    Notification(Write<NotificationId, notification::Event>),
    Mailing(Write<MailingId, mailing::Event>),
    Inbox(Write<InboxId, inbox::Event>),
    Preferences(Write<PreferencesId, preferences::Event>),
    Suppression(Write<SuppressionId, suppression::Event>),
    Template(Write<TemplateId, template::Event>),
    IndexUser(Index<UserId, user::Event>),
    IndexChat(Index<ChatId, chat::Event>),
    IndexMessage(Index<MessageId, message::Event>),
}

impl Fold {
    /// The category of streams whose facts it folds.
    pub(crate) const fn category(self) -> Category {
        match self {
            Fold::User(_) | Fold::IndexUser(_) => Category::User,
            Fold::Session(_) => Category::Session,
            Fold::Token(_) => Category::Token,
            Fold::Passkeys(_) => Category::Passkeys,
            Fold::Totp(_) => Category::Totp,
            Fold::Link(_) => Category::Link,
            Fold::Identities(_) => Category::Identities,
            Fold::Chat(_) | Fold::IndexChat(_) => Category::Chat,
            Fold::Message(_) | Fold::MessagePages(..) | Fold::IndexMessage(_) => Category::Message,
            Fold::Reactions(_) => Category::Reactions,
            Fold::Report(_) => Category::Report,
            Fold::Pins(_) => Category::Pins,
            Fold::ReadMark(_) => Category::ReadMark,
            Fold::Digest(_) => Category::Digest,
            Fold::Delivery(_) | Fold::DeliveryPages(..) => Category::Delivery,
            Fold::Notification(_) => Category::Notification,
            Fold::Mailing(_) => Category::Mailing,
            Fold::Inbox(_) => Category::Inbox,
            Fold::Preferences(_) => Category::Preferences,
            Fold::Suppression(_) => Category::Suppression,
            Fold::Template(_) => Category::Template,
        }
    }

    /// Whether it folds into an index, and not into tables.
    #[cfg(test)]
    pub(crate) const fn is_of_index(self) -> bool {
        match self {
            Fold::IndexUser(_) | Fold::IndexChat(_) | Fold::IndexMessage(_) => true,
            Fold::Link(_)
            | Fold::Identities(_)
            | Fold::Reactions(_)
            | Fold::Report(_)
            | Fold::Pins(_)
            | Fold::ReadMark(_)
            | Fold::Digest(_) => false,
            Fold::User(_)
            | Fold::Session(_)
            | Fold::Token(_)
            | Fold::Passkeys(_)
            | Fold::Totp(_)
            | Fold::Chat(_)
            | Fold::Message(_)
            | Fold::MessagePages(..)
            | Fold::DeliveryPages(..) => false,
            Fold::Delivery(_) | Fold::Notification(_) | Fold::Mailing(_) | Fold::Inbox(_) => false,
            Fold::Preferences(_) | Fold::Suppression(_) | Fold::Template(_) => false,
        }
    }

    /// Folds the fact into tables, when it is of its aggregate.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub(crate) fn write(self, tx: &mut Tx<'_>, fact: &Fact) -> Result<(), store::Error> {
        match (self, &fact.event) {
            (Fold::User(fold), Event::User(id, event)) => fold(tx, fact, *id, event),
            (Fold::Session(fold), Event::Session(id, event)) => fold(tx, fact, *id, event),
            (Fold::Token(fold), Event::Token(id, event)) => fold(tx, fact, *id, event),
            (Fold::Passkeys(fold), Event::Passkeys(id, event)) => fold(tx, fact, *id, event),
            (Fold::Totp(fold), Event::Totp(id, event)) => fold(tx, fact, *id, event),
            (Fold::Link(fold), Event::Link(id, event)) => fold(tx, fact, *id, event),
            (Fold::Identities(fold), Event::Identities(id, event)) => fold(tx, fact, *id, event),
            (Fold::Chat(fold), Event::Chat(id, event)) => fold(tx, fact, *id, event),
            (Fold::Message(fold) | Fold::MessagePages(fold, _), Event::Message(id, event)) => {
                fold(tx, fact, *id, event)
            }
            (Fold::Reactions(fold), Event::Reactions(id, event)) => fold(tx, fact, *id, event),
            (Fold::Report(fold), Event::Report(id, event)) => fold(tx, fact, *id, event),
            (Fold::Pins(fold), Event::Pins(id, event)) => fold(tx, fact, *id, event),
            (Fold::ReadMark(fold), Event::ReadMark(id, event)) => fold(tx, fact, *id, event),
            (Fold::Digest(fold), Event::Digest(id, event)) => fold(tx, fact, *id, event),
            (Fold::Delivery(fold) | Fold::DeliveryPages(fold, _), Event::Delivery(id, event)) => {
                fold(tx, fact, *id, event)
            }
            (Fold::Notification(fold), Event::Notification(id, event)) => fold(tx, fact, *id, event),
            (Fold::Mailing(fold), Event::Mailing(id, event)) => fold(tx, fact, *id, event),
            (Fold::Inbox(fold), Event::Inbox(id, event)) => fold(tx, fact, *id, event),
            (Fold::Preferences(fold), Event::Preferences(id, event)) => fold(tx, fact, *id, event),
            (Fold::Suppression(fold), Event::Suppression(id, event)) => fold(tx, fact, *id, event),
            (Fold::Template(fold), Event::Template(id, event)) => fold(tx, fact, *id, event),
            // Of another aggregate.
            (
                Fold::Link(_)
                | Fold::Identities(_)
                | Fold::Reactions(_)
                | Fold::Report(_)
                | Fold::Pins(_)
                | Fold::ReadMark(_)
                | Fold::Digest(_),
                _,
            ) => Ok(()),
            (Fold::Delivery(_) | Fold::Notification(_) | Fold::Mailing(_) | Fold::Inbox(_), _) => Ok(()),
            (
                Fold::User(_) | Fold::Session(_) | Fold::Token(_) | Fold::Passkeys(_) | Fold::Totp(_) | Fold::Chat(_),
                _,
            ) => Ok(()),
            (Fold::Message(_) | Fold::MessagePages(..) | Fold::DeliveryPages(..), _) => Ok(()),
            (Fold::Preferences(_) | Fold::Suppression(_) | Fold::Template(_), _) => Ok(()),
            (Fold::IndexUser(_) | Fold::IndexChat(_) | Fold::IndexMessage(_), _) => Ok(()),
        }
    }

    /// Writes what these facts come to, all of which were handed to [`Fold::write`] before.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub(crate) fn write_page(self, tx: &mut Tx<'_>, facts: &[&Fact]) -> Result<(), store::Error> {
        match self {
            Fold::MessagePages(_, fold) | Fold::DeliveryPages(_, fold) => fold(tx, facts),
            Fold::Link(_)
            | Fold::Identities(_)
            | Fold::Reactions(_)
            | Fold::Report(_)
            | Fold::Pins(_)
            | Fold::ReadMark(_)
            | Fold::Digest(_) => Ok(()),
            Fold::User(_)
            | Fold::Session(_)
            | Fold::Token(_)
            | Fold::Passkeys(_)
            | Fold::Totp(_)
            | Fold::Chat(_)
            | Fold::Message(_)
            | Fold::Delivery(_)
            | Fold::Notification(_)
            | Fold::Mailing(_)
            | Fold::Inbox(_)
            | Fold::IndexUser(_)
            | Fold::IndexChat(_)
            | Fold::IndexMessage(_)
            | Fold::Preferences(_)
            | Fold::Suppression(_)
            | Fold::Template(_) => Ok(()),
        }
    }

    /// What the fact changes in the text index, when it is of its aggregate.
    pub(crate) fn change(self, fact: &Fact) -> Option<Change> {
        match (self, &fact.event) {
            (Fold::IndexUser(fold), Event::User(id, event)) => fold(fact, *id, event),
            (Fold::IndexChat(fold), Event::Chat(id, event)) => fold(fact, *id, event),
            (Fold::IndexMessage(fold), Event::Message(id, event)) => fold(fact, *id, event),
            // Of another aggregate.
            (Fold::Reactions(_) | Fold::Report(_) | Fold::Pins(_) | Fold::ReadMark(_) | Fold::Digest(_), _) => None,
            (
                Fold::Link(_) | Fold::Identities(_) | Fold::IndexUser(_) | Fold::IndexChat(_) | Fold::IndexMessage(_),
                _,
            ) => None,
            (
                Fold::User(_) | Fold::Session(_) | Fold::Token(_) | Fold::Passkeys(_) | Fold::Totp(_) | Fold::Chat(_),
                _,
            ) => None,
            (Fold::Message(_) | Fold::MessagePages(..) | Fold::DeliveryPages(..), _) => None,
            (Fold::Delivery(_) | Fold::Notification(_) | Fold::Mailing(_) | Fold::Inbox(_), _) => None,
            (Fold::Preferences(_) | Fold::Suppression(_) | Fold::Template(_), _) => None,
        }
    }
}

/// Who is erased by the fact, if it erases somebody.
pub(crate) fn erased(fact: &Fact) -> Option<UserId> {
    if let Event::User(user_id, user::Event::Erased) = &fact.event { Some(*user_id) } else { None }
}
