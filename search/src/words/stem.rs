//! Word forms: the stem of a Russian or an English word, told apart by their letters.

use super::{lines, russian};
use frostem::{Algorithm, Stemmer};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

/// Most words whose stems a thread remembers, some 4 MiB. A handful of words makes up most of what people write.
const REMEMBERED_MAX: usize = 32_768;

thread_local! {
    static REMEMBERED: RefCell<HashMap<Box<str>, Box<str>>> = RefCell::default();
}

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

/// Adds the [`stem`] of a word to its line.
pub(super) fn push(stems: &mut String, word: &str) {
    REMEMBERED.with_borrow_mut(|remembered| {
        if let Some(known) = remembered.get(word) {
            return lines::push(stems, known);
        }
        let stem = stem(word);
        lines::push(stems, &stem);
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(word.into(), stem.into());
    });
}
