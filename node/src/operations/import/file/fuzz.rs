use super::*;
use ::fuzz::Verdict;
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use std::io::{Cursor, Write};

const LINES: [&str; 3] = [
    r##"{"room":"#ubuntu","at":"2004-12-25T09:14:00Z","author":"[x] ","text":" \u0451\n\"q\" 🦀"}"##,
    r#"{"text":"t","author":"Анна","more":[1,{"a":null}],"at":"1969-12-31T23:59:59.5+01:00","room":"r"}"#,
    "  \r\n",
];

/// A line as an export would write it.
fn written(line: &Line) -> Vec<u8> {
    let (room, at, text) = (line.room.as_str(), line.at.to_string(), line.text.as_str());
    serde_json::to_vec(&serde_json::json!({"room": room, "at": at, "author": line.author, "text": text})).unwrap()
}

#[test]
fn a_line_that_is_taken_is_written_back_equal() {
    let seeds = LINES.map(str::as_bytes);
    ::fuzz::bytes(&seeds, |input| {
        let parsed = parse(7, input);
        match &parsed {
            Ok(Some(line)) => {
                assert!(!line.author.is_empty() && line.number == 7);
                assert_eq!(parse(7, &written(line)).unwrap().as_ref(), Some(line));
            }
            Ok(None) => assert!(input.trim_ascii().is_empty(), "a line was passed over"),
            Err(malformed) => assert!(malformed.number == 7 && !malformed.what.is_empty(), "{malformed:?}"),
        }
        Verdict::from(&parsed)
    });
}

fn gzip(text: &str) -> Vec<u8> {
    let mut file = GzEncoder::new(Vec::new(), Compression::fast());
    file.write_all(text.as_bytes()).unwrap();
    file.finish().unwrap()
}

/// The lines that a file gives, and whether it was read to its end.
fn given(file: &[u8]) -> (Chunk, Result<(), Error>) {
    // No input is so long that it fills this many chunks: nobody takes them out meanwhile.
    let (sender, mut chunks) = mpsc::channel(64);
    let opened = gzip::begin(Source::new(Cursor::new(file.to_vec()), file.len() as u64));
    let result = opened.map_err(Error::File).and_then(|from| send_lines(from, &sender));
    let mut lines = Vec::new();
    while let Ok(chunk) = chunks.try_recv() {
        lines.extend(chunk.expect("errors are sent by the caller"));
    }
    (lines, result)
}

/// The same, one line at a time.
fn expected(text: &[u8]) -> Chunk {
    let lines = text.split_inclusive(|byte| *byte == b'\n').enumerate();
    lines.filter_map(|(at, line)| parse(at as u64 + 1, line).transpose()).collect()
}

fn number(line: &Result<Line, Malformed>) -> u64 {
    line.as_ref().map_or_else(|malformed| malformed.number, |line| line.number)
}

#[test]
fn a_file_gives_every_line_before_what_cannot_be_read() {
    let plain = LINES.join("\n");
    let (packed, in_two) = (gzip(&plain), [gzip(LINES[0]), gzip("\n"), gzip(LINES[1])].concat());
    ::fuzz::bytes(&[plain.as_bytes(), &packed, &in_two], |input| {
        let (lines, result) = given(input);
        let is_packed = input.starts_with(&[0x1f, 0x8b]);
        let mut text = Vec::new();
        if !is_packed || MultiGzDecoder::new(input).read_to_end(&mut text).is_ok() {
            let expected = expected(if is_packed { &text } else { input });
            if expected.len() < MALFORMED_MAX as usize || expected.iter().any(Result::is_ok) {
                assert_eq!((&lines, result.is_ok()), (&expected, true));
            }
        } else {
            assert!(result.is_err(), "a damaged file was taken for a whole one");
        }
        assert!(lines.is_sorted_by(|one, next| number(one) < number(next)));
        Verdict::from(&result)
    });
}
