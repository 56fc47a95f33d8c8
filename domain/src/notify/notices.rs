//! Which facts people are told of, whom, and by which template. Pure: what a notice says of others is named here and
//! looked up when it is sent, so that a delivery holds nothing personal of anybody but its recipient.

use super::category::{CategoryKey, Channel};
use crate::proof::{self, Issued, Purpose};
use crate::text::Email;
use crate::{
    Category, Event, Personal, ProofId, Timestamp, UserId, chat, device, digest, email, identities, passkeys, report,
    session, totp, user,
};
use serde_json::{Map, Value, json};

/// Somebody is to be told of a fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Which rule says so: with the fact, the recipient and the channel it makes the delivery's id.
    pub rule: &'static str,
    pub user_id: UserId,
    pub category: CategoryKey,
    /// The template that comes with this program.
    pub template: &'static str,
    /// Over which channels; none: over those of the category that the person has on.
    pub channels: Option<&'static [Channel]>,
    /// Where mail goes, when that is not the address of the account.
    pub address: Option<String>,
    /// For the template. See [`Reference`] for those that are looked up.
    pub variables: Map<String, Value>,
    /// After how many seconds it is of no use; none: that of the category.
    pub expires_in: Option<u32>,
    /// Whether the account may not be there yet.
    pub before_sign_up: bool,
}

/// A variable that is looked up or derived when the notice is sent: an object with this one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// What a user is called.
    User,
    /// What a chat is called.
    Chat,
    /// A link with a secret that is derived (DESIGN 6): `{"$link": ["c", "<hex of the payload>"]}`.
    Link,
    /// A code that is derived: `{"$code": "<id>"}`.
    Code,
    /// Those messages of a list that the recipient can read and has not: `{"$messages": [{why, chat_id, message_id}]}`.
    Messages,
}

impl Reference {
    /// Every one.
    pub const ALL: [Reference; 5] =
        [Reference::User, Reference::Chat, Reference::Link, Reference::Code, Reference::Messages];

    /// The key of its object.
    pub fn key(self) -> &'static str {
        match self {
            Reference::User => "$user",
            Reference::Chat => "$chat",
            Reference::Link => "$link",
            Reference::Code => "$code",
            Reference::Messages => "$messages",
        }
    }

    /// What a value refers to, and its argument; none when it is a value by itself.
    pub fn of(value: &Value) -> Option<(Reference, &Value)> {
        let object = value.as_object().filter(|object| object.len() == 1)?;
        Reference::ALL.into_iter().find_map(|one| object.get(one.key()).map(|argument| (one, argument)))
    }

    /// The value that refers to that.
    pub fn to(self, argument: impl Into<Value>) -> Value {
        json!({ self.key(): argument.into() })
    }
}

/// Whether [`notices`] may tell anybody of facts of that category: those of others need not be opened.
pub fn tells_of(category: Category) -> bool {
    match category {
        Category::User | Category::Session | Category::Email | Category::Proof | Category::Chat => true,
        Category::Report | Category::Totp | Category::Identities | Category::Passkeys => true,
        Category::Identity => false,
        Category::Token | Category::Quota | Category::Name | Category::Message | Category::Link => false,
        Category::Digest => true,
        Category::Reactions | Category::Pins | Category::ReadMark => false,
        Category::Delivery | Category::Notification | Category::Mailing | Category::Inbox => false,
        Category::Preferences | Category::Suppression | Category::Template | Category::TemplateKey => false,
        Category::Projection | Category::Inspection => false,
    }
}

/// Who is to be told of a fact, and what. `version` is that of the fact in its stream, `at` when it was recorded.
pub fn notices(event: &Event, version: u64, at: Timestamp) -> Vec<Notice> {
    if let Event::User(user_id, event) = event {
        of_user(*user_id, event, version, at)
    } else if let Event::Session(_, event) = event {
        of_session(event).into_iter().collect()
    } else if let Event::Totp(id, event) = event {
        of_totp((*id).into(), event).into_iter().collect()
    } else if let Event::Passkeys(id, event) = event {
        of_passkeys((*id).into(), event).into_iter().collect()
    } else if let Event::Email(_, event) = event {
        of_email(event).into_iter().collect()
    } else if let Event::Proof(id, event) = event {
        of_proof(*id, event).into_iter().collect()
    } else if let Event::Identities(id, event) = event {
        of_identities((*id).into(), event).into_iter().collect()
    } else if let Event::Chat(chat_id, event) = event {
        of_chat(*chat_id, event).into_iter().collect()
    } else if let Event::Digest(id, event) = event {
        vec![of_digest(id.user_id, event)]
    } else if let Event::Report(_, event) = event {
        of_report(event).into_iter().collect()
    } else {
        Vec::new()
    }
}

/// What concerns an address goes there and nowhere else.
const MAIL: &[Channel] = &[Channel::Email];

/// The first password comes with the account, in the second fact of its stream.
const WITH_THE_ACCOUNT: u64 = 2;

fn of_user(user_id: UserId, event: &user::Event, version: u64, at: Timestamp) -> Vec<Notice> {
    let security = |rule, template| notice(rule, user_id, CategoryKey::SECURITY, template, [("at", json!(at))]);
    match event {
        user::Event::PasswordChanged(_) if version > WITH_THE_ACCOUNT => {
            vec![security("password-changed", "security.password-changed")]
        }
        // Both addresses are told; who has just confirmed their first one knows.
        user::Event::EmailConfirmed(user::EmailConfirmed { personal: Personal::Known(confirmed), .. }) => {
            let told = |rule, email: &Email| Notice {
                channels: Some(MAIL),
                address: Some(email.as_str().to_owned()),
                ..security(rule, "security.email-changed")
            };
            let Some(former) = &confirmed.former else { return Vec::new() };
            vec![told("email-changed-from", former), told("email-changed-to", &confirmed.email)]
        }
        user::Event::Suspended(suspended) => {
            let mut told = moderated("suspended", user_id, "suspended");
            let more = [
                ("reason", suspended.reason.known().map(|reason| json!(reason))),
                ("until", suspended.until.map(|until| json!(until))),
            ];
            told.variables.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
            vec![told]
        }
        user::Event::Unsuspended(_) => vec![moderated("unsuspended", user_id, "unsuspended")],
        user::Event::SignedUp(_)
        | user::Event::NameGiven
        | user::Event::NameChosen(_)
        | user::Event::ProfileChanged(_)
        | user::Event::EmailChangeRequested(_)
        | user::Event::EmailConfirmed(_)
        | user::Event::PasswordChanged(_)
        | user::Event::VerifierReplaced(_)
        | user::Event::SignInsFailed(_)
        | user::Event::SessionsEnded(_)
        | user::Event::TokensRevoked
        | user::Event::RoleSet(_)
        | user::Event::Erased => Vec::new(),
    }
}

/// What moderators decided about somebody.
fn moderated(rule: &'static str, user_id: UserId, action: &'static str) -> Notice {
    notice(rule, user_id, CategoryKey::MODERATION, "moderation.notice", [("action", json!(action))])
}

/// Whose message is seen no more is told, unless they did it themselves.
fn of_report(event: &report::Event) -> Option<Notice> {
    let report::Event::Resolved(resolved) = event else { return None };
    let author = resolved.author.filter(|author| *author != resolved.by)?;
    match resolved.action {
        report::Action::Dismiss => None,
        report::Action::Hide | report::Action::Delete | report::Action::Ban => {
            let mut told = moderated("message-removed", author, "message-removed");
            told.variables.insert("chat".to_owned(), Reference::Chat.to(resolved.chat_id.to_string()));
            Some(told)
        }
    }
}

fn of_session(event: &session::Event) -> Option<Notice> {
    let session::Event::SignedIn(session::SignedIn { user_id, at, new_device: true, from, .. }) = event else {
        return None;
    };
    // Where it came from is erased with the person.
    let from = from.known()?;
    let variables =
        [("at", json!(at)), ("device", json!(device::family(&from.device))), ("address", json!(from.address))];
    Some(notice("new-device", *user_id, CategoryKey::SECURITY, "security.new-device", variables))
}

fn of_totp(user_id: UserId, event: &totp::Event) -> Option<Notice> {
    let security =
        |rule, template, at: Timestamp| notice(rule, user_id, CategoryKey::SECURITY, template, [("at", json!(at))]);
    let of_factor = |mut notice: Notice| {
        notice.variables.insert("factor".to_owned(), json!(session::Way::Totp));
        notice
    };
    match event {
        totp::Event::Confirmed(event) => Some(of_factor(security("totp-added", "security.factor-added", event.at))),
        totp::Event::Removed(event) => Some(of_factor(security("totp-removed", "security.factor-removed", event.at))),
        totp::Event::RecoveryCodeUsed(event) => {
            let mut told = security("recovery-code-used", "security.recovery-code-used", event.at);
            told.variables.insert("left".to_owned(), json!(event.left));
            Some(told)
        }
        totp::Event::RecoveryCodesMade(event) => {
            Some(security("recovery-codes-made", "security.recovery-codes-made", event.at))
        }
        totp::Event::Begun(_) | totp::Event::CodeUsed(_) => None,
    }
}

/// Who opened their account by it knows of it.
fn of_identities(user_id: UserId, event: &identities::Event) -> Option<Notice> {
    let (rule, at, what) = match event {
        identities::Event::Linked(linked) if linked.opened => return None,
        identities::Event::Linked(linked) => {
            let parts = linked.parts.known()?;
            let address = parts.email.as_deref().map_or_else(String::new, |email| format!(" ({email})"));
            ("identity-linked", linked.at, Some(format!("{}{address}", linked.provider)))
        }
        identities::Event::Unlinked(unlinked) => ("identity-unlinked", unlinked.at, Some(unlinked.provider.clone())),
    };
    let variables = [("at", json!(at)), ("action", json!(rule)), ("what", json!(what))];
    Some(notice(rule, user_id, CategoryKey::SECURITY, "security.ways-in-changed", variables))
}

fn of_passkeys(user_id: UserId, event: &passkeys::Event) -> Option<Notice> {
    let (rule, template, at, name) = match event {
        passkeys::Event::Added(event) => {
            ("passkey-added", "security.factor-added", event.at, event.parts.known().map(|parts| parts.name.as_str()))
        }
        passkeys::Event::Removed(event) => ("passkey-removed", "security.factor-removed", event.at, None),
        passkeys::Event::Used(_) => return None,
    };
    let variables = [("at", json!(at)), ("factor", json!(session::Way::Passkey))];
    let mut told = notice(rule, user_id, CategoryKey::SECURITY, template, variables);
    told.variables.extend(name.map(|name| ("label".to_owned(), json!(name))));
    Some(told)
}

fn of_email(event: &email::Event) -> Option<Notice> {
    let email::Event::Wanted(email::Wanted { user_id, at }) = event else { return None };
    let variables = [("at", json!(at)), ("user_name", Reference::User.to(user_id.to_string()))];
    let notice = notice("address-in-use", *user_id, CategoryKey::ACCOUNT, "account.address-in-use", variables);
    Some(Notice { channels: Some(MAIL), ..notice })
}

/// What is mailed to an address that no account has is mailed to nobody.
fn of_proof(id: ProofId, event: &proof::Event) -> Option<Notice> {
    let proof::Event::Issued(Issued { purpose, user_id: Some(user_id), email: Personal::Known(email), .. }) = event
    else {
        return None;
    };
    let called = || ("user_name", Reference::User.to(user_id.to_string()));
    let link = |letter: &str| Reference::Link.to(json!([letter, id.0.simple().to_string()]));
    let code = || Reference::Code.to(id.to_string());
    let hours = json!(proof::CONFIRM_LASTS.as_secs() / 3_600);
    let (reset_minutes, code_minutes) = (proof::RESET_LASTS.as_secs() / 60, proof::CODE_LASTS.as_secs() / 60);
    let account = CategoryKey::ACCOUNT;
    let (mut told, lasts) = match purpose {
        Purpose::Welcome => {
            let variables = [called(), ("confirm_url", link("c")), ("valid_hours", hours)];
            (notice("welcome", *user_id, account, "account.welcome", variables), proof::CONFIRM_LASTS)
        }
        Purpose::Confirm => {
            let variables = [("email", json!(email)), ("confirm_url", link("c")), ("valid_hours", hours)];
            (notice("confirm", *user_id, account, "account.confirm", variables), proof::CONFIRM_LASTS)
        }
        Purpose::Reset => {
            let variables = [called(), ("reset_url", link("r")), ("valid_minutes", json!(reset_minutes))];
            (notice("reset", *user_id, account, "account.reset", variables), proof::RESET_LASTS)
        }
        Purpose::SignIn | Purpose::SignUp => {
            let variables = [("code", code()), ("sign_in_url", link("m")), ("valid_minutes", json!(code_minutes))];
            (notice("code", *user_id, account, "account.code", variables), proof::CODE_LASTS)
        }
    };
    if *purpose == Purpose::SignUp {
        told.before_sign_up = true;
        told.variables.remove("name");
    }
    told.channels = Some(MAIL);
    told.address = Some(email.as_str().to_owned());
    told.expires_in = u32::try_from(lasts.as_secs()).ok();
    Some(told)
}

fn of_chat(chat_id: crate::ChatId, event: &chat::Event) -> Option<Notice> {
    let chat = || ("chat", Reference::Chat.to(chat_id.to_string()));
    let by = |user_id: UserId| ("by", Reference::User.to(user_id.to_string()));
    match event {
        chat::Event::MemberAdded(added) if added.by != added.user_id => {
            Some(notice("added-to-chat", added.user_id, CategoryKey::CHATS, "chats.added", [chat(), by(added.by)]))
        }
        chat::Event::RoleChanged(changed) if changed.by != changed.user_id => Some(notice(
            "role-changed",
            changed.user_id,
            CategoryKey::CHATS,
            "chats.role-changed",
            [chat(), by(changed.by), ("role", json!(changed.role))],
        )),
        chat::Event::MemberAdded(_)
        | chat::Event::RoleChanged(_)
        | chat::Event::Created(_)
        | chat::Event::DirectOpened(_)
        | chat::Event::Hidden(_)
        | chat::Event::Shown(_)
        | chat::Event::Renamed(_)
        | chat::Event::Archived(_)
        | chat::Event::Unarchived(_)
        | chat::Event::Deleted(_)
        | chat::Event::MemberJoined(_)
        | chat::Event::MemberLeft(_)
        | chat::Event::MemberRemoved(_)
        | chat::Event::NicknameChanged(_)
        | chat::Event::Banned(_)
        | chat::Event::Unbanned(_)
        | chat::Event::InvitationMade(_)
        | chat::Event::InvitationWithdrawn(_) => None,
    }
}

/// What is unread when it is sent is looked up then: who has read it meanwhile is told nothing.
fn of_digest(user_id: UserId, event: &digest::Event) -> Notice {
    let digest::Event::Gathered(gathered) = event;
    let variables = [("total", json!(gathered.total)), ("items", Reference::Messages.to(json!(gathered.messages)))];
    notice("unread", user_id, CategoryKey::MESSAGES, "messages.unread", variables)
}

/// Every template calls its reader by name.
fn notice<const N: usize>(
    rule: &'static str,
    user_id: UserId,
    category: CategoryKey,
    template: &'static str,
    variables: [(&str, Value); N],
) -> Notice {
    let name = ("name", Reference::User.to(user_id.to_string()));
    let variables = variables.into_iter().chain([name]).map(|(name, value)| (name.to_owned(), value));
    Notice {
        rule,
        user_id,
        category,
        template,
        channels: None,
        address: None,
        variables: variables.collect(),
        expires_in: None,
        before_sign_up: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::EmailClaim;
    use crate::text::Locale;
    use crate::user::{PasswordChanged, Verifier};
    use crate::{ChatId, Personal, SessionId};
    use uuid::Uuid;

    const ANNA: UserId = UserId(Uuid::from_u128(1));
    const BORIS: UserId = UserId(Uuid::from_u128(2));
    const CHAT: ChatId = ChatId(Uuid::from_u128(3));
    const NOON: Timestamp = Timestamp(1_800_000_000_000_000);

    fn told(event: &Event, version: u64) -> Vec<(&'static str, UserId)> {
        notices(event, version, NOON).into_iter().map(|notice| (notice.template, notice.user_id)).collect()
    }

    #[test]
    fn a_password_that_changes_is_told_and_the_first_one_is_not() {
        let changed = PasswordChanged { verifier: Personal::Known(Verifier("$argon2".to_owned())) };
        let changed = Event::User(ANNA, user::Event::PasswordChanged(changed));
        assert_eq!(told(&changed, 2), []);
        assert_eq!(told(&changed, 3), [("security.password-changed", ANNA)]);
    }

    #[test]
    fn what_happens_to_a_second_factor_is_told_and_each_sign_in_by_it_is_not() {
        let code = totp::RecoveryHash([1; 32]);
        let told = |event: totp::Event| {
            let notices = notices(&Event::Totp(ANNA.into(), event), 1, NOON);
            assert!(notices.iter().all(|notice| notice.category == CategoryKey::SECURITY && notice.user_id == ANNA));
            notices.into_iter().map(|notice| (notice.template, notice.variables)).next()
        };
        let begun = totp::Begun { user_id: ANNA, at: NOON, secret: Personal::Known(totp::Secret("A".to_owned())) };
        assert_eq!(told(totp::Event::Begun(begun)), None);
        assert_eq!(told(totp::Event::CodeUsed(totp::CodeUsed { step: 1 })), None);
        let confirmed = totp::Event::Confirmed(totp::Confirmed { at: NOON, step: 1, codes: vec![code] });
        let (template, variables) = told(confirmed).unwrap();
        assert_eq!((template, &variables["factor"]), ("security.factor-added", &json!("totp")));
        let (template, variables) = told(totp::Event::Removed(totp::Removed { at: NOON })).unwrap();
        assert_eq!((template, &variables["factor"]), ("security.factor-removed", &json!("totp")));
        let used = totp::Event::RecoveryCodeUsed(totp::RecoveryCodeUsed { code, left: 2, at: NOON });
        let (template, variables) = told(used).unwrap();
        assert_eq!((template, &variables["left"]), ("security.recovery-code-used", &json!(2)));
        let made = totp::RecoveryCodesMade { at: NOON, codes: vec![code] };
        assert_eq!(told(totp::Event::RecoveryCodesMade(made)).unwrap().0, "security.recovery-codes-made");
    }

    fn address() -> Email {
        Email::parse("anna@example.org").unwrap()
    }

    fn issued(purpose: Purpose, user_id: Option<UserId>) -> Event {
        let issued = Issued {
            purpose,
            user_id,
            claim: EmailClaim([8; 32]),
            passwords: 1,
            language: Locale::default(),
            at: NOON,
            expires_at: NOON,
            email: user_id.map_or(Personal::Erased, |_| Personal::Known(address())),
        };
        Event::Proof(ProofId(Uuid::from_u128(7)), proof::Event::Issued(issued))
    }

    #[test]
    fn a_proof_is_mailed_to_its_address_without_its_secret() {
        for (purpose, template, lasts) in [
            (Purpose::Welcome, "account.welcome", 86_400),
            (Purpose::Confirm, "account.confirm", 86_400),
            (Purpose::Reset, "account.reset", 3_600),
            (Purpose::SignIn, "account.code", 900),
            (Purpose::SignUp, "account.code", 900),
        ] {
            let notice = notices(&issued(purpose, Some(ANNA)), 1, NOON).pop().unwrap();
            assert_eq!((notice.template, notice.user_id, notice.expires_in), (template, ANNA, Some(lasts)));
            assert_eq!((notice.channels, notice.address.as_deref()), (Some(MAIL), Some("anna@example.org")));
            assert_eq!(notice.before_sign_up, purpose == Purpose::SignUp);
            assert_eq!(notice.variables.contains_key("name"), purpose != Purpose::SignUp);
            assert_eq!(told(&issued(purpose, None), 1), [], "nobody has the address");
        }
        let variables = &notices(&issued(Purpose::SignIn, Some(ANNA)), 1, NOON)[0].variables;
        let id = Uuid::from_u128(7);
        assert_eq!(Reference::of(&variables["code"]), Some((Reference::Code, &json!(id.to_string()))));
        let link = json!(["m", id.simple().to_string()]);
        assert_eq!(Reference::of(&variables["sign_in_url"]), Some((Reference::Link, &link)));
    }

    #[test]
    fn who_is_suspended_is_told_why_and_until_when() {
        let suspended = |until| {
            let reason = Personal::Known(crate::text::Note::parse("spam").unwrap());
            let suspended = user::Suspended { by: BORIS, until, reason };
            notices(&Event::User(ANNA, user::Event::Suspended(suspended)), 5, NOON).pop().unwrap()
        };
        let told = suspended(Some(NOON));
        assert_eq!((told.user_id, told.template), (ANNA, "moderation.notice"));
        assert_eq!((&told.variables["action"], &told.variables["reason"]), (&json!("suspended"), &json!("spam")));
        assert_eq!(told.variables["until"], json!(NOON));
        assert!(!suspended(None).variables.contains_key("until"));
        let lifted = Event::User(ANNA, user::Event::Unsuspended(user::Unsuspended { by: BORIS }));
        assert_eq!(notices(&lifted, 6, NOON)[0].variables["action"], "unsuspended");
    }

    #[test]
    fn whose_message_is_hidden_or_deleted_is_told() {
        let resolved = |author, action| {
            let resolved = report::Resolved { chat_id: CHAT, author, by: BORIS, action };
            told(&Event::Report(crate::ReportId(Uuid::from_u128(7)), report::Event::Resolved(resolved)), 2)
        };
        for action in [report::Action::Hide, report::Action::Delete, report::Action::Ban] {
            assert_eq!(resolved(Some(ANNA), action), [("moderation.notice", ANNA)]);
            assert_eq!(resolved(Some(BORIS), action), [], "they did it themselves");
            assert_eq!(resolved(None, action), [], "it was gone");
        }
        assert_eq!(resolved(Some(ANNA), report::Action::Dismiss), []);
    }

    #[test]
    fn both_addresses_are_told_of_a_change_and_a_first_one_is_not() {
        let confirmed = |former: Option<&str>| {
            let former = former.map(|former| Email::parse(former).unwrap());
            let personal = Personal::Known(user::ConfirmedEmail { email: address(), former });
            let confirmed = user::EmailConfirmed { claim: EmailClaim([8; 32]), personal };
            notices(&Event::User(ANNA, user::Event::EmailConfirmed(confirmed)), 5, NOON)
        };
        assert_eq!(confirmed(None), []);
        let told = confirmed(Some("former@example.org"));
        let to = told.iter().filter_map(|notice| notice.address.as_deref()).collect::<Vec<_>>();
        assert_eq!(to, ["former@example.org", "anna@example.org"]);
        assert_ne!(told[0].rule, told[1].rule, "each is a delivery of its own");
    }

    #[test]
    fn an_identity_that_comes_or_goes_is_told_and_that_which_opened_the_account_is_not() {
        let linked = |opened| {
            let parts = identities::IdentityParts {
                subject: "1".to_owned(),
                email: Some("anna@example.org".to_owned()),
                name: None,
            };
            let linked = identities::Linked {
                identity_id: crate::IdentityId(Uuid::from_u128(7)),
                claim: crate::id::IdentityClaim([7; 32]),
                provider: "acme".to_owned(),
                issuer: "https://acme.example".to_owned(),
                at: NOON,
                opened,
                parts: Personal::Known(parts),
            };
            Event::Identities(ANNA.into(), identities::Event::Linked(linked))
        };
        assert_eq!(told(&linked(true), 1), []);
        assert_eq!(told(&linked(false), 1), [("security.ways-in-changed", ANNA)]);
        assert_eq!(notices(&linked(false), 1, NOON)[0].variables["what"], json!("acme (anna@example.org)"));
        let unlinked = identities::Unlinked {
            identity_id: crate::IdentityId(Uuid::from_u128(7)),
            provider: "acme".to_owned(),
            at: NOON,
        };
        let unlinked = Event::Identities(ANNA.into(), identities::Event::Unlinked(unlinked));
        assert_eq!(notices(&unlinked, 2, NOON)[0].variables["action"], json!("identity-unlinked"));
    }

    #[test]
    fn the_owner_of_an_address_is_told_who_wants_it_and_of_a_new_device() {
        let wanted = email::Event::Wanted(email::Wanted { user_id: ANNA, at: NOON });
        assert_eq!(told(&Event::Email(EmailClaim([8; 32]), wanted), 1), [("account.address-in-use", ANNA)]);
        let signed_in = |new_device| {
            let signed_in = session::SignedIn {
                user_id: ANNA,
                token_hash: session::TokenHash([1; 32]),
                at: NOON,
                expires_at: NOON,
                by: session::Way::Mail,
                proofs: Vec::new(),
                new_device,
                from: Personal::Known(user::Origin { device: "curl/8.9".to_owned(), address: "192.0.2.1".to_owned() }),
            };
            Event::Session(SessionId(Uuid::from_u128(6)), session::Event::SignedIn(signed_in))
        };
        assert_eq!(told(&signed_in(false), 1), []);
        assert_eq!(told(&signed_in(true), 1), [("security.new-device", ANNA)]);
        assert_eq!(notices(&signed_in(true), 1, NOON)[0].variables["device"], "curl");
    }

    #[test]
    fn who_is_added_by_another_is_told_and_by_whom() {
        let added = |by| {
            let added = chat::MemberAdded { user_id: ANNA, role: chat::Role::Member, by, nickname: Personal::Erased };
            Event::Chat(CHAT, chat::Event::MemberAdded(added))
        };
        assert_eq!(told(&added(BORIS), 4), [("chats.added", ANNA)]);
        assert_eq!(told(&added(ANNA), 4), []);
        let variables = &notices(&added(BORIS), 4, NOON)[0].variables;
        assert_eq!(Reference::of(&variables["by"]), Some((Reference::User, &json!(BORIS.to_string()))));
        assert_eq!(Reference::of(&variables["chat"]), Some((Reference::Chat, &json!(CHAT.to_string()))));
        assert_eq!(Reference::of(&json!("Anna")), None);
        assert_eq!(Reference::of(&json!({"$user": 1, "other": 2})), None);
    }
}
