//! Which facts people are told of, whom, and by which template. Pure: what a notice says of others is named here and
//! looked up when it is sent, so that a delivery holds nothing personal of anybody but its recipient.

use super::category::{CategoryKey, Channel};
use crate::{Event, Timestamp, UserId, chat, user};
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
}

impl Reference {
    /// Every one.
    pub const ALL: [Reference; 4] = [Reference::User, Reference::Chat, Reference::Link, Reference::Code];

    /// The key of its object.
    pub fn key(self) -> &'static str {
        match self {
            Reference::User => "$user",
            Reference::Chat => "$chat",
            Reference::Link => "$link",
            Reference::Code => "$code",
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

/// Who is to be told of a fact, and what. `version` is that of the fact in its stream, `at` when it was recorded.
pub fn notices(event: &Event, version: u64, at: Timestamp) -> Vec<Notice> {
    if let Event::User(user_id, event) = event {
        of_user(*user_id, event, version, at).into_iter().collect()
    } else if let Event::Chat(chat_id, event) = event {
        of_chat(*chat_id, event).into_iter().collect()
    } else {
        Vec::new()
    }
}

/// The first password comes with the account, in the second fact of its stream.
const WITH_THE_ACCOUNT: u64 = 2;

fn of_user(user_id: UserId, event: &user::Event, version: u64, at: Timestamp) -> Option<Notice> {
    let user::Event::PasswordChanged(_) = event else { return None };
    let variables = [("at", json!(at))];
    let notice = notice("password-changed", user_id, CategoryKey::SECURITY, "security.password-changed", variables);
    (version > WITH_THE_ACCOUNT).then_some(notice)
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
        | chat::Event::Renamed(_)
        | chat::Event::Archived(_)
        | chat::Event::Unarchived(_)
        | chat::Event::Deleted(_)
        | chat::Event::MemberJoined(_)
        | chat::Event::MemberLeft(_)
        | chat::Event::MemberRemoved(_)
        | chat::Event::NicknameChanged(_) => None,
    }
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
    use crate::user::{PasswordChanged, Verifier};
    use crate::{ChatId, Personal};
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
