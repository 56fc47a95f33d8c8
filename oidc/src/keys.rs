//! The keys that a provider signs with, which it changes as it likes.

use crate::discovery::BELIEVED;
use crate::{Error, answer};
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use outbound::Url;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::str::FromStr;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Most keys of a provider that are looked at.
const KEYS_MAX: usize = 64;
/// How often a key that is not known is looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// Most looks for unknown keys within that time, whatever they are called.
const LOOKS_MAX: usize = 10;

const WHAT: &str = "the provider's keys";

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

#[derive(Default)]
struct Held {
    /// None before the first look.
    keys: Option<(Instant, Vec<Jwk>)>,
    again: Again,
}

/// The keys of one provider, as it published them last.
#[derive(Default)]
pub(crate) struct Keys {
    held: Mutex<Held>,
}

impl Keys {
    /// Gives the keys that may have made a signature to a function, which says whether one has. Where none has, the provider
    /// may have changed its keys since: then it is asked for them again, at most once a minute for each name of a key.
    pub(crate) async fn any<T>(
        &self,
        http: &outbound::Client,
        url: &Url,
        (name, algorithm): (Option<&str>, Algorithm),
        check: impl Fn(&DecodingKey) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let mut held = self.held.lock().await;
        let is_fresh = held.keys.as_ref().is_some_and(|(at, _)| at.elapsed() < BELIEVED);
        if !is_fresh {
            held.keys = Some((Instant::now(), fetch(http, url).await?));
        }
        if let Some(found) = held.first(name, algorithm, &check) {
            return Ok(Some(found));
        }
        // What was fetched for this very question is not fetched again.
        if !is_fresh || !held.again.may(name.unwrap_or_default(), Instant::now()) {
            return Ok(None);
        }
        held.keys = Some((Instant::now(), fetch(http, url).await?));
        Ok(held.first(name, algorithm, &check))
    }

    /// Whether it has any.
    pub(crate) async fn look(http: &outbound::Client, url: &Url) -> Result<usize, Error> {
        fetch(http, url).await.map(|keys| keys.len())
    }
}

impl Held {
    fn first<T>(
        &self,
        name: Option<&str>,
        algorithm: Algorithm,
        check: impl Fn(&DecodingKey) -> Option<T>,
    ) -> Option<T> {
        let (_, keys) = self.keys.as_ref()?;
        let named = keys.iter().filter(|key| name.is_none() || key.common.key_id.as_deref() == name);
        let fitting = named.filter(|key| fits(key, algorithm));
        fitting.filter_map(|key| DecodingKey::from_jwk(key).ok()).find_map(|key| check(&key))
    }
}

/// Whether a key is for signatures by that algorithm, as far as it says so.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let signs = key.common.public_key_use.as_ref().is_none_or(|of| *of == PublicKeyUse::Signature);
    let named = |of: &KeyAlgorithm| Algorithm::from_str(&of.to_string()).is_ok_and(|of| of == algorithm);
    signs && key.common.key_algorithm.as_ref().is_none_or(named)
}

async fn fetch(http: &outbound::Client, url: &Url) -> Result<Vec<Jwk>, Error> {
    let document = answer::get::<Document>(http, WHAT, url.clone(), None).await?;
    // One of a kind that nobody here knows is one less.
    let keys = document.keys.into_iter().take(KEYS_MAX).filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    Ok(keys.filter(|key| DecodingKey::from_jwk(key).is_ok()).collect())
}

/// Which keys were looked for in vain within the last minute.
#[derive(Default)]
struct Again(HashMap<String, Instant>);

impl Again {
    /// Whether that one may be looked for now; then it has been.
    fn may(&mut self, name: &str, now: Instant) -> bool {
        self.0.retain(|_, at| now.saturating_duration_since(*at) < LOOK_AGAIN);
        if self.0.len() >= LOOKS_MAX || self.0.contains_key(name) {
            return false;
        }
        self.0.insert(name.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_looked_for_once_a_minute() {
        let (mut again, now) = (Again::default(), Instant::now());
        assert!(again.may("a", now) && !again.may("a", now));
        assert!(!again.may("a", now + LOOK_AGAIN - Duration::from_millis(1)));
        assert!(again.may("a", now + LOOK_AGAIN));
    }

    #[test]
    fn made_up_names_are_no_way_around_it() {
        let (mut again, now) = (Again::default(), Instant::now());
        let admitted = (0..100).filter(|number: &u32| again.may(&number.to_string(), now)).count();
        assert_eq!(admitted, LOOKS_MAX);
        assert!(again.may("another", now + LOOK_AGAIN));
    }
}
