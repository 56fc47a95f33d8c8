//! `letopis search`: what an operator may find, over all chats, in the language of `GET /v1/search`.

use crate::arguments::Search;
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{Column, Format, Listing, show};
use anyhow::Result;
use search::{Hit, Order, SearchRequest, Snapshot, TimeZone, Who, find, question};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const COLUMNS: &[Column] = &[
    Column::new("sent_at").yields(2),
    Column::new("chat_id").yields(3),
    Column::new("user_name").yields(1),
    Column::new("text"),
];
/// What was found by then is the answer: an operator may wait longer than a user.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long what was just written is waited for, and how often it is looked at.
const FOLLOW_WAIT: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Asks the index of this machine, as it is now; beside the server that writes it as well.
///
/// # Errors
/// What went wrong; code 2 for a question that cannot be read.
pub fn verb(context: &Context, asked: &Search) -> Result<()> {
    let text = asked.query.join(" ");
    let question = question(&text).map_err(|broken| {
        let message = format!("the question breaks at character {}: {}", broken.at, broken.why);
        failure(Code::Usage, message)
    })?;
    let snapshot = followed(context)?;
    let order = if asked.relevance { Order::Relevance } else { Order::Newest };
    let deadline = Instant::now() + DEADLINE;
    let limit = usize::from(asked.limit);
    let (mut hits, mut total, mut complete, mut from) = (Vec::<Value>::new(), 0, true, None);
    let mut notes = Vec::<String>::new();
    while hits.len() < limit {
        let request = SearchRequest {
            question: &question,
            who: Who::Operator,
            zone: &TimeZone::UTC,
            order,
            from: from.as_ref(),
            limit: limit - hits.len(),
            deadline,
        };
        let found = find(&snapshot, &request)?;
        hits.extend(found.hits.iter().map(hit));
        (total, complete) = (found.total.max(total), complete && found.complete);
        notes = found.notes.iter().map(ToString::to_string).collect();
        match found.next {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    if !complete {
        crate::output::note(format_args!(
            "not everything was looked through in {} s; ask for less",
            DEADLINE.as_secs()
        ));
    }
    if context.output.asked == Some(Format::Json) {
        return show(context.output, &json!({"hits": hits, "total": total, "notes": notes}));
    }
    notes.iter().for_each(|note| anstream::eprintln!("{note}"));
    let mut listing = Listing::new(context.output, COLUMNS);
    hits.iter().try_for_each(|hit| listing.row(hit))?;
    listing.end()
}

/// What the index has, as soon as it has all of the log; a server that runs shows what is new within a moment.
fn followed(context: &Context) -> Result<Snapshot> {
    let head = context.log()?.1.head()?.position;
    let index = context.projections()?.index()?;
    let began = Instant::now();
    loop {
        let snapshot = index.look()?;
        if snapshot.position >= head {
            return Ok(snapshot);
        }
        if began.elapsed() >= FOLLOW_WAIT {
            crate::output::note(format_args!(
                "the index is at position {} of {head}; what came later is not found",
                snapshot.position
            ));
            return Ok(snapshot);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn hit(hit: &Hit) -> Value {
    let highlights = hit.highlights.iter().map(|(start, end)| json!([start, end])).collect::<Vec<_>>();
    json!({
        "message_id": hit.message_id, "chat_id": hit.chat_id, "user_name": hit.user_name, "sent_at": hit.sent_at,
        "text": hit.text, "highlights": highlights, "score": hit.score,
    })
}
