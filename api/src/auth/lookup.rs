//! Whose a token is: asked of this process, then of Redis where there is one, then of the read model.

use crate::app::App;
use crate::auth::session_entry::{self, Entry};
use crate::auth::session_token::hash;
use crate::error::{Code, Error};
use crate::reading::WAIT_MAX;
use domain::session::TokenHash;
use domain::{Timestamp, UserId};
use projections::{Cache, Stamp, sessions, tokens};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use store::sql::Database;

/// How long an unknown token is waited for that another node may have made.
const LAG_MAX: Duration = Duration::from_secs(1);

/// A session, and where it was found.
pub(crate) struct SessionHit {
    pub(crate) open: sessions::Open,
    pub(crate) source: Source,
}

/// Where a session was found.
pub(crate) enum Source {
    /// This process looked it up before.
    Process,
    /// A node looked it up before, and it was used then.
    Redis(Timestamp),
    /// The read model, in that state.
    Model(Stamp),
}

impl App {
    /// The session of that token, whether or not it has expired.
    pub(crate) async fn session_of(&self, token: &str) -> Result<Option<SessionHit>, Error> {
        let (token_hash, cache) = (hash(token), self.projections.open_sessions());
        let floor = self.know_ends(cache, 0).await?;
        if let Some(open) = cache.get(&token_hash, floor) {
            count("process");
            return Ok(Some(SessionHit { open, source: Source::Process }));
        }
        if let Some(Entry { open, used_at, stamp }) = self.shared_session(&token_hash, floor).await {
            count("redis");
            cache.put(token_hash, open.user_id, stamp, open);
            return Ok(Some(SessionHit { open, source: Source::Redis(used_at) }));
        }
        let read = |database: Database| async move {
            let session = sessions::by_token(&database, &token_hash).await?;
            Ok(session.map(|session| (session.user_id, session.open())))
        };
        let found = self.in_model(cache, &token_hash, read).await?;
        count(if found.is_some() { "model" } else { "nowhere" });
        Ok(found.map(|(open, stamp)| SessionHit { open, source: Source::Model(stamp) }))
    }

    /// The service token of that text, whether or not it has expired.
    pub(crate) async fn token_of(&self, text: &str) -> Result<Option<tokens::Live>, Error> {
        let (token_hash, cache) = (hash(text), self.projections.live_tokens());
        let floor = self.know_ends(cache, 0).await?;
        if let Some(live) = cache.get(&token_hash, floor) {
            return Ok(Some(live));
        }
        let read = |database: Database| async move {
            let token = tokens::by_hash(&database, &token_hash).await?;
            Ok(token.map(|token| (token.user_id, token.live())))
        };
        Ok(self.in_model(cache, &token_hash, read).await?.map(|(live, _)| live))
    }

    /// Before anybody is let in: this node knows what has ended up to a moment ago, on whichever node (CONTRACT 1.2),
    /// and up to the position that is answered, which is all that it has acknowledged itself, and `min_position`.
    pub(super) async fn know_ends<T: Clone>(&self, cache: &Cache<T>, min_position: u64) -> Result<u64, Error> {
        let floor = self.writer.acknowledged(cache.name().follows()).max(min_position);
        if self.projections.know_ends(cache, floor, WAIT_MAX).await? {
            return Ok(floor);
        }
        let detail = "this node does not know yet who was locked out lately; try again";
        Err(Error::new(Code::ProjectionBehind, detail))
    }

    /// What the read model says of that token; it is kept for the next time. What nobody knows is not.
    async fn in_model<T: Clone, F>(
        &self,
        cache: &Cache<T>,
        token_hash: &TokenHash,
        read: impl Fn(Database) -> F + Send,
    ) -> Result<Option<(T, Stamp)>, Error>
    where
        F: Future<Output = Result<Option<(UserId, T)>, store::Error>> + Send,
    {
        let mut found = self.look(cache, 0, &read).await?;
        if found.is_none() && self.log.cluster().is_some() {
            // It may be younger than the read model.
            let head = self.head_for_unknown().await?;
            // Further than that it may wait in vain: then it is refused as it is.
            let _ = self.projections.caught_up(cache.name(), head, LAG_MAX).await;
            found = self.look(cache, 0, &read).await?;
        }
        if let Some((user_id, _, stamp)) = &found
            && cache.ended(*user_id) > stamp.mark.position
        {
            // Something of this user has ended, perhaps this, and the read model may not know it yet.
            found = self.look(cache, cache.ended(*user_id), &read).await?;
        }
        Ok(found.map(|(user_id, value, stamp)| {
            cache.put(*token_hash, user_id, stamp, value.clone());
            (value, stamp)
        }))
    }

    /// Looks into the read model, no earlier than it has seen what this node has acknowledged, and `min_position`.
    async fn look<T: Clone, F>(
        &self,
        cache: &Cache<T>,
        min_position: u64,
        read: &(impl Fn(Database) -> F + Send),
    ) -> Result<Option<(UserId, T, Stamp)>, Error>
    where
        F: Future<Output = Result<Option<(UserId, T)>, store::Error>> + Send,
    {
        let generation = cache.generation();
        let reading = self.read(cache.name(), min_position).await?;
        // Asked for before the read model is: it is no further back.
        let stamp = Stamp { generation, mark: self.projections.mark(cache.name()) };
        Ok(read(reading.database).await?.map(|(user_id, value)| (user_id, value, stamp)))
    }

    /// The log's present head, for somebody whom nobody knows. A flood of those must not keep the log from others.
    async fn head_for_unknown(&self) -> Result<u64, Error> {
        let busy = || Error::new(Code::Overloaded, "too many unknown tokens are looked up at once; try again");
        let place = Arc::clone(&self.unknown).try_acquire_owned().map_err(|_| busy())?;
        let log = self.log.clone();
        // The place lasts as long as the question, also when the caller hangs up.
        let head = self.ask_log(self.settings.storage_wait, move || {
            let head = log.head();
            drop(place);
            head
        });
        let head = head.await;
        Ok(head??.position)
    }

    /// Shares a session that was just used with the other nodes, when none of them has told of it.
    pub(crate) async fn share(&self, token: &str, found: &SessionHit, used_at: Timestamp) {
        let (Some(redis), Source::Model(stamp)) = (&self.redis, &found.source) else { return };
        let (token_hash, entry) = (hash(token), Entry { open: found.open, used_at, stamp: *stamp });
        let mut command = ::redis::cmd("SET");
        command.arg(session_entry::key(&self.keys, &token_hash)).arg(entry.write(&self.keys, &token_hash));
        // What fails is counted there, and costs the next node a look into the read model.
        let _: Option<()> = redis.ask(command.arg("PX").arg(entry.kept_ms())).await;
    }

    /// What Redis holds of that session, when it is known to hold good at the position `floor`.
    async fn shared_session(&self, token_hash: &TokenHash, floor: u64) -> Option<Entry> {
        let redis = self.redis.as_ref()?;
        let mut command = ::redis::cmd("GET");
        let bytes: Option<Vec<u8>> = redis.ask(command.arg(session_entry::key(&self.keys, token_hash))).await?;
        let entry = Entry::read(&bytes?, &self.keys, token_hash)?;
        self.projections.open_sessions().vouches(entry.open.user_id, entry.stamp, floor).then_some(entry)
    }
}

fn count(found: &'static str) {
    metrics::counter!("letopis_session_lookups_total", "found" => found).increment(1);
}

#[cfg(test)]
mod measure;
