//! `letopis sessions`: where an account is signed in, for who has the data folder.

use crate::arguments::Sessions as Verb;
use crate::context::Context;
use crate::output::{Column, Listing};
use anyhow::Result;
use node::operations::sessions::list;

const COLUMNS: &[Column] = &[
    Column::new("session_id"),
    Column::new("device"),
    Column::new("address").yields(1),
    Column::new("created_at").yields(2),
    Column::new("expires_at").yields(3),
];

/// Does what was asked.
///
/// # Errors
/// What went wrong: code 3 for an unknown user.
pub async fn verb(context: &Context, verb: &Verb) -> Result<()> {
    let Verb::Ls { user, limit } = verb;
    let mut listing = Listing::new(context.output, COLUMNS);
    let mut left = context.output.limit(*limit);
    list(&context.projections()?, user, left, |session| {
        left -= 1;
        listing.row(&session)
    })
    .await?;
    context.output.note_limit(*limit, left, "sessions");
    listing.end()
}
