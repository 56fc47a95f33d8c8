//! Files that pages of ours bring along. Their addresses have a hash of what is in them, so that browsers keep them.

use crate::app::App;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};
use sha2::{Digest, Sha256};

const KEPT: &str = "public, max-age=31536000, immutable";

/// The address of a file below `stem` with that content.
pub(crate) fn path(stem: &str, content: &str, ending: &str) -> String {
    let hash = Sha256::digest(content.as_bytes());
    format!("{stem}.{}.{ending}", domain::id::hex(&hash[..8]))
}

/// The file, for anybody: what is in it is in every release.
pub(crate) fn file(kind: &'static str, content: &'static str) -> MethodRouter<App> {
    get(async move || ([(CONTENT_TYPE, kind), (CACHE_CONTROL, KEPT)], content).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_change_with_what_is_in_them() {
        assert_ne!(path("/a", "a", "css"), path("/a", "b", "css"));
        assert!(path("/a", "a", "css").starts_with("/a.") && path("/a", "a", "css").ends_with(".css"));
    }
}
