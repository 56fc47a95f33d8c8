//! Accounts, for an operator.

use super::{Error, FOLLOW_WAIT};
use crate::{NodeHandle, claims};
use domain::password::Lengths;
use domain::text::{Note, UserName, canonical_name};
use domain::user::{self, Role, Verifier};
use domain::{Command, Timestamp, UserId};
use projections::{ProjectionId, Projections, tokens, users};
use serde::{Deserialize, Serialize};
use store::now;
use store::sql::Database;
use uuid::Uuid;

/// How many accounts are read at once.
const PAGE: u32 = 1_000;

/// An account as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserRow {
    /// Its id.
    pub user_id: UserId,
    /// Its name.
    pub user_name: String,
    /// As the user wants to be called.
    pub display_name: String,
    /// Not confirmed.
    pub email: Option<String>,
    /// An IANA name.
    pub time_zone: String,
    /// A language tag.
    pub locale: String,
    /// What the account may do.
    pub role: Role,
    /// When the user signed up.
    pub created_at: Timestamp,
    /// Of its stream.
    pub version: u64,
}

/// An account with what is counted for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserDetails {
    /// The account.
    #[serde(flatten)]
    pub user: UserRow,
    /// Its service tokens that are valid now.
    pub tokens: u64,
}

/// What was changed about an account; absent fields are not part of that change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserChange {
    /// Its id.
    pub user_id: UserId,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// Its role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The log position of the change.
    pub position: u64,
}

impl UserChange {
    pub(super) fn of(user_id: UserId, position: u64) -> UserChange {
        UserChange { user_id, user_name: None, role: None, position }
    }
}

impl From<users::Account> for UserRow {
    fn from(account: users::Account) -> UserRow {
        UserRow {
            user_id: account.user_id,
            user_name: account.user_name,
            display_name: account.display_name,
            email: account.email,
            time_zone: account.time_zone,
            locale: account.locale,
            role: account.role,
            created_at: account.created_at,
            version: account.version,
        }
    }
}

/// Hands the accounts whose names begin so to `each`, by name, `limit` at most.
///
/// # Errors
/// When the read model cannot be read, and what `each` fails with.
pub async fn list<E: From<Error>>(
    database: &Database,
    prefix: &str,
    limit: Option<u64>,
    mut each: impl FnMut(UserRow) -> Result<(), E>,
) -> Result<(), E> {
    // A prefix is compared in the form that names are compared in; one that has none finds nothing.
    let prefix = canonical_name(prefix).unwrap_or_else(|| prefix.to_owned());
    let mut left = limit.unwrap_or(u64::MAX);
    let mut after = None::<String>;
    while left > 0 {
        let page = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let accounts = users::list(database, &prefix, after.as_deref(), page).await.map_err(Error::from)?;
        left -= accounts.len() as u64;
        let is_last = accounts.len() < page as usize;
        after = accounts.last().map(|account| account.name_key.clone());
        for account in accounts {
            each(account.into())?;
        }
        if is_last {
            break;
        }
    }
    Ok(())
}

/// The account of that name or id, with what is counted for it.
///
/// # Errors
/// When there is none, or the read models cannot be read.
pub async fn details(projections: &Projections, user: &str) -> Result<UserDetails, Error> {
    let account = account(&projections.database(ProjectionId::Users), user).await?;
    let tokens = tokens::count(&projections.database(ProjectionId::Tokens), account.user_id, now()).await?;
    Ok(UserDetails { user: account.into(), tokens })
}

/// The name that an account is to have, if it and the password may be an account's.
///
/// # Errors
/// What is wrong with one of them.
pub fn fit_for_an_account(name: &str, password: &str, lengths: Lengths) -> Result<UserName, Error> {
    let user_name = UserName::parse(name).map_err(|unfit| Error::UserName { name: name.to_owned(), unfit })?;
    check_password(password, &user_name, lengths)?;
    Ok(user_name)
}

fn check_password(password: &str, user_name: &UserName, lengths: Lengths) -> Result<(), Error> {
    domain::password::check(password, user_name, lengths).map_err(Error::Password)
}

/// Opens an account.
///
/// # Errors
/// What is wrong with the name or the password, or that the name is taken.
pub async fn create(node: &NodeHandle, name: &str, password: &str, role: Role) -> Result<UserChange, Error> {
    let user_name = fit_for_an_account(name, password, node.passwords.lengths())?;
    let verifier = verifier(node, password, &user_name).await?;
    let user_id = UserId(Uuid::now_v7());
    let sign_up = user::Command::SignUp(user::SignUp {
        claim: claims::claim(&node.keys, &user_name),
        user_name,
        email: None,
        verifier: Some(verifier),
    });
    let mut position = change(node, user_id, sign_up).await?;
    if role != Role::default() {
        position = change(node, user_id, user::Command::SetRole(user::SetRole { role })).await?;
    }
    Ok(UserChange { user_name: Some(name.to_owned()), role: Some(role), ..UserChange::of(user_id, position) })
}

/// Gives an account a password.
///
/// # Errors
/// When there is no such user, or the password is weak.
pub async fn set_password(node: &NodeHandle, user: &str, password: &str) -> Result<UserChange, Error> {
    let account = find(node, user).await?;
    let user_name = UserName::parse(&account.user_name).map_err(Error::DamagedName)?;
    let verifier = verifier(node, password, &user_name).await?;
    let command = user::Command::ChangePassword(user::ChangePassword { verifier, checked: None, keep: None });
    let position = change(node, account.user_id, command).await?;
    Ok(UserChange { user_name: Some(account.user_name), ..UserChange::of(account.user_id, position) })
}

/// Gives an account a role.
///
/// # Errors
/// When there is no such user.
pub async fn set_role(node: &NodeHandle, user: &str, role: Role) -> Result<UserChange, Error> {
    let user_id = find(node, user).await?.user_id;
    let position = change(node, user_id, user::Command::SetRole(user::SetRole { role })).await?;
    Ok(UserChange { role: Some(role), ..UserChange::of(user_id, position) })
}

/// Ends every session of an account, and revokes its service tokens.
///
/// # Errors
/// When there is no such user.
pub async fn end_sessions(node: &NodeHandle, user: &str) -> Result<UserChange, Error> {
    let user_id = find(node, user).await?.user_id;
    let position = change(node, user_id, user::Command::LockOut).await?;
    Ok(UserChange::of(user_id, position))
}

/// Keeps somebody from using their account.
///
/// # Errors
/// When there is no such user, the reason is none, or the time has passed.
pub async fn suspend(
    node: &NodeHandle,
    user: &str,
    reason: &str,
    until: Option<Timestamp>,
) -> Result<UserChange, Error> {
    let reason = Note::parse(reason).map_err(Error::Reason)?;
    let user_id = find(node, user).await?.user_id;
    let command = user::Command::Suspend(user::Suspend { by: node.asker(), reason, until });
    let position = change(node, user_id, command).await?;
    Ok(UserChange::of(user_id, position))
}

/// Lets them use it again.
///
/// # Errors
/// When there is no such user.
pub async fn unsuspend(node: &NodeHandle, user: &str) -> Result<UserChange, Error> {
    let user_id = find(node, user).await?.user_id;
    let command = user::Command::Unsuspend(user::Unsuspend { by: node.asker() });
    let position = change(node, user_id, command).await?;
    Ok(UserChange::of(user_id, position))
}

/// Forgets a person.
///
/// # Errors
/// When there is no such user; else as [`super::erase::erase`].
pub async fn erase(node: &NodeHandle, user: &str) -> Result<UserChange, Error> {
    let user_id = find(node, user).await?.user_id;
    let request = node.request(Command::User(user_id, user::Command::Erase));
    let answer = super::erase::erase(&node.writer, &node.projections, &node.state, &node.log, user_id, request).await?;
    Ok(UserChange::of(user_id, answer.position))
}

async fn verifier(node: &NodeHandle, password: &str, user_name: &UserName) -> Result<Verifier, Error> {
    check_password(password, user_name, node.passwords.lengths())?;
    node.passwords.hash(password.to_owned()).await.map_err(Error::Hashing)
}

/// Sends one command about an account, and waits until it can be read.
async fn change(node: &NodeHandle, user_id: UserId, command: user::Command) -> Result<u64, Error> {
    let request = node.request(Command::User(user_id, command));
    let position = node.writer.send(request).await?.position;
    // What was changed is durable; a read model that lags is not this verb's failure.
    if let Err(behind) = node.projections.caught_up(ProjectionId::Users, position, FOLLOW_WAIT).await {
        tracing::warn!(%behind, "the change is not readable yet");
    }
    Ok(position)
}

/// The account of that name or id.
pub(super) async fn find(node: &NodeHandle, user: &str) -> Result<users::Account, Error> {
    let head = node.log.head()?.position;
    node.projections.caught_up(ProjectionId::Users, head, FOLLOW_WAIT).await?;
    account(&node.projections.database(ProjectionId::Users), user).await
}

/// The account of that name or id.
///
/// # Errors
/// When there is none.
pub async fn account(database: &Database, user: &str) -> Result<users::Account, Error> {
    if let Some(id) = domain::id::parse_uuid(user)
        && let Some(account) = users::by_id(database, UserId(id)).await?
    {
        return Ok(account);
    }
    let by_name = match canonical_name(user) {
        Some(canonical) => users::by_name(database, &canonical).await?,
        None => None,
    };
    by_name.ok_or_else(|| Error::NoUser(user.to_owned()))
}
