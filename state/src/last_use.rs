//! When sessions and service tokens were last used: what changes without a fact. Losing a minute of it in a crash loses
//! nobody's session.

use crate::Result;
use crate::parts::Part;
use crate::storage::Storage;
use domain::{Event, SessionId, StreamId, Timestamp, TokenId, UserId, session, token};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::sql::{Row, Tx};
use store::{Log, failpoint};
use uuid::Uuid;

pub(crate) const PART: Part = Part { tables: TABLES, forget, begin_again: |_| Ok(()) };

/// Rows of earlier versions lack the user until [`find_owners`] has looked for them.
const TABLES: &str = "
    create table if not exists session_use (
        session_id bytea primary key,
        last_seen_at bigint not null,
        user_id bytea
    );
    create table if not exists token_use (
        token_id bytea primary key,
        last_seen_at bigint not null,
        user_id bytea
    );
";

/// Most sessions and tokens that are remembered until they are written.
const USED_MAX: usize = 100_000;
/// Rows of sessions that were not touched for so long belong to sessions that ended long ago.
const SESSIONS_KEPT_SECONDS: i64 = 366 * 24 * 3600;
/// A token may rest for years and is still good: this is the longest that one with an end can live.
const TOKENS_KEPT_SECONDS: i64 = 10 * 366 * 24 * 3600;
/// Rows whose user is looked for in one transaction.
const OWNERS_PAGE: usize = 1_000;

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
    storage: Storage,
    /// What is not written yet.
    seen: Arc<Mutex<HashMap<Used, Use>>>,
}

/// When it was used, and whose it is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Use {
    at: Timestamp,
    user_id: UserId,
}

impl LastUse {
    pub(crate) fn new(storage: Storage) -> LastUse {
        LastUse { storage, seen: Arc::default() }
    }

    /// The session or token of that user was used now.
    pub fn touch(&self, used: impl Into<Used>, user_id: UserId, at: Timestamp) {
        let used = used.into();
        let mut seen = self.lock();
        if seen.len() >= USED_MAX && !seen.contains_key(&used) {
            // More in use within a minute than we remember: this one shows an older last use.
            return;
        }
        let entry = seen.entry(used).or_insert(Use { at, user_id });
        entry.at = at.max(entry.at);
    }

    /// When the session or token was last used; none when it never was.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn last_seen(&self, used: impl Into<Used>) -> Result<Option<Timestamp>> {
        let used = used.into();
        // At most a minute old: another node may have seen it since, and has not written that either.
        let known = self.lock().get(&used).map(|found| found.at);
        if known.is_some() {
            return Ok(known);
        }
        let database = self.storage.database();
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

    /// Who used a session or a service token at that time or later.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn users_since(&self, since: Timestamp) -> Result<HashSet<UserId>> {
        let database = self.storage.database();
        let sql = "select user_id from session_use where last_seen_at >= $1 and user_id is not null
                   union select user_id from token_use where last_seen_at >= $1 and user_id is not null";
        let users = database.rows(sql, &[since.into()], |row| Ok(UserId(row.uuid(0)?))).await?;
        let mut users = users.into_iter().collect::<HashSet<_>>();
        users.extend(self.lock().values().filter(|used| used.at >= since).map(|used| used.user_id));
        Ok(users)
    }

    /// Writes what changed since the last time, in one transaction.
    pub(crate) fn flush(&self) -> Result<()> {
        let mut changed = Vec::new();
        self.storage.change(|tx| {
            changed.extend(self.lock().iter().map(|(used, last)| (*used, *last)));
            // In one order on every node: two that write the same rows then wait for each other at most.
            changed.sort_unstable_by_key(|(used, _)| *used);
            let Some(newest) = changed.iter().map(|(_, last)| last.at).max() else {
                return Ok(());
            };
            for (used, last) in &changed {
                write(tx, *used, *last)?;
            }
            let oldest = newest.plus_seconds(-SESSIONS_KEPT_SECONDS);
            tx.queue("delete from session_use where last_seen_at < $1", &[oldest.into()])?;
            let oldest = newest.plus_seconds(-TOKENS_KEPT_SECONDS);
            tx.queue("delete from token_use where last_seen_at < $1", &[oldest.into()])?;
            failpoint::pass("last-use-written");
            Ok(())
        })?;
        if changed.is_empty() {
            return Ok(());
        }
        failpoint::pass("last-use-flushed");
        let mut seen = self.lock();
        for (used, last) in changed {
            // Used again meanwhile: that one is for the next time.
            if seen.get(&used) == Some(&last) {
                seen.remove(&used);
            }
        }
        Ok(())
    }

    /// What is not written yet of those people never will be.
    pub(crate) fn drop_pending(&self, people: &[UserId]) {
        self.lock().retain(|_, last| !people.contains(&last.user_id));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Used, Use>> {
        // The map is whole between any two of its operations.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Another node may have written a later one.
fn write(tx: &mut Tx<'_>, used: Used, Use { at, user_id }: Use) -> Result<()> {
    match used {
        Used::Session(id) => tx.queue(
            "insert into session_use (session_id, last_seen_at, user_id) values ($1, $2, $3)
             on conflict (session_id) do update set last_seen_at = excluded.last_seen_at, user_id = excluded.user_id
                 where session_use.last_seen_at < excluded.last_seen_at",
            &[(&id).into(), at.into(), (&user_id).into()],
        ),
        Used::Token(id) => tx.queue(
            "insert into token_use (token_id, last_seen_at, user_id) values ($1, $2, $3)
             on conflict (token_id) do update set last_seen_at = excluded.last_seen_at, user_id = excluded.user_id
                 where token_use.last_seen_at < excluded.last_seen_at",
            &[(&id).into(), at.into(), (&user_id).into()],
        ),
    }
}

fn forget(tx: &mut Tx<'_>, user_id: UserId) -> Result<()> {
    tx.queue("delete from session_use where user_id = $1", &[(&user_id).into()])?;
    tx.queue("delete from token_use where user_id = $1", &[(&user_id).into()])
}

/// Finds in the log whose the rows of earlier versions are, and removes those that nobody's are.
pub(crate) fn find_owners(storage: &Storage, log: &Log) -> Result<()> {
    own(
        storage,
        "select session_id from session_use where user_id is null limit $1",
        "update session_use set user_id = $2 where session_id = $1",
        "delete from session_use where session_id = $1 and user_id is null",
        |id| owner_of_session(log, SessionId(id)),
    )?;
    own(
        storage,
        "select token_id from token_use where user_id is null limit $1",
        "update token_use set user_id = $2 where token_id = $1",
        "delete from token_use where token_id = $1 and user_id is null",
        |id| owner_of_token(log, TokenId(id)),
    )
}

fn own(
    storage: &Storage,
    without: &'static str,
    update: &'static str,
    delete: &'static str,
    owner: impl Fn(Uuid) -> Result<Option<UserId>>,
) -> Result<()> {
    loop {
        let limit = (OWNERS_PAGE as i64).into();
        let page = storage.database().snapshot()?.rows(without, &[limit], |row: &Row<'_>| row.uuid(0))?;
        let mut found = Vec::with_capacity(page.len());
        for id in page {
            found.push((id, owner(id)?));
        }
        storage.change(|tx| {
            for (id, user_id) in &found {
                match user_id {
                    Some(user_id) => tx.queue(update, &[id.into(), user_id.into()])?,
                    None => tx.queue(delete, &[id.into()])?,
                }
            }
            Ok(())
        })?;
        if found.len() < OWNERS_PAGE {
            return Ok(());
        }
    }
}

fn owner_of_session(log: &Log, id: SessionId) -> Result<Option<UserId>> {
    let facts = log.stream(StreamId::from(id))?;
    Ok(facts.iter().find_map(|fact| {
        if let Event::Session(_, session::Event::SignedIn(signed_in)) = &fact.event {
            Some(signed_in.user_id)
        } else {
            None
        }
    }))
}

fn owner_of_token(log: &Log, id: TokenId) -> Result<Option<UserId>> {
    let facts = log.stream(StreamId::from(id))?;
    Ok(facts.iter().find_map(|fact| {
        if let Event::Token(_, token::Event::Created(created)) = &fact.event { Some(created.user_id) } else { None }
    }))
}
