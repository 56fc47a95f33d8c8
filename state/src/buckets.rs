//! Token buckets: how much somebody may still ask for. They are in memory only: losing one gives back a full bucket, and
//! nothing more.
//!
//! A bucket is one number: when it will be full again (the generic cell rate algorithm). Each request moves that by the time
//! that one token takes. What is refused counts as well, but only up to the debt of one burst: a flood keeps its own bucket
//! empty, and a caller that stops waits no longer than a bucket takes to fill.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a bucket belongs to: an address, or a hash.
pub type BucketKey = [u8; 16];

/// Tables that are locked apart from each other.
const SHARDS: usize = 64;

/// So many requests in so long, and how many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Until a bucket has one token more, in microseconds.
    interval_us: u64,
    /// Tokens of a full bucket.
    burst: u32,
}

/// A text is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it must be like 100/s:200: so many in a second (s), minute (m) or hour (h), and how many at once, up to a million each"
)]
pub struct NoRate;

impl FromStr for Rate {
    type Err = NoRate;

    fn from_str(text: &str) -> Result<Rate, NoRate> {
        let (rate, burst) = text.split_once(':').ok_or(NoRate)?;
        let (count, unit) = rate.split_once('/').ok_or(NoRate)?;
        let period = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            _ => return Err(NoRate),
        };
        let number = |text: &str| {
            let digits = text.trim();
            let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits.parse::<u32>().ok().filter(|number| is_plain && (1..=1_000_000).contains(number));
            number.ok_or(NoRate)
        };
        Ok(Rate::new(number(count)?, Duration::from_secs(period), number(burst)?))
    }
}

impl Rate {
    /// `count` requests in every `period`, and `burst` at once; a bucket has one token more every microsecond at most.
    pub const fn new(count: u32, period: Duration, burst: u32) -> Rate {
        let interval_us = period.as_micros() as u64 / if count == 0 { 1 } else { count as u64 };
        Rate { interval_us: if interval_us == 0 { 1 } else { interval_us }, burst }
    }

    /// Until a bucket has one token more, in microseconds.
    pub fn interval_us(self) -> u64 {
        self.interval_us
    }

    /// Tokens of a full bucket.
    pub fn burst(self) -> u32 {
        self.burst
    }

    /// How long an empty bucket takes to be full, in whole seconds, rounded up.
    pub fn window_seconds(self) -> u64 {
        self.burst_us().div_ceil(1_000_000)
    }

    fn burst_us(self) -> u64 {
        self.interval_us * u64::from(self.burst)
    }

    /// Counts a request of `now` to a bucket that will be full at `full_at`: when it will be full then, and whether the
    /// request is admitted.
    fn count(self, full_at: u64, now: u64) -> (u64, bool) {
        let full_at = full_at.max(now) + self.interval_us;
        let is_admitted = full_at <= now + self.burst_us();
        (if is_admitted { full_at } else { full_at.min(now + 2 * self.burst_us()) }, is_admitted)
    }
}

/// How a bucket is after a request was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Whether the request is within the limit.
    pub is_admitted: bool,
    /// Requests that would be admitted now.
    pub remaining: u64,
    /// Until it is full again, in microseconds.
    pub full_after_us: u64,
    /// Until the next request is admitted, in microseconds.
    pub next_after_us: u64,
}

impl Level {
    /// Of a bucket that will be full after so many microseconds.
    pub fn new(rate: Rate, is_admitted: bool, full_after_us: u64) -> Level {
        Level {
            is_admitted,
            remaining: rate.burst_us().saturating_sub(full_after_us) / rate.interval_us,
            full_after_us,
            next_after_us: (full_after_us + rate.interval_us).saturating_sub(rate.burst_us()),
        }
    }

    /// Seconds until it is full again, rounded up.
    pub fn full_after_seconds(self) -> u64 {
        self.full_after_us.div_ceil(1_000_000)
    }

    /// Seconds until the next request is admitted, rounded up.
    pub fn next_after_seconds(self) -> u64 {
        self.next_after_us.div_ceil(1_000_000)
    }
}

/// Buckets of one kind, of a bounded number: those that were not used for longest go first.
pub struct Buckets {
    rate: Rate,
    began: Instant,
    hasher: RandomState,
    /// Buckets of one generation of one shard.
    generation_max: usize,
    shards: Vec<Mutex<Shard>>,
}

/// When buckets will be full, in microseconds. A bucket that is used moves to the young ones; when there are enough of these,
/// the old ones go and the young ones are the old ones.
#[derive(Default)]
struct Shard {
    young: HashMap<BucketKey, u64>,
    old: HashMap<BucketKey, u64>,
}

impl Shard {
    fn put(&mut self, key: BucketKey, full_at: u64, generation_max: usize) {
        if self.young.len() >= generation_max && !self.young.contains_key(&key) {
            // The old table is kept for its memory: it has the size that the young ones will need.
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(key, full_at);
    }
}

impl Buckets {
    /// Buckets that remember those that were used last: at least `remembered`, and never more than about twice as many.
    pub fn new(rate: Rate, remembered: usize) -> Buckets {
        Buckets {
            rate,
            began: Instant::now(),
            hasher: RandomState::new(),
            generation_max: (remembered / SHARDS).max(1),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// How much they give.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Counts a request.
    pub fn count(&self, key: BucketKey) -> Level {
        self.count_at(key, self.now())
    }

    /// Whether there is a bucket: it was used lately.
    pub fn has(&self, key: &BucketKey) -> bool {
        let shard = self.shard(key).lock().unwrap_or_else(PoisonError::into_inner);
        shard.young.contains_key(key) || shard.old.contains_key(key)
    }

    /// Remembers how a bucket is that is counted elsewhere.
    pub fn put(&self, key: BucketKey, full_after_us: u64) {
        let full_at = self.now() + full_after_us;
        let mut shard = self.shard(&key).lock().unwrap_or_else(PoisonError::into_inner);
        shard.put(key, full_at, self.generation_max);
    }

    fn count_at(&self, key: BucketKey, now: u64) -> Level {
        let mut shard = self.shard(&key).lock().unwrap_or_else(PoisonError::into_inner);
        let (full_at, is_admitted) = if let Some(full_at) = shard.young.get_mut(&key) {
            let counted = self.rate.count(*full_at, now);
            *full_at = counted.0;
            counted
        } else {
            let counted = self.rate.count(shard.old.remove(&key).unwrap_or(0), now);
            shard.put(key, counted.0, self.generation_max);
            counted
        };
        Level::new(self.rate, is_admitted, full_at.saturating_sub(now))
    }

    fn shard(&self, key: &BucketKey) -> &Mutex<Shard> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX / 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    fn key(number: u64) -> BucketKey {
        u128::from(number).to_be_bytes()
    }

    #[test]
    fn rates_are_read_and_nothing_else_is() {
        assert_eq!(rate("100/s:200"), Rate::new(100, Duration::from_secs(1), 200));
        assert_eq!(rate(" 10/m : 10 "), Rate::new(10, Duration::from_secs(60), 10));
        assert_eq!((rate("10/m:10").interval_us(), rate("1/h:3").window_seconds()), (6 * SECOND, 3 * 3_600));
        for bad in [
            "",
            "100",
            "100/s",
            "100/s:",
            ":200",
            "/s:5",
            "100:200",
            "0/s:5",
            "5/s:0",
            "-1/s:5",
            "+1/s:5",
            "1/d:5",
            "1.5/s:5",
            "1/s:1000001",
            "1000001/s:1",
            "1/s:2:3",
            "1/s/m:2",
            "1/ s2:2",
        ] {
            assert_eq!(bad.parse::<Rate>(), Err(NoRate), "{bad}");
        }
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let buckets = Buckets::new(rate("2/s:4"), 1_000);
        let levels = (0..4).map(|_| buckets.count_at(key(1), SECOND)).collect::<Vec<_>>();
        assert!(levels.iter().all(|level| level.is_admitted));
        assert_eq!(levels.iter().map(|level| level.remaining).collect::<Vec<_>>(), [3, 2, 1, 0]);
        assert_eq!((levels[0].full_after_seconds(), levels[3].full_after_seconds()), (1, 2));
        assert_eq!((levels[0].next_after_us, levels[3].next_after_us), (0, SECOND / 2));
        assert!(!buckets.count_at(key(1), SECOND).is_admitted);
        // What was refused counts: half a second later it is not yet paid for.
        assert!(!buckets.count_at(key(1), SECOND + SECOND / 2).is_admitted);
        assert!(buckets.count_at(key(2), SECOND).is_admitted, "another bucket is another one");
    }

    #[test]
    fn a_flood_locks_itself_out_no_longer_than_a_bucket_takes_to_fill() {
        let buckets = Buckets::new(rate("10/m:10"), 1_000);
        for _ in 0..10_000 {
            buckets.count_at(key(1), 0);
        }
        let refused = buckets.count_at(key(1), 0);
        assert!(!refused.is_admitted);
        // It is a burst in debt, and then waits for one token.
        assert_eq!((refused.remaining, refused.full_after_seconds(), refused.next_after_seconds()), (0, 120, 60 + 6));
        assert!(buckets.count_at(key(1), refused.next_after_us).is_admitted, "Retry-After is the truth");
    }

    #[test]
    fn a_hundred_threads_get_exactly_the_burst_of_one_bucket() {
        let buckets = Buckets::new(rate("1/h:200"), 1_000);
        let admitted = std::thread::scope(|scope| {
            let count = || (0..50).filter(|_| buckets.count(key(7)).is_admitted).count();
            let threads = (0..100).map(|_| scope.spawn(count)).collect::<Vec<_>>();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        assert_eq!(admitted, 200);
    }

    #[test]
    fn those_that_were_not_used_for_longest_go_first() {
        let buckets = Buckets::new(rate("1/h:2"), 64_000);
        buckets.count(key(0));
        for number in 1..500_000 {
            buckets.count(key(number));
            if number % 10_000 == 0 {
                // A bucket that is used stays, however many others come.
                buckets.count(key(0));
            }
        }
        assert!(!buckets.count(key(0)).is_admitted, "its tokens were spent and are not given again");
        assert!(buckets.has(&key(499_999)) && !buckets.has(&key(1)));
        let held = buckets.shards.iter().map(|shard| {
            let shard = shard.lock().unwrap();
            shard.young.len() + shard.old.len()
        });
        assert!(held.sum::<usize>() <= 128_000);
    }

    #[test]
    fn what_is_counted_elsewhere_is_gone_on_with() {
        let buckets = Buckets::new(rate("1/h:2"), 1_000);
        assert!(!buckets.has(&key(1)));
        buckets.put(key(1), buckets.rate().burst_us());
        assert!(buckets.has(&key(1)) && !buckets.count(key(1)).is_admitted);
    }
}
