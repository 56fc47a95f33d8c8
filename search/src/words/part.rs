//! Cutting a text at what is neither letter nor digit.

use super::fold::{fold, is_unseen};
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// Longer runs are cut off here, in a message as in a question: what is longer is no word.
pub const WORD_CHARACTERS_MAX: usize = 64;
/// Longer joiners are cut off here: `://` is the longest that means anything.
const JOINER_CHARACTERS_MAX: usize = 3;

/// One run of letters and digits of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// As it is compared: folded, at most `WORD_CHARACTERS_MAX` characters.
    pub word: String,
    /// What holds it and the part before it together, where no space stands between: `.` in `db.json`, nothing
    /// between characters that are words by themselves.
    pub joiner: Option<String>,
    /// With the signs that belong to it: `.json` in `db.json`, `c++`, `#rust`, `@anna`.
    pub bound: Option<String>,
    /// Where it begins, in bytes of the text.
    pub from: usize,
    /// Where it ends, in bytes of the text.
    pub to: usize,
}

/// Cuts a text into its parts, in the order of the text.
pub fn parts(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::with_capacity(text.len() / 6);
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let end = if stands_alone(character) {
            at + character.len_utf8()
        } else if is_alphanumeric(character) {
            run_end(text, at)
        } else {
            at += character.len_utf8();
            continue;
        };
        let part = part(text, at, end, parts.last().map_or(0, |before| before.to), !parts.is_empty());
        if !part.word.is_empty() {
            parts.push(part);
        }
        at = end;
    }
    parts
}

/// Where the run of letters and digits ends that begins at `from`. An apostrophe between letters does not end it.
fn run_end(text: &str, from: usize) -> usize {
    let mut end = from;
    let mut rest = text[from..].chars().peekable();
    while let Some(character) = rest.next() {
        let apostrophe = is_apostrophe(character)
            && text[..end].ends_with(char::is_alphabetic)
            && rest.peek().is_some_and(|next| next.is_alphabetic());
        let goes_on = apostrophe || (is_of_word(character) && !stands_alone(character));
        if !goes_on {
            break;
        }
        end += character.len_utf8();
    }
    end
}

fn part(text: &str, from: usize, to: usize, before: usize, has_before: bool) -> Part {
    let mut word = String::with_capacity(to - from);
    for character in text[from..to].chars().take(WORD_CHARACTERS_MAX).filter(|one| !is_apostrophe(*one)) {
        fold(character, &mut word);
    }
    let between = &text[before..from];
    let alone = text[from..].chars().next().is_some_and(stands_alone);
    let joins = has_before && between.chars().all(is_joiner) && (alone || !between.is_empty());
    let joiner = joins.then(|| between.chars().take(JOINER_CHARACTERS_MAX).map(plain).collect::<String>());
    let bound = bound(text, (from, to), &word, joiner.as_deref());
    Part { word, joiner, bound, from, to }
}

/// The word with the signs that belong to it: behind it as in `c++` and `c#`, or before it.
fn bound(text: &str, (from, to): (usize, usize), word: &str, joiner: Option<&str>) -> Option<String> {
    let behind = &text[to..];
    if behind.starts_with("++") {
        return Some(format!("{word}++"));
    }
    if behind.starts_with('#') && !behind[1..].starts_with(char::is_alphanumeric) {
        return Some(format!("{word}#"));
    }
    if let Some(joiner) = joiner {
        return (!joiner.is_empty()).then(|| format!("{joiner}{word}"));
    }
    let sign = text[..from].chars().next_back().filter(|sign| matches!(sign, '.' | '#' | '@' | '$'))?;
    word.starts_with(char::is_alphabetic).then(|| format!("{sign}{word}"))
}

fn is_of_word(character: char) -> bool {
    is_alphanumeric(character)
        || (!character.is_ascii()
            && (is_unseen(character) || character.general_category_group() == GeneralCategoryGroup::Mark))
}

/// Most letters are told without a look into the tables.
fn is_alphanumeric(character: char) -> bool {
    matches!(character, 'a'..='z' | 'а'..='я' | 'A'..='Z' | 'А'..='Я' | '0'..='9') || character.is_alphanumeric()
}

fn is_apostrophe(character: char) -> bool {
    matches!(character, '\'' | '\u{2019}' | '\u{2bc}')
}

/// What joins the parts of an identifier. Commas, brackets, quotes and the like only stand between words.
fn is_joiner(character: char) -> bool {
    matches!(plain(character), '.' | '-' | '_' | '/' | '\\' | ':' | '@' | '+' | '=' | '&' | '%' | '#' | '~' | '$')
}

/// One hyphen for all that look like one.
fn plain(character: char) -> char {
    match character {
        '\u{2010}' | '\u{2011}' | '\u{2012}' | '\u{2212}' => '-',
        other => other,
    }
}

/// Characters of scripts that set no spaces, and pictures: each is a word, and several in a row are a phrase.
fn stands_alone(character: char) -> bool {
    matches!(character,
        '\u{2600}'..='\u{27bf}' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3ffff}')
}
