//! How much a caller may ask for: token buckets, in Redis where nodes share one, else in this process. When Redis does not
//! answer, this process goes on with what it knows of each bucket.

use crate::redis::Redis;
use state::{BucketKey, Buckets, Level, Rate};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use store::Keys;

/// Callers, and addresses or names of sign-ins, that are remembered at least. All tables together take 46 MiB at most: 25 bytes
/// for each place, of which a table has up to 16/7 for each bucket that it is sure to remember.
const REMEMBERED: usize = 64 * 1_792;
/// The same of addresses.
const ADDRESSES_REMEMBERED: usize = 64 * 7_168;

/// Counts one request in one step, by the clock of Redis: nodes need not agree on the time. Answers whether it is admitted, and
/// until when the bucket is full again in microseconds. The bucket goes when it is full.
const COUNT: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[1]) * tonumber(ARGV[2])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + interval
local admitted = 1
if full > now + burst then
    admitted = 0
    full = math.min(full, now + 2 * burst)
end
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
return {admitted, full - now}";

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The requests of a session or a service token.
    Caller,
    /// The requests of an address without either.
    Address,
    /// Registering, signing in and asking for mail, by address.
    SignIn,
    /// The same by name or e-mail address.
    SignInName,
}

impl Limit {
    /// Its name, as callers see it.
    pub fn name(self) -> &'static str {
        match self {
            Limit::Caller => "caller",
            Limit::Address => "address",
            Limit::SignIn => "sign-in",
            Limit::SignInName => "sign-in-name",
        }
    }
}

/// How much each may ask for (CONTRACT 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// A session or a service token.
    pub caller: Rate,
    /// An address without either.
    pub address: Rate,
    /// Registering, signing in and asking for mail: an address, and a name or e-mail address.
    pub sign_in: Rate,
}

impl Default for Rates {
    fn default() -> Rates {
        Rates {
            caller: Rate::new(100, Duration::from_secs(1), 200),
            address: Rate::new(20, Duration::from_secs(1), 100),
            sign_in: Rate::new(10, Duration::from_secs(60), 10),
        }
    }
}

/// The buckets.
pub struct RateLimits {
    callers: Buckets,
    addresses: Buckets,
    sign_ins: Buckets,
    sign_in_names: Buckets,
    keys: Arc<Keys>,
    redis: Option<Redis>,
}

impl RateLimits {
    /// Full buckets.
    pub fn new(rates: Rates, keys: Arc<Keys>, redis: Option<Redis>) -> RateLimits {
        RateLimits {
            callers: Buckets::new(rates.caller, REMEMBERED),
            addresses: Buckets::new(rates.address, ADDRESSES_REMEMBERED),
            sign_ins: Buckets::new(rates.sign_in, REMEMBERED),
            sign_in_names: Buckets::new(rates.sign_in, REMEMBERED),
            keys,
            redis,
        }
    }

    /// How much a limit lets through.
    pub fn rate(&self, limit: Limit) -> Rate {
        self.buckets(limit).rate()
    }

    /// Whether this caller was counted lately: their credentials were good then.
    pub fn knows_caller(&self, key: &BucketKey) -> bool {
        self.callers.has(key)
    }

    /// Counts a request.
    pub async fn count(&self, limit: Limit, key: BucketKey) -> Level {
        let level = match self.count_shared(limit, &key).await {
            Some(level) => level,
            None => self.buckets(limit).count(key),
        };
        if !level.is_admitted {
            metrics::counter!("letopis_requests_limited_total", "limit" => limit.name()).increment(1);
        }
        level
    }

    /// The bucket of a name or an e-mail address. Say it in the form in which names are compared.
    pub fn name_key(&self, name: &str) -> BucketKey {
        first_half(&self.keys.keyed_hash("rate limit of a name", &[name.as_bytes()]))
    }

    async fn count_shared(&self, limit: Limit, key: &BucketKey) -> Option<Level> {
        let redis = self.redis.as_ref()?;
        let rate = self.rate(limit);
        // Redis learns no address and no name.
        let name = self.keys.keyed_hash("key of a rate limit in Redis", &[limit.name().as_bytes(), key]);
        let mut command = ::redis::cmd("EVAL");
        command.arg(COUNT).arg(1).arg(format!("letopis:rate:{}", blake3::Hash::from(name).to_hex()));
        let (admitted, full_after_us): (u8, u64) = redis.ask(command.arg(rate.interval_us()).arg(rate.burst())).await?;
        self.buckets(limit).put(*key, full_after_us);
        Some(Level::new(rate, admitted == 1, full_after_us))
    }

    fn buckets(&self, limit: Limit) -> &Buckets {
        match limit {
            Limit::Caller => &self.callers,
            Limit::Address => &self.addresses,
            Limit::SignIn => &self.sign_ins,
            Limit::SignInName => &self.sign_in_names,
        }
    }
}

/// The bucket of an address; of IPv4 and of IPv6 they are different ones.
pub fn address_key(address: IpAddr) -> BucketKey {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The bucket of what a hash stands for.
pub fn first_half(hash: &[u8; 32]) -> BucketKey {
    let mut key = [0; 16];
    key.copy_from_slice(&hash[..16]);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::Address;
    use std::net::Ipv4Addr;
    use store::{Appender, Folder};

    const WAIT_MAX: Duration = Duration::from_secs(20);

    fn keys(folder: &tempfile::TempDir) -> Arc<Keys> {
        let folder = Folder::create(folder.path()).unwrap();
        Appender::open(&folder, &folder.master_key()).unwrap().keys()
    }

    fn rates() -> Rates {
        let slow = "1/h:20".parse().unwrap();
        Rates { caller: slow, ..Rates::default() }
    }

    /// Memory of this process in bytes.
    fn resident() -> u64 {
        let text = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1_024
    }

    #[tokio::test]
    async fn a_million_addresses_cost_at_most_64_mib_and_the_oldest_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let limits = RateLimits::new(Rates::default(), keys(&folder), None);
        let address = |number: u32| address_key(Ipv4Addr::from_bits(number).into());
        let before = resident();
        for number in 0..1_000_000 {
            limits.count(Limit::Address, address(number)).await;
        }
        // The others have a quarter of the places: these fill them.
        for number in 0..300_000 {
            for limit in [Limit::Caller, Limit::SignIn, Limit::SignInName] {
                limits.count(limit, address(number)).await;
            }
        }
        let grown = resident().saturating_sub(before);
        assert!(grown <= 64 * 1024 * 1024, "{} MiB", grown / 1024 / 1024);
        // The last of them are remembered, the first are not.
        assert!(limits.addresses.has(&address(999_999)));
        assert!(limits.addresses.has(&address(600_000)) && !limits.addresses.has(&address(0)));
    }

    /// Counts until Redis does it, and at most for a while.
    async fn shared(limits: &RateLimits) {
        let asked = async {
            while limits.count_shared(Limit::Address, &[9; 16]).await.is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(WAIT_MAX, asked).await.unwrap();
    }

    #[tokio::test]
    async fn nodes_share_a_bucket_and_each_goes_on_alone_while_redis_is_gone() {
        if !servers::installed(servers::Server::Redis) {
            return;
        }
        let mut server = servers::Redis::start().unwrap();
        let redis = || Some(Redis::new(&Address::parse(&server.url()).unwrap()));
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(&folder);
        let nodes = [(); 2].map(|()| Arc::new(RateLimits::new(rates(), Arc::clone(&keys), redis())));
        for node in &nodes {
            shared(node).await;
        }
        let mut counting = tokio::task::JoinSet::new();
        for number in 0..100 {
            let node = Arc::clone(&nodes[number % 2]);
            counting.spawn(async move { node.count(Limit::Caller, [1; 16]).await });
        }
        let levels = counting.join_all().await;
        assert_eq!(levels.iter().filter(|level| level.is_admitted).count(), 20, "the burst, on both together");
        let flood = nodes[0].count(Limit::Caller, [1; 16]).await;
        assert_eq!(flood.next_after_seconds(), 21 * 3_600, "in debt for one burst, and no deeper");
        // The first of one node is the second of the bucket.
        nodes[0].count(Limit::Caller, [2; 16]).await;
        assert_eq!(nodes[1].count(Limit::Caller, [2; 16]).await.remaining, 18);
        assert!(nodes[1].knows_caller(&[2; 16]) && !nodes[1].knows_caller(&[3; 16]));
        server.kill();
        // What this node knows of a bucket still holds, and what it does not know is full.
        assert!(!nodes[0].count(Limit::Caller, [1; 16]).await.is_admitted);
        assert_eq!(nodes[1].count(Limit::Caller, [2; 16]).await.remaining, 17);
        assert_eq!(nodes[0].count(Limit::Caller, [4; 16]).await.remaining, 19);
        server.restart().unwrap();
        shared(&nodes[0]).await;
        assert_eq!(nodes[0].count(Limit::Caller, [5; 16]).await.remaining, 19);
        shared(&nodes[1]).await;
        assert_eq!(nodes[1].count(Limit::Caller, [5; 16]).await.remaining, 18, "it is shared again");
    }

    #[test]
    fn names_have_buckets_that_nobody_can_guess() {
        let folder = tempfile::tempdir().unwrap();
        let limits = RateLimits::new(Rates::default(), keys(&folder), None);
        assert_ne!(limits.name_key("anna"), limits.name_key("boris"));
        let other = RateLimits::new(Rates::default(), keys(&tempfile::tempdir().unwrap()), None);
        assert_ne!(limits.name_key("anna"), other.name_key("anna"));
    }
}
