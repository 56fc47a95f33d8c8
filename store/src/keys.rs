//! The keys: one data key for each subject and one for look-ups, both wrapped by the master key (`master_key.rs`).
//! Here is no SQL: `sqlite/secrets.rs` knows where the wrapped ones are stored.

use crate::Error;
use crate::master_key::{self, MasterKey};
use crate::seal::{Key, random_key};
use domain::UserId;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use zeroize::Zeroizing;

/// At most this many unwrapped data keys are kept; then the cache starts again.
const CACHED_KEYS_MAX: usize = 65_536;

const LOOKUP_LABEL: &[u8] = b"letopis lookup";
const SUBJECT_LABEL: &[u8] = b"letopis subject";

/// The unlocked keys of one database. Shared by the writer and all readers of a process.
pub struct Keys {
    /// Where the master key is kept: another node may have rotated it.
    path: PathBuf,
    master: RwLock<Masters>,
    lookup: Zeroizing<[u8; 32]>,
    cache: Mutex<Cache>,
}

struct Masters {
    /// Wraps what is new.
    current: Arc<MasterKey>,
    /// While a rotation goes on, and for what was read before it.
    former: Option<Arc<MasterKey>>,
}

struct Cache {
    keys: HashMap<UserId, Arc<Key>>,
    /// How many subjects were forgotten so far.
    forgotten: u64,
}

/// What a rotation of the master key has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRotation {
    /// Data keys that were wrapped again.
    pub keys: u64,
    /// Where the former master key is kept now: backups of before need it. None when another process has put the new
    /// key into its place.
    pub former: Option<PathBuf>,
}

/// The wrapped values that a new database begins with.
pub(crate) struct NewSecrets {
    pub(crate) check: Vec<u8>,
    pub(crate) lookup: Vec<u8>,
}

impl Keys {
    /// The keys of a new database, and what it must keep of them. `path` is where the master key is kept.
    pub(crate) fn first(master: MasterKey, path: &Path) -> (Keys, NewSecrets) {
        let lookup = random_key();
        let secrets = NewSecrets { check: master.check(), lookup: master.0.seal(LOOKUP_LABEL, &lookup[..]) };
        (Keys::of(master, path, lookup), secrets)
    }

    /// The keys of an existing database, of which the wrapped values are known.
    ///
    /// # Errors
    /// Those of [`master_key::of`], and [`Error::Damaged`].
    pub(crate) fn unlock(path: &Path, check: &[u8], lookup: &[u8]) -> Result<Keys, Error> {
        let master = master_key::of(path, check)?;
        let bytes = master.0.open(LOOKUP_LABEL, lookup).map(Zeroizing::new);
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
        let bytes = bytes.ok_or(Error::Damaged { what: "the key for look-ups does not open" })?;
        Ok(Keys::of(master, path, Zeroizing::new(bytes)))
    }

    /// The keys of a log that comes from elsewhere, of which the wrapped values are known.
    ///
    /// # Errors
    /// [`Error::NoMasterKeyBrought`], [`Error::OtherMasterKey`], and those of reading the master key.
    pub(crate) fn unlock_other(path: &Path, check: &[u8], lookup: &[u8]) -> Result<Keys, Error> {
        match Keys::unlock(path, check, lookup) {
            Err(Error::MissingMasterKey { path }) => Err(Error::NoMasterKeyBrought { path }),
            Err(Error::WrongMasterKey) => Err(Error::OtherMasterKey { path: path.to_owned() }),
            unlocked => unlocked,
        }
    }

    fn of(master: MasterKey, path: &Path, lookup: Zeroizing<[u8; 32]>) -> Keys {
        let masters = Masters { current: Arc::new(master), former: None };
        let cache = Mutex::new(Cache { keys: HashMap::new(), forgotten: 0 });
        Keys { path: path.to_owned(), master: RwLock::new(masters), lookup, cache }
    }

    /// Where the master key is kept.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The master key that wraps what is new.
    pub(crate) fn master(&self) -> Arc<MasterKey> {
        self.master.read().expect("nothing panics while it holds this lock").current.clone()
    }

    /// Wraps by this key from now on; the one so far still opens what it wrapped.
    pub(crate) fn wrap_by(&self, key: Arc<MasterKey>) {
        let mut masters = self.master.write().expect("nothing panics while it holds this lock");
        if !Arc::ptr_eq(&masters.current, &key) {
            masters.former = Some(std::mem::replace(&mut masters.current, key));
        }
    }

    /// Follows a rotation by another process: the check value in the database tells which key wraps now.
    ///
    /// # Errors
    /// [`Error::Rotated`] when that key is not on this machine.
    pub(crate) fn follow(&self, check: &[u8]) -> Result<(), Error> {
        if self.master().made(check) {
            return Ok(());
        }
        let key = master_key::of(&self.path, check).map_err(|_| Error::Rotated { path: self.path.clone() })?;
        self.wrap_by(Arc::new(key));
        master_key::settle(&self.path, check).map(drop)
    }

    /// The key for look-ups and a data key, wrapped by another master key.
    pub(crate) fn lookup_wrapped_by(&self, master: &MasterKey) -> Vec<u8> {
        master.0.seal(LOOKUP_LABEL, &self.lookup[..])
    }

    /// The data key of a stored subject, wrapped by another master key.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it does not open.
    pub(crate) fn wrapped_again(&self, next: &MasterKey, subject: &[u8], wrapped: &[u8]) -> Result<Vec<u8>, Error> {
        let label = [SUBJECT_LABEL, subject].concat();
        let bytes = self.open(&label, wrapped).map(Zeroizing::new);
        let bytes = bytes.ok_or(Error::Damaged { what: "a data key does not open with the master key" })?;
        Ok(next.0.seal(&label, &bytes))
    }

    /// Opens what a master key wrapped: the current one, the former one, or one that was put into place since.
    fn open(&self, label: &[u8], wrapped: &[u8]) -> Option<Vec<u8>> {
        let (current, former) = {
            let masters = self.master.read().expect("nothing panics while it holds this lock");
            (masters.current.clone(), masters.former.clone())
        };
        let known = current.0.open(label, wrapped).or_else(|| former?.0.open(label, wrapped));
        known.or_else(|| {
            let by = |place: &Path| {
                let key = MasterKey::read(place).ok().flatten()?;
                let opened = key.0.open(label, wrapped)?;
                self.wrap_by(Arc::new(key));
                Some(opened)
            };
            by(&self.path).or_else(|| {
                let opened = by(&master_key::next(&self.path))?;
                if let Err(error) = master_key::put_in_place(&self.path) {
                    tracing::warn!(error = crate::described(&error), "the next start of this node wants that done");
                }
                Some(opened)
            })
        })
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
        (Arc::new(Key::new(&bytes)), self.master().0.seal(&wrapped_for(subject), &bytes[..]))
    }

    /// Unwraps a data key; `None` when it was wrapped by another key or for another subject.
    pub(crate) fn unwrap_data_key(&self, subject: UserId, wrapped: &[u8]) -> Option<Arc<Key>> {
        let bytes = Zeroizing::new(self.open(&wrapped_for(subject), wrapped)?);
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
pub(crate) mod tests {
    use super::*;
    use uuid::Uuid;

    /// Those of a new database.
    pub(crate) fn keys() -> Keys {
        Keys::first(MasterKey(Key::new(&random_key())), Path::new("master.key")).0
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
