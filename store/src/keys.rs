//! The keys: one data key for each subject and one for look-ups, both wrapped by the master key (`master_key.rs`).
//! Here is no SQL: `sqlite/secrets.rs` knows where the wrapped ones are stored.

use crate::Error;
use crate::master_key::MasterKey;
use crate::seal::{Key, random_key};
use domain::UserId;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use zeroize::Zeroizing;

/// At most this many unwrapped data keys are kept; then the cache starts anew.
const CACHED_KEYS_MAX: usize = 65_536;

/// What the check value holds: that it opens shows that the master key is the right one.
const CHECK: &[u8] = b"letopis master key";
const CHECK_LABEL: &[u8] = b"letopis check";
const LOOKUP_LABEL: &[u8] = b"letopis lookup";
const SUBJECT_LABEL: &[u8] = b"letopis subject";

/// The unlocked keys of one database. Shared by the writer and all readers of a process.
pub struct Keys {
    master: Key,
    lookup: Zeroizing<[u8; 32]>,
    cache: Mutex<Cache>,
}

struct Cache {
    keys: HashMap<UserId, Arc<Key>>,
    /// How many subjects were forgotten so far.
    forgotten: u64,
}

/// The wrapped values that a new database begins with.
pub(crate) struct NewSecrets {
    pub(crate) check: Vec<u8>,
    pub(crate) lookup: Vec<u8>,
}

impl Keys {
    /// The keys of a new database, and what it must keep of them.
    pub(crate) fn first(master: MasterKey) -> (Keys, NewSecrets) {
        let lookup = random_key();
        let secrets =
            NewSecrets { check: master.0.seal(CHECK_LABEL, CHECK), lookup: master.0.seal(LOOKUP_LABEL, &lookup[..]) };
        (Keys::of(master, lookup), secrets)
    }

    /// The keys of an existing database.
    pub(crate) fn unlock(master: MasterKey, check: &[u8], lookup: &[u8]) -> Result<Keys, Error> {
        if master.0.open(CHECK_LABEL, check).as_deref() != Some(CHECK) {
            return Err(Error::WrongMasterKey);
        }
        let lookup = master.0.open(LOOKUP_LABEL, lookup).map(Zeroizing::new);
        let lookup = lookup.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
        let lookup = lookup.ok_or(Error::Damaged { what: "the key for look-ups does not open" })?;
        Ok(Keys::of(master, Zeroizing::new(lookup)))
    }

    /// The keys of a log that comes from elsewhere, of which the wrapped values are known.
    ///
    /// # Errors
    /// [`Error::NoMasterKeyBrought`], [`Error::OtherMasterKey`], and those of reading the master key.
    pub(crate) fn unlock_other(master_key: &Path, check: &[u8], lookup: &[u8]) -> Result<Keys, Error> {
        let path = || master_key.to_owned();
        let master = MasterKey::read(master_key)?.ok_or_else(|| Error::NoMasterKeyBrought { path: path() })?;
        match Keys::unlock(master, check, lookup) {
            Err(Error::WrongMasterKey) => Err(Error::OtherMasterKey { path: path() }),
            unlocked => unlocked,
        }
    }

    fn of(master: MasterKey, lookup: Zeroizing<[u8; 32]>) -> Keys {
        Keys { master: master.0, lookup, cache: Mutex::new(Cache { keys: HashMap::new(), forgotten: 0 }) }
    }

    /// A hash that nobody can compute without this database's keys: for looking up an address or a name that
    /// must not stand in the clear. Another `purpose` gives unrelated hashes; `parts` are told apart, not joined.
    pub fn keyed_hash(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let key = Zeroizing::new(blake3::derive_key(&format!("letopis 2026 look-up: {purpose}"), &self.lookup[..]));
        let mut hasher = blake3::Hasher::new_keyed(&key);
        for part in parts {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        *hasher.finalize().as_bytes()
    }

    /// A new data key for `subject`, and its wrapped form.
    pub(crate) fn new_data_key(&self, subject: UserId) -> (Arc<Key>, Vec<u8>) {
        let bytes = random_key();
        (Arc::new(Key::new(&bytes)), self.master.seal(&wrapped_for(subject), &bytes[..]))
    }

    /// Unwraps a data key; `None` when it was wrapped by another key or for another subject.
    pub(crate) fn unwrap_data_key(&self, subject: UserId, wrapped: &[u8]) -> Option<Arc<Key>> {
        let bytes = Zeroizing::new(self.master.open(&wrapped_for(subject), wrapped)?);
        let bytes: &[u8; 32] = bytes.as_slice().try_into().ok()?;
        Some(Arc::new(Key::new(bytes)))
    }

    pub(crate) fn cached(&self, subject: UserId) -> Option<Arc<Key>> {
        self.cache().keys.get(&subject).cloned()
    }

    /// How many subjects were forgotten so far: to be asked before a read begins, and given to [`Keys::cache_key`].
    pub(crate) fn forgotten(&self) -> u64 {
        self.cache().forgotten
    }

    /// Keeps a committed key. If anybody was forgotten since the read began that found it, it is not kept: the
    /// read may have seen the database as it was before.
    pub(crate) fn cache_key(&self, subject: UserId, key: Arc<Key>, forgotten_before: u64) {
        let mut cache = self.cache();
        if cache.forgotten != forgotten_before {
            return;
        }
        if cache.keys.len() >= CACHED_KEYS_MAX {
            cache.keys.clear();
        }
        cache.keys.insert(subject, key);
    }

    /// Drops a key, after the commit that deleted it.
    pub(crate) fn forget(&self, subject: UserId) {
        let mut cache = self.cache();
        cache.forgotten += 1;
        cache.keys.remove(&subject);
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().expect("nothing panics while it holds this lock")
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Keys(…)")
    }
}

fn wrapped_for(subject: UserId) -> Vec<u8> {
    [SUBJECT_LABEL, subject.0.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn keys() -> Keys {
        Keys::first(MasterKey(Key::new(&random_key()))).0
    }

    #[test]
    fn keyed_hashes_tell_purposes_parts_and_databases_apart() {
        let keys = keys();
        let hash = keys.keyed_hash("name", &[b"ab", b"c"]);
        assert_eq!(hash, keys.keyed_hash("name", &[b"ab", b"c"]));
        assert_ne!(hash, keys.keyed_hash("name", &[b"a", b"bc"]));
        assert_ne!(hash, keys.keyed_hash("email", &[b"ab", b"c"]));
        assert_ne!(hash, super::tests::keys().keyed_hash("name", &[b"ab", b"c"]));
    }

    #[test]
    fn a_wrapped_key_is_its_subjects_alone() {
        let keys = keys();
        let (anna, boris) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let (key, wrapped) = keys.new_data_key(anna);
        let sealed = key.seal(b"", b"text");
        let again = keys.unwrap_data_key(anna, &wrapped).unwrap();
        assert_eq!(again.open(b"", &sealed).as_deref(), Some(b"text".as_slice()));
        assert!(keys.unwrap_data_key(boris, &wrapped).is_none());
    }

    #[test]
    fn a_read_that_began_before_somebody_was_forgotten_caches_nothing() {
        let keys = keys();
        let anna = UserId(Uuid::from_u128(1));
        let (key, _) = keys.new_data_key(anna);
        let before = keys.forgotten();
        keys.forget(anna);
        keys.cache_key(anna, key.clone(), before);
        assert!(keys.cached(anna).is_none());
        keys.cache_key(anna, key, keys.forgotten());
        assert!(keys.cached(anna).is_some());
    }
}
