//! What was said to each member and they have not read: messages of the chat of two people, answers to what they said, and
//! what calls them by their name. They are told of it once it has waited for a while.
//!
//! A row goes with its message, with the membership, with a mark behind it, and with a notice that counts it. Each fact
//! does so by itself and in its order, so that it does not matter which facts come on one page. A name with spaces may
//! begin with another one: who has either is called.

use crate::engine::table::{Key, Table};
use domain::digest::{ForThem, Gathered, Why};
use domain::id::DigestId;
use domain::text::mentions::mentions;
use domain::{ChatId, Event, MessageId, Personal, Timestamp, UserId, digest, message};
use store::Fact;
use store::sql::{Database, Tx};

macro_rules! tables {
    () => {
        "
    create table waiting (
        user_id bytea not null,
        position bigint not null,
        why text not null,
        chat_id bytea not null,
        message_id bytea not null,
        said_at bigint not null,
        primary key (user_id, position)
    ) without rowid;
    create index if not exists waiting_message on waiting (message_id);
    create index if not exists waiting_chat on waiting (chat_id);
    create table told (
        user_id bytea primary key,
        up_to bigint not null,
        told_at bigint not null
    ) without rowid;
"
    };
}
pub(super) use tables;

pub(super) const WAITING: Table = Table {
    name: "waiting",
    key: &[Key::Id("user_id"), Key::Number("position")],
    columns: &["why", "chat_id", "message_id", "said_at"],
};
pub(super) const TOLD: Table = Table { name: "told", key: &[Key::Id("user_id")], columns: &["up_to", "told_at"] };

/// Whom an answer or a name is for. What is for both of a chat of two is noted with its page.
pub(super) fn note(tx: &mut Tx<'_>, fact: &Fact, id: MessageId, posted: &message::Posted) -> Result<(), store::Error> {
    let Personal::Known(text) = &posted.text else { return Ok(()) };
    if let Some(answered) = &posted.reply_to {
        tx.queue(
            "insert into waiting (user_id, position, why, chat_id, message_id, said_at)
             select m.user_id, $3, $6, m.chat_id, $2, $5
             from said q join member m on m.chat_id = q.chat_id and m.user_id = q.author
             where q.message_id = $1 and q.author <> $4
             on conflict (user_id, position) do nothing",
            &[
                answered.into(),
                (&id).into(),
                fact.position.into(),
                (&posted.author).into(),
                posted.sent_at.into(),
                Why::Reply.name().into(),
            ],
        )?;
    }
    if !text.as_str().contains('@') {
        return Ok(());
    }
    mentions(text.as_str()).into_iter().flatten().try_for_each(|name| {
        tx.queue(
            "insert into waiting (user_id, position, why, chat_id, message_id, said_at)
             select m.user_id, $4, $7, m.chat_id, $3, $6
             from member m where m.chat_id = $1 and m.name_key = $2 and m.user_id <> $5
             on conflict (user_id, position) do nothing",
            &[
                (&posted.chat_id).into(),
                name.as_str().into(),
                (&id).into(),
                fact.position.into(),
                (&posted.author).into(),
                posted.sent_at.into(),
                Why::Mention.name().into(),
            ],
        )
    })
}

/// What was said in chats of two people on this page and is left of it.
pub(super) fn note_page(tx: &mut Tx<'_>, facts: &[&Fact]) -> Result<(), store::Error> {
    let is_post = |fact: &&&Fact| matches!(&fact.event, Event::Message(_, message::Event::Posted(_)));
    let positions = || facts.iter().filter(is_post).map(|fact| fact.position);
    let Some((first, last)) = positions().min().zip(positions().max()) else { return Ok(()) };
    tx.queue(
        "insert into waiting (user_id, position, why, chat_id, message_id, said_at)
         select m.user_id, s.position, $3, s.chat_id, s.message_id, s.sent_at
         from said s join chat c on c.chat_id = s.chat_id
         join member m on m.chat_id = s.chat_id and m.user_id <> s.author
         left join told t on t.user_id = m.user_id
         where s.position >= $1 and s.position <= $2 and c.direct
             and m.read_up_to < s.position and coalesce(t.up_to, 0) < s.position
         on conflict (user_id, position) do nothing",
        &[first.into(), last.into(), Why::Direct.name().into()],
    )
}

pub(super) fn apply(tx: &mut Tx<'_>, _: &Fact, id: DigestId, event: &digest::Event) -> Result<(), store::Error> {
    let digest::Event::Gathered(Gathered { up_to, at, .. }) = event;
    tx.queue(
        "insert into told (user_id, up_to, told_at) values ($1, $2, $3)
         on conflict (user_id) do update set up_to = excluded.up_to, told_at = excluded.told_at",
        &[(&id.user_id).into(), (*up_to).into(), (*at).into()],
    )?;
    tx.queue("delete from waiting where user_id = $1 and position <= $2", &[(&id.user_id).into(), (*up_to).into()])
}

/// Somebody has read a chat up to that position.
pub(super) fn read(tx: &mut Tx<'_>, chat_id: ChatId, user_id: UserId, up_to: u64) -> Result<(), store::Error> {
    tx.queue(
        "delete from waiting where user_id = $2 and chat_id = $1 and position <= $3",
        &[(&chat_id).into(), (&user_id).into(), up_to.into()],
    )
}

/// A message goes.
pub(super) fn remove(tx: &mut Tx<'_>, id: MessageId) -> Result<(), store::Error> {
    tx.queue("delete from waiting where message_id = $1", &[(&id).into()])
}

/// A chat goes.
pub(super) fn remove_chat(tx: &mut Tx<'_>, chat_id: ChatId) -> Result<(), store::Error> {
    tx.queue("delete from waiting where chat_id = $1", &[(&chat_id).into()])
}

/// Somebody goes out of a chat.
pub(super) fn go(tx: &mut Tx<'_>, chat_id: ChatId, user_id: UserId) -> Result<(), store::Error> {
    read(tx, chat_id, user_id, i64::MAX.cast_unsigned())
}

/// What is for somebody goes, and what they said; it is in `said` still.
pub(super) fn forget(tx: &mut Tx<'_>, user_id: UserId) -> Result<(), store::Error> {
    const GONE: [&str; 3] = [
        "delete from waiting where message_id in (select s.message_id from said s where s.author = $1)",
        "delete from waiting where user_id = $1",
        "delete from told where user_id = $1",
    ];
    GONE.into_iter().try_for_each(|sql| tx.queue(sql, &[(&user_id).into()]))
}

/// Which messages have waited for long enough: what was said in that time.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    /// What was said before is of no use any more.
    pub after: Timestamp,
    /// What was said later has not waited for long enough; who was told later is not told yet.
    pub up_to: Timestamp,
}

/// What has waited for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub total: u64,
    /// The position of the last one.
    pub up_to: u64,
    /// The last of them, in their order.
    pub messages: Vec<ForThem>,
}

/// For whom something has waited for long enough, in the order of their ids, behind `after`.
pub async fn waiting(db: &Database, due: Due, after: Option<UserId>, limit: u32) -> Result<Vec<UserId>, store::Error> {
    let after = after.unwrap_or(UserId(uuid::Uuid::nil()));
    db.rows(
        "select distinct w.user_id from waiting w left join told t on t.user_id = w.user_id
         where w.said_at > $1 and w.said_at <= $2 and coalesce(t.told_at, 0) <= $2 and w.user_id > $3
         order by w.user_id limit $4",
        &[due.after.into(), due.up_to.into(), (&after).into(), limit.into()],
        |row| Ok(UserId(row.uuid(0)?)),
    )
    .await
}

/// What has waited for somebody for long enough; none when nothing has. At most `named_max` of them are named.
pub async fn waiting_for(
    db: &Database,
    user_id: UserId,
    due: Due,
    named_max: u32,
) -> Result<Option<Waiting>, store::Error> {
    let counted = db
        .row(
            "select count(*), coalesce(max(w.position), 0) from waiting w
             where w.user_id = $1 and w.said_at > $2 and w.said_at <= $3",
            &[(&user_id).into(), due.after.into(), due.up_to.into()],
            |row| Ok((row.int(0)?.cast_unsigned(), row.int(1)?.cast_unsigned())),
        )
        .await?;
    let Some((total, up_to)) = counted.filter(|(total, _)| *total > 0) else { return Ok(None) };
    let mut messages = db
        .rows(
            "select w.why, w.chat_id, w.message_id from waiting w
             where w.user_id = $1 and w.said_at > $2 and w.said_at <= $3 and w.position <= $4
             order by w.position desc limit $5",
            &[(&user_id).into(), due.after.into(), due.up_to.into(), up_to.into(), named_max.into()],
            |row| {
                let why = Why::parse(row.text(0)?).unwrap_or(Why::Mention);
                Ok(ForThem { why, chat_id: ChatId(row.uuid(1)?), message_id: MessageId(row.uuid(2)?) })
            },
        )
        .await?;
    messages.reverse();
    Ok(Some(Waiting { total, up_to, messages }))
}
