//! What people sign in by instead of a password.

use crate::ProjectionId;
use crate::engine::definition::Definition;
use crate::engine::fold::Fold;
use crate::engine::table::{Key, Table};
use domain::id::PasskeysId;
use domain::passkeys::{self, Uses};
use domain::{PasskeyId, Timestamp, UserId, user};
use store::Fact;
use store::sql::{Columns, Database, Row, Tx};

pub(crate) const DEFINITION: Definition = Definition {
    id: ProjectionId::Passkeys,
    name: "passkeys",
    version: 1,
    tables: TABLES,
    indexes: INDEXES,
    compared: COMPARED,
    guards: false,
    folds: &[Fold::User(apply_user), Fold::Passkeys(apply)],
};

const TABLES: &str = "
    create table passkey (
        passkey_id bytea primary key,
        user_id bytea not null,
        name text not null,
        credential text not null,
        counter bigint not null,
        backed_up boolean not null,
        created_at bigint not null,
        last_used_at bigint
    );
    create index if not exists passkey_by_user on passkey (user_id, created_at);
";

const INDEXES: &str = "";

const COMPARED: &[Table] = &[Table {
    name: "passkey",
    key: &[Key::Id("passkey_id")],
    columns: &["user_id", "name", "credential", "counter", "backed_up", "created_at", "last_used_at"],
}];

/// More than one account may have.
const LISTED_MAX: i64 = 100;

/// A passkey of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    pub passkey_id: PasskeyId,
    /// What its owner calls it.
    pub name: String,
    /// The public key with what belongs to it, as JSON.
    pub credential: String,
    /// What it said when it was used last, or made.
    pub uses: Uses,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

fn apply(tx: &mut Tx<'_>, _: &Fact, id: PasskeysId, event: &passkeys::Event) -> Result<(), store::Error> {
    match event {
        passkeys::Event::Added(added) => {
            // That of somebody who was erased signs nobody in.
            let Some(parts) = added.parts.known() else { return Ok(()) };
            let user_id = UserId::from(id);
            tx.queue(
                "insert into passkey (passkey_id, user_id, name, credential, counter, backed_up, created_at, last_used_at)
                 values ($1, $2, $3, $4, $5, $6, $7, null)",
                &[
                    (&added.passkey_id).into(),
                    (&user_id).into(),
                    parts.name.as_str().into(),
                    parts.credential.as_str().into(),
                    added.uses.counter.into(),
                    added.uses.backed_up.into(),
                    added.at.into(),
                ],
            )
        }
        passkeys::Event::Used(used) => tx.queue(
            "update passkey set counter = $2, backed_up = $3, last_used_at = $4 where passkey_id = $1",
            &[(&used.passkey_id).into(), used.uses.counter.into(), used.uses.backed_up.into(), used.at.into()],
        ),
        passkeys::Event::Removed(removed) => {
            tx.queue("delete from passkey where passkey_id = $1", &[(&removed.passkey_id).into()])
        }
    }
}

fn apply_user(tx: &mut Tx<'_>, _: &Fact, user_id: UserId, event: &user::Event) -> Result<(), store::Error> {
    if let user::Event::Erased = event {
        tx.queue("delete from passkey where user_id = $1", &[(&user_id).into()])?;
    }
    Ok(())
}

macro_rules! passkey_columns {
    () => {
        "passkey_id, name, credential, counter, backed_up, created_at, last_used_at"
    };
}
/// What [`passkey`] reads.
const PASSKEY: Columns = Columns::of(passkey_columns!());

/// A user's passkeys, in the order in which they were added.
pub async fn of_user(db: &Database, user_id: UserId) -> Result<Vec<Passkey>, store::Error> {
    let sql = concat!(
        "select ",
        passkey_columns!(),
        " from passkey where user_id = $1 order by created_at, passkey_id limit $2"
    );
    db.rows(sql, &[(&user_id).into(), LISTED_MAX.into()], passkey).await
}

fn passkey(row: &Row<'_>) -> Result<Passkey, store::Error> {
    let counter = row.int(const { PASSKEY.at("counter") })?;
    Ok(Passkey {
        passkey_id: PasskeyId(row.uuid(const { PASSKEY.at("passkey_id") })?),
        name: row.text(const { PASSKEY.at("name") })?.to_owned(),
        credential: row.text(const { PASSKEY.at("credential") })?.to_owned(),
        uses: Uses {
            counter: u32::try_from(counter).unwrap_or(u32::MAX),
            backed_up: row.bool(const { PASSKEY.at("backed_up") })?,
        },
        created_at: row.timestamp(const { PASSKEY.at("created_at") })?,
        last_used_at: row.maybe_timestamp(const { PASSKEY.at("last_used_at") })?,
    })
}
