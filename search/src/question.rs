//! What may be asked: a text that a user types or pastes, read into a small tree with limits on everything.
//!
//! All the groups of a question must hold; a group is one clause, or several with `OR` between them. What cannot be
//! read as it stands is read as plain words (`12:30`, `on:click`, a quote without an end), with a note where another
//! meaning is likely; what is beyond a limit is left out, with a note. Refused is, with its place, what would ask
//! something else (`before:2026-02-30`), and what asks nothing.

mod day;
mod note;
mod read;

pub use day::{Edge, Reading, Span};
pub use note::Note;
pub use read::{beginning_of, question};

/// Most characters of a question that are read.
pub const CHARACTERS_MAX: usize = 1_000;
/// Most clauses, over all groups.
pub const CLAUSES_MAX: usize = 32;
/// Most words of one phrase or identifier.
pub const PHRASE_WORDS_MAX: usize = 32;
/// Most words of all clauses.
pub const WORDS_MAX: usize = 128;
/// Most clauses that are compared with every word of the index: prefixes and `~words`.
pub const WIDE_MAX: usize = 4;

/// A question that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// All must hold; at least one.
    pub groups: Vec<Group>,
    /// Where it was read otherwise than it was meant, perhaps.
    pub notes: Vec<Note>,
}

impl Question {
    /// Whether its answer depends on the time zone of the caller.
    pub fn needs_zone(&self) -> bool {
        let clauses = self.groups.iter().flat_map(|group| &group.any).map(|part| &part.clause);
        clauses.into_iter().any(|clause| match clause {
            Clause::Said(from, to) => [from, to].into_iter().flatten().any(|edge| matches!(edge, Edge::Local(_))),
            Clause::Word(_)
            | Clause::Phrase(_)
            | Clause::Compound { .. }
            | Clause::Prefix(_)
            | Clause::Typed(_)
            | Clause::Fuzzy { .. }
            | Clause::From(_)
            | Clause::FromMe
            | Clause::In(_)
            | Clause::HasLink => false,
        })
    }
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
    /// Said by who has this name in the chat, with or without `@`, or by the account of this id: folded.
    From(String),
    /// Said by the caller.
    FromMe,
    /// In the chat of this name, with or without `#`, or of this id: folded.
    In(String),
    /// Said at this time or later, and before that.
    Said(Option<Edge>, Option<Edge>),
    /// Has a link.
    HasLink,
}

/// Where a question cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {why}")]
pub struct SyntaxError {
    /// The character where it broke, from 0.
    pub at: usize,
    /// Why, and what may stand there.
    pub why: &'static str,
}

#[cfg(test)]
mod tests;
