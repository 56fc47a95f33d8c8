//! `letopis chats`: chats and who is in them, for who has the data folder.

use crate::arguments::Chats as Verb;
use crate::context::Context;
use crate::output::{self, Column, Listing};
use anyhow::Result;
use node::operations::chats::{details, list};
use projections::ProjectionId;

const COLUMNS: &[Column] = &[
    Column::new("chat_id"),
    Column::new("chat_name"),
    Column::new("kind").yields(1),
    Column::new("members").yields(2),
    Column::new("archived").yields(4),
    Column::new("created_at").yields(3),
];

/// Does what was asked.
///
/// # Errors
/// What went wrong: code 3 for an unknown chat.
pub async fn verb(context: &Context, verb: &Verb) -> Result<()> {
    match verb {
        Verb::Ls { name, limit } => ls(context, name.as_deref().unwrap_or_default(), *limit).await,
        Verb::Show { chat } => {
            output::show(context.output, &details(&context.current(&[ProjectionId::Chats]).await?, chat).await?)
        }
    }
}

async fn ls(context: &Context, prefix: &str, limit: Option<u64>) -> Result<()> {
    let database = context.current(&[ProjectionId::Chats]).await?.database(ProjectionId::Chats);
    let mut listing = Listing::new(context.output, COLUMNS);
    let mut left = context.output.limit(limit);
    list(&database, prefix, left, |chat| {
        left -= 1;
        listing.row(&chat)
    })
    .await?;
    context.output.note_limit(limit, left, "chats");
    listing.end()
}
