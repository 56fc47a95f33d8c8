//! How frequent words are, as of the first page: with it the scores of later pages are the same, whatever was said or
//! deleted between them. Each number is kept to a twelfth in one byte, so that a cursor can hold them.
//!
//! For a member only the messages of their own chats are counted: a score that knew of others would tell of them.

use super::collect::Columns;
use super::query::Scope;
use crate::Result;
use crate::schema::fields;
use std::collections::BTreeMap;
use tantivy::Term;
use tantivy::query::{Bm25StatisticsProvider, Query};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, SegmentReader, TERMINATED};

/// Steps in a doubling.
const STEPS: f64 = 6.0;
/// Most terms whose frequency is told from others: the question's limits stay below.
const TERMS_MAX: usize = 128;
/// How many documents are counted between two looks at the clock.
const UNCLOCKED: u32 = 4_096;
/// Most bytes of [`Statistics::bytes`].
pub(super) const BYTES_MAX: usize = TERMS_MAX + 3;

#[derive(Default)]
pub(super) struct Statistics {
    messages: u8,
    exact: u8,
    stems: u8,
    frequencies: BTreeMap<Term, u8>,
}

impl Statistics {
    /// Those of the snapshot, or those that a cursor holds. At the deadline the counting stops, and so will the search.
    pub(super) fn of(scope: &Scope<'_>, query: &dyn Query, kept: Option<&[u8]>) -> Result<Statistics> {
        let mut frequencies = BTreeMap::new();
        query.query_terms(&mut |term, _| {
            if (term.field() == fields().exact || term.field() == fields().stems) && frequencies.len() < TERMS_MAX {
                frequencies.insert(term.clone(), 0);
            }
        });
        if let Some([messages, exact, stems, kept @ ..]) = kept {
            for (frequency, kept) in frequencies.values_mut().zip(kept) {
                *frequency = *kept;
            }
            return Ok(Statistics { messages: *messages, exact: *exact, stems: *stems, frequencies });
        }
        if scope.chats.is_some() {
            return Statistics::of_chats(scope, frequencies);
        }
        let searcher = &scope.snapshot.searcher;
        for (term, frequency) in &mut frequencies {
            *frequency = byte(searcher.doc_freq(term)?);
        }
        Ok(Statistics {
            messages: byte(searcher.num_docs()),
            exact: byte(searcher.total_num_tokens(fields().exact)?),
            stems: byte(searcher.total_num_tokens(fields().stems)?),
            frequencies,
        })
    }

    /// Those of the chats that are asked about.
    fn of_chats(scope: &Scope<'_>, mut frequencies: BTreeMap<Term, u8>) -> Result<Statistics> {
        let mut counts = vec![0; frequencies.len()];
        let (mut messages, mut exact, mut stems) = (0, 0, 0);
        for reader in scope.snapshot.searcher.segment_readers() {
            let Some(columns) = Columns::of(reader, scope.chats)? else { continue };
            let (of_exact, of_stems) =
                (reader.get_fieldnorms_reader(fields().exact)?, reader.get_fieldnorms_reader(fields().stems)?);
            let chats = scope.chats.into_iter().flatten();
            for term in chats.map(|chat| Term::from_field_bytes(fields().chat_id, chat.0.as_bytes())) {
                each(scope, reader, &term, |document| {
                    messages += 1;
                    exact += u64::from(of_exact.fieldnorm(document));
                    stems += u64::from(of_stems.fieldnorm(document));
                })?;
            }
            for (term, count) in frequencies.keys().zip(&mut counts) {
                each(scope, reader, term, |document| *count += u64::from(columns.position(document).is_some()))?;
            }
        }
        frequencies.values_mut().zip(counts).for_each(|(frequency, count)| *frequency = byte(count));
        Ok(Statistics { messages: byte(messages), exact: byte(exact), stems: byte(stems), frequencies })
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        [self.messages, self.exact, self.stems].into_iter().chain(self.frequencies.values().copied()).collect()
    }
}

impl Bm25StatisticsProvider for Statistics {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        Ok(number(if field == fields().exact { self.exact } else { self.stems }))
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(number(self.messages))
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        // More than there are messages has no meaning to BM25.
        Ok(number(self.frequencies.get(term).copied().unwrap_or_default().min(self.messages)))
    }
}

/// Calls with each document of a segment that has that term, until the deadline.
fn each(scope: &Scope<'_>, reader: &SegmentReader, term: &Term, mut call: impl FnMut(DocId)) -> Result<()> {
    let index = reader.inverted_index(term.field())?;
    let found = index.read_postings(term, IndexRecordOption::Basic).map_err(tantivy::TantivyError::from)?;
    let Some(mut found) = found else { return Ok(()) };
    let mut count = 0_u32;
    while found.doc() != TERMINATED {
        if count.is_multiple_of(UNCLOCKED) && scope.limit.is_over() {
            break;
        }
        count += 1;
        if !reader.is_deleted(found.doc()) {
            call(found.doc());
        }
        found.advance();
    }
    Ok(())
}

fn byte(number: u64) -> u8 {
    ((number as f64 + 1.0).log2() * STEPS).round() as u8
}

fn number(byte: u8) -> u64 {
    ((f64::from(byte) / STEPS).exp2() - 1.0).round() as u64
}
