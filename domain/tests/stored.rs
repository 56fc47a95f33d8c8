//! Every shape that is stored: its name, its payload and its personal part, once each.
//!
//! What stands in the snapshot stands in logs: a shape may be added there, none may be changed.
#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use domain::id::{DigestId, EmailClaim, IdentityClaim, NameClaim, ProjectionName, QuotaId, TemplateKey};
use domain::link::{LinkCode, LinkTarget};
use domain::notify::{CategoryKey, Channel, Kind, Semantics, quiet};
use domain::session::TokenHash;
use domain::text::{
    ChatName, DisplayName, Email, Locale, MailingName, MessageText, Nickname, Note, PasskeyName, ReportText, TimeZone,
    TokenName, UserName,
};
use domain::user::{Origin, Verifier};
use domain::{
    ChatId, DeliveryId, Emoji, Event, IdentitiesId, IdentityId, InboxId, InspectionId, InvitationId, LinkId, MailingId,
    MessageId, NotificationId, PasskeyId, PasskeysId, Personal, PinsId, PreferencesId, ProofId, ReactionsId,
    ReadMarkId, ReportId, SessionId, Stored, StoredParts, StreamId, SuppressionId, TemplateId, Timestamp, TokenId,
    TotpId, Unreadable, UserId, chat, delivery, digest, email, identities, identity, inbox, inspection, link, mailing,
    message, name, notification, passkeys, pins, preferences, projection, proof, quota, reactions, read_mark, report,
    session, suppression, template, template_key, token, totp, user,
};
use proptest::prelude::*;
use uuid::Uuid;

const ANNA: UserId = UserId(Uuid::from_u128(1));
const BORIS: UserId = UserId(Uuid::from_u128(2));
const ANNA_STREAM: &str = "user-00000000-0000-0000-0000-000000000001";
const CLAIM: NameClaim = NameClaim([0xcd; 32]);
const ADDRESS: EmailClaim = EmailClaim([0xad; 32]);
const PROOF: ProofId = ProofId(Uuid::from_u128(9));
const IDENTITY: IdentityClaim = IdentityClaim([0x1d; 32]);
const IDENTITIES: IdentitiesId = IdentitiesId(ANNA.0);
const ON_THE_LIST: IdentityId = IdentityId(Uuid::from_u128(21));
const SESSION: SessionId = SessionId(Uuid::from_u128(3));
const TOKEN: TokenId = TokenId(Uuid::from_u128(7));
const OTHER_TOKEN: TokenId = TokenId(Uuid::from_u128(8));
const TOTP: TotpId = TotpId(ANNA.0);
const QUOTA: QuotaId = QuotaId(ANNA.0);
const PASSKEYS: PasskeysId = PasskeysId(ANNA.0);
const PASSKEY: PasskeyId = PasskeyId(Uuid::from_u128(21));
const LINK: LinkId = LinkId(Uuid::from_u128(19));
const CHAT: ChatId = ChatId(Uuid::from_u128(4));
const INVITATION: InvitationId = InvitationId(Uuid::from_u128(20));
const MESSAGE: MessageId = MessageId(Uuid::from_u128(5));
const REACTIONS: ReactionsId = ReactionsId(MESSAGE.0);
const REPORT: ReportId = ReportId(MESSAGE.0);
const PINS: PinsId = PinsId(CHAT.0);
const READ_MARK: ReadMarkId = ReadMarkId { user_id: ANNA, chat_id: CHAT, span: 0 };
const DIGEST: DigestId = DigestId { user_id: ANNA, span: 0 };
const EARLIER: MessageId = MessageId(Uuid::from_u128(6));
const DELIVERY: DeliveryId = DeliveryId(Uuid::from_u128(9));
const NOTIFICATION: NotificationId = NotificationId(Uuid::from_u128(10));
const MAILING: MailingId = MailingId(Uuid::from_u128(21));
const PREFERENCES: PreferencesId = PreferencesId(ANNA.0);
const SUPPRESSION: SuppressionId = SuppressionId([0xba; 32]);
const INSPECTION: InspectionId = InspectionId(Uuid::from_u128(12));
const TEMPLATE: TemplateId = TemplateId(Uuid::from_u128(11));
const AT: Timestamp = Timestamp(1_800_000_000_000_001);

/// Declares one example for each kind of event. The kinds are matched without a `_`: an event that is added
/// without an example here does not compile.
macro_rules! examples {
    ($sight:ident: $($kind:pat => $example:expr,)*) => {
        const KINDS: &[&str] = &[$(stringify!($kind)),*];

        fn kind(event: &Event) -> &'static str {
            match event {
                $($kind => stringify!($kind),)*
            }
        }

        /// The examples as they read while what is personal in them is known, or after it was erased.
        fn examples($sight: Sight) -> Vec<Event> {
            vec![$($example),*]
        }
    };
}

#[derive(Clone, Copy)]
enum Sight {
    Known,
    Erased,
}

impl Sight {
    fn of<T>(self, value: T) -> Personal<T> {
        match self {
            Sight::Known => Personal::Known(value),
            Sight::Erased => Personal::Erased,
        }
    }
}

examples! { sight:
    Event::User(_, user::Event::SignedUp(_)) => Event::User(ANNA, user::Event::SignedUp(user::SignedUp {
        at: AT,
        personal: sight.of(user::SignedUpAs {
            user_name: UserName::parse("Anna").unwrap(),
            email: Some(Email::parse("anna@example.org").unwrap()),
        }),
    })),
    Event::User(_, user::Event::NameGiven) => Event::User(ANNA, user::Event::NameGiven),
    Event::User(_, user::Event::NameChosen(_)) => Event::User(ANNA, user::Event::NameChosen(user::NameChosen {
        user_name: sight.of(UserName::parse("Anna").unwrap()),
    })),
    Event::User(_, user::Event::EmailChangeRequested(_)) => {
        Event::User(ANNA, user::Event::EmailChangeRequested(user::EmailChangeRequested {
            proof_id: PROOF,
            claim: ADDRESS,
            at: AT,
            email: sight.of(email_address()),
        }))
    },
    Event::User(_, user::Event::EmailConfirmed(_)) => Event::User(ANNA, user::Event::EmailConfirmed(user::EmailConfirmed {
        claim: ADDRESS,
        personal: sight.of(user::ConfirmedEmail {
            email: email_address(),
            former: Some(Email::parse("boris@example.org").unwrap()),
        }),
    })),
    Event::User(_, user::Event::ProfileChanged(_)) => Event::User(ANNA, user::Event::ProfileChanged(user::ProfileChanged {
        time_zone: TimeZone::parse("Europe/Berlin").unwrap(),
        locale: Locale::parse("pt-BR").unwrap(),
        display_name: sight.of(DisplayName::parse("Anna \"A\" Петровна").unwrap()),
    })),
    Event::User(_, user::Event::PasswordChanged(_)) => Event::User(ANNA, user::Event::PasswordChanged(user::PasswordChanged {
        verifier: sight.of(Verifier("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned())),
    })),
    Event::User(_, user::Event::VerifierReplaced(_)) => Event::User(ANNA, user::Event::VerifierReplaced(user::VerifierReplaced {
        verifier: sight.of(Verifier("$argon2id$v=19$m=19456,t=3,p=1$c2FsdA$aGFzaA".to_owned())),
    })),
    Event::User(_, user::Event::SignInsFailed(_)) => Event::User(ANNA, user::Event::SignInsFailed(user::SignInsFailed {
        minute: AT.minute(),
        count: 3,
        from: sight.of(origin()),
    })),
    Event::User(_, user::Event::SessionsEnded(_)) => Event::User(ANNA, user::Event::SessionsEnded(user::SessionsEnded {
        keep: Some(SESSION),
    })),
    Event::User(_, user::Event::TokensRevoked) => Event::User(ANNA, user::Event::TokensRevoked),
    Event::User(_, user::Event::Suspended(_)) => Event::User(ANNA, user::Event::Suspended(user::Suspended {
        by: BORIS,
        until: Some(AT),
        reason: sight.of(Note::parse("threatens others").unwrap()),
    })),
    Event::User(_, user::Event::Unsuspended(_)) => Event::User(ANNA, user::Event::Unsuspended(user::Unsuspended {
        by: BORIS,
    })),
    Event::User(_, user::Event::RoleSet(_)) => Event::User(ANNA, user::Event::RoleSet(user::RoleSet {
        role: user::Role::Notifier,
    })),
    Event::User(_, user::Event::Erased) => Event::User(ANNA, user::Event::Erased),
    Event::Session(_, session::Event::SignedIn(_)) => Event::Session(SESSION, session::Event::SignedIn(session::SignedIn {
        user_id: ANNA,
        token_hash: TokenHash([0xab; 32]),
        at: AT,
        expires_at: AT.plus_seconds(3_600),
        by: session::Way::Password,
        proofs: Vec::new(),
        new_device: false,
        from: sight.of(origin()),
    })),
    Event::Session(_, session::Event::Ended(_)) => Event::Session(SESSION, session::Event::Ended(session::Ended {
        user_id: ANNA,
    })),
    Event::Totp(_, totp::Event::Begun(_)) => Event::Totp(TOTP, totp::Event::Begun(totp::Begun {
        user_id: ANNA,
        at: AT,
        secret: sight.of(totp::Secret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned())),
    })),
    Event::Totp(_, totp::Event::Confirmed(_)) => Event::Totp(TOTP, totp::Event::Confirmed(totp::Confirmed {
        at: AT,
        step: 60_000_000,
        codes: vec![totp::RecoveryHash([0xc0; 32]), totp::RecoveryHash([0xc1; 32])],
    })),
    Event::Totp(_, totp::Event::CodeUsed(_)) => Event::Totp(TOTP, totp::Event::CodeUsed(totp::CodeUsed {
        step: 60_000_001,
    })),
    Event::Totp(_, totp::Event::RecoveryCodeUsed(_)) => {
        Event::Totp(TOTP, totp::Event::RecoveryCodeUsed(totp::RecoveryCodeUsed {
            code: totp::RecoveryHash([0xc0; 32]),
            left: 1,
            at: AT,
        }))
    },
    Event::Totp(_, totp::Event::RecoveryCodesMade(_)) => {
        Event::Totp(TOTP, totp::Event::RecoveryCodesMade(totp::RecoveryCodesMade {
            at: AT,
            codes: vec![totp::RecoveryHash([0xc2; 32])],
        }))
    },
    Event::Totp(_, totp::Event::Removed(_)) => Event::Totp(TOTP, totp::Event::Removed(totp::Removed { at: AT })),
    Event::Email(_, email::Event::Claimed(_)) => Event::Email(ADDRESS, email::Event::Claimed(email::Claimed {
        user_id: ANNA,
    })),
    Event::Email(_, email::Event::CodeAsked(_)) => Event::Email(ADDRESS, email::Event::CodeAsked(email::CodeAsked {
        proof_id: PROOF,
        at: AT,
    })),
    Event::Email(_, email::Event::Wanted(_)) => Event::Email(ADDRESS, email::Event::Wanted(email::Wanted {
        user_id: ANNA,
        at: AT,
    })),
    Event::Proof(_, proof::Event::Issued(_)) => Event::Proof(PROOF, proof::Event::Issued(proof::Issued {
        user_id: Some(ANNA),
        email: sight.of(email_address()),
        ..issued()
    })),
    Event::Proof(_, proof::Event::Tried(_)) => Event::Proof(PROOF, proof::Event::Tried(proof::Tried { count: 2 })),
    Event::Proof(_, proof::Event::Used(_)) => Event::Proof(PROOF, proof::Event::Used(proof::Used {})),
    Event::Identity(_, identity::Event::Claimed(_)) => {
        Event::Identity(IDENTITY, identity::Event::Claimed(identity::Claimed { user_id: ANNA }))
    },
    Event::Identity(_, identity::Event::Released(_)) => {
        Event::Identity(IDENTITY, identity::Event::Released(identity::Released { user_id: ANNA }))
    },
    Event::Identities(_, identities::Event::Linked(_)) => {
        Event::Identities(IDENTITIES, identities::Event::Linked(identities::Linked {
            identity_id: ON_THE_LIST,
            claim: IDENTITY,
            provider: "google".to_owned(),
            issuer: "https://accounts.google.com".to_owned(),
            at: AT,
            opened: true,
            parts: sight.of(identities::IdentityParts {
                subject: "110169484474386276334".to_owned(),
                email: Some("anna@example.org".to_owned()),
                name: Some("Anna".to_owned()),
            }),
        }))
    },
    Event::Identities(_, identities::Event::Unlinked(_)) => {
        let unlinked = identities::Unlinked { identity_id: ON_THE_LIST, provider: "google".to_owned(), at: AT };
        Event::Identities(IDENTITIES, identities::Event::Unlinked(unlinked))
    },
    Event::Token(_, token::Event::Created(_)) => Event::Token(TOKEN, token::Event::Created(token::Created {
        user_id: ANNA,
        token_hash: TokenHash([0xef; 32]),
        scopes: token::Scopes::parse(["read", "notify"]).unwrap(),
        at: AT,
        expires_at: Some(AT.plus_seconds(86_400)),
        name: sight.of(TokenName::parse("Anna's shop").unwrap()),
    })),
    Event::Token(_, token::Event::Revoked(_)) => Event::Token(TOKEN, token::Event::Revoked(token::Revoked {
        user_id: ANNA,
    })),
    Event::Quota(_, quota::Event::TokensAdopted(_)) => {
        Event::Quota(QUOTA, quota::Event::TokensAdopted(quota::TokensAdopted {
            tokens: vec![
                quota::HeldToken { token_id: TOKEN, expires_at: Some(AT.plus_seconds(86_400)) },
                quota::HeldToken { token_id: OTHER_TOKEN, expires_at: None },
            ],
        }))
    },
    Event::Quota(_, quota::Event::TokenCounted(_)) => Event::Quota(QUOTA, quota::Event::TokenCounted(quota::TokenCounted {
        token_id: TOKEN,
        at: AT,
        expires_at: Some(AT.plus_seconds(86_400)),
    })),
    Event::Quota(_, quota::Event::TokenReleased(_)) => {
        Event::Quota(QUOTA, quota::Event::TokenReleased(quota::TokenReleased { token_id: TOKEN }))
    },
    Event::Quota(_, quota::Event::TokensCleared) => Event::Quota(QUOTA, quota::Event::TokensCleared),
    Event::Passkeys(_, passkeys::Event::Added(_)) => Event::Passkeys(PASSKEYS, passkeys::Event::Added(passkeys::Added {
        user_id: ANNA,
        passkey_id: PASSKEY,
        at: AT,
        uses: passkeys::Uses { counter: 0, backed_up: true },
        parts: sight.of(passkeys::Parts {
            name: PasskeyName::parse("my phone").unwrap(),
            credential: r#"{"cred_id":"AQ"}"#.to_owned(),
        }),
    })),
    Event::Passkeys(_, passkeys::Event::Used(_)) => Event::Passkeys(PASSKEYS, passkeys::Event::Used(passkeys::Used {
        passkey_id: PASSKEY,
        at: AT,
        uses: passkeys::Uses { counter: 7, backed_up: false },
    })),
    Event::Passkeys(_, passkeys::Event::Removed(_)) => {
        Event::Passkeys(PASSKEYS, passkeys::Event::Removed(passkeys::Removed { passkey_id: PASSKEY, at: AT }))
    },
    Event::Name(_, name::Event::Claimed(_)) => Event::Name(CLAIM, name::Event::Claimed(name::Claimed {
        user_id: ANNA,
    })),
    Event::Chat(_, chat::Event::Created(_)) => Event::Chat(CHAT, chat::Event::Created(chat::Created {
        chat_name: ChatName::parse("kitchen").unwrap(),
        private: true,
        by: ANNA,
    })),
    Event::Message(_, message::Event::Hidden(_)) => Event::Message(MESSAGE, message::Event::Hidden(message::Hidden {
        chat_id: CHAT,
    })),
    Event::Message(_, message::Event::Shown(_)) => Event::Message(MESSAGE, message::Event::Shown(message::Shown {
        chat_id: CHAT,
        author: ANNA,
        sent_at: AT,
        edited_at: Some(AT),
        text: sight.of(MessageText::parse("hello").unwrap()),
    })),
    Event::Report(_, report::Event::Made(_)) => Event::Report(REPORT, report::Event::Made(report::Made {
        chat_id: CHAT,
        by: BORIS,
        words: sight.of(report::Words {
            reason: Note::parse("spam").unwrap(),
            text: Some(ReportText::parse("again and again").unwrap()),
        }),
    })),
    Event::Report(_, report::Event::Resolved(_)) => Event::Report(REPORT, report::Event::Resolved(report::Resolved {
        chat_id: CHAT,
        author: Some(BORIS),
        by: ANNA,
        action: report::Action::Ban,
    })),
    Event::Chat(_, chat::Event::Banned(_)) => Event::Chat(CHAT, chat::Event::Banned(chat::Banned {
        user_id: BORIS,
        by: ANNA,
        reason: sight.of(Note::parse("sells watches").unwrap()),
    })),
    Event::Chat(_, chat::Event::Unbanned(_)) => Event::Chat(CHAT, chat::Event::Unbanned(chat::Unbanned {
        user_id: BORIS,
        by: ANNA,
    })),
    Event::Chat(_, chat::Event::InvitationMade(_)) => Event::Chat(CHAT, chat::Event::InvitationMade(chat::InvitationMade {
        invitation_id: INVITATION,
        by: ANNA,
        at: AT,
        expires_at: AT.plus_seconds(60),
        uses_max: Some(5),
    })),
    Event::Chat(_, chat::Event::InvitationWithdrawn(_)) => Event::Chat(CHAT, chat::Event::InvitationWithdrawn(chat::InvitationWithdrawn {
        invitation_id: INVITATION,
        by: ANNA,
    })),
    Event::Chat(_, chat::Event::DirectOpened(_)) => Event::Chat(CHAT, chat::Event::DirectOpened(chat::DirectOpened {
        by: ANNA,
        with: BORIS,
    })),
    Event::Chat(_, chat::Event::Hidden(_)) => Event::Chat(CHAT, chat::Event::Hidden(chat::HiddenFor { user_id: BORIS })),
    Event::Chat(_, chat::Event::Shown(_)) => Event::Chat(CHAT, chat::Event::Shown(chat::HiddenFor { user_id: BORIS })),
    Event::Chat(_, chat::Event::Renamed(_)) => Event::Chat(CHAT, chat::Event::Renamed(chat::Renamed {
        chat_name: ChatName::parse("garden").unwrap(),
        by: ANNA,
    })),
    Event::Chat(_, chat::Event::Archived(_)) => Event::Chat(CHAT, chat::Event::Archived(chat::By { by: ANNA })),
    Event::Chat(_, chat::Event::Unarchived(_)) => Event::Chat(CHAT, chat::Event::Unarchived(chat::By { by: ANNA })),
    Event::Chat(_, chat::Event::Deleted(_)) => Event::Chat(CHAT, chat::Event::Deleted(chat::By { by: ANNA })),
    Event::Chat(_, chat::Event::MemberJoined(_)) => Event::Chat(CHAT, chat::Event::MemberJoined(chat::MemberJoined {
        user_id: ANNA,
        invitation: None,
        role: chat::Role::Owner,
        nickname: sight.of(Nickname::parse("[anna]").unwrap()),
    })),
    Event::Chat(_, chat::Event::MemberAdded(_)) => Event::Chat(CHAT, chat::Event::MemberAdded(chat::MemberAdded {
        user_id: BORIS,
        role: chat::Role::Member,
        by: ANNA,
        nickname: sight.of(Nickname::parse("Boris").unwrap()),
    })),
    Event::Chat(_, chat::Event::MemberLeft(_)) => Event::Chat(CHAT, chat::Event::MemberLeft(chat::MemberLeft {
        user_id: BORIS,
    })),
    Event::Chat(_, chat::Event::MemberRemoved(_)) => Event::Chat(CHAT, chat::Event::MemberRemoved(chat::MemberRemoved {
        user_id: BORIS,
        by: ANNA,
    })),
    Event::Chat(_, chat::Event::RoleChanged(_)) => Event::Chat(CHAT, chat::Event::RoleChanged(chat::RoleChanged {
        user_id: BORIS,
        role: chat::Role::Muted,
        by: ANNA,
    })),
    Event::Chat(_, chat::Event::NicknameChanged(_)) => Event::Chat(CHAT, chat::Event::NicknameChanged(chat::NicknameChanged {
        user_id: BORIS,
        nickname: sight.of(Nickname::parse("Боря").unwrap()),
    })),
    Event::Message(_, message::Event::Posted(_)) => Event::Message(MESSAGE, message::Event::Posted(message::Posted {
        chat_id: CHAT,
        author: BORIS,
        sent_at: AT,
        reply_to: Some(EARLIER),
        text: sight.of(MessageText::parse(" hello,\n\"world\" 🦀 ").unwrap()),
    })),
    Event::Message(_, message::Event::Edited(_)) => Event::Message(MESSAGE, message::Event::Edited(message::Edited {
        chat_id: CHAT,
        author: BORIS,
        at: AT,
        text: sight.of(MessageText::parse("bye").unwrap()),
    })),
    Event::Message(_, message::Event::Deleted(_)) => Event::Message(MESSAGE, message::Event::Deleted(message::Deleted {
        chat_id: CHAT,
        by: ANNA,
    })),
    Event::Reactions(_, reactions::Event::Added(_)) => {
        Event::Reactions(REACTIONS, reactions::Event::Added(reactions::Reacted {
            chat_id: CHAT,
            user_id: ANNA,
            emoji: Emoji::parse("👍🏽").unwrap(),
        }))
    },
    Event::Reactions(_, reactions::Event::Removed(_)) => {
        Event::Reactions(REACTIONS, reactions::Event::Removed(reactions::Reacted {
            chat_id: CHAT,
            user_id: ANNA,
            emoji: Emoji::parse("👍🏽").unwrap(),
        }))
    },
    Event::Pins(_, pins::Event::Added(_)) => {
        Event::Pins(PINS, pins::Event::Added(pins::Pin { message_id: MESSAGE, by: ANNA }))
    },
    Event::Pins(_, pins::Event::Removed(_)) => {
        Event::Pins(PINS, pins::Event::Removed(pins::Pin { message_id: MESSAGE, by: BORIS }))
    },
    Event::ReadMark(_, read_mark::Event::Moved(_)) => {
        Event::ReadMark(READ_MARK, read_mark::Event::Moved(read_mark::Moved {
            message_id: MESSAGE,
            up_to: 7,
            unread: 2,
            at: AT,
        }))
    },
    Event::Digest(_, digest::Event::Gathered(_)) => {
        Event::Digest(DIGEST, digest::Event::Gathered(digest::Gathered {
            up_to: 7,
            total: 3,
            messages: vec![
                digest::ForThem { why: digest::Why::Reply, chat_id: CHAT, message_id: EARLIER },
                digest::ForThem { why: digest::Why::Mention, chat_id: CHAT, message_id: MESSAGE },
            ],
            at: AT,
        }))
    },
    Event::Delivery(_, delivery::Event::Requested(_)) => Event::Delivery(DELIVERY, delivery::Event::Requested(delivery::Requested {
        at: AT,
        user_id: ANNA,
        channel: Channel::Email,
        category: CategoryKey::SECURITY,
        kind: Kind::Security,
        semantics: Semantics::AtLeastOnce,
        content: delivery::Content::BuiltIn { template: "security.password-changed".to_owned() },
        due_at: AT,
        expires_at: AT.plus_seconds(86_400),
        notification_id: NOTIFICATION,
        cause: Some(Uuid::from_u128(11)),
        details: sight.of(details()),
    })),
    Event::Delivery(_, delivery::Event::Attempted(_)) => Event::Delivery(DELIVERY, delivery::Event::Attempted(delivery::Attempted {
        at: AT,
        number: 1,
        provider: "smtp.provider.test:587".to_owned(),
        node: "one".to_owned(),
        epoch: 7,
    })),
    Event::Delivery(_, delivery::Event::Accepted(_)) => Event::Delivery(DELIVERY, delivery::Event::Accepted(delivery::Accepted {
        at: AT,
        number: 1,
        provider_id: Some("4XyZ".to_owned()),
        detail: "250 2.0.0 Ok".to_owned(),
    })),
    Event::Delivery(_, delivery::Event::Refused(_)) => Event::Delivery(DELIVERY, delivery::Event::Refused(delivery::Refused {
        at: AT,
        number: 1,
        permanent: false,
        fault: fault(),
    })),
    Event::Delivery(_, delivery::Event::AttemptUnknown(_)) => Event::Delivery(DELIVERY, delivery::Event::AttemptUnknown(delivery::Unknown {
        at: AT,
        number: 1,
        fault: fault(),
    })),
    Event::Delivery(_, delivery::Event::Deferred(_)) => Event::Delivery(DELIVERY, delivery::Event::Deferred(delivery::Deferred {
        at: AT,
        until: AT.plus_seconds(60),
        reason: "retry".to_owned(),
    })),
    Event::Delivery(_, delivery::Event::Reported(_)) => Event::Delivery(DELIVERY, delivery::Event::Reported(delivery::Reported {
        at: AT,
        reported: delivery::ReportKind::Bounced,
        detail: "5.1.1".to_owned(),
    })),
    Event::Delivery(_, delivery::Event::Failed { .. }) => Event::Delivery(DELIVERY, delivery::Event::Failed { at: AT }),
    Event::Delivery(_, delivery::Event::DeadLettered { .. }) => {
        Event::Delivery(DELIVERY, delivery::Event::DeadLettered { at: AT })
    },
    Event::Delivery(_, delivery::Event::Expired(_)) => Event::Delivery(DELIVERY, delivery::Event::Expired(delivery::Expired {
        at: AT,
        reason: "deadline".to_owned(),
    })),
    Event::Delivery(_, delivery::Event::Suppressed(_)) => Event::Delivery(DELIVERY, delivery::Event::Suppressed(delivery::Suppressed {
        at: AT,
        reason: "switched-off".to_owned(),
    })),
    Event::Delivery(_, delivery::Event::Cancelled(_)) => Event::Delivery(DELIVERY, delivery::Event::Cancelled(delivery::Cancelled {
        at: AT,
        by: Some(BORIS),
    })),
    Event::Delivery(_, delivery::Event::Retried(_)) => Event::Delivery(DELIVERY, delivery::Event::Retried(delivery::Retried {
        at: AT,
        by: Some(BORIS),
        expires_at: AT.plus_seconds(86_400),
    })),
    Event::Delivery(_, delivery::Event::AddedToInbox(_)) => Event::Delivery(DELIVERY, delivery::Event::AddedToInbox(delivery::AddedToInbox {
        at: AT,
        user_id: ANNA,
        category: CategoryKey::SECURITY,
        item: sight.of(delivery::InboxItem {
            title: "Your password was changed".to_owned(),
            text: "Was it you?".to_owned(),
            link: Some("https://example.org/".to_owned()),
        }),
    })),
    Event::Delivery(_, delivery::Event::Read { .. }) => Event::Delivery(DELIVERY, delivery::Event::Read { at: AT }),
    Event::Delivery(_, delivery::Event::Archived { .. }) => {
        Event::Delivery(DELIVERY, delivery::Event::Archived { at: AT })
    },
    Event::Notification(_, notification::Event::Requested(_)) => {
        Event::Notification(NOTIFICATION, notification::Event::Requested(Box::new(notification::Requested {
            at: AT,
            by: BORIS,
            category: CategoryKey::MARKETING,
            kind: Kind::Marketing,
            semantics: Semantics::AtMostOnce,
            channels: vec![Channel::Email, Channel::Inbox],
            content: delivery::Content::Template { template_id: Uuid::from_u128(12), version: 3 },
            audience: notification::Audience::Chat { chat_id: CHAT },
            due_at: AT,
            expires_in: 3_600,
            schedule: Some(notification::Schedule {
                cron: "30 2 * * *".to_owned(),
                time_zone: "Europe/Berlin".to_owned(),
            }),
            details: sight.of(details()),
        })))
    },
    Event::Notification(_, notification::Event::RecipientsNamed(_)) => {
        Event::Notification(NOTIFICATION, notification::Event::RecipientsNamed(notification::RecipientsNamed {
            user_ids: vec![ANNA, BORIS],
        }))
    },
    Event::Notification(_, notification::Event::Expanded(_)) => {
        Event::Notification(NOTIFICATION, notification::Event::Expanded(notification::Expanded {
            at: AT,
            run: 1,
            chunk: 2,
            recipients: 2,
            after: Some(BORIS),
            end: Some(notification::RunEnd { next_due_at: Some(AT.plus_seconds(86_400)) }),
        }))
    },
    Event::Notification(_, notification::Event::Cancelled(_)) => {
        Event::Notification(NOTIFICATION, notification::Event::Cancelled(notification::Cancelled {
            at: AT,
            by: Some(BORIS),
        }))
    },
    Event::Mailing(_, mailing::Event::Created(_)) => {
        Event::Mailing(MAILING, mailing::Event::Created(Box::new(mailing::Drafted {
            at: AT,
            by: BORIS,
            name: MailingName::parse("Weekly news").unwrap(),
            plan: mailing::Plan {
                category: CategoryKey::MARKETING,
                kind: Kind::Marketing,
                channels: vec![Channel::Email, Channel::Inbox],
                saying: mailing::Saying::Template { template_id: Uuid::from_u128(12), version: Some(3) },
                audience: mailing::Audience {
                    named: true,
                    role: Some(user::Role::Moderator),
                    chat_id: Some(CHAT),
                    signed_up_after: Some(AT),
                    active_since: Some(AT),
                    locale: Some(Locale::parse("ru").unwrap()),
                },
                send_at: Some(AT),
                schedule: Some(notification::Schedule {
                    cron: "30 2 * * *".to_owned(),
                    time_zone: "Europe/Berlin".to_owned(),
                }),
                per_second_max: Some(20),
                expires_in: 3_600,
            },
            texts: sight.of(mailing::Texts {
                details: details(),
                variables_url: Some("https://example.org/variables?key=secret".to_owned()),
            }),
        })))
    },
    Event::Mailing(_, mailing::Event::Changed(_)) => {
        Event::Mailing(MAILING, mailing::Event::Changed(Box::new(mailing::Drafted {
            at: AT,
            by: BORIS,
            name: MailingName::parse("News").unwrap(),
            plan: mailing::Plan {
                category: CategoryKey::MARKETING,
                kind: Kind::Marketing,
                channels: vec![Channel::Email],
                saying: mailing::Saying::Plain,
                audience: mailing::Audience::default(),
                send_at: None,
                schedule: None,
                per_second_max: None,
                expires_in: 3_600,
            },
            texts: sight.of(mailing::Texts { details: details(), variables_url: None }),
        })))
    },
    Event::Mailing(_, mailing::Event::RecipientsNamed(_)) => {
        Event::Mailing(MAILING, mailing::Event::RecipientsNamed(mailing::RecipientsNamed {
            user_ids: vec![ANNA, BORIS],
        }))
    },
    Event::Mailing(_, mailing::Event::Deleted(_)) => {
        Event::Mailing(MAILING, mailing::Event::Deleted(mailing::Deleted { at: AT, by: Some(BORIS) }))
    },
    Event::Mailing(_, mailing::Event::Started(_)) => {
        Event::Mailing(MAILING, mailing::Event::Started(mailing::Started { at: AT, by: Some(BORIS), due_at: AT }))
    },
    Event::Mailing(_, mailing::Event::RunBegun(_)) => {
        Event::Mailing(MAILING, mailing::Event::RunBegun(mailing::RunBegun {
            at: AT,
            run: 1,
            notification_id: NOTIFICATION,
            due_at: AT,
            category: CategoryKey::MARKETING,
            content: delivery::Content::Template { template_id: Uuid::from_u128(12), version: 3 },
            author: BORIS,
            fetched: sight.of(mailing::Fetched { variables: details().variables }),
        }))
    },
    Event::Mailing(_, mailing::Event::RunPostponed(_)) => {
        Event::Mailing(MAILING, mailing::Event::RunPostponed(mailing::RunPostponed {
            at: AT,
            run: 1,
            tries: 2,
            reason: "variables_url: it answered 500".to_owned(),
            until: AT.plus_seconds(60),
        }))
    },
    Event::Mailing(_, mailing::Event::AudienceFrozen(_)) => {
        Event::Mailing(MAILING, mailing::Event::AudienceFrozen(mailing::AudienceFrozen {
            at: AT,
            run: 1,
            chunk: 2,
            notification_id: NOTIFICATION,
            recipients: 2,
            after: Some(BORIS),
            last: true,
        }))
    },
    Event::Mailing(_, mailing::Event::RunFinished(_)) => {
        Event::Mailing(MAILING, mailing::Event::RunFinished(mailing::RunFinished {
            at: AT,
            run: 1,
            next_due_at: Some(AT.plus_seconds(86_400)),
        }))
    },
    Event::Mailing(_, mailing::Event::Paused(_)) => {
        Event::Mailing(MAILING, mailing::Event::Paused(mailing::Stopped {
            at: AT,
            by: None,
            reason: Some("variables_url: it answered 500".to_owned()),
        }))
    },
    Event::Mailing(_, mailing::Event::Resumed(_)) => {
        Event::Mailing(MAILING, mailing::Event::Resumed(mailing::Resumed { at: AT, by: Some(BORIS), due_at: AT }))
    },
    Event::Mailing(_, mailing::Event::Cancelled(_)) => {
        Event::Mailing(MAILING, mailing::Event::Cancelled(mailing::Stopped {
            at: AT,
            by: Some(BORIS),
            reason: None,
        }))
    },
    Event::Inbox(_, inbox::Event::AllRead(_)) => {
        Event::Inbox(InboxId(ANNA.0), inbox::Event::AllRead(inbox::AllRead { at: AT }))
    },
    Event::Preferences(_, preferences::Event::Set(_)) => {
        Event::Preferences(PREFERENCES, preferences::Event::Set(preferences::Preferred {
            preferences: sight.of(preferences::Preferences {
                quiet_hours: vec![quiet::Window::parse(["fri", "sat"], "22:00", "07:30").unwrap()],
                categories: [(CategoryKey::MESSAGES, [(Channel::Email, false), (Channel::Live, true)].into())].into(),
            }),
        }))
    },
    Event::Preferences(_, preferences::Event::Unsubscribed(_)) => {
        Event::Preferences(PREFERENCES, preferences::Event::Unsubscribed(preferences::Unsubscribed {
            category: CategoryKey::MARKETING,
            how: preferences::How::OneClick,
        }))
    },
    Event::Preferences(_, preferences::Event::TimeZoneChanged) => {
        Event::Preferences(PREFERENCES, preferences::Event::TimeZoneChanged)
    },
    Event::Suppression(_, suppression::Event::Suppressed(_)) => {
        Event::Suppression(SUPPRESSION, suppression::Event::Suppressed(suppression::Suppressed {
            at: AT,
            reason: suppression::Reason::HardBounce,
            address: sight.of(suppression::Address {
                email: Email::parse("anna@example.org").unwrap(),
                note: Some(Note::parse("hello from the desk").unwrap()),
            }),
        }))
    },
    Event::Suppression(_, suppression::Event::Unsuppressed(_)) => {
        Event::Suppression(SUPPRESSION, suppression::Event::Unsuppressed(suppression::Unsuppressed { at: AT }))
    },
    Event::Suppression(_, suppression::Event::AddressForgotten) => {
        Event::Suppression(SUPPRESSION, suppression::Event::AddressForgotten)
    },
    Event::Link(_, link::Event::Created(_)) => Event::Link(LINK, link::Event::Created(link::Created {
        user_id: ANNA,
        code: LinkCode::of(7),
        at: AT,
        expires_at: Some(AT.plus_seconds(86_400)),
        target: sight.of(LinkTarget::parse("https://chat.example/c/1?a=b#c").unwrap()),
    })),
    Event::Template(_, template::Event::Created(_)) => Event::Template(TEMPLATE, template::Event::Created(template::Created {
        key: template_key_name(),
    })),
    Event::Template(_, template::Event::ContentPublished(_)) => {
        Event::Template(TEMPLATE, template::Event::ContentPublished(template::ContentPublished {
            version: 2,
            locale: "en".to_owned(),
            subject: Some("Order {{ order }}".to_owned()),
            text: Some("It is on its way.".to_owned()),
            html: Some("<p>It is on its way.</p>".to_owned()),
        }))
    },
    Event::Template(_, template::Event::VersionPublished(_)) => {
        Event::Template(TEMPLATE, template::Event::VersionPublished(template::VersionPublished {
            version: 2,
            category: CategoryKey::TRANSACTIONAL,
            variables: template::Variables::from([("order".to_owned(), template::Variable {
                of: template::VariableType::String,
                required: true,
                example: "17-204".into(),
            })]),
        }))
    },
    Event::Template(_, template::Event::Deleted) => Event::Template(TEMPLATE, template::Event::Deleted),
    Event::TemplateKey(_, template_key::Event::Claimed(_)) => {
        Event::TemplateKey(template_key_name(), template_key::Event::Claimed(template_key::Claimed {
            template_id: TEMPLATE,
        }))
    },
    Event::TemplateKey(_, template_key::Event::Released) => {
        Event::TemplateKey(template_key_name(), template_key::Event::Released)
    },
    Event::Inspection(_, inspection::Event::PersonalShown(_)) => {
        Event::Inspection(INSPECTION, inspection::Event::PersonalShown(inspection::PersonalShown {
            by: BORIS,
            position: 7,
            event_id: MESSAGE.0,
            user_id: ANNA,
            why: sight.of(inspection::Why { reason: Note::parse("they asked").ok() }),
        }))
    },
    Event::Projection(_, projection::Event::EventSkipped(_)) => {
        Event::Projection(projection_name(), projection::Event::EventSkipped(projection::EventSkipped {
            position: 7,
            reason: "written by a version that was taken back".to_owned(),
        }))
    },
}

fn details() -> delivery::Details {
    let variables = serde_json::json!({"user_name": "Anna", "devices": 2});
    delivery::Details {
        address: Some("anna@example.org".to_owned()),
        locale: Some("ru".to_owned()),
        variables: variables.as_object().unwrap().clone(),
        plain: Some(delivery::Plain {
            subject: "Hello".to_owned(),
            text: "It is me.".to_owned(),
            html: Some("<p>It is me.".to_owned()),
        }),
    }
}

fn fault() -> delivery::Fault {
    delivery::Fault { phase: "rcpt".to_owned(), code: Some(451), detail: "try again later".to_owned() }
}

fn email_address() -> Email {
    Email::parse("anna@example.org").unwrap()
}

/// What is issued for an address that no account has.
fn issued() -> proof::Issued {
    proof::Issued {
        purpose: proof::Purpose::Reset,
        user_id: None,
        claim: ADDRESS,
        passwords: 2,
        language: Locale::parse("ru").unwrap(),
        at: AT,
        expires_at: AT.plus_seconds(3_600),
        email: Personal::Erased,
    }
}

fn origin() -> Origin {
    Origin { device: "Firefox on Linux".to_owned(), address: "192.0.2.1".to_owned() }
}

fn template_key_name() -> TemplateKey {
    TemplateKey::parse("orders.shipped").unwrap()
}

fn projection_name() -> ProjectionName {
    ProjectionName::parse("messages").unwrap()
}

fn restored(event: &Event) -> Result<Event, Unreadable> {
    let stored = event.stored();
    let personal = stored.personal.as_ref().map(|(_, text)| text.as_str());
    restore_in(event.stream(), &stored, personal)
}

fn restore_in(stream: StreamId, stored: &Stored, personal: Option<&str>) -> Result<Event, Unreadable> {
    let stream = &stream.to_string();
    Event::restore(&StoredParts { stream, name: stored.name, payload: &stored.payload, personal })
}

#[test]
fn every_kind_has_its_example() {
    let kinds = examples(Sight::Known).iter().map(kind).collect::<Vec<_>>();
    assert_eq!(kinds, KINDS);
}

#[test]
fn every_kind_has_a_stored_name_of_its_own_that_begins_with_its_category() {
    let mut names = Vec::new();
    for event in examples(Sight::Known) {
        let category = event.stream().to_string();
        let category = category.split('-').next().unwrap().to_owned();
        assert_eq!(event.name().split('.').next().unwrap(), category);
        assert!(!names.contains(&event.name()), "{} is used twice", event.name());
        names.push(event.name());
    }
}

#[test]
fn every_shape_that_is_stored() {
    let shapes = examples(Sight::Known)
        .iter()
        .map(|event| {
            let stored = event.stored();
            let personal = match &stored.personal {
                Some((subject, text)) => format!("\n  of {subject}\n  {text}"),
                None => String::new(),
            };
            format!("{}\n  {}{personal}\n", stored.name, stored.payload)
        })
        .collect::<Vec<_>>();
    insta::assert_snapshot!(shapes.join("\n"));
}

#[test]
fn what_is_stored_reads_back() {
    for event in examples(Sight::Known) {
        assert_eq!(restored(&event), Ok(event));
    }
}

#[test]
fn what_was_forgotten_reads_back_as_erased() {
    for (known, erased) in examples(Sight::Known).into_iter().zip(examples(Sight::Erased)) {
        let stored = known.stored();
        assert_eq!(restore_in(known.stream(), &stored, None), Ok(erased));
    }
}

#[test]
fn what_is_erased_already_is_stored_without_a_personal_part() {
    for (known, erased) in examples(Sight::Known).into_iter().zip(examples(Sight::Erased)) {
        let stored = erased.stored();
        assert_eq!(stored.personal, None);
        assert_eq!(stored.payload, known.stored().payload);
    }
}

#[test]
fn what_is_optional_may_be_missing() {
    let answers_to_nothing = Event::Message(
        MESSAGE,
        message::Event::Posted(message::Posted {
            chat_id: CHAT,
            author: BORIS,
            sent_at: AT,
            reply_to: None,
            text: Personal::Known(MessageText::parse("hello").unwrap()),
        }),
    );
    let without_email = Event::User(
        ANNA,
        user::Event::SignedUp(user::SignedUp {
            at: AT,
            personal: Personal::Known(user::SignedUpAs { user_name: UserName::parse("Anna").unwrap(), email: None }),
        }),
    );
    let without_note = Event::Suppression(
        SUPPRESSION,
        suppression::Event::Suppressed(suppression::Suppressed {
            at: AT,
            reason: suppression::Reason::Manual,
            address: Personal::Known(suppression::Address {
                email: Email::parse("anna@example.org").unwrap(),
                note: None,
            }),
        }),
    );
    assert!(!without_note.stored().personal.unwrap().1.contains("note"));
    let none_goes_on = Event::User(ANNA, user::Event::SessionsEnded(user::SessionsEnded { keep: None }));
    assert!(!answers_to_nothing.stored().payload.contains("reply_to"));
    let without_end = Event::Token(
        TOKEN,
        token::Event::Created(token::Created {
            user_id: ANNA,
            token_hash: TokenHash([0xef; 32]),
            scopes: token::Scopes::parse(["write"]).unwrap(),
            at: AT,
            expires_at: None,
            name: Personal::Known(TokenName::parse("shop").unwrap()),
        }),
    );
    assert!(!without_end.stored().payload.contains("expires_at"));
    let counted = quota::TokenCounted { token_id: TOKEN, at: AT, expires_at: None };
    let counted = Event::Quota(QUOTA, quota::Event::TokenCounted(counted));
    assert!(!counted.stored().payload.contains("expires_at"));
    let mailed_to_nobody = Event::Proof(PROOF, proof::Event::Issued(issued()));
    assert!(!mailed_to_nobody.stored().payload.contains("user_id"));
    let by_mail = session::SignedIn {
        user_id: ANNA,
        token_hash: TokenHash([0xab; 32]),
        at: AT,
        expires_at: AT,
        by: session::Way::Mail,
        proofs: Vec::new(),
        new_device: true,
        from: Personal::Known(origin()),
    };
    let by_mail = Event::Session(SESSION, session::Event::SignedIn(by_mail));
    assert!(by_mail.stored().payload.ends_with(r#","by":"mail","new_device":true}"#));
    assert!(!without_email.stored().personal.unwrap().1.contains("email"));
    let more = [mailed_to_nobody, by_mail];
    let events = [answers_to_nothing, without_email, without_note, none_goes_on, without_end, counted];
    for event in events.into_iter().chain(more) {
        assert_eq!(restored(&event), Ok(event));
    }
}

#[test]
fn a_session_that_stands_on_two_proofs_says_both() {
    let proof = |by, at| session::Proof { by, at };
    let by_two = session::SignedIn {
        user_id: ANNA,
        token_hash: TokenHash([0xab; 32]),
        at: AT,
        expires_at: AT,
        by: session::Way::External,
        proofs: vec![proof(session::Way::External, Timestamp(0)), proof(session::Way::RecoveryCode, AT)],
        new_device: false,
        from: Personal::Known(origin()),
    };
    let by_two = Event::Session(SESSION, session::Event::SignedIn(by_two));
    let proofs = r#","by":"external","proofs":[{"by":"external","at":"1970-01-01T00:00:00.000000Z"},{"by":"recovery-code","at":"2027-01-15T08:00:00.000001Z"}]}"#;
    assert!(by_two.stored().payload.ends_with(proofs), "{}", by_two.stored().payload);
    assert_eq!(restored(&by_two), Ok(by_two));
}

#[test]
fn the_payload_says_nothing_personal() {
    let personal = [
        "Anna",
        "anna",
        "Boris",
        "Петровна",
        "example.org",
        "argon2",
        "GEZDGN",
        "Firefox",
        "192.0.2.1",
        "hello",
        "bye",
    ];
    for event in examples(Sight::Known) {
        let payload = event.stored().payload;
        assert!(!personal.iter().any(|text| payload.contains(text)), "{payload}");
    }
}

#[test]
fn unknown_names_are_told_from_malformed_shapes() {
    for name in [
        "",
        "user",
        "user.",
        "user.signed_up",
        "user.signed_up.v2",
        "User.signed_up.v1",
        "session.",
        "session.signed_in.v0",
        "name.claimed.v2",
        "name.released.v1",
        "quota.token_counted.v2",
        "chat.created.v1 ",
        "message.reacted.v1",
        "projection.event_skipped.v2",
        "payment.received.v1",
    ] {
        let unknown = Unreadable::UnknownName(name.to_owned());
        for stream in [ANNA_STREAM, "payment-1"] {
            let parts = StoredParts { stream, name, payload: "nonsense", personal: Some("nonsense") };
            assert_eq!(Event::restore(&parts), Err(unknown.clone()));
        }
    }
}

#[test]
fn an_event_in_the_stream_of_something_else_is_misplaced() {
    let streams = examples(Sight::Known).iter().map(Event::stream).collect::<Vec<_>>();
    for event in examples(Sight::Known) {
        let stored = event.stored();
        let personal = stored.personal.as_ref().map(|(_, text)| text.as_str());
        let read = |stream: &str| {
            let parts = StoredParts { stream, name: stored.name, payload: &stored.payload, personal };
            Event::restore(&parts)
        };
        let others = streams.iter().filter(|stream| stream.category() != event.stream().category());
        let nonsense = ["", "payment-1", "user", "user-1"].map(str::to_owned);
        for stream in others.map(StreamId::to_string).chain(nonsense) {
            assert_eq!(read(&stream), Err(Unreadable::Misplaced(stored.name.to_owned())), "{stream}");
        }
    }
}

#[test]
fn malformed_payloads_are_refused() {
    for event in examples(Sight::Known) {
        for payload in ["", "nonsense", "null", "7", "\"text\"", "{} {}", "{\"at\":"] {
            let stream = &event.stream().to_string();
            let refused = Event::restore(&StoredParts { stream, name: event.name(), payload, personal: None });
            assert_eq!(refused, Err(misshapen(&event, "payload")), "{payload:?}");
        }
    }
}

#[test]
fn malformed_personal_parts_are_refused() {
    for event in examples(Sight::Known) {
        let stored = event.stored();
        if stored.personal.is_none() {
            continue;
        }
        // A message's text is sealed as it stands: only what is no text of a message is malformed.
        let texts = ["message.posted.v1", "message.edited.v1", "message.shown.v1"].contains(&stored.name);
        let malformed = if texts { vec!["", "a\0b"] } else { vec!["", "nonsense", "null", "7", "{}", "[]"] };
        for personal in malformed {
            let refused = restore_in(event.stream(), &stored, Some(personal));
            assert_eq!(refused, Err(misshapen(&event, "personal part")), "{personal:?}");
        }
    }
}

fn misshapen(event: &Event, part: &'static str) -> Unreadable {
    Unreadable::Shape { name: event.name().to_owned(), part }
}

fn ids() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

/// Instants of the years 1 to 9999.
fn instants() -> impl Strategy<Value = Timestamp> {
    (-62_135_596_800_000_000_i64..253_402_207_200_000_000).prop_map(Timestamp)
}

fn message_texts() -> impl Strategy<Value = MessageText> {
    "(?s).{1,200}".prop_filter_map("no message", |text| MessageText::parse(&text).ok())
}

fn chat_names() -> impl Strategy<Value = ChatName> {
    "\\PC{1,255}".prop_filter_map("no chat's name", |text| ChatName::parse(&text).ok())
}

proptest! {
    #[test]
    fn any_posted_message_reads_back(
        chat_id in ids(),
        author in ids(),
        message_id in ids(),
        reply_to in proptest::option::of(ids()),
        sent_at in instants(),
        text in message_texts(),
    ) {
        let posted = Event::Message(MessageId(message_id), message::Event::Posted(message::Posted {
            chat_id: ChatId(chat_id),
            author: UserId(author),
            sent_at,
            reply_to: reply_to.map(MessageId),
            text: Personal::Known(text),
        }));
        prop_assert_eq!(restored(&posted), Ok(posted));
    }

    #[test]
    fn any_created_chat_reads_back(chat_id in ids(), by in ids(), private: bool, chat_name in chat_names()) {
        let created = Event::Chat(ChatId(chat_id), chat::Event::Created(chat::Created {
            chat_name,
            private,
            by: UserId(by),
        }));
        prop_assert_eq!(restored(&created), Ok(created));
    }
}
