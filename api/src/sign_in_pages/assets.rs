//! The style and the script of the pages. Their addresses have a hash of what is in them, so that browsers keep them.

use crate::app::App;
use crate::http::assets::{file, path};
use axum::Router;
use std::sync::LazyLock;

const CSS: &str = concat!(include_str!("../routes/pages/pages.css"), include_str!("assets/sign-in.css"));
const JS: &str = include_str!("assets/sign-in.js");

static CSS_PATH: LazyLock<String> = LazyLock::new(|| path("/sign-in/assets/sign-in", CSS, "css"));
static JS_PATH: LazyLock<String> = LazyLock::new(|| path("/sign-in/assets/sign-in", JS, "js"));

/// The address of the style.
pub(super) fn css() -> &'static str {
    &CSS_PATH
}

/// The address of the script.
pub(super) fn js() -> &'static str {
    &JS_PATH
}

/// Both, for anybody.
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
        assert!(!JS.contains("eval(") && !JS.contains("innerHTML"));
    }
}
