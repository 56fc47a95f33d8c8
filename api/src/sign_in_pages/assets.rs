//! The style and the script of the pages.

use crate::http::assets::Assets;
use std::sync::LazyLock;

const CSS: &str = concat!(include_str!("../routes/pages/pages.css"), include_str!("assets/sign-in.css"));
const JS: &str = include_str!("assets/sign-in.js");

pub(super) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets::new("/sign-in/assets/sign-in", CSS, JS));

#[cfg(test)]
#[test]
fn nothing_is_loaded_from_elsewhere() {
    ASSETS.assert_own();
}
