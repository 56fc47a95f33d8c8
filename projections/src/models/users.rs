//! Accounts: who somebody is, and what their password is checked against.

use crate::ProjectionId;
use crate::engine::definition::Definition;
use crate::engine::fold::Fold;
use crate::engine::table::{Key, Table, behind_prefix};
use domain::{Personal, Timestamp, UserId, user};
use store::Fact;
use store::sql::{Columns, Database, Row, Tx};

pub(crate) const DEFINITION: Definition = Definition {
    id: ProjectionId::Users,
    name: "users",
    version: 3,
    tables: TABLES,
    indexes: INDEXES,
    compared: COMPARED,
    guards: false,
    folds: &[Fold::User(apply_user)],
};

const TABLES: &str = "
    create table account (
        user_id bytea primary key,
        name_key text not null,
        user_name text not null,
        display_name text not null,
        email text,
        email_confirmed boolean not null,
        email_key text,
        given_key text,
        given_at bigint,
        time_zone text not null,
        locale text not null,
        role text not null,
        created_at bigint not null,
        verifier text,
        passwords bigint not null,
        version bigint not null
    );
";

const INDEXES: &str = "
    create unique index if not exists account_by_name on account (name_key);
    create index if not exists account_by_email on account (email_key);
    create index if not exists account_by_given on account (given_key);
";

const COMPARED: &[Table] = &[Table {
    name: "account",
    key: &[Key::Id("user_id")],
    columns: &[
        "name_key",
        "user_name",
        "display_name",
        "email",
        "email_confirmed",
        "email_key",
        "given_key",
        "given_at",
        "time_zone",
        "locale",
        "role",
        "created_at",
        "verifier",
        "passwords",
        "version",
    ],
}];

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub user_id: UserId,
    /// Its name as it is compared and sorted; the cursor of [`list`].
    pub name_key: String,
    /// Its name.
    pub user_name: String,
    /// How the user wants to be called.
    pub display_name: String,
    /// Their confirmed address, or the one that they gave last.
    pub email: Option<String>,
    /// Whether it is shown to be theirs.
    pub email_confirmed: bool,
    /// Where they live.
    pub time_zone: String,
    /// What they read.
    pub locale: String,
    /// What they may do.
    pub role: user::Role,
    /// When they signed up.
    pub created_at: Timestamp,
    /// The version of their stream at the last fact that is shown ([`domain::Event::is_shown`]).
    pub version: u64,
}

/// What a password is checked against.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub user_id: UserId,
    /// A PHC string; none before the first password.
    pub verifier: Option<String>,
    /// How many passwords there were: the version of the verifier.
    pub passwords: u32,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Credentials({}, password {})", self.user_id, self.passwords)
    }
}

fn apply_user(tx: &mut Tx<'_>, fact: &Fact, user_id: UserId, event: &user::Event) -> Result<(), store::Error> {
    let version = fact.version;
    match event {
        user::Event::SignedUp(signed_up) => return insert(tx, user_id, signed_up, version),
        user::Event::Erased => {
            tx.queue("delete from account where user_id = $1", &[(&user_id).into()])?;
            return Ok(());
        }
        user::Event::NameChosen(chosen) => tx.queue(
            "update account set name_key = coalesce($2, name_key), user_name = coalesce($3, user_name), version = $4
             where user_id = $1",
            &[
                (&user_id).into(),
                chosen.user_name.known().map(|name| name.canonical()).as_deref().into(),
                chosen.user_name.known().map(|name| name.as_str()).into(),
                version.into(),
            ],
        )?,
        user::Event::EmailChangeRequested(requested) => give(tx, user_id, requested, version)?,
        user::Event::EmailConfirmed(confirmed) => tx.queue(
            "update account set email = $2, email_confirmed = true, email_key = $3, given_key = null,
                 given_at = null, version = $4
             where user_id = $1",
            &[
                (&user_id).into(),
                confirmed.personal.known().map(|known| known.email.as_str()).into(),
                confirmed.personal.known().map(|known| known.email.canonical()).as_deref().into(),
                version.into(),
            ],
        )?,
        user::Event::ProfileChanged(changed) => tx.queue(
            "update account set display_name = coalesce($2, display_name), time_zone = $3, locale = $4, version = $5
             where user_id = $1",
            &[
                (&user_id).into(),
                changed.display_name.known().map(|name| name.as_str()).into(),
                changed.time_zone.as_str().into(),
                changed.locale.as_str().into(),
                version.into(),
            ],
        )?,
        // A superseded verifier reads as erased; the password still counts, and the next fact brings the next one.
        user::Event::PasswordChanged(changed) => tx.queue(
            "update account set verifier = $2, passwords = passwords + 1 where user_id = $1",
            &[(&user_id).into(), changed.verifier.known().map(|verifier| verifier.0.as_str()).into()],
        )?,
        user::Event::VerifierReplaced(replaced) => tx.queue(
            "update account set verifier = $2 where user_id = $1",
            &[(&user_id).into(), replaced.verifier.known().map(|verifier| verifier.0.as_str()).into()],
        )?,
        user::Event::RoleSet(set) => tx.queue(
            "update account set role = $2, version = $3 where user_id = $1",
            &[(&user_id).into(), set.role.name().into(), version.into()],
        )?,
        user::Event::NameGiven
        | user::Event::SignInsFailed(_)
        | user::Event::SessionsEnded(_)
        | user::Event::Suspended(_)
        | user::Event::Unsuspended(_)
        | user::Event::TokensRevoked => {}
    };
    Ok(())
}

/// The confirmed address is shown until the other one is confirmed too.
fn give(
    tx: &mut Tx<'_>,
    user_id: UserId,
    requested: &user::EmailChangeRequested,
    version: u64,
) -> Result<(), store::Error> {
    let email = requested.email.known();
    tx.queue(
        "update account set email = case when email_confirmed then email else $2 end, given_key = $3, given_at = $4, version = $5
         where user_id = $1",
        &[
            (&user_id).into(),
            email.map(|email| email.as_str()).into(),
            email.map(|email| email.canonical()).as_deref().into(),
            requested.at.into(),
            version.into(),
        ],
    )
}

fn insert(tx: &mut Tx<'_>, user_id: UserId, signed_up: &user::SignedUp, version: u64) -> Result<(), store::Error> {
    // A person whose names are erased is erased further on in the log.
    let Personal::Known(names) = &signed_up.personal else {
        return Ok(());
    };
    let user_name = names.user_name.as_str();
    tx.queue(
        "insert into account (user_id, name_key, user_name, display_name, email, email_confirmed, email_key, time_zone, locale,
             role, created_at, verifier, passwords, version)
         values ($1, $2, $3, $3, $4, false, null, $5, $6, $7, $8, null, 0, $9)",
        &[
            (&user_id).into(),
            names.user_name.canonical().as_str().into(),
            user_name.into(),
            names.email.as_ref().map(|email| email.as_str()).into(),
            domain::text::TimeZone::default().as_str().into(),
            domain::text::Locale::default().as_str().into(),
            user::Role::default().name().into(),
            signed_up.at.into(),
            version.into(),
        ],
    )
}

macro_rules! account_columns {
    () => {
        "user_id, name_key, user_name, display_name, email, email_confirmed, time_zone, locale, role, created_at, version"
    };
}
macro_rules! accounts {
    ($which:literal) => {
        concat!("select ", account_columns!(), " from account ", $which)
    };
}
/// What [`account`] reads.
const ACCOUNT: Columns = Columns::of(account_columns!());

/// The account of that id.
pub async fn by_id(db: &Database, user_id: UserId) -> Result<Option<Account>, store::Error> {
    db.row(accounts!("where user_id = $1"), &[(&user_id).into()], account).await
}

/// The account of that name, in its canonical form.
pub async fn by_name(db: &Database, canonical: &str) -> Result<Option<Account>, store::Error> {
    db.row(accounts!("where name_key = $1"), &[canonical.into()], account).await
}

macro_rules! credentials_columns {
    () => {
        "user_id, verifier, passwords"
    };
}
macro_rules! verifiers {
    ($which:literal) => {
        concat!("select ", credentials_columns!(), " from account ", $which)
    };
}
/// What [`credentials_of`] reads.
const CREDENTIALS: Columns = Columns::of(credentials_columns!());

/// What the password of the account of that name is checked against.
pub async fn credentials(db: &Database, canonical: &str) -> Result<Option<Credentials>, store::Error> {
    db.row(verifiers!("where name_key = $1"), &[canonical.into()], credentials_of).await
}

/// What the password of the account is checked against that has confirmed that address, in its canonical form.
pub async fn credentials_by_email(db: &Database, canonical: &str) -> Result<Option<Credentials>, store::Error> {
    db.row(verifiers!("where email_key = $1"), &[canonical.into()], credentials_of).await
}

/// What the password of the account of that id is checked against.
pub async fn credentials_by_id(db: &Database, user_id: UserId) -> Result<Option<Credentials>, store::Error> {
    db.row(verifiers!("where user_id = $1"), &[(&user_id).into()], credentials_of).await
}

/// Whether an account was given that address, in its canonical form, since then, and has not confirmed it.
pub async fn is_given(db: &Database, canonical: &str, since: Timestamp) -> Result<bool, store::Error> {
    let sql = "select 1 from account where given_key = $1 and given_at > $2 limit 1";
    Ok(db.row(sql, &[canonical.into(), since.into()], |row| row.int(0)).await?.is_some())
}

/// Accounts whose canonical name begins with `name_prefix` (all for an empty one), by name, behind the name `after`.
pub async fn list(
    db: &Database,
    name_prefix: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Account>, store::Error> {
    db.rows(
        accounts!("where name_key >= $1 and name_key < $2 and name_key > $3 order by name_key limit $4"),
        &[
            name_prefix.into(),
            behind_prefix(name_prefix).as_str().into(),
            after.unwrap_or_default().into(),
            limit.into(),
        ],
        account,
    )
    .await
}

fn account(row: &Row<'_>) -> Result<Account, store::Error> {
    Ok(Account {
        user_id: UserId(row.uuid(const { ACCOUNT.at("user_id") })?),
        name_key: row.text(const { ACCOUNT.at("name_key") })?.to_owned(),
        user_name: row.text(const { ACCOUNT.at("user_name") })?.to_owned(),
        display_name: row.text(const { ACCOUNT.at("display_name") })?.to_owned(),
        email: row.maybe_text(const { ACCOUNT.at("email") })?.map(str::to_owned),
        email_confirmed: row.bool(const { ACCOUNT.at("email_confirmed") })?,
        time_zone: row.text(const { ACCOUNT.at("time_zone") })?.to_owned(),
        locale: row.text(const { ACCOUNT.at("locale") })?.to_owned(),
        // A role that this version does not know allows nothing.
        role: user::Role::parse(row.text(const { ACCOUNT.at("role") })?).unwrap_or_default(),
        created_at: row.timestamp(const { ACCOUNT.at("created_at") })?,
        version: row.int(const { ACCOUNT.at("version") })?.cast_unsigned(),
    })
}

fn credentials_of(row: &Row<'_>) -> Result<Credentials, store::Error> {
    Ok(Credentials {
        user_id: UserId(row.uuid(const { CREDENTIALS.at("user_id") })?),
        verifier: row.maybe_text(const { CREDENTIALS.at("verifier") })?.map(str::to_owned),
        passwords: u32::try_from(row.int(const { CREDENTIALS.at("passwords") })?).unwrap_or(u32::MAX),
    })
}
