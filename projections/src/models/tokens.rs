//! Service tokens that were not revoked. Expiry is computed on reading.

use crate::ProjectionId;
use crate::engine::definition::Definition;
use crate::engine::fold::Fold;
use crate::engine::table::{Key, Table};
use domain::session::TokenHash;
use domain::token::{self, Scopes};
use domain::{Event, Timestamp, TokenId, UserId, user};
use store::Fact;
use store::sql::{Columns, Database, Row, Tx};

pub(crate) const DEFINITION: Definition = Definition {
    id: ProjectionId::Tokens,
    name: "tokens",
    version: 2,
    tables: TABLES,
    indexes: INDEXES,
    compared: COMPARED,
    guards: true,
    folds: &[Fold::User(apply_user), Fold::Token(apply_token)],
};

const TABLES: &str = "
    create table token (
        token_id bytea primary key,
        token_hash bytea not null,
        user_id bytea not null,
        name text,
        scopes text not null,
        created_at bigint not null,
        expires_at bigint not null
    );
    create index if not exists token_by_user on token (user_id, expires_at);
    create table suspension (
        user_id bytea primary key,
        ends_at bigint not null
    ) without rowid;
";

const INDEXES: &str = "
    create unique index if not exists token_by_hash on token (token_hash);
";

const COMPARED: &[Table] = &[
    Table {
        name: "token",
        key: &[Key::Id("token_id")],
        columns: &["token_hash", "user_id", "name", "scopes", "created_at", "expires_at"],
    },
    Table { name: "suspension", key: &[Key::Id("user_id")], columns: &["ends_at"] },
];

/// Most tokens of one user that are listed: more than they may have at once.
const LISTED_MAX: i64 = 1_000;
/// Expired tokens are kept for so long, so that who calls with one is told why it is refused; they go when their
/// user creates another.
const KEPT_SECONDS: i64 = 30 * 24 * 3600;
/// Stands for no end.
const NEVER: Timestamp = Timestamp(i64::MAX);

/// A service token that was not revoked; whether it has expired is for the reader to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub token_id: TokenId,
    pub user_id: UserId,
    /// What its user calls it; none when it was erased.
    pub name: Option<String>,
    /// What it may do.
    pub scopes: Scopes,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ends; none when it does not by itself.
    pub expires_at: Option<Timestamp>,
    /// Whether its account was suspended; that may have ended since.
    pub suspended: Option<Suspended>,
}

/// An account was suspended, and may be still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspended {
    /// When that ends by itself; none where somebody has to lift it.
    pub until: Option<Timestamp>,
}

/// What a request must know of its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    pub token_id: TokenId,
    pub user_id: UserId,
    /// What it may do.
    pub scopes: Scopes,
    /// When it ends; none when it does not by itself.
    pub expires_at: Option<Timestamp>,
    /// Whether its account was suspended; that may have ended since.
    pub suspended: Option<Suspended>,
}

impl Token {
    /// What a request must know of it.
    pub fn live(self) -> Live {
        let Token { token_id, user_id, scopes, expires_at, suspended, .. } = self;
        Live { token_id, user_id, scopes, expires_at, suspended }
    }
}

/// Whose tokens a fact ends, be it one or all of them.
pub(crate) fn ends(fact: &Fact) -> Option<UserId> {
    if let Event::Token(_, event) = &fact.event {
        match event {
            token::Event::Revoked(revoked) => Some(revoked.user_id),
            token::Event::Created(_) => None,
        }
    } else if let Event::User(user_id, event) = &fact.event {
        // What is kept of one says until when it does not work.
        let bars = matches!(event, user::Event::Suspended(_) | user::Event::Unsuspended(_));
        (bars || ends_all(event)).then_some(*user_id)
    } else {
        None
    }
}

fn ends_all(event: &user::Event) -> bool {
    match event {
        user::Event::TokensRevoked | user::Event::Erased => true,
        user::Event::SignedUp(_)
        | user::Event::NameGiven
        | user::Event::NameChosen(_)
        | user::Event::ProfileChanged(_)
        | user::Event::EmailChangeRequested(_)
        | user::Event::EmailConfirmed(_)
        | user::Event::PasswordChanged(_)
        | user::Event::VerifierReplaced(_)
        | user::Event::SignInsFailed(_)
        | user::Event::SessionsEnded(_)
        | user::Event::RoleSet(_)
        | user::Event::Suspended(_)
        | user::Event::Unsuspended(_) => false,
    }
}

fn apply_token(tx: &mut Tx<'_>, _: &Fact, token_id: TokenId, event: &token::Event) -> Result<(), store::Error> {
    match event {
        token::Event::Created(created) => insert(tx, token_id, created),
        token::Event::Revoked(_) => tx.queue("delete from token where token_id = $1", &[(&token_id).into()]),
    }
}

fn apply_user(tx: &mut Tx<'_>, _: &Fact, user_id: UserId, event: &user::Event) -> Result<(), store::Error> {
    if ends_all(event) {
        tx.queue("delete from token where user_id = $1", &[(&user_id).into()])?;
    }
    if let user::Event::Suspended(suspended) = event {
        return tx.queue(
            "insert into suspension (user_id, ends_at) values ($1, $2)
             on conflict (user_id) do update set ends_at = excluded.ends_at",
            &[(&user_id).into(), suspended.until.unwrap_or(NEVER).into()],
        );
    }
    if let user::Event::Unsuspended(_) | user::Event::Erased = event {
        tx.queue("delete from suspension where user_id = $1", &[(&user_id).into()])?;
    }
    Ok(())
}

fn insert(tx: &mut Tx<'_>, token_id: TokenId, created: &token::Created) -> Result<(), store::Error> {
    tx.queue(
        "delete from token where user_id = $1 and expires_at < $2",
        &[(&created.user_id).into(), created.at.plus_seconds(-KEPT_SECONDS).into()],
    )?;
    let scopes = created.scopes.iter().map(token::Scope::name).collect::<Vec<_>>().join(" ");
    tx.queue(
        "insert into token (token_id, token_hash, user_id, name, scopes, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        &[
            (&token_id).into(),
            (&created.token_hash.0).into(),
            (&created.user_id).into(),
            created.name.known().map(|name| name.as_str()).into(),
            scopes.as_str().into(),
            created.at.into(),
            created.expires_at.unwrap_or(NEVER).into(),
        ],
    )
}

macro_rules! token_columns {
    () => {
        "t.token_id, t.user_id, t.name, t.scopes, t.created_at, t.expires_at, s.ends_at"
    };
}
macro_rules! tokens {
    ($which:literal) => {
        concat!("select ", token_columns!(), " from token t left join suspension s on s.user_id = t.user_id ", $which)
    };
}
/// What [`token()`] reads.
const TOKEN: Columns = Columns::of(token_columns!());

/// The token with that hash.
pub async fn by_hash(db: &Database, token_hash: &TokenHash) -> Result<Option<Token>, store::Error> {
    db.row(tokens!("where t.token_hash = $1"), &[(&token_hash.0).into()], token).await
}

/// A user's tokens that have not expired at that instant, the newest first, at most a thousand.
pub async fn of_user(db: &Database, user_id: UserId, at: Timestamp) -> Result<Vec<Token>, store::Error> {
    db.rows(
        tokens!("where t.user_id = $1 and t.expires_at > $2 order by t.created_at desc, t.token_id desc limit $3"),
        &[(&user_id).into(), at.into(), LISTED_MAX.into()],
        token,
    )
    .await
}

/// How many tokens of a user have not expired at that instant.
pub async fn count(db: &Database, user_id: UserId, at: Timestamp) -> Result<u64, store::Error> {
    let sql = "select count(*) from token where user_id = $1 and expires_at > $2";
    let row = db.row(sql, &[(&user_id).into(), at.into()], |row| row.int(0)).await?;
    Ok(row.map_or(0, i64::cast_unsigned))
}

fn token(row: &Row<'_>) -> Result<Token, store::Error> {
    let scopes = Scopes::parse(row.text(const { TOKEN.at("scopes") })?.split(' '));
    let expires_at = row.timestamp(const { TOKEN.at("expires_at") })?;
    Ok(Token {
        token_id: TokenId(row.uuid(const { TOKEN.at("token_id") })?),
        user_id: UserId(row.uuid(const { TOKEN.at("user_id") })?),
        name: row.maybe_text(const { TOKEN.at("name") })?.map(str::to_owned),
        scopes: scopes
            .map_err(|_| store::Error::Column { index: const { TOKEN.at("scopes") }, expected: "names of scopes" })?,
        created_at: row.timestamp(const { TOKEN.at("created_at") })?,
        expires_at: (expires_at < NEVER).then_some(expires_at),
        suspended: row
            .maybe_timestamp(const { TOKEN.at("ends_at") })?
            .map(|ends_at| Suspended { until: (ends_at < NEVER).then_some(ends_at) }),
    })
}
