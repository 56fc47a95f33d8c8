//! The file: read on a thread of its own, a few lines at a time, never as a whole.

use crate::gzip::{self, Source};
use crate::operations::Error;
use domain::Timestamp;
use domain::text::{ChatName, MessageText};
use serde::Deserialize;
use std::borrow::Cow;
use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// A longer line is malformed: it is no message.
const LINE_BYTES_MAX: u64 = 1024 * 1024;
/// How much of a longer line is passed over; what goes on after that is no chat log.
const SKIPPED_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Malformed lines before the first good one, after which the file is taken for something other than a chat log.
const MALFORMED_MAX: u64 = 1_000;
/// Characters of what is wrong with a line: a parser's words may quote all of it.
const WHAT_CHARACTERS_MAX: usize = 300;
/// How many lines are handed over at once, and how often before the reader waits.
const CHUNK_LINES: usize = 256;
const CHUNKS_MAX: usize = 8;

/// A line that can be brought in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// In the file, from 1.
    pub number: u64,
    /// Where it was said.
    pub room: ChatName,
    pub at: Timestamp,
    /// Who said it, in the file's spelling.
    pub author: String,
    pub text: MessageText,
}

/// A line that is none of a chat log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// In the file, from 1.
    pub number: u64,
    /// What is wrong, as it follows "the line".
    pub what: String,
}

/// Some lines of a file, in its order; blank ones are left out.
type Chunk = Vec<Result<Line, Malformed>>;

/// The lines of a file, as they are read.
pub struct Lines {
    chunks: mpsc::Receiver<Result<Chunk, Error>>,
    bytes_read: Arc<AtomicU64>,
    bytes: u64,
}

impl Lines {
    /// The next lines; `None` at the end. An error comes after the lines before it, and ends the file.
    pub async fn next(&mut self) -> Option<Result<Chunk, Error>> {
        self.chunks.recv().await
    }

    /// Which part of the file is read, from 0 to 1; 0 when nobody knows how long it is.
    pub fn part(&self) -> f64 {
        if self.bytes == 0 { 0.0 } else { self.bytes_read.load(Ordering::Relaxed) as f64 / self.bytes as f64 }
    }
}

/// Begins to read a file, plain or gzip. Whoever writes into a pipe may take as long as they like: that keeps nobody
/// else waiting.
pub fn read(source: Source) -> Lines {
    let (sender, chunks) = mpsc::channel(CHUNKS_MAX);
    let (bytes_read, bytes) = (Arc::clone(&source.bytes_read), source.bytes);
    tokio::task::spawn_blocking(move || {
        let opened = gzip::begin(source).map_err(Error::File);
        if let Err(error) = opened.and_then(|from| send_lines(from, &sender)) {
            // Nobody waits for it any more: then nobody wants to know.
            let _ = sender.blocking_send(Err(error));
        }
    });
    Lines { chunks, bytes_read, bytes }
}

fn send_lines(mut from: impl BufRead, to: &mpsc::Sender<Result<Chunk, Error>>) -> Result<(), Error> {
    let mut chunk = Vec::with_capacity(CHUNK_LINES);
    let mut bytes = Vec::new();
    let (mut good, mut malformed) = (0_u64, 0_u64);
    for number in 1.. {
        match next_line(&mut from, &mut bytes) {
            Ok(0) => break,
            Ok(_) => {}
            Err(source) => {
                let _ = to.blocking_send(Ok(chunk));
                return Err(Error::FileBroken { line: number, source });
            }
        }
        let Some(line) = parse(number, &bytes).transpose() else { continue };
        match &line {
            Ok(_) => good += 1,
            Err(_) => malformed += 1,
        }
        chunk.push(line);
        if good == 0 && malformed == MALFORMED_MAX {
            return Err(Error::NoChatLog { lines: MALFORMED_MAX });
        }
        if chunk.len() == CHUNK_LINES {
            let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK_LINES));
            if to.blocking_send(Ok(full)).is_err() {
                return Ok(());
            }
        }
    }
    let _ = to.blocking_send(Ok(chunk));
    Ok(())
}

/// Reads a line with its end. Of one that is too long only so much is kept that this is seen; the rest is passed over.
fn next_line(mut from: impl BufRead, bytes: &mut Vec<u8>) -> io::Result<usize> {
    bytes.clear();
    let read = (&mut from).take(LINE_BYTES_MAX + 1).read_until(b'\n', bytes)?;
    if bytes.len() as u64 > LINE_BYTES_MAX && bytes.last() != Some(&b'\n') {
        let skipped = (&mut from).take(SKIPPED_BYTES_MAX).skip_until(b'\n')?;
        if skipped as u64 == SKIPPED_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is so long that this is no chat log"));
        }
    }
    Ok(read)
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    room: Cow<'a, str>,
    #[serde(borrow)]
    at: Cow<'a, str>,
    #[serde(borrow)]
    author: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

/// One line; `None` when it is blank.
fn parse(number: u64, bytes: &[u8]) -> Result<Option<Line>, Malformed> {
    if bytes.len() as u64 > LINE_BYTES_MAX {
        return Err(bad(number, "is longer than 1 MiB"));
    }
    let bytes = if number == 1 { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes };
    if bytes.trim_ascii().is_empty() {
        return Ok(None);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| bad(number, "is not UTF-8"))?;
    let fields = serde_json::from_str::<Fields<'_>>(text).map_err(|error| {
        let what = format!("is not a JSON object with the strings room, at, author and text ({error})");
        bad(number, &what)
    })?;
    if fields.author.is_empty() {
        return Err(bad(number, "has no author"));
    }
    let at = Timestamp::parse(&fields.at).ok_or_else(|| bad(number, "has an `at` that is not an RFC 3339 time"))?;
    let room = ChatName::parse(&fields.room).map_err(|unfit| bad(number, &format!("has a room that {unfit}")))?;
    let text = MessageText::parse(&fields.text).map_err(|unfit| bad(number, &format!("has a text that {unfit}")))?;
    Ok(Some(Line { number, room, at, author: fields.author.into_owned(), text }))
}

fn bad(number: u64, what: &str) -> Malformed {
    Malformed { number, what: what.chars().take(WHAT_CHARACTERS_MAX).collect() }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Line>, Malformed> {
        parse(1, line.as_bytes())
    }

    #[test]
    fn lines_have_four_strings() {
        let line = parsed(r#"{"room":"r","at":"2004-12-25T09:14:00+01:00","author":"[x] ","text":" ё\n","more":1}"#);
        let line = line.unwrap().unwrap();
        assert_eq!(line.author, "[x] ");
        assert_eq!(line.text.as_str(), " ё\n");
        assert_eq!(line.at, Timestamp::parse("2004-12-25T08:14:00Z").unwrap());
        assert_eq!(parsed("  \r\n").unwrap(), None);
        assert_eq!(parsed("\u{feff}").unwrap(), None);
    }

    #[test]
    fn malformed_lines_are_told_with_their_number() {
        for (line, what) in [
            ("{", "JSON"),
            (r#"{"room":"r","at":"2004-12-25T09:14:00Z","author":"a"}"#, "text"),
            (r#"{"room":1,"at":"2004-12-25T09:14:00Z","author":"a","text":"t"}"#, "strings"),
            (r#"{"room":"r","at":"yesterday","author":"a","text":"t"}"#, "RFC 3339"),
            (r#"{"room":"r","at":"2004-12-25T09:14:00Z","author":"","text":"t"}"#, "author"),
            (r#"{"room":"r","at":"2004-12-25T09:14:00Z","author":"a","text":""}"#, "text that must"),
            (r#"{"room":" ","at":"2004-12-25T09:14:00Z","author":"a","text":"t"}"#, "room that must"),
        ] {
            let malformed = parse(7, line.as_bytes()).unwrap_err();
            assert!(malformed.number == 7 && malformed.what.contains(what), "{line}: {malformed:?}");
        }
        let quoted = format!("\"{}\"", "x".repeat(100_000));
        assert!(parsed(&quoted).unwrap_err().what.len() <= WHAT_CHARACTERS_MAX);
        assert!(parse(1, b"\xff\xfe").is_err());
        assert!(parse(1, &vec![b' '; 1024 * 1024 + 1]).is_err());
    }

    const GOOD: &str = r#"{"room":"r","at":"2004-12-25T09:14:00Z","author":"a","text":"t"}"#;

    /// Whether each line that a file gives is good, by its number, and how the file ended.
    async fn given(file: &[u8]) -> (Vec<(u64, bool)>, Result<(), Error>) {
        let mut lines = read(Source::new(io::Cursor::new(file.to_vec()), 0));
        let mut given = Vec::new();
        while let Some(chunk) = lines.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => return (given, Err(error)),
            };
            given.extend(chunk.into_iter().map(|line| match line {
                Ok(line) => (line.number, true),
                Err(malformed) => (malformed.number, false),
            }));
        }
        (given, Ok(()))
    }

    #[tokio::test]
    async fn a_malformed_line_ends_nothing() {
        let long = "x".repeat(3 * LINE_BYTES_MAX as usize);
        let half = &GOOD[..40];
        let file = format!("{GOOD}\n\nbad\n{GOOD}\n{long}\n{GOOD}\n{half}");
        let (lines, ended) = given(file.as_bytes()).await;
        assert_eq!(lines, [(1, true), (3, false), (4, true), (5, false), (6, true), (7, false)]);
        ended.unwrap();
        let (lines, ended) = given(format!("{GOOD}\n{GOOD}").as_bytes()).await;
        assert_eq!(lines, [(1, true), (2, true)]);
        ended.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_is_no_chat_log_is_not_read_to_its_end() {
        let (all, one_less) = ("bad\n".repeat(MALFORMED_MAX as usize), "bad\n".repeat(MALFORMED_MAX as usize - 1));
        assert!(matches!(given(all.as_bytes()).await.1, Err(Error::NoChatLog { lines: MALFORMED_MAX })));
        assert!(given(one_less.as_bytes()).await.1.is_ok());
        let (lines, ended) = given(format!("{one_less}{GOOD}\n{all}").as_bytes()).await;
        assert_eq!(lines.len() as u64, 2 * MALFORMED_MAX);
        ended.unwrap();
    }

    #[tokio::test]
    async fn a_line_without_end_is_not_passed_over_for_ever() {
        let mut bytes = Vec::new();
        let error = next_line(io::BufReader::new(io::repeat(b'x')), &mut bytes).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(bytes.len() as u64 <= LINE_BYTES_MAX + 1);
    }
}
