//! How much of each chat each member has not read.
//!
//! A member's row says up to which position of the log they have read (where they came in, before the first mark), and how
//! many of the messages behind that are their own. All others behind it are unread. To count them, the table `said_block`
//! has, for each chat and each block of positions, how many messages of it are left: once for blocks of [`SMALL`]
//! positions and once for blocks of [`LARGE`]. What is behind a mark is the rows of `said` up to the end of its small
//! block, then small blocks up to the end of its large one, then large ones: [`SMALL`] rows of each at most, and in a chat
//! that is not alone in the log a few of them. Posting writes one row of each size and the author's own, whatever the
//! number of members; deleting takes one off the same rows; a mark writes the row of its member.
//!
//! A block that anything was said in keeps its row when nothing of it is left, also what an author had said who is
//! erased: so a log of which a part is forgotten folds into the same rows.

use crate::engine::table::{Key, Table};
use domain::id::ReadMarkId;
use domain::read_mark::{self, Moved};
use domain::{ChatId, Event, MessageId, Personal, UserId, message};
use std::collections::{BTreeMap, BTreeSet};
use store::Fact;
use store::sql::{Database, Tx, Value};

/// Positions of a small block. The SQL below has it as a literal.
const SMALL: u64 = 512;
/// Positions of a large block: as many small ones.
const LARGE: u64 = SMALL * SMALL;

macro_rules! tables {
    () => {
        "
    create table said_block (
        chat_id bytea not null,
        size bigint not null,
        block bigint not null,
        left_over bigint not null,
        primary key (chat_id, size, block)
    ) without rowid;
"
    };
}
pub(super) use tables;

pub(super) const COMPARED: Table = Table {
    name: "said_block",
    key: &[Key::Id("chat_id"), Key::Number("size"), Key::Number("block")],
    columns: &["left_over"],
};

/// How many messages of the chat `$chat` are left behind the position `$up_to`.
macro_rules! left_behind {
    ($chat:literal, $up_to:literal) => {
        concat!(
            "((select count(*) from said u where u.chat_id = ",
            $chat,
            " and u.position > ",
            $up_to,
            " and u.position < (",
            $up_to,
            " / 512 + 1) * 512)
             + (select coalesce(cast(sum(b.left_over) as bigint), 0) from said_block b where b.chat_id = ",
            $chat,
            " and b.size = 512 and b.block > ",
            $up_to,
            " / 512 and b.block < (",
            $up_to,
            " / 262144 + 1) * 512)
             + (select coalesce(cast(sum(b.left_over) as bigint), 0) from said_block b where b.chat_id = ",
            $chat,
            " and b.size = 262144 and b.block > ",
            $up_to,
            " / 262144))"
        )
    };
}
pub(super) use left_behind;

pub(super) fn move_mark(tx: &mut Tx<'_>, id: ReadMarkId, moved: &Moved) -> Result<(), store::Error> {
    tx.queue(
        "update member set read_up_to = $3 where chat_id = $1 and user_id = $2 and read_up_to < $3",
        &[(&id.chat_id).into(), (&id.user_id).into(), moved.up_to.into()],
    )
}

/// Counts what a page of facts says, once each of its facts is folded in by itself.
pub(super) fn count_page(tx: &mut Tx<'_>, facts: &[&Fact]) -> Result<(), store::Error> {
    let (mut blocks, mut own) = (BTreeMap::new(), BTreeMap::new());
    let (mut newcomers, mut moved) = (BTreeMap::new(), BTreeSet::new());
    for fact in facts {
        if let Event::Message(_, message::Event::Posted(posted)) = &fact.event {
            let left_over = u64::from(matches!(posted.text, Personal::Known(_)));
            for size in [SMALL, LARGE] {
                *blocks.entry((posted.chat_id, size, fact.position / size)).or_insert(0) += left_over;
            }
            if left_over > 0 {
                own.entry((posted.chat_id, posted.author)).or_insert_with(Vec::new).push(fact.position);
            }
        } else if let Event::ReadMark(id, read_mark::Event::Moved(_)) = &fact.event {
            moved.insert((id.chat_id, id.user_id));
        } else if let Event::Chat(chat_id, event) = &fact.event
            && let Some(user_id) = event.newcomer()
            && newcomers.insert((*chat_id, user_id), fact.position).is_some()
        {
            // Twice on one page: between both they had left.
            moved.insert((*chat_id, user_id));
        }
    }
    for ((chat_id, size, block), left_over) in blocks {
        // A chat that goes on this page takes its blocks along.
        tx.queue(
            "insert into said_block (chat_id, size, block, left_over)
             select c.chat_id, $2, $3, $4 from chat c where c.chat_id = $1
             on conflict (chat_id, size, block) do update set left_over = said_block.left_over + excluded.left_over",
            &[(&chat_id).into(), size.into(), block.into(), left_over.into()],
        )?;
    }
    own.retain(|member, _| !moved.contains(member));
    for ((chat_id, author), own) in own {
        // Who came on this page has read what was said before.
        let came = newcomers.get(&(chat_id, author)).copied().unwrap_or(u64::MAX);
        let behind = own.iter().filter(|position| **position > came).count();
        tx.queue(
            "update member set own = own + case when read_up_to = $3 then $4 else $5 end
             where chat_id = $1 and user_id = $2",
            &[(&chat_id).into(), (&author).into(), came.into(), count(behind), count(own.len())],
        )?;
    }
    // Where somebody's mark has moved on this page, some of what they said is before it and some behind.
    moved.into_iter().try_for_each(|(chat_id, user_id)| {
        tx.queue(
            "update member set own = (select count(*) from said s where s.chat_id = $1 and s.author = $2
                 and s.position > member.read_up_to) where chat_id = $1 and user_id = $2",
            &[(&chat_id).into(), (&user_id).into()],
        )
    })
}

fn count(messages: usize) -> Value<'static> {
    (messages as u64).into()
}

/// One message goes; it is in `said` still.
pub(super) fn take_off(tx: &mut Tx<'_>, id: MessageId) -> Result<(), store::Error> {
    const TAKE_OFF: [&str; 3] = [
        "insert into said_block (chat_id, size, block, left_over)
         select s.chat_id, 512, s.position / 512, -1 from said s where s.message_id = $1
         on conflict (chat_id, size, block) do update set left_over = said_block.left_over - 1",
        "insert into said_block (chat_id, size, block, left_over)
         select s.chat_id, 262144, s.position / 262144, -1 from said s where s.message_id = $1
         on conflict (chat_id, size, block) do update set left_over = said_block.left_over - 1",
        "update member set own = own - 1
         where (chat_id, user_id) in (select s.chat_id, s.author from said s where s.message_id = $1)
             and read_up_to < (select s.position from said s where s.message_id = $1)",
    ];
    TAKE_OFF.into_iter().try_for_each(|sql| tx.queue(sql, &[(&id).into()]))
}

/// All that somebody said goes; it is in `said` still.
pub(super) fn forget(tx: &mut Tx<'_>, author: UserId) -> Result<(), store::Error> {
    const TAKE_OFF: [&str; 2] = [
        "insert into said_block (chat_id, size, block, left_over)
         select s.chat_id, 512, s.position / 512, -count(*) from said s where s.author = $1
         group by s.chat_id, s.position / 512
         on conflict (chat_id, size, block) do update set left_over = said_block.left_over + excluded.left_over",
        "insert into said_block (chat_id, size, block, left_over)
         select s.chat_id, 262144, s.position / 262144, -count(*) from said s where s.author = $1
         group by s.chat_id, s.position / 262144
         on conflict (chat_id, size, block) do update set left_over = said_block.left_over + excluded.left_over",
    ];
    TAKE_OFF.into_iter().try_for_each(|sql| tx.queue(sql, &[(&author).into()]))
}

/// The position at which a message of the chat was posted; none when it is not left there.
pub async fn posted_at(db: &Database, chat_id: ChatId, id: MessageId) -> Result<Option<u64>, store::Error> {
    db.row(
        "select s.position from said s where s.message_id = $2 and s.chat_id = $1",
        &[(&chat_id).into(), (&id).into()],
        |row| Ok(row.int(0)?.cast_unsigned()),
    )
    .await
}

/// How far a member has read; none when they are not in the chat.
pub async fn read_up_to(db: &Database, chat_id: ChatId, user_id: UserId) -> Result<Option<u64>, store::Error> {
    db.row(
        "select m.read_up_to from member m where m.chat_id = $1 and m.user_id = $2",
        &[(&chat_id).into(), (&user_id).into()],
        |row| Ok(row.int(0)?.cast_unsigned()),
    )
    .await
}

/// How many messages of others are behind a position of a chat.
pub async fn unread_behind(
    db: &Database,
    chat_id: ChatId,
    user_id: UserId,
    position: u64,
) -> Result<u64, store::Error> {
    let unread = db
        .row(
            concat!(
                "select ",
                left_behind!("$1", "$3"),
                " - (select count(*) from said o where o.chat_id = $1 and o.author = $2 and o.position > $3)"
            ),
            &[(&chat_id).into(), (&user_id).into(), position.into()],
            |row| row.int(0),
        )
        .await?;
    Ok(unread.unwrap_or(0).max(0).cast_unsigned())
}
