//! What somebody left at others' messages, which stays in streams that others share: it is taken back by facts before
//! they are erased, so that it counts towards no limit any more.

use super::Error;
use commands::{Request, Writer};
use domain::reactions::{self, Withdraw};
use domain::{ChatId, Command, MessageId, UserId, pins};
use projections::{ProjectionId, Projections, messages};
use tokio::task::JoinSet;

/// So many messages are named at once.
const AT_ONCE: u32 = 200;

/// Unpins all that they said.
pub(super) async fn unpin(
    writer: &Writer,
    projections: &Projections,
    author: UserId,
    asked: &Request,
) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = messages::pinned_of(&projections.database(ProjectionId::Messages), author, after, AT_ONCE).await?;
        let commands = page.iter().map(|(chat_id, message_id)| {
            let message_id = *message_id;
            Command::Pins((*chat_id).into(), pins::Command::Withdraw(pins::Withdraw { message_id, author }))
        });
        send(writer, asked, commands).await?;
        match page.last() {
            Some((_, last)) if page.len() == AT_ONCE as usize => after = Some(*last),
            Some(_) | None => return Ok(()),
        }
    }
}

/// Takes back all that they reacted with.
pub(super) async fn take_back_reactions(
    writer: &Writer,
    projections: &Projections,
    user_id: UserId,
    asked: &Request,
) -> Result<(), Error> {
    let mut after = None;
    loop {
        let database = projections.database(ProjectionId::Messages);
        let page = messages::reacted_to(&database, user_id, after, AT_ONCE).await?;
        send(writer, asked, page.iter().map(|(chat_id, message_id)| withdrawal(*chat_id, *message_id, user_id)))
            .await?;
        match page.last() {
            Some((_, last)) if page.len() == AT_ONCE as usize => after = Some(*last),
            Some(_) | None => return Ok(()),
        }
    }
}

fn withdrawal(chat_id: ChatId, message_id: MessageId, user_id: UserId) -> Command {
    Command::Reactions(message_id.into(), reactions::Command::Withdraw(Withdraw { chat_id, user_id }))
}

async fn send(writer: &Writer, asked: &Request, commands: impl Iterator<Item = Command>) -> Result<(), Error> {
    let mut sent = JoinSet::new();
    for command in commands {
        let (writer, request) = (writer.clone(), Request { command, key: None, if_match: None, ..asked.clone() });
        sent.spawn(async move { writer.send(request).await });
    }
    while let Some(answer) = sent.join_next().await {
        answer.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    }
    Ok(())
}
