//! Word forms: the stem of a Russian or an English word, told apart by their letters.

use super::russian;
use frostem::{Algorithm, Stemmer};
use std::borrow::Cow;

/// The stem of a folded word. A word of other letters, or with digits, is its own.
pub fn stem(word: &str) -> Cow<'_, str> {
    if word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Stemmer::new(Algorithm::English).stem(word);
    }
    if word.chars().all(|letter| matches!(letter, 'а'..='я')) {
        return russian::stem(word);
    }
    Cow::Borrowed(word)
}
