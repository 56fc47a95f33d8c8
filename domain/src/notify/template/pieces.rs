//! What a version says in one locale, cut into pieces that fit into events.

use super::{Content, ContentPublished};

/// Most bytes of the texts of one piece as JSON: an event may have 64 KiB with all that is around them.
pub(super) const PIECE_BYTES_MAX: usize = 48 * 1024;

/// The pieces of a content, in order: at least one.
pub(super) fn pieces(version: u32, locale: &str, content: &Content) -> Vec<ContentPublished> {
    let empty = || ContentPublished { version, locale: locale.to_owned(), ..ContentPublished::default() };
    let (mut pieces, mut piece, mut bytes) = (Vec::new(), empty(), 0);
    type Field = fn(&mut ContentPublished) -> &mut Option<String>;
    let fields: [(Option<&str>, Field); 3] = [
        (Some(&content.subject), |piece| &mut piece.subject),
        (content.text.as_deref(), |piece| &mut piece.text),
        (content.html.as_deref(), |piece| &mut piece.html),
    ];
    for (text, field) in fields {
        let Some(mut rest) = text else { continue };
        // A field that is empty is there all the same.
        field(&mut piece).get_or_insert_default();
        while !rest.is_empty() {
            let (fits, behind, taken) = cut(rest, PIECE_BYTES_MAX - bytes);
            field(&mut piece).get_or_insert_default().push_str(fits);
            bytes += taken;
            rest = behind;
            if !rest.is_empty() {
                pieces.push(std::mem::replace(&mut piece, empty()));
                bytes = 0;
            }
        }
    }
    pieces.push(piece);
    pieces
}

/// What of a text fits into so many bytes of JSON, what is behind it, and how many bytes it takes.
fn cut(text: &str, bytes_max: usize) -> (&str, &str, usize) {
    let mut bytes = 0;
    for (at, character) in text.char_indices() {
        let more = match character {
            '"' | '\\' | '\n' | '\r' | '\t' => 2,
            control if control < ' ' => 6,
            other => other.len_utf8(),
        };
        if bytes + more > bytes_max {
            let (fits, behind) = text.split_at(at);
            return (fits, behind, bytes);
        }
        bytes += more;
    }
    (text, "", bytes)
}
