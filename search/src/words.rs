//! What a text is cut into. The same cut is made of a message when it is indexed and of a question when it is asked.
//!
//! A part is a run of letters and digits; a letter of a script that sets no spaces; a picture. What holds two parts together without a space (`.` in `db.json`, `-` in
//! `PLT-3699`) is kept in a second word at the place of the latter, `.json`: so an identifier is found whole, as a
//! phrase of `db` and `.json`, and by each of its parts.

mod character;
mod fold;
mod irregular;
mod lines;
mod part;
mod russian;
mod stem;

pub use fold::{folded, folded_name};
pub use lines::{LINES, Lines};
pub use part::{Part, PartKind, ends_in_word, has_sign, parts};
pub use stem::stem;

/// Most hyphenated parts that are one word with forms: `кого-нибудь`, `e-mail`, `mother-in-law`.
const COMPOUND_PARTS_MAX: usize = 4;
/// Most changes between letters and digits within a part that it is also found by: `qwen3`, `v2ray`, no hashes.
const MIXED_CHANGES_MAX: usize = 2;

/// The words of one text, for the two fields that hold them: a line is a position, and the words that stand there have
/// a space between them. [`Lines`] reads them back.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// Folded words: case, accents and `ё` are gone. Several may stand at one position (`.net` and `net`).
    pub exact: String,
    /// The stem of each part, and of each compound, at the same positions.
    pub stems: String,
}

/// Cuts a text: see [`Words`].
pub fn words(text: &str) -> Words {
    let parts = parts(text);
    let mut words =
        Words { exact: String::with_capacity(text.len() * 5 / 4), stems: String::with_capacity(text.len()) };
    let Words { exact, stems } = &mut words;
    let mut chunk = 0;
    for (position, part) in parts.iter().enumerate() {
        if position == chunk {
            chunk = chunk_end(&parts, position);
            if let Some(compound) = compound(&parts[position..chunk]) {
                lines::push(stems, &compound);
            }
        }
        stem::push(stems, &part.word);
        for bound in &part.bound {
            lines::push(exact, bound);
        }
        for run in runs(part) {
            stem::push(stems, run);
            lines::push(exact, run);
        }
        lines::push(exact, &part.word);
        lines::end(exact);
        lines::end(stems);
    }
    words
}

/// Where the parts end that hang together with the one at `start`.
pub fn chunk_end(parts: &[Part], start: usize) -> usize {
    let more = parts[start + 1..].iter().take_while(|part| part.joiner.is_some());
    start + 1 + more.count()
}

/// The stem of a hyphenated word, so that each of its forms is found by any other. `None` when it is none.
pub fn compound(chunk: &[Part]) -> Option<String> {
    // The length first: a chunk may be a whole text.
    if !(2..=COMPOUND_PARTS_MAX).contains(&chunk.len()) {
        return None;
    }
    let hyphens = chunk.iter().skip(1).all(|part| part.joiner.as_deref() == Some("-"));
    if !hyphens || !chunk.iter().all(|part| part.word.chars().all(char::is_alphabetic)) {
        return None;
    }
    Some(chunk.iter().map(|part| stem(&part.word)).collect::<Vec<_>>().join("-"))
}

/// [`compound`] of what hangs together with the part at `start`, and how many parts it has. It looks no further than a
/// compound may reach.
pub fn compound_at(parts: &[Part], start: usize) -> Option<(String, usize)> {
    let near = &parts[..parts.len().min(start + COMPOUND_PARTS_MAX + 1)];
    let end = chunk_end(near, start);
    compound(&parts[start..end]).map(|stem| (stem, end - start))
}

/// The runs of letters and of digits in a part that has a few of both.
pub fn runs(part: &Part) -> Vec<&str> {
    let word = part.word.as_str();
    if part.made_of != PartKind::Letters {
        return Vec::new();
    }
    let mut starts = vec![0];
    let mut before = None;
    for (at, character) in word.char_indices() {
        let digit = character.is_numeric();
        if before.is_some_and(|before| before != digit) {
            starts.push(at);
        }
        before = Some(digit);
        if starts.len() > MIXED_CHANGES_MAX + 1 {
            return Vec::new();
        }
    }
    if starts.len() == 1 {
        return Vec::new();
    }
    starts.push(word.len());
    starts.windows(2).map(|run| &word[run[0]..run[1]]).collect()
}

/// Whether a text has a link: a scheme with `://`, or `www.`, and something behind it.
pub fn has_link(text: &str) -> bool {
    let followed = |rest: &str| rest.chars().next().is_some_and(char::is_alphanumeric);
    let scheme = text.match_indices("://").any(|(at, mark)| {
        text[..at].ends_with(|before: char| before.is_ascii_alphanumeric()) && followed(&text[at + mark.len()..])
    });
    scheme
        || text.match_indices(['w', 'W']).any(|(at, _)| {
            let starts = !text[..at].ends_with(char::is_alphanumeric);
            starts
                && text.get(at..at + 4).is_some_and(|www| www.eq_ignore_ascii_case("www."))
                && followed(&text[at + 4..])
        })
}

#[cfg(test)]
mod tests;
