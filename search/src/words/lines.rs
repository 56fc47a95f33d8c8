//! The words of a text written down as lines, and read back by tantivy.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// What [`Lines`] is called in an index.
pub const LINES: &str = "lines";

/// Reads back what [`super::words`] has written: no word is looked for by the time a message reaches tantivy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines;

/// The words that are left to read.
#[derive(Debug)]
pub struct LineWords<'a> {
    rest: &'a str,
    position: usize,
    token: Token,
}

/// Adds a word to the last line.
pub(super) fn push(lines: &mut String, word: &str) {
    lines.push_str(word);
    lines.push(' ');
}

/// Ends the last line, which has a word.
pub(super) fn end(lines: &mut String) {
    lines.pop();
    lines.push('\n');
}

impl Tokenizer for Lines {
    type TokenStream<'a> = LineWords<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> LineWords<'a> {
        LineWords { rest: text, position: 0, token: Token::default() }
    }
}

impl TokenStream for LineWords<'_> {
    fn advance(&mut self) -> bool {
        let Some(end) = self.rest.bytes().position(|byte| matches!(byte, b' ' | b'\n')) else { return false };
        let (word, rest) = self.rest.split_at(end);
        self.token.text.clear();
        self.token.text.push_str(word);
        self.token.position = self.position;
        self.position += usize::from(rest.starts_with('\n'));
        self.rest = &rest[1..];
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
