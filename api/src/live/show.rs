//! What is told, as it reads at this moment: edited, deleted and erased as it is by now.

use crate::app::App;
use crate::live::facts::{Told, What};
use crate::live::failure::Failure;
use crate::live::frame::Frame;
use crate::live::hub::Memberships;
use crate::reading::WAIT_MAX;
use crate::routes::inbox::InboxItem;
use crate::routes::message_shown::{Message, ShownReaction};
use domain::chat::Role;
use domain::reactions::Reaction;
use domain::{ChatId, DeliveryId, MessageId, UserId};
use projections::{ProjectionId, chats, inbox, messages};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use store::sql::Database;
use uuid::Uuid;

/// What `message.posted`, `message.edited` and `message.deleted` say.
#[derive(Serialize)]
struct MessageFrame {
    chat_id: ChatId,
    message: NowShown,
}

#[derive(Serialize)]
#[serde(untagged)]
enum NowShown {
    Message(Box<Message>),
    /// It was deleted, or its author was erased.
    Tombstone {
        message_id: MessageId,
        deleted: bool,
    },
}

/// What `member.joined`, `member.left` and `member.role_changed` say.
#[derive(Serialize)]
struct MemberFrame {
    chat_id: ChatId,
    user_id: UserId,
    user_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
}

#[derive(Serialize)]
struct ReactionFrame {
    chat_id: ChatId,
    message_id: MessageId,
    reactions: Vec<ShownReaction>,
}

#[derive(Serialize)]
struct HiddenFrame {
    chat_id: ChatId,
    message_id: MessageId,
}

#[derive(Serialize)]
struct PinFrame {
    chat_id: ChatId,
    message_id: MessageId,
    pinned: bool,
}

#[derive(Serialize)]
struct ReadFrame {
    chat_id: ChatId,
    message_id: MessageId,
    unread: u64,
}

#[derive(Serialize)]
struct ChatFrame {
    chat_id: ChatId,
    chat_name: String,
    archived: bool,
}

#[derive(Serialize)]
struct ChatGone {
    chat_id: ChatId,
}

/// What `inbox.added` and `inbox.changed` say; without an item when all of it was read.
#[derive(Serialize)]
struct InboxFrame {
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<InboxItem>,
    unread: u64,
}

/// A message, and the reactions to it as they are seen by who has none among them.
struct Now {
    message: messages::Message,
    reactions: Vec<Reaction>,
}

/// Nobody has that id.
const NOBODY: UserId = UserId(Uuid::nil());

/// What is told of one thing: the same bytes to all, but for those who reacted to that message themselves.
#[derive(Default)]
pub(super) struct Shown {
    /// None where nothing is left to be told.
    all: Option<Arc<Frame>>,
    own: HashMap<UserId, Arc<Frame>>,
}

impl Shown {
    pub(super) fn to(&self, user_id: UserId) -> Option<&Arc<Frame>> {
        self.own.get(&user_id).or(self.all.as_ref())
    }
}

/// What is told, in the same order.
///
/// # Errors
/// The read models are not as far, or cannot be read: then nothing of it was told.
pub(super) async fn all(app: &App, told: &[&Told]) -> Result<Vec<Shown>, Failure> {
    let posted = posted(app, told).await?;
    let mut shown = Vec::with_capacity(told.len());
    for told in told {
        shown.push(one(app, told, &posted).await?);
    }
    Ok(shown)
}

async fn one(app: &App, told: &Told, posted: &HashMap<u64, Now>) -> Result<Shown, Failure> {
    let position = told.position;
    let all = match told.what {
        What::MessagePosted(chat_id, id) => {
            return message(app, position, "message.posted", chat_id, id, posted.get(&position)).await;
        }
        What::MessageEdited(chat_id, id) => {
            let database = database(app, ProjectionId::Messages, position).await?;
            let now = now(&database, chat_id, id).await?;
            return message(app, position, "message.edited", chat_id, id, now.as_ref()).await;
        }
        What::MessageDeleted(chat_id, id) => {
            return message(app, position, "message.deleted", chat_id, id, None).await;
        }
        What::MessageHidden(chat_id, message_id) => {
            made(position, "message.hidden", &HiddenFrame { chat_id, message_id })
        }
        What::ReactionChanged(chat_id, message_id) => {
            let made = |reactions| {
                made(
                    position,
                    "reaction.changed",
                    &ReactionFrame { chat_id, message_id, reactions: shown_of(reactions) },
                )
            };
            let database = database(app, ProjectionId::Messages, position).await?;
            // Deleted since: that is told further on.
            let Some(now) = now(&database, chat_id, message_id).await? else { return Ok(Shown::default()) };
            return with_reactions(&database, &now, made).await;
        }
        What::PinChanged { chat_id, message_id, pinned } => {
            made(position, "pin.changed", &PinFrame { chat_id, message_id, pinned })
        }
        What::MemberJoined(chat_id, user_id, role) => {
            made(position, "member.joined", &member(app, position, chat_id, user_id, Some(role)).await?)
        }
        What::MemberLeft(chat_id, user_id) => {
            made(position, "member.left", &member(app, position, chat_id, user_id, None).await?)
        }
        What::MemberRoleChanged(chat_id, user_id, role) => {
            made(position, "member.role_changed", &member(app, position, chat_id, user_id, Some(role)).await?)
        }
        What::ChatChanged(chat_id) => {
            let database = database(app, ProjectionId::Chats, position).await?;
            // Deleted since: that is told further on.
            let Some(chat) = chats::by_id(&database, chat_id).await? else { return Ok(Shown::default()) };
            let (chat_name, archived) = (chat.chat_name, chat.archived);
            made(position, "chat.changed", &ChatFrame { chat_id, chat_name, archived })
        }
        What::ChatDeleted(chat_id) => made(position, "chat.deleted", &ChatGone { chat_id }),
        What::Read { chat_id, message_id, unread, .. } => {
            made(position, "read", &ReadFrame { chat_id, message_id, unread })
        }
        What::InboxAdded(id, _) => match inbox_frame(app, position, id).await? {
            Some(data) => made(position, "inbox.added", &data),
            None => return Ok(Shown::default()),
        },
        What::InboxChanged(id) => match inbox_frame(app, position, id).await? {
            Some(data) => made(position, "inbox.changed", &data),
            None => return Ok(Shown::default()),
        },
        What::InboxRead(user_id) => {
            let database = database(app, ProjectionId::Inbox, position).await?;
            let unread = inbox::unread(&database, user_id).await?;
            made(position, "inbox.changed", &InboxFrame { item: None, unread })
        }
    };
    Ok(Shown { all: Some(all), own: HashMap::new() })
}

fn made(position: u64, event: &'static str, data: &impl Serialize) -> Arc<Frame> {
    Frame::new(Some(position), event, data)
}

/// A message as it is now; a tombstone when it is gone.
async fn message(
    app: &App,
    position: u64,
    event: &'static str,
    chat_id: ChatId,
    message_id: MessageId,
    now: Option<&Now>,
) -> Result<Shown, Failure> {
    let made = |message| made(position, event, &MessageFrame { chat_id, message });
    let Some(now) = now else {
        return Ok(Shown { all: Some(made(NowShown::Tombstone { message_id, deleted: true })), own: HashMap::new() });
    };
    let database = app.projections.database(ProjectionId::Messages);
    let shown = |reactions| made(NowShown::Message(Box::new(Message::of(now.message.clone(), reactions))));
    with_reactions(&database, now, shown).await
}

/// What is made of the reactions to a message, for all, and for each of those who reacted.
async fn with_reactions(
    database: &Database,
    now: &Now,
    made: impl Fn(Vec<Reaction>) -> Arc<Frame>,
) -> Result<Shown, Failure> {
    let mut own = HashMap::<UserId, Vec<Reaction>>::new();
    if !now.reactions.is_empty() {
        for (user_id, emoji) in messages::reactors(database, now.message.message_id).await? {
            let theirs = own.entry(user_id).or_insert_with(|| now.reactions.clone());
            theirs.iter_mut().filter(|reaction| reaction.emoji == emoji).for_each(|reaction| reaction.mine = true);
        }
    }
    let own = own.into_iter().map(|(user_id, theirs)| (user_id, made(theirs))).collect();
    Ok(Shown { all: Some(made(now.reactions.clone())), own })
}

/// A message of a chat, as it is now.
async fn now(database: &Database, chat_id: ChatId, message_id: MessageId) -> Result<Option<Now>, Failure> {
    let Some(message) = messages::one(database, chat_id, message_id).await? else { return Ok(None) };
    let at = (message.position, message.position);
    let mut reactions = messages::reactions(database, chat_id, at, NOBODY).await?;
    Ok(Some(Now { reactions: reactions.remove(&message_id).unwrap_or_default(), message }))
}

fn shown_of(reactions: Vec<Reaction>) -> Vec<ShownReaction> {
    reactions.into_iter().map(ShownReaction::of).collect()
}

/// The chats that somebody is in now, each since when.
///
/// # Errors
/// The read model cannot be read.
pub(super) async fn memberships(app: &App, user_id: UserId) -> Result<Memberships, Failure> {
    let database = app.projections.database(ProjectionId::Chats);
    Ok(chats::memberships(&database, user_id).await?.1.into_iter().collect())
}

/// Whose inbox an item is in; none when they are erased.
///
/// # Errors
/// As [`all`].
pub(super) async fn recipient(app: &App, id: DeliveryId, position: u64) -> Result<Option<UserId>, Failure> {
    let database = database(app, ProjectionId::Inbox, position).await?;
    Ok(inbox::one(&database, id).await?.map(|(user_id, _)| user_id))
}

async fn inbox_frame(app: &App, position: u64, id: DeliveryId) -> Result<Option<InboxFrame>, Failure> {
    let database = database(app, ProjectionId::Inbox, position).await?;
    let Some((user_id, item)) = inbox::one(&database, id).await? else { return Ok(None) };
    Ok(Some(InboxFrame { item: Some(InboxItem::of(item)), unread: inbox::unread(&database, user_id).await? }))
}

async fn member(
    app: &App,
    position: u64,
    chat_id: ChatId,
    user_id: UserId,
    role: Option<Role>,
) -> Result<MemberFrame, Failure> {
    let database = database(app, ProjectionId::Messages, position).await?;
    // Who has gone keeps their name there.
    let user_name = messages::nickname(&database, chat_id, user_id).await?.unwrap_or_default();
    Ok(MemberFrame { chat_id, user_id, user_name, role })
}

/// The messages that were posted, by their positions: of each chat in one reading.
async fn posted(app: &App, told: &[&Told]) -> Result<HashMap<u64, Now>, Failure> {
    let mut by_chat = HashMap::<ChatId, Vec<u64>>::new();
    for told in told {
        if let What::MessagePosted(chat_id, _) = told.what {
            by_chat.entry(chat_id).or_default().push(told.position);
        }
    }
    let mut found = HashMap::new();
    let Some(last) = by_chat.values().filter_map(|positions| positions.last()).max() else { return Ok(found) };
    let database = database(app, ProjectionId::Messages, *last).await?;
    for (chat_id, positions) in by_chat {
        let (first, limit) = (positions[0], positions.len() as u32);
        let from = Some(first.saturating_sub(1));
        let rows = messages::page(&database, chat_id, messages::Order::OldestFirst, from, limit).await?;
        let Some(end) = rows.last().map(|row| row.position) else { continue };
        let mut reactions = messages::reactions(&database, chat_id, (first, end), NOBODY).await?;
        found.extend(rows.into_iter().map(|message| {
            let reactions = reactions.remove(&message.message_id).unwrap_or_default();
            (message.position, Now { message, reactions })
        }));
    }
    Ok(found)
}

/// A read model that knows at least that event.
pub(super) async fn database(app: &App, name: ProjectionId, position: u64) -> Result<Database, Failure> {
    app.projections.caught_up(name, position, WAIT_MAX).await.map_err(|_| Failure::Behind(name))?;
    Ok(app.projections.database(name))
}
