//! What belongs to a message and goes with it: its earlier texts, its reactions, its pin.

use domain::{ChatId, MessageId, UserId};
use store::sql::{Tx, Value};

/// What deletes from every table that belongs to messages.
macro_rules! delete {
    ($which:literal) => {
        [
            concat!("delete from edit where message_id ", $which),
            concat!("delete from reaction where message_id ", $which),
            concat!("delete from reaction_kind where message_id ", $which),
            concat!("delete from pin where message_id ", $which),
        ]
    };
}

/// One message goes.
pub(super) fn remove(tx: &mut Tx<'_>, id: MessageId) -> Result<(), store::Error> {
    all(tx, delete!("= $1"), (&id).into())
}

/// All messages of a chat go; they are in `message` still.
pub(super) fn remove_in_chat(tx: &mut Tx<'_>, chat_id: ChatId) -> Result<(), store::Error> {
    all(tx, delete!("in (select message_id from message where chat_id = $1)"), (&chat_id).into())
}

/// All messages of an author go; they are in `message` still.
pub(super) fn forget(tx: &mut Tx<'_>, author: UserId) -> Result<(), store::Error> {
    all(tx, delete!("in (select message_id from message where author = $1)"), (&author).into())
}

fn all(tx: &mut Tx<'_>, statements: [&'static str; 4], of: Value<'_>) -> Result<(), store::Error> {
    let of = [of];
    statements.into_iter().try_for_each(|sql| tx.queue(sql, &of))
}
