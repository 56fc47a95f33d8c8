//! Who is inside: how many connections there are, in all and for each address.

use crate::Limits;
use crate::http::address::{Network, household, is_ours};
use crate::http::connection_state::ConnectionState;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The connections that are open. Cheap to clone.
#[derive(Clone)]
pub(super) struct ConnectionLimits {
    inside: Arc<Mutex<Counts>>,
    max: usize,
    per_address_max: usize,
    proxies: Arc<[Network]>,
}

#[derive(Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
    /// Every connection, by its number.
    open: HashMap<u64, Open>,
    next_number: u64,
}

struct Open {
    counted: Option<IpAddr>,
    state: Arc<ConnectionState>,
    heir: Option<Heir>,
}

/// The new connection that gets the place of one that was sent away.
struct Heir {
    counted: Option<IpAddr>,
    state: Arc<ConnectionState>,
    place: oneshot::Sender<Permit>,
}

/// Why a connection is not let in at once.
pub(super) enum Full {
    /// Every connection is busy.
    Busy,
    /// The one that was idle longest was sent away; its place comes when it is gone. At most as many wait so as
    /// connections were idle.
    Leaving(oneshot::Receiver<Permit>),
}

/// One connection that was let in; it leaves when this is dropped.
pub(super) struct Permit {
    connection_limits: ConnectionLimits,
    number: u64,
    /// Whose it is, unless it is a proxy of ours.
    counted: Option<IpAddr>,
}

impl ConnectionLimits {
    pub(super) fn new(limits: &Limits, proxies: Vec<Network>) -> ConnectionLimits {
        ConnectionLimits {
            inside: Arc::default(),
            max: limits.connections_max,
            per_address_max: limits.connections_per_address_max,
            proxies: proxies.into(),
        }
    }

    /// Lets one in, if there is room. If there is none, sends away the connection that has been idle longest: of the
    /// same address, where that has its share.
    pub(super) fn admit(&self, address: IpAddr, state: &Arc<ConnectionState>) -> Result<Permit, Full> {
        let trusted = is_ours(address, &self.proxies);
        let counted = (!trusted).then(|| household(address));
        let mut inside = self.inside();
        let of_address = counted.and_then(|counted| inside.by_address.get(&counted)).copied().unwrap_or(0);
        let full = if inside.all >= self.max {
            Some("all")
        } else if of_address >= self.per_address_max {
            Some("address")
        } else {
            None
        };
        if let Some(limit) = full {
            let of = if limit == "address" { counted } else { None };
            if let Some(place) = inside.send_away(of, counted, state) {
                metrics::counter!("letopis_connections_displaced_total", "limit" => limit).increment(1);
                return Err(Full::Leaving(place));
            }
            metrics::counter!("letopis_connections_refused_total", "limit" => limit).increment(1);
            return Err(Full::Busy);
        }
        Ok(self.enter(&mut inside, counted, Arc::clone(state)))
    }

    fn enter(&self, inside: &mut Counts, counted: Option<IpAddr>, state: Arc<ConnectionState>) -> Permit {
        let number = inside.next_number;
        inside.next_number += 1;
        inside.open.insert(number, Open { counted, state, heir: None });
        inside.all += 1;
        if let Some(counted) = counted {
            *inside.by_address.entry(counted).or_default() += 1;
        }
        metrics::gauge!("letopis_connections").increment(1.0);
        Permit { connection_limits: self.clone(), number, counted }
    }

    fn inside(&self) -> MutexGuard<'_, Counts> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Sends away the connection that has been idle longest, of that address or of all, and answers where its place
    /// comes for a connection that is counted for `counted`; none when all are busy.
    fn send_away(
        &mut self,
        address: Option<IpAddr>,
        counted: Option<IpAddr>,
        state: &Arc<ConnectionState>,
    ) -> Option<oneshot::Receiver<Permit>> {
        let of = |open: &&mut Open| address.is_none() || open.counted == address;
        let candidates = self.open.values_mut().filter(of);
        let idle = candidates.filter_map(|open| Some((open.state.idle_since()?, open)));
        let (_, longest) = idle.min_by_key(|(since, _)| *since)?;
        // It may have become busy at this moment.
        longest.state.send_away().then(|| {
            let (place, until_gone) = oneshot::channel();
            longest.heir = Some(Heir { counted, state: Arc::clone(state), place });
            until_gone
        })
    }

    /// Forgets a connection, and answers who gets its place.
    fn leave(&mut self, number: u64, counted: Option<IpAddr>) -> Option<Heir> {
        self.all -= 1;
        if let Some(Entry::Occupied(mut entry)) = counted.map(|address| self.by_address.entry(address)) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
        self.open.remove(&number)?.heir
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let limits = &self.connection_limits;
        let mut inside = limits.inside();
        let handed_on = inside.leave(self.number, self.counted).and_then(|Heir { counted, state, place }| {
            // Others of the same address may have come in meanwhile.
            let of_address = counted.and_then(|counted| inside.by_address.get(&counted)).copied().unwrap_or(0);
            let fits = (counted.is_none() || of_address < limits.per_address_max) && !place.is_closed();
            fits.then(|| (place, limits.enter(&mut inside, counted, state)))
        });
        metrics::gauge!("letopis_connections").decrement(1.0);
        drop(inside);
        if let Some((place, permit)) = handed_on {
            // One that has given up waiting drops it again.
            let _ = place.send(permit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection_limits(max: usize, per_address_max: usize) -> ConnectionLimits {
        let limits = Limits { connections_max: max, connections_per_address_max: per_address_max, ..Limits::default() };
        ConnectionLimits::new(&limits, vec!["10.0.0.9".parse().unwrap()])
    }

    /// Somebody whose request is being answered.
    fn busy(connection_limits: &ConnectionLimits, address: &str) -> Option<Permit> {
        let state = Arc::new(ConnectionState::default());
        assert!(state.pass());
        connection_limits.admit(address.parse().unwrap(), &state).ok()
    }

    #[test]
    fn an_address_has_its_share_and_gets_it_back() {
        let connection_limits = connection_limits(10, 2);
        let first = busy(&connection_limits, "10.0.0.1");
        let second = busy(&connection_limits, "::ffff:10.0.0.1");
        assert!(first.is_some() && second.is_some());
        assert!(busy(&connection_limits, "10.0.0.1").is_none());
        assert!(busy(&connection_limits, "10.0.0.2").is_some());
        drop(first);
        let third = busy(&connection_limits, "10.0.0.1");
        assert!(third.is_some());
        drop((second, third));
        assert!(connection_limits.inside().by_address.is_empty() && connection_limits.inside().open.is_empty());
        assert_eq!(connection_limits.inside().all, 0);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let connection_limits = connection_limits(10, 1);
        let _first = busy(&connection_limits, "2001:db8::1").unwrap();
        assert!(busy(&connection_limits, "2001:db8::ffff:2").is_none());
        assert!(busy(&connection_limits, "2001:db8:0:1::1").is_some());
    }

    #[test]
    fn a_proxy_of_ours_brings_as_many_as_fit_in_all() {
        let connection_limits = connection_limits(3, 1);
        let inside = (0..3).map(|_| busy(&connection_limits, "::ffff:10.0.0.9").unwrap()).collect::<Vec<_>>();
        assert!(busy(&connection_limits, "10.0.0.9").is_none());
        assert!(busy(&connection_limits, "10.0.0.1").is_none());
        drop(inside);
        assert!(busy(&connection_limits, "10.0.0.1").is_some());
    }

    #[tokio::test]
    async fn the_one_that_was_idle_longest_makes_room() {
        let connection_limits = connection_limits(3, 2);
        let enter =
            |address: &str, state: &Arc<ConnectionState>| connection_limits.admit(address.parse().unwrap(), state);
        let states = [(); 3].map(|()| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            Arc::new(ConnectionState::default())
        });
        let mut inside = Vec::new();
        for (state, address) in states.iter().zip(["10.0.0.1", "10.0.0.2", "10.0.0.2"]) {
            inside.push(enter(address, state).ok());
        }
        assert!(states[0].pass(), "the first of all is at work");
        let Err(Full::Leaving(place)) = enter("10.0.0.3", &Arc::default()) else {
            panic!("the second is idle longest")
        };
        assert!(!states[1].pass(), "it is served no more");
        states[1].sent_away().await;
        assert!(states[2].idle_since().is_some());
        drop(inside[1].take());
        let _newcomer = place.await.unwrap();
        assert!(matches!(enter("10.0.0.4", &states[0]), Err(Full::Leaving(_))), "its place is taken at once");
        // Whoever has given up waiting holds no place.
        let Err(Full::Leaving(given_up)) = enter("10.0.0.5", &Arc::default()) else { panic!("another is idle") };
        drop((given_up, inside.pop()));
        assert_eq!(connection_limits.inside().all, 2);
        // Within its share an address makes room of its own only.
        let connection_limits = self::connection_limits(10, 1);
        let (of_one, of_two) = (Arc::new(ConnectionState::default()), Arc::new(ConnectionState::default()));
        let _one = connection_limits.admit("10.0.0.1".parse().unwrap(), &of_one).ok().unwrap();
        let _two = connection_limits.admit("10.0.0.2".parse().unwrap(), &of_two).ok().unwrap();
        let again = connection_limits.admit("10.0.0.2".parse().unwrap(), &Arc::default());
        assert!(
            matches!(again, Err(Full::Leaving(_))) && of_one.idle_since().is_some() && of_two.idle_since().is_none()
        );
    }
}
