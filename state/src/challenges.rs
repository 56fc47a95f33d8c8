//! Sign-ins that are under way: what this server must know again when the second request of a pair comes. A second factor that
//! is still missing, the state of an OpenID Connect sign-in and the code that ends it, a passkey's challenge.
//!
//! A challenge is known by the hash of a secret that only the client has which asked. It counts once: of two that come with the same
//! secret one wins, on whichever node.

use crate::Result;
use crate::parts::Part;
use crate::storage::Storage;
use domain::{Timestamp, UserId};
use store::sql::{Row, Tx, Value};

pub(crate) const PART: Part = Part { tables: TABLES, forget, begin_again };

const TABLES: &str = "
    create table if not exists challenge (
        kind text not null,
        id_hash bytea not null,
        user_id bytea,
        payload bytea not null,
        tries bigint not null,
        expires_at bigint not null,
        primary key (kind, id_hash)
    );
    create index if not exists challenge_by_expiry on challenge (expires_at);
    create index if not exists challenge_by_kind on challenge (kind, expires_at);
    create index if not exists challenge_by_user on challenge (user_id);
";

/// Most bytes that are kept of one.
pub const CHALLENGE_BYTES_MAX: usize = 32 * 1024;
/// How many of a kind are kept; those that expire first go first. Who begins many of one kind ends nobody's of another.
const CHALLENGES_MAX: i64 = 50_000;

/// What a challenge is for. One of a kind is none of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeKind {
    /// The first proof was right, the second is missing.
    SecondFactor,
    /// Another service was asked who somebody is.
    External,
    /// It answered; the code waits for being exchanged.
    ExternalCode,
    /// A passkey is being made.
    NewPasskey,
    /// Somebody signs in by a passkey.
    Passkey,
}

impl ChallengeKind {
    const ALL: [ChallengeKind; 5] = [
        ChallengeKind::SecondFactor,
        ChallengeKind::External,
        ChallengeKind::ExternalCode,
        ChallengeKind::NewPasskey,
        ChallengeKind::Passkey,
    ];

    fn name(self) -> &'static str {
        match self {
            ChallengeKind::SecondFactor => "second-factor",
            ChallengeKind::External => "external",
            ChallengeKind::ExternalCode => "external-code",
            ChallengeKind::NewPasskey => "new-passkey",
            ChallengeKind::Passkey => "passkey",
        }
    }
}

/// SHA-256 of the secret that a client brings back.
pub type ChallengeHash = [u8; 32];

/// One that begins.
#[derive(Clone, Copy, Debug)]
pub struct NewChallenge<'a> {
    pub kind: ChallengeKind,
    pub id_hash: ChallengeHash,
    /// Whose it is, if that is known already: it goes when they are erased.
    pub user_id: Option<UserId>,
    /// What is to be known again; at most [`CHALLENGE_BYTES_MAX`] bytes.
    pub payload: &'a [u8],
    pub expires_at: Timestamp,
}

/// One that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    pub user_id: Option<UserId>,
    pub payload: Vec<u8>,
    pub expires_at: Timestamp,
}

/// Sign-ins that are under way. A cheap handle; its calls block for milliseconds.
#[derive(Clone)]
pub struct Challenges {
    storage: Storage,
}

impl Challenges {
    pub(crate) fn new(storage: Storage) -> Challenges {
        Challenges { storage }
    }

    /// Begins one, and forgets those that are too many.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn put(&self, new: &NewChallenge<'_>) -> Result<()> {
        debug_assert!(new.payload.len() <= CHALLENGE_BYTES_MAX, "a challenge of {} bytes", new.payload.len());
        self.storage.change(|tx| {
            tx.queue(
                "insert into challenge (kind, id_hash, user_id, payload, tries, expires_at)
                 values ($1, $2, $3, $4, 0, $5)",
                &[
                    new.kind.name().into(),
                    new.id_hash.as_slice().into(),
                    new.user_id.as_ref().into(),
                    new.payload.into(),
                    new.expires_at.into(),
                ],
            )
        })
    }

    /// Ends it: nobody else gets it. None where there is none, or it has expired.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn take(&self, kind: ChallengeKind, id_hash: &ChallengeHash, at: Timestamp) -> Result<Option<Challenge>> {
        self.one(
            "delete from challenge where kind = $1 and id_hash = $2 returning user_id, payload, expires_at",
            &[kind.name().into(), id_hash.as_slice().into()],
            at,
        )
    }

    /// Counts a try, and leaves it where it is. None where there is none, it has expired, or `tries_max` have been counted before.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn count_try(
        &self,
        kind: ChallengeKind,
        id_hash: &ChallengeHash,
        tries_max: u32,
        at: Timestamp,
    ) -> Result<Option<Challenge>> {
        self.one(
            "update challenge set tries = tries + 1 where kind = $1 and id_hash = $2 and tries < $3
             returning user_id, payload, expires_at",
            &[kind.name().into(), id_hash.as_slice().into(), i64::from(tries_max).into()],
            at,
        )
    }

    fn one(&self, sql: &'static str, values: &[Value<'_>], at: Timestamp) -> Result<Option<Challenge>> {
        let mut found = None;
        self.storage.change(|tx| {
            tx.keep()?;
            found = tx.row(sql, values, challenge)?;
            Ok(())
        })?;
        Ok(found.filter(|found| found.expires_at > at))
    }

    /// Forgets what has expired, and of what is too much what expires first.
    pub(crate) fn forget_old(&self, at: Timestamp) -> Result<()> {
        self.storage.change(|tx| {
            tx.queue("delete from challenge where expires_at <= $1", &[at.into()])?;
            let sql = "delete from challenge where kind = $1 and expires_at < (
                           select coalesce(min(expires_at), 0) from (
                               select expires_at from challenge where kind = $1
                               order by expires_at desc limit $2) newest)";
            ChallengeKind::ALL
                .into_iter()
                .try_for_each(|kind| tx.queue(sql, &[kind.name().into(), CHALLENGES_MAX.into()]))
        })
    }
}

fn challenge(row: &Row<'_>) -> Result<Challenge> {
    Ok(Challenge {
        user_id: row.maybe_uuid(0)?.map(UserId),
        payload: row.bytes(1)?.to_vec(),
        expires_at: row.timestamp(2)?,
    })
}

fn forget(tx: &mut Tx<'_>, user_id: UserId) -> Result<()> {
    tx.queue("delete from challenge where user_id = $1", &[(&user_id).into()])
}

fn begin_again(tx: &mut Tx<'_>) -> Result<()> {
    tx.queue("delete from challenge", &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::sql::Place;
    use uuid::Uuid;

    const ANNA: UserId = UserId(Uuid::from_u128(1));
    const NOON: Timestamp = Timestamp(1_800_000_000_000_000);
    const LATER: Timestamp = Timestamp(NOON.0 + 300_000_000);

    fn open(folder: &tempfile::TempDir) -> Challenges {
        Challenges::new(Storage::open(&Place::File(folder.path().join("state.db"))).unwrap())
    }

    fn put(challenges: &Challenges, kind: ChallengeKind, id: u8, user_id: Option<UserId>) {
        let new = NewChallenge { kind, id_hash: [id; 32], user_id, payload: b"nonce", expires_at: LATER };
        challenges.put(&new).unwrap();
    }

    #[test]
    fn one_is_taken_once_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        put(&open(&folder), ChallengeKind::External, 1, None);
        let challenges = open(&folder);
        let taken = challenges.take(ChallengeKind::External, &[1; 32], NOON).unwrap();
        assert_eq!(taken, Some(Challenge { user_id: None, payload: b"nonce".to_vec(), expires_at: LATER }));
        assert_eq!(challenges.take(ChallengeKind::External, &[1; 32], NOON).unwrap(), None);
    }

    #[test]
    fn a_hundred_at_once_are_one() {
        let folder = tempfile::tempdir().unwrap();
        let challenges = open(&folder);
        put(&challenges, ChallengeKind::ExternalCode, 1, Some(ANNA));
        let take = || challenges.take(ChallengeKind::ExternalCode, &[1; 32], NOON).unwrap().is_some();
        let won = std::thread::scope(|scope| {
            let threads = (0..100).map(|_| scope.spawn(take)).collect::<Vec<_>>();
            threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum::<usize>()
        });
        assert_eq!(won, 1);
    }

    #[test]
    fn another_kind_another_secret_and_what_has_expired_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let challenges = open(&folder);
        put(&challenges, ChallengeKind::Passkey, 1, None);
        assert_eq!(challenges.take(ChallengeKind::NewPasskey, &[1; 32], NOON).unwrap(), None);
        assert_eq!(challenges.take(ChallengeKind::Passkey, &[2; 32], NOON).unwrap(), None);
        assert_eq!(challenges.take(ChallengeKind::Passkey, &[1; 32], LATER).unwrap(), None);
    }

    #[test]
    fn a_sixth_try_of_five_finds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let challenges = open(&folder);
        put(&challenges, ChallengeKind::SecondFactor, 1, Some(ANNA));
        let tried = || challenges.count_try(ChallengeKind::SecondFactor, &[1; 32], 5, NOON).unwrap();
        for _ in 0..5 {
            assert_eq!(tried().and_then(|found| found.user_id), Some(ANNA));
        }
        assert_eq!(tried(), None);
    }

    #[test]
    fn what_has_expired_and_what_is_an_erased_persons_is_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let challenges = open(&folder);
        let count = || {
            let snapshot = challenges.storage.database().snapshot().unwrap();
            snapshot.row("select count(*) from challenge", &[], |row| row.int(0)).unwrap()
        };
        put(&challenges, ChallengeKind::SecondFactor, 1, Some(ANNA));
        put(&challenges, ChallengeKind::External, 2, None);
        challenges.storage.change(|tx| forget(tx, ANNA)).unwrap();
        assert_eq!(count(), Some(1));
        challenges.forget_old(LATER).unwrap();
        assert_eq!(count(), Some(0));
    }
}
