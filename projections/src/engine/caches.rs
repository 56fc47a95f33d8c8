//! The caches in front of the read models that every request looks at.

use crate::engine::cache::Cache;
use crate::engine::runner::Runner;
use crate::models::{sessions, tokens};
use crate::{ProjectionId, Projections, Result};
use std::sync::Arc;
use std::time::Duration;
use store::follower::{self, Page, Reading};
use store::{Log, Mark};
use tokio::sync::Mutex;

/// Pages that are read at most before the read models have their turn.
const PAGES_MAX: usize = 50;

/// The caches of a process.
pub(crate) struct Caches {
    sessions: Cache<sessions::Open>,
    tokens: Cache<tokens::Live>,
    /// Whoever reads the log in place of the follower of the tables holds this: one reading serves all who wait.
    reading: Arc<Mutex<()>>,
}

impl Caches {
    /// Empty ones in front of what these runners serve.
    pub(crate) fn new(log: &Log, runners: &[Runner]) -> Result<Caches> {
        let head = Mark::from(log.head()?);
        let of = |name| runners.iter().find(|runner| runner.name == name).map_or(0, |runner| runner.entry().generation);
        let sessions = Cache::new(ProjectionId::Sessions, sessions::ends, of(ProjectionId::Sessions), head);
        let tokens = Cache::new(ProjectionId::Tokens, tokens::ends, of(ProjectionId::Tokens), head);
        Ok(match log.cluster() {
            None => Caches { sessions, tokens, reading: Arc::default() },
            Some(_) => {
                Caches { sessions: sessions.of_many_nodes(), tokens: tokens.of_many_nodes(), reading: Arc::default() }
            }
        })
    }

    /// Heeds a page of the log.
    ///
    /// # Errors
    /// [`store::Error::OtherHistory`] when it does not hold what was heeded before.
    pub(crate) fn heed(&self, page: &Page) -> Result<()> {
        self.sessions.heed(page)?;
        Ok(self.tokens.heed(page)?)
    }

    /// Reads what no page has brought, up to where that look saw the log end.
    pub(crate) fn follow(&self, log: &Log, seen: &Reading) -> Result<()> {
        for _ in 0..PAGES_MAX {
            let positions = [self.sessions.followed(), self.tokens.followed()];
            let Some(page) = follower::read_to(log, positions, seen.head, follower::PAGE)? else { break };
            self.heed(&page)?;
        }
        self.sessions.saw(seen.head, seen.asked)?;
        Ok(self.tokens.saw(seen.head, seen.asked)?)
    }

    /// Another generation of that read model serves.
    pub(crate) fn switched(&self, name: ProjectionId, generation: u64) {
        if name == self.sessions.name() {
            self.sessions.switched(generation);
        }
        if name == self.tokens.name() {
            self.tokens.switched(generation);
        }
    }
}

impl Projections {
    /// Sessions that were looked up a moment ago.
    pub fn open_sessions(&self) -> &Cache<sessions::Open> {
        &self.caches().sessions
    }

    /// Service tokens that were looked up a moment ago.
    pub fn live_tokens(&self) -> &Cache<tokens::Live> {
        &self.caches().tokens
    }

    /// Sees to it that what has ended up to the position `floor` and up to a moment ago is known, for at most so long;
    /// whether it is. While the tables are fed that is so and costs nothing. Where something holds that up, a page that is
    /// long or waits for a lock, the log is read here: nobody may be let in whose end this node could not have heard of.
    ///
    /// # Errors
    /// [`crate::Error::Store`]: the log cannot be read.
    pub async fn know_ends<T: Clone>(&self, cache: &Cache<T>, floor: u64, wait: Duration) -> Result<bool> {
        if cache.knows_ends(floor) {
            return Ok(true);
        }
        let read = async {
            let turn = Arc::clone(&self.caches().reading).lock_owned().await;
            if cache.knows_ends(floor) {
                return Ok(true);
            }
            let projections = self.clone();
            // It goes on, and keeps its turn, when nobody waits for it any more.
            let read = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                let log = projections.log();
                projections.caches().follow(log, &follower::read(log, [], follower::PAGE)?)
            });
            read.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
            Ok(cache.knows_ends(floor))
        };
        tokio::time::timeout(wait, read).await.unwrap_or(Ok(false))
    }
}
