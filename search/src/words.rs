//! What a text is cut into. The same cut is made of a message when it is indexed and of a question when it is asked.

use tantivy::tokenizer::Token;

/// The words of one text, for the two fields that hold them. Offsets are bytes of the text as it was written.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// Folded words: case, accents and `ё` are gone. Several may stand at one position (`.net` and `net`).
    pub exact: Vec<Token>,
    /// The stem of each, at the same positions.
    pub stems: Vec<Token>,
}

/// Cuts a text: see [`Words`].
pub fn words(text: &str) -> Words {
    let _ = text;
    Words::default()
}

/// A name as names are compared in `from:` and `in:`: case, accents, `ё` and outer spaces do not count.
pub fn folded_name(name: &str) -> String {
    name.trim().to_lowercase()
}
