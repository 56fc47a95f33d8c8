//! What may be asked: a text that a user types, read into a small tree with limits on everything.
//!
//! All the groups of a question must hold; a group is one clause, or several with `OR` between them. What cannot be
//! read as it stands is read as plain words where that loses nothing (`12:30`, a quote without an end), and refused
//! with its place where it would ask something else (`before:yesterday`).

mod day;
mod read;

pub use day::Days;
pub use read::question;

use domain::Timestamp;

/// Most characters of a question.
pub const CHARACTERS_MAX: usize = 1_000;
/// Most clauses, over all groups.
pub const CLAUSES_MAX: usize = 32;
/// Most words of one phrase or identifier.
pub const PHRASE_WORDS_MAX: usize = 32;
/// Most clauses that are compared with every word of the index: prefixes and `~words`.
pub const WIDE_MAX: usize = 4;

/// A question that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// All must hold; at least one.
    pub groups: Vec<Group>,
}

/// Clauses of which one must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// At least one.
    pub any: Vec<Part>,
}

/// A clause that must hold, or must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Whether it was asked with `-`.
    pub not: bool,
    /// What.
    pub clause: Clause,
}

/// One thing that a message can be asked for. All words are folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clause {
    /// A word in any of its forms.
    Word(String),
    /// Words as they stand, one behind the other: a phrase.
    Phrase(Vec<String>),
    /// A word with forms and hyphens: its stem (`кт-нибуд`), or its parts as a phrase.
    Compound {
        /// What the compound is indexed by.
        stem: String,
        /// As it was written.
        phrase: Vec<String>,
        /// Whether its last word is being typed: what begins so is found as well.
        typed: bool,
    },
    /// Words one behind the other, the last of which begins so; one word at least.
    Prefix(Vec<String>),
    /// The word that is being typed: in any of its forms, or one that begins so.
    Typed(String),
    /// A word with up to so many typing errors, or its stem.
    Fuzzy {
        /// As it was written.
        word: String,
        /// 1 or 2.
        errors: u8,
    },
    /// Said by who has this name in the chat, or by the account of this id: folded.
    From(String),
    /// In the chat of this name or id: folded.
    In(String),
    /// Said at this time or later, and before that.
    Said(Option<Timestamp>, Option<Timestamp>),
    /// Has a link.
    HasLink,
}

/// Where a question cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {why}")]
pub struct Broken {
    /// The character where it broke, from 0.
    pub at: usize,
    /// Why, and what may stand there.
    pub why: &'static str,
}

#[cfg(test)]
mod tests;
