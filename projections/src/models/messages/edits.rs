//! What messages said before they were edited. A message that never was has no row here: it is its own first text.

use crate::engine::table::{Key, Table};
use domain::message::Edited;
use domain::text::MessageText;
use domain::{MessageId, Timestamp};
use store::Fact;
use store::sql::{Database, Tx, Value};

macro_rules! tables {
    () => {
        "
    create table edit (
        position bigint primary key,
        message_id bytea not null,
        text text not null,
        at bigint not null
    );
    create index if not exists edit_of_message on edit (message_id, position);
"
    };
}
pub(super) use tables;

pub(super) const COMPARED: Table =
    Table { name: "edit", key: &[Key::Number("position")], columns: &["message_id", "text", "at"] };

/// One text of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Where it was said in the log; the cursor of [`edits`].
    pub position: u64,
    pub text: String,
    /// When it was said.
    pub at: Timestamp,
}

/// Keeps what the message says now, and what it is edited to.
pub(super) fn keep(
    tx: &mut Tx<'_>,
    fact: &Fact,
    id: MessageId,
    edited: &Edited,
    text: &MessageText,
) -> Result<(), store::Error> {
    tx.queue(
        "insert into edit (position, message_id, text, at)
         select p.position, p.message_id, p.text, p.sent_at from message p
         where p.message_id = $1 and p.edited_at is null",
        &[(&id).into()],
    )?;
    tx.queue(
        "insert into edit (position, message_id, text, at)
         select $2, p.message_id, $3, $4 from message p where p.message_id = $1",
        &[(&id).into(), fact.position.into(), text.as_str().into(), edited.at.into()],
    )
}

/// Every text of a message behind the position `after`, the first one included, the oldest first.
pub async fn edits(db: &Database, id: MessageId, after: u64, limit: u32) -> Result<Vec<Edit>, store::Error> {
    let params: [Value<'_>; 3] = [(&id).into(), after.into(), limit.into()];
    db.rows(
        "select t.position, t.text, t.at from (
             select e.position, e.text, e.at from edit e where e.message_id = $1
             union all
             select p.position, p.text, p.sent_at from message p where p.message_id = $1 and p.edited_at is null
         ) t where t.position > $2 order by t.position limit $3",
        &params,
        |row| Ok(Edit { position: row.int(0)?.cast_unsigned(), text: row.text(1)?.to_owned(), at: row.timestamp(2)? }),
    )
    .await
}
