//! When sessions and service tokens were last used: what changes without a fact. Kept beside the read models, over rebuilds, and
//! never verified. Losing a minute of it in a crash loses nobody's session.

use crate::Result;
use crate::catalog::Catalog;
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

/// Most sessions and tokens that are remembered in memory.
const USED_MAX: usize = 100_000;
/// Rows of sessions that were not touched for so long belong to sessions that ended long ago.
const SESSIONS_KEPT_SECONDS: i64 = 366 * 24 * 3600;
/// A token may rest for years and is still good: this is the longest that one with an end can live.
const TOKENS_KEPT_SECONDS: i64 = 10 * 366 * 24 * 3600;

/// What is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    seen: Arc<Mutex<HashMap<Used, Seen>>>,
}

#[derive(Clone, Copy)]
struct Seen {
    at: Timestamp,
    written: bool,
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
            seen.retain(|_, entry| !entry.written);
            if seen.len() >= USED_MAX {
                // More in use within a minute than we remember: this one shows an older last use.
                return;
            }
        }
        let entry = seen.entry(used).or_insert(Seen { at, written: false });
        if entry.at < at {
            *entry = Seen { at, written: false };
        }
    }

    /// When the session or token was last used; none when it never was.
    pub async fn last_seen(&self, used: impl Into<Used>) -> Result<Option<Timestamp>> {
        let used = used.into();
        let known = self.lock().get(&used).map(|entry| entry.at);
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
        let changed: Vec<(Used, Timestamp)> =
            self.lock().iter().filter(|(_, seen)| !seen.written).map(|(used, seen)| (*used, seen.at)).collect();
        let Some(newest) = changed.iter().map(|(_, at)| *at).max() else {
            return Ok(());
        };
        self.catalog.change(|tx| {
            for (used, at) in &changed {
                write(tx, *used, *at)?;
            }
            let oldest = newest.plus_seconds(-SESSIONS_KEPT_SECONDS);
            tx.execute("delete from session_use where last_seen_at < $1", &[oldest.into()])?;
            let oldest = newest.plus_seconds(-TOKENS_KEPT_SECONDS);
            tx.execute("delete from token_use where last_seen_at < $1", &[oldest.into()])?;
            failpoint::pass("last-use-written");
            Ok(())
        })?;
        failpoint::pass("last-use-flushed");
        let mut seen = self.lock();
        for (used, at) in changed {
            // Used again meanwhile: that one is for the next time.
            if let Some(entry) = seen.get_mut(&used).filter(|entry| entry.at == at) {
                entry.written = true;
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Used, Seen>> {
        // The map is whole between any two of its operations.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(tx: &mut Tx<'_>, used: Used, at: Timestamp) -> Result<(), store::Error> {
    match used {
        Used::Session(id) => tx.execute(
            "insert into session_use (session_id, last_seen_at) values ($1, $2)
             on conflict (session_id) do update set last_seen_at = excluded.last_seen_at",
            &[(&id).into(), at.into()],
        ),
        Used::Token(id) => tx.execute(
            "insert into token_use (token_id, last_seen_at) values ($1, $2)
             on conflict (token_id) do update set last_seen_at = excluded.last_seen_at",
            &[(&id).into(), at.into()],
        ),
    }
    .map(drop)
}
