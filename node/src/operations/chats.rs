//! Chats, for an operator.

use super::Error;
use domain::chat::Role;
use domain::text::canonical_name;
use domain::{ChatId, Timestamp, UserId, id};
use projections::chats::{self, Chat};
use projections::{ProjectionId, Projections};
use serde::Serialize;
use store::sql::Database;

/// How many chats, or members, are read at once.
const PAGE: u32 = 1_000;

/// A chat as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatRow {
    pub chat_id: ChatId,
    pub chat_name: String,
    /// `public`, `private`, or `direct`: the one chat of two people, which has no name.
    pub kind: &'static str,
    pub archived: bool,
    /// How many are in it.
    pub members: u64,
    pub created_at: Timestamp,
}

/// A chat with who is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatDetails {
    #[serde(flatten)]
    pub chat: ChatRow,
    /// In the order in which they came.
    pub people: Vec<MemberRow>,
}

/// Somebody who is in a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberRow {
    pub user_id: UserId,
    /// Their name in the chat; none when it was erased.
    pub user_name: Option<String>,
    pub role: Role,
    pub joined_at: Timestamp,
}

impl From<Chat> for ChatRow {
    fn from(chat: Chat) -> ChatRow {
        let kind = match (chat.direct, chat.private) {
            (true, _) => "direct",
            (false, true) => "private",
            (false, false) => "public",
        };
        ChatRow {
            chat_id: chat.chat_id,
            chat_name: chat.chat_name,
            kind,
            archived: chat.archived,
            members: chat.members,
            created_at: chat.created_at,
        }
    }
}

/// Hands the chats whose names begin so to `each`, the newest first, `limit` at most.
///
/// # Errors
/// When the read model cannot be read, and what `each` fails with.
pub async fn list<E: From<Error>>(
    database: &Database,
    prefix: &str,
    limit: u64,
    mut each: impl FnMut(ChatRow) -> Result<(), E>,
) -> Result<(), E> {
    // A prefix is compared in the form that names are compared in; one that has none finds nothing.
    let prefix = canonical_name(prefix).unwrap_or_else(|| prefix.to_owned());
    let (mut left, mut before) = (limit, None);
    while left > 0 {
        let page = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let found = chats::all(database, &prefix, before, page).await.map_err(Error::from)?;
        left -= found.len() as u64;
        before = found.last().map(|(position, _)| *position);
        let is_last = found.len() < page as usize;
        for (_, chat) in found {
            each(chat.into())?;
        }
        if is_last {
            break;
        }
    }
    Ok(())
}

/// The chat of that id, with everybody who is in it.
///
/// # Errors
/// When there is none, or the read model cannot be read.
pub async fn details(projections: &Projections, chat: &str) -> Result<ChatDetails, Error> {
    let database = projections.database(ProjectionId::Chats);
    let found = match id::parse_uuid(chat).map(ChatId) {
        Some(chat_id) => chats::by_id(&database, chat_id).await?,
        None => None,
    };
    let found = found.ok_or_else(|| Error::NoChat(chat.to_owned()))?;
    let (chat_id, mut people, mut after) = (found.chat_id, Vec::new(), None);
    loop {
        let page = chats::members(&database, chat_id, after, PAGE).await?;
        after = page.last().map(|member| member.position);
        let is_last = page.len() < PAGE as usize;
        people.extend(page.into_iter().map(|member| MemberRow {
            user_id: member.user_id,
            user_name: member.user_name,
            role: member.role,
            joined_at: member.joined_at,
        }));
        if is_last {
            return Ok(ChatDetails { chat: found.into(), people });
        }
    }
}
