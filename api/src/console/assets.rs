//! The style and the script of the console.

use crate::app::App;
use crate::http::assets::{file, path};
use axum::Router;
use std::sync::LazyLock;

const CSS: &str = include_str!("assets/console.css");
const JS: &str = include_str!("assets/console.js");

static CSS_PATH: LazyLock<String> = LazyLock::new(|| path("/console/assets/console", CSS, "css"));
static JS_PATH: LazyLock<String> = LazyLock::new(|| path("/console/assets/console", JS, "js"));

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
}
