//! What is in people's inboxes.

use crate::ProjectionId;
use crate::engine::definition::Definition;
use crate::engine::fold::Fold;
use crate::engine::table::{Key, Table};
use domain::{DeliveryId, InboxId, Timestamp, UserId, delivery, inbox, user};
use store::Fact;
use store::sql::{Columns, Database, Row, Tx};

pub(crate) const DEFINITION: Definition = Definition {
    id: ProjectionId::Inbox,
    name: "inbox",
    version: 1,
    tables: TABLES,
    indexes: INDEXES,
    compared: COMPARED,
    guards: false,
    folds: &[Fold::Delivery(apply_delivery), Fold::Inbox(apply_inbox), Fold::User(apply_user)],
};

const TABLES: &str = "
    create table inbox_item (
        delivery_id bytea primary key,
        user_id bytea not null,
        position bigint not null,
        category text not null,
        title text not null,
        text text not null,
        link text,
        at bigint not null,
        read_at bigint,
        archived_at bigint
    );
    create index if not exists inbox_item_by_user on inbox_item (user_id, position);
    create index if not exists inbox_item_unread on inbox_item (user_id) where read_at is null and archived_at is null;
";

const INDEXES: &str = "";

const COMPARED: &[Table] = &[Table {
    name: "inbox_item",
    key: &[Key::Id("delivery_id")],
    columns: &["user_id", "position", "category", "title", "text", "link", "at", "read_at", "archived_at"],
}];

/// An item of an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The delivery that it is.
    pub id: DeliveryId,
    /// Where it stands in the log; the cursor of [`of_user`].
    pub position: u64,
    pub category: String,
    pub title: String,
    pub text: String,
    pub link: Option<String>,
    pub at: Timestamp,
    pub read_at: Option<Timestamp>,
    pub archived_at: Option<Timestamp>,
}

/// Which items are listed; what is none does not matter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    pub unread: Option<bool>,
    pub archived: Option<bool>,
}

fn apply_delivery(tx: &mut Tx<'_>, fact: &Fact, id: DeliveryId, event: &delivery::Event) -> Result<(), store::Error> {
    use delivery::Event;
    match event {
        Event::AddedToInbox(added) => add(tx, fact, id, added),
        Event::Read { at } => tx.queue(
            "update inbox_item set read_at = $2 where delivery_id = $1 and read_at is null",
            &[(&id.0).into(), (*at).into()],
        ),
        Event::Archived { at } => tx.queue(
            "update inbox_item set archived_at = $2 where delivery_id = $1 and archived_at is null",
            &[(&id.0).into(), (*at).into()],
        ),
        Event::Requested(_)
        | Event::Attempted(_)
        | Event::Accepted(_)
        | Event::Refused(_)
        | Event::AttemptUnknown(_)
        | Event::Deferred(_)
        | Event::Reported(_)
        | Event::Failed { .. }
        | Event::DeadLettered { .. }
        | Event::Expired(_)
        | Event::Suppressed(_)
        | Event::Cancelled(_)
        | Event::Retried(_) => Ok(()),
    }
}

/// An item of somebody who was erased is not shown to anybody.
fn add(tx: &mut Tx<'_>, fact: &Fact, id: DeliveryId, added: &delivery::AddedToInbox) -> Result<(), store::Error> {
    let Some(item) = added.item.known() else { return Ok(()) };
    tx.queue(
        "insert into inbox_item (delivery_id, user_id, position, category, title, text, link, at, read_at, archived_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, null, null)",
        &[
            (&id.0).into(),
            (&added.user_id).into(),
            fact.position.into(),
            added.category.as_str().into(),
            (&item.title).into(),
            (&item.text).into(),
            item.link.as_ref().into(),
            added.at.into(),
        ],
    )
}

fn apply_inbox(tx: &mut Tx<'_>, _: &Fact, id: InboxId, event: &inbox::Event) -> Result<(), store::Error> {
    match event {
        inbox::Event::AllRead(read) => tx.queue(
            "update inbox_item set read_at = $2 where user_id = $1 and read_at is null",
            &[(&id.0).into(), read.at.into()],
        ),
    }
}

fn apply_user(tx: &mut Tx<'_>, _: &Fact, user_id: UserId, event: &user::Event) -> Result<(), store::Error> {
    if let user::Event::Erased = event {
        tx.queue("delete from inbox_item where user_id = $1", &[(&user_id).into()])?;
    }
    Ok(())
}

macro_rules! item_columns {
    () => {
        "delivery_id, user_id, position, category, title, text, link, at, read_at, archived_at"
    };
}
const ITEM: Columns = Columns::of(item_columns!());

/// The items of a person before the position `before`, the newest first.
pub async fn of_user(
    db: &Database,
    user_id: UserId,
    filter: Filter,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<Item>, store::Error> {
    db.rows(
        concat!(
            "select ",
            item_columns!(),
            " from inbox_item where user_id = $1 and position < $2
                 and ($3 < 0 or (case when read_at is null then 1 else 0 end) = $3)
                 and ($4 < 0 or (case when archived_at is null then 0 else 1 end) = $4)
             order by position desc limit $5"
        ),
        &[
            (&user_id).into(),
            before.unwrap_or(u64::MAX).into(),
            flag(filter.unread).into(),
            flag(filter.archived).into(),
            limit.into(),
        ],
        item,
    )
    .await
}

/// A flag as the statement compares it: below zero it does not matter. A null would have no type there.
fn flag(wanted: Option<bool>) -> i64 {
    wanted.map_or(-1, i64::from)
}

/// An item, and whose inbox it is in.
pub async fn one(db: &Database, id: DeliveryId) -> Result<Option<(UserId, Item)>, store::Error> {
    let sql = concat!("select ", item_columns!(), " from inbox_item where delivery_id = $1");
    db.row(sql, &[(&id.0).into()], |row| Ok((UserId(row.uuid(const { ITEM.at("user_id") })?), item(row)?))).await
}

/// How many items of a person are neither read nor put away.
pub async fn unread(db: &Database, user_id: UserId) -> Result<u64, store::Error> {
    let sql = "select count(*) from inbox_item where user_id = $1 and read_at is null and archived_at is null";
    Ok(db.row(sql, &[(&user_id).into()], |row| row.int(0)).await?.map_or(0, i64::cast_unsigned))
}

fn item(row: &Row<'_>) -> Result<Item, store::Error> {
    Ok(Item {
        id: DeliveryId(row.uuid(const { ITEM.at("delivery_id") })?),
        position: row.int(const { ITEM.at("position") })?.cast_unsigned(),
        category: row.text(const { ITEM.at("category") })?.to_owned(),
        title: row.text(const { ITEM.at("title") })?.to_owned(),
        text: row.text(const { ITEM.at("text") })?.to_owned(),
        link: row.maybe_text(const { ITEM.at("link") })?.map(str::to_owned),
        at: row.timestamp(const { ITEM.at("at") })?,
        read_at: row.maybe_timestamp(const { ITEM.at("read_at") })?,
        archived_at: row.maybe_timestamp(const { ITEM.at("archived_at") })?,
    })
}
