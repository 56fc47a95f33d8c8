//! The link by which the first admin opens their account, where the log was empty at the start.

use crate::auth::session_token::{hash, new_token};
use domain::Timestamp;
use domain::session::TokenHash;
use std::sync::Arc;
use store::now;
use tokio::sync::Mutex;

/// For how long the link is good, in seconds.
const GOOD_SECONDS: i64 = 24 * 3_600;

/// What the link of the first admin is checked against. It is in memory: a start of a log that is still empty makes another.
#[derive(Clone, Debug)]
pub struct FirstAdmin {
    token_hash: TokenHash,
    expires_at: Timestamp,
    /// Whether it was used; one at a time asks.
    pub(crate) used: Arc<Mutex<bool>>,
}

impl FirstAdmin {
    /// A new one, and the path of its link.
    pub fn new() -> (FirstAdmin, String) {
        let token = new_token();
        let expires_at = now().plus_seconds(GOOD_SECONDS);
        let first = FirstAdmin { token_hash: hash(&token), expires_at, used: Arc::default() };
        (first, format!("/console/first/{token}"))
    }

    /// Whether a link is the one that was printed, and is still good. Hashes are compared: how long that takes tells nothing of the
    /// token.
    pub(crate) fn is_of(&self, token: &str) -> bool {
        self.token_hash == hash(token) && self.expires_at > now()
    }
}
