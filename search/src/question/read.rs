//! Reading a question.

use super::{
    CHARACTERS_MAX, CLAUSES_MAX, Clause, Edge, Group, Note, PHRASE_WORDS_MAX, Part, Question, Reading, Span,
    SyntaxError, WIDE_MAX, WORDS_MAX,
};
use crate::words::{self, PartKind, folded_name};
use domain::Timestamp;

/// Fewer characters before `*` are a word: a large part of all words begins with any one.
const BEGINNING_CHARACTERS_MIN: usize = 2;
/// Fewer characters behind `~` are a word: most short words are like any other.
const FUZZY_CHARACTERS_MIN: usize = 3;
/// Up to this many characters a `~word` may have one typing error, from there on two.
const ONE_ERROR_CHARACTERS_MAX: usize = 5;

/// Reads what a user typed or pasted, however long.
///
/// # Errors
/// [`SyntaxError`] where a filter names a day that does not exist, and where there is nothing to look for.
pub fn question(text: &str) -> Result<Question, SyntaxError> {
    let read = beginning_of(text);
    let notes = if read.len() < text.len() { vec![Note::LongQuestion] } else { Vec::new() };
    let mut reader = Reader {
        text: read,
        is_whole: read.len() == text.len(),
        at: 0,
        groups: Vec::new(),
        notes,
        clauses: 0,
        words: 0,
        wide: 0,
        or: false,
        is_full: false,
    };
    while !reader.is_full && reader.item()? {}
    if reader.groups.is_empty() {
        return Err(SyntaxError {
            at: 0,
            why: "there is nothing to look for: ask for a word, or for a filter like from:name",
        });
    }
    Ok(Question { groups: reader.groups, notes: reader.notes })
}

/// As much of a text as is read of it: its first characters behind the spaces, to the end of a word where there is one.
pub fn beginning_of(text: &str) -> &str {
    let spaces = text.len() - text.trim_start().len();
    let Some((end, _)) = text[spaces..].char_indices().nth(CHARACTERS_MAX) else { return text };
    let cut = &text[..spaces + end];
    let in_word = !text[cut.len()..].starts_with(char::is_whitespace);
    match cut.rfind(char::is_whitespace).filter(|space| in_word && *space > spaces) {
        Some(space) => &cut[..space],
        None => cut,
    }
}

struct Reader<'a> {
    text: &'a str,
    /// Whether the text is all that was typed.
    is_whole: bool,
    /// In bytes.
    at: usize,
    groups: Vec<Group>,
    notes: Vec<Note>,
    clauses: usize,
    words: usize,
    wide: usize,
    /// Whether `OR` stands before what comes next.
    or: bool,
    /// Whether nothing more is read.
    is_full: bool,
}

/// A filter that was read, or why it is none.
enum Filter {
    Is(Clause),
    IsWords(Note),
}

impl<'a> Reader<'a> {
    /// Reads one item; false at the end.
    fn item(&mut self) -> Result<bool, SyntaxError> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches(|one: char| one.is_whitespace() || is_between(one)).len();
        // The star of a keycap means something.
        if self.text[..self.at].ends_with('*') && self.text[self.at..].starts_with(['\u{fe0f}', '\u{20e3}']) {
            self.at -= 1;
        }
        let start = self.at;
        let mut rest = &self.text[start..];
        if rest.is_empty() {
            return Ok(false);
        }
        // One `-` negates. Several are an option as somebody types it (`--force`), or a dash: these mean nothing.
        let without_dashes = rest.trim_start_matches('-');
        let not = rest.len() - without_dashes.len() == 1;
        rest = without_dashes;
        let tilde = rest.starts_with('~');
        if tilde {
            rest = &rest[1..];
        }
        // `~/.bashrc` is a path.
        let fuzzy = tilde && rest.starts_with(char::is_alphanumeric);
        self.at = self.text.len() - rest.len();
        if let Some((quoted, end)) = quoted(rest) {
            self.at += end;
            let words = self.phrase_words(&words::parts(quoted));
            if !words.is_empty() {
                self.push(not, Clause::Phrase(words));
            }
            return Ok(true);
        }
        let bare = rest.split(|one: char| one.is_whitespace() || quote_end(one).is_some()).next().unwrap_or_default();
        if !fuzzy
            && let Some((key, _)) = bare.split_once(':')
            && self.filter(not, key)?
        {
            return Ok(true);
        }
        self.at += bare.len();
        let last = self.is_whole && self.at == self.text.len();
        match bare {
            "OR" | "ИЛИ" | "|" | "||" if !not && !fuzzy => self.or = !self.groups.is_empty(),
            _ => self.words(not, fuzzy, bare, last),
        }
        Ok(true)
    }

    /// Reads `key:value`; false when the key is none of ours or the value none of its values, so that these are words
    /// like others (`12:30`, `on:click`).
    fn filter(&mut self, not: bool, key: &str) -> Result<bool, SyntaxError> {
        let value_at = self.at + key.len() + 1;
        let key = key.to_ascii_lowercase();
        let rest = &self.text[value_at..];
        let quoted = quoted(rest);
        let (value, end) = quoted.unwrap_or_else(|| {
            let value = rest.split(char::is_whitespace).next().unwrap_or_default();
            // What stands around a filter is none of its value, `(from:anna), in:home`; brackets of its own are.
            let own = value.contains('(');
            (value.trim_matches(|one| is_between(one) && !(own && matches!(one, '(' | ')'))), value.len())
        });
        let name = folded_name(value);
        let written = || format!("{key}:{value}");
        let is_words = |needs| Filter::IsWords(Note::NoFilter { written: written(), needs });
        let filter = match key.as_str() {
            "before" | "after" | "on" => match Span::read(value.trim()) {
                Reading::Span(span) => Filter::Is(said(&key, span)),
                Reading::Words => Filter::IsWords(Note::NoDay { written: written() }),
                Reading::NoSuchDay => {
                    return Err(SyntaxError {
                        at: self.text[..value_at].chars().count(),
                        why: "a day is written like 2026-01-31, a month 2026-01, a year 2026, an instant \
                              2026-01-31T10:00:00Z; what only looks like a filter stands in quotes: \"on:1.2.3\"",
                    });
                }
            },
            "has" if name == "link" => Filter::Is(Clause::HasLink),
            "has" => is_words("has: knows only has:link"),
            "from" | "in" if name.trim_matches(['@', '#']).is_empty() => {
                is_words("a name must follow the colon, one with spaces in quotes")
            }
            "from" if name == "me" && quoted.is_none() => Filter::Is(Clause::FromMe),
            "from" => Filter::Is(Clause::From(name)),
            "in" => Filter::Is(Clause::In(name)),
            _ => return Ok(false),
        };
        match filter {
            Filter::Is(clause) => {
                self.at = value_at + end;
                self.push(not, clause);
                Ok(true)
            }
            Filter::IsWords(note) => {
                self.note(note);
                Ok(false)
            }
        }
    }

    /// Reads what stands between two spaces: a word, an identifier, several words with commas between.
    fn words(&mut self, not: bool, fuzzy: bool, bare: &str, last: bool) {
        let starred = bare.ends_with('*');
        let parts = words::parts(bare);
        let mut at = 0;
        while at < parts.len() && !self.is_full {
            let end = words::chunk_end(&parts, at);
            let chunk = &parts[at..end];
            let at_end = end == parts.len();
            let typed = last && at_end && !not && words::ends_in_word(bare);
            let clause = match chunk {
                [one] if fuzzy => self.fuzzy(one),
                _ if starred && at_end => self.beginning(chunk),
                [one] if !one.bound.is_empty() && typed => Clause::Prefix(self.phrase_words(chunk)),
                [one] if !one.bound.is_empty() => Clause::Phrase(self.phrase_words(chunk)),
                [one] if typed => Clause::Typed(one.word.clone()),
                [one] => Clause::Word(one.word.clone()),
                _ => self.identifier(chunk, typed),
            };
            self.push(not, clause);
            at = end;
        }
    }

    /// Whether there is room for one more clause that is compared with every word.
    fn is_wide(&mut self) -> bool {
        if self.wide == WIDE_MAX {
            self.note(Note::ManyWide);
            return false;
        }
        self.wide += 1;
        true
    }

    fn fuzzy(&mut self, part: &words::Part) -> Clause {
        let word = part.word.clone();
        let characters = word.chars().count();
        if part.made_of != PartKind::Letters || characters < FUZZY_CHARACTERS_MIN || !self.is_wide() {
            return Clause::Word(word);
        }
        Clause::Fuzzy { word, errors: if characters > ONE_ERROR_CHARACTERS_MAX { 2 } else { 1 } }
    }

    fn beginning(&mut self, chunk: &[words::Part]) -> Clause {
        let words = self.phrase_words(chunk);
        let is_whole = words.len() == chunk.len();
        match (words.as_slice(), chunk) {
            ([word], [part]) if part.made_of != PartKind::Sign && word.chars().count() < BEGINNING_CHARACTERS_MIN => {
                self.note(Note::ShortBeginning(word.clone()));
                Clause::Word(part.word.clone())
            }
            _ if is_whole && self.is_wide() => Clause::Prefix(words),
            _ => Clause::Phrase(words),
        }
    }

    fn identifier(&mut self, chunk: &[words::Part], typed: bool) -> Clause {
        let phrase = self.phrase_words(chunk);
        let typed = typed && phrase.len() == chunk.len();
        match words::compound(chunk) {
            Some(stem) if phrase.len() == chunk.len() => Clause::Compound { stem, phrase, typed },
            _ if typed => Clause::Prefix(phrase),
            _ => Clause::Phrase(phrase),
        }
    }

    /// The words of a phrase as they are indexed: with their signs, where these are part of what was written. As many
    /// as may be looked for.
    fn phrase_words(&mut self, parts: &[words::Part]) -> Vec<String> {
        if parts.len() > PHRASE_WORDS_MAX {
            self.note(Note::LongPhrase);
        }
        let (most, left) = (parts.len().min(PHRASE_WORDS_MAX), WORDS_MAX - self.words);
        if most > left {
            self.note(Note::ManyWords);
        }
        let words = parts.iter().take(most.min(left));
        words.map(|part| part.bound.first().unwrap_or(&part.word).clone()).collect()
    }

    /// Adds a clause, when there is room for it.
    fn push(&mut self, not: bool, clause: Clause) {
        let words = match &clause {
            Clause::Phrase(words) | Clause::Prefix(words) | Clause::Compound { phrase: words, .. } => words.len(),
            Clause::Word(_) | Clause::Typed(_) | Clause::Fuzzy { .. } => 1,
            Clause::From(_) | Clause::FromMe | Clause::In(_) | Clause::Said(..) | Clause::HasLink => 0,
        };
        if self.clauses == CLAUSES_MAX || self.words == WORDS_MAX {
            let is_many = self.clauses == CLAUSES_MAX;
            self.note(if is_many { Note::ManyClauses } else { Note::ManyWords });
            self.is_full = true;
            return;
        }
        self.clauses += 1;
        self.words += words;
        let part = Part { not, clause };
        match self.groups.last_mut() {
            Some(group) if self.or => group.any.push(part),
            _ => self.groups.push(Group { any: vec![part] }),
        }
        self.or = false;
    }

    /// Says a thing once.
    fn note(&mut self, note: Note) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// What a stretch of time asks for with that key.
fn said(key: &str, span: Span) -> Clause {
    match key {
        "before" => Clause::Said(None, Some(span.from)),
        "after" if !span.is_instant => Clause::Said(Some(span.to), None),
        "after" => Clause::Said(Some(just_after(span.from)), None),
        _ => Clause::Said(Some(span.from), Some(span.to)),
    }
}

/// The next microsecond.
fn just_after(edge: Edge) -> Edge {
    match edge {
        Edge::Instant(Timestamp(at)) => Edge::Instant(Timestamp(at.saturating_add(1))),
        Edge::Local(local) => Edge::Local(local.saturating_add(jiff::Span::new().microseconds(1))),
    }
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
