//! `letopis streams`: the log by what it is about.

use crate::arguments::Streams as Verb;
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{self, Column, Listing};
use anyhow::Result;
use domain::Category;
use node::operations::streams::folded;
use serde_json::json;
use store::Log;

const COLUMNS: &[Column] = &[Column::new("stream"), Column::new("events"), Column::new("last_position").yields(1)];
/// How many streams are read at once.
const PAGE: usize = 1_000;

/// Does what was asked.
///
/// # Errors
/// What went wrong; code 3 when there is no such stream.
pub fn verb(context: &Context, verb: &Verb) -> Result<()> {
    let (_, log) = context.log()?;
    match verb {
        Verb::Ls { category, limit } => ls(context, &log, category.as_deref(), *limit),
        Verb::Show { stream, at, personal } => show(context, &log, stream, *at, *personal),
    }
}

fn ls(context: &Context, log: &Log, category: Option<&str>, limit: Option<u64>) -> Result<()> {
    if let Some(category) = category.filter(|category| Category::parse(category).is_none()) {
        let words = Category::ALL.map(Category::word).join(", ");
        let message = format!("there is no category {category:?}; there are: {words}");
        return Err(failure(Code::Usage, message));
    }
    let prefix = category.map(|category| format!("{category}-"));
    let mut listing = Listing::new(context.output, COLUMNS);
    let mut left = context.output.limit(limit);
    let mut after = String::new();
    while left > 0 {
        let page = usize::try_from(left).unwrap_or(PAGE).min(PAGE);
        let streams = log.streams(&after, prefix.as_deref(), page)?;
        for row in &streams {
            listing.row(&json!({"stream": row.stream, "events": row.events, "last_position": row.last_position}))?;
        }
        left -= streams.len() as u64;
        match streams.last() {
            Some(last) if streams.len() == page => after.clone_from(&last.stream),
            Some(_) | None => break,
        }
    }
    context.output.note_limit(limit, left, "streams");
    listing.end()
}

fn show(context: &Context, log: &Log, stream: &str, at: Option<u64>, personal: bool) -> Result<()> {
    output::show(context.output, &folded(log, stream, at, personal)?)
}
