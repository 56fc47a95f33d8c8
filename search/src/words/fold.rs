//! One spelling for what readers take for the same: case, accents, `ё`, compatibility forms.

use unicode_normalization::char::{compose, decompose_compatible};

/// Between a capital letter of the Russian alphabet and the small one.
const CASES_APART: u32 = 32;

/// Appends a character as it is compared. What cannot be seen (soft hyphens, zero width) adds nothing.
pub(super) fn fold(character: char, out: &mut String) {
    match character {
        'a'..='z' | '0'..='9' | 'а'..='я' => out.push(character),
        'A'..='Z' => out.push(character.to_ascii_lowercase()),
        'А'..='Я' => out.extend(char::from_u32(u32::from(character) + CASES_APART)),
        'ё' | 'Ё' => out.push('е'),
        _ => fold_rare(character, out),
    }
}

fn fold_rare(character: char, out: &mut String) {
    if is_unseen(character) {
        return;
    }
    let mut base = Vec::new();
    decompose_compatible(character, |piece| base.push(piece));
    for piece in base {
        match piece {
            // The breve makes another letter of и: it is no accent.
            '\u{306}' if out.ends_with('и') => {
                out.pop();
                out.push('й');
            }
            '\u{300}'..='\u{36f}' => {}
            // A sign that stands alone comes apart into a space and a sign.
            ' ' if !character.is_whitespace() => {}
            'ß' | 'ẞ' => out.push_str("ss"),
            'æ' | 'Æ' => out.push_str("ae"),
            'œ' | 'Œ' => out.push_str("oe"),
            'ø' | 'Ø' => out.push('o'),
            'ł' | 'Ł' => out.push('l'),
            'đ' | 'Đ' | 'ð' | 'Ð' => out.push('d'),
            'þ' | 'Þ' => out.push_str("th"),
            'ı' => out.push('i'),
            'ς' => out.push('σ'),
            _ => push_composed(piece, out),
        }
    }
}

/// Syllables of Hangul come apart by decomposition: they are put together again, so that a word stays short.
fn push_composed(piece: char, out: &mut String) {
    if ('\u{1100}'..='\u{11ff}').contains(&piece)
        && let Some(last) = out.chars().next_back()
        && let Some(whole) = compose(last, piece)
    {
        out.pop();
        out.push(whole);
        return;
    }
    out.extend(piece.to_lowercase().filter(|lower| !('\u{300}'..='\u{36f}').contains(lower)));
}

/// Whether a character stands within a word without being seen.
pub(super) fn is_unseen(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
}

/// A text as it is compared, character by character.
pub fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        fold(character, &mut out);
    }
    out
}

/// A name as names are compared in `from:` and `in:`: case, accents, `ё` and spaces around it do not count.
pub fn folded_name(name: &str) -> String {
    folded(name.trim())
}
