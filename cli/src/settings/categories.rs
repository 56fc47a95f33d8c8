//! Categories of notifications that settings add: `[categories.<key>]` in `letopis.toml`.

use super::duration;
use super::layers::unknown;
use crate::exit::{Code, failure};
use anyhow::Result;
use domain::notify::{Category, CategoryKey, Channel, Kind, QuietRule, Semantics, Throttle, Words};
use std::borrow::Cow;
use toml::{Table, Value};

/// The key of the tables in `letopis.toml`.
pub const KEY: &str = "categories";

/// What can be set of each, with what it means.
pub const FIELDS: [(&str, &str); 12] = [
    ("kind", "transactional or marketing; must be set"),
    ("title", "the name that people see; must be set"),
    ("title_ru", "the same in Russian; by default the title"),
    ("description", "what it is about, in a sentence; by default the title"),
    ("description_ru", "the same in Russian; by default the description"),
    ("channels", "how it can reach people: email, inbox, live, webhook; by default the first three"),
    ("default_channels", "those of them that are on until a user switches them off; by default all of them"),
    ("locked", "true when users cannot switch it off; marketing cannot be locked; by default false"),
    ("quiet_hours", "defer, which waits until quiet hours end, or bypass; by default defer"),
    ("expires_in", "how long it may still be sent, from 60s to 30d; by default 1d"),
    ("semantics", "at-least-once or at-most-once; by default the first, for marketing the second"),
    ("throttle", "how many a person gets by one channel, like 5/d (s, m, h, d); by default no limit"),
];

/// Most characters of a title or a description.
const CHARACTERS_MAX: usize = 200;
/// What holds where `expires_in` is not set: a day, in seconds.
const EXPIRES_IN: u32 = 24 * 3_600;

/// Reads the tables. `file` is shown in errors.
///
/// # Errors
/// The first value that cannot be used, and what it must be.
pub fn read(value: &Value, file: &str) -> Result<Vec<Category>> {
    let Some(tables) = value.as_table() else {
        return Err(failure(Code::Usage, format!("{file}: {KEY} must be tables like [{KEY}.news]")));
    };
    let one = |(key, value): (&String, &Value)| {
        let place = format!("{file}: {KEY}.{key}");
        let parsed = CategoryKey::parse(key).map_err(|unfit| failure(Code::Usage, format!("{place} {unfit}")))?;
        let Some(table) = value.as_table() else {
            return Err(failure(Code::Usage, format!("{place} must be a table: write [{KEY}.{key}] above it")));
        };
        if let Some(other) = table.keys().find(|name| !FIELDS.iter().any(|(field, _)| field == name)) {
            return Err(unknown(&format!("{place} has no {other}"), other, FIELDS.iter().map(|(field, _)| *field)));
        }
        category(parsed, &Fields { table, place: &place })
    };
    tables.iter().map(one).collect()
}

fn category(key: CategoryKey, fields: &Fields<'_>) -> Result<Category> {
    let kind = match fields.word("kind", &[Kind::Transactional, Kind::Marketing], Kind::name)? {
        Some(kind) => kind,
        None => return Err(fields.fault("kind", "must be set: transactional or marketing")),
    };
    let title = fields.text("title")?.ok_or_else(|| fields.fault("title", "must be set"))?;
    let title_ru = fields.text("title_ru")?.unwrap_or_else(|| title.clone());
    let described = fields.text("description")?;
    let description = described.clone().unwrap_or_else(|| title.clone());
    let fallback = described.unwrap_or_else(|| title_ru.clone());
    let description_ru = fields.text("description_ru")?.unwrap_or(fallback);
    let channels = fields.channels("channels", Channel::ALL)?;
    let channels = channels.unwrap_or_else(|| vec![Channel::Email, Channel::Inbox, Channel::Live]);
    let default_on = fields.channels("default_channels", &channels)?.unwrap_or_else(|| channels.clone());
    let locked = fields.yes("locked")?;
    let semantics = match kind {
        Kind::Marketing if locked => {
            return Err(fields.fault("locked", "cannot be true of marketing: people must be able to switch it off"));
        }
        Kind::Marketing => Semantics::AtMostOnce,
        Kind::Security | Kind::Transactional => Semantics::AtLeastOnce,
    };
    Ok(Category {
        key,
        kind,
        title: Words { en: Cow::Owned(title), ru: Cow::Owned(title_ru) },
        description: Words { en: Cow::Owned(description), ru: Cow::Owned(description_ru) },
        channels,
        default_on,
        locked,
        quiet: fields.word("quiet_hours", QuietRule::ALL, QuietRule::name)?.unwrap_or(QuietRule::Defer),
        expires_in: fields.seconds("expires_in")?.unwrap_or(EXPIRES_IN),
        semantics: fields.word("semantics", Semantics::ALL, Semantics::name)?.unwrap_or(semantics),
        throttle: fields.throttle("throttle")?,
    })
}

/// One table, and what it is called in errors.
struct Fields<'a> {
    table: &'a Table,
    place: &'a str,
}

impl Fields<'_> {
    fn fault(&self, field: &str, what: &str) -> anyhow::Error {
        failure(Code::Usage, format!("{}.{field} {what}", self.place))
    }

    fn string(&self, field: &str) -> Result<Option<&str>> {
        let Some(value) = self.table.get(field) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.fault(field, "must be a string"))
    }

    fn text(&self, field: &str) -> Result<Option<String>> {
        let Some(text) = self.string(field)? else { return Ok(None) };
        let fits =
            !text.trim().is_empty() && text.chars().count() <= CHARACTERS_MAX && !text.contains(char::is_control);
        if fits {
            Ok(Some(text.to_owned()))
        } else {
            Err(self.fault(field, "must have 1 to 200 characters in one line"))
        }
    }

    fn word<T: Copy>(&self, field: &str, all: &[T], name: fn(T) -> &'static str) -> Result<Option<T>> {
        let Some(text) = self.string(field)? else { return Ok(None) };
        let found = all.iter().copied().find(|one| name(*one) == text);
        found.map(Some).ok_or_else(|| self.none_of(field, all, name))
    }

    fn none_of<T: Copy>(&self, field: &str, all: &[T], name: fn(T) -> &'static str) -> anyhow::Error {
        let names = all.iter().map(|one| name(*one)).collect::<Vec<_>>().join(", ");
        self.fault(field, &format!("must be one of {names}"))
    }

    fn channels(&self, field: &str, allowed: &[Channel]) -> Result<Option<Vec<Channel>>> {
        let Some(value) = self.table.get(field) else { return Ok(None) };
        let list = value.as_array().ok_or_else(|| self.fault(field, "must be a list"))?;
        let mut channels = Vec::new();
        for name in list {
            let channel = name.as_str().and_then(Channel::parse).filter(|channel| allowed.contains(channel));
            let channel = channel.ok_or_else(|| self.none_of(field, allowed, Channel::name))?;
            if channels.contains(&channel) {
                return Err(self.fault(field, "names a channel twice"));
            }
            channels.push(channel);
        }
        if field == "channels" && channels.iter().all(|channel| *channel == Channel::Live) {
            return Err(self.fault(field, "must name at least one channel besides live"));
        }
        Ok(Some(channels))
    }

    fn yes(&self, field: &str) -> Result<bool> {
        let Some(value) = self.table.get(field) else { return Ok(false) };
        value.as_bool().ok_or_else(|| self.fault(field, "must be true or false"))
    }

    fn seconds(&self, field: &str) -> Result<Option<u32>> {
        let Some(text) = self.string(field)? else { return Ok(None) };
        let seconds = duration(text).and_then(|time| u32::try_from(time.as_secs()).ok());
        let fits = |seconds: &u32| (Category::EXPIRES_IN_MIN..=Category::EXPIRES_IN_MAX).contains(seconds);
        let seconds = seconds.filter(fits);
        seconds.map(Some).ok_or_else(|| self.fault(field, "must be a time from 60s to 30d, like 12h"))
    }

    fn throttle(&self, field: &str) -> Result<Option<Throttle>> {
        let Some(text) = self.string(field)? else { return Ok(None) };
        let parsed = text.split_once('/').and_then(|(count, unit)| {
            let seconds = match unit {
                "s" => 1,
                "m" => 60,
                "h" => 3_600,
                "d" => 86_400,
                _ => return None,
            };
            let count = count.parse::<u32>().ok().filter(|count| *count > 0)?;
            Some(Throttle { count, seconds })
        });
        parsed.map(Some).ok_or_else(|| self.fault(field, "must be a number in a time, like 5/d or 20/h"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Layers, Settings};

    fn read_text(text: &str) -> Result<Vec<Category>> {
        let table = text.parse::<Table>().unwrap();
        read(&table[KEY], "letopis.toml")
    }

    fn fault(text: &str) -> String {
        let error = read_text(text).unwrap_err();
        assert_eq!(crate::exit::code_of(&error), Code::Usage);
        error.to_string()
    }

    #[test]
    fn what_is_not_set_follows_from_the_kind() {
        let all = read_text(
            "[categories.news]\nkind = 'marketing'\ntitle = 'News'\n\
             [categories.orders]\nkind = 'transactional'\ntitle = 'Orders'\ntitle_ru = 'Заказы'\nlocked = true",
        );
        let [news, orders] = <[Category; 2]>::try_from(all.unwrap()).unwrap();
        assert_eq!((news.key.as_str(), news.semantics, news.locked), ("news", Semantics::AtMostOnce, false));
        assert_eq!((news.title.ru.as_ref(), news.description.en.as_ref()), ("News", "News"));
        assert_eq!((orders.semantics, orders.locked, orders.expires_in), (Semantics::AtLeastOnce, true, 86_400));
        assert_eq!((orders.title.ru.as_ref(), orders.description.ru.as_ref()), ("Заказы", "Заказы"));
        assert_eq!(orders.default_on, [Channel::Email, Channel::Inbox, Channel::Live]);
        assert_eq!((orders.quiet, orders.throttle), (QuietRule::Defer, None));
    }

    #[test]
    fn the_file_adds_them_to_those_that_are_built_in() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("letopis.toml");
        let settings = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Settings::read(&Layers::load(Some(&path), std::iter::empty::<(String, String)>(), &[])?)
        };
        let news = "kind = 'marketing'\ntitle = 'News'";
        let all = settings(&format!("listen = '127.0.0.1:1'\n[categories.news]\n{news}")).unwrap().categories;
        assert!(all.find("news").is_some() && all.find("security").is_some());
        let told = |text: &str| settings(&format!("{text}\n{news}")).unwrap_err().to_string();
        let twice = told("[categories.security]");
        assert!(twice.contains("categories.security is the key of another category"), "{twice}");
        let misspelt = told("[categores.news]");
        assert!(misspelt.contains("did you mean categories?"), "{misspelt}");
    }

    #[test]
    fn everything_can_be_set() {
        let all = read_text(
            "[categories.alarms]\nkind = 'transactional'\ntitle = 'Alarms'\ndescription = 'What burns.'\n\
             description_ru = 'Что горит.'\nchannels = ['email', 'webhook']\ndefault_channels = ['webhook']\n\
             quiet_hours = 'bypass'\nexpires_in = '15m'\nsemantics = 'at-most-once'\nthrottle = '5/d'",
        );
        let [alarms] = <[Category; 1]>::try_from(all.unwrap()).unwrap();
        assert_eq!(alarms.channels, [Channel::Email, Channel::Webhook]);
        assert_eq!(alarms.default_on, [Channel::Webhook]);
        assert_eq!((alarms.quiet, alarms.expires_in), (QuietRule::Bypass, 900));
        assert_eq!(
            (alarms.semantics, alarms.throttle),
            (Semantics::AtMostOnce, Some(Throttle { count: 5, seconds: 86_400 }))
        );
        assert_eq!((alarms.description.en.as_ref(), alarms.description.ru.as_ref()), ("What burns.", "Что горит."));
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_place() {
        let of = |line: &str| fault(&format!("[categories.news]\nkind = 'marketing'\ntitle = 'News'\n{line}"));
        for (line, told) in [
            ("chanels = []", "did you mean channels?"),
            ("channels = []", "categories.news.channels must name at least one channel"),
            ("channels = ['live']", "categories.news.channels must name at least one channel besides live"),
            ("channels = ['fax']", "must be one of email, inbox, live, webhook"),
            ("channels = ['email', 'email']", "names a channel twice"),
            ("channels = 'email'", "must be a list"),
            ("channels = ['email']\ndefault_channels = ['inbox']", "default_channels must be one of email"),
            ("locked = true", "cannot be true of marketing"),
            ("locked = 'no'", "must be true or false"),
            ("expires_in = '59s'", "from 60s to 30d"),
            ("expires_in = 60", "must be a string"),
            ("semantics = 'exactly-once'", "must be one of at-least-once, at-most-once"),
            ("quiet_hours = 'drop'", "must be one of bypass, defer"),
            ("throttle = '0/d'", "like 5/d"),
            ("throttle = '5'", "like 5/d"),
            ("title_ru = ''", "must have 1 to 200 characters"),
        ] {
            let error = of(line);
            assert!(error.contains("letopis.toml: categories.news") && error.contains(told), "{line}: {error}");
        }
        assert!(fault("[categories.News]\nkind = 'marketing'").contains("lower-case"));
        assert!(fault("[categories.news]\ntitle = 'News'").contains("categories.news.kind must be set"));
        assert!(fault("[categories.news]\nkind = 'marketing'").contains("categories.news.title must be set"));
        assert!(fault("[categories.news]\nkind = 'security'\ntitle = 'x'").contains("one of transactional, marketing"));
        assert!(fault("categories = 'news'").contains("must be tables like [categories.news]"));
        assert!(fault("[categories]\nnews = 1").contains("must be a table"));
    }
}
