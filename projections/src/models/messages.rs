//! Messages, and who may read them: chats and members once more, because no query joins two read models.

mod belongings;
mod edits;
mod pins;
mod reactions;
mod reports;

pub use edits::{Edit, edits};
pub use pins::{Pin, pinned_of, pins};
pub use reactions::{reacted_to, reactions, reactions_to_pinned, reactors};
pub use reports::{
    Complaint, Report, ReportFilter, ReportedMessage, Resolution, complaints, open_reports, report_of, reports,
};

use crate::ProjectionId;
use crate::engine::definition::Definition;
use crate::engine::fold::Fold;
use crate::engine::table::{Key, Table};
use crate::models::display_name;
use domain::text::Nickname;
use domain::{ChatId, MessageId, Personal, Timestamp, UserId, chat, message, user};
use store::Fact;
use store::sql::{Columns, Database, Row, Tx, Value};

pub(crate) const DEFINITION: Definition = Definition {
    id: ProjectionId::Messages,
    name: "messages",
    version: 6,
    tables: TABLES,
    indexes: INDEXES,
    compared: COMPARED,
    guards: false,
    folds: &[
        Fold::Chat(apply_chat),
        Fold::Message(apply_message),
        Fold::Reactions(reactions::apply),
        Fold::Report(reports::apply),
        Fold::Pins(pins::apply),
        Fold::User(apply_user),
    ],
};

const TABLES: &str = concat!(
    display_name::person!(),
    "
    create table chat_known (
        chat_id bytea primary key
    ) without rowid;
    create table member (
        chat_id bytea not null,
        user_id bytea not null,
        user_name text,
        present boolean not null,
        primary key (chat_id, user_id)
    ) without rowid;
    create table message (
        position bigint primary key,
        message_id bytea not null,
        chat_id bytea not null,
        author bytea not null,
        sent_at bigint not null,
        text text not null,
        reply_to bytea,
        edited_at bigint,
        version bigint not null,
        hidden boolean not null
    );
    create unique index if not exists message_by_id on message (message_id);
",
    edits::tables!(),
    reactions::tables!(),
    reports::report_tables!(),
    pins::tables!(),
);

/// Erasing a user and deleting a chat use these too, but are rare enough in a log to be rebuilt without them.
const INDEXES: &str = "
    create index if not exists message_by_chat on message (chat_id, position);
    create index if not exists message_by_author on message (author);
    create index if not exists member_by_user on member (user_id);
    create index if not exists reaction_by_user on reaction (user_id, message_id);
";

const COMPARED: &[Table] = &[
    display_name::COMPARED,
    Table { name: "chat_known", key: &[Key::Id("chat_id")], columns: &[] },
    Table { name: "member", key: &[Key::Id("chat_id"), Key::Id("user_id")], columns: &["user_name", "present"] },
    Table {
        name: "message",
        key: &[Key::Number("position")],
        columns: &["message_id", "chat_id", "author", "sent_at", "text", "reply_to", "edited_at", "version", "hidden"],
    },
    edits::COMPARED,
    reports::REPORT,
    reports::COMPLAINT,
    reactions::REACTION,
    reactions::REACTION_KIND,
    pins::COMPARED,
];

/// A message that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where it stands in the log; the cursor of [`page`].
    pub position: u64,
    pub message_id: MessageId,
    /// In which chat.
    pub chat_id: ChatId,
    /// Who wrote it.
    pub user_id: UserId,
    /// Their name in the chat.
    pub user_name: Option<String>,
    /// How they want to be called everywhere; none when they are erased.
    pub display_name: Option<String>,
    /// What it says.
    pub text: String,
    /// When it was said.
    pub sent_at: Timestamp,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// To which message it answers; that one may be gone.
    pub reply_to: Option<MessageId>,
    /// The version of its stream.
    pub version: u64,
    /// Only those who may resolve what was reported of it may see what it says.
    pub hidden: bool,
}

/// Whether somebody may read a chat's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// There is no such chat, or no more.
    NoChat,
    /// They are not in it.
    NotAMember,
    /// They are in it.
    Member,
}

/// The order of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they were posted.
    OldestFirst,
    /// The other way round.
    NewestFirst,
}

impl Order {
    /// The other one.
    pub fn reversed(self) -> Order {
        match self {
            Order::OldestFirst => Order::NewestFirst,
            Order::NewestFirst => Order::OldestFirst,
        }
    }
}

fn apply_user(tx: &mut Tx<'_>, _: &Fact, user_id: UserId, event: &user::Event) -> Result<(), store::Error> {
    display_name::apply(tx, user_id, event)?;
    match event {
        user::Event::Erased => forget(tx, user_id),
        user::Event::SignedUp(_)
        | user::Event::NameGiven
        | user::Event::NameChosen(_)
        | user::Event::ProfileChanged(_)
        | user::Event::EmailChangeRequested(_)
        | user::Event::EmailConfirmed(_)
        | user::Event::PasswordChanged(_)
        | user::Event::VerifierReplaced(_)
        | user::Event::SignInsFailed(_)
        | user::Event::SessionsEnded(_)
        | user::Event::TokensRevoked
        | user::Event::RoleSet(_)
        | user::Event::Suspended(_)
        | user::Event::Unsuspended(_) => Ok(()),
    }
}

fn apply_message(tx: &mut Tx<'_>, fact: &Fact, id: MessageId, event: &message::Event) -> Result<(), store::Error> {
    match event {
        message::Event::Posted(posted) => insert(tx, fact, id, posted),
        message::Event::Edited(edited) => match &edited.text {
            Personal::Known(text) => {
                edits::keep(tx, fact, id, edited, text)?;
                tx.queue(
                    "update message set text = $2, edited_at = $3, version = $4 where message_id = $1",
                    &[(&id).into(), text.as_str().into(), edited.at.into(), fact.version.into()],
                )
            }
            // The author is erased further on in the log: what they said before is to go as well.
            Personal::Erased => remove(tx, id),
        },
        message::Event::Deleted(_) => remove(tx, id),
        message::Event::Hidden(_) => set_hidden(tx, fact, id, true),
        message::Event::Shown(_) => set_hidden(tx, fact, id, false),
    }
}

fn insert(tx: &mut Tx<'_>, fact: &Fact, id: MessageId, posted: &message::Posted) -> Result<(), store::Error> {
    let Personal::Known(text) = &posted.text else {
        return Ok(());
    };
    tx.queue(
        "insert into message (position, message_id, chat_id, author, sent_at, text, reply_to, edited_at, version, hidden)
         values ($1, $2, $3, $4, $5, $6, $7, null, $8, $9)",
        &[
            fact.position.into(),
            (&id).into(),
            (&posted.chat_id).into(),
            (&posted.author).into(),
            posted.sent_at.into(),
            text.as_str().into(),
            posted.reply_to.as_ref().into(),
            fact.version.into(),
            false.into(),
        ],
    )
}

fn set_hidden(tx: &mut Tx<'_>, fact: &Fact, id: MessageId, hidden: bool) -> Result<(), store::Error> {
    tx.queue(
        "update message set hidden = $2, version = $3 where message_id = $1",
        &[(&id).into(), hidden.into(), fact.version.into()],
    )
}

fn remove(tx: &mut Tx<'_>, id: MessageId) -> Result<(), store::Error> {
    belongings::remove(tx, id)?;
    tx.queue("delete from message where message_id = $1", &[(&id).into()])
}

fn apply_chat(tx: &mut Tx<'_>, _: &Fact, chat_id: ChatId, event: &chat::Event) -> Result<(), store::Error> {
    match event {
        chat::Event::Created(_) | chat::Event::DirectOpened(_) => {
            tx.queue("insert into chat_known (chat_id) values ($1)", &[(&chat_id).into()])
        }
        chat::Event::Deleted(_) => {
            belongings::remove_in_chat(tx, chat_id)?;
            reports::remove_in_chat(tx, chat_id)?;
            tx.queue("delete from message where chat_id = $1", &[(&chat_id).into()])?;
            tx.queue("delete from member where chat_id = $1", &[(&chat_id).into()])?;
            tx.queue("delete from chat_known where chat_id = $1", &[(&chat_id).into()])?;
            Ok(())
        }
        chat::Event::MemberJoined(joined) => come(tx, chat_id, joined.user_id, &joined.nickname),
        chat::Event::MemberAdded(added) => come(tx, chat_id, added.user_id, &added.nickname),
        chat::Event::MemberLeft(left) => go(tx, chat_id, left.user_id),
        chat::Event::MemberRemoved(removed) => go(tx, chat_id, removed.user_id),
        chat::Event::NicknameChanged(changed) => tx.queue(
            "update member set user_name = $3 where chat_id = $1 and user_id = $2",
            &[(&chat_id).into(), (&changed.user_id).into(), changed.nickname.known().map(|name| name.as_str()).into()],
        ),
        chat::Event::Hidden(_)
        | chat::Event::Shown(_)
        | chat::Event::Banned(_)
        | chat::Event::Unbanned(_)
        | chat::Event::InvitationMade(_)
        | chat::Event::InvitationWithdrawn(_)
        | chat::Event::Renamed(_)
        | chat::Event::Archived(_)
        | chat::Event::Unarchived(_)
        | chat::Event::RoleChanged(_) => Ok(()),
    }
}

fn come(tx: &mut Tx<'_>, chat_id: ChatId, user_id: UserId, nickname: &Personal<Nickname>) -> Result<(), store::Error> {
    tx.queue(
        "insert into member (chat_id, user_id, user_name, present) values ($1, $2, $3, $4)
         on conflict (chat_id, user_id) do update set user_name = excluded.user_name, present = excluded.present",
        &[(&chat_id).into(), (&user_id).into(), nickname.known().map(|name| name.as_str()).into(), true.into()],
    )
}

/// The row stays: their old messages keep their name.
fn go(tx: &mut Tx<'_>, chat_id: ChatId, user_id: UserId) -> Result<(), store::Error> {
    tx.queue(
        "update member set present = $3 where chat_id = $1 and user_id = $2",
        &[(&chat_id).into(), (&user_id).into(), false.into()],
    )
}

fn forget(tx: &mut Tx<'_>, user_id: UserId) -> Result<(), store::Error> {
    belongings::forget(tx, user_id)?;
    reactions::forget(tx, user_id)?;
    reports::forget(tx, user_id)?;
    tx.queue("delete from message where author = $1", &[(&user_id).into()])?;
    tx.queue("update member set user_name = null, present = $2 where user_id = $1", &[(&user_id).into(), false.into()])
}

/// Whether `user_id` may read the messages of the chat.
pub async fn access(db: &Database, chat_id: ChatId, user_id: UserId) -> Result<Access, store::Error> {
    let present = db
        .row(
            "select coalesce(m.present, $3) from chat_known c
             left join member m on m.chat_id = c.chat_id and m.user_id = $2 where c.chat_id = $1",
            &[(&chat_id).into(), (&user_id).into(), false.into()],
            |row| row.bool(0),
        )
        .await?;
    Ok(match present {
        None => Access::NoChat,
        Some(false) => Access::NotAMember,
        Some(true) => Access::Member,
    })
}

/// The name of somebody in a chat, also when they have gone; none when they are erased, or the chat is deleted.
pub async fn nickname(db: &Database, chat_id: ChatId, user_id: UserId) -> Result<Option<String>, store::Error> {
    let sql = "select user_name from member where chat_id = $1 and user_id = $2 and user_name is not null";
    db.row(sql, &[(&chat_id).into(), (&user_id).into()], |row| Ok(row.text(0)?.to_owned())).await
}

macro_rules! message_columns {
    () => {
        "p.position, p.message_id, p.chat_id, p.author, m.user_name, p.text, p.sent_at, p.edited_at, p.reply_to, p.version, p.hidden,
         d.display_name"
    };
}
use message_columns;
macro_rules! messages {
    ($which:literal) => {
        concat!(
            "select ",
            message_columns!(),
            " from message p left join member m on m.chat_id = p.chat_id and m.user_id = p.author
             left join person d on d.user_id = p.author ",
            $which
        )
    };
}
/// What [`message()`] reads.
const MESSAGE: Columns = Columns::of(message_columns!());

/// A page of a chat's messages, behind the position `from` in that order.
pub async fn page(
    db: &Database,
    chat_id: ChatId,
    order: Order,
    from: Option<u64>,
    limit: u32,
) -> Result<Vec<Message>, store::Error> {
    let params = |from: u64| -> [Value<'_>; 3] { [(&chat_id).into(), from.into(), limit.into()] };
    match order {
        Order::OldestFirst => {
            db.rows(
                messages!("where p.chat_id = $1 and p.position > $2 order by p.position limit $3"),
                &params(from.unwrap_or(0)),
                message,
            )
            .await
        }
        Order::NewestFirst => {
            db.rows(
                messages!("where p.chat_id = $1 and p.position < $2 order by p.position desc limit $3"),
                &params(from.unwrap_or(u64::MAX)),
                message,
            )
            .await
        }
    }
}

/// One message of a chat.
pub async fn one(db: &Database, chat_id: ChatId, message_id: MessageId) -> Result<Option<Message>, store::Error> {
    db.row(messages!("where p.message_id = $2 and p.chat_id = $1"), &[(&chat_id).into(), (&message_id).into()], message)
        .await
}

fn message(row: &Row<'_>) -> Result<Message, store::Error> {
    Ok(Message {
        position: row.int(const { MESSAGE.at("position") })?.cast_unsigned(),
        message_id: MessageId(row.uuid(const { MESSAGE.at("message_id") })?),
        chat_id: ChatId(row.uuid(const { MESSAGE.at("chat_id") })?),
        user_id: UserId(row.uuid(const { MESSAGE.at("author") })?),
        user_name: row.maybe_text(const { MESSAGE.at("user_name") })?.map(str::to_owned),
        text: row.text(const { MESSAGE.at("text") })?.to_owned(),
        sent_at: row.timestamp(const { MESSAGE.at("sent_at") })?,
        edited_at: row.maybe_timestamp(const { MESSAGE.at("edited_at") })?,
        reply_to: row.maybe_uuid(const { MESSAGE.at("reply_to") })?.map(MessageId),
        version: row.int(const { MESSAGE.at("version") })?.cast_unsigned(),
        hidden: row.bool(const { MESSAGE.at("hidden") })?,
        display_name: row.maybe_text(const { MESSAGE.at("display_name") })?.map(str::to_owned),
    })
}
