//! Which parts of a text answer a question. The text is cut as it was for the index, and compared as the query does.

use super::query::stem_errors;
use crate::question::{Clause, Question};
use crate::words::{self, Part, compound_at, parts, stem};
use strsim::osa_distance;

/// Most highlights of one text.
const HIGHLIGHTS_MAX: usize = 200;

/// What is to be highlighted: the clauses of a question that stand for words, but not those with `-`.
pub(super) struct HighlightTerms<'a> {
    /// Each with the stem of its word; of what has none, nothing.
    clauses: Vec<(&'a Clause, String)>,
    /// Whether a compound is among them.
    compounds: bool,
}

/// A part of a text with all that it is compared by: made once a text, because there are many clauses.
struct PreparedPart {
    part: Part,
    /// The word, then its runs of letters and of digits, each with its stem.
    forms: Vec<(String, String)>,
    /// The stem of the compound that begins here, and how many parts it has.
    compound: Option<(String, usize)>,
}

impl<'a> HighlightTerms<'a> {
    pub(super) fn of(question: &'a Question) -> HighlightTerms<'a> {
        let parts = question.groups.iter().flat_map(|group| &group.any).filter(|part| !part.not);
        let clauses = parts.map(|part| (&part.clause, form_of(&part.clause))).collect::<Vec<_>>();
        let compounds = clauses.iter().any(|(clause, _)| matches!(clause, Clause::Compound { .. }));
        HighlightTerms { clauses, compounds }
    }

    /// From and to, in characters, in order, without overlap.
    pub(super) fn in_text(&self, text: &str) -> Vec<(usize, usize)> {
        let cuts = self.cut(text);
        let mut spans = Vec::new();
        for (clause, form) in &self.clauses {
            for at in 0..cuts.len() {
                if let Some(count) = answers(clause, form, &cuts, at) {
                    spans.push(span(text, &cuts[at..at + count], clause));
                }
            }
        }
        spans.sort_unstable();
        in_characters(text, joined(spans))
    }

    fn cut(&self, text: &str) -> Vec<PreparedPart> {
        let parts = parts(text);
        let compound = |at| if self.compounds { compound_at(&parts, at) } else { None };
        let compounds = (0..parts.len()).map(compound).collect::<Vec<_>>();
        let cut = |(part, compound): (Part, _)| {
            let runs = words::runs(&part);
            let words = std::iter::once(part.word.as_str()).chain(runs);
            let forms = words.map(|word| (word.to_owned(), stem(word).into_owned())).collect();
            PreparedPart { part, forms, compound }
        };
        parts.into_iter().zip(compounds).map(cut).collect()
    }
}

/// The stem of the one word that a clause asks for.
fn form_of(clause: &Clause) -> String {
    match clause {
        Clause::Word(word) | Clause::Typed(word) | Clause::Fuzzy { word, .. } => stem(word).into_owned(),
        Clause::Compound { stem, .. } => stem.clone(),
        Clause::Phrase(_)
        | Clause::Prefix(_)
        | Clause::From(_)
        | Clause::FromMe
        | Clause::In(_)
        | Clause::Said(..)
        | Clause::HasLink => String::new(),
    }
}

/// How many parts from that one on answer a clause.
fn answers(clause: &Clause, form: &str, cuts: &[PreparedPart], at: usize) -> Option<usize> {
    let cut = &cuts[at];
    match clause {
        Clause::Word(_) => has_form(cut, form).then_some(1),
        Clause::Phrase(wanted) => follows(wanted, cuts, at, same),
        Clause::Compound { phrase, typed, .. } => {
            let whole = cut.compound.as_ref().filter(|(stem, _)| stem == form).map(|(_, count)| *count);
            whole.or_else(|| follows(phrase, cuts, at, if *typed { begins } else { same }))
        }
        Clause::Prefix(wanted) => follows(wanted, cuts, at, begins),
        Clause::Typed(wanted) => (has_form(cut, form) || begins(cut, wanted)).then_some(1),
        Clause::Fuzzy { word: wanted, errors } => is_like(cut, wanted, form, *errors).then_some(1),
        Clause::From(_) | Clause::FromMe | Clause::In(_) | Clause::Said(..) | Clause::HasLink => None,
    }
}

/// Whether the wanted words stand there one behind the other; the last is compared by `last`.
fn follows(
    wanted: &[String],
    cuts: &[PreparedPart],
    at: usize,
    last: fn(&PreparedPart, &str) -> bool,
) -> Option<usize> {
    let there = cuts.get(at..at + wanted.len())?;
    let (end, before) = wanted.split_last()?;
    let all = before.iter().zip(there).all(|(wanted, cut)| same(cut, wanted));
    (all && last(there.last()?, end)).then_some(wanted.len())
}

fn same(cut: &PreparedPart, wanted: &str) -> bool {
    cut.part.bound.iter().any(|bound| bound == wanted) || cut.forms.iter().any(|(word, _)| word == wanted)
}

fn begins(cut: &PreparedPart, wanted: &str) -> bool {
    cut.part.bound.iter().any(|bound| bound.starts_with(wanted))
        || cut.forms.iter().any(|(word, _)| word.starts_with(wanted))
}

fn has_form(cut: &PreparedPart, form: &str) -> bool {
    cut.forms.iter().any(|(_, stem)| stem == form)
}

fn is_like(cut: &PreparedPart, wanted: &str, form: &str, errors: u8) -> bool {
    let of_stem = stem_errors(form, errors);
    cut.part.bound.iter().any(|bound| is_near(bound, wanted, errors))
        || cut.forms.iter().any(|(word, stem)| is_near(word, wanted, errors) || is_near(stem, form, of_stem))
}

fn is_near(one: &str, other: &str, errors: u8) -> bool {
    // The lengths first: the distance is the slow part.
    let errors = usize::from(errors);
    one.chars().count().abs_diff(other.chars().count()) <= errors && osa_distance(one, other) <= errors
}

/// From the first part to the last, with the signs that were asked for: `c++`, `#rust`.
fn span(text: &str, there: &[PreparedPart], clause: &Clause) -> (usize, usize) {
    let (first, last) = (&there[0].part, &there[there.len() - 1].part);
    let (mut from, mut to) = (first.from, last.to);
    if let Clause::Prefix(wanted) = clause
        && first.bound.iter().any(|bound| bound.starts_with(&wanted[0]) && bound.ends_with(&first.word))
        && !first.word.starts_with(&wanted[0])
        && text[..from].ends_with(|one: char| one.is_ascii())
    {
        from -= 1;
    }
    if let Clause::Phrase(wanted) = clause {
        let signs = |part: &Part, wanted: &String| wanted.len().saturating_sub(part.word.len());
        if first.word != wanted[0]
            && wanted[0].ends_with(&first.word)
            && text[..from].ends_with(|one: char| one.is_ascii())
        {
            from -= signs(first, &wanted[0]).min(1);
        }
        let end = &wanted[wanted.len() - 1];
        if end.starts_with(&last.word) && text[to..].starts_with(&end[last.word.len()..]) {
            to += signs(last, end);
        }
    }
    (from, to)
}

fn joined(spans: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    let mut joined: Vec<(usize, usize)> = Vec::with_capacity(spans.len());
    for (from, to) in spans {
        match joined.last_mut() {
            Some(last) if from < last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined.truncate(HIGHLIGHTS_MAX);
    joined
}

/// Bytes as characters, in one walk through the text.
fn in_characters(text: &str, spans: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    let (mut bytes, mut characters) = (0, 0);
    let mut count = |to: usize| {
        characters += text[bytes..to].chars().count();
        bytes = to;
        characters
    };
    spans.into_iter().map(|(from, to)| (count(from), count(to))).collect()
}
