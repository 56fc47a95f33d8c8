//! The reactions to messages that can be read: who reacted with what, and beside it how many did so with each emoji, so
//! that a page of messages costs the same however many people reacted.

use super::Table;
use crate::engine::table::Key;
use domain::reactions::{Event, Reacted, Reaction};
use domain::{ChatId, Emoji, MessageId, ReactionsId, UserId};
use std::collections::HashMap;
use store::Fact;
use store::sql::{Database, Row, Tx};

macro_rules! tables {
    () => {
        "
    create table reaction (
        position bigint primary key,
        message_id bytea not null,
        emoji text not null,
        user_id bytea not null
    );
    create unique index if not exists reaction_of_message on reaction (message_id, emoji, user_id);
    create table reaction_kind (
        position bigint primary key,
        message_id bytea not null,
        emoji text not null,
        people bigint not null
    );
    create unique index if not exists reaction_kind_of_message on reaction_kind (message_id, emoji);
"
    };
}
pub(super) use tables;

pub(super) const REACTION: Table =
    Table { name: "reaction", key: &[Key::Number("position")], columns: &["message_id", "emoji", "user_id"] };
pub(super) const REACTION_KIND: Table =
    Table { name: "reaction_kind", key: &[Key::Number("position")], columns: &["message_id", "emoji", "people"] };

pub(super) fn apply(tx: &mut Tx<'_>, fact: &Fact, id: ReactionsId, event: &Event) -> Result<(), store::Error> {
    match event {
        Event::Added(reacted) => add(tx, fact, id.into(), reacted),
        Event::Removed(reacted) => take_back(tx, id.into(), reacted),
    }
}

/// A message that is gone has none, whether it goes before this fact or behind it.
fn add(tx: &mut Tx<'_>, fact: &Fact, id: MessageId, reacted: &Reacted) -> Result<(), store::Error> {
    let added = tx.execute(
        "insert into reaction (position, message_id, emoji, user_id)
         select $4, p.message_id, $2, $3 from message p where p.message_id = $1
         on conflict (message_id, emoji, user_id) do nothing",
        &[(&id).into(), reacted.emoji.as_str().into(), (&reacted.user_id).into(), fact.position.into()],
    )?;
    if added == 0 {
        return Ok(());
    }
    tx.queue(
        "insert into reaction_kind (message_id, emoji, position, people) values ($1, $2, $3, 1)
         on conflict (message_id, emoji) do update set people = reaction_kind.people + 1",
        &[(&id).into(), reacted.emoji.as_str().into(), fact.position.into()],
    )
}

fn take_back(tx: &mut Tx<'_>, id: MessageId, reacted: &Reacted) -> Result<(), store::Error> {
    let taken_back = tx.execute(
        "delete from reaction where message_id = $1 and emoji = $2 and user_id = $3",
        &[(&id).into(), reacted.emoji.as_str().into(), (&reacted.user_id).into()],
    )?;
    if taken_back == 0 {
        return Ok(());
    }
    tx.queue(
        "update reaction_kind set people = people - 1 where message_id = $1 and emoji = $2",
        &[(&id).into(), reacted.emoji.as_str().into()],
    )?;
    tx.queue(
        "delete from reaction_kind where message_id = $1 and emoji = $2 and people <= 0",
        &[(&id).into(), reacted.emoji.as_str().into()],
    )
}

/// All that somebody reacted with goes.
pub(super) fn forget(tx: &mut Tx<'_>, user_id: UserId) -> Result<(), store::Error> {
    const THEIRS: [&str; 3] = [
        "update reaction_kind set people = people - 1
         where (message_id, emoji) in (select r.message_id, r.emoji from reaction r where r.user_id = $1)",
        "delete from reaction_kind where people <= 0
             and message_id in (select r.message_id from reaction r where r.user_id = $1)",
        "delete from reaction where user_id = $1",
    ];
    THEIRS.into_iter().try_for_each(|sql| tx.queue(sql, &[(&user_id).into()]))
}

/// Which messages have which reactions: of each message in the order of their first use.
macro_rules! reactions {
    ($which:literal) => {
        concat!(
            "select k.message_id, k.emoji, k.people, r.user_id is not null
             from message p join reaction_kind k on k.message_id = p.message_id
             left join reaction r on r.message_id = k.message_id and r.emoji = k.emoji and r.user_id = $2 ",
            $which,
            " order by p.position, k.position"
        )
    };
}

/// The reactions to messages, each as one person sees them. A message without any is not among them.
pub type Reactions = HashMap<MessageId, Vec<Reaction>>;

/// The reactions to those messages of a chat that were posted from position `first` to `last`, as `user_id` sees them.
pub async fn reactions(
    db: &Database,
    chat_id: ChatId,
    (first, last): (u64, u64),
    user_id: UserId,
) -> Result<Reactions, store::Error> {
    let rows = db
        .rows(
            reactions!("where p.chat_id = $1 and p.position >= $3 and p.position <= $4"),
            &[(&chat_id).into(), (&user_id).into(), first.into(), last.into()],
            reaction,
        )
        .await?;
    Ok(by_message(rows))
}

/// The reactions to what is pinned in a chat, as `user_id` sees them.
pub async fn reactions_to_pinned(db: &Database, chat_id: ChatId, user_id: UserId) -> Result<Reactions, store::Error> {
    let rows = db
        .rows(
            reactions!("join pin n on n.message_id = p.message_id where n.chat_id = $1"),
            &[(&chat_id).into(), (&user_id).into()],
            reaction,
        )
        .await?;
    Ok(by_message(rows))
}

fn reaction(row: &Row<'_>) -> Result<(MessageId, Reaction), store::Error> {
    let unfit = |_| store::Error::Column { index: 1, expected: "an emoji" };
    let emoji = Emoji::stored(row.text(1)?).map_err(unfit)?;
    Ok((MessageId(row.uuid(0)?), Reaction { emoji, count: row.int(2)?.cast_unsigned(), mine: row.bool(3)? }))
}

fn by_message(rows: Vec<(MessageId, Reaction)>) -> Reactions {
    let mut by_message = Reactions::new();
    for (message_id, reaction) in rows {
        by_message.entry(message_id).or_default().push(reaction);
    }
    by_message
}

/// Who reacted to a message, with what.
pub async fn reactors(db: &Database, message_id: MessageId) -> Result<Vec<(UserId, Emoji)>, store::Error> {
    db.rows("select user_id, emoji from reaction where message_id = $1", &[(&message_id).into()], |row| {
        match Emoji::stored(row.text(1)?) {
            Ok(emoji) => Ok((UserId(row.uuid(0)?), emoji)),
            Err(_) => Err(store::Error::Column { index: 1, expected: "an emoji" }),
        }
    })
    .await
}

/// Messages that somebody has reacted to, with their chats, in the order of their ids, behind `after`.
pub async fn reacted_to(
    db: &Database,
    user_id: UserId,
    after: Option<MessageId>,
    limit: u32,
) -> Result<Vec<(ChatId, MessageId)>, store::Error> {
    let after = after.unwrap_or(MessageId(uuid::Uuid::nil()));
    db.rows(
        "select distinct p.chat_id, r.message_id from reaction r join message p on p.message_id = r.message_id
         where r.user_id = $1 and r.message_id > $2 order by r.message_id limit $3",
        &[(&user_id).into(), (&after).into(), limit.into()],
        |row| Ok((ChatId(row.uuid(0)?), MessageId(row.uuid(1)?))),
    )
    .await
}
