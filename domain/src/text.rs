//! What people may write: names, addresses, messages. Parsed once at the door; whoever holds one of these types
//! holds a valid value.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

pub mod mentions;
mod visible;

use visible::{has_loose_mark, invisible_ones_fit, is_control, is_invisible, is_visible};

/// Why a text was not accepted, in words that complete "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub &'static str);

/// Declares a text that can only be made by its `parse`.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

text!(
    /// An account's name: 1 to 64 visible characters, inner spaces allowed, no `@` (CONTRACT 1.2).
    UserName
);
text!(
    /// A member's name in one chat: 1 to 64 characters, at least one of them visible. It keeps its spelling.
    Nickname
);
text!(
    /// How a user wants to be called: 1 to 128 characters, at least one of them visible.
    DisplayName
);
text!(
    /// A service token's name: 1 to 64 characters, at least one of them visible.
    TokenName
);
text!(
    /// A mailing's name: 1 to 128 characters, at least one of them visible.
    MailingName
);
text!(
    /// A passkey's name: 1 to 64 characters, at least one of them visible.
    PasskeyName
);
text!(
    /// Why something is so, in somebody's own words: 1 to 200 characters, at least one of them visible.
    Note
);
text!(
    /// What is reported of a message: 1 to 2,000 characters, anything but NUL.
    ReportText
);
text!(
    /// A chat's name: 1 to 255 characters, at least one of them visible.
    ChatName
);
text!(
    /// A message: 1 to 16,384 characters and at most 32 KiB of UTF-8, anything but NUL, kept untrimmed.
    MessageText
);
text!(
    /// An e-mail address that looks like one: something, one `@`, a domain; at most 254 bytes (RFC 5321).
    Email
);
text!(
    /// An IANA time zone's name, by its form; see [`TimeZone::existing`].
    TimeZone
);
text!(
    /// A BCP 47 language tag, by its form.
    Locale
);

/// Most characters in a message.
pub const MESSAGE_CHARACTERS_MAX: usize = 16_384;
/// Most bytes in a message.
pub const MESSAGE_BYTES_MAX: usize = 32 * 1024;

/// Most bytes of a user name in its canonical form: 64 characters of any script, and then some.
const CANONICAL_BYTES_MAX: usize = 256;

impl UserName {
    /// Parses an account's name.
    pub fn parse(text: &str) -> Result<UserName, Unfit> {
        within(text, 64, "must have 1 to 64 characters")?;
        let form = canonical_name(text).ok_or(Unfit("must have letters that can be compared"))?;
        // A single character can stand for eighteen (U+FDFA): what is looked up and paged by must stay short.
        if form.len() > CANONICAL_BYTES_MAX {
            return Err(Unfit("is too long when it is compared"));
        }
        // What is compared has to keep the rules as well: a wide ＠ is an @ then, and ¨ is a space with a mark.
        for form in [text, &form] {
            if form.contains('@') {
                return Err(Unfit("must not contain @"));
            }
            if form.starts_with(char::is_whitespace) || form.ends_with(char::is_whitespace) {
                return Err(Unfit("must not begin or end with a space"));
            }
            if !form.chars().all(|c| c == ' ' || is_visible(c)) {
                return Err(Unfit("may have visible characters and spaces only"));
            }
            if has_loose_mark(form) {
                return Err(Unfit("must not have an accent without a letter"));
            }
        }
        Ok(UserName(text.to_owned()))
    }

    /// The form that is unique: see [`canonical_name`].
    pub fn canonical(&self) -> String {
        canonical_name(&self.0).unwrap_or_else(|| self.0.clone())
    }
}

impl Nickname {
    /// Parses a member's name.
    pub fn parse(text: &str) -> Result<Nickname, Unfit> {
        one_line(text, 64, "must have 1 to 64 characters")?;
        Ok(Nickname(text.to_owned()))
    }

    /// The nickname that a user has where they chose none: their account's name.
    pub fn of(name: &UserName) -> Nickname {
        Nickname(name.0.clone())
    }

    /// The nickname of somebody whose names are all taken.
    pub fn made_for(user_id: crate::UserId) -> Nickname {
        Nickname(format!("user-{}", user_id.0.simple()))
    }

    /// The form in which it is compared with other nicknames and with the names of accounts: [`canonical_name`] of what
    /// can be seen of it, trimmed.
    pub fn key(&self) -> String {
        let seen = self.0.chars().filter(|c| !is_invisible(*c)).collect::<String>();
        let form = canonical_name(&seen).unwrap_or_else(|| seen.to_lowercase());
        form.trim().to_owned()
    }
}

impl DisplayName {
    /// Parses a display name.
    pub fn parse(text: &str) -> Result<DisplayName, Unfit> {
        one_line(text, 128, "must have 1 to 128 characters")?;
        Ok(DisplayName(text.to_owned()))
    }

    /// How a user is called who never said how: by their account's name.
    pub fn of(name: &UserName) -> DisplayName {
        DisplayName(name.0.clone())
    }
}

impl TokenName {
    /// Parses a service token's name.
    pub fn parse(text: &str) -> Result<TokenName, Unfit> {
        one_line(text, 64, "must have 1 to 64 characters")?;
        Ok(TokenName(text.to_owned()))
    }
}

impl MailingName {
    /// Parses a mailing's name.
    pub fn parse(text: &str) -> Result<MailingName, Unfit> {
        one_line(text, 128, "must have 1 to 128 characters")?;
        Ok(MailingName(text.to_owned()))
    }
}

impl PasskeyName {
    /// Parses a passkey's name.
    pub fn parse(text: &str) -> Result<PasskeyName, Unfit> {
        one_line(text, 64, "must have 1 to 64 characters")?;
        Ok(PasskeyName(text.to_owned()))
    }
}

impl Note {
    /// Parses a note.
    pub fn parse(text: &str) -> Result<Note, Unfit> {
        one_line(text, 200, "must have 1 to 200 characters")?;
        Ok(Note(text.to_owned()))
    }
}

impl ReportText {
    /// Parses what is reported.
    pub fn parse(text: &str) -> Result<ReportText, Unfit> {
        within(text, 2_000, "must have 1 to 2000 characters")?;
        if text.contains('\0') { Err(Unfit("must not contain NUL")) } else { Ok(ReportText(text.to_owned())) }
    }
}

impl ChatName {
    /// Parses a chat's name.
    pub fn parse(text: &str) -> Result<ChatName, Unfit> {
        one_line(text, 255, "must have 1 to 255 characters")?;
        Ok(ChatName(text.to_owned()))
    }
}

impl MessageText {
    /// Parses a message's text.
    pub fn parse(text: &str) -> Result<MessageText, Unfit> {
        within(text, MESSAGE_CHARACTERS_MAX, "must have 1 to 16384 characters")?;
        if text.len() > MESSAGE_BYTES_MAX {
            return Err(Unfit("must have at most 32768 bytes of UTF-8"));
        }
        if text.contains('\0') {
            return Err(Unfit("must not contain NUL"));
        }
        Ok(MessageText(text.to_owned()))
    }
}

impl Email {
    /// Parses an address by its form only: that somebody reads it is shown by a confirmation.
    pub fn parse(text: &str) -> Result<Email, Unfit> {
        // Also as it is compared: a wide ＠ is an @ then.
        Email::check(text)?;
        Email::check(&text.nfkc().collect::<String>())?;
        Ok(Email(text.to_owned()))
    }

    /// The form that is unique: see [`canonical_name`].
    pub fn canonical(&self) -> String {
        canonical_name(&self.0).unwrap_or_else(|| self.0.clone())
    }

    fn check(text: &str) -> Result<(), Unfit> {
        let malformed = Unfit("must be an e-mail address");
        let (local, host) = text.rsplit_once('@').ok_or(malformed)?;
        let visible = text.chars().all(is_visible);
        if !visible || text.len() > 254 || local.is_empty() || local.len() > 64 || local.contains('@') {
            return Err(malformed);
        }
        let labels_fit = host.split('.').all(|label| {
            !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-') && !label.starts_with('-')
        });
        if labels_fit { Ok(()) } else { Err(malformed) }
    }
}

impl TimeZone {
    /// Parses the form of an IANA name: `Europe/Berlin`, at most 64 bytes.
    pub fn parse(text: &str) -> Result<TimeZone, Unfit> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'/' | b'_' | b'-' | b'+'));
        if fits { Ok(TimeZone(text.to_owned())) } else { Err(Unfit("must be an IANA time zone like Europe/Berlin")) }
    }

    /// Parses the name of a zone that IANA knows, in whatever letters; kept as IANA spells it.
    ///
    /// # Errors
    /// When it is none.
    pub fn existing(text: &str) -> Result<TimeZone, Unfit> {
        TimeZone::parse(text)?;
        let unknown = Unfit("is not a time zone that IANA knows");
        let zone = jiff::tz::TimeZone::get(text).map_err(|_| unknown)?;
        let name = if zone == jiff::tz::TimeZone::UTC { Some("UTC") } else { zone.iana_name() };
        // `Etc/Unknown` says that there is none.
        name.filter(|_| !zone.is_unknown()).map(|name| TimeZone(name.to_owned())).ok_or(unknown)
    }
}

impl Default for TimeZone {
    fn default() -> TimeZone {
        TimeZone("UTC".to_owned())
    }
}

impl Locale {
    /// Parses the form of a language tag: `en`, `pt-BR`, at most 35 bytes (RFC 5646).
    pub fn parse(text: &str) -> Result<Locale, Unfit> {
        let mut parts = text.split('-');
        let language = parts.next().is_some_and(|part| {
            (2..=8).contains(&part.len()) && part.bytes().all(|letter| letter.is_ascii_alphabetic())
        });
        let rest = parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_alphanumeric()));
        if language && rest && text.len() <= 35 {
            Ok(Locale(text.to_owned()))
        } else {
            Err(Unfit("must be a language tag like en or pt-BR"))
        }
    }
}

impl Default for Locale {
    fn default() -> Locale {
        Locale("en".to_owned())
    }
}

/// Rounds of folding after which a name that still changes is given up: real names settle in two.
const FOLD_ROUNDS_MAX: usize = 4;

/// A name as it is compared: NFKC and full case folding, repeated until nothing changes, so that the canonical
/// form of a canonical form is itself (the lesson of Spotify's account takeover, 2013). `None` when it does not
/// settle or nothing is left of it.
pub fn canonical_name(name: &str) -> Option<String> {
    let mut form = name.nfkc().collect::<String>();
    for _ in 0..FOLD_ROUNDS_MAX {
        let next = caseless::default_case_fold_str(&form).nfkc().collect::<String>();
        if next == form {
            return (!form.trim().is_empty()).then_some(form);
        }
        form = next;
    }
    None
}

/// A program's name, or whatever else others send that is shown to people: what cannot be seen is left out.
pub fn seen(text: &str, characters_max: usize) -> String {
    text.chars().filter(|c| *c == ' ' || is_visible(*c)).take(characters_max).collect()
}

fn within(text: &str, characters_max: usize, why: &'static str) -> Result<(), Unfit> {
    // Bytes first: a huge text is not counted to its end.
    let fits = !text.is_empty() && text.len() <= characters_max * 4 && text.chars().count() <= characters_max;
    if fits { Ok(()) } else { Err(Unfit(why)) }
}

fn one_line(text: &str, characters_max: usize, why: &'static str) -> Result<(), Unfit> {
    within(text, characters_max, why)?;
    if text.chars().any(is_control) {
        return Err(Unfit("must not contain control characters or line breaks"));
    }
    if !invisible_ones_fit(text) {
        return Err(Unfit("must not contain invisible characters"));
    }
    // What it looks like, whatever it is written with: ¨ is a space with a mark.
    let form = text.nfkc().collect::<String>();
    if !form.chars().any(is_visible) {
        return Err(Unfit("must have a visible character"));
    }
    if has_loose_mark(&form) {
        return Err(Unfit("must not have an accent without a letter"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn user_names() {
        let long_when_compared = "\u{fdfa}".repeat(60);
        assert!(UserName::parse(&long_when_compared).is_err());
        for good in ["a", "Анна Петровна", "名前", "x".repeat(64).as_str(), "[optik]", "o'neil^"] {
            assert!(UserName::parse(good).is_ok(), "{good}");
        }
        for bad in ["anna＠example.org", "anna﹫x", "\u{301}", "¨x", "x¨y", "´", "a\u{3164}", "a\u{3000}b\u{3000}"]
        {
            assert!(UserName::parse(bad).is_err(), "{bad:?}");
        }
        for bad in ["", " a", "a ", "a@b", "a\u{200b}b", "a\tb", "a\u{202e}b", "a\u{a0}b", "x".repeat(65).as_str()] {
            assert!(UserName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_that_look_the_same_are_the_same() {
        let same =
            [("Straße", "STRASSE"), ("Ａｎｎａ", "anna"), ("Ⅷ", "viii"), ("é", "E\u{301}"), ("ᴮᴵᴳᴮᴵᴿᴰ", "bigbird")];
        for (one, other) in same {
            assert_eq!(canonical_name(one), canonical_name(other), "{one} {other}");
        }
    }

    #[test]
    fn messages_are_kept_untrimmed_and_have_limits() {
        assert_eq!(MessageText::parse("  \n hi \r\n").unwrap().as_str(), "  \n hi \r\n");
        assert!(MessageText::parse("").is_err());
        assert!(MessageText::parse("a\0b").is_err());
        assert!(MessageText::parse(&"я".repeat(MESSAGE_CHARACTERS_MAX)).is_ok());
        assert!(MessageText::parse(&"名".repeat(MESSAGE_CHARACTERS_MAX)).is_err(), "48 KiB of UTF-8");
        assert!(MessageText::parse(&"a".repeat(MESSAGE_CHARACTERS_MAX + 1)).is_err());
    }

    #[test]
    fn one_line_names_have_something_to_see() {
        assert_eq!(Nickname::parse("[optik] ").unwrap().as_str(), "[optik] ");
        assert!(Nickname::parse("  ").is_err());
        assert!(ChatName::parse("two\nlines").is_err());
        assert!(ChatName::parse(&"c".repeat(256)).is_err());
        assert!(DisplayName::parse("Anna 🦀").is_ok());
        for bad in
            ["\u{301}", "¨x", "\u{fe0f}", "\u{2800}", "x\u{202e}y", "x\u{2066}", "x\u{200b}", "\u{200f}x", "x\u{feff}"]
        {
            assert!(Nickname::parse(bad).is_err(), "{bad:?}");
            assert!(DisplayName::parse(bad).is_err(), "{bad:?}");
            assert!(ChatName::parse(bad).is_err(), "{bad:?}");
            assert!(TokenName::parse(bad).is_err(), "{bad:?}");
            assert!(PasskeyName::parse(bad).is_err(), "{bad:?}");
        }
        assert!(DisplayName::parse("family 👨\u{200d}👩\u{200d}👧").is_ok());
        assert_eq!(seen("Fire\u{202e}fox 1\n", 20), "Firefox 1");
    }

    #[test]
    fn nicknames_are_compared_by_what_is_seen_of_them() {
        let key = |text: &str| Nickname::parse(text).unwrap().key();
        let anna = UserName::parse("Anna").unwrap().canonical();
        for same in ["anna", "ANNA", " Anna ", "Ａｎｎａ", "anna\u{a0}"] {
            assert_eq!(key(same), anna, "{same:?}");
        }
        assert_ne!(key("ann"), anna);
        assert_eq!(key("❤\u{fe0f}"), key("❤"));
    }

    #[test]
    fn addresses_zones_and_languages() {
        assert!(Email::parse("anna@example.org").is_ok());
        for bad in ["a＠b@c.org", "anna@example．．org", "¨a@example.org", "a\u{202e}@b.org"] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
        for bad in
            ["anna", "@example.org", "anna@", "a b@example.org", "a@b@c.org", "anna@exa mple", "a@.org", "a@b..c"]
        {
            assert!(Email::parse(bad).is_err(), "{bad}");
        }
        assert!(TimeZone::parse("America/Argentina/Buenos_Aires").is_ok());
        assert!(TimeZone::parse("Europe Berlin").is_err());
        for (text, name) in [
            ("Europe/Berlin", "Europe/Berlin"),
            ("europe/berlin", "Europe/Berlin"),
            ("utc", "UTC"),
            ("Asia/Kathmandu", "Asia/Kathmandu"),
            ("Etc/GMT+5", "Etc/GMT+5"),
        ] {
            assert_eq!(TimeZone::existing(text).unwrap().as_str(), name);
        }
        for none in ["", "Mars/Olympus", "Etc/Unknown", "Europe Berlin", "CET-1CEST", "+02:00"] {
            assert!(TimeZone::existing(none).is_err(), "{none}");
        }
        assert!(Locale::parse("zh-Hant-TW").is_ok());
        assert!(Locale::parse("e").is_err());
    }

    proptest! {
        #[test]
        fn canonical_is_a_fixpoint(name in "\\PC{1,64}") {
            if let Some(form) = canonical_name(&name) {
                prop_assert_eq!(canonical_name(&form), Some(form));
            }
        }

        #[test]
        fn any_string_is_a_name_or_unfit(text in "(?s).{0,80}") {
            if let Ok(name) = UserName::parse(&text) {
                prop_assert_eq!(name.as_str(), &text);
                prop_assert!(!name.canonical().is_empty());
                prop_assert!(Nickname::parse(&text).is_ok());
                prop_assert!(DisplayName::parse(&text).is_ok());
            }
            if let Ok(name) = Nickname::parse(&text) {
                prop_assert_eq!(name.as_str(), &text);
            }
        }
    }
}
