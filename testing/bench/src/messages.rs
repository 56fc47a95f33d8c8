//! The messages: chat logs, repeated with new ids until there are enough.

use anyhow::{Context, Result};
use domain::{ChatId, MessageId, Timestamp, UserId};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A message as both sides take it. Its place in the list is its position, from 1.
pub struct Message {
    pub message_id: MessageId,
    pub chat_id: ChatId,
    pub author: UserId,
    pub sent_at: Timestamp,
    pub text: String,
}

#[derive(Deserialize)]
struct Line {
    room: String,
    at: String,
    author: String,
    text: String,
}

/// Reads the logs; repeats are rooms and people of their own.
pub fn read(logs: &[PathBuf], wanted: Option<usize>) -> Result<Vec<Message>> {
    let mut lines = Vec::new();
    for log in logs {
        read_into(log, &mut lines).with_context(|| format!("could not read {}", log.display()))?;
    }
    anyhow::ensure!(!lines.is_empty(), "these logs are empty");
    let wanted = wanted.unwrap_or(lines.len());
    let (mut rooms, mut people) = (HashMap::new(), HashMap::new());
    let messages = (0..wanted).map(|number| {
        let (line, repeat) = (&lines[number % lines.len()], number / lines.len());
        let sent_at = Timestamp::parse(&line.at).with_context(|| format!("{} is no time", line.at))?;
        Ok(Message {
            message_id: MessageId(Uuid::now_v7()),
            chat_id: ChatId(*rooms.entry((repeat, line.room.as_str())).or_insert_with(Uuid::now_v7)),
            author: UserId(*people.entry((repeat, line.author.as_str())).or_insert_with(Uuid::now_v7)),
            sent_at,
            text: line.text.clone(),
        })
    });
    messages.collect()
}

fn read_into(log: &Path, lines: &mut Vec<Line>) -> Result<()> {
    let file = File::open(log)?;
    let from: Box<dyn Read> = match log.extension() {
        Some(extension) if extension == "gz" => Box::new(MultiGzDecoder::new(file)),
        Some(_) | None => Box::new(file),
    };
    for line in BufReader::new(from).lines() {
        let line: Line = serde_json::from_str(&line?)?;
        if !line.text.is_empty() {
            lines.push(line);
        }
    }
    Ok(())
}
