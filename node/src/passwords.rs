//! Hashing passwords: argon2id on a bounded pool, so that a flood of sign-ins slows only sign-ins.

mod queue;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use domain::password::{self, Lengths, Weak};
use domain::text::UserName;
use domain::user::Verifier;
use queue::Queue;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Sign-ins that wait for a hashing thread; one more is refused as overloaded. At 20 ms each, the last of them
/// waits about a second and a half.
const WAITING_MAX: usize = 80;

/// What one hash costs (OWASP's minimum for argon2id by default).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Cost {
    fn default() -> Cost {
        Cost { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

/// What an operator can set about passwords.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// What one hash costs.
    pub cost: Cost,
    /// How long a new one may be.
    pub lengths: Lengths,
}

/// How a password fits a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Not at all.
    Wrong,
    /// It is the one, and the verifier is as good as a new one.
    Right,
    /// It is the one, and its verifier should be replaced: it was made at a lower cost, or of the password as it was
    /// typed and not of its normal form.
    Outdated,
}

impl Fit {
    /// Whether the password is the one.
    pub fn is_right(self) -> bool {
        self != Fit::Wrong
    }
}

/// Why a password was not hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too many wait already.
    #[error("too many sign-ins at once; try again in a moment")]
    Overloaded,
    /// The hash failed: the cost is outside argon2's limits, or the thread died.
    #[error("the password could not be hashed")]
    Failed,
}

/// What hashes, and how often it has.
#[derive(Clone)]
struct CountedArgon2 {
    argon2: Argon2<'static>,
    computed: Arc<AtomicU64>,
}

/// Hashes passwords. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    argon2: CountedArgon2,
    lengths: Lengths,
    /// What an unknown name is checked against: the same work, the same time.
    nobody: Arc<str>,
    queue: Queue,
    /// Who asks, as far as turns are taken; none for an operator.
    address: Option<IpAddr>,
}

impl Passwords {
    /// A pool of one thread fewer than there are cores, at least one.
    ///
    /// # Errors
    /// [`PasswordError::Failed`] when the cost is outside argon2's limits.
    pub fn new(PasswordPolicy { cost, lengths }: PasswordPolicy) -> Result<Passwords, PasswordError> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(|_| PasswordError::Failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let threads = std::thread::available_parallelism().map_or(1, |cores| (cores.get() - 1).max(1));
        let argon2 = CountedArgon2 { argon2, computed: Arc::default() };
        let nobody = argon2.hash(&rand::random::<[u8; 16]>())?;
        Ok(Passwords { argon2, lengths, nobody: nobody.into(), queue: Queue::new(threads, WAITING_MAX), address: None })
    }

    /// The same pool for somebody at that address: addresses take turns. What counts as one address the caller says.
    pub fn of(&self, address: Option<IpAddr>) -> Passwords {
        Passwords { address, ..self.clone() }
    }

    /// How long a new password may be.
    pub fn lengths(&self) -> Lengths {
        self.lengths
    }

    /// Refuses a weak password for a new one.
    ///
    /// # Errors
    /// What is weak in it.
    pub fn check(&self, password: &str, user_name: &UserName) -> Result<(), Weak> {
        password::check(password, user_name, self.lengths)
    }

    /// The verifier of a password in its normal form, with a fresh salt: a PHC string.
    ///
    /// # Errors
    /// [`PasswordError::Overloaded`] at once when too many wait.
    pub async fn hash(&self, password: String) -> Result<Verifier, PasswordError> {
        let argon2 = self.argon2.clone();
        self.run(move || argon2.hash(password::normal_form(&password).as_bytes()).map(Verifier)).await?
    }

    /// Whether a password is the one of a verifier. Without a verifier it never is, and takes as long.
    ///
    /// # Errors
    /// [`PasswordError::Overloaded`] at once when too many wait.
    pub async fn verify(&self, password: String, verifier: Option<String>) -> Result<Fit, PasswordError> {
        let argon2 = self.argon2.clone();
        let nobody = Arc::clone(&self.nobody);
        self.run(move || match verifier {
            Some(verifier) => argon2.fit(&password, &verifier),
            None => {
                argon2.fit(&password, &nobody);
                Fit::Wrong
            }
        })
        .await
    }

    /// How many hashes were computed since the start.
    pub fn computed(&self) -> u64 {
        self.argon2.computed.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordError> {
        let thread = self.queue.thread(self.address).await.ok_or(PasswordError::Overloaded)?;
        // It moves into the work: a client that hangs up does not free a thread that is still hashing.
        let result = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(thread);
            result
        });
        result.await.map_err(|_| PasswordError::Failed)
    }
}

impl CountedArgon2 {
    fn hash(&self, password: &[u8]) -> Result<String, PasswordError> {
        let salt = rand::random::<[u8; 16]>();
        self.computed.fetch_add(1, Ordering::Relaxed);
        let hash = self.argon2.hash_password_with_salt(password, &salt).map_err(|_| PasswordError::Failed)?;
        Ok(hash.to_string())
    }

    /// Checks the normal form, and what was typed where that is something else: releases up to 0.1.0 hashed that.
    fn fit(&self, typed: &str, verifier: &str) -> Fit {
        let fits = |password: &str| {
            self.computed.fetch_add(1, Ordering::Relaxed);
            self.argon2.verify_password(password.as_bytes(), verifier).is_ok()
        };
        let normal = password::normal_form(typed);
        if fits(&normal) {
            if is_outdated(self.argon2.params(), verifier) { Fit::Outdated } else { Fit::Right }
        } else if normal != typed && fits(typed) {
            Fit::Outdated
        } else {
            Fit::Wrong
        }
    }
}

/// Whether a new verifier would cost an attacker more memory or more passes.
fn is_outdated(wanted: &Params, verifier: &str) -> bool {
    let made_with = PasswordHash::new(verifier).ok().and_then(|hash| Params::try_from(&hash).ok());
    made_with.is_none_or(|made| made.m_cost() < wanted.m_cost() || made.t_cost() < wanted.t_cost())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

    fn of(cost: Cost) -> PasswordPolicy {
        PasswordPolicy { cost, ..PasswordPolicy::default() }
    }

    #[tokio::test]
    async fn a_password_is_the_same_composed_and_decomposed() {
        let passwords = Passwords::new(of(CHEAP)).unwrap();
        let (composed, decomposed) = ("caf\u{e9} \u{439}ogurt", "cafe\u{301} \u{438}\u{306}ogurt");
        for (set, typed) in [(composed, decomposed), (decomposed, composed)] {
            let verifier = passwords.hash(set.to_owned()).await.unwrap();
            assert_eq!(passwords.verify(typed.to_owned(), Some(verifier.0)).await, Ok(Fit::Right));
        }
        // Of an earlier release: hashed as it was typed.
        let raw = passwords.argon2.hash(decomposed.as_bytes()).unwrap();
        assert_eq!(passwords.verify(decomposed.to_owned(), Some(raw.clone())).await, Ok(Fit::Outdated));
        // It cannot be told from what another device types: from there it fits once it was replaced.
        assert_eq!(passwords.verify(composed.to_owned(), Some(raw)).await, Ok(Fit::Wrong));
    }

    #[tokio::test]
    async fn a_verifier_is_outdated_when_a_new_one_would_cost_more() {
        let dearer = Cost { memory_kib: 16, passes: 2, lanes: 1 };
        for (made_at, wanted, fit) in [
            (CHEAP, dearer, Fit::Outdated),
            (CHEAP, Cost { passes: 2, ..CHEAP }, Fit::Outdated),
            (CHEAP, CHEAP, Fit::Right),
            (dearer, CHEAP, Fit::Right),
        ] {
            let verifier = Passwords::new(of(made_at)).unwrap().hash("correct horse".to_owned()).await.unwrap();
            let now = Passwords::new(of(wanted)).unwrap();
            assert_eq!(now.verify("correct horse".to_owned(), Some(verifier.0.clone())).await, Ok(fit));
            assert_eq!(now.verify("correct house".to_owned(), Some(verifier.0)).await, Ok(Fit::Wrong));
        }
    }

    #[tokio::test]
    async fn a_password_fits_its_own_verifier_only() {
        let passwords = Passwords::new(of(CHEAP)).unwrap();
        let verifier = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert_eq!(passwords.verify("correct horse".to_owned(), Some(verifier.0.clone())).await, Ok(Fit::Right));
        assert_eq!(passwords.verify("correct  horse".to_owned(), Some(verifier.0)).await, Ok(Fit::Wrong));
        assert_eq!(passwords.verify("correct horse".to_owned(), None).await, Ok(Fit::Wrong));
    }

    #[tokio::test]
    async fn the_default_cost_is_owasps_and_stands_in_the_verifier() {
        let passwords = Passwords::new(PasswordPolicy::default()).unwrap();
        let verifier = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(verifier.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", verifier.0);
    }

    #[tokio::test]
    async fn an_unknown_name_costs_what_a_known_one_costs() {
        for cost in [CHEAP, Cost::default(), Cost { memory_kib: 16, passes: 3, lanes: 2 }] {
            let passwords = Passwords::new(of(cost)).unwrap();
            let known = passwords.hash("correct horse".to_owned()).await.unwrap().0;
            let parts = |phc: &str| phc.split('$').map(str::to_owned).collect::<Vec<_>>();
            let (known, unknown) = (parts(&known), parts(&passwords.nobody));
            // Empty, algorithm, version, parameters; then salt and hash, of which the length counts.
            assert_eq!(known[..4], unknown[..4]);
            let lengths = |parts: &[String]| parts.iter().map(String::len).collect::<Vec<_>>();
            assert_eq!(lengths(&known), lengths(&unknown));
        }
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_holds_sixty_four() {
        let passwords = Passwords::new(of(CHEAP)).unwrap();
        let threads = std::thread::available_parallelism().map_or(1, |cores| (cores.get() - 1).max(1));
        let mut all_threads = Vec::new();
        for _ in 0..threads {
            all_threads.push(passwords.queue.thread(None).await.unwrap());
        }
        let waiting = (0..WAITING_MAX)
            .map(|_| {
                tokio::spawn({
                    let passwords = passwords.clone();
                    async move { passwords.hash("x".to_owned()).await }
                })
            })
            .collect::<Vec<_>>();
        while passwords.queue.waiting() < WAITING_MAX {
            tokio::task::yield_now().await;
        }
        assert!(waiting.len() >= 64);
        assert_eq!(passwords.hash("one too many".to_owned()).await, Err(PasswordError::Overloaded));
        drop(all_threads);
        for hashed in waiting {
            assert!(hashed.await.unwrap().is_ok());
        }
    }
}
