//! Reading a question.

use super::{Broken, CHARACTERS_MAX, CLAUSES_MAX, Clause, Days, Group, PHRASE_WORDS_MAX, Part, Question, WIDE_MAX};
use crate::words::{self, folded_name};

/// Fewer characters before `*` are refused: a large part of all words begins with any one.
const BEGINNING_CHARACTERS_MIN: usize = 2;
/// Up to this many characters a `~word` may have one typing error, from there on two.
const ONE_ERROR_CHARACTERS_MAX: usize = 5;

/// Reads what a user typed.
///
/// # Errors
/// [`Broken`] where a filter or a sign has no readable value, where a limit of this module is passed, and where there
/// is nothing to look for.
pub fn question(text: &str) -> Result<Question, Broken> {
    // Bytes first: a huge text is not counted to its end.
    if text.len() > CHARACTERS_MAX * 4 || text.chars().nth(CHARACTERS_MAX).is_some() {
        return Err(Broken { at: CHARACTERS_MAX, why: "a question has at most 1000 characters" });
    }
    let mut reader = Reader { text, at: 0, groups: Vec::new(), clauses: 0, wide: 0, or: false };
    while reader.item()? {}
    if reader.groups.is_empty() {
        return Err(Broken {
            at: 0,
            why: "there is nothing to look for: ask for a word, or for a filter like from:name",
        });
    }
    Ok(Question { groups: reader.groups })
}

struct Reader<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
    groups: Vec<Group>,
    clauses: usize,
    wide: usize,
    /// Whether `OR` stands before what comes next.
    or: bool,
}

impl<'a> Reader<'a> {
    /// Reads one item; false at the end.
    fn item(&mut self) -> Result<bool, Broken> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches(|one: char| one.is_whitespace() || is_between(one)).len();
        let start = self.at;
        let mut rest = &self.text[start..];
        if rest.is_empty() {
            return Ok(false);
        }
        // One `-` negates. Several are an option as somebody types it (`--force`), or a dash: these mean nothing.
        let without_dashes = rest.trim_start_matches('-');
        let not = rest.len() - without_dashes.len() == 1;
        rest = without_dashes;
        let fuzzy = rest.starts_with('~');
        if fuzzy {
            rest = &rest[1..];
        }
        self.at = self.text.len() - rest.len();
        if let Some((quoted, end)) = quoted(rest) {
            self.at += end;
            self.phrase(start, not, quoted)?;
            return Ok(true);
        }
        let bare = rest.split(|one: char| one.is_whitespace() || quote_end(one).is_some()).next().unwrap_or_default();
        if !fuzzy
            && let Some((key, _)) = bare.split_once(':')
            && self.filter(start, not, key)?
        {
            return Ok(true);
        }
        self.at += bare.len();
        let last = self.at == self.text.len();
        match bare {
            "OR" | "ИЛИ" | "|" | "||" if !not && !fuzzy => self.or = !self.groups.is_empty(),
            _ => self.words(start, (not, fuzzy), bare, last)?,
        }
        Ok(true)
    }

    fn phrase(&mut self, start: usize, not: bool, quoted: &str) -> Result<(), Broken> {
        let words = self.phrase_words(start, &words::parts(quoted))?;
        if words.is_empty() { Ok(()) } else { self.push(start, not, Clause::Phrase(words)) }
    }

    /// Reads `key:value`; false when the key is none of ours, so that these are words like others (`12:30`).
    fn filter(&mut self, start: usize, not: bool, key: &str) -> Result<bool, Broken> {
        let key = key.to_ascii_lowercase();
        if !["from", "in", "before", "after", "on", "has"].contains(&key.as_str()) {
            return Ok(false);
        }
        let value_at = self.at + key.len() + 1;
        let rest = &self.text[value_at..];
        let (value, end) = quoted(rest).unwrap_or_else(|| {
            let value = rest.split(char::is_whitespace).next().unwrap_or_default();
            // What stands around a filter is none of its value, `(from:anna), in:home`; brackets of its own are.
            let own = value.contains('(');
            (value.trim_matches(|one| is_between(one) && !(own && matches!(one, '(' | ')'))), value.len())
        });
        let broken = |why| Broken { at: self.text[..value_at].chars().count(), why };
        let day = || {
            Days::parse(value).ok_or_else(|| broken("a day is written like 2026-01-31, a month 2026-01, a year 2026"))
        };
        let clause = match key.as_str() {
            "before" => Clause::Said(None, Some(day()?.from)),
            "after" => Clause::Said(Some(day()?.to), None),
            "on" => day().map(|days| Clause::Said(Some(days.from), Some(days.to)))?,
            "has" if folded_name(value) == "link" => Clause::HasLink,
            "has" => return Err(broken("has: knows only has:link")),
            _ if folded_name(value).is_empty() => {
                return Err(broken("a name must follow; one with spaces stands in quotes: from:\"Anna P.\""));
            }
            "from" => Clause::From(folded_name(value)),
            _ => Clause::In(folded_name(value)),
        };
        self.at = value_at + end;
        self.push(start, not, clause)?;
        Ok(true)
    }

    /// Reads what stands between two spaces: a word, an identifier, several words with commas between.
    fn words(&mut self, start: usize, (not, fuzzy): (bool, bool), bare: &str, last: bool) -> Result<(), Broken> {
        let starred = bare.ends_with('*');
        let parts = words::parts(bare);
        let mut at = 0;
        while at < parts.len() {
            let end = words::chunk_end(&parts, at);
            let chunk = &parts[at..end];
            let at_end = end == parts.len();
            let typed = last && at_end && bare.ends_with(|one: char| one.is_alphanumeric());
            let clause = match chunk {
                [one] if fuzzy => fuzzy_word(&one.word),
                _ if starred && at_end => self.beginning(start, chunk)?,
                [one] if one.bound.is_some() && typed && !not => Clause::Prefix(self.phrase_words(start, chunk)?),
                [one] if one.bound.is_some() => Clause::Phrase(self.phrase_words(start, chunk)?),
                [one] if typed && !not => Clause::Typed(one.word.clone()),
                [one] => Clause::Word(one.word.clone()),
                _ => self.identifier(start, chunk, typed && !not)?,
            };
            if fuzzy || (starred && at_end) {
                self.wide += 1;
            }
            if self.wide > WIDE_MAX {
                return Err(self.broken(start, "a question has at most 4 beginnings of words* and ~words"));
            }
            self.push(start, not, clause)?;
            at = end;
        }
        Ok(())
    }

    fn beginning(&self, start: usize, chunk: &[words::Part]) -> Result<Clause, Broken> {
        let words = self.phrase_words(start, chunk)?;
        match words.as_slice() {
            [word] if word.chars().count() < BEGINNING_CHARACTERS_MIN => {
                Err(self.broken(start, "at least 2 characters of a word stand before *"))
            }
            _ => Ok(Clause::Prefix(words)),
        }
    }

    fn identifier(&self, start: usize, chunk: &[words::Part], typed: bool) -> Result<Clause, Broken> {
        let phrase = self.phrase_words(start, chunk)?;
        Ok(match words::compound(chunk) {
            Some(stem) => Clause::Compound { stem, phrase, typed },
            None if typed => Clause::Prefix(phrase),
            None => Clause::Phrase(phrase),
        })
    }

    /// The words of a phrase as they are indexed: with their signs, where these are part of what was written.
    fn phrase_words(&self, start: usize, parts: &[words::Part]) -> Result<Vec<String>, Broken> {
        if parts.len() > PHRASE_WORDS_MAX {
            return Err(self.broken(start, "a phrase has at most 32 words"));
        }
        Ok(parts.iter().map(|part| part.bound.clone().unwrap_or_else(|| part.word.clone())).collect())
    }

    fn push(&mut self, start: usize, not: bool, clause: Clause) -> Result<(), Broken> {
        self.clauses += 1;
        if self.clauses > CLAUSES_MAX {
            return Err(self.broken(start, "a question has at most 32 words, phrases and filters"));
        }
        let part = Part { not, clause };
        match self.groups.last_mut() {
            Some(group) if self.or => group.any.push(part),
            _ => self.groups.push(Group { any: vec![part] }),
        }
        self.or = false;
        Ok(())
    }

    fn broken(&self, at: usize, why: &'static str) -> Broken {
        Broken { at: self.text[..at].chars().count(), why }
    }
}

fn fuzzy_word(word: &str) -> Clause {
    let errors = if word.chars().count() > ONE_ERROR_CHARACTERS_MAX { 2 } else { 1 };
    Clause::Fuzzy { word: word.to_owned(), errors }
}

/// What stands in quotes at the beginning, and where the quotes end. Without an end it goes on to the end of the text.
fn quoted(text: &str) -> Option<(&str, usize)> {
    let open = text.chars().next()?;
    let close = quote_end(open)?;
    let inner = &text[open.len_utf8()..];
    Some(match inner.char_indices().find(|(_, one)| close.contains(one)) {
        Some((end, one)) => (&inner[..end], open.len_utf8() + end + one.len_utf8()),
        None => (inner, text.len()),
    })
}

/// What ends a quotation that begins so.
fn quote_end(open: char) -> Option<&'static [char]> {
    match open {
        '"' => Some(&['"']),
        '«' => Some(&['»']),
        '“' | '„' => Some(&['”', '“']),
        _ => None,
    }
}

/// What may stand between two items beside spaces, and means nothing: brackets, commas, quotes that end nothing.
fn is_between(one: char) -> bool {
    matches!(one, '(' | ')' | ',' | ';' | '»' | '”' | '*')
}
