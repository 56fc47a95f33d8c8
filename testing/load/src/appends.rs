//! Appends: through the writer, and the yardstick, a plain file that is synced for every batch.

use crate::plan::Plan;
use crate::{Measured, Rated};
use anyhow::{Context, Result};
use commands::{ClockGuard, Request, Writer};
use domain::text::{ChatName, UserName};
use domain::{ChatId, Command, UserId, chat, user};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use store::{Appender, Folder, Keys, now};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Streams that each caller appends to in turn.
const STREAMS: usize = 100;
/// About what one event takes in the log.
pub(super) const RECORD: [u8; 250] = [b'x'; 250];
/// The writer's own bounds.
const QUEUE_MAX: usize = 4_096;
const BATCH_MAX: usize = 1_024;

/// The writer and the file with as many callers as asked for, then with one. No read model follows.
pub(super) async fn measure(place: &Path, plan: &Plan) -> Result<Vec<Measured>> {
    let one = Plan { callers: 1, ..plan.clone() };
    let mut measured = Vec::new();
    for (plan, callers) in [(plan, format!("{} callers", plan.callers)), (&one, "1 caller".to_owned())] {
        let folder = Folder::create(&place.join(format!("log-{}", plan.callers)))?;
        let appender = Appender::open(&folder, &folder.master_key())?;
        let keys = appender.keys();
        let (writer, running) = Writer::start(appender, ClockGuard::unkept());
        let appended = through_the_writer(&writer, &keys, plan).await;
        running.stop().await;
        measured.push(appended?.of(&format!("append through the writer, {callers}")));
        let file = place.join(format!("plain-{}", plan.callers));
        measured.push(to_a_plain_file(&file, plan).await?.of(&format!("append to a plain file, {callers}")));
    }
    Ok(measured)
}

/// Every caller changes the names of its chats, one after the other: one event a command.
async fn through_the_writer(writer: &Writer, keys: &Keys, plan: &Plan) -> Result<Rated> {
    through_the_writers(std::slice::from_ref(writer), keys, plan).await
}

/// The same, with the callers spread over the writers of several nodes.
pub(super) async fn through_the_writers(writers: &[Writer], keys: &Keys, plan: &Plan) -> Result<Rated> {
    let first = writers.first().context("there is a writer")?;
    let owner = owner(first, keys).await?;
    let mut prepared = JoinSet::new();
    for writer in writers.iter().cycle().take(plan.callers.into()) {
        let writer = writer.clone();
        prepared.spawn(async move { anyhow::Ok((chats(writer.clone(), owner).await?, writer)) });
    }
    let mut callers = Vec::new();
    while let Some(chats) = prepared.join_next().await {
        callers.push(chats.context("a caller panicked")??);
    }
    let deadline = Instant::now() + Duration::from_secs(plan.seconds.into());
    let began = Instant::now();
    let mut calling = JoinSet::new();
    for (chats, writer) in callers {
        calling.spawn(rename(writer, owner, chats, deadline));
    }
    gathered(calling, began).await
}

async fn owner(writer: &Writer, keys: &Keys) -> Result<UserId> {
    let user_id = UserId(Uuid::now_v7());
    let user_name = UserName::parse(&format!("bench appends {user_id}")).context("a valid name")?;
    let sign_up = user::Command::SignUp(user::SignUp {
        claim: node::claims::claim(keys, &user_name),
        user_name,
        email: None,
        verifier: None,
    });
    let command = Command::User(user_id, sign_up);
    writer.send(Request::by_operator(command, now())).await?;
    Ok(user_id)
}

async fn chats(writer: Writer, owner: UserId) -> Result<Vec<ChatId>> {
    let mut chats = Vec::with_capacity(STREAMS);
    for _ in 0..STREAMS {
        let id = ChatId(Uuid::now_v7());
        let create = chat::Command::Create(chat::Create {
            by: owner,
            chat_name: ChatName::parse("new").context("a valid name")?,
            private: false,
            nickname: None,
        });
        writer.send(Request::by_operator(Command::Chat(id, create), now())).await?;
        chats.push(id);
    }
    Ok(chats)
}

async fn rename(writer: Writer, owner: UserId, chats: Vec<ChatId>, deadline: Instant) -> Result<Vec<u32>> {
    let mut waits_us = Vec::new();
    for (number, id) in chats.iter().cycle().enumerate() {
        if Instant::now() >= deadline {
            break;
        }
        let sent = Instant::now();
        let change = chat::Command::Change(chat::Change {
            by: owner,
            chat_name: Some(ChatName::parse(&format!("name {number}")).context("a valid name")?),
            archived: None,
        });
        writer.send(Request::by_operator(Command::Chat(*id, change), now())).await?;
        waits_us.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(waits_us)
}

/// The same callers hand 250 bytes each to one thread, which writes and syncs whatever waits: what the disk allows.
async fn to_a_plain_file(path: &Path, plan: &Plan) -> Result<Rated> {
    let file = File::create(path).with_context(|| format!("could not make {}", path.display()))?;
    let (queue, asked) = mpsc::channel(QUEUE_MAX);
    let writing = std::thread::Builder::new()
        .name("plain file".to_owned())
        .spawn(move || write_batches(file, asked))
        .context("no thread")?;
    let deadline = Instant::now() + Duration::from_secs(plan.seconds.into());
    let began = Instant::now();
    let mut calling = JoinSet::new();
    for _ in 0..plan.callers {
        let queue = queue.clone();
        calling.spawn(async move {
            let mut waits_us = Vec::new();
            while Instant::now() < deadline {
                let sent = Instant::now();
                let (sender, synced) = oneshot::channel();
                queue.send(sender).await.context("the file's thread ended")?;
                synced.await.context("the file could not be written")?;
                waits_us.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            Ok(waits_us)
        });
    }
    drop(queue);
    let measured = gathered(calling, began).await;
    // It ended with the last caller; what it failed with, the callers have told.
    let _ = tokio::task::spawn_blocking(|| writing.join()).await;
    measured
}

fn write_batches(mut file: File, mut asked: mpsc::Receiver<oneshot::Sender<()>>) -> std::io::Result<()> {
    let mut waiting = Vec::with_capacity(BATCH_MAX);
    while let Some(first) = asked.blocking_recv() {
        waiting.push(first);
        while waiting.len() < BATCH_MAX {
            let Ok(next) = asked.try_recv() else { break };
            waiting.push(next);
        }
        file.write_all(&RECORD.repeat(waiting.len()))?;
        file.sync_data()?;
        for waits in waiting.drain(..) {
            // Who waited may be gone.
            let _ = waits.send(());
        }
    }
    Ok(())
}

pub(super) async fn gathered(mut calling: JoinSet<Result<Vec<u32>>>, began: Instant) -> Result<Rated> {
    let mut waits_us = Vec::new();
    while let Some(called) = calling.join_next().await {
        waits_us.extend(called.context("a caller panicked")??);
    }
    Ok(Rated { waits_us, seconds: began.elapsed().as_secs_f64() })
}
