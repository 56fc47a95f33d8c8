//! What must be known again when the second request of a sign-in comes.

use crate::app::App;
use crate::error::Error;
use domain::{Timestamp, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use state::{ChallengeHash, ChallengeKind, NewChallenge};

impl App {
    /// Keeps it until then.
    pub(crate) async fn keep_challenge(
        &self,
        kind: ChallengeKind,
        id_hash: ChallengeHash,
        user_id: Option<UserId>,
        payload: &impl Serialize,
        expires_at: Timestamp,
    ) -> Result<(), Error> {
        let payload = serde_json::to_vec(payload).expect("it has string keys and no floats: it always serialises");
        let challenges = self.state.challenges().clone();
        let put = move || challenges.put(&NewChallenge { kind, id_hash, user_id, payload: &payload, expires_at });
        Ok(self.ask_log(self.settings.storage_wait, put).await??)
    }

    /// What was kept, once.
    pub(crate) async fn take_challenge<T: DeserializeOwned>(
        &self,
        kind: ChallengeKind,
        id_hash: ChallengeHash,
        at: Timestamp,
    ) -> Result<Option<T>, Error> {
        let challenges = self.state.challenges().clone();
        let take = move || challenges.take(kind, &id_hash, at);
        let taken = self.ask_log(self.settings.storage_wait, take).await??;
        // What another version has kept is not known any more.
        Ok(taken.and_then(|taken| serde_json::from_slice(&taken.payload).ok()))
    }
}
