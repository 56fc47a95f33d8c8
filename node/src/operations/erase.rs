//! Forgetting a person: out of their chats, of what is pinned and reacted to in them, and of the list of suppressed addresses, then out of the log, then out of every
//! read model and what else is kept.

mod traces;

use super::Error;
use crate::{Node, NodeHandle, NodeOptions};
use commands::{Answer, Request, Writer};
use domain::{ChatId, Command, Event, Refusal, StreamId, UserId, chat, suppression, user};
use projections::users::Account;
use projections::{ProjectionId, Projections, chats, recipients};
use serde::Serialize;
use state::Tables;
use std::collections::BTreeSet;
use std::time::Duration;
use store::{Filter, Imported, Log, Verification, described};
use tokio::task::JoinSet;

/// So many chats are left at once.
const CHATS_AT_ONCE: u32 = 200;
/// Chats of one page of a preview.
const CHATS_PAGE: u32 = 1_000;
/// Facts of one page.
const FACTS_PAGE: usize = 1_000;
/// How long a read model is waited for. A person's right to go does not wait for one that is stopped.
const FOLLOW_WAIT: Duration = Duration::from_secs(10);

/// Takes a person out of their chats, forgets them, and waits until nothing here knows them. `request` is to be
/// [`user::Command::Erase`] of that person.
///
/// When it ends early they are out of some chats and have their account still: it can be asked again.
///
/// # Errors
/// What the writer or the log says.
pub async fn erase(
    writer: &Writer,
    projections: &Projections,
    state: &Tables,
    log: &Log,
    user_id: UserId,
    request: Request,
) -> Result<Answer, Error> {
    let began = *writer.head().borrow();
    if projections.has(ProjectionId::Chats) {
        leave_all(writer, projections, user_id, &request).await?;
    }
    forget_addresses(writer, log, user_id, &request).await?;
    store::failpoint::pass("erase-withdrawn");
    let answer = writer.send(request.clone()).await?;
    for chat_id in entered(log, user_id, began, answer.position).await? {
        withdraw(writer.clone(), chat_id, user_id, request.clone()).await?;
    }
    for name in projections.names() {
        follow(projections, name, answer.position).await;
    }
    forget(state, user_id).await;
    Ok(answer)
}

/// Out of every chat that they are in, with their reactions. Where chats are left out, the start that brings them back hands
/// over or deletes what they led.
async fn leave_all(
    writer: &Writer,
    projections: &Projections,
    user_id: UserId,
    request: &Request,
) -> Result<(), Error> {
    for name in [ProjectionId::Chats, ProjectionId::Messages] {
        follow(projections, name, writer.acknowledged(name.follows())).await;
    }
    traces::unpin(writer, projections, user_id, request).await?;
    traces::take_back_reactions(writer, projections, user_id, request).await?;
    let mut after = 0;
    loop {
        let database = projections.database(ProjectionId::Chats);
        let page = chats::joined(&database, user_id, after, CHATS_AT_ONCE).await?;
        let mut leaving = JoinSet::new();
        for (_, chat_id, _) in &page {
            leaving.spawn(withdraw(writer.clone(), *chat_id, user_id, request.clone()));
        }
        while let Some(left) = leaving.join_next().await {
            left.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        }
        match page.last() {
            Some((position, ..)) if page.len() == CHATS_AT_ONCE as usize => after = *position,
            Some(_) | None => return Ok(()),
        }
    }
}

/// Addresses of theirs that are suppressed stay so, and nobody can read any more which they are. Before the log forgets
/// them: it alone knows which they had.
async fn forget_addresses(writer: &Writer, log: &Log, user_id: UserId, asked: &Request) -> Result<(), Error> {
    let read = log.clone();
    let facts = tokio::task::spawn_blocking(move || read.stream(user_id.into())).await;
    let facts = facts.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    let keys = log.keys();
    let mut suppressions = BTreeSet::new();
    for fact in &facts {
        if let Event::User(_, event) = &fact.event {
            suppressions.extend(event.addresses().into_iter().map(|email| recipients::suppression_id(&keys, email)));
        }
    }
    for id in suppressions {
        let command = Command::Suppression(id, suppression::Command::ForgetAddress);
        writer.send(Request { command, key: None, if_match: None, ..asked.clone() }).await?;
    }
    Ok(())
}

/// Out of what is kept and is no fact.
async fn forget(state: &Tables, user_id: UserId) {
    let state = state.clone();
    let forgotten = tokio::task::spawn_blocking(move || state.forget(user_id)).await;
    if let Err(error) = forgotten.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())) {
        let later = "a person is erased, and what is kept beside the log could not be changed; it is tried again soon";
        tracing::warn!(error = described(&error), "{later}");
    }
}

/// Forgets once more who is in the list of the erased and in the log.
///
/// # Errors
/// As [`erase`].
pub(crate) async fn again(node: &NodeHandle, user_id: UserId) -> Result<(), Error> {
    let command = Command::User(user_id, user::Command::Erase);
    let request = Request::by_operator(command, store::now());
    erase(&node.writer, &node.projections, &node.state, &node.log, user_id, request).await.map(drop)
}

/// A log that was copied into a data folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopyReport {
    /// How many events it holds.
    pub events: u64,
    /// The last of them.
    pub head: u64,
    /// Its hash, in hex.
    pub hash: String,
    /// How many people it had brought back, who were erased again.
    pub erased_again: u64,
}

/// Erases everybody whom a copy of a log has brought back although they were erased, and verifies the log once more.
/// When this is interrupted, the next start goes on with it before it serves.
///
/// # Errors
/// When they cannot be erased, or the log does not hold then.
pub async fn again_in_copy(options: NodeOptions, copy: &Imported) -> Result<CopyReport, Error> {
    let (events, head) = match copy.back.is_empty() {
        true => (copy.counted.events, copy.head),
        false => {
            let verified = erase_in_copy(options).await?;
            (verified.events, verified.head)
        }
    };
    let (hash, erased_again) = (domain::id::hex(&head.hash), copy.back.len() as u64);
    Ok(CopyReport { events, head: head.position, hash, erased_again })
}

async fn erase_in_copy(options: NodeOptions) -> Result<Verification, Error> {
    // Opening erases them.
    let node = Node::open(options).await?;
    super::settle(&node).await;
    let log = node.log.clone();
    node.stop().await;
    let verified = tokio::task::spawn_blocking(move || log.verify(1, u64::MAX, |_| {})).await;
    Ok(verified.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?)
}

/// What would be forgotten with a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// Their id.
    pub user_id: UserId,
    /// Their name.
    pub user_name: String,
    /// Events that are about them or done by them.
    pub events: u64,
    /// Sealed parts that are theirs.
    pub sealed_parts: u64,
    /// Chats that they are in.
    pub chats: u64,
    /// Those of them that they own.
    pub owned_chats: u64,
}

/// Counts what would be forgotten. Reads the whole log.
///
/// # Errors
/// When there is no such user, or the log or the chats cannot be read.
pub async fn preview(log: &Log, projections: &Projections, user: &str) -> Result<Preview, Error> {
    let Account { user_id, user_name, .. } =
        super::users::account(&projections.database(ProjectionId::Users), user).await?;
    let (events, sealed_parts) = count(log, user_id)?;
    let mut preview = Preview { user_id, user_name, events, sealed_parts, chats: 0, owned_chats: 0 };
    if !projections.has(ProjectionId::Chats) {
        return Ok(preview);
    }
    let mut after = 0;
    loop {
        let page = chats::joined(&projections.database(ProjectionId::Chats), user_id, after, CHATS_PAGE).await?;
        preview.chats += page.len() as u64;
        preview.owned_chats += page.iter().filter(|(.., role)| *role == chat::Role::Owner).count() as u64;
        match page.last() {
            Some((position, ..)) if page.len() == CHATS_PAGE as usize => after = *position,
            Some(_) | None => return Ok(preview),
        }
    }
}

fn count(log: &Log, user_id: UserId) -> Result<(u64, u64), Error> {
    let (mut events, mut sealed_parts) = (0, 0);
    let mut filter = Filter { user: Some(user_id), ..Filter::default() };
    loop {
        let page = log.read_filtered(&filter, FACTS_PAGE)?;
        events += page.len() as u64;
        let sealed = page.iter().filter(|record| record.subject == Some(user_id) && record.sealed.is_some());
        sealed_parts += sealed.count() as u64;
        match page.last() {
            Some(last) if page.len() == FACTS_PAGE => filter.after = last.position,
            Some(_) | None => return Ok((events, sealed_parts)),
        }
    }
}

/// The chats that somebody came into between two positions: while the others were being left.
async fn entered(log: &Log, user_id: UserId, after: u64, up_to: u64) -> Result<BTreeSet<ChatId>, store::Error> {
    let log = log.clone();
    let read = tokio::task::spawn_blocking(move || {
        let mut filter = Filter {
            after,
            up_to: Some(up_to),
            user: Some(user_id),
            name: Some("chat.member_*".to_owned()),
            ..Filter::default()
        };
        let mut chats = BTreeSet::new();
        loop {
            let page = log.read_filtered(&filter, FACTS_PAGE)?;
            let streams = page.iter().filter_map(|record| StreamId::parse(&record.stream));
            chats.extend(streams.filter_map(|stream| ChatId::try_from(stream).ok()));
            match page.last() {
                Some(last) if page.len() == FACTS_PAGE => filter.after = last.position,
                Some(_) | None => return Ok(chats),
            }
        }
    });
    read.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

pub(crate) async fn withdraw(
    writer: Writer,
    chat_id: ChatId,
    user_id: UserId,
    asked: Request,
) -> Result<(), commands::Error> {
    let command = Command::Chat(chat_id, chat::Command::Withdraw(chat::Withdraw { user_id }));
    match writer.send(Request { command, key: None, if_match: None, ..asked }).await {
        // Deleted meanwhile.
        Ok(_) | Err(commands::Error::Refused(Refusal::Chat(chat::Refusal::NotFound))) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn follow(projections: &Projections, name: ProjectionId, position: u64) {
    if let Err(behind) = projections.caught_up(name, position, FOLLOW_WAIT).await {
        tracing::warn!(%behind, "a person is erased while a read model is stopped; it forgets them when it goes on");
    }
}
