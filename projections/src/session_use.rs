//! When sessions and service tokens were last used: what changes without a fact. Kept beside the read models, over rebuilds, and
//! never verified. Losing a minute of it in a crash loses nobody's session.

use crate::Result;
use crate::engine::catalog::Catalog;
use domain::{SessionId, Timestamp, TokenId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::failpoint;
use store::sql::Tx;

pub(crate) const TABLES: &str = "
    create table if not exists session_use (
        session_id bytea primary key,
        last_seen_at bigint not null
    );
    create table if not exists token_use (
        token_id bytea primary key,
        last_seen_at bigint not null
    );
";

/// Most sessions and tokens that are remembered until they are written.
const USED_MAX: usize = 100_000;
/// Rows of sessions that were not touched for so long belong to sessions that ended long ago.
const SESSIONS_KEPT_SECONDS: i64 = 366 * 24 * 3600;
/// A token may rest for years and is still good: this is the longest that one with an end can live.
const TOKENS_KEPT_SECONDS: i64 = 10 * 366 * 24 * 3600;

/// What is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Used {
    /// A session.
    Session(SessionId),
    /// A service token.
    Token(TokenId),
}

impl From<SessionId> for Used {
    fn from(id: SessionId) -> Used {
        Used::Session(id)
    }
}

impl From<TokenId> for Used {
    fn from(id: TokenId) -> Used {
        Used::Token(id)
    }
}

/// When sessions and service tokens were last used. A cheap handle.
#[derive(Clone)]
pub struct LastUse {
    catalog: Catalog,
    /// What is not written yet.
    seen: Arc<Mutex<HashMap<Used, Timestamp>>>,
}

impl LastUse {
    pub(crate) fn new(catalog: Catalog) -> LastUse {
        LastUse { catalog, seen: Arc::default() }
    }

    /// The session or token was used now.
    pub fn touch(&self, used: impl Into<Used>, at: Timestamp) {
        let used = used.into();
        let mut seen = self.lock();
        if seen.len() >= USED_MAX && !seen.contains_key(&used) {
            // More in use within a minute than we remember: this one shows an older last use.
            return;
        }
        let entry = seen.entry(used).or_insert(at);
        *entry = at.max(*entry);
    }

    /// When the session or token was last used; none when it never was.
    pub async fn last_seen(&self, used: impl Into<Used>) -> Result<Option<Timestamp>> {
        let used = used.into();
        // At most a minute old: another node may have seen it since, and has not written that either.
        let known = self.lock().get(&used).copied();
        if known.is_some() {
            return Ok(known);
        }
        let database = self.catalog.database();
        Ok(match used {
            Used::Session(id) => {
                let sql = "select last_seen_at from session_use where session_id = $1";
                database.row(sql, &[(&id).into()], |row| row.timestamp(0)).await?
            }
            Used::Token(id) => {
                let sql = "select last_seen_at from token_use where token_id = $1";
                database.row(sql, &[(&id).into()], |row| row.timestamp(0)).await?
            }
        })
    }

    /// Writes what changed since the last time, in one transaction.
    pub fn flush(&self) -> Result<()> {
        let mut changed = self.lock().iter().map(|(used, at)| (*used, *at)).collect::<Vec<_>>();
        // In one order on every node: two that write the same rows then wait for each other at most.
        changed.sort_unstable();
        let Some(newest) = changed.iter().map(|(_, at)| *at).max() else {
            return Ok(());
        };
        self.catalog.change(|tx| {
            for (used, at) in &changed {
                write(tx, *used, *at)?;
            }
            let oldest = newest.plus_seconds(-SESSIONS_KEPT_SECONDS);
            tx.queue("delete from session_use where last_seen_at < $1", &[oldest.into()])?;
            let oldest = newest.plus_seconds(-TOKENS_KEPT_SECONDS);
            tx.queue("delete from token_use where last_seen_at < $1", &[oldest.into()])?;
            failpoint::pass("last-use-written");
            Ok(())
        })?;
        failpoint::pass("last-use-flushed");
        let mut seen = self.lock();
        for (used, at) in changed {
            // Used again meanwhile: that one is for the next time.
            if seen.get(&used) == Some(&at) {
                seen.remove(&used);
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Used, Timestamp>> {
        // The map is whole between any two of its operations.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Another node may have written a later one.
fn write(tx: &mut Tx<'_>, used: Used, at: Timestamp) -> Result<(), store::Error> {
    match used {
        Used::Session(id) => tx.queue(
            "insert into session_use (session_id, last_seen_at) values ($1, $2)
             on conflict (session_id) do update set last_seen_at = excluded.last_seen_at
                 where session_use.last_seen_at < excluded.last_seen_at",
            &[(&id).into(), at.into()],
        ),
        Used::Token(id) => tx.queue(
            "insert into token_use (token_id, last_seen_at) values ($1, $2)
             on conflict (token_id) do update set last_seen_at = excluded.last_seen_at
                 where token_use.last_seen_at < excluded.last_seen_at",
            &[(&id).into(), at.into()],
        ),
    }
}
