//! The messages that Letopis itself sends: their keys, and the variables that whoever asks for one must give.
//!
//! This table is the one place to look. Keys and variables are stable: deliveries that wait hold them.

use domain::notify::CategoryKey;
use domain::notify::template::VariableType::{self, Boolean, List, Number, String as Text};
use domain::notify::template::{Variable, Variables};
use serde_json::{Value, json};
use std::sync::OnceLock;

/// A message that is built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BuiltIn {
    /// An account was opened, and its address is to be confirmed.
    Welcome,
    /// Another address is to be confirmed; it goes to that one.
    Confirm,
    /// A new password was asked for.
    Reset,
    /// Signing in without a password.
    Code,
    /// Somebody tried to register with an address that an account has confirmed.
    AddressInUse,
    /// The password was changed.
    PasswordChanged,
    /// Somebody signed in by a device that the account has not signed in by.
    NewDevice,
    /// The address was changed; it goes to the old one.
    EmailChanged,
    /// Another factor signs in: `factor` is `totp` or `passkey`, `label` what its owner calls it.
    FactorAdded,
    /// A factor signs in no more.
    FactorRemoved,
    /// A recovery code was used.
    RecoveryCodeUsed,
    /// There are new recovery codes.
    RecoveryCodesMade,
    /// How its owner can sign in to the account was changed.
    WaysInChanged,
    /// Mentions, replies and direct messages that stayed unread, gathered.
    Unread,
    /// Somebody was added to a chat.
    Added,
    /// Somebody was invited to a chat.
    Invited,
    /// Somebody's role in a chat changed.
    RoleChanged,
    /// What moderators decided.
    Moderation,
}

/// A variable as the table below writes it: name, type, whether it is required, example.
type Row = (&'static str, VariableType, bool, fn() -> Value);

const NAME: Row = ("name", Text, true, || json!("Anna"));
const AT: Row = ("at", Text, true, || json!("2026-11-29T15:55:03.000000Z"));
const DEVICE: Row = ("device", Text, false, || json!("Firefox on Linux"));
const ADDRESS: Row = ("address", Text, false, || json!("203.0.113.7"));
const CHAT: Row = ("chat", Text, true, || json!("Garden"));
const BY: Row = ("by", Text, true, || json!("Boris"));
const URL: Row = ("url", Text, false, || json!("https://letopis.example/chats/garden"));

impl BuiltIn {
    /// Every one.
    pub const ALL: [BuiltIn; 18] = [
        BuiltIn::Welcome,
        BuiltIn::Confirm,
        BuiltIn::Reset,
        BuiltIn::Code,
        BuiltIn::AddressInUse,
        BuiltIn::PasswordChanged,
        BuiltIn::NewDevice,
        BuiltIn::EmailChanged,
        BuiltIn::FactorAdded,
        BuiltIn::FactorRemoved,
        BuiltIn::RecoveryCodeUsed,
        BuiltIn::RecoveryCodesMade,
        BuiltIn::WaysInChanged,
        BuiltIn::Unread,
        BuiltIn::Added,
        BuiltIn::Invited,
        BuiltIn::RoleChanged,
        BuiltIn::Moderation,
    ];

    /// Its stable name.
    pub fn key(self) -> &'static str {
        match self {
            BuiltIn::Welcome => "account.welcome",
            BuiltIn::Confirm => "account.confirm",
            BuiltIn::Reset => "account.reset",
            BuiltIn::Code => "account.code",
            BuiltIn::AddressInUse => "account.address-in-use",
            BuiltIn::PasswordChanged => "security.password-changed",
            BuiltIn::NewDevice => "security.new-device",
            BuiltIn::EmailChanged => "security.email-changed",
            BuiltIn::FactorAdded => "security.factor-added",
            BuiltIn::FactorRemoved => "security.factor-removed",
            BuiltIn::RecoveryCodeUsed => "security.recovery-code-used",
            BuiltIn::RecoveryCodesMade => "security.recovery-codes-made",
            BuiltIn::WaysInChanged => "security.ways-in-changed",
            BuiltIn::Unread => "messages.unread",
            BuiltIn::Added => "chats.added",
            BuiltIn::Invited => "chats.invited",
            BuiltIn::RoleChanged => "chats.role-changed",
            BuiltIn::Moderation => "moderation.notice",
        }
    }

    /// The one of that name.
    pub fn parse(key: &str) -> Option<BuiltIn> {
        BuiltIn::ALL.into_iter().find(|built_in| built_in.key() == key)
    }

    /// The category that it is sent in: the first word of its key.
    pub fn category(self) -> CategoryKey {
        match self {
            BuiltIn::Welcome | BuiltIn::Confirm | BuiltIn::Reset | BuiltIn::Code | BuiltIn::AddressInUse => {
                CategoryKey::ACCOUNT
            }
            BuiltIn::PasswordChanged | BuiltIn::NewDevice | BuiltIn::EmailChanged => CategoryKey::SECURITY,
            BuiltIn::FactorAdded | BuiltIn::FactorRemoved => CategoryKey::SECURITY,
            BuiltIn::RecoveryCodeUsed | BuiltIn::RecoveryCodesMade => CategoryKey::SECURITY,
            BuiltIn::WaysInChanged => CategoryKey::SECURITY,
            BuiltIn::Unread => CategoryKey::MESSAGES,
            BuiltIn::Added | BuiltIn::Invited | BuiltIn::RoleChanged => CategoryKey::CHATS,
            BuiltIn::Moderation => CategoryKey::MODERATION,
        }
    }

    /// What it needs to know. Times are RFC 3339; `url`, `confirm_url` and the like are links as the reader follows them.
    fn rows(self) -> &'static [Row] {
        match self {
            // Without `confirm_url` there is nothing to confirm: it only greets.
            BuiltIn::Welcome => &[
                NAME,
                ("user_name", Text, true, || json!("anna")),
                ("confirm_url", Text, false, || json!("https://letopis.example/c/q83vEjRWeJCrze8SNFZ4kA")),
                ("valid_hours", Number, false, || json!(24)),
            ],
            BuiltIn::Confirm => &[
                NAME,
                ("email", Text, true, || json!("anna@example.com")),
                ("confirm_url", Text, true, || json!("https://letopis.example/c/q83vEjRWeJCrze8SNFZ4kA")),
                ("valid_hours", Number, true, || json!(24)),
            ],
            BuiltIn::Reset => &[
                NAME,
                ("user_name", Text, true, || json!("anna")),
                ("reset_url", Text, true, || json!("https://letopis.example/r/q83vEjRWeJCrze8SNFZ4kA")),
                ("valid_minutes", Number, true, || json!(60)),
            ],
            // Without `name` nobody has the address yet: the code opens an account.
            BuiltIn::Code => &[
                ("name", Text, false, || json!("Anna")),
                ("code", Text, true, || json!("493817")),
                ("sign_in_url", Text, true, || json!("https://letopis.example/m/q83vEjRWeJCrze8SNFZ4kA")),
                ("valid_minutes", Number, true, || json!(15)),
            ],
            BuiltIn::AddressInUse => &[NAME, ("user_name", Text, true, || json!("anna")), AT],
            BuiltIn::PasswordChanged => &[NAME, AT, DEVICE, ADDRESS],
            BuiltIn::NewDevice => &[NAME, AT, ("device", Text, true, || json!("Firefox on Linux")), ADDRESS],
            BuiltIn::EmailChanged => {
                &[NAME, AT, ("new_email", Text, false, || json!("a…@example.org")), DEVICE, ADDRESS]
            }
            BuiltIn::FactorAdded | BuiltIn::FactorRemoved => {
                &[NAME, AT, ("factor", Text, true, || json!("totp")), ("label", Text, false, || json!("Yellow key"))]
            }
            BuiltIn::RecoveryCodeUsed => &[NAME, AT, ("left", Number, true, || json!(9))],
            BuiltIn::RecoveryCodesMade => &[NAME, AT],
            // `action`: `identity-linked`, `identity-unlinked`. `what` tells of which one, in words of the owner's or a name.
            BuiltIn::WaysInChanged => &[
                NAME,
                AT,
                ("action", Text, true, || json!("identity-linked")),
                ("what", Text, false, || json!("Google (anna@gmail.com)")),
            ],
            // Each item: `kind` (`direct`, `reply`, `mention`), `author`, `text`; where known `chat`, `url`.
            // `total` counts all that are unread, also those that are not in the list.
            BuiltIn::Unread => &[
                NAME,
                ("total", Number, true, || json!(5)),
                ("items", List, true, unread),
                ("url", Text, false, || json!("https://letopis.example/")),
            ],
            BuiltIn::Added => &[NAME, CHAT, BY, URL],
            BuiltIn::Invited => &[NAME, CHAT, BY, ("url", Text, true, || json!("https://letopis.example/i/Zm9v"))],
            // `role`: `owner`, `admin`, `member` or `muted`.
            BuiltIn::RoleChanged => &[NAME, CHAT, ("role", Text, true, || json!("admin")), BY, URL],
            // `action`: `warned`, `message-removed`, `suspended`, `unsuspended`, `report-resolved`.
            BuiltIn::Moderation => &[
                NAME,
                ("action", Text, true, || json!("suspended")),
                ("reason", Text, false, || json!("The same advertisement in eleven chats.")),
                ("chat", Text, false, || json!("Garden")),
                ("until", Text, false, || json!("2026-12-06T15:55:03.000000Z")),
                ("may_answer", Boolean, false, || json!(true)),
            ],
        }
    }

    /// What it needs to know, with examples.
    pub fn variables(self) -> &'static Variables {
        static ALL: OnceLock<Vec<(BuiltIn, Variables)>> = OnceLock::new();
        static NONE: Variables = Variables::new();
        let all = ALL.get_or_init(|| BuiltIn::ALL.into_iter().map(|one| (one, declared(one.rows()))).collect());
        all.iter().find(|(one, _)| *one == self).map_or(&NONE, |(_, variables)| variables)
    }
}

fn declared(rows: &[Row]) -> Variables {
    let variable = |(name, of, required, example): &Row| {
        ((*name).to_owned(), Variable { of: *of, required: *required, example: example() })
    };
    rows.iter().map(variable).collect()
}

fn unread() -> Value {
    json!([
        {"kind": "direct", "author": "Boris", "text": "Are you coming on Sunday? We start at ten.",
         "url": "https://letopis.example/chats/1/messages/1"},
        {"kind": "reply", "author": "Vera", "chat": "Garden", "text": "The tomatoes are ripe, take as many as you like.",
         "url": "https://letopis.example/chats/2/messages/2"},
        {"kind": "mention", "author": "Gleb", "chat": "Neighbours", "text": "@anna can you bring the ladder?"},
    ])
}
