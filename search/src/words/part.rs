//! Cutting a text at what is neither letter nor digit, and between letters of scripts that set no spaces.
//!
//! Such a letter is a word by itself, with the marks that stand on it, and several in a row are a phrase: so what a
//! message holds is found wherever it stands. Words of a dictionary would be cut otherwise in a question than in the
//! middle of a sentence.

use super::character::{self, KEYCAP, Kind, kind, plain};
use super::fold::fold;

/// Longer runs are cut off here, in a message as in a question: what is longer is no word.
pub const WORD_CHARACTERS_MAX: usize = 64;
/// Longer joiners are cut off here: `://` is the longest that means anything.
const JOINER_CHARACTERS_MAX: usize = 3;

/// One word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// As it is compared: folded, at most `WORD_CHARACTERS_MAX` characters.
    pub word: String,
    /// What it is made of.
    pub made_of: PartKind,
    /// What holds it and the part before it together, where no space stands between: `.` in `db.json`, nothing
    /// between characters that are words by themselves.
    pub joiner: Option<String>,
    /// With the signs that belong to it: `.json` in `db.json`, `c++`, `#rust`, `@anna`. The first is how it is asked for
    /// where it stands so in a question; by each of them it is found: `cc:@anna` has `:@anna` and `@anna`.
    pub bound: Vec<String>,
    /// Where it begins, in bytes of the text.
    pub from: usize,
    /// Where it ends, in bytes of the text.
    pub to: usize,
}

/// What a part is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// Letters and digits.
    Letters,
    /// One letter of a script that sets no spaces.
    Sign,
    /// One picture, of one character or several.
    Picture,
}

/// Cuts a text into its parts, in the order of the text.
pub fn parts(text: &str) -> Vec<Part> {
    let mut cut = Cutter { text, parts: Vec::with_capacity(text.len() / 6) };
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let begins = match kind(character) {
            Kind::Letter | Kind::Sign | Kind::Picture => true,
            Kind::Other => matches!(character, '#' | '*') && keycap_end(text, at).is_some(),
            Kind::Mark | Kind::Unseen => false,
        };
        if !begins {
            at += character.len_utf8();
            continue;
        }
        let (end, simple) = run_end(text, at);
        if simple {
            cut.word(at, end)
        } else {
            cut.run(at, end)
        }
        at = end;
    }
    cut.parts
}

/// Whether a text holds a word that is a single sign, as Chinese, Japanese or Thai have them.
pub fn has_sign(text: &str) -> bool {
    text.chars().any(|character| kind(character) == Kind::Sign)
}

/// Whether a text ends in what may be the middle of a word.
pub fn ends_in_word(text: &str) -> bool {
    text.chars().next_back().is_some_and(|last| matches!(kind(last), Kind::Letter | Kind::Sign | Kind::Mark))
}

/// Where the run of words without a space ends that begins at `from`, and whether it is one word of letters that need no
/// look into the tables. An apostrophe between letters does not end it.
fn run_end(text: &str, from: usize) -> (usize, bool) {
    let (mut end, mut simple) = (from, true);
    let mut rest = text[from..].chars().peekable();
    while let Some(character) = rest.next() {
        if character::is_of_keycap(character)
            && let Some(keycap) = keycap_end(text, end)
        {
            return (keycap, false);
        }
        let goes_on = match kind(character) {
            Kind::Letter | Kind::Sign | Kind::Picture | Kind::Mark | Kind::Unseen => true,
            Kind::Other => {
                is_apostrophe(character)
                    && text[..end].ends_with(char::is_alphabetic)
                    && rest.peek().is_some_and(|next| next.is_alphabetic())
            }
        };
        if !goes_on {
            break;
        }
        simple &= character.is_ascii() || matches!(character, 'а'..='я' | 'А'..='Я' | 'ё' | 'Ё' | '\u{2019}');
        end += character.len_utf8();
    }
    (end, simple)
}

/// Where the keycap ends that begins at `from`.
fn keycap_end(text: &str, from: usize) -> Option<usize> {
    let rest = &text[from..];
    let behind = rest.strip_prefix(character::is_of_keycap)?;
    let behind = behind.strip_prefix('\u{fe0f}').unwrap_or(behind).strip_prefix(KEYCAP)?;
    Some(text.len() - behind.len())
}

/// A text that is being cut.
struct Cutter<'a> {
    text: &'a str,
    parts: Vec<Part>,
}

/// A part that is not at its end yet.
struct OpenPart {
    word: String,
    made_of: PartKind,
    from: usize,
    to: usize,
    /// How many characters of the text are in it.
    characters: usize,
}

impl Cutter<'_> {
    /// Adds a word whose characters are all letters of its own.
    fn word(&mut self, from: usize, to: usize) {
        let mut word = String::with_capacity(to - from);
        for character in self.text[from..to].chars().take(WORD_CHARACTERS_MAX).filter(|one| !is_apostrophe(*one)) {
            fold(character, &mut word);
        }
        self.push(OpenPart { word, made_of: PartKind::Letters, from, to, characters: 0 });
    }

    /// Adds the words of a run, whatever it is made of.
    fn run(&mut self, from: usize, to: usize) {
        let mut open: Option<OpenPart> = None;
        let mut at = from;
        while let Some(character) = self.text[at..to].chars().next() {
            let keycap =
                Some(character).filter(|one| character::is_of_keycap(*one)).and_then(|_| keycap_end(self.text, at));
            let end = keycap.unwrap_or(at + character.len_utf8());
            if keycap.is_some() {
                self.begin(&mut open, character, PartKind::Picture, (at, end));
                open.iter_mut().for_each(|open| open.extend(KEYCAP, end));
            } else {
                self.character(&mut open, character, (at, end));
            }
            at = end;
        }
        self.push_open(&mut open);
    }

    fn character(&mut self, open: &mut Option<OpenPart>, character: char, (at, end): (usize, usize)) {
        match kind(character) {
            _ if is_apostrophe(character) => {}
            // Only of a picture something is left: which flag it is.
            Kind::Unseen => {
                if let Some(open) = open.as_mut().filter(|open| open.made_of == PartKind::Picture) {
                    fold(character, &mut open.word);
                    open.to = end;
                }
            }
            Kind::Picture => {
                let flag = open.as_mut().filter(|open| {
                    let mut letters = open.word.chars();
                    character::is_of_flag(character)
                        && letters.next().is_some_and(character::is_of_flag)
                        && letters.next().is_none()
                });
                match flag {
                    Some(open) => open.extend(character, end),
                    None => self.begin(open, character, PartKind::Picture, (at, end)),
                }
            }
            Kind::Letter | Kind::Sign | Kind::Mark | Kind::Other => self.letter(open, character, (at, end)),
        }
    }

    /// Adds what a letter or a mark comes apart into.
    fn letter(&mut self, open: &mut Option<OpenPart>, character: char, span: (usize, usize)) {
        let mut nothing = String::new();
        // The word before is there for what changes its end: the breve of й, the voice of a kana.
        let word = open.as_mut().map_or(&mut nothing, |open| &mut open.word);
        let (before, last) = (word.len(), word.chars().next_back());
        fold(character, word);
        let is_added = word.get(..before).is_some_and(|kept| kept.chars().next_back() == last);
        let added = if is_added { word.split_off(before) } else { String::new() };
        if let Some(open) = open.as_mut().filter(|_| added.is_empty()) {
            open.to = span.1;
            return;
        }
        let mut gap = false;
        for piece in added.chars() {
            match kind(piece) {
                Kind::Letter => match open {
                    Some(open) if open.made_of == PartKind::Letters && !gap => open.extend(piece, span.1),
                    _ => self.begin(open, piece, PartKind::Letters, span),
                },
                Kind::Mark => {
                    if let Some(open) = open.as_mut().filter(|open| open.made_of != PartKind::Picture) {
                        open.extend(piece, span.1);
                    }
                }
                Kind::Sign => self.begin(open, piece, PartKind::Sign, span),
                Kind::Picture | Kind::Unseen | Kind::Other => {
                    gap = true;
                    continue;
                }
            }
            gap = false;
        }
    }

    fn begin(&mut self, open: &mut Option<OpenPart>, piece: char, made_of: PartKind, (from, to): (usize, usize)) {
        self.push_open(open);
        *open = Some(OpenPart { word: piece.to_string(), made_of, from, to, characters: 1 });
    }

    fn push_open(&mut self, open: &mut Option<OpenPart>) {
        if let Some(open) = open.take() {
            self.push(open);
        }
    }

    fn push(&mut self, open: OpenPart) {
        let OpenPart { word, made_of, from, to, .. } = open;
        if word.is_empty() {
            return;
        }
        let joiner = self.joiner(made_of, from);
        let bound = if made_of == PartKind::Picture {
            Vec::new()
        } else {
            bound(self.text, (from, to), &word, joiner.as_deref())
        };
        self.parts.push(Part { word, made_of, joiner, bound, from, to });
    }

    /// What holds a part that begins at `from` and the one before it together.
    fn joiner(&self, made_of: PartKind, from: usize) -> Option<String> {
        let before = self.parts.last()?;
        let between = self.text.get(before.to..from).unwrap_or_default();
        let seen = || between.chars().filter(|one| one.is_ascii() || kind(*one) != Kind::Unseen);
        if !seen().all(is_joiner) {
            return None;
        }
        let touches = seen().next().is_none();
        let by_itself = match made_of {
            PartKind::Letters => false,
            PartKind::Sign => before.made_of != PartKind::Picture,
            PartKind::Picture => before.made_of == PartKind::Picture,
        };
        (!touches || by_itself).then(|| seen().take(JOINER_CHARACTERS_MAX).map(plain).collect())
    }
}

impl OpenPart {
    fn extend(&mut self, piece: char, to: usize) {
        self.to = to;
        self.characters += 1;
        if self.characters <= WORD_CHARACTERS_MAX {
            self.word.push(piece);
        }
    }
}

/// The word with the signs that belong to it: behind it as in `c++` and `c#`, and before it.
fn bound(text: &str, (from, to): (usize, usize), word: &str, joiner: Option<&str>) -> Vec<String> {
    let mut bound = Vec::new();
    let mut behind = text[to..].chars().map(plain);
    match behind.next() {
        Some('+') if behind.next() == Some('+') => bound.push(format!("{word}++")),
        Some('#') if !behind.next().is_some_and(char::is_alphanumeric) => bound.push(format!("{word}#")),
        _ => {}
    }
    let is_seen = |one: &char| one.is_ascii() || kind(*one) != Kind::Unseen;
    let sign = text[..from].chars().rev().find(is_seen).map(plain);
    match (joiner, sign) {
        (None, Some(sign @ ('.' | '#' | '@' | '$'))) if word.starts_with(char::is_alphabetic) => {
            bound.push(format!("{sign}{word}"));
        }
        (Some(joiner), Some(sign)) if !joiner.is_empty() => {
            bound.push(format!("{joiner}{word}"));
            // Behind other signs it is found by its own as well: `@anna` in `cc:@anna`, `.bashrc` in `me/.bashrc`.
            if joiner.len() > sign.len_utf8() {
                bound.push(format!("{sign}{word}"));
            }
        }
        (None | Some(_), _) => {}
    }
    bound
}

fn is_apostrophe(character: char) -> bool {
    matches!(character, '\'' | '\u{2019}' | '\u{2bc}')
}

/// What joins the parts of an identifier. Commas, brackets, quotes and the like only stand between words.
fn is_joiner(character: char) -> bool {
    matches!(plain(character), '.' | '-' | '_' | '/' | '\\' | ':' | '@' | '+' | '=' | '&' | '%' | '#' | '~' | '$')
}
