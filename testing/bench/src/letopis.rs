//! Letopis' side: the index as the projection fills it when it is built again.

use crate::questions::BenchQuestion;
use crate::{Answer, Measured, Message, median, timed};
use anyhow::{Result, anyhow};
use domain::{ChatId, UserId};
use search::{Change, Order, Post, SearchRequest, Text, TimeZone, Who, Writer, find, question};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Hits of a page, as on the other side.
pub const LIMIT: usize = 20;
const DEADLINE: Duration = Duration::from_secs(10);

pub fn measure(messages: &[Message], chats: &[ChatId], asked: &[BenchQuestion], rounds: u8) -> Result<Measured> {
    let folder = tempfile::tempdir()?;
    let asker = UserId(Uuid::now_v7());
    let (writer, indexed) = timed(|| {
        let mut writer = Writer::create(&folder.path().join("index"))?;
        writer.prepare_for(messages.len() as u64);
        for chat_id in chats {
            writer.change(Change::Came { chat_id: *chat_id, user_id: asker, nickname: Some("asker".to_owned()) })?;
        }
        for (position, message) in (1..).zip(messages) {
            let post = Post {
                message_id: message.message_id,
                chat_id: message.chat_id,
                author: message.author,
                position,
                sent_at: message.sent_at,
                edited_at: None,
            };
            writer.change(Change::Posted(post, Text::cut(&message.text)))?;
            if writer.is_full() {
                writer.commit(position)?;
            }
        }
        writer.commit(messages.len() as u64)?;
        Ok(writer)
    })?;
    let snapshot = writer.index().look()?;
    let mut answers = Vec::with_capacity(asked.len());
    for one in asked {
        let question = question(&one.typed).map_err(|broken| anyhow!("{}: {}", one.typed, broken.why))?;
        let (mut took, mut total) = (Vec::new(), 0);
        for _ in 0..rounds {
            let deadline = Instant::now() + DEADLINE;
            let request = SearchRequest {
                question: &question,
                who: Who::Member(asker),
                zone: &TimeZone::UTC,
                order: Order::Newest,
                from: None,
                limit: LIMIT,
                deadline,
            };
            let (found, one) = timed(|| Ok(find(&snapshot, &request)?))?;
            took.push(one);
            total = found.total;
        }
        answers.push(Answer { took: median(took), total });
    }
    Ok(Measured { indexed, bytes: writer.index().size()?.bytes, answers })
}
