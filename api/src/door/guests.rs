//! Who is inside: how many connections there are, in all and for each address.

use crate::Limits;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The connections that are open. Cheap to clone.
#[derive(Clone)]
pub(super) struct Guests {
    inside: Arc<Mutex<Inside>>,
    max: usize,
    per_address_max: usize,
    proxies: Arc<[IpAddr]>,
}

#[derive(Default)]
struct Inside {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One connection that was let in; it leaves when this is dropped.
pub(super) struct Guest {
    guests: Guests,
    /// Whose it is, unless it is a proxy of ours.
    counted: Option<IpAddr>,
}

impl Guests {
    pub(super) fn new(limits: &Limits, proxies: Vec<IpAddr>) -> Guests {
        Guests {
            inside: Arc::default(),
            max: limits.connections_max,
            per_address_max: limits.connections_per_address_max,
            proxies: proxies.into(),
        }
    }

    /// Lets one in, if there is room.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Guest> {
        let trusted = self.proxies.contains(&address.to_canonical());
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
            metrics::counter!("letopis_connections_refused_total", "limit" => limit).increment(1);
            return None;
        }
        inside.all += 1;
        if let Some(counted) = counted {
            inside.by_address.insert(counted, of_address + 1);
        }
        metrics::gauge!("letopis_connections").set(inside.all as f64);
        drop(inside);
        Some(Guest { guests: self.clone(), counted })
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut inside = self.guests.inside();
        inside.all -= 1;
        if let Some(Entry::Occupied(mut entry)) = self.counted.map(|address| inside.by_address.entry(address)) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
        metrics::gauge!("letopis_connections").set(inside.all as f64);
    }
}

/// What counts as one address: of IPv6 a customer gets a whole /64 network.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guests(max: usize, per_address_max: usize) -> Guests {
        let limits = Limits { connections_max: max, connections_per_address_max: per_address_max, ..Limits::default() };
        Guests::new(&limits, vec![ip("10.0.0.9")])
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_share_and_gets_it_back() {
        let guests = guests(10, 2);
        let first = guests.admit(ip("10.0.0.1"));
        let second = guests.admit(ip("::ffff:10.0.0.1"));
        assert!(first.is_some() && second.is_some());
        assert!(guests.admit(ip("10.0.0.1")).is_none());
        assert!(guests.admit(ip("10.0.0.2")).is_some());
        drop(first);
        let third = guests.admit(ip("10.0.0.1"));
        assert!(third.is_some());
        drop((second, third));
        assert!(guests.inside().by_address.is_empty());
        assert_eq!(guests.inside().all, 0);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let guests = guests(10, 1);
        let _first = guests.admit(ip("2001:db8::1")).unwrap();
        assert!(guests.admit(ip("2001:db8::ffff:2")).is_none());
        assert!(guests.admit(ip("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn a_proxy_of_ours_brings_as_many_as_fit_in_all() {
        let guests = guests(3, 1);
        let inside = (0..3).map(|_| guests.admit(ip("10.0.0.9")).unwrap()).collect::<Vec<_>>();
        assert!(guests.admit(ip("10.0.0.9")).is_none());
        assert!(guests.admit(ip("10.0.0.1")).is_none());
        drop(inside);
        assert!(guests.admit(ip("10.0.0.1")).is_some());
    }
}
