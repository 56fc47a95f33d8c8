//! Which parts of a text answer a question. The text is cut as it was for the index, and compared as the query does.

use super::query::stem_errors;
use crate::question::{Clause, Question};
use crate::words::{self, Part, chunk_end, compound, parts, stem};
use strsim::osa_distance;

/// Most highlights of one text.
const HIGHLIGHTS_MAX: usize = 200;

/// What is to be highlighted: the clauses of a question that stand for words, but not those with `-`.
pub(super) struct Wanted<'a> {
    clauses: Vec<&'a Clause>,
}

impl<'a> Wanted<'a> {
    pub(super) fn of(question: &'a Question) -> Wanted<'a> {
        let parts = question.groups.iter().flat_map(|group| &group.any);
        Wanted { clauses: parts.filter(|part| !part.not).map(|part| &part.clause).collect() }
    }

    /// From and to, in characters, in order, without overlap.
    pub(super) fn in_text(&self, text: &str) -> Vec<(usize, usize)> {
        let parts = parts(text);
        let mut spans = Vec::new();
        for clause in &self.clauses {
            for at in 0..parts.len() {
                if let Some(count) = answers(clause, &parts, at) {
                    spans.push(span(text, &parts[at..at + count], clause));
                }
            }
        }
        spans.sort_unstable();
        in_characters(text, joined(spans))
    }
}

/// How many parts from that one on answer a clause.
fn answers(clause: &Clause, parts: &[Part], at: usize) -> Option<usize> {
    let word = &parts[at].word;
    match clause {
        Clause::Word(wanted) => has_form(word, wanted).then_some(1),
        Clause::Phrase(wanted) => follows(wanted, parts, at, same),
        Clause::Compound { stem, phrase, typed } => {
            let end = chunk_end(parts, at);
            let whole = compound(&parts[at..end]).is_some_and(|form| form == *stem).then_some(end - at);
            whole.or_else(|| follows(phrase, parts, at, if *typed { begins } else { same }))
        }
        Clause::Prefix(wanted) => follows(wanted, parts, at, begins),
        Clause::Typed(wanted) => (has_form(word, wanted) || begins(&parts[at], wanted)).then_some(1),
        Clause::Fuzzy { word: wanted, errors } => is_like(word, wanted, *errors).then_some(1),
        Clause::From(_) | Clause::In(_) | Clause::Said(..) | Clause::HasLink => None,
    }
}

/// Whether the wanted words stand there one behind the other; the last is compared by `last`.
fn follows(wanted: &[String], parts: &[Part], at: usize, last: fn(&Part, &str) -> bool) -> Option<usize> {
    let there = parts.get(at..at + wanted.len())?;
    let (end, before) = wanted.split_last()?;
    let all = before.iter().zip(there).all(|(wanted, part)| same(part, wanted));
    (all && last(there.last()?, end)).then_some(wanted.len())
}

fn same(part: &Part, wanted: &str) -> bool {
    part.word == wanted || part.bound.as_deref() == Some(wanted) || words::runs(&part.word).contains(&wanted)
}

fn begins(part: &Part, wanted: &str) -> bool {
    part.word.starts_with(wanted)
        || part.bound.as_deref().is_some_and(|bound| bound.starts_with(wanted))
        || words::runs(&part.word).iter().any(|run| run.starts_with(wanted))
}

fn has_form(word: &str, wanted: &str) -> bool {
    let form = stem(wanted);
    stem(word) == form || words::runs(word).iter().any(|run| stem(run) == form)
}

fn is_like(word: &str, wanted: &str, errors: u8) -> bool {
    let form = stem(wanted);
    osa_distance(word, wanted) <= usize::from(errors)
        || osa_distance(&stem(word), &form) <= usize::from(stem_errors(&form, errors))
}

/// From the first part to the last, with the signs that were asked for: `c++`, `#rust`.
fn span(text: &str, there: &[Part], clause: &Clause) -> (usize, usize) {
    let (first, last) = (&there[0], &there[there.len() - 1]);
    let (mut from, mut to) = (first.from, last.to);
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
