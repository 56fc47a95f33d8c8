//! The file: read on a thread of its own, a few lines at a time, never as a whole.

use crate::gzip::{self, Source};
use crate::operations::Error;
use domain::Timestamp;
use domain::text::{ChatName, MessageText};
use serde::Deserialize;
use std::borrow::Cow;
use std::io::{BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// A longer line is refused: it is no message.
const LINE_BYTES_MAX: u64 = 1024 * 1024;
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
    /// When.
    pub at: Timestamp,
    /// Who said it, in the file's spelling.
    pub author: String,
    /// What.
    pub text: MessageText,
}

/// The lines of a file, as they are read.
pub struct Lines {
    chunks: mpsc::Receiver<Result<Vec<Line>, Error>>,
    bytes_read: Arc<AtomicU64>,
    bytes: u64,
}

impl Lines {
    /// The next lines; `None` at the end. A bad line comes behind the good ones before it, and ends the file.
    pub async fn next(&mut self) -> Option<Result<Vec<Line>, Error>> {
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

fn send_lines(mut from: impl BufRead, to: &mpsc::Sender<Result<Vec<Line>, Error>>) -> Result<(), Error> {
    let mut chunk = Vec::with_capacity(CHUNK_LINES);
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let read = (&mut from).take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut bytes);
        let line = match read {
            Ok(0) => break,
            Ok(_) => parse(number, &bytes),
            Err(error) => Err(bad(number, &format!("could not be read: {error}"))),
        };
        match line {
            Ok(Some(line)) => chunk.push(line),
            Ok(None) => {}
            Err(error) => {
                let _ = to.blocking_send(Ok(chunk));
                return Err(error);
            }
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
fn parse(number: u64, bytes: &[u8]) -> Result<Option<Line>, Error> {
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

fn bad(line: u64, what: &str) -> Error {
    Error::BadLine { line, what: what.to_owned() }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Line>, Error> {
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
    fn bad_lines_are_told_with_their_number() {
        for (line, what) in [
            ("{", "JSON"),
            (r#"{"room":"r","at":"2004-12-25T09:14:00Z","author":"a"}"#, "text"),
            (r#"{"room":1,"at":"2004-12-25T09:14:00Z","author":"a","text":"t"}"#, "strings"),
            (r#"{"room":"r","at":"yesterday","author":"a","text":"t"}"#, "RFC 3339"),
            (r#"{"room":"r","at":"2004-12-25T09:14:00Z","author":"","text":"t"}"#, "author"),
            (r#"{"room":"r","at":"2004-12-25T09:14:00Z","author":"a","text":""}"#, "text that must"),
            (r#"{"room":" ","at":"2004-12-25T09:14:00Z","author":"a","text":"t"}"#, "room that must"),
        ] {
            let error = parse(7, line.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("line 7 ") && error.contains(what), "{line}: {error}");
        }
        assert!(parse(1, b"\xff\xfe").is_err());
        assert!(parse(1, &vec![b' '; 1024 * 1024 + 1]).is_err());
    }

    #[tokio::test]
    async fn the_good_lines_come_before_the_bad_one() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("log.ndjson");
        let good = r#"{"room":"r","at":"2004-12-25T09:14:00Z","author":"a","text":"t"}"#;
        std::fs::write(&path, format!("{good}\n\n{good}\nbad\n{good}\n")).unwrap();
        let mut lines = read(gzip::source(&path).unwrap());
        let first = lines.next().await.unwrap().unwrap();
        assert_eq!(first.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 3]);
        assert!(lines.next().await.unwrap().unwrap_err().to_string().starts_with("line 4 "));
        assert!(lines.next().await.is_none());
    }
}
