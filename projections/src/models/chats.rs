//! Chats, who is in them, and how each message begins: a list of chats shows the newest one.

mod admission;
mod direct;
mod queries;
mod unread;
mod waiting;

pub use admission::{Ban, Invitation, bans, invitations, invited_to};
pub use queries::{
    Chat, ChatEntry, Direct, LastMessage, Member, all, by_id, direct, joined, last_message, member, members,
    memberships, mine, open_to_all, unread, without_owner,
};

pub use unread::{posted_at, read_up_to, unread_behind};
pub use waiting::{Due, Waiting, waiting, waiting_for};

use crate::ProjectionId;
use crate::engine::definition::Definition;
use crate::engine::fold::Fold;
use crate::engine::table::{Key, Table};
use crate::models::display_name;
use domain::chat::{self, Role};
use domain::id::ReadMarkId;
use domain::text::{MessageText, Nickname, canonical_name};
use domain::{ChatId, Event, MessageId, Personal, UserId, message, read_mark, user};
use std::collections::BTreeMap;
use store::Fact;
use store::sql::{Tx, Value};

pub(crate) const DEFINITION: Definition = Definition {
    id: ProjectionId::Chats,
    name: "chats",
    version: 8,
    tables: TABLES,
    indexes: INDEXES,
    compared: COMPARED,
    guards: false,
    folds: &[
        Fold::Chat(apply_chat),
        Fold::MessagePages(apply_message, count_page),
        Fold::ReadMark(apply_mark),
        Fold::Digest(waiting::apply),
        Fold::User(apply_user),
    ],
};

const TABLES: &str = concat!(
    display_name::person!(),
    direct::direct!(),
    admission::admission!(),
    "
    create table chat (
        chat_id bytea primary key,
        chat_name text not null,
        name_key text not null,
        direct boolean not null,
        private boolean not null,
        archived boolean not null,
        members bigint not null,
        created_at bigint not null,
        version bigint not null,
        position bigint not null,
        active bigint not null
    ) without rowid;
    create table member (
        chat_id bytea not null,
        user_id bytea not null,
        user_name text,
        name_key text,
        role text not null,
        joined_at bigint not null,
        position bigint not null,
        read_up_to bigint not null,
        own bigint not null,
        primary key (chat_id, user_id)
    ) without rowid;
    create index if not exists member_by_user on member (user_id, position);
    create index if not exists member_by_name on member (chat_id, name_key);
    create table said (
        position bigint primary key,
        message_id bytea not null,
        chat_id bytea not null,
        author bytea not null,
        text text not null,
        sent_at bigint not null,
        version bigint not null,
        hidden boolean not null
    );
    create unique index if not exists said_by_id on said (message_id);
    create index if not exists said_by_author on said (author, chat_id, position);
    create table author_name (
        chat_id bytea not null,
        user_id bytea not null,
        user_name text,
        primary key (chat_id, user_id)
    ) without rowid;
",
    unread::tables!(),
    waiting::tables!(),
);

const INDEXES: &str = "
    create unique index if not exists chat_by_position on chat (position);
    create index if not exists member_by_chat on member (chat_id, position);
    create index if not exists said_by_chat on said (chat_id, position);
    create index if not exists author_name_by_user on author_name (user_id);
";

const COMPARED: &[Table] = &[
    display_name::COMPARED,
    direct::COMPARED,
    admission::COMPARED_BANS,
    admission::COMPARED_INVITATIONS,
    Table {
        name: "chat",
        key: &[Key::Id("chat_id")],
        columns: &[
            "chat_name",
            "name_key",
            "direct",
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
        columns: &["user_name", "name_key", "role", "joined_at", "position", "read_up_to", "own"],
    },
    Table {
        name: "said",
        key: &[Key::Number("position")],
        columns: &["message_id", "chat_id", "author", "text", "sent_at", "version", "hidden"],
    },
    Table { name: "author_name", key: &[Key::Id("chat_id"), Key::Id("user_id")], columns: &["user_name"] },
    unread::COMPARED,
    waiting::WAITING,
    waiting::TOLD,
];

/// So many characters of a message are shown with its chat, and kept here.
pub const PREVIEW_CHARACTERS_MAX: usize = 256;

fn apply_user(tx: &mut Tx<'_>, _: &Fact, user_id: UserId, event: &user::Event) -> Result<(), store::Error> {
    display_name::apply(tx, user_id, event)?;
    match event {
        user::Event::Erased => forget(tx, user_id),
        user::Event::ProfileChanged(changed) => direct::call(tx, user_id, changed),
        user::Event::SignedUp(_)
        | user::Event::NameGiven
        | user::Event::NameChosen(_)
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

fn apply_message(
    tx: &mut Tx<'_>,
    fact: &Fact,
    message_id: MessageId,
    event: &message::Event,
) -> Result<(), store::Error> {
    match event {
        message::Event::Posted(posted) => {
            post(tx, fact, message_id, posted)?;
            waiting::note(tx, fact, message_id, posted)
        }
        message::Event::Edited(edited) => match &edited.text {
            Personal::Known(text) => tx.queue(
                "update said set text = $2, version = $3 where message_id = $1",
                &[(&message_id).into(), preview(text).into(), fact.version.into()],
            ),
            // The author is erased further on in the log: what they said before is to go as well.
            Personal::Erased => remove(tx, message_id),
        },
        message::Event::Deleted(_) => remove(tx, message_id),
        message::Event::Hidden(_) => set_hidden(tx, message_id, true),
        message::Event::Shown(_) => set_hidden(tx, message_id, false),
    }
}

/// What a page of facts comes to.
fn count_page(tx: &mut Tx<'_>, facts: &[&Fact]) -> Result<(), store::Error> {
    note_activity(tx, facts)?;
    unread::count_page(tx, facts)?;
    waiting::note_page(tx, facts)
}

fn apply_mark(tx: &mut Tx<'_>, _: &Fact, id: ReadMarkId, event: &read_mark::Event) -> Result<(), store::Error> {
    let read_mark::Event::Moved(moved) = event;
    unread::move_mark(tx, id, moved)?;
    waiting::read(tx, id.chat_id, id.user_id, moved.up_to)
}

/// Where each chat was active last. That something was said stays true when it is taken back.
fn note_activity(tx: &mut Tx<'_>, facts: &[&Fact]) -> Result<(), store::Error> {
    let mut active = BTreeMap::new();
    for fact in facts {
        if let Event::Message(_, message::Event::Posted(posted)) = &fact.event {
            active.insert(posted.chat_id.0, fact.position);
        }
    }
    active.into_iter().try_for_each(|(chat_id, position)| {
        tx.queue("update chat set active = $2 where chat_id = $1", &[(&ChatId(chat_id)).into(), position.into()])
    })
}

fn post(tx: &mut Tx<'_>, fact: &Fact, message_id: MessageId, posted: &message::Posted) -> Result<(), store::Error> {
    let Personal::Known(text) = &posted.text else {
        return Ok(());
    };
    tx.queue(
        "insert into said (position, message_id, chat_id, author, text, sent_at, version, hidden)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            fact.position.into(),
            (&message_id).into(),
            (&posted.chat_id).into(),
            (&posted.author).into(),
            preview(text).into(),
            posted.sent_at.into(),
            fact.version.into(),
            false.into(),
        ],
    )
}

/// What is hidden is not shown as the newest.
fn set_hidden(tx: &mut Tx<'_>, message_id: MessageId, hidden: bool) -> Result<(), store::Error> {
    tx.queue("update said set hidden = $2 where message_id = $1", &[(&message_id).into(), hidden.into()])
}

fn remove(tx: &mut Tx<'_>, message_id: MessageId) -> Result<(), store::Error> {
    unread::take_off(tx, message_id)?;
    waiting::remove(tx, message_id)?;
    tx.queue("delete from said where message_id = $1", &[(&message_id).into()])
}

/// How the text begins.
fn preview(text: &MessageText) -> &str {
    let text = text.as_str();
    if text.len() <= PREVIEW_CHARACTERS_MAX {
        // No character is shorter than a byte.
        return text;
    }
    text.char_indices().nth(PREVIEW_CHARACTERS_MAX).map_or(text, |(end, _)| &text[..end])
}

fn apply_chat(tx: &mut Tx<'_>, fact: &Fact, chat_id: ChatId, event: &chat::Event) -> Result<(), store::Error> {
    match event {
        chat::Event::Created(created) => {
            return insert(tx, fact, chat_id, created.chat_name.as_str(), (false, created.private));
        }
        chat::Event::DirectOpened(opened) => return direct::open(tx, fact, chat_id, opened),
        chat::Event::Hidden(hidden) => direct::hide(tx, chat_id, hidden.user_id, fact.position)?,
        chat::Event::Shown(shown) => direct::hide(tx, chat_id, shown.user_id, 0)?,
        chat::Event::Renamed(renamed) => {
            tx.queue(
                "update chat set chat_name = $2, name_key = $3 where chat_id = $1",
                &[
                    (&chat_id).into(),
                    renamed.chat_name.as_str().into(),
                    key_of(renamed.chat_name.as_str()).as_str().into(),
                ],
            )?;
        }
        chat::Event::Archived(_) => set_archived(tx, chat_id, true)?,
        chat::Event::Unarchived(_) => set_archived(tx, chat_id, false)?,
        chat::Event::Deleted(_) => {
            waiting::remove_chat(tx, chat_id)?;
            tx.queue("delete from said_block where chat_id = $1", &[(&chat_id).into()])?;
            tx.queue("delete from said where chat_id = $1", &[(&chat_id).into()])?;
            tx.queue("delete from author_name where chat_id = $1", &[(&chat_id).into()])?;
            tx.queue("delete from member where chat_id = $1", &[(&chat_id).into()])?;
            direct::remove(tx, chat_id)?;
            admission::remove(tx, chat_id)?;
            tx.queue("delete from chat where chat_id = $1", &[(&chat_id).into()])?;
            return Ok(());
        }
        chat::Event::MemberJoined(joined) => {
            come(tx, fact, chat_id, (joined.user_id, &joined.nickname, joined.role))?;
            joined.invitation.map_or(Ok(()), |id| admission::use_up(tx, id))?;
        }
        chat::Event::Banned(banned) => admission::ban(tx, fact, chat_id, banned)?,
        chat::Event::Unbanned(unbanned) => admission::unban(tx, chat_id, unbanned.user_id)?,
        chat::Event::InvitationMade(made) => admission::invite(tx, fact, chat_id, made)?,
        chat::Event::InvitationWithdrawn(withdrawn) => admission::withdraw(tx, withdrawn.invitation_id)?,
        chat::Event::MemberAdded(added) => come(tx, fact, chat_id, (added.user_id, &added.nickname, added.role))?,
        chat::Event::MemberLeft(left) => go(tx, chat_id, left.user_id)?,
        chat::Event::MemberRemoved(removed) => go(tx, chat_id, removed.user_id)?,
        chat::Event::NicknameChanged(changed) => {
            let name = changed.nickname.known().map(|name| name.as_str());
            let params: [Value<'_>; 3] = [(&chat_id).into(), (&changed.user_id).into(), name.into()];
            let key = changed.nickname.known().map(Nickname::key);
            tx.queue(
                "update member set user_name = $3, name_key = $4 where chat_id = $1 and user_id = $2",
                &[(&chat_id).into(), (&changed.user_id).into(), name.into(), key.as_deref().into()],
            )?;
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

fn insert(
    tx: &mut Tx<'_>,
    fact: &Fact,
    chat_id: ChatId,
    chat_name: &str,
    (direct, private): (bool, bool),
) -> Result<(), store::Error> {
    tx.queue(
        "insert into chat (chat_id, chat_name, name_key, direct, private, archived, members, created_at, version,
             position, active)
         values ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $9)",
        &[
            (&chat_id).into(),
            chat_name.into(),
            key_of(chat_name).as_str().into(),
            direct.into(),
            private.into(),
            false.into(),
            fact.recorded_at.into(),
            fact.version.into(),
            fact.position.into(),
        ],
    )
}

/// A name as it is compared; one that does not settle (none that anybody uses) is compared in lower case.
fn key_of(name: &str) -> String {
    canonical_name(name).unwrap_or_else(|| name.to_lowercase())
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
    let key = nickname.known().map(Nickname::key);
    let come = tx.execute(
        "insert into member (chat_id, user_id, user_name, role, joined_at, position, read_up_to, own, name_key)
         values ($1, $2, $3, $4, $5, $6, $6, 0, $7)
         on conflict (chat_id, user_id) do nothing",
        &[
            (&chat_id).into(),
            (&user_id).into(),
            nickname.known().map(|name| name.as_str()).into(),
            role.name().into(),
            fact.recorded_at.into(),
            fact.position.into(),
            key.as_deref().into(),
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
    waiting::go(tx, chat_id, user_id)?;
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
    direct::forget(tx, user_id)?;
    admission::forget(tx, user_id)?;
    unread::forget(tx, user_id)?;
    waiting::forget(tx, user_id)?;
    tx.queue("delete from said where author = $1", &[(&user_id).into()])?;
    tx.queue("update author_name set user_name = null where user_id = $1", &[(&user_id).into()])?;
    tx.queue("delete from member where user_id = $1", &[(&user_id).into()])
}
