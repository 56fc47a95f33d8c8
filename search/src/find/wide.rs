//! Clauses that are compared with many words of the index: beginnings and `~words`. As tantivy's own do, but no longer
//! than the deadline allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tantivy::query::{BitSetDocSet, ConstScorer, DfaWrapper, EnableScoring, Explanation, FuzzyTermQuery};
use tantivy::query::{Query, Scorer, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, SegmentReader, TantivyError, Term};

/// Most words of one segment that one clause stands for.
const WORDS_MAX: usize = 65_536;

/// How long a question may look, and whether it has left anything out.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    pub deadline: Instant,
    cut: Arc<AtomicBool>,
}

/// What finds the documents of all words that are like one.
#[derive(Clone, Debug)]
pub(super) struct WideQuery {
    term: Term,
    /// None: those that begin with it.
    errors: Option<u8>,
    limit: Limit,
}

struct WideWeight {
    field: Field,
    words: DfaWrapper,
    limit: Limit,
}

impl Limit {
    pub(super) fn new(deadline: Instant) -> Limit {
        Limit { deadline, cut: Arc::default() }
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Something is left out.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }
}

impl WideQuery {
    /// Words that begin so.
    pub(super) fn beginning(term: Term, limit: &Limit) -> WideQuery {
        WideQuery { term, errors: None, limit: limit.clone() }
    }

    /// Words with up to so many typing errors, at most 2.
    pub(super) fn misspelt(term: Term, errors: u8, limit: &Limit) -> WideQuery {
        WideQuery { term, errors: Some(errors), limit: limit.clone() }
    }
}

impl Query for WideQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let term = self.term.clone();
        let like = match self.errors {
            None => FuzzyTermQuery::new_prefix(term, 0, true),
            Some(errors) => FuzzyTermQuery::new(term, errors, true),
        };
        Ok(Box::new(WideWeight { field: self.term.field(), words: like.automaton()?, limit: self.limit.clone() }))
    }
}

impl Weight for WideWeight {
    fn scorer(&self, reader: &SegmentReader, boost: f32) -> tantivy::Result<Box<dyn Scorer>> {
        let index = reader.inverted_index(self.field)?;
        let mut words = index.terms().search(&self.words).into_stream()?;
        let mut documents = tantivy::BitSet::with_max_value(reader.max_doc());
        let mut count = 0;
        while words.advance() {
            if count == WORDS_MAX || self.limit.is_over() {
                self.limit.cut();
                break;
            }
            count += 1;
            let mut found = index.read_block_postings_from_terminfo(words.value(), IndexRecordOption::Basic)?;
            while !found.docs().is_empty() {
                for document in found.docs() {
                    documents.insert(*document);
                }
                found.advance();
            }
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(documents), boost)))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.doc() <= document && scorer.seek(document) == document {
            return Ok(Explanation::new("a word like it", 1.0));
        }
        Err(TantivyError::InvalidArgument("that document has no word like it".to_owned()))
    }
}
