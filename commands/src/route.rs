//! What a command is decided on, and by which rules: one arm an aggregate.

use crate::request::{Actor, Request};
use crate::states::States;
use domain::email::Seen;
use domain::id::{DigestId, EmailClaim, IdentityClaim, NameClaim, ProjectionName, QuotaId, TemplateKey, TotpId};
use domain::{
    ChatId, Command, Decision, DeliveryId, IdentitiesId, InboxId, InspectionId, LinkId, MailingId, MessageId,
    NotificationId, Outcome, PasskeysId, PinsId, PreferencesId, ProofId, ReactionsId, ReadMarkId, Reads, Refusal,
    ReportId, SessionId, State, StreamId, SuppressionId, TemplateId, Timestamp, TokenId, UserId, chat, delivery,
    digest, email, identities, identity, inbox, inspection, link, mailing, message, name, notification, passkeys, pins,
    preferences, projection, proof, quota, reactions, read_mark, report, session, suppression, template, template_key,
    token, totp, user, ways_in,
};
use std::collections::{BTreeMap, BTreeSet};

/// Every stream that must be known before a request is decided on.
pub(crate) fn wanted(request: &Request) -> impl Iterator<Item = StreamId> {
    let people = people(request).into_iter().flatten().map(StreamId::from);
    std::iter::once(request.command.stream()).chain(request.command.reads().streams()).chain(people)
}

/// In whose name something is said or done by a request: nobody may who was erased.
pub(crate) fn people(request: &Request) -> [Option<UserId>; 2] {
    let actor = match request.actor {
        Actor::User(id) if request.command.needs_living_actor() => Some(id),
        Actor::User(_) | Actor::Anonymous | Actor::Operator | Actor::Import | Actor::Courier(_) => None,
    };
    [actor, request.command.by().filter(|author| Some(*author) != actor)]
}

/// Decides on states that are loaded.
#[allow(clippy::too_many_lines, reason = "one arm an aggregate")]
pub(crate) fn decide(states: &States, command: &Command, at: Timestamp) -> Result<Decision, Refusal> {
    #[cfg(test)]
    crate::tests::panic_if_asked(command);
    let reads = command.reads();
    match command {
        Command::User(id, command) => {
            Ok(user::decide(*id, states.user(Some(*id)), &states.beside_user(&reads), command, at)?)
        }
        Command::Session(id, command) => Ok(states.decide_session(*id, &reads, command, at)?),
        Command::Token(id, command) => {
            let (user, quota) = (states.user(reads.user), states.quota(reads.quota));
            Ok(token::decide(*id, &states.token(*id), user, quota, command, at)?)
        }
        Command::Totp(id, command) => {
            Ok(totp::decide(*id, states.totp(Some(*id)), states.user(reads.user), command, at)?)
        }
        Command::Passkeys(id, command) => {
            Ok(passkeys::decide(*id, states.passkeys(Some(*id)), &states.ways_in(&reads), command, at)?)
        }
        Command::Proof(id, command) => Ok(states.decide_proof(*id, &reads, command, at)?),
        Command::Identities(id, command) => Ok(states.decide_identities(*id, &reads, command, at)?),
        Command::Chat(id, command) => {
            let (user, other) = (states.user(reads.user), states.user(reads.other));
            let beside = chat::Beside { user, other, claim: states.name(reads.claim) };
            Ok(chat::decide(*id, states.chat(Some(*id)), &beside, command, at)?)
        }
        Command::Message(id, command) => {
            let (chat, answered) = (states.chat(reads.chat), states.message(reads.answered));
            let beside = message::Beside { chat, answered, pins: states.pins(reads.pins) };
            Ok(message::decide(*id, states.message(Some(*id)), beside, command, at)?)
        }
        Command::Reactions(id, command) => {
            let (message, chat) = (states.message(reads.message), states.chat(reads.chat));
            Ok(reactions::decide(*id, states.reactions(*id), message, chat, command)?)
        }
        Command::Pins(id, command) => {
            let (message, chat) = (states.message(reads.message), states.chat(reads.chat));
            Ok(pins::decide(*id, states.pins(Some(*id)), message, chat, command)?)
        }
        Command::Digest(id, command) => Ok(digest::decide(*id, &states.digest(*id), states.user(reads.user), command)),
        Command::Report(id, command) => Ok(states.decide_report(*id, &reads, command, at)?),
        Command::ReadMark(id, command) => {
            let (message, chat) = (states.message(reads.message), states.chat(reads.chat));
            Ok(read_mark::decide(*id, &states.read_mark(*id), message, chat, command, at)?)
        }
        Command::Delivery(id, command) => {
            let (user, mailing) = (states.user(reads.user), states.mailing(reads.mailing));
            Ok(delivery::decide(*id, states.delivery(*id), user, mailing, command, at)?)
        }
        Command::Notification(id, command) => {
            Ok(notification::decide(*id, states.notification(*id), |one| states.is_gone(one), command, at)?)
        }
        Command::Mailing(id, command) => {
            Ok(mailing::decide(*id, states.mailing(Some(*id)), |one| states.is_gone(one), command, at)?)
        }
        Command::Inbox(id, command) => Ok(inbox::decide(*id, &states.inbox(*id), command, at)),
        Command::Preferences(id, command) => {
            Ok(preferences::decide(*id, states.preferences(*id), states.user(reads.user), command)?)
        }
        Command::Suppression(id, command) => {
            Ok(suppression::decide(*id, states.suppression(*id), states.user(reads.user), command, at)?)
        }
        Command::Link(id, command) => Ok(link::decide(*id, states.link(*id), states.user(reads.user), command, at)?),
        Command::Template(id, command) => {
            let claim = states.template_key(reads.template_key);
            Ok(template::decide(*id, &states.template(*id), &claim, command)?)
        }
        Command::Inspection(id, command) => Ok(inspection::decide(*id, states.inspection(*id), command)?),
        Command::Projection(name, command) => Ok(projection::decide(*name, states.projection(*name), command)?),
        Command::Nothing(_) => Ok(Decision { facts: Vec::new(), outcome: Outcome::Done }),
    }
}

/// What is loaded, by what it is of. What a command does not look at is as if nothing had happened to it.
impl States {
    pub(crate) fn user(&self, id: Option<UserId>) -> &user::State {
        static ABSENT: user::State = user::State::Absent;
        if let Some(State::User(state)) = self.state(id) { state } else { &ABSENT }
    }

    /// Whether somebody was erased, or never signed up.
    fn is_gone(&self, user_id: UserId) -> bool {
        !matches!(self.user(Some(user_id)), user::State::Open(_))
    }

    fn session(&self, id: SessionId) -> session::State {
        if let Some(State::Session(state)) = self.state(Some(id)) { *state } else { session::State::Absent }
    }

    fn token(&self, id: TokenId) -> token::State {
        if let Some(State::Token(state)) = self.state(Some(id)) { *state } else { token::State::Absent }
    }

    fn totp(&self, id: Option<TotpId>) -> &totp::State {
        static NONE: totp::State = totp::State { secrets: 0, secret: None, factor: None };
        if let Some(State::Totp(state)) = self.state(id) { state } else { &NONE }
    }

    fn quota(&self, id: Option<QuotaId>) -> &quota::State {
        static EMPTY: quota::State = quota::State::EMPTY;
        if let Some(State::Quota(state)) = self.state(id) { state } else { &EMPTY }
    }

    fn identity(&self, claim: Option<IdentityClaim>) -> identity::State {
        if let Some(State::Identity(state)) = self.state(claim) { *state } else { identity::State::default() }
    }

    fn identities(&self, id: Option<IdentitiesId>) -> &identities::State {
        static NONE: identities::State = identities::State::EMPTY;
        if let Some(State::Identities(state)) = self.state(id) { state } else { &NONE }
    }

    fn decide_identities(
        &self,
        id: IdentitiesId,
        reads: &Reads,
        command: &identities::Command,
        at: Timestamp,
    ) -> Result<Decision, identities::Refusal> {
        let identity = identity::Seen { state: self.identity(reads.identity), owner: self.user(reads.other) };
        let beside = identities::Beside {
            user: self.user(reads.user),
            identity,
            address: self.seen(reads),
            claim: self.name(reads.claim),
            ways_in: self.ways_in(reads),
        };
        identities::decide(id, self.identities(Some(id)), &beside, command, at)
    }

    fn passkeys(&self, id: Option<PasskeysId>) -> &passkeys::State {
        static NONE: passkeys::State = passkeys::State { passkeys: BTreeMap::new() };
        if let Some(State::Passkeys(state)) = self.state(id) { state } else { &NONE }
    }

    fn beside_user(&self, reads: &Reads) -> user::Beside<'_> {
        user::Beside { claim: self.name(reads.claim), address: self.seen(reads), by: self.user(reads.other) }
    }

    /// What an account is entered by.
    fn ways_in(&self, reads: &Reads) -> ways_in::Beside<'_> {
        let (identities, passkeys) = (self.identities(reads.identities), self.passkeys(reads.passkeys));
        ways_in::Beside { user: self.user(reads.user), identities, passkeys }
    }

    fn name(&self, claim: Option<NameClaim>) -> name::State {
        if let Some(State::Name(state)) = self.state(claim) { *state } else { name::State::default() }
    }

    fn proof(&self, id: ProofId) -> &proof::State {
        static ABSENT: proof::State = proof::State::Absent;
        if let Some(State::Proof(state)) = self.state(Some(id)) { state } else { &ABSENT }
    }

    fn email(&self, claim: Option<EmailClaim>) -> email::State {
        if let Some(State::Email(state)) = self.state(claim) { *state } else { email::State::default() }
    }

    /// An address with the account that the command takes for its owner.
    fn seen(&self, reads: &Reads) -> Seen<'_> {
        Seen { state: self.email(reads.address), owner: self.user(reads.owner) }
    }

    fn chat(&self, id: Option<ChatId>) -> &chat::State {
        static ABSENT: chat::State = chat::State::Absent;
        if let Some(State::Chat(state)) = self.state(id) { state } else { &ABSENT }
    }

    fn message(&self, id: Option<MessageId>) -> &message::State {
        static ABSENT: message::State = message::State::Absent;
        if let Some(State::Message(state)) = self.state(id) { state } else { &ABSENT }
    }

    fn reactions(&self, id: ReactionsId) -> &reactions::State {
        static NONE: reactions::State = reactions::State { kinds: Vec::new(), changes: BTreeMap::new() };
        if let Some(State::Reactions(state)) = self.state(Some(id)) { state } else { &NONE }
    }

    fn decide_session(
        &self,
        id: SessionId,
        reads: &Reads,
        command: &session::Command,
        at: Timestamp,
    ) -> Result<Decision, session::Refusal> {
        let beside = session::Beside {
            user: self.user(reads.user),
            totp: self.totp(reads.totp),
            identity: self.identity(reads.identity),
            passkeys: self.passkeys(reads.passkeys),
        };
        session::decide(id, &self.session(id), &beside, command, at)
    }

    fn decide_proof(
        &self,
        id: ProofId,
        reads: &Reads,
        command: &proof::Command,
        at: Timestamp,
    ) -> Result<Decision, proof::Refusal> {
        let beside = proof::Beside {
            user: self.user(reads.user),
            address: self.seen(reads),
            claim: self.name(reads.claim),
            totp: self.totp(reads.totp),
        };
        proof::decide(id, self.proof(id), &beside, command, at)
    }

    fn decide_report(
        &self,
        id: ReportId,
        reads: &Reads,
        command: &report::Command,
        at: Timestamp,
    ) -> Result<Decision, report::Refusal> {
        let beside = report::Beside {
            chat: self.chat(reads.chat),
            message: self.message(reads.message),
            pins: self.pins(reads.pins),
            user: self.user(reads.user),
        };
        report::decide(id, self.report(id), beside, command, at)
    }

    fn report(&self, id: ReportId) -> &report::State {
        static NONE: report::State = report::State { chat_id: None, reporters: BTreeSet::new(), open: 0, last: None };
        if let Some(State::Report(state)) = self.state(Some(id)) { state } else { &NONE }
    }

    fn pins(&self, id: Option<PinsId>) -> &pins::State {
        static NONE: pins::State = pins::State { pinned: Vec::new() };
        if let Some(State::Pins(state)) = self.state(id) { state } else { &NONE }
    }

    fn read_mark(&self, id: ReadMarkId) -> read_mark::State {
        if let Some(State::ReadMark(state)) = self.state(Some(id)) { *state } else { read_mark::State::default() }
    }

    fn digest(&self, id: DigestId) -> digest::State {
        if let Some(State::Digest(state)) = self.state(Some(id)) { *state } else { digest::State::default() }
    }

    fn delivery(&self, id: DeliveryId) -> &delivery::State {
        static ABSENT: delivery::State = delivery::State::Absent;
        if let Some(State::Delivery(state)) = self.state(Some(id)) { state } else { &ABSENT }
    }

    fn notification(&self, id: NotificationId) -> &notification::State {
        static ABSENT: notification::State = notification::State::Absent;
        if let Some(State::Notification(state)) = self.state(Some(id)) { state } else { &ABSENT }
    }

    fn mailing(&self, id: Option<MailingId>) -> &mailing::State {
        static ABSENT: mailing::State = mailing::State::Absent;
        if let Some(State::Mailing(state)) = self.state(id) { state } else { &ABSENT }
    }

    fn inbox(&self, id: InboxId) -> inbox::State {
        if let Some(State::Inbox(state)) = self.state(Some(id)) { *state } else { inbox::State::default() }
    }

    fn preferences(&self, id: PreferencesId) -> &preferences::State {
        static EMPTY: preferences::State = preferences::State::EMPTY;
        if let Some(State::Preferences(state)) = self.state(Some(id)) { state } else { &EMPTY }
    }

    fn suppression(&self, id: SuppressionId) -> &suppression::State {
        static FREE: suppression::State = suppression::State::Free;
        if let Some(State::Suppression(state)) = self.state(Some(id)) { state } else { &FREE }
    }

    fn link(&self, id: LinkId) -> link::State {
        if let Some(State::Link(state)) = self.state(Some(id)) { *state } else { link::State::Absent }
    }

    fn template(&self, id: TemplateId) -> template::State {
        if let Some(State::Template(state)) = self.state(Some(id)) { *state } else { template::State::default() }
    }

    fn template_key(&self, key: Option<TemplateKey>) -> template_key::State {
        if let Some(State::TemplateKey(state)) = self.state(key) { *state } else { template_key::State::default() }
    }

    fn inspection(&self, id: InspectionId) -> &inspection::State {
        static NOTHING: inspection::State = inspection::State { looked: None };
        if let Some(State::Inspection(state)) = self.state(Some(id)) { state } else { &NOTHING }
    }

    fn projection(&self, name: ProjectionName) -> &projection::State {
        static NOTHING: projection::State = projection::State { skipped: BTreeSet::new() };
        if let Some(State::Projection(state)) = self.state(Some(name)) { state } else { &NOTHING }
    }
}
