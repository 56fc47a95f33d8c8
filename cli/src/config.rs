//! `letopis config`: what is set, and where.

use crate::context::Context;
use crate::output::Listing;
use crate::settings::table::ROWS;
use anyhow::Result;
use serde_json::json;

/// Lists every setting.
///
/// # Errors
/// When nobody reads any more.
pub fn show(context: &Context) -> Result<()> {
    let mut listing = Listing::new(context.output, &["key", "value", "origin", "meaning"]);
    for row in &ROWS {
        let set = context.layers.get(row.key);
        let value = set.map(|set| if row.secret { "********" } else { set.text.as_str() });
        listing.row(&json!({
            "key": row.key, "env": row.env, "value": value,
            "origin": set.map_or("not set", |set| set.origin.as_str()), "meaning": row.meaning,
        }))?;
    }
    listing.end()
}
