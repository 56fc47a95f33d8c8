//! What is read of chats.

use super::unread::left_behind;
use crate::engine::table::behind_prefix;
use domain::chat::Role;
use domain::{ChatId, MessageId, Timestamp, UserId};
use store::sql::{Columns, Database, Row};

/// A chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    pub chat_id: ChatId,
    /// Its name.
    pub chat_name: String,
    /// Whether it is the one chat of two people. It has no name of its own.
    pub direct: bool,
    /// Whether only those who were added may be in it.
    pub private: bool,
    /// Whether it is closed for new messages and members.
    pub archived: bool,
    /// How many are in it.
    pub members: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// The version of its stream.
    pub version: u64,
}

/// The newest message of a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastMessage {
    /// Its id.
    pub message_id: MessageId,
    /// Its author.
    pub user_id: UserId,
    /// The author's name in the chat; none when it was erased.
    pub user_name: Option<String>,
    /// How they want to be called everywhere; none when they are erased.
    pub display_name: Option<String>,
    /// Its first [`PREVIEW_CHARACTERS_MAX`](super::PREVIEW_CHARACTERS_MAX) characters.
    pub text: String,
    /// When it was said.
    pub sent_at: Timestamp,
    /// The version of its stream.
    pub version: u64,
}

/// Whom a direct chat is with, for one of the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Direct {
    pub user_id: UserId,
    /// How they want to be called everywhere; none when they are erased.
    pub display_name: Option<String>,
}

/// A chat in somebody's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatEntry {
    /// The chat.
    pub chat: Chat,
    /// Whom it is with, where it is a direct chat of theirs.
    pub direct: Option<Direct>,
    /// What they may do in it; none when they are not a member.
    pub role: Option<Role>,
    /// Where it stands in the list: its cursor.
    pub position: u64,
    /// The newest message, where they are a member and there is one.
    pub last_message: Option<LastMessage>,
    /// How many messages of others they have not read; none when they are not a member.
    pub unread: Option<u64>,
}

/// Somebody who is in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub user_id: UserId,
    /// Their name in the chat; none when it was erased.
    pub user_name: Option<String>,
    /// How they want to be called everywhere; none when they are erased.
    pub display_name: Option<String>,
    /// What they may do.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
    /// Where that stands in the log; the cursor of [`members`].
    pub position: u64,
}

macro_rules! chat_columns {
    () => {
        "c.chat_id, c.chat_name, c.direct, c.private, c.archived, c.members, c.created_at, c.version"
    };
}
/// What [`chat()`] reads.
const CHAT: Columns = Columns::of(chat_columns!());

macro_rules! last_message_columns {
    () => {
        "s.message_id, s.author, n.user_name, s.text, s.sent_at, s.version as message_version, d.display_name"
    };
}
/// What [`last_message_at`] reads.
const LAST_MESSAGE: Columns = Columns::of(last_message_columns!());

macro_rules! member_columns {
    () => {
        "m.user_id, m.user_name, m.role, m.joined_at, m.position, d.display_name"
    };
}
/// What [`member_of`] reads.
const MEMBER: Columns = Columns::of(member_columns!());

/// A chat, where it stands in the list, what who asks may do in it, and its newest message.
macro_rules! listed_columns {
    ($position:literal) => {
        concat!(
            chat_columns!(),
            ", ",
            $position,
            ", m.role, r.other, o.display_name as other_name, ",
            last_message_columns!()
        )
    };
}
/// What [`listed`] reads, and behind it how much is unread.
const LISTED: Columns = Columns::of(listed_columns!("position"));
const UNREAD: usize = LISTED.at("display_name") + 1;

/// How much a member has not read.
macro_rules! unread {
    () => {
        concat!(left_behind!("m.chat_id", "m.read_up_to"), " - m.own")
    };
}

/// The chat of that id.
pub async fn by_id(db: &Database, chat_id: ChatId) -> Result<Option<Chat>, store::Error> {
    db.row(concat!("select ", chat_columns!(), " from chat c where c.chat_id = $1"), &[(&chat_id).into()], chat).await
}

/// How much a member has not read of a chat; none when they are not in it.
pub async fn unread(db: &Database, chat_id: ChatId, user_id: UserId) -> Result<Option<u64>, store::Error> {
    db.row(
        concat!("select ", unread!(), " from member m where m.chat_id = $1 and m.user_id = $2"),
        &[(&chat_id).into(), (&user_id).into()],
        |row| Ok(row.int(0)?.max(0).cast_unsigned()),
    )
    .await
}

/// The newest message of a chat.
pub async fn last_message(db: &Database, chat_id: ChatId) -> Result<Option<LastMessage>, store::Error> {
    db.row(
        concat!(
            "select ",
            last_message_columns!(),
            " from said s left join author_name n on n.chat_id = s.chat_id and n.user_id = s.author
             left join person d on d.user_id = s.author
             where s.chat_id = $1 and not s.hidden order by s.position desc limit 1"
        ),
        &[(&chat_id).into()],
        |row| last_message_at(row, 0)?.ok_or(store::Error::Column { index: 0, expected: "an id" }),
    )
    .await
}

macro_rules! members {
    ($which:literal) => {
        concat!("select ", member_columns!(), " from member m left join person d on d.user_id = m.user_id ", $which)
    };
}

/// A member of a chat.
pub async fn member(db: &Database, chat_id: ChatId, user_id: UserId) -> Result<Option<Member>, store::Error> {
    db.row(members!("where m.chat_id = $1 and m.user_id = $2"), &[(&chat_id).into(), (&user_id).into()], member_of)
        .await
}

/// The chats that a user is in, each with the position of their coming, and how far that is known: in one reading.
pub async fn memberships(db: &Database, user_id: UserId) -> Result<(u64, Vec<(ChatId, u64)>), store::Error> {
    let rows = db
        .rows(
            "select k.position, m.chat_id, m.position from checkpoint k left join member m on m.user_id = $1",
            &[(&user_id).into()],
            |row| {
                let chat_id = row.maybe_uuid(1)?.map(ChatId);
                let since = if chat_id.is_some() { row.int(2)?.cast_unsigned() } else { 0 };
                Ok((row.int(0)?.cast_unsigned(), chat_id, since))
            },
        )
        .await?;
    let position = rows.first().map_or(0, |(position, ..)| *position);
    Ok((position, rows.into_iter().filter_map(|(_, chat_id, since)| Some((chat_id?, since))).collect()))
}

/// The members of a chat in the order in which they came, behind the position `after`.
pub async fn members(
    db: &Database,
    chat_id: ChatId,
    after: Option<u64>,
    limit: u32,
) -> Result<Vec<Member>, store::Error> {
    db.rows(
        members!("where m.chat_id = $1 and m.position > $2 order by m.position limit $3"),
        &[(&chat_id).into(), after.unwrap_or(0).into(), limit.into()],
        member_of,
    )
    .await
}

/// Chats with where they stand in the list, with who asks as a member, and, for members only, with the newest message.
macro_rules! listed {
    ($position:literal, $chats:literal, $which:literal) => {
        concat!(
            "select ",
            listed_columns!($position),
            ", ",
            unread!(),
            " from ",
            $chats,
            " left join said s on m.role is not null
                 and s.position = (select max(l.position) from said l where l.chat_id = c.chat_id and not l.hidden)
             left join author_name n on n.chat_id = s.chat_id and n.user_id = s.author
             left join person d on d.user_id = s.author
             left join direct r on r.chat_id = c.chat_id and r.user_id = $1
             left join person o on o.user_id = r.other ",
            $which
        )
    };
}

/// A user's chats whose canonical name begins with `name_prefix` (all for an empty one), those with the last activity first:
/// a message, or the user's own coming. All of them are sorted, which their number allows; what a page shows beside is
/// looked up for its rows only. A direct chat is found by what the other is called, and left out where the user has put it
/// away and nothing was said since.
pub async fn mine(
    db: &Database,
    user_id: UserId,
    name_prefix: &str,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<ChatEntry>, store::Error> {
    db.rows(
        listed!(
            "m.active",
            "(select * from (
                 select i.chat_id, i.role, i.read_up_to, i.own,
                     case when k.active > i.position then k.active else i.position end as active
                 from member i join chat k on k.chat_id = i.chat_id
                 left join direct r on r.chat_id = i.chat_id and r.user_id = i.user_id
                 where i.user_id = $1 and k.active > coalesce(r.hidden, 0)
                     and ($3 = '' or (coalesce(r.name_key, k.name_key) >= $3 and coalesce(r.name_key, k.name_key) < $4))
             ) a where a.active < $2 order by a.active desc limit $5) m join chat c on c.chat_id = m.chat_id",
            "order by m.active desc"
        ),
        &[
            (&user_id).into(),
            before.unwrap_or(u64::MAX).into(),
            name_prefix.into(),
            behind_prefix(name_prefix).as_str().into(),
            limit.into(),
        ],
        listed,
    )
    .await
}

/// The chats that anyone may join and whose canonical name begins with `name_prefix`, the newest first; with what
/// `user_id` may do in those that they are in.
pub async fn open_to_all(
    db: &Database,
    user_id: UserId,
    name_prefix: &str,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<ChatEntry>, store::Error> {
    db.rows(
        listed!(
            "c.position",
            "chat c left join member m on m.chat_id = c.chat_id and m.user_id = $1",
            "where not c.private and not c.archived and c.position < $2
                 and ($3 = '' or (c.name_key >= $3 and c.name_key < $4))
             order by c.position desc limit $5"
        ),
        &[
            (&user_id).into(),
            before.unwrap_or(u64::MAX).into(),
            name_prefix.into(),
            behind_prefix(name_prefix).as_str().into(),
            limit.into(),
        ],
        listed,
    )
    .await
}

/// What [`all`] reads: a chat and where it stands in the log.
const PLACED: Columns = Columns::of(concat!(chat_columns!(), ", c.position"));

/// Every chat whose canonical name begins with `name_prefix`, the newest first, before the position `before`; with where each
/// stands in the log.
pub async fn all(
    db: &Database,
    name_prefix: &str,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<(u64, Chat)>, store::Error> {
    db.rows(
        concat!(
            "select ",
            chat_columns!(),
            ", c.position from chat c
             where c.position < $1 and ($2 = '' or (c.name_key >= $2 and c.name_key < $3))
             order by c.position desc limit $4"
        ),
        &[
            before.unwrap_or(u64::MAX).into(),
            name_prefix.into(),
            behind_prefix(name_prefix).as_str().into(),
            limit.into(),
        ],
        |row| Ok((row.int(const { PLACED.at("position") })?.cast_unsigned(), chat(row)?)),
    )
    .await
}

/// Every chat that somebody is in, also those that they have put away, behind the position `after` of their coming: that
/// position, the chat, and their role in it.
pub async fn joined(
    db: &Database,
    user_id: UserId,
    after: u64,
    limit: u32,
) -> Result<Vec<(u64, ChatId, Role)>, store::Error> {
    db.rows(
        "select position, chat_id, role from member where user_id = $1 and position > $2 order by position limit $3",
        &[(&user_id).into(), after.into(), limit.into()],
        |row| Ok((row.int(0)?.cast_unsigned(), ChatId(row.uuid(1)?), role_of(row.text(2)?))),
    )
    .await
}

/// Whom a direct chat is with, for `user_id`; none where it is no direct chat of theirs.
pub async fn direct(db: &Database, chat_id: ChatId, user_id: UserId) -> Result<Option<Direct>, store::Error> {
    db.row(
        "select r.other, o.display_name from direct r left join person o on o.user_id = r.other
         where r.chat_id = $1 and r.user_id = $2",
        &[(&chat_id).into(), (&user_id).into()],
        |row| Ok(Direct { user_id: UserId(row.uuid(0)?), display_name: row.maybe_text(1)?.map(str::to_owned) }),
    )
    .await
}

/// Chats that nobody leads or owns, direct ones aside, the oldest first, behind the position `after`: where each begins, and which it is.
pub async fn without_owner(db: &Database, after: u64, limit: u32) -> Result<Vec<(u64, ChatId)>, store::Error> {
    db.rows(
        "select c.position, c.chat_id from chat c where c.position > $1
             and not exists (select 1 from member m where m.chat_id = c.chat_id and m.role = $2)
             and not c.direct
         order by c.position limit $3",
        &[after.into(), Role::Owner.name().into(), limit.into()],
        |row| Ok((row.int(0)?.cast_unsigned(), ChatId(row.uuid(1)?))),
    )
    .await
}

fn chat(row: &Row<'_>) -> Result<Chat, store::Error> {
    Ok(Chat {
        chat_id: ChatId(row.uuid(const { CHAT.at("chat_id") })?),
        chat_name: row.text(const { CHAT.at("chat_name") })?.to_owned(),
        direct: row.bool(const { CHAT.at("direct") })?,
        private: row.bool(const { CHAT.at("private") })?,
        archived: row.bool(const { CHAT.at("archived") })?,
        members: row.int(const { CHAT.at("members") })?.cast_unsigned(),
        created_at: row.timestamp(const { CHAT.at("created_at") })?,
        version: row.int(const { CHAT.at("version") })?.cast_unsigned(),
    })
}

fn listed(row: &Row<'_>) -> Result<ChatEntry, store::Error> {
    Ok(ChatEntry {
        chat: chat(row)?,
        position: row.int(const { LISTED.at("position") })?.cast_unsigned(),
        direct: match row.maybe_uuid(const { LISTED.at("other") })? {
            None => None,
            Some(other) => Some(Direct {
                user_id: UserId(other),
                display_name: row.maybe_text(const { LISTED.at("other_name") })?.map(str::to_owned),
            }),
        },
        role: row.maybe_text(const { LISTED.at("role") })?.map(role_of),
        last_message: last_message_at(row, const { LISTED.at("message_id") })?,
        unread: row.maybe_int(UNREAD)?.map(|unread| unread.max(0).cast_unsigned()),
    })
}

/// The newest message, in the columns from that one on; none where they are null.
fn last_message_at(row: &Row<'_>, first: usize) -> Result<Option<LastMessage>, store::Error> {
    let Some(message_id) = row.maybe_uuid(first)? else { return Ok(None) };
    Ok(Some(LastMessage {
        message_id: MessageId(message_id),
        user_id: UserId(row.uuid(first + const { LAST_MESSAGE.at("author") })?),
        user_name: row.maybe_text(first + const { LAST_MESSAGE.at("user_name") })?.map(str::to_owned),
        text: row.text(first + const { LAST_MESSAGE.at("text") })?.to_owned(),
        sent_at: row.timestamp(first + const { LAST_MESSAGE.at("sent_at") })?,
        version: row.int(first + const { LAST_MESSAGE.at("message_version") })?.cast_unsigned(),
        display_name: row.maybe_text(first + const { LAST_MESSAGE.at("display_name") })?.map(str::to_owned),
    }))
}

fn member_of(row: &Row<'_>) -> Result<Member, store::Error> {
    Ok(Member {
        user_id: UserId(row.uuid(const { MEMBER.at("user_id") })?),
        user_name: row.maybe_text(const { MEMBER.at("user_name") })?.map(str::to_owned),
        role: role_of(row.text(const { MEMBER.at("role") })?),
        joined_at: row.timestamp(const { MEMBER.at("joined_at") })?,
        position: row.int(const { MEMBER.at("position") })?.cast_unsigned(),
        display_name: row.maybe_text(const { MEMBER.at("display_name") })?.map(str::to_owned),
    })
}

/// A role that this version does not know may only read.
fn role_of(text: &str) -> Role {
    Role::parse(text).unwrap_or(Role::Muted)
}
