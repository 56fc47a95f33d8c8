//! Accounts, for an operator.

use super::{Error, FOLLOW_WAIT};
use crate::{Node, claims, now};
use commands::Request;
use domain::password::Lengths;
use domain::text::{UserName, canonical_name};
use domain::user::{self, Role, Verifier};
use domain::{Command, UserId};
use projections::{ProjectionId, users};
use serde_json::{Value, json};
use uuid::Uuid;

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
pub async fn create(node: &Node, name: &str, password: &str, role: Role) -> Result<Value, Error> {
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
    Ok(json!({"user_id": user_id, "user_name": name, "role": role, "position": position}))
}

/// Gives an account a password.
///
/// # Errors
/// When there is no such user, or the password is weak.
pub async fn set_password(node: &Node, user: &str, password: &str) -> Result<Value, Error> {
    let account = find(node, user).await?;
    let user_name = UserName::parse(&account.user_name).map_err(Error::DamagedName)?;
    let verifier = verifier(node, password, &user_name).await?;
    let command = user::Command::ChangePassword(user::ChangePassword { verifier, checked: None, keep: None });
    let position = change(node, account.user_id, command).await?;
    Ok(json!({"user_id": account.user_id, "user_name": account.user_name, "position": position}))
}

/// Gives an account a role.
///
/// # Errors
/// When there is no such user.
pub async fn set_role(node: &Node, user: &str, role: Role) -> Result<Value, Error> {
    let user_id = find(node, user).await?.user_id;
    let position = change(node, user_id, user::Command::SetRole(user::SetRole { role })).await?;
    Ok(json!({"user_id": user_id, "role": role, "position": position}))
}

/// Ends every session of an account, and revokes its service tokens.
///
/// # Errors
/// When there is no such user.
pub async fn end_sessions(node: &Node, user: &str) -> Result<Value, Error> {
    let user_id = find(node, user).await?.user_id;
    let position = change(node, user_id, user::Command::LockOut).await?;
    Ok(json!({"user_id": user_id, "position": position}))
}

/// Forgets a person.
///
/// # Errors
/// When there is no such user; else as [`super::erase::erase`].
pub async fn erase(node: &Node, user: &str) -> Result<Value, Error> {
    let user_id = find(node, user).await?.user_id;
    let request = Request::by_operator(Command::User(user_id, user::Command::Erase), now());
    let answer = super::erase::erase(&node.writer, &node.projections, &node.log, user_id, request).await?;
    Ok(json!({"user_id": user_id, "position": answer.position}))
}

async fn verifier(node: &Node, password: &str, user_name: &UserName) -> Result<Verifier, Error> {
    check_password(password, user_name, node.passwords.lengths())?;
    node.passwords.hash(password.to_owned()).await.map_err(Error::Hashing)
}

/// Sends one command about an account, and waits until it can be read.
async fn change(node: &Node, user_id: UserId, command: user::Command) -> Result<u64, Error> {
    let request = Request::by_operator(Command::User(user_id, command), now());
    let position = node.writer.send(request).await?.position;
    // What was changed is durable; a read model that lags is not this verb's failure.
    if let Err(behind) = node.projections.caught_up(ProjectionId::Users, position, FOLLOW_WAIT).await {
        tracing::warn!(%behind, "the change is not readable yet");
    }
    Ok(position)
}

/// The account of that name or id.
async fn find(node: &Node, user: &str) -> Result<users::Account, Error> {
    let head = node.log.head()?.position;
    node.projections.caught_up(ProjectionId::Users, head, FOLLOW_WAIT).await?;
    account(&node.projections.database(ProjectionId::Users), user).await
}

/// The account of that name or id.
///
/// # Errors
/// When there is none.
pub async fn account(database: &store::sql::Database, user: &str) -> Result<users::Account, Error> {
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
