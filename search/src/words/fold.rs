//! One spelling for what readers take for the same: case, accents, `ё`, vowels that Arabic and Hebrew may leave out, the
//! two kana, compatibility forms.

use super::character::{self, KEYCAP, Kind, kind};
use unicode_normalization::char::{compose, decompose_compatible};

/// Between a capital letter of the Russian alphabet and the small one.
const CASES_APART: u32 = 32;
/// Between a letter of katakana and the same one of hiragana.
const KANA_APART: u32 = 0x60;

/// Appends a character as it is compared. What cannot be seen adds nothing; what stands on the character before it may
/// change that one.
pub(super) fn fold(character: char, out: &mut String) {
    match character {
        'a'..='z' | '0'..='9' | 'а'..='я' => out.push(character),
        'A'..='Z' => out.push(character.to_ascii_lowercase()),
        'А'..='Я' => out.extend(char::from_u32(u32::from(character) + CASES_APART)),
        'ё' | 'Ё' => out.push('е'),
        '\0'..='\x7f' => out.push(character),
        _ => fold_rare(character, out),
    }
}

fn fold_rare(character: char, out: &mut String) {
    let last = out.chars().next_back();
    match kind(character) {
        // Not seen by themselves, but they say which flag it is.
        Kind::Unseen if character::is_tag(character) => {
            if last.is_some_and(|last| character::is_tag(last) || kind(last) == Kind::Picture) {
                out.push(character);
            }
        }
        Kind::Unseen => {}
        Kind::Picture => out.push(character),
        Kind::Mark if character == KEYCAP && last.is_some_and(character::is_of_keycap) => out.push(character),
        Kind::Letter | Kind::Sign | Kind::Mark | Kind::Other => {
            decompose_compatible(character, |piece| fold_piece(character, piece, out));
        }
    }
}

/// Appends a piece of what a character comes apart into.
fn fold_piece(character: char, piece: char, out: &mut String) {
    match piece {
        // The breve makes another letter of и: it is no accent.
        '\u{306}' if out.ends_with('и') => {
            out.pop();
            out.push('й');
        }
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
        // Arabic as keyboards of Egypt, Iran and Pakistan write it.
        'ى' | 'ی' => out.push('ي'),
        'ک' => out.push('ك'),
        'ة' => out.push('ه'),
        'ァ'..='ヶ' | 'ヽ' | 'ヾ' => out.extend(char::from_u32(u32::from(piece) - KANA_APART)),
        // The voice of a kana makes another one: they are put together again. So are the syllables of Hangul.
        '\u{3099}' | '\u{309a}' | '\u{1100}'..='\u{11ff}' => push_composed(piece, out),
        _ if kind(piece) == Kind::Mark && character::is_left_out(piece) => {}
        _ if character::is_stretch(piece) => {}
        _ => match character::digit(piece) {
            Some(digit) => out.push(digit),
            None => out.extend(piece.to_lowercase().filter(|lower| !character::is_left_out(*lower))),
        },
    }
}

fn push_composed(piece: char, out: &mut String) {
    match out.chars().next_back().and_then(|last| compose(last, piece)) {
        Some(whole) => {
            out.pop();
            out.push(whole);
        }
        None if kind(piece) == Kind::Mark => {}
        None => out.push(piece),
    }
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
