//! `letopis search`: what an operator may find, over all chats, in the language of `GET /v1/search`.

mod excerpt;

use crate::arguments::Search;
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{Format, Listing, ago, out, show, visible};
use anyhow::Result;
use domain::ChatId;
use excerpt::excerpt;
use projections::{ProjectionId, chats};
use search::{Hit, Order, SearchRequest, Snapshot, TimeZone, Who, find, question};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, Instant};

/// The text of a hit stands below what it is, and so much further to the right.
const INDENT: &str = "  ";
/// What was found by then is the answer: an operator may wait longer than a user.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long what was just written is waited for, and how often it is looked at.
const FOLLOW_WAIT: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Asks the index of this machine, as it is now; beside the server that writes it as well.
///
/// # Errors
/// What went wrong; code 2 for a question that cannot be read.
pub async fn verb(context: &Context, asked: &Search) -> Result<()> {
    let text = asked.query.join(" ");
    let question = question(&text).map_err(|broken| {
        let message = format!("the question breaks at character {}: {}", broken.at, broken.why);
        failure(Code::Usage, message)
    })?;
    let snapshot = followed(context)?;
    let order = if asked.relevance { Order::Relevance } else { Order::Newest };
    let deadline = Instant::now() + DEADLINE;
    let limit = usize::from(asked.limit);
    let (mut hits, mut total, mut complete, mut from) = (Vec::<Hit>::new(), 0, true, None);
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
        hits.extend(found.hits);
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
        let hits = hits.iter().map(json).collect::<Vec<_>>();
        return show(context.output, &json!({"hits": hits, "total": total, "notes": notes}));
    }
    notes.iter().for_each(crate::output::note);
    if !context.output.lists_a_table() {
        // One hit a line; without a screen there are no columns.
        let mut listing = Listing::new(context.output, &[]);
        hits.iter().try_for_each(|hit| listing.row(&json(hit)))?;
        return listing.end();
    }
    let chats = names(context, &hits).await?;
    let mut out = out();
    for hit in &hits {
        let chat = chats.get(&hit.chat_id).map_or_else(|| hit.chat_id.to_string(), |name| format!("#{name}"));
        let author = hit.user_name.as_deref().unwrap_or("(erased)");
        let sent = if context.output.wide { hit.sent_at.to_string() } else { ago(hit.sent_at, store::now()) };
        writeln!(out, "{}  {}  {sent}  {}", visible(&chat), visible(author), hit.message_id)?;
        let width = context
            .output
            .width()
            .filter(|_| !context.output.wide)
            .map_or(usize::MAX, |width| width.saturating_sub(INDENT.len()));
        writeln!(out, "{INDENT}{}", excerpt(&hit.text, &hit.highlights, width, context.output.colours()))?;
    }
    writeln!(out, "{} of {total}", hits.len())?;
    Ok(out.flush()?)
}

/// The names of the chats of these hits. One that is gone meanwhile has none.
async fn names(context: &Context, hits: &[Hit]) -> Result<HashMap<ChatId, String>> {
    let database = context.projections()?.database(ProjectionId::Chats);
    let mut names = HashMap::new();
    for hit in hits {
        if !names.contains_key(&hit.chat_id)
            && let Some(chat) = chats::by_id(&database, hit.chat_id).await?
        {
            names.insert(hit.chat_id, chat.chat_name);
        }
    }
    Ok(names)
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

fn json(hit: &Hit) -> Value {
    let highlights = hit.highlights.iter().map(|(start, end)| json!([start, end])).collect::<Vec<_>>();
    json!({
        "message_id": hit.message_id, "chat_id": hit.chat_id, "user_name": hit.user_name, "sent_at": hit.sent_at,
        "text": hit.text, "highlights": highlights, "score": hit.score,
    })
}
