//! Chats that nobody leads: earlier versions left them behind when their last member went, or when somebody was erased
//! who had come in at the same moment. They are looked for once after each start.

use super::Task;
use crate::Node;
use crate::operations::Error;
use crate::operations::erase::withdraw;
use commands::{Request, Writer};
use domain::{ChatId, Command, Refusal, StreamId, UserId, chat, user};
use projections::{ProjectionId, Projections, chats};
use std::time::Duration;
use store::Log;

/// Chats of one page.
const PAGE: u32 = 200;
/// How long the read model of chats is waited for, and how often: it may be built first.
const FOLLOW_WAIT: Duration = Duration::from_secs(10);
const TURNS_MAX: u32 = 8_640;

pub(super) fn job(node: &Node) -> Option<Task> {
    let (writer, projections, log) = (node.writer.clone(), node.projections.clone(), node.log.clone());
    Some(Box::pin(settle(writer, projections, log, TURNS_MAX)))
}

/// Looks for them, and lets each go to whoever follows its owner, or deletes it when nobody is in it. Waits for the read
/// model so many times 10 s.
pub(crate) async fn settle(writer: Writer, projections: Projections, log: Log, turns: u32) {
    if !projections.has(ProjectionId::Chats) {
        return;
    }
    let head = writer.acknowledged(ProjectionId::Chats.follows());
    for _ in 0..turns {
        if projections.caught_up(ProjectionId::Chats, head, FOLLOW_WAIT).await.is_ok() {
            match settle_all(&writer, &projections, &log).await {
                Ok(0) => {}
                Ok(settled) => tracing::warn!(settled, "chats without an owner were handed over or deleted"),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "chats without an owner could not be settled; the next start does it");
                }
            }
            return;
        }
    }
}

async fn settle_all(writer: &Writer, projections: &Projections, log: &Log) -> Result<u64, Error> {
    let (mut after, mut settled) = (0, 0);
    loop {
        let page = chats::without_owner(&projections.database(ProjectionId::Chats), after, PAGE).await?;
        for (_, chat_id) in &page {
            settle_one(writer, log, *chat_id).await?;
            settled += 1;
        }
        match page.last() {
            Some((position, _)) if page.len() == PAGE as usize => after = *position,
            Some(_) | None => return Ok(settled),
        }
    }
}

async fn settle_one(writer: &Writer, log: &Log, chat_id: ChatId) -> Result<(), Error> {
    let log = log.clone();
    let gone = tokio::task::spawn_blocking(move || erased_members(&log, chat_id)).await;
    let request = |command| Request::by_operator(command, store::now());
    let delete = Command::Chat(chat_id, chat::Command::DeleteIfEmpty);
    for user_id in gone.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))? {
        withdraw(writer.clone(), chat_id, user_id, request(delete.clone())).await?;
    }
    match writer.send(request(delete)).await {
        Ok(_) | Err(commands::Error::Refused(Refusal::Chat(chat::Refusal::NotFound))) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Members who were erased without having been taken out.
fn erased_members(log: &Log, chat_id: ChatId) -> Result<Vec<UserId>, store::Error> {
    let mut state = chat::State::default();
    for fact in log.stream(chat_id.into())? {
        if let domain::Event::Chat(_, event) = fact.event {
            chat::evolve(&mut state, &event);
        }
    }
    let chat::State::Open(room) = state else { return Ok(Vec::new()) };
    let mut erased = Vec::new();
    for user_id in room.order {
        let facts = log.stream(StreamId::from(user_id))?;
        if facts.iter().any(|fact| matches!(fact.event, domain::Event::User(_, user::Event::Erased))) {
            erased.push(user_id);
        }
    }
    Ok(erased)
}
