//! The history of sign-ins: those that succeeded one by one, those that failed by the minute.

use super::sessions::{proofs_text, read_proofs};
use crate::ProjectionId;
use crate::engine::definition::Definition;
use crate::engine::fold::Fold;
use crate::engine::table::{Key, Table};
use domain::session::Proof;
use domain::{SessionId, Timestamp, UserId, device, session, user};
use store::Fact;
use store::sql::{Columns, Database, Row, Tx};

pub(crate) const DEFINITION: Definition = Definition {
    id: ProjectionId::SignIns,
    name: "sign-ins",
    version: 3,
    tables: TABLES,
    indexes: INDEXES,
    compared: COMPARED,
    guards: false,
    folds: &[Fold::User(apply_user), Fold::Session(apply_session)],
};

const TABLES: &str = "
    create table sign_in (
        position bigint primary key,
        user_id bytea not null,
        at bigint not null,
        succeeded boolean not null,
        count bigint not null,
        device text,
        address text,
        session_id bytea,
        minute bigint,
        family text,
        proofs text
    );
    create unique index if not exists sign_in_by_minute on sign_in (user_id, minute);
";

const INDEXES: &str = "
    create index if not exists sign_in_by_user on sign_in (user_id, position);
    create index if not exists sign_in_by_family on sign_in (user_id, family);
";

const COMPARED: &[Table] = &[Table {
    name: "sign_in",
    key: &[Key::Number("position")],
    columns: &["user_id", "at", "succeeded", "count", "device", "address", "session_id", "minute", "family", "proofs"],
}];

/// A sign-in, or a minute of failed ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Where it stands in the log; the cursor of [`of_user`].
    pub position: u64,
    /// When; of failed ones the start of the minute.
    pub at: Timestamp,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// How many failed in the minute; 1 for one that succeeded.
    pub count: u32,
    /// The program of the last one; none when it was erased.
    pub device: Option<String>,
    /// Where the last one came from; none when it was erased.
    pub address: Option<String>,
    /// The session that was opened.
    pub session_id: Option<SessionId>,
    /// What that session stands on, the first one first; empty where signing in failed.
    pub proofs: Vec<Proof>,
}

fn apply_session(
    tx: &mut Tx<'_>,
    fact: &Fact,
    session_id: SessionId,
    event: &session::Event,
) -> Result<(), store::Error> {
    match event {
        session::Event::SignedIn(signed_in) => succeeded(tx, fact.position, session_id, signed_in),
        session::Event::Ended(_) => Ok(()),
    }
}

fn apply_user(tx: &mut Tx<'_>, fact: &Fact, user_id: UserId, event: &user::Event) -> Result<(), store::Error> {
    match event {
        user::Event::SignInsFailed(failures) => failed(tx, fact.position, user_id, failures),
        user::Event::Erased => tx.queue("delete from sign_in where user_id = $1", &[(&user_id).into()]),
        user::Event::SignedUp(_)
        | user::Event::NameGiven
        | user::Event::NameChosen(_)
        | user::Event::ProfileChanged(_)
        | user::Event::EmailChangeRequested(_)
        | user::Event::EmailConfirmed(_)
        | user::Event::PasswordChanged(_)
        | user::Event::VerifierReplaced(_)
        | user::Event::SessionsEnded(_)
        | user::Event::TokensRevoked
        | user::Event::RoleSet(_)
        | user::Event::Suspended(_)
        | user::Event::Unsuspended(_) => Ok(()),
    }
}

fn succeeded(
    tx: &mut Tx<'_>,
    position: u64,
    session_id: SessionId,
    signed_in: &session::SignedIn,
) -> Result<(), store::Error> {
    let from = signed_in.from.known();
    tx.queue(
        "insert into sign_in (position, user_id, at, succeeded, count, device, address, session_id, minute, family, proofs)
         values ($1, $2, $3, $4, 1, $5, $6, $7, null, $8, $9)",
        &[
            position.into(),
            (&signed_in.user_id).into(),
            signed_in.at.into(),
            true.into(),
            from.map(|from| from.device.as_str()).into(),
            from.map(|from| from.address.as_str()).into(),
            (&session_id).into(),
            from.map(|from| device::family(&from.device)).as_deref().into(),
            proofs_text(&signed_in.stands_on()).as_str().into(),
        ],
    )
}

/// A minute keeps the place of its first fact, so that the history does not move under who pages through it.
fn failed(tx: &mut Tx<'_>, position: u64, user_id: UserId, failures: &user::SignInsFailed) -> Result<(), store::Error> {
    let from = failures.from.known();
    tx.queue(
        "insert into sign_in (position, user_id, at, succeeded, count, device, address, session_id, minute)
         values ($1, $2, $3, $4, $5, $6, $7, null, $3)
         on conflict (user_id, minute) do update set
             count = excluded.count, device = excluded.device, address = excluded.address",
        &[
            position.into(),
            (&user_id).into(),
            failures.minute.into(),
            false.into(),
            failures.count.into(),
            from.map(|from| from.device.as_str()).into(),
            from.map(|from| from.address.as_str()).into(),
        ],
    )
}

macro_rules! sign_in_columns {
    () => {
        "position, at, succeeded, count, device, address, session_id, proofs"
    };
}
/// What [`sign_in`] reads.
const SIGN_IN: Columns = Columns::of(sign_in_columns!());

/// A user's sign-ins before the position `before`, the newest first.
pub async fn of_user(
    db: &Database,
    user_id: UserId,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<SignIn>, store::Error> {
    db.rows(
        concat!(
            "select ",
            sign_in_columns!(),
            " from sign_in where user_id = $1 and position < $2 order by position desc limit $3"
        ),
        &[(&user_id).into(), before.unwrap_or(u64::MAX).into(), limit.into()],
        sign_in,
    )
    .await
}

/// Whether a user has signed in before, and never by a program of that family ([`domain::device::family`]).
pub async fn is_new(db: &Database, user_id: UserId, family: &str) -> Result<bool, store::Error> {
    let by = "select count(*) from (select 1 from sign_in where user_id = $1 and family = $2 limit 1) by_family";
    let any = "select count(*) from (select 1 from sign_in where user_id = $1 and family is not null limit 1) by_any";
    let count = |row: &Row<'_>| row.int(0);
    if db.row(by, &[(&user_id).into(), family.into()], count).await? > Some(0) {
        return Ok(false);
    }
    Ok(db.row(any, &[(&user_id).into()], count).await? > Some(0))
}

fn sign_in(row: &Row<'_>) -> Result<SignIn, store::Error> {
    Ok(SignIn {
        position: row.int(const { SIGN_IN.at("position") })?.cast_unsigned(),
        at: row.timestamp(const { SIGN_IN.at("at") })?,
        succeeded: row.bool(const { SIGN_IN.at("succeeded") })?,
        count: u32::try_from(row.int(const { SIGN_IN.at("count") })?).unwrap_or(u32::MAX),
        device: row.maybe_text(const { SIGN_IN.at("device") })?.map(str::to_owned),
        address: row.maybe_text(const { SIGN_IN.at("address") })?.map(str::to_owned),
        session_id: row.maybe_uuid(const { SIGN_IN.at("session_id") })?.map(SessionId),
        proofs: row.maybe_text(const { SIGN_IN.at("proofs") })?.map(read_proofs).unwrap_or_default(),
    })
}
