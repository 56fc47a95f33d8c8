//! HTML for mail programs: styles beside what they are for, nothing that runs, and a text for those who read without it.

use ammonia::Builder;
use css_inline::{CSSInliner, InlineOptions};
use std::collections::HashSet;
use std::sync::OnceLock;
use std::thread;

/// How long a line of a text that is made of HTML may be, in columns: RFC 5322 asks for 78 at most.
const LINE_COLUMNS_MAX: usize = 78;
/// Most tags of an HTML. Parsers make more of malformed HTML than it has tags (each `<b>` that is left open is opened again
/// in every paragraph), at most as many as these times [`FORMATTING_MAX`].
const TAGS_MAX: usize = 5_000;
/// Most of them that are opened again.
const FORMATTING_MAX: usize = 1_000;
const FORMATTING: [&str; 13] =
    ["b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];
/// From so many tags on, a stack of its own holds the recursion: elements may be nested as deep as there are tags.
const TAGS_ON_THIS_STACK_MAX: usize = 200;
/// That stack. It is reserved and not used, but for what is that deep.
const STACK_BYTES: usize = 128 * 1024 * 1024;

/// Why HTML is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HtmlFault {
    #[error("has more than 5000 tags")]
    Tags,
    #[error("has more than 1000 tags that format words")]
    Formatting,
    #[error("cannot be read now; try again")]
    NoThread,
    #[error("has styles that cannot be read")]
    Styles,
    #[error("cannot be made into a text; give one")]
    Text,
}

/// Writes the rules of `<style>` to the elements that they are for, because mail programs drop them. Those for dark and for
/// small screens stay where they are. What has no styles stays as it is.
pub(super) fn inlined(html: String) -> Result<String, HtmlFault> {
    static INLINER: OnceLock<CSSInliner<'static>> = OnceLock::new();
    if !html.to_ascii_lowercase().contains("<style") {
        return Ok(html);
    }
    let inliner =
        INLINER.get_or_init(|| InlineOptions::default().keep_at_rules(true).load_remote_stylesheets(false).build());
    on_deep_stack(&html, || inliner.inline(&html).map_err(|_| HtmlFault::Styles))
}

/// The text of an HTML, with its links as footnotes.
pub(super) fn to_text(html: &str) -> Result<String, HtmlFault> {
    on_deep_stack(html, || {
        let text =
            html2text::config::plain().allow_width_overflow().string_from_read(html.as_bytes(), LINE_COLUMNS_MAX);
        text.map_err(|_| HtmlFault::Text)
    })
}

/// What of an HTML can be shown: no scripts, no forms, no styles but a few attributes, links to the web and to mail only.
pub(super) fn sanitised(html: &str) -> Result<String, HtmlFault> {
    on_deep_stack(html, || {
        let mut builder = Builder::default();
        builder.url_schemes(HashSet::from(["http", "https", "mailto"])).link_rel(Some("noopener noreferrer"));
        Ok(builder.clean(html).to_string())
    })
}

/// Does it with a stack that is deep enough for that HTML.
fn on_deep_stack<T: Send>(html: &str, work: impl FnOnce() -> Result<T, HtmlFault> + Send) -> Result<T, HtmlFault> {
    let mut tags = 0;
    let mut formatting = 0;
    for name in html.split('<').skip(1).map(name) {
        tags += usize::from(!name.is_empty());
        formatting += usize::from(FORMATTING.iter().any(|known| name.eq_ignore_ascii_case(known)));
    }
    if tags > TAGS_MAX {
        return Err(HtmlFault::Tags);
    }
    if formatting > FORMATTING_MAX {
        return Err(HtmlFault::Formatting);
    }
    if tags <= TAGS_ON_THIS_STACK_MAX {
        return work();
    }
    thread::scope(|scope| {
        let spawned = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        spawned.ok().and_then(|thread| thread.join().ok()).unwrap_or(Err(HtmlFault::NoThread))
    })
}

/// The name at the start of what follows a `<`; empty where that opens nothing.
fn name(after: &str) -> &str {
    let end = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
    after.get(..end).filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic())).unwrap_or_default()
}
