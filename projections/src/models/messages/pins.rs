//! What is pinned in each chat, of the messages that can be read.

use super::{Message, message, message_columns};
use crate::engine::table::{Key, Table};
use domain::pins::Event;
use domain::{ChatId, MessageId, PinsId, Timestamp, UserId};
use store::Fact;
use store::sql::{Columns, Database, Tx};

macro_rules! tables {
    () => {
        "
    create table pin (
        message_id bytea primary key,
        chat_id bytea not null,
        position bigint not null,
        pinned_by bytea not null,
        pinned_at bigint not null
    ) without rowid;
    create index if not exists pin_of_chat on pin (chat_id, position);
"
    };
}
pub(super) use tables;

pub(super) const COMPARED: Table =
    Table { name: "pin", key: &[Key::Id("message_id")], columns: &["chat_id", "position", "pinned_by", "pinned_at"] };

macro_rules! pin_columns {
    () => {
        concat!(message_columns!(), ", n.pinned_by, n.pinned_at")
    };
}
/// What [`pins`] reads.
const PIN: Columns = Columns::of(pin_columns!());

/// A message that is pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    pub message: Message,
    pub pinned_by: UserId,
    pub pinned_at: Timestamp,
}

pub(super) fn apply(tx: &mut Tx<'_>, fact: &Fact, id: PinsId, event: &Event) -> Result<(), store::Error> {
    let chat_id = ChatId::from(id);
    match event {
        // A message that is gone is not pinned, whether it goes before this fact or behind it.
        Event::Added(pin) => tx.queue(
            "insert into pin (message_id, chat_id, position, pinned_by, pinned_at)
             select p.message_id, p.chat_id, $3, $4, $5 from message p where p.message_id = $1 and p.chat_id = $2
             on conflict (message_id) do nothing",
            &[
                (&pin.message_id).into(),
                (&chat_id).into(),
                fact.position.into(),
                (&pin.by).into(),
                fact.recorded_at.into(),
            ],
        ),
        Event::Removed(pin) => tx.queue("delete from pin where message_id = $1", &[(&pin.message_id).into()]),
    }
}

/// What is pinned in a chat, the newest pin first.
pub async fn pins(db: &Database, chat_id: ChatId) -> Result<Vec<Pin>, store::Error> {
    db.rows(
        concat!(
            "select ",
            pin_columns!(),
            " from pin n join message p on p.message_id = n.message_id
             left join member m on m.chat_id = p.chat_id and m.user_id = p.author
             left join person d on d.user_id = p.author
             where n.chat_id = $1 order by n.position desc"
        ),
        &[(&chat_id).into()],
        |row| {
            Ok(Pin {
                message: message(row)?,
                pinned_by: UserId(row.uuid(const { PIN.at("pinned_by") })?),
                pinned_at: row.timestamp(const { PIN.at("pinned_at") })?,
            })
        },
    )
    .await
}

/// The messages of an author that are pinned, with their chats, in the order of their ids, behind `after`.
pub async fn pinned_of(
    db: &Database,
    author: UserId,
    after: Option<MessageId>,
    limit: u32,
) -> Result<Vec<(ChatId, MessageId)>, store::Error> {
    let after = after.unwrap_or(MessageId(uuid::Uuid::nil()));
    db.rows(
        "select n.chat_id, n.message_id from pin n join message p on p.message_id = n.message_id
         where p.author = $1 and n.message_id > $2 order by n.message_id limit $3",
        &[(&author).into(), (&after).into(), limit.into()],
        |row| Ok((ChatId(row.uuid(0)?), MessageId(row.uuid(1)?))),
    )
    .await
}
