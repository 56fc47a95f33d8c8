//! When sessions were last used: what changes without a fact. Kept beside the read models, over rebuilds, and
//! never verified. Losing a minute of it in a crash loses nobody's session.

use crate::Result;
use crate::catalog::Catalog;
use domain::{SessionId, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) const TABLES: &str = "
    create table if not exists session_use (
        session_id bytea primary key,
        last_seen_at bigint not null
    );
";

/// Most sessions that are remembered in memory.
const SESSIONS_MAX: usize = 100_000;
/// Rows that were not touched for so long belong to sessions that ended long ago.
const KEPT_SECONDS: i64 = 366 * 24 * 3600;

/// When sessions were last used. A cheap handle.
#[derive(Clone)]
pub struct LastUse {
    catalog: Catalog,
    seen: Arc<Mutex<HashMap<SessionId, Seen>>>,
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

    /// The session was used now.
    pub fn touch(&self, session_id: SessionId, at: Timestamp) {
        let mut seen = self.lock();
        if seen.len() >= SESSIONS_MAX && !seen.contains_key(&session_id) {
            seen.retain(|_, entry| !entry.written);
            if seen.len() >= SESSIONS_MAX {
                // More in use within a minute than we remember: this one shows an older last use.
                return;
            }
        }
        let entry = seen.entry(session_id).or_insert(Seen { at, written: false });
        if entry.at < at {
            *entry = Seen { at, written: false };
        }
    }

    /// When the session was last used; none when it never was since it was opened.
    pub async fn last_seen(&self, session_id: SessionId) -> Result<Option<Timestamp>> {
        let known = self.lock().get(&session_id).map(|entry| entry.at);
        if known.is_some() {
            return Ok(known);
        }
        let sql = "select last_seen_at from session_use where session_id = $1";
        let row = self.catalog.database().row(sql, &[(&session_id).into()], |row| row.timestamp(0)).await?;
        Ok(row)
    }

    /// Writes what changed since the last time, in one transaction.
    pub fn flush(&self) -> Result<()> {
        let changed: Vec<(SessionId, Timestamp)> =
            self.lock().iter().filter(|(_, seen)| !seen.written).map(|(id, seen)| (*id, seen.at)).collect();
        let Some(newest) = changed.iter().map(|(_, at)| *at).max() else {
            return Ok(());
        };
        self.catalog.change(|tx| {
            for (session_id, at) in &changed {
                tx.execute(
                    "insert into session_use (session_id, last_seen_at) values ($1, $2)
                     on conflict (session_id) do update set last_seen_at = excluded.last_seen_at",
                    &[session_id.into(), (*at).into()],
                )?;
            }
            let oldest = newest.plus_seconds(-KEPT_SECONDS);
            tx.execute("delete from session_use where last_seen_at < $1", &[oldest.into()])?;
            Ok(())
        })?;
        let mut seen = self.lock();
        for (session_id, at) in changed {
            // Used again meanwhile: that one is for the next time.
            if let Some(entry) = seen.get_mut(&session_id).filter(|entry| entry.at == at) {
                entry.written = true;
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Seen>> {
        // The map is whole between any two of its operations.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
