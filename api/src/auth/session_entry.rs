//! A session as it is in Redis: ids and instants under a keyed hash of its token, and a proof that a node of this
//! house wrote it. Whoever can write to Redis cannot become anybody by that, and whoever can read it learns no token.

use domain::session::TokenHash;
use domain::{SessionId, Timestamp, UserId};
use projections::{Stamp, sessions};
use std::time::Duration;
use store::{Keys, Mark};
use uuid::Uuid;

/// What comes first. Another layout gets another one; what is older is then unknown, which costs a look.
const LAYOUT: u8 = 4;
/// The layout, two ids, a flag, six numbers, a hash.
const FIELDS_BYTES: usize = 1 + 2 * 16 + 1 + 6 * 8 + 32;
const PROOF_BYTES: usize = 32;
/// An entry goes after this time at the latest.
const KEPT_MAX: Duration = Duration::from_secs(3600);

/// What Redis holds of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) open: sessions::Open,
    /// It was used then, and perhaps later.
    pub(crate) used_at: Timestamp,
    /// The state of the read model that it was read from.
    pub(crate) stamp: Stamp,
}

/// Under which key it is stored.
pub(crate) fn key(keys: &Keys, token_hash: &TokenHash) -> String {
    let name = keys.keyed_hash("key of a session in Redis", &[&token_hash.0]);
    format!("letopis:session:{}", blake3::Hash::from(name).to_hex())
}

impl Entry {
    /// How long Redis is to keep it, in milliseconds; at least one.
    pub(crate) fn kept_ms(&self) -> u64 {
        let left = u64::try_from(self.open.expires_at.0.saturating_sub(self.used_at.0) / 1_000).unwrap_or(0);
        left.clamp(1, KEPT_MAX.as_secs() * 1_000)
    }

    /// Its bytes.
    pub(crate) fn write(&self, keys: &Keys, token_hash: &TokenHash) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIELDS_BYTES + PROOF_BYTES);
        bytes.push(LAYOUT);
        bytes.extend(self.open.session_id.0.as_bytes());
        bytes.extend(self.open.user_id.0.as_bytes());
        bytes.push(self.open.on_two.into());
        for instant in [self.open.created_at, self.open.expires_at, self.open.proved_at, self.used_at] {
            bytes.extend(instant.0.to_be_bytes());
        }
        bytes.extend(self.stamp.generation.to_be_bytes());
        bytes.extend(self.stamp.mark.position.to_be_bytes());
        bytes.extend(self.stamp.mark.hash);
        let proof = proof(keys, token_hash, &bytes);
        bytes.extend(proof.as_bytes());
        bytes
    }

    /// Reads its bytes; none when they are of another layout, or nobody with these keys wrote them for that token.
    pub(crate) fn read(bytes: &[u8], keys: &Keys, token_hash: &TokenHash) -> Option<Entry> {
        let (fields, proved) = bytes.split_at_checked(FIELDS_BYTES)?;
        let proved = <[u8; PROOF_BYTES]>::try_from(proved).ok()?;
        // Takes the same time wherever they differ.
        if proof(keys, token_hash, fields) != blake3::Hash::from(proved) {
            return None;
        }
        let (layout, mut rest) = fields.split_first()?;
        if *layout != LAYOUT {
            return None;
        }
        Some(Entry {
            open: sessions::Open {
                session_id: SessionId(Uuid::from_bytes(take(&mut rest)?)),
                user_id: UserId(Uuid::from_bytes(take(&mut rest)?)),
                on_two: take::<1>(&mut rest)? != [0],
                created_at: Timestamp(i64::from_be_bytes(take(&mut rest)?)),
                expires_at: Timestamp(i64::from_be_bytes(take(&mut rest)?)),
                proved_at: Timestamp(i64::from_be_bytes(take(&mut rest)?)),
            },
            used_at: Timestamp(i64::from_be_bytes(take(&mut rest)?)),
            stamp: Stamp {
                generation: u64::from_be_bytes(take(&mut rest)?),
                mark: Mark { position: u64::from_be_bytes(take(&mut rest)?), hash: take(&mut rest)? },
            },
        })
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

fn proof(keys: &Keys, token_hash: &TokenHash, fields: &[u8]) -> blake3::Hash {
    keys.keyed_hash("proof of a session in Redis", &[&token_hash.0, fields]).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::fuzz::Verdict;
    use std::sync::Arc;

    fn keys() -> Arc<Keys> {
        let folder = tempfile::tempdir().unwrap();
        let folder = store::Folder::create(folder.path()).unwrap();
        store::Appender::open(&folder, &folder.master_key()).unwrap().keys()
    }

    fn entry() -> Entry {
        let open = sessions::Open {
            session_id: SessionId(Uuid::from_u128(1)),
            user_id: UserId(Uuid::from_u128(2)),
            created_at: Timestamp(3),
            expires_at: Timestamp(90_000_000_004),
            proved_at: Timestamp(2),
            on_two: true,
        };
        Entry { open, used_at: Timestamp(5), stamp: Stamp { generation: 6, mark: Mark { position: 7, hash: [8; 32] } } }
    }

    #[test]
    fn only_who_has_the_keys_writes_one_and_only_for_that_token() {
        let (keys, others) = (keys(), self::keys());
        let (token, another) = (TokenHash([1; 32]), TokenHash([2; 32]));
        let bytes = entry().write(&keys, &token);
        assert_eq!(Entry::read(&bytes, &keys, &token), Some(entry()));
        assert_eq!(Entry::read(&bytes, &keys, &another), None);
        assert_eq!(Entry::read(&bytes, &others, &token), None);
        let names = [key(&keys, &token), key(&keys, &another), key(&others, &token)];
        assert!(names[0] != names[1] && names[0] != names[2], "{names:?}");
        assert!(names.iter().all(|name| name.starts_with("letopis:") && !name.contains("0101")), "{names:?}");
        assert_eq!(names[0], key(&keys, &token));
    }

    #[test]
    fn it_is_kept_no_longer_than_the_session_lasts() {
        assert_eq!(entry().kept_ms(), 3_600_000);
        let of = |used_at| Entry { used_at: Timestamp(used_at), ..entry() }.kept_ms();
        assert_eq!(of(90_000_000_004 - 2_000_000), 2_000);
        assert_eq!(of(90_000_000_004 + 1), 1, "Redis takes no zero");
    }

    #[test]
    fn fuzz_what_is_read_is_written_back_equal_and_a_change_is_noticed() {
        let (keys, token) = (keys(), TokenHash([1; 32]));
        let seed = entry().write(&keys, &token);
        ::fuzz::bytes(&[&seed], |input| {
            let read = Entry::read(input, &keys, &token);
            assert_eq!(read.map(|entry| entry.write(&keys, &token) == input), (input == seed).then_some(true));
            Verdict::from(&read)
        });
    }
}
