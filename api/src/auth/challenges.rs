//! What must be known again when the second request of a sign-in comes.

use crate::app::App;
use crate::error::Error;
use domain::{Timestamp, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use state::{Challenge, ChallengeHash, ChallengeKind, Challenges, NewChallenge};

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
        self.challenge(move |challenges| challenges.take(kind, &id_hash, at)).await
    }

    /// What was kept, for one of so many tries.
    pub(crate) async fn try_challenge<T: DeserializeOwned>(
        &self,
        kind: ChallengeKind,
        id_hash: ChallengeHash,
        tries_max: u32,
        at: Timestamp,
    ) -> Result<Option<T>, Error> {
        self.challenge(move |challenges| challenges.count_try(kind, &id_hash, tries_max, at)).await
    }

    async fn challenge<T: DeserializeOwned>(
        &self,
        ask: impl FnOnce(&Challenges) -> state::Result<Option<Challenge>> + Send + 'static,
    ) -> Result<Option<T>, Error> {
        let challenges = self.state.challenges().clone();
        let found = self.ask_log(self.settings.storage_wait, move || ask(&challenges)).await??;
        // What another version has kept is not known any more.
        Ok(found.and_then(|found| serde_json::from_slice(&found.payload).ok()))
    }
}
