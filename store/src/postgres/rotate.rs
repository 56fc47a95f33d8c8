//! A new master key for a log that nodes share: every key is wrapped again, in one transaction.

use super::connect::{BEGIN, Cluster, bounded};
use super::reading;
use super::rows::{Param, get, query};
use super::runtime::wait;
use super::secrets;
use crate::keys::Keys;
use crate::master_key::{self, MasterKey};
use crate::{Error, KeyRotation};
use std::sync::Arc;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// Data keys that are wrapped by one statement.
const PAGE: i64 = 10_000;

/// Wraps everything by a new master key, as the owner of the tables. Nodes that run find the new key beside theirs when
/// they next open a data key that they have not kept, or seal for a new person; whoever appends waits meanwhile.
///
/// # Errors
/// [`Error::NextKeyMade`]: the new key is not on the nodes yet, as it was made just now. [`Error::Unreachable`],
/// [`Error::Postgres`]: nothing was changed, or everything, when the answer to the commit was lost.
pub(super) fn rotate(
    cluster: &Cluster,
    keys: &Keys,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<KeyRotation, Error> {
    wait(async {
        let client = cluster.connect().await?;
        let check = async || {
            let wrapped = reading::alone(&client, secrets::wrapped(&client)).await?;
            Ok::<_, Error>(wrapped.map(|(check, _)| check).unwrap_or_default())
        };
        // A rotation that was cut off after its commit is ended first: its key is not to be brought in twice.
        master_key::settle(keys.path(), &check().await?)?;
        let (next, was_there) = master_key::prepare_next(keys.path())?;
        if !was_there {
            return Err(Error::NextKeyMade { path: master_key::next(keys.path()) });
        }
        let count = wrap_again(&client, keys, &next, progress).await?;
        keys.wrap_by(Arc::new(next));
        let former = master_key::settle(keys.path(), &check().await?)?;
        Ok(KeyRotation { keys: count, former })
    })
}

async fn wrap_again(
    client: &Client,
    keys: &Keys,
    next: &MasterKey,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<u64, Error> {
    let execute =
        async |sql: &str, params: &[Param<'_>]| bounded(async { Ok(client.execute_typed(sql, params).await?) }).await;
    bounded(async { Ok(client.batch_execute(BEGIN).await?) }).await?;
    // Nobody appends, and so nobody seals for a new person, until this is committed.
    query(client, "select position from letopis.log_head for update", &[]).await?;
    let (mut after, mut count) = (Vec::<u8>::new(), 0);
    loop {
        let sql = "select subject, wrapped from letopis.subject_key where subject > $1 order by subject limit $2";
        let rows = query(client, sql, &[(&after, Type::BYTEA), (&PAGE, Type::INT8)]).await?;
        let mut page = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for row in &rows {
            let (subject, wrapped) = (get::<&[u8]>(row, 0)?, get::<&[u8]>(row, 1)?);
            page.1.push(keys.wrapped_again(next, subject, wrapped)?);
            page.0.push(subject);
        }
        let Some(last) = page.0.last() else { break };
        let sql = "update letopis.subject_key key set wrapped = again.wrapped
                   from unnest($1::bytea[], $2::bytea[]) as again (subject, wrapped) where key.subject = again.subject";
        execute(sql, &[(&page.0, Type::BYTEA_ARRAY), (&page.1, Type::BYTEA_ARRAY)]).await?;
        after = last.to_vec();
        count += rows.len() as u64;
        progress(count);
    }
    let sql = "update letopis.secret set wrapped = $2 where name = $1";
    for (name, wrapped) in [("check", next.check()), ("lookup", keys.lookup_wrapped_by(next))] {
        execute(sql, &[(&name, Type::TEXT), (&wrapped, Type::BYTEA)]).await?;
    }
    bounded(async { Ok(client.batch_execute("commit").await?) }).await?;
    Ok(count)
}
