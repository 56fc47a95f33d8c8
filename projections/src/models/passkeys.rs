//! Passkeys, and since when an account has a second factor.

use crate::ProjectionId;
use crate::engine::definition::Definition;
use crate::engine::fold::Fold;
use crate::engine::table::{Key, Table};
use domain::id::PasskeysId;
use domain::passkeys::{self, Uses};
use domain::{PasskeyId, Timestamp, TotpId, UserId, totp, user};
use store::Fact;
use store::sql::{Columns, Database, Row, Tx};

pub(crate) const DEFINITION: Definition = Definition {
    id: ProjectionId::Passkeys,
    name: "passkeys",
    version: 2,
    tables: TABLES,
    indexes: INDEXES,
    compared: COMPARED,
    guards: false,
    folds: &[Fold::User(apply_user), Fold::Passkeys(apply), Fold::Totp(apply_totp)],
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
    create table second_factor (
        user_id bytea primary key,
        since bigint not null,
        by_codes boolean not null
    );
";

const INDEXES: &str = "";

const COMPARED: &[Table] = &[
    Table {
        name: "passkey",
        key: &[Key::Id("passkey_id")],
        columns: &["user_id", "name", "credential", "counter", "backed_up", "created_at", "last_used_at"],
    },
    Table { name: "second_factor", key: &[Key::Id("user_id")], columns: &["since", "by_codes"] },
];

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
            )?;
            tx.queue(
                "insert into second_factor (user_id, since, by_codes) values ($1, $2, $3) on conflict (user_id) do nothing",
                &[(&user_id).into(), added.at.into(), false.into()],
            )
        }
        passkeys::Event::Used(used) => tx.queue(
            "update passkey set counter = $2, backed_up = $3, last_used_at = $4 where passkey_id = $1",
            &[(&used.passkey_id).into(), used.uses.counter.into(), used.uses.backed_up.into(), used.at.into()],
        ),
        passkeys::Event::Removed(removed) => {
            tx.queue("delete from passkey where passkey_id = $1", &[(&removed.passkey_id).into()])?;
            forget_the_last(tx, id.into())
        }
    }
}

fn apply_user(tx: &mut Tx<'_>, _: &Fact, user_id: UserId, event: &user::Event) -> Result<(), store::Error> {
    if let user::Event::Erased = event {
        tx.queue("delete from passkey where user_id = $1", &[(&user_id).into()])?;
        tx.queue("delete from second_factor where user_id = $1", &[(&user_id).into()])?;
    }
    Ok(())
}

fn apply_totp(tx: &mut Tx<'_>, _: &Fact, id: TotpId, event: &totp::Event) -> Result<(), store::Error> {
    let user_id = UserId::from(id);
    match event {
        totp::Event::Confirmed(confirmed) => tx.queue(
            "insert into second_factor (user_id, since, by_codes) values ($1, $2, $3)
             on conflict (user_id) do update set by_codes = excluded.by_codes",
            &[(&user_id).into(), confirmed.at.into(), true.into()],
        ),
        totp::Event::Removed(_) => {
            let sql = "update second_factor set by_codes = $2 where user_id = $1";
            tx.queue(sql, &[(&user_id).into(), false.into()])?;
            forget_the_last(tx, user_id)
        }
        totp::Event::Begun(_)
        | totp::Event::CodeUsed(_)
        | totp::Event::RecoveryCodeUsed(_)
        | totp::Event::RecoveryCodesMade(_) => Ok(()),
    }
}

/// After a factor went: whether there is one still.
fn forget_the_last(tx: &mut Tx<'_>, user_id: UserId) -> Result<(), store::Error> {
    let sql = "delete from second_factor where user_id = $1 and not by_codes
               and not exists (select 1 from passkey where passkey.user_id = $1)";
    tx.queue(sql, &[(&user_id).into()])
}

macro_rules! passkey_columns {
    () => {
        "passkey_id, name, credential, counter, backed_up, created_at, last_used_at"
    };
}
/// What [`passkey`] reads.
const PASSKEY: Columns = Columns::of(passkey_columns!());

/// What of an account makes up for a second factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Factors {
    /// Since when it has had one, be it a passkey or the codes of a device, without a break.
    pub since: Option<Timestamp>,
    pub has_passkey: bool,
}

/// What there is of an account.
pub async fn factors(db: &Database, user_id: UserId) -> Result<Factors, store::Error> {
    let sql = "select (select since from second_factor where user_id = $1), (select count(*) from passkey where user_id = $1)";
    let factors = |row: &Row<'_>| Ok(Factors { since: row.maybe_timestamp(0)?, has_passkey: row.int(1)? > 0 });
    Ok(db.row(sql, &[(&user_id).into()], factors).await?.unwrap_or_default())
}

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
