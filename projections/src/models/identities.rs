//! Whom other services know people as.

use crate::ProjectionId;
use crate::engine::definition::Definition;
use crate::engine::fold::Fold;
use crate::engine::table::{Key, Table};
use domain::id::IdentitiesId;
use domain::{IdentityId, Timestamp, UserId, identities, user};
use store::Fact;
use store::sql::{Columns, Database, Row, Tx};

pub(crate) const DEFINITION: Definition = Definition {
    id: ProjectionId::Identities,
    name: "identities",
    version: 1,
    tables: TABLES,
    indexes: INDEXES,
    compared: COMPARED,
    guards: false,
    folds: &[Fold::User(apply_user), Fold::Identities(apply)],
};

const TABLES: &str = "
    create table identity (
        identity_id bytea primary key,
        user_id bytea not null,
        provider text not null,
        issuer text not null,
        subject text,
        email text,
        name text,
        linked_at bigint not null
    );
    create index if not exists identity_by_user on identity (user_id, linked_at);
";

const INDEXES: &str = "";

const COMPARED: &[Table] = &[Table {
    name: "identity",
    key: &[Key::Id("identity_id")],
    columns: &["user_id", "provider", "issuer", "subject", "email", "name", "linked_at"],
}];

/// More than one account may have.
const LISTED_MAX: i64 = 100;

/// An identity on the list of an account; what is personal in it is none when it was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub identity_id: IdentityId,
    /// The name of the service in the settings.
    pub provider: String,
    pub issuer: String,
    pub subject: Option<String>,
    pub email: Option<String>,
    pub name: Option<String>,
    pub linked_at: Timestamp,
}

fn apply(tx: &mut Tx<'_>, _: &Fact, id: IdentitiesId, event: &identities::Event) -> Result<(), store::Error> {
    match event {
        identities::Event::Linked(linked) => {
            let parts = linked.parts.known();
            let user_id = UserId::from(id);
            tx.queue(
                "insert into identity (identity_id, user_id, provider, issuer, subject, email, name, linked_at)
                 values ($1, $2, $3, $4, $5, $6, $7, $8)",
                &[
                    (&linked.identity_id).into(),
                    (&user_id).into(),
                    linked.provider.as_str().into(),
                    linked.issuer.as_str().into(),
                    parts.map(|parts| parts.subject.as_str()).into(),
                    parts.and_then(|parts| parts.email.as_deref()).into(),
                    parts.and_then(|parts| parts.name.as_deref()).into(),
                    linked.at.into(),
                ],
            )
        }
        identities::Event::Unlinked(unlinked) => {
            tx.queue("delete from identity where identity_id = $1", &[(&unlinked.identity_id).into()])
        }
    }
}

fn apply_user(tx: &mut Tx<'_>, _: &Fact, user_id: UserId, event: &user::Event) -> Result<(), store::Error> {
    if let user::Event::Erased = event {
        tx.queue("delete from identity where user_id = $1", &[(&user_id).into()])?;
    }
    Ok(())
}

macro_rules! identity_columns {
    () => {
        "identity_id, provider, issuer, subject, email, name, linked_at"
    };
}
/// What [`identity`] reads.
const IDENTITY: Columns = Columns::of(identity_columns!());

/// A user's identities, in the order in which they were linked.
pub async fn of_user(db: &Database, user_id: UserId) -> Result<Vec<Identity>, store::Error> {
    let sql = concat!(
        "select ",
        identity_columns!(),
        " from identity where user_id = $1 order by linked_at, identity_id limit $2"
    );
    db.rows(sql, &[(&user_id).into(), LISTED_MAX.into()], identity).await
}

fn identity(row: &Row<'_>) -> Result<Identity, store::Error> {
    Ok(Identity {
        identity_id: IdentityId(row.uuid(const { IDENTITY.at("identity_id") })?),
        provider: row.text(const { IDENTITY.at("provider") })?.to_owned(),
        issuer: row.text(const { IDENTITY.at("issuer") })?.to_owned(),
        subject: row.maybe_text(const { IDENTITY.at("subject") })?.map(str::to_owned),
        email: row.maybe_text(const { IDENTITY.at("email") })?.map(str::to_owned),
        name: row.maybe_text(const { IDENTITY.at("name") })?.map(str::to_owned),
        linked_at: row.timestamp(const { IDENTITY.at("linked_at") })?,
    })
}
