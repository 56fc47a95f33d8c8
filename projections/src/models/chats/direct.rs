//! What each of two people sees of their direct chat: who the other is, and whether they have put it away.

use super::key_of;
use crate::engine::table::{Key, Table};
use domain::{ChatId, Personal, UserId, chat, user};
use store::Fact;
use store::sql::Tx;

/// Makes the table. `hidden` is the position at which they have put the chat away, 0 where they have not.
macro_rules! direct {
    () => {
        "
    create table direct (
        chat_id bytea not null,
        user_id bytea not null,
        other bytea not null,
        name_key text not null,
        hidden bigint not null,
        primary key (chat_id, user_id)
    ) without rowid;
    create index if not exists direct_by_other on direct (other);
"
    };
}
pub(super) use direct;

/// As `verify` compares it.
pub(super) const COMPARED: Table =
    Table { name: "direct", key: &[Key::Id("chat_id"), Key::Id("user_id")], columns: &["other", "name_key", "hidden"] };

pub(super) fn open(
    tx: &mut Tx<'_>,
    fact: &Fact,
    chat_id: ChatId,
    opened: &chat::DirectOpened,
) -> Result<(), store::Error> {
    super::insert(tx, fact, chat_id, "", (true, true))?;
    for (user_id, other) in [(opened.by, opened.with), (opened.with, opened.by)] {
        let called = tx.row("select display_name from person where user_id = $1", &[(&other).into()], |row| {
            Ok(row.text(0)?.to_owned())
        })?;
        let key = called.map(|called| key_of(&called)).unwrap_or_default();
        tx.queue(
            "insert into direct (chat_id, user_id, other, name_key, hidden) values ($1, $2, $3, $4, 0)",
            &[(&chat_id).into(), (&user_id).into(), (&other).into(), key.as_str().into()],
        )?;
    }
    Ok(())
}

/// Since that position, or not at all where it is 0.
pub(super) fn hide(tx: &mut Tx<'_>, chat_id: ChatId, user_id: UserId, since: u64) -> Result<(), store::Error> {
    tx.queue(
        "update direct set hidden = $3 where chat_id = $1 and user_id = $2",
        &[(&chat_id).into(), (&user_id).into(), since.into()],
    )
}

pub(super) fn remove(tx: &mut Tx<'_>, chat_id: ChatId) -> Result<(), store::Error> {
    tx.queue("delete from direct where chat_id = $1", &[(&chat_id).into()])
}

/// Such a chat is found by what the other is called now.
pub(super) fn call(tx: &mut Tx<'_>, user_id: UserId, changed: &user::ProfileChanged) -> Result<(), store::Error> {
    let Personal::Known(name) = &changed.display_name else { return Ok(()) };
    tx.queue(
        "update direct set name_key = $2 where other = $1",
        &[(&user_id).into(), key_of(name.as_str()).as_str().into()],
    )
}

pub(super) fn forget(tx: &mut Tx<'_>, user_id: UserId) -> Result<(), store::Error> {
    tx.queue("delete from direct where user_id = $1", &[(&user_id).into()])?;
    tx.queue("update direct set name_key = '' where other = $1", &[(&user_id).into()])
}
