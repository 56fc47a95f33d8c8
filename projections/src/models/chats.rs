//! Chats, who is in them, and how each message begins: a list of chats shows the newest one.

use crate::ProjectionId;
use crate::engine::definition::Definition;
use crate::engine::fold::Fold;
use crate::engine::table::{Key, Table, behind_prefix};
use crate::models::display_name;
use domain::chat::{self, Role};
use domain::text::{ChatName, MessageText, Nickname, canonical_name};
use domain::{ChatId, MessageId, Personal, Timestamp, UserId, message, user};
use store::Fact;
use store::sql::{Columns, Database, Row, Tx, Value};

pub(crate) const DEFINITION: Definition = Definition {
    id: ProjectionId::Chats,
    name: "chats",
    version: 3,
    tables: TABLES,
    indexes: INDEXES,
    compared: COMPARED,
    guards: false,
    folds: &[Fold::Chat(apply_chat), Fold::Message(apply_message), Fold::User(apply_user)],
};

const TABLES: &str = concat!(
    display_name::person!(),
    "
    create table chat (
        chat_id bytea primary key,
        chat_name text not null,
        name_key text not null,
        private boolean not null,
        archived boolean not null,
        members bigint not null,
        created_at bigint not null,
        version bigint not null,
        position bigint not null,
        active bigint not null
    );
    create table member (
        chat_id bytea not null,
        user_id bytea not null,
        user_name text,
        role text not null,
        joined_at bigint not null,
        position bigint not null,
        primary key (chat_id, user_id)
    );
    create index if not exists member_by_user on member (user_id, position);
    create table said (
        position bigint primary key,
        message_id bytea not null,
        chat_id bytea not null,
        author bytea not null,
        text text not null,
        sent_at bigint not null,
        version bigint not null
    );
    create unique index if not exists said_by_id on said (message_id);
    create table author_name (
        chat_id bytea not null,
        user_id bytea not null,
        user_name text,
        primary key (chat_id, user_id)
    );
"
);

const INDEXES: &str = "
    create unique index if not exists chat_by_position on chat (position);
    create index if not exists member_by_chat on member (chat_id, position);
    create index if not exists said_by_chat on said (chat_id, position);
    create index if not exists said_by_author on said (author);
    create index if not exists author_name_by_user on author_name (user_id);
";

const COMPARED: &[Table] = &[
    display_name::COMPARED,
    Table {
        name: "chat",
        key: &[Key::Id("chat_id")],
        columns: &[
            "chat_name",
            "name_key",
            "private",
            "archived",
            "members",
            "created_at",
            "version",
            "position",
            "active",
        ],
    },
    Table {
        name: "member",
        key: &[Key::Id("chat_id"), Key::Id("user_id")],
        columns: &["user_name", "role", "joined_at", "position"],
    },
    Table {
        name: "said",
        key: &[Key::Number("position")],
        columns: &["message_id", "chat_id", "author", "text", "sent_at", "version"],
    },
    Table { name: "author_name", key: &[Key::Id("chat_id"), Key::Id("user_id")], columns: &["user_name"] },
];

/// So many characters of a message are shown with its chat, and kept here.
pub const PREVIEW_CHARACTERS_MAX: usize = 256;

/// A chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    pub chat_id: ChatId,
    /// Its name.
    pub chat_name: String,
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
    /// Its first [`PREVIEW_CHARACTERS_MAX`] characters.
    pub text: String,
    /// When it was said.
    pub sent_at: Timestamp,
    /// The version of its stream.
    pub version: u64,
}

/// A chat in somebody's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatEntry {
    /// The chat.
    pub chat: Chat,
    /// What they may do in it; none when they are not a member.
    pub role: Option<Role>,
    /// Where it stands in the list: its cursor.
    pub position: u64,
    /// The newest message, where they are a member and there is one.
    pub last_message: Option<LastMessage>,
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

fn apply_user(tx: &mut Tx<'_>, _: &Fact, user_id: UserId, event: &user::Event) -> Result<(), store::Error> {
    display_name::apply(tx, user_id, event)?;
    match event {
        user::Event::Erased => forget(tx, user_id),
        user::Event::SignedUp(_)
        | user::Event::ProfileChanged(_)
        | user::Event::PasswordChanged(_)
        | user::Event::VerifierReplaced(_)
        | user::Event::SignInsFailed(_)
        | user::Event::SessionsEnded(_)
        | user::Event::TokensRevoked
        | user::Event::RoleSet(_) => Ok(()),
    }
}

fn apply_message(
    tx: &mut Tx<'_>,
    fact: &Fact,
    message_id: MessageId,
    event: &message::Event,
) -> Result<(), store::Error> {
    match event {
        message::Event::Posted(posted) => post(tx, fact, message_id, posted),
        message::Event::Edited(edited) => match &edited.text {
            Personal::Known(text) => tx.queue(
                "update said set text = $2, version = $3 where message_id = $1",
                &[(&message_id).into(), preview(text).into(), fact.version.into()],
            ),
            // The author is erased further on in the log: what they said before is to go as well.
            Personal::Erased => remove(tx, message_id),
        },
        message::Event::Deleted(_) => remove(tx, message_id),
    }
}

fn post(tx: &mut Tx<'_>, fact: &Fact, message_id: MessageId, posted: &message::Posted) -> Result<(), store::Error> {
    // That something was said stays true when it is taken back.
    tx.queue("update chat set active = $2 where chat_id = $1", &[(&posted.chat_id).into(), fact.position.into()])?;
    let Personal::Known(text) = &posted.text else {
        return Ok(());
    };
    tx.queue(
        "insert into said (position, message_id, chat_id, author, text, sent_at, version)
         values ($1, $2, $3, $4, $5, $6, $7)",
        &[
            fact.position.into(),
            (&message_id).into(),
            (&posted.chat_id).into(),
            (&posted.author).into(),
            preview(text).into(),
            posted.sent_at.into(),
            fact.version.into(),
        ],
    )
}

fn remove(tx: &mut Tx<'_>, message_id: MessageId) -> Result<(), store::Error> {
    tx.queue("delete from said where message_id = $1", &[(&message_id).into()])
}

/// How the text begins.
fn preview(text: &MessageText) -> &str {
    let text = text.as_str();
    text.char_indices().nth(PREVIEW_CHARACTERS_MAX).map_or(text, |(end, _)| &text[..end])
}

fn apply_chat(tx: &mut Tx<'_>, fact: &Fact, chat_id: ChatId, event: &chat::Event) -> Result<(), store::Error> {
    match event {
        chat::Event::Created(created) => return insert(tx, fact, chat_id, created),
        chat::Event::Renamed(renamed) => {
            tx.queue(
                "update chat set chat_name = $2, name_key = $3 where chat_id = $1",
                &[(&chat_id).into(), renamed.chat_name.as_str().into(), name_key(&renamed.chat_name).as_str().into()],
            )?;
        }
        chat::Event::Archived(_) => set_archived(tx, chat_id, true)?,
        chat::Event::Unarchived(_) => set_archived(tx, chat_id, false)?,
        chat::Event::Deleted(_) => {
            tx.queue("delete from said where chat_id = $1", &[(&chat_id).into()])?;
            tx.queue("delete from author_name where chat_id = $1", &[(&chat_id).into()])?;
            tx.queue("delete from member where chat_id = $1", &[(&chat_id).into()])?;
            tx.queue("delete from chat where chat_id = $1", &[(&chat_id).into()])?;
            return Ok(());
        }
        chat::Event::MemberJoined(joined) => come(tx, fact, chat_id, (joined.user_id, &joined.nickname, joined.role))?,
        chat::Event::MemberAdded(added) => come(tx, fact, chat_id, (added.user_id, &added.nickname, added.role))?,
        chat::Event::MemberLeft(left) => go(tx, chat_id, left.user_id)?,
        chat::Event::MemberRemoved(removed) => go(tx, chat_id, removed.user_id)?,
        chat::Event::NicknameChanged(changed) => {
            let name = changed.nickname.known().map(|name| name.as_str());
            let params: [Value<'_>; 3] = [(&chat_id).into(), (&changed.user_id).into(), name.into()];
            tx.queue("update member set user_name = $3 where chat_id = $1 and user_id = $2", &params)?;
            tx.queue("update author_name set user_name = $3 where chat_id = $1 and user_id = $2", &params)?;
        }
        chat::Event::RoleChanged(changed) => {
            tx.queue(
                "update member set role = $3 where chat_id = $1 and user_id = $2",
                &[(&chat_id).into(), (&changed.user_id).into(), changed.role.name().into()],
            )?;
        }
    }
    tx.queue("update chat set version = $2 where chat_id = $1", &[(&chat_id).into(), fact.version.into()])
}

fn insert(tx: &mut Tx<'_>, fact: &Fact, chat_id: ChatId, created: &chat::Created) -> Result<(), store::Error> {
    tx.queue(
        "insert into chat (chat_id, chat_name, name_key, private, archived, members, created_at, version, position,
             active)
         values ($1, $2, $3, $4, $5, 0, $6, $7, $8, $8)",
        &[
            (&chat_id).into(),
            created.chat_name.as_str().into(),
            name_key(&created.chat_name).as_str().into(),
            created.private.into(),
            false.into(),
            fact.recorded_at.into(),
            fact.version.into(),
            fact.position.into(),
        ],
    )
}

/// A name as it is compared; one that does not settle (none that anybody uses) is compared in lower case.
fn name_key(name: &ChatName) -> String {
    canonical_name(name.as_str()).unwrap_or_else(|| name.as_str().to_lowercase())
}

fn set_archived(tx: &mut Tx<'_>, chat_id: ChatId, archived: bool) -> Result<(), store::Error> {
    tx.queue("update chat set archived = $2 where chat_id = $1", &[(&chat_id).into(), archived.into()])
}

fn come(
    tx: &mut Tx<'_>,
    fact: &Fact,
    chat_id: ChatId,
    (user_id, nickname, role): (UserId, &Personal<Nickname>, Role),
) -> Result<(), store::Error> {
    let come = tx.execute(
        "insert into member (chat_id, user_id, user_name, role, joined_at, position) values ($1, $2, $3, $4, $5, $6)
         on conflict (chat_id, user_id) do nothing",
        &[
            (&chat_id).into(),
            (&user_id).into(),
            nickname.known().map(|name| name.as_str()).into(),
            role.name().into(),
            fact.recorded_at.into(),
            fact.position.into(),
        ],
    )?;
    // It stays when they leave: their messages keep their name.
    tx.queue(
        "insert into author_name (chat_id, user_id, user_name) values ($1, $2, $3)
         on conflict (chat_id, user_id) do update set user_name = excluded.user_name",
        &[(&chat_id).into(), (&user_id).into(), nickname.known().map(|name| name.as_str()).into()],
    )?;
    count(tx, chat_id, come.cast_signed())
}

fn go(tx: &mut Tx<'_>, chat_id: ChatId, user_id: UserId) -> Result<(), store::Error> {
    // Nobody goes twice: who was erased is gone already, and may still be removed.
    let gone =
        tx.execute("delete from member where chat_id = $1 and user_id = $2", &[(&chat_id).into(), (&user_id).into()])?;
    count(tx, chat_id, -gone.cast_signed())
}

fn count(tx: &mut Tx<'_>, chat_id: ChatId, more: i64) -> Result<(), store::Error> {
    tx.queue("update chat set members = members + $2 where chat_id = $1", &[(&chat_id).into(), more.into()])
}

fn forget(tx: &mut Tx<'_>, user_id: UserId) -> Result<(), store::Error> {
    tx.queue(
        "update chat set members = members - 1 where chat_id in (select chat_id from member where user_id = $1)",
        &[(&user_id).into()],
    )?;
    tx.queue("delete from said where author = $1", &[(&user_id).into()])?;
    tx.queue("update author_name set user_name = null where user_id = $1", &[(&user_id).into()])?;
    tx.queue("delete from member where user_id = $1", &[(&user_id).into()])
}

macro_rules! chat_columns {
    () => {
        "c.chat_id, c.chat_name, c.private, c.archived, c.members, c.created_at, c.version"
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
        concat!(chat_columns!(), ", ", $position, ", m.role, ", last_message_columns!())
    };
}
/// What [`listed`] reads.
const LISTED: Columns = Columns::of(listed_columns!("position"));

/// The chat of that id.
pub async fn by_id(db: &Database, chat_id: ChatId) -> Result<Option<Chat>, store::Error> {
    db.row(concat!("select ", chat_columns!(), " from chat c where c.chat_id = $1"), &[(&chat_id).into()], chat).await
}

/// The newest message of a chat.
pub async fn last_message(db: &Database, chat_id: ChatId) -> Result<Option<LastMessage>, store::Error> {
    db.row(
        concat!(
            "select ",
            last_message_columns!(),
            " from said s left join author_name n on n.chat_id = s.chat_id and n.user_id = s.author
             left join person d on d.user_id = s.author
             where s.chat_id = $1 order by s.position desc limit 1"
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
            " from ",
            $chats,
            " left join said s on m.role is not null
                 and s.position = (select max(l.position) from said l where l.chat_id = c.chat_id)
             left join author_name n on n.chat_id = s.chat_id and n.user_id = s.author
             left join person d on d.user_id = s.author ",
            $which
        )
    };
}

/// A user's chats whose canonical name begins with `name_prefix` (all for an empty one), those with the last activity first:
/// a message, or the user's own coming. All of them are sorted, which their number allows; what a page shows beside is
/// looked up for its rows only.
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
                 select i.chat_id, i.role, case when k.active > i.position then k.active else i.position end as active
                 from member i join chat k on k.chat_id = i.chat_id
                 where i.user_id = $1 and ($3 = '' or (k.name_key >= $3 and k.name_key < $4))
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

/// Chats that nobody owns, the oldest first, behind the position `after`: where each begins, and which it is.
pub async fn without_owner(db: &Database, after: u64, limit: u32) -> Result<Vec<(u64, ChatId)>, store::Error> {
    db.rows(
        "select c.position, c.chat_id from chat c where c.position > $1
             and not exists (select 1 from member m where m.chat_id = c.chat_id and m.role = $2)
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
        role: row.maybe_text(const { LISTED.at("role") })?.map(role_of),
        last_message: last_message_at(row, const { LISTED.at("message_id") })?,
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
