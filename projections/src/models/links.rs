//! Short links, by their codes. Expiry is computed on reading.

use crate::ProjectionId;
use crate::engine::definition::Definition;
use crate::engine::fold::{Fold, erased};
use crate::engine::table::{Key, Table};
use domain::link::{self, LinkCode};
use domain::{LinkId, Timestamp, UserId, user};
use store::Fact;
use store::sql::{Columns, Database, Row, Tx};

pub(crate) const DEFINITION: Definition = Definition {
    id: ProjectionId::Links,
    name: "links",
    version: 1,
    tables: TABLES,
    indexes: INDEXES,
    compared: COMPARED,
    guards: false,
    folds: &[Fold::User(apply_user), Fold::Link(apply_link)],
};

const TABLES: &str = "
    create table link (
        code text primary key,
        link_id bytea not null,
        user_id bytea not null,
        target text not null,
        expires_at bigint not null
    );
    create index if not exists link_by_user on link (user_id);
";

const INDEXES: &str = "
    create unique index if not exists link_by_id on link (link_id);
";

const COMPARED: &[Table] =
    &[Table { name: "link", key: &[Key::Id("link_id")], columns: &["code", "user_id", "target", "expires_at"] }];

/// Stands for no end.
const NEVER: Timestamp = Timestamp(i64::MAX);

/// Where a code leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub target: String,
    /// When it ends; none when it does not.
    pub expires_at: Option<Timestamp>,
}

fn apply_link(tx: &mut Tx<'_>, _: &Fact, link_id: LinkId, event: &link::Event) -> Result<(), store::Error> {
    match event {
        link::Event::Created(created) => {
            // Of somebody who was erased there is nothing to show.
            let Some(target) = created.target.known() else { return Ok(()) };
            tx.queue(
                "insert into link (code, link_id, user_id, target, expires_at) values ($1, $2, $3, $4, $5)
                 on conflict (code) do nothing",
                &[
                    created.code.as_str().into(),
                    (&link_id.0).into(),
                    (&created.user_id).into(),
                    target.as_str().into(),
                    created.expires_at.unwrap_or(NEVER).into(),
                ],
            )
        }
    }
}

fn apply_user(tx: &mut Tx<'_>, fact: &Fact, _: UserId, _: &user::Event) -> Result<(), store::Error> {
    if let Some(user_id) = erased(fact) {
        tx.queue("delete from link where user_id = $1", &[(&user_id).into()])?;
    }
    Ok(())
}

macro_rules! link_columns {
    () => {
        "target, expires_at"
    };
}
/// What [`link()`] reads.
const LINK: Columns = Columns::of(link_columns!());

/// Where that code leads, also when it has expired.
pub async fn by_code(db: &Database, code: &LinkCode) -> Result<Option<Link>, store::Error> {
    db.row(concat!("select ", link_columns!(), " from link where code = $1"), &[code.as_str().into()], link).await
}

fn link(row: &Row<'_>) -> Result<Link, store::Error> {
    let expires_at = row.timestamp(const { LINK.at("expires_at") })?;
    let target = row.text(const { LINK.at("target") })?.to_owned();
    Ok(Link { target, expires_at: (expires_at < NEVER).then_some(expires_at) })
}
