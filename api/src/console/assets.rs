//! The style and the script of the console. Their addresses have a hash of what is in them, so that browsers keep them.

use crate::app::App;
use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const CSS: &str = include_str!("assets/console.css");
const JS: &str = include_str!("assets/console.js");
const KEPT: &str = "public, max-age=31536000, immutable";

static CSS_PATH: LazyLock<String> = LazyLock::new(|| path(CSS, "css"));
static JS_PATH: LazyLock<String> = LazyLock::new(|| path(JS, "js"));

fn path(content: &str, kind: &str) -> String {
    let hash = Sha256::digest(content.as_bytes());
    format!("/console/assets/console.{}.{kind}", domain::id::hex(&hash[..8]))
}

/// The address of the style.
pub(super) fn css() -> &'static str {
    &CSS_PATH
}

/// The address of the script.
pub(super) fn js() -> &'static str {
    &JS_PATH
}

/// Both, for anybody: what is in them is in every release.
pub(super) fn files() -> Router<App> {
    let file = |kind: &'static str, content: &'static str| {
        get(async move || ([(CONTENT_TYPE, kind), (CACHE_CONTROL, KEPT)], content).into_response())
    };
    Router::new()
        .route(css(), file("text/css; charset=utf-8", CSS))
        .route(js(), file("text/javascript; charset=utf-8", JS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for content in [CSS, JS] {
            assert!(!content.contains("url(") && !content.contains("@import") && !content.contains("://"));
        }
        assert!(!JS.contains("eval(") && !JS.contains("Function("));
    }

    #[test]
    fn the_addresses_change_with_what_is_in_them() {
        assert_ne!(path("a", "css"), path("b", "css"));
        assert!(css().ends_with(".css") && js().ends_with(".js"));
    }
}
