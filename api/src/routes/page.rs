//! Lists in pages: where the next one begins.

use serde::Serialize;
use utoipa::ToSchema;

/// Where the next page begins; left out on the last page.
#[derive(Serialize, ToSchema)]
#[schema(as = NextPage)]
pub(crate) struct Next {
    /// Send it as `from`.
    #[schema(example = "p3vX0m1kQ2cAAAAAAAAAKg")]
    pub(crate) iterator: String,
}

/// Cuts a page that was read with one row more than asked for, and says where the next one begins.
pub(crate) fn cut<T>(rows: &mut Vec<T>, limit: u32, iterator: impl FnOnce(&T) -> String) -> Option<Next> {
    cut_behind(rows, limit as usize, iterator).map(|iterator| Next { iterator })
}

/// The same; `place` says of the last row behind what the next page begins.
pub(crate) fn cut_behind<T, P>(rows: &mut Vec<T>, limit: usize, place: impl FnOnce(&T) -> P) -> Option<P> {
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    rows.last().map(place)
}
