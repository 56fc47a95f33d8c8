//! How frequent words are, as of the first page: with it the scores of later pages are the same, whatever was said or
//! deleted between them. Each number is kept to a twelfth in one byte, so that a cursor can hold them.

use crate::schema::fields;
use crate::{Result, Snapshot};
use std::collections::BTreeMap;
use tantivy::Term;
use tantivy::query::{Bm25StatisticsProvider, Query};
use tantivy::schema::Field;

/// Steps in a doubling.
const STEPS: f64 = 6.0;
/// Most terms whose frequency is told from others: the question's limits stay below.
const TERMS_MAX: usize = 128;
/// Most bytes of [`Statistics::bytes`].
pub(super) const BYTES_MAX: usize = TERMS_MAX + 3;

pub(super) struct Statistics {
    messages: u8,
    exact: u8,
    stems: u8,
    frequencies: BTreeMap<Term, u8>,
}

impl Statistics {
    /// Those of the snapshot, or those that a cursor holds.
    pub(super) fn of(snapshot: &Snapshot, query: &dyn Query, kept: Option<&[u8]>) -> Result<Statistics> {
        let mut frequencies = BTreeMap::new();
        query.query_terms(&mut |term, _| {
            if (term.field() == fields().exact || term.field() == fields().stems) && frequencies.len() < TERMS_MAX {
                frequencies.insert(term.clone(), 0);
            }
        });
        let searcher = &snapshot.searcher;
        if let Some([messages, exact, stems, kept @ ..]) = kept {
            for (frequency, kept) in frequencies.values_mut().zip(kept) {
                *frequency = *kept;
            }
            return Ok(Statistics { messages: *messages, exact: *exact, stems: *stems, frequencies });
        }
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

fn byte(number: u64) -> u8 {
    ((number as f64 + 1.0).log2() * STEPS).round() as u8
}

fn number(byte: u8) -> u64 {
    ((f64::from(byte) / STEPS).exp2() - 1.0).round() as u64
}
