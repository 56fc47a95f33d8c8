//! How a question is answered: from one snapshot, for one person, a page at a time.

mod collect;
mod highlight;
mod query;
mod statistics;
mod who;
mod wide;

use crate::question::{Note, Question};
use crate::schema::{fields, pair};
use crate::{Error, Result, Snapshot};
use collect::{Page, RankedHit};
use domain::json::json_bytes;
use domain::{ChatId, MessageId, Timestamp, UserId};
use jiff::tz::TimeZone;
use query::Scope;
use statistics::Statistics;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tantivy::schema::{Field, Value};
use tantivy::{DocAddress, TantivyDocument};
use uuid::Uuid;
use wide::Limit;

/// Bytes of text after which a page takes no more hits: 1,000 of the longest would be 32 MiB.
const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// About so many bytes of JSON is a highlight.
const HIGHLIGHT_BYTES: usize = 12;
/// The hits of a page are read for that long, also when the search has taken all the time there was.
const READING_MIN: Duration = Duration::from_millis(200);

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Somebody, about the chats that they are in.
    Member(UserId),
    /// Who runs the server, about all chats.
    Operator,
}

/// The order of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By position, the newest first.
    Newest,
    /// By score (BM25), the best first; the newer first among equals.
    Relevance,
}

/// A question with all that its answer depends on.
#[derive(Clone, Debug)]
pub struct SearchRequest<'a> {
    /// What is asked.
    pub question: &'a Question,
    /// By whom.
    pub who: Who,
    /// Where the days of the question begin.
    pub zone: &'a TimeZone,
    /// In which order.
    pub order: Order,
    /// Where the page before ended.
    pub from: Option<&'a Cursor>,
    /// Most hits of the page, from 1.
    pub limit: usize,
    /// When the answer must be there: what was found by then.
    pub deadline: Instant,
}

/// Where a page ended, so that the next one repeats and loses nothing while messages come and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The last position that the first page knew; what is newer is not shown.
    head: u64,
    /// The rank and the position of the last hit.
    last: (u32, u64),
    /// What the scores of the first page were made with.
    statistics: Vec<u8>,
}

/// One page of an answer.
#[derive(Clone, Debug)]
pub struct ResultPage {
    /// In the order that was asked for.
    pub hits: Vec<Hit>,
    /// How many messages answer the question, over all pages.
    pub total: u64,
    /// Where the next page begins; none at the end.
    pub next: Option<Cursor>,
    /// Whether everything was looked through before the deadline.
    pub complete: bool,
    /// Whether anything was looked through before the deadline: when not, this is no answer. An empty index counts as
    /// looked through.
    pub looked: bool,
    /// How far in the log the index was.
    pub position: u64,
    /// What whoever asks should know: how the question was read, and whom and what nobody knows.
    pub notes: Vec<Note>,
}

/// A message that answers the question.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    pub message_id: MessageId,
    /// In which chat.
    pub chat_id: ChatId,
    /// What that one is called.
    pub chat_name: Option<String>,
    /// Who said it.
    pub user_id: UserId,
    /// Their name in the chat.
    pub user_name: Option<String>,
    /// Where in the log.
    pub position: u64,
    pub sent_at: Timestamp,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// What it says.
    pub text: String,
    /// Which parts of the text answer the question: from and to, in characters, in order, without overlap.
    pub highlights: Vec<(usize, usize)>,
    /// How well it answers, from 0; 0 where the order is another.
    pub score: f32,
}

/// Answers a question.
///
/// # Errors
/// [`Error::Index`], [`Error::Damaged`].
pub fn find(snapshot: &Snapshot, request: &SearchRequest<'_>) -> Result<ResultPage> {
    snapshot.read(|| answer(snapshot, request, Some(&highlight::HighlightTerms::of(request.question))))
}

/// As [`find`], but without highlights, and with as many hits as are asked for, however long their texts are: for who
/// keeps their ids only.
///
/// # Errors
/// As [`find`].
pub fn find_plain(snapshot: &Snapshot, request: &SearchRequest<'_>) -> Result<ResultPage> {
    snapshot.read(|| answer(snapshot, request, None))
}

fn answer(
    snapshot: &Snapshot,
    request: &SearchRequest<'_>,
    wanted: Option<&highlight::HighlightTerms<'_>>,
) -> Result<ResultPage> {
    let (chats, me) = match request.who {
        Who::Member(user_id) => (Some(who::chats_of(snapshot, user_id)?), Some(user_id)),
        Who::Operator => (None, None),
    };
    let limit = Limit::new(request.deadline);
    let scope = Scope { snapshot, chats: chats.as_deref(), me, zone: request.zone, limit };
    let mut notes = request.question.notes.clone();
    let query = query::query(&scope, request.question, &mut notes)?;
    let from = request.from;
    let page = Page {
        relevance: request.order == Order::Relevance,
        after: from.map(|cursor| cursor.last),
        head: from.map_or(snapshot.position, |cursor| cursor.head),
        keep: request.limit.saturating_add(1),
    };
    let statistics = match request.order {
        Order::Newest => Statistics::default(),
        Order::Relevance => Statistics::of(&scope, query.as_ref(), from.map(|cursor| cursor.statistics.as_slice()))?,
    };
    let ranked = collect::collect(&scope, query.as_ref(), &page, &statistics)?;
    let (hits, more) = hits(snapshot, request, &ranked.top, wanted)?;
    let last = hits.len().checked_sub(1).filter(|_| more).map(|last| &ranked.top[last]);
    let next = last.map(|last| Cursor {
        head: page.head,
        last: (last.rank, last.position),
        statistics: if page.relevance { statistics.bytes() } else { Vec::new() },
    });
    let (complete, looked) = (!scope.limit.is_cut(), ranked.looked);
    Ok(ResultPage { hits, total: ranked.total, next, complete, looked, position: snapshot.position, notes })
}

/// Reads the messages of a page, and whether there is more behind it. It ends early when it has become large or
/// the time is over; one hit it has at least.
fn hits(
    snapshot: &Snapshot,
    request: &SearchRequest<'_>,
    top: &[RankedHit],
    wanted: Option<&highlight::HighlightTerms<'_>>,
) -> Result<(Vec<Hit>, bool)> {
    let deadline = request.deadline.max(Instant::now() + READING_MIN);
    let (mut names, mut chats) = (HashMap::new(), HashMap::new());
    let (mut hits, mut bytes) = (Vec::<Hit>::new(), 0);
    for ranked in top {
        let is_late = !hits.is_empty() && Instant::now() >= deadline;
        let is_large = bytes > PAGE_BYTES_MAX && wanted.is_some();
        if hits.len() == request.limit || is_large || is_late {
            return Ok((hits, true));
        }
        let mut hit = message(snapshot, ranked)?;
        let author = (hit.chat_id, hit.user_id);
        if let std::collections::hash_map::Entry::Vacant(unknown) = names.entry(author) {
            unknown.insert(snapshot.nickname(&pair(author.0, author.1))?.flatten());
        }
        hit.user_name.clone_from(&names[&author]);
        if let std::collections::hash_map::Entry::Vacant(unknown) = chats.entry(hit.chat_id) {
            unknown.insert(snapshot.chat_name(hit.chat_id)?);
        }
        hit.chat_name.clone_from(&chats[&hit.chat_id]);
        hit.highlights = wanted.map(|wanted| wanted.in_text(&hit.text)).unwrap_or_default();
        bytes += json_bytes(&hit.text) + hit.highlights.len() * HIGHLIGHT_BYTES;
        hits.push(hit);
    }
    Ok((hits, false))
}

fn message(snapshot: &Snapshot, ranked: &RankedHit) -> Result<Hit> {
    let fields = fields();
    let document: TantivyDocument = snapshot.searcher.doc(DocAddress::new(ranked.segment, ranked.document))?;
    let text = document.get_first(fields.text).and_then(|value| value.as_str());
    let instant = |field: Field| document.get_first(field).and_then(|value| value.as_i64()).map(Timestamp);
    Ok(Hit {
        message_id: MessageId(id(&document, fields.message_id)?),
        chat_id: ChatId(id(&document, fields.chat_id)?),
        chat_name: None,
        user_id: UserId(id(&document, fields.author)?),
        user_name: None,
        position: ranked.position,
        sent_at: instant(fields.sent_at).ok_or(Error::Damaged { what: "a message has no time" })?,
        edited_at: instant(fields.edited_at),
        text: text.ok_or(Error::Damaged { what: "a message has no text" })?.to_owned(),
        highlights: Vec::new(),
        score: ranked.score(),
    })
}

fn id(document: &TantivyDocument, field: Field) -> Result<Uuid> {
    let bytes = document.get_first(field).and_then(|value| value.as_bytes());
    bytes.and_then(|bytes| Uuid::from_slice(bytes).ok()).ok_or(Error::Damaged { what: "a message has no id" })
}

impl Cursor {
    /// As bytes, at most some 150.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(20 + self.statistics.len());
        bytes.extend(self.head.to_be_bytes());
        bytes.extend(self.last.0.to_be_bytes());
        bytes.extend(self.last.1.to_be_bytes());
        bytes.extend(&self.statistics);
        bytes
    }

    /// Reads [`Cursor::bytes`]; `None` when they are too few or too many.
    pub fn parse(bytes: &[u8]) -> Option<Cursor> {
        let (head, rest) = bytes.split_first_chunk::<8>()?;
        let (rank, rest) = rest.split_first_chunk::<4>()?;
        let (position, rest) = rest.split_first_chunk::<8>()?;
        (rest.len() <= statistics::BYTES_MAX).then(|| Cursor {
            head: u64::from_be_bytes(*head),
            last: (u32::from_be_bytes(*rank), u64::from_be_bytes(*position)),
            statistics: rest.to_vec(),
        })
    }
}
