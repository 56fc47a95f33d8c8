//! Walking through what a query matches: only messages, only in the chats of who asks, until the deadline.

use super::query::Scope;
use super::statistics::Statistics;
use super::wide::Limit;
use crate::Result;
use crate::schema::fields;
use domain::ChatId;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use tantivy::columnar::Column;
use tantivy::query::{EnableScoring, Query, Weight};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, DocSet, SegmentReader, TERMINATED};

/// Scores are compared to a 1,024th: their last bits depend on the order of additions.
const SCORE_STEPS: f32 = 1024.0;
/// How many documents are looked at between two looks at the clock, in rounds of a buffer.
const ROUNDS_UNCLOCKED: u32 = 32;

/// Which hits make a page.
pub(super) struct Page {
    /// Whether by score, else by position.
    pub relevance: bool,
    /// The rank and position behind which it begins.
    pub after: Option<(u32, u64)>,
    /// Nothing that is newer.
    pub head: u64,
    /// Most hits that are kept.
    pub keep: usize,
}

/// Where a hit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RankedHit {
    /// Its score in steps, 0 where it does not count.
    pub rank: u32,
    pub position: u64,
    pub segment: u32,
    pub document: DocId,
}

impl RankedHit {
    pub(super) fn score(&self) -> f32 {
        self.rank as f32 / SCORE_STEPS
    }
}

pub(super) struct TopHits {
    /// The best first.
    pub top: Vec<RankedHit>,
    pub total: u64,
    /// Whether a segment was looked through, or there is none.
    pub looked: bool,
}

/// Collects the hits of a page. The segment with the newest message is looked through first: when the deadline comes,
/// what was found is new.
pub(super) fn collect(scope: &Scope<'_>, query: &dyn Query, page: &Page, statistics: &Statistics) -> Result<TopHits> {
    let searcher = &scope.snapshot.searcher;
    let scoring = if page.relevance {
        EnableScoring::enabled_from_statistics_provider(statistics, searcher)
    } else {
        EnableScoring::disabled_from_searcher(searcher)
    };
    let weight = query.weight(scoring)?;
    let mut segments = Vec::new();
    for (segment, reader) in (0..).zip(searcher.segment_readers()) {
        if let Some(columns) = Columns::of(reader, scope.chats)? {
            segments.push((segment, reader, columns));
        }
    }
    segments.sort_by_key(|(_, _, columns)| Reverse(columns.position.max_value()));
    let mut walk = Walk { page, limit: &scope.limit, heap: BinaryHeap::new(), total: 0, looked: segments.is_empty() };
    for (segment, reader, columns) in segments {
        if scope.limit.is_over() {
            scope.limit.cut();
            break;
        }
        walk.segment(weight.as_ref(), segment, reader, &columns)?;
        walk.looked = true;
    }
    let top = walk.heap.into_sorted_vec().into_iter().map(|Reverse(ranked)| ranked).collect();
    Ok(TopHits { top, total: walk.total, looked: walk.looked })
}

/// What of a segment's messages is looked at.
pub(super) struct Columns {
    position: Column<u64>,
    /// The chat of each message, as a number of the segment, and which of the numbers are allowed.
    chats: Option<(Column<u64>, Vec<bool>)>,
}

impl Columns {
    /// `None` when there is no message in it that may be shown.
    pub(super) fn of(reader: &SegmentReader, chats: Option<&[ChatId]>) -> Result<Option<Columns>> {
        let schema = reader.schema();
        let fast = reader.fast_fields();
        let Some(position) = fast.column_opt::<u64>(schema.get_field_name(fields().position))? else {
            return Ok(None);
        };
        let Some(chats) = chats else { return Ok(Some(Columns { position, chats: None })) };
        let Some(column) = fast.bytes(schema.get_field_name(fields().chat_id))? else { return Ok(None) };
        let mut allowed = vec![false; column.num_terms()];
        let mut any = false;
        for chat in chats {
            let number = column.dictionary().term_ord(chat.0.as_bytes()).map_err(tantivy::TantivyError::from)?;
            if let Some(place) = number.and_then(|number| allowed.get_mut(number as usize)) {
                *place = true;
                any = true;
            }
        }
        Ok(any.then(|| Columns { position, chats: Some((column.ords().clone(), allowed)) }))
    }

    /// The position of a document that is a message and may be shown.
    pub(super) fn position(&self, document: DocId) -> Option<u64> {
        if let Some((chat, allowed)) = &self.chats
            && !allowed[usize::try_from(chat.first(document)?).ok()?]
        {
            return None;
        }
        self.position.first(document)
    }
}

struct Walk<'a> {
    page: &'a Page,
    limit: &'a Limit,
    /// The worst on top.
    heap: BinaryHeap<Reverse<RankedHit>>,
    total: u64,
    looked: bool,
}

impl Walk<'_> {
    fn segment(&mut self, weight: &dyn Weight, segment: u32, reader: &SegmentReader, columns: &Columns) -> Result<()> {
        let mut scorer = weight.scorer(reader, 1.0)?;
        let mut buffer = [0; COLLECT_BLOCK_BUFFER_LEN];
        let mut rounds = 0_u32;
        loop {
            rounds += 1;
            if rounds.is_multiple_of(ROUNDS_UNCLOCKED) && self.limit.is_over() {
                self.limit.cut();
                return Ok(());
            }
            if self.page.relevance {
                for _ in 0..COLLECT_BLOCK_BUFFER_LEN {
                    let document = scorer.doc();
                    if document == TERMINATED {
                        return Ok(());
                    }
                    if !reader.is_deleted(document)
                        && let Some(position) = columns.position(document)
                    {
                        let rank = (scorer.score() * SCORE_STEPS) as u32;
                        self.take(RankedHit { rank, position, segment, document });
                    }
                    scorer.advance();
                }
                continue;
            }
            let filled = scorer.fill_buffer(&mut buffer);
            for document in buffer[..filled].iter().copied().filter(|document| !reader.is_deleted(*document)) {
                if let Some(position) = columns.position(document) {
                    self.take(RankedHit { rank: 0, position, segment, document });
                }
            }
            if filled < COLLECT_BLOCK_BUFFER_LEN {
                return Ok(());
            }
        }
    }

    fn take(&mut self, ranked: RankedHit) {
        if ranked.position > self.page.head {
            return;
        }
        self.total += 1;
        if self.page.after.is_some_and(|after| (ranked.rank, ranked.position) >= after) {
            return;
        }
        if self.heap.len() < self.page.keep {
            self.heap.push(Reverse(ranked));
        } else if let Some(mut worst) = self.heap.peek_mut()
            && worst.0 < ranked
        {
            *worst = Reverse(ranked);
        }
    }
}
