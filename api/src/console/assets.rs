//! The style and the script of the console.

use crate::http::assets::Assets;
use std::sync::LazyLock;

const CSS: &str = include_str!("assets/console.css");
const JS: &str = include_str!("assets/console.js");

pub(super) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets::new("/console/assets/console", CSS, JS));

#[cfg(test)]
#[test]
fn nothing_is_loaded_from_elsewhere() {
    ASSETS.assert_own();
}
