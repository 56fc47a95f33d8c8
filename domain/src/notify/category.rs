//! Categories of notifications: what each is about, how it reaches people, and whether they may switch it off.
//!
//! Those that are built in are always there; the settings add others (`[categories.<key>]`). They are no facts: a delivery
//! keeps the key of its category, and what it took over from it when it was made.

use super::Language;
use crate::text::Unfit;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// The key of a category: 1 to 48 lower-case letters, digits and hyphens, a letter first, no hyphen last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CategoryKey(Cow<'static, str>);

impl CategoryKey {
    /// Most characters.
    pub const CHARACTERS_MAX: usize = 48;

    /// Password changed, new device, e-mail changed.
    pub const SECURITY: CategoryKey = CategoryKey(Cow::Borrowed("security"));
    /// Welcome, confirm, reset, code.
    pub const ACCOUNT: CategoryKey = CategoryKey(Cow::Borrowed("account"));
    /// Mentions, direct messages and replies that stayed unread.
    pub const MESSAGES: CategoryKey = CategoryKey(Cow::Borrowed("messages"));
    /// Added, invited, role changed.
    pub const CHATS: CategoryKey = CategoryKey(Cow::Borrowed("chats"));
    /// What moderators did.
    pub const MODERATION: CategoryKey = CategoryKey(Cow::Borrowed("moderation"));
    /// For an application's own use: what a person caused.
    pub const TRANSACTIONAL: CategoryKey = CategoryKey(Cow::Borrowed("transactional"));
    /// For an application's own use: what a person may want to know.
    pub const MARKETING: CategoryKey = CategoryKey(Cow::Borrowed("marketing"));

    /// Parses a key by its form.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<CategoryKey, Unfit> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let ends_fit = text.starts_with(|first: char| first.is_ascii_lowercase()) && !text.ends_with('-');
        if ends_fit && text.len() <= CategoryKey::CHARACTERS_MAX && text.bytes().all(fits) {
            Ok(CategoryKey(Cow::Owned(text.to_owned())))
        } else {
            Err(Unfit("must be 1 to 48 lower-case letters, digits and hyphens, a letter first and no hyphen last"))
        }
    }

    /// It as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CategoryKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Declares an enum whose variants have names in JSON, in settings and in read models: kebab-case, written by hand.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every one.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)+
                }
            }

            /// The one of that name.
            pub fn parse(text: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|one| one.name() == text)
            }
        }
    };
}

pub(super) use named;

named! {
    /// Why people are told.
    Kind {
        /// So that they notice when somebody else acts in their name.
        Security = "security",
        /// They, or people whom they deal with, caused it.
        Transactional = "transactional",
        /// Somebody wants them to know.
        Marketing = "marketing",
    }
}

named! {
    /// How a notification reaches a person.
    Channel {
        /// To their confirmed address.
        Email = "email",
        /// An item in their inbox.
        Inbox = "inbox",
        /// To their open streams, at the moment when the inbox changes: it is no delivery of its own.
        Live = "live",
        /// To the one URL of the settings, for every person.
        Webhook = "webhook",
    }
}

named! {
    /// What happens to a delivery of which nobody can know whether it reached the provider.
    Semantics {
        /// It is sent once more: nobody is skipped, somebody may be told twice.
        AtLeastOnce = "at-least-once",
        /// It is left as it is: nobody is told twice, somebody may be skipped.
        AtMostOnce = "at-most-once",
    }
}

named! {
    /// What quiet hours mean to it.
    QuietRule {
        /// Nothing.
        Bypass = "bypass",
        /// It waits for their end.
        Defer = "defer",
    }
}

/// How many deliveries of one category a person gets by one channel in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    /// At least 1.
    pub count: u32,
    /// At least 1.
    pub seconds: u32,
}

/// The same in every language that Letopis speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    pub en: Cow<'static, str>,
    pub ru: Cow<'static, str>,
}

impl Words {
    const fn of(en: &'static str, ru: &'static str) -> Words {
        Words { en: Cow::Borrowed(en), ru: Cow::Borrowed(ru) }
    }

    /// It in one of them.
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::En => &self.en,
            Language::Ru => &self.ru,
        }
    }
}

/// A category of notifications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    pub key: CategoryKey,
    pub kind: Kind,
    pub title: Words,
    /// One sentence.
    pub description: Words,
    /// By which channels it can reach people; each once.
    pub channels: Vec<Channel>,
    /// Those of them that are on until a person switches them off. Of a locked category they stay on.
    pub default_on: Vec<Channel>,
    /// Whether nobody can switch it off.
    pub locked: bool,
    pub quiet: QuietRule,
    /// After how many seconds it is of no use any more, counted from when it may be sent; at least 60.
    pub expires_in: u32,
    pub semantics: Semantics,
    /// None: without a limit.
    pub throttle: Option<Throttle>,
}

impl Category {
    /// The shortest time after which a notification is of no use any more, in seconds.
    pub const EXPIRES_IN_MIN: u32 = 60;
    /// The longest: 30 days, in seconds.
    pub const EXPIRES_IN_MAX: u32 = 30 * DAY;

    /// Whether it can reach people by that channel.
    pub fn has(&self, channel: Channel) -> bool {
        self.channels.contains(&channel)
    }

    /// Whether it reaches people by that channel who never said anything.
    pub fn is_on_by_default(&self, channel: Channel) -> bool {
        self.default_on.contains(&channel)
    }
}

/// A day in seconds.
const DAY: u32 = 24 * 3_600;

/// Every category: those that are built in, then those of the settings by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Categories {
    list: Vec<Category>,
    by_key: BTreeMap<CategoryKey, usize>,
}

impl Categories {
    /// Most categories that settings add.
    pub const DEFINED_MAX: usize = 64;

    /// Those that are always there.
    pub fn built_in() -> Categories {
        Categories::of(built_in())
    }

    /// Those that are always there, and others.
    ///
    /// # Errors
    /// When one has the key of another, or there are too many.
    pub fn with(mut defined: Vec<Category>) -> Result<Categories, (CategoryKey, Unfit)> {
        defined.sort_by(|one, other| one.key.cmp(&other.key));
        if let Some(surplus) = defined.get(Categories::DEFINED_MAX) {
            return Err((surplus.key.clone(), Unfit("is one too many: there may be 64")));
        }
        let mut all = built_in();
        for category in defined {
            if all.iter().any(|known| known.key == category.key) {
                return Err((category.key, Unfit("is the key of another category")));
            }
            all.push(category);
        }
        Ok(Categories::of(all))
    }

    fn of(list: Vec<Category>) -> Categories {
        let by_key = list.iter().enumerate().map(|(number, category)| (category.key.clone(), number)).collect();
        Categories { list, by_key }
    }

    /// The category of that key.
    pub fn get(&self, key: &CategoryKey) -> Option<&Category> {
        self.list.get(*self.by_key.get(key)?)
    }

    /// The category of that key as it was written.
    pub fn find(&self, key: &str) -> Option<&Category> {
        self.list.iter().find(|category| category.key.as_str() == key)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Category> {
        self.list.iter()
    }
}

impl Default for Categories {
    fn default() -> Categories {
        Categories::built_in()
    }
}

fn built_in() -> Vec<Category> {
    vec![security(), account(), messages(), chats(), moderation(), transactional(), marketing()]
}

/// What most categories have in common.
fn plain(key: CategoryKey, title: Words, description: Words) -> Category {
    let personal = vec![Channel::Email, Channel::Inbox, Channel::Live];
    Category {
        key,
        kind: Kind::Transactional,
        title,
        description,
        channels: personal.clone(),
        default_on: personal,
        locked: false,
        quiet: QuietRule::Defer,
        expires_in: DAY,
        semantics: Semantics::AtLeastOnce,
        throttle: None,
    }
}

fn security() -> Category {
    let title = Words::of("Security", "Безопасность");
    let description = Words::of(
        "A changed password or e-mail address, a sign-in from a new device.",
        "Смена пароля или адреса почты, вход с нового устройства.",
    );
    let plain = plain(CategoryKey::SECURITY, title, description);
    Category { kind: Kind::Security, locked: true, quiet: QuietRule::Bypass, ..plain }
}

/// Locked as well: without it nobody could confirm an address, reset a password or sign in by a code. What it sends are
/// links and codes that only the address's owner may see, so that nothing of it is in an inbox unless a notice says so.
fn account() -> Category {
    let title = Words::of("Account", "Учётная запись");
    let description = Words::of(
        "What you asked for yourself: a welcome, links that confirm an address, links and codes to get in.",
        "То, что вы запросили сами: приветствие, подтверждение адреса, ссылки и коды для входа.",
    );
    let plain = plain(CategoryKey::ACCOUNT, title, description);
    Category { default_on: vec![Channel::Email], locked: true, quiet: QuietRule::Bypass, ..plain }
}

fn messages() -> Category {
    let title = Words::of("Messages", "Сообщения");
    let description = Words::of(
        "Mentions, direct messages and replies that you have not read for ten minutes, gathered into one.",
        "Упоминания, личные сообщения и ответы, не прочитанные за десять минут, собранные в одно уведомление.",
    );
    // The messages themselves stay unread in their chats: being skipped costs less than being told twice.
    Category { semantics: Semantics::AtMostOnce, ..plain(CategoryKey::MESSAGES, title, description) }
}

fn chats() -> Category {
    let title = Words::of("Chats", "Чаты");
    let description = Words::of(
        "Somebody added or invited you to a chat, or changed your role in one.",
        "Вас добавили или пригласили в чат, изменили вашу роль.",
    );
    let throttle = Some(Throttle { count: 30, seconds: 3_600 });
    let plain = plain(CategoryKey::CHATS, title, description);
    Category { expires_in: 3 * DAY, semantics: Semantics::AtMostOnce, throttle, ..plain }
}

fn moderation() -> Category {
    let title = Words::of("Moderation", "Модерация");
    let description = Words::of(
        "What moderators decided about your messages, reports or account.",
        "Решения модераторов о ваших сообщениях, жалобах или учётной записи.",
    );
    Category { expires_in: 3 * DAY, ..plain(CategoryKey::MODERATION, title, description) }
}

fn transactional() -> Category {
    let title = Words::of("Services", "Сервисные уведомления");
    let description = Words::of(
        "What the applications that you use have to tell you.",
        "Что вам должны сообщить приложения, которыми вы пользуетесь.",
    );
    let plain = plain(CategoryKey::TRANSACTIONAL, title, description);
    Category { channels: Channel::ALL.to_vec(), ..plain }
}

fn marketing() -> Category {
    let title = Words::of("News and offers", "Новости и предложения");
    let description = Words::of(
        "News and offers of the applications that you use.",
        "Новости и предложения приложений, которыми вы пользуетесь.",
    );
    let plain = plain(CategoryKey::MARKETING, title, description);
    Category { kind: Kind::Marketing, channels: Channel::ALL.to_vec(), semantics: Semantics::AtMostOnce, ..plain }
}

#[cfg(test)]
mod tests;
