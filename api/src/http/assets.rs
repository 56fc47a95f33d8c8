//! The style and the script that pages of ours bring along. Their addresses have a hash of what is in them, so that browsers keep
//! them.

use crate::app::App;
use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};
use sha2::{Digest, Sha256};

const KEPT: &str = "public, max-age=31536000, immutable";

/// A style and a script.
pub(crate) struct Assets {
    css: Asset,
    js: Asset,
}

struct Asset {
    path: String,
    content: &'static str,
}

impl Assets {
    /// `stem` is what both addresses begin with.
    pub(crate) fn new(stem: &str, css: &'static str, js: &'static str) -> Assets {
        let asset = |content: &'static str, ending| Asset { path: path(stem, content, ending), content };
        Assets { css: asset(css, "css"), js: asset(js, "js") }
    }

    /// The address of the style.
    pub(crate) fn css(&self) -> &str {
        &self.css.path
    }

    /// The address of the script.
    pub(crate) fn js(&self) -> &str {
        &self.js.path
    }

    /// Both, for anybody: what is in them is in every release.
    pub(crate) fn files(&self) -> Router<App> {
        Router::new()
            .route(self.css(), file("text/css; charset=utf-8", self.css.content))
            .route(self.js(), file("text/javascript; charset=utf-8", self.js.content))
    }

    /// Fails where something would be loaded from elsewhere, or made a program of.
    #[cfg(test)]
    pub(crate) fn assert_own(&self) {
        for content in [self.css.content, self.js.content] {
            assert!(!content.contains("url(") && !content.contains("@import") && !content.contains("://"));
        }
        for unsafe_word in ["eval(", "Function(", "innerHTML"] {
            assert!(!self.js.content.contains(unsafe_word), "{unsafe_word}");
        }
    }
}

fn path(stem: &str, content: &str, ending: &str) -> String {
    let hash = Sha256::digest(content.as_bytes());
    format!("{stem}.{}.{ending}", domain::id::hex(&hash[..8]))
}

fn file(kind: &'static str, content: &'static str) -> MethodRouter<App> {
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
