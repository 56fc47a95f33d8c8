//! What a question is answered with beside hits: where it was read otherwise than it was meant, perhaps.

use super::{CHARACTERS_MAX, CLAUSES_MAX, PHRASE_WORDS_MAX, WIDE_MAX, WORDS_MAX};
use std::fmt::{self, Display, Formatter};

/// Most characters of a question that a note repeats.
const REPEATED_MAX: usize = 64;

/// Something that the caller should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// It is longer than what is read of a question.
    LongQuestion,
    /// It has more clauses than are looked for.
    ManyClauses,
    /// A phrase has more words than are looked for.
    LongPhrase,
    /// All clauses together have more words than are looked for.
    ManyWords,
    /// It has more beginnings of words and `~words` than are looked for as such.
    ManyWide,
    /// So little stands before `*` that it is looked for as a word.
    ShortBeginning(String),
    /// What looks like a filter by time is looked for as words.
    NoDay {
        /// With its key.
        written: String,
    },
    /// What looks like a filter is looked for as words.
    NoFilter {
        /// With its key.
        written: String,
        /// What the filter needs.
        needs: &'static str,
    },
    /// Nobody has this name in the chats that are asked about.
    UnknownPerson(String),
    /// None of the chats that are asked about has this name.
    UnknownChat(String),
    /// `me` is nobody where an operator asks.
    NobodyAsks,
}

impl Display for Note {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Note::LongQuestion => write!(to, "only the first {CHARACTERS_MAX} characters are looked for"),
            Note::ManyClauses => write!(to, "only the first {CLAUSES_MAX} words, phrases and filters are looked for"),
            Note::LongPhrase => write!(to, "only the first {PHRASE_WORDS_MAX} words of a phrase are looked for"),
            Note::ManyWords => write!(to, "only the first {WORDS_MAX} words are looked for"),
            Note::ManyWide => write!(to, "only the first {WIDE_MAX} of word* and ~word are looked for as such"),
            Note::ShortBeginning(word) => {
                write!(to, "{}* has too few characters before the *: it is searched for as a word", short(word))
            }
            Note::NoDay { written } => write!(
                to,
                "{} is looked for as words: no day like 2026-01-31 follows the colon; in quotes it always is",
                short(written)
            ),
            Note::NoFilter { written, needs } => {
                write!(to, "{} is looked for as words: {needs}; in quotes it always is", short(written))
            }
            Note::UnknownPerson(name) => write!(to, "no person is called {} in these chats", short(name)),
            Note::UnknownChat(name) => write!(to, "none of these chats is called {}", short(name)),
            Note::NobodyAsks => write!(to, "from:me has no meaning here: name a person"),
        }
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(REPEATED_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
