//! Following a log row by row: what each row must be, after the row before it. Whoever walks along a log in any form
//! asks here, the database as well as a file that a log travels in.

use crate::chain::{self, Link};
use crate::{BrokenKind, Head};
use domain::Timestamp;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// What is wrong with a row.
pub(crate) type Fault = (BrokenKind, &'static str);

/// The row's version is not the one that its stream goes on with.
pub(crate) const NOT_NEXT: Fault = (BrokenKind::Version, "its version does not follow its stream's last");

/// Looks whether a row follows `head`, as far as its stream is no matter; answers where the log ends with it.
/// `buffer` is scratch space that is used again.
pub(crate) fn next(
    head: &Head,
    link: &Link<'_>,
    sealed: Option<&[u8]>,
    hash: &[u8],
    buffer: &mut Vec<u8>,
) -> Result<Head, Fault> {
    let position = head.position + 1;
    if u64::try_from(link.position) != Ok(position) {
        return Err((BrokenKind::Missing, "it is not in the log"));
    }
    let expected = chain::hash(&head.hash, link, buffer);
    if hash != expected {
        return Err((BrokenKind::Hash, "its hash is not the one of its columns and of the row before"));
    }
    if sealed.is_some_and(|sealed| link.sealed_hash != Some(chain::sealed_hash(sealed).as_slice())) {
        return Err((BrokenKind::Sealed, "its sealed part is not the one that was written"));
    }
    if link.recorded_at < head.recorded_at.0 {
        return Err((BrokenKind::Time, "it was recorded before the row before it"));
    }
    Ok(Head { position, hash: expected, recorded_at: Timestamp(link.recorded_at) })
}

/// The last version of each stream, which is known by two hashes of 64 bits with random keys: that any two of a
/// thousand million streams share both is less likely than one in 10^20. About 25 bytes a stream.
#[derive(Default)]
pub(crate) struct Versions {
    last: HashMap<(u64, u64), i64>,
    hashers: (RandomState, RandomState),
}

impl Versions {
    /// What a stream is known by.
    pub(crate) fn stream(&self, name: &str) -> (u64, u64) {
        (self.hashers.0.hash_one(name), self.hashers.1.hash_one(name))
    }

    /// Makes the first half of what a stream is known by.
    pub(crate) fn hasher(&self) -> RandomState {
        self.hashers.0.clone()
    }

    /// The version that comes next in a stream, and is now taken for the last one. `before` tells the last version
    /// of a stream that was not met yet.
    pub(crate) fn next<E>(&mut self, stream: (u64, u64), before: impl FnOnce() -> Result<i64, E>) -> Result<i64, E> {
        if let Some(last) = self.last.get_mut(&stream) {
            *last += 1;
            return Ok(*last);
        }
        let next = before()? + 1;
        self.last.insert(stream, next);
        Ok(next)
    }
}
