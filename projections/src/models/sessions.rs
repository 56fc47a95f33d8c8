//! Sessions that go on: a row for each that was opened and not ended. Expiry is computed on reading.

use crate::ProjectionId;
use crate::engine::definition::Definition;
use crate::engine::fold::Fold;
use crate::engine::table::{Key, Table};
use domain::session::{self, Proof, TokenHash};
use domain::{Event, SessionId, Timestamp, UserId, user};
use store::Fact;
use store::sql::{Columns, Database, Row, Tx};
use uuid::Uuid;

pub(crate) const DEFINITION: Definition = Definition {
    id: ProjectionId::Sessions,
    name: "sessions",
    version: 2,
    tables: TABLES,
    indexes: INDEXES,
    compared: COMPARED,
    guards: true,
    folds: &[Fold::User(apply_user), Fold::Session(apply_session)],
};

const TABLES: &str = "
    create table session (
        session_id bytea primary key,
        token_hash bytea not null,
        user_id bytea not null,
        device text,
        address text,
        created_at bigint not null,
        expires_at bigint not null,
        proofs text not null,
        proved_at bigint not null
    );
    create index if not exists session_by_user on session (user_id, created_at);
";

const INDEXES: &str = "
    create unique index if not exists session_by_token on session (token_hash);
";

const COMPARED: &[Table] = &[Table {
    name: "session",
    key: &[Key::Id("session_id")],
    columns: &["token_hash", "user_id", "device", "address", "created_at", "expires_at", "proofs", "proved_at"],
}];

/// Sessions of one user in a page.
pub const LISTED_MAX: usize = 1_000;

/// A session that was not ended; whether it has expired is for the reader to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub session_id: SessionId,
    pub user_id: UserId,
    /// The program that signed in; none when it was erased.
    pub device: Option<String>,
    /// Where from; none when it was erased.
    pub address: Option<String>,
    pub created_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// What it stands on, the first one first.
    pub proofs: Vec<Proof>,
    /// When the newest of them was shown.
    pub proved_at: Timestamp,
}

/// What a request must know of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    pub session_id: SessionId,
    pub user_id: UserId,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// When its user last showed who they are.
    pub proved_at: Timestamp,
    /// Whether it stands on two factors: a passkey, or a second proof beside the first.
    pub on_two: bool,
}

impl Session {
    /// What a request must know of it.
    pub fn open(&self) -> Open {
        let Session { session_id, user_id, created_at, expires_at, proved_at, .. } = *self;
        let on_two = self.proofs.len() > 1 || self.proofs.iter().any(|proof| proof.by.stands_for_two());
        Open { session_id, user_id, created_at, expires_at, proved_at, on_two }
    }
}

/// Whose sessions a fact ends, be it one or all of them.
pub(crate) fn ends(fact: &Fact) -> Option<UserId> {
    if let Event::Session(_, event) = &fact.event {
        match event {
            session::Event::Ended(ended) => Some(ended.user_id),
            session::Event::SignedIn(_) => None,
        }
    } else if let Event::User(user_id, event) = &fact.event {
        ends_all(event).then_some(*user_id)
    } else {
        None
    }
}

fn ends_all(event: &user::Event) -> bool {
    match event {
        user::Event::SessionsEnded(_) | user::Event::Erased => true,
        user::Event::SignedUp(_)
        | user::Event::NameGiven
        | user::Event::NameChosen(_)
        | user::Event::ProfileChanged(_)
        | user::Event::EmailChangeRequested(_)
        | user::Event::EmailConfirmed(_)
        | user::Event::PasswordChanged(_)
        | user::Event::VerifierReplaced(_)
        | user::Event::SignInsFailed(_)
        | user::Event::TokensRevoked
        | user::Event::RoleSet(_)
        | user::Event::Suspended(_)
        | user::Event::Unsuspended(_) => false,
    }
}

fn apply_session(tx: &mut Tx<'_>, _: &Fact, session_id: SessionId, event: &session::Event) -> Result<(), store::Error> {
    match event {
        session::Event::SignedIn(signed_in) => insert(tx, session_id, signed_in),
        session::Event::Ended(_) => tx.queue("delete from session where session_id = $1", &[(&session_id).into()]),
    }
}

fn apply_user(tx: &mut Tx<'_>, _: &Fact, user_id: UserId, event: &user::Event) -> Result<(), store::Error> {
    match event {
        user::Event::SessionsEnded(ended) => end_all(tx, user_id, ended.keep),
        user::Event::Erased => end_all(tx, user_id, None),
        user::Event::SignedUp(_)
        | user::Event::NameGiven
        | user::Event::NameChosen(_)
        | user::Event::ProfileChanged(_)
        | user::Event::EmailChangeRequested(_)
        | user::Event::EmailConfirmed(_)
        | user::Event::PasswordChanged(_)
        | user::Event::VerifierReplaced(_)
        | user::Event::SignInsFailed(_)
        | user::Event::TokensRevoked
        | user::Event::RoleSet(_)
        | user::Event::Suspended(_)
        | user::Event::Unsuspended(_) => Ok(()),
    }
}

fn insert(tx: &mut Tx<'_>, session_id: SessionId, signed_in: &session::SignedIn) -> Result<(), store::Error> {
    let from = signed_in.from.known();
    let proofs = signed_in.stands_on();
    let proved_at = proofs.iter().map(|proof| proof.at).max().unwrap_or(signed_in.at);
    tx.queue(
        "insert into session
             (session_id, token_hash, user_id, device, address, created_at, expires_at, proofs, proved_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            (&session_id).into(),
            (&signed_in.token_hash.0).into(),
            (&signed_in.user_id).into(),
            from.map(|from| from.device.as_str()).into(),
            from.map(|from| from.address.as_str()).into(),
            signed_in.at.into(),
            signed_in.expires_at.into(),
            proofs_text(&proofs).as_str().into(),
            proved_at.into(),
        ],
    )
}

/// What a session stands on, as a column holds it.
pub(super) fn proofs_text(proofs: &[Proof]) -> String {
    serde_json::to_string(proofs).expect("names and instants always serialise")
}

/// What a column holds of what a session stands on: nothing but what [`proofs_text`] has written.
pub(super) fn read_proofs(text: &str) -> Vec<Proof> {
    serde_json::from_str(text).unwrap_or_default()
}

fn end_all(tx: &mut Tx<'_>, user_id: UserId, keep: Option<SessionId>) -> Result<(), store::Error> {
    match keep {
        Some(keep) => tx.queue(
            "delete from session where user_id = $1 and session_id <> $2",
            &[(&user_id).into(), (&keep).into()],
        )?,
        None => tx.queue("delete from session where user_id = $1", &[(&user_id).into()])?,
    };
    Ok(())
}

macro_rules! session_columns {
    () => {
        "session_id, user_id, device, address, created_at, expires_at, proofs, proved_at"
    };
}
macro_rules! sessions {
    ($which:literal) => {
        concat!("select ", session_columns!(), " from session ", $which)
    };
}
/// What [`session()`] reads.
const SESSION: Columns = Columns::of(session_columns!());

/// The session of the token with that hash.
pub async fn by_token(db: &Database, token_hash: &TokenHash) -> Result<Option<Session>, store::Error> {
    db.row(sessions!("where token_hash = $1"), &[(&token_hash.0).into()], session).await
}

/// The session of that id.
pub async fn by_id(db: &Database, session_id: SessionId) -> Result<Option<Session>, store::Error> {
    db.row(sessions!("where session_id = $1"), &[(&session_id).into()], session).await
}

/// Where a list of sessions goes on: behind the one that was opened then and has that id.
pub type Before = (Timestamp, SessionId);

/// How many go on at that instant; those that were not used for too long are among them.
pub async fn count(db: &Database, at: Timestamp) -> Result<u64, store::Error> {
    let sql = "select count(*) from session where expires_at > $1";
    Ok(db.row(sql, &[at.into()], |row| row.int(0)).await?.map_or(0, i64::cast_unsigned))
}

/// The sessions of a user that are not past their last day at a time, the newest first, a page of at most [`LISTED_MAX`].
/// Which of them have rested for too long only their last use tells: a caller that leaves those out asks for the next page.
pub async fn of_user(
    db: &Database,
    user_id: UserId,
    at: Timestamp,
    before: Option<Before>,
) -> Result<Vec<Session>, store::Error> {
    let (opened, session_id) = before.unwrap_or((Timestamp(i64::MAX), SessionId(Uuid::max())));
    db.rows(
        sessions!(
            "where user_id = $1 and expires_at > $2 and (created_at, session_id) < ($3, $4)
             order by created_at desc, session_id desc limit $5"
        ),
        &[(&user_id).into(), at.into(), opened.into(), (&session_id).into(), (LISTED_MAX as i64).into()],
        session,
    )
    .await
}

fn session(row: &Row<'_>) -> Result<Session, store::Error> {
    Ok(Session {
        session_id: SessionId(row.uuid(const { SESSION.at("session_id") })?),
        user_id: UserId(row.uuid(const { SESSION.at("user_id") })?),
        device: row.maybe_text(const { SESSION.at("device") })?.map(str::to_owned),
        address: row.maybe_text(const { SESSION.at("address") })?.map(str::to_owned),
        created_at: row.timestamp(const { SESSION.at("created_at") })?,
        expires_at: row.timestamp(const { SESSION.at("expires_at") })?,
        proofs: read_proofs(row.text(const { SESSION.at("proofs") })?),
        proved_at: row.timestamp(const { SESSION.at("proved_at") })?,
    })
}
