//! A question as a query of tantivy.

use super::who;
use crate::question::{Clause, Group, Part, Question};
use crate::schema::fields;
use crate::words::stem;
use crate::{Result, Snapshot};
use domain::{ChatId, Timestamp};
use std::ops::Bound;
use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, ConstScoreQuery, FuzzyTermQuery, Occur, PhrasePrefixQuery, PhraseQuery, Query, RangeQuery,
    TermQuery,
};
use tantivy::schema::IndexRecordOption;

/// Most endings that the last word of an identifier or a phrase is tried with.
const PHRASE_ENDINGS_MAX: u32 = 256;
/// Fewer characters of the word that is being typed are a word: most of the index begins with them.
const TYPED_CHARACTERS_MIN: usize = 2;
/// What a beginning or a misspelt word counts beside whole ones.
const LIKE_SCORE: f32 = 0.5;
/// Up to this many characters a stem may differ in one.
const ONE_ERROR_STEM_MAX: usize = 5;

/// The query of a question, about these chats or all.
pub(super) fn query(snapshot: &Snapshot, question: &Question, chats: Option<&[ChatId]>) -> Result<Box<dyn Query>> {
    let mut all = Vec::with_capacity(question.groups.len() + 1);
    for group in &question.groups {
        all.push(group_query(snapshot, group, chats)?);
    }
    if all.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        all.push((Occur::Must, Box::new(AllQuery)));
    }
    Ok(Box::new(BooleanQuery::new(all)))
}

fn group_query(snapshot: &Snapshot, group: &Group, chats: Option<&[ChatId]>) -> Result<(Occur, Box<dyn Query>)> {
    if let [Part { not, clause }] = group.any.as_slice() {
        return Ok((if *not { Occur::MustNot } else { Occur::Must }, clause_query(snapshot, clause, chats)?));
    }
    let mut any = Vec::with_capacity(group.any.len());
    for Part { not, clause } in &group.any {
        let query = clause_query(snapshot, clause, chats)?;
        any.push(if *not { without(query) } else { query });
    }
    Ok((Occur::Must, Box::new(BooleanQuery::union(any))))
}

fn without(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(BooleanQuery::new(vec![(Occur::Must, Box::new(AllQuery)), (Occur::MustNot, query)]))
}

fn clause_query(snapshot: &Snapshot, clause: &Clause, chats: Option<&[ChatId]>) -> Result<Box<dyn Query>> {
    Ok(match clause {
        Clause::Word(word) => in_any_form(word),
        Clause::Phrase(words) => phrase(words),
        Clause::Compound { stem, phrase: words, typed } => {
            let whole = stem_query(stem);
            let parts = if *typed { beginning(words) } else { phrase(words) };
            Box::new(BooleanQuery::union(vec![whole, parts]))
        }
        Clause::Prefix(words) => beginning(words),
        Clause::Typed(word) if word.chars().count() < TYPED_CHARACTERS_MIN => in_any_form(word),
        Clause::Typed(word) => {
            Box::new(BooleanQuery::union(vec![in_any_form(word), beginning(std::slice::from_ref(word))]))
        }
        Clause::Fuzzy { word, errors } => fuzzy(word, *errors),
        Clause::From(name) => silent(who::said_by(snapshot, name, chats)?),
        Clause::In(name) => silent(who::in_chat(snapshot, name)?),
        Clause::Said(from, to) => {
            let bound = |at: &Timestamp| Term::from_field_i64(fields().sent_at, at.0);
            let from = from.as_ref().map_or(Bound::Unbounded, |at| Bound::Included(bound(at)));
            let to = to.as_ref().map_or(Bound::Unbounded, |at| Bound::Excluded(bound(at)));
            silent(Box::new(RangeQuery::new(from, to)))
        }
        Clause::HasLink => {
            let term = Term::from_field_bool(fields().has_link, true);
            silent(Box::new(TermQuery::new(term, IndexRecordOption::Basic)))
        }
    })
}

/// Filters say nothing of how well a message answers.
fn silent(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, 0.0))
}

fn in_any_form(word: &str) -> Box<dyn Query> {
    stem_query(&stem(word))
}

fn stem_query(stem: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(fields().stems, stem), IndexRecordOption::WithFreqs))
}

fn exact(word: &str) -> Term {
    Term::from_field_text(fields().exact, word)
}

fn phrase(words: &[String]) -> Box<dyn Query> {
    match words {
        [word] => Box::new(TermQuery::new(exact(word), IndexRecordOption::WithFreqs)),
        words => Box::new(PhraseQuery::new(words.iter().map(|word| exact(word)).collect())),
    }
}

fn beginning(words: &[String]) -> Box<dyn Query> {
    if let [word] = words {
        let prefix = FuzzyTermQuery::new_prefix(exact(word), 0, true);
        return Box::new(ConstScoreQuery::new(Box::new(prefix), LIKE_SCORE));
    }
    let mut phrase = PhrasePrefixQuery::new(words.iter().map(|word| exact(word)).collect());
    phrase.set_max_expansions(PHRASE_ENDINGS_MAX);
    Box::new(phrase)
}

fn fuzzy(word: &str, errors: u8) -> Box<dyn Query> {
    let stem = stem(word);
    let by_word = FuzzyTermQuery::new(exact(word), errors, true);
    let by_stem = FuzzyTermQuery::new(Term::from_field_text(fields().stems, &stem), stem_errors(&stem, errors), true);
    let any: Vec<Box<dyn Query>> = vec![Box::new(by_word), Box::new(by_stem)];
    Box::new(ConstScoreQuery::new(Box::new(BooleanQuery::union(any)), LIKE_SCORE))
}

/// How many errors a stem may have, of a word that may have so many.
pub(super) fn stem_errors(stem: &str, errors: u8) -> u8 {
    if stem.chars().count() > ONE_ERROR_STEM_MAX { errors } else { errors.min(1) }
}
