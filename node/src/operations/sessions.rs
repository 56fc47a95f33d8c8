//! Sessions, for an operator.

use super::{Error, users};
use domain::{SessionId, Timestamp, UserId};
use projections::sessions::{self, LISTED_MAX};
use projections::{ProjectionId, Projections};
use serde::Serialize;
use store::now;

/// A session as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionRow {
    pub session_id: SessionId,
    pub user_id: UserId,
    /// The program that signed in; none when it was erased.
    pub device: Option<String>,
    /// Where from; none when it was erased.
    pub address: Option<String>,
    pub created_at: Timestamp,
    /// When it ends however much it is used. One that rests for longer than `session_idle` has ended as well.
    pub expires_at: Timestamp,
}

/// Hands the sessions of the account of that name or id to `each`, the newest first, `limit` at most.
///
/// # Errors
/// When there is no such account, when a read model cannot be read, and what `each` fails with.
pub async fn list<E: From<Error>>(
    projections: &Projections,
    user: &str,
    limit: u64,
    mut each: impl FnMut(SessionRow) -> Result<(), E>,
) -> Result<(), E> {
    let user_id = users::account(&projections.database(ProjectionId::Users), user).await?.user_id;
    let database = projections.database(ProjectionId::Sessions);
    let (mut left, mut before, at) = (limit, None, now());
    loop {
        let page = sessions::of_user(&database, user_id, at, before).await.map_err(Error::from)?;
        before = page.last().map(|row| (row.created_at, row.session_id));
        let is_last = page.len() < LISTED_MAX;
        for row in page {
            if left == 0 {
                return Ok(());
            }
            left -= 1;
            each(SessionRow {
                session_id: row.session_id,
                user_id: row.user_id,
                device: row.device,
                address: row.address,
                created_at: row.created_at,
                expires_at: row.expires_at,
            })?;
        }
        if is_last {
            return Ok(());
        }
    }
}
