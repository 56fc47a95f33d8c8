//! A question as a query of tantivy.

use super::who;
use super::wide::{Limit, WideQuery};
use crate::question::{Clause, Edge, Group, Note, Part, Question};
use crate::schema::fields;
use crate::words::stem;
use crate::{Result, Snapshot};
use domain::{ChatId, UserId};
use jiff::tz::TimeZone;
use std::ops::Bound;
use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, ConstScoreQuery, Occur, PhrasePrefixQuery, PhraseQuery, Query, RangeQuery, TermQuery,
};
use tantivy::schema::IndexRecordOption;

/// Most endings that the last word of an identifier or a phrase is tried with, in one segment: of `PLT-3*` all numbers
/// of four digits. What has more is left out, and the answer says so.
const PHRASE_ENDINGS_MAX: u32 = 4_096;
/// Fewer characters of the word that is being typed are a word: most of the index begins with them.
const TYPED_CHARACTERS_MIN: usize = 2;
/// What a beginning or a misspelt word counts beside whole ones.
const LIKE_SCORE: f32 = 0.5;
/// Up to this many characters a stem may differ in one.
const ONE_ERROR_STEM_MAX: usize = 5;

/// What a question is asked of.
pub(super) struct Scope<'a> {
    pub snapshot: &'a Snapshot,
    /// Only about these chats; none: about all.
    pub chats: Option<&'a [ChatId]>,
    /// Who `me` is; nobody where an operator asks.
    pub me: Option<UserId>,
    /// Where days begin.
    pub zone: &'a TimeZone,
    pub limit: Limit,
}

/// The query of a question; says what names nobody knows.
pub(super) fn query(scope: &Scope<'_>, question: &Question, notes: &mut Vec<Note>) -> Result<Box<dyn Query>> {
    let mut all = Vec::with_capacity(question.groups.len() + 1);
    for group in &question.groups {
        all.push(group_query(scope, group, notes)?);
    }
    if all.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        all.push((Occur::Must, Box::new(AllQuery)));
    }
    Ok(Box::new(BooleanQuery::new(all)))
}

fn group_query(scope: &Scope<'_>, group: &Group, notes: &mut Vec<Note>) -> Result<(Occur, Box<dyn Query>)> {
    if let [Part { not, clause }] = group.any.as_slice() {
        return Ok((if *not { Occur::MustNot } else { Occur::Must }, clause_query(scope, clause, notes)?));
    }
    let mut any = Vec::with_capacity(group.any.len());
    for Part { not, clause } in &group.any {
        let query = clause_query(scope, clause, notes)?;
        any.push(if *not { without(query) } else { query });
    }
    Ok((Occur::Must, Box::new(BooleanQuery::union(any))))
}

fn without(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(BooleanQuery::new(vec![(Occur::Must, Box::new(AllQuery)), (Occur::MustNot, query)]))
}

fn clause_query(scope: &Scope<'_>, clause: &Clause, notes: &mut Vec<Note>) -> Result<Box<dyn Query>> {
    Ok(match clause {
        Clause::Word(word) => in_any_form(word),
        Clause::Phrase(words) => phrase(words),
        Clause::Compound { stem, phrase: words, typed } => {
            let whole = stem_query(stem);
            let parts = if *typed { beginning(scope, words)? } else { phrase(words) };
            Box::new(BooleanQuery::union(vec![whole, parts]))
        }
        Clause::Prefix(words) => beginning(scope, words)?,
        Clause::Typed(word) if word.chars().count() < TYPED_CHARACTERS_MIN => in_any_form(word),
        Clause::Typed(word) => {
            Box::new(BooleanQuery::union(vec![in_any_form(word), beginning(scope, std::slice::from_ref(word))?]))
        }
        Clause::Fuzzy { word, errors } => fuzzy(scope, word, *errors),
        Clause::From(name) => silent(who::said_by(scope, name, notes)?),
        Clause::FromMe => silent(who::said_by_me(scope, notes)),
        Clause::In(name) => silent(who::in_chat(scope, name, notes)?),
        Clause::Said(from, to) => {
            let bound = |edge: &Edge| Term::from_field_i64(fields().sent_at, edge.at(scope.zone).0);
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

/// Words that begin so. All count the same: tantivy would score a phrase by how rare it is in all chats.
fn beginning(scope: &Scope<'_>, words: &[String]) -> Result<Box<dyn Query>> {
    let any: Box<dyn Query> = match words {
        [word] => Box::new(WideQuery::beginning(exact(word), &scope.limit)),
        words => {
            if words.last().map(|last| has_more_endings(scope, last)).transpose()?.unwrap_or_default() {
                scope.limit.cut();
            }
            let mut phrase = PhrasePrefixQuery::new(words.iter().map(|word| exact(word)).collect());
            phrase.set_max_expansions(PHRASE_ENDINGS_MAX);
            Box::new(phrase)
        }
    };
    Ok(Box::new(ConstScoreQuery::new(any, LIKE_SCORE)))
}

/// Whether more words begin so in a segment than a phrase is tried with.
fn has_more_endings(scope: &Scope<'_>, beginning: &str) -> Result<bool> {
    for reader in scope.snapshot.searcher.segment_readers() {
        let index = reader.inverted_index(fields().exact)?;
        let from = index.terms().range().ge(beginning.as_bytes());
        let mut words = from.into_stream().map_err(tantivy::TantivyError::from)?;
        let mut count = 0;
        while words.advance() && words.key().starts_with(beginning.as_bytes()) {
            count += 1;
            if count > PHRASE_ENDINGS_MAX {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn fuzzy(scope: &Scope<'_>, word: &str, errors: u8) -> Box<dyn Query> {
    let stem = stem(word);
    let by_word = WideQuery::misspelt(exact(word), errors, &scope.limit);
    let of_stem = Term::from_field_text(fields().stems, &stem);
    let by_stem = WideQuery::misspelt(of_stem, stem_errors(&stem, errors), &scope.limit);
    let any: Vec<Box<dyn Query>> = vec![Box::new(by_word), Box::new(by_stem)];
    Box::new(ConstScoreQuery::new(Box::new(BooleanQuery::union(any)), LIKE_SCORE))
}

/// How many errors a stem may have, of a word that may have so many.
pub(super) fn stem_errors(stem: &str, errors: u8) -> u8 {
    if stem.chars().count() > ONE_ERROR_STEM_MAX { errors } else { errors.min(1) }
}
