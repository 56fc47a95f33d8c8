//! What an operator lets us call although it is not on the internet, or not by TLS.

use crate::Error;
use crate::address::is_public;
use ipnet::IpNet;
use std::net::IpAddr;
use url::{Host, Url};

/// Most entries of a list.
const ENTRIES_MAX: usize = 1_000;

/// Hosts and networks that may be private, and called by `http://`. By default there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// In lower case and ASCII, without a dot at the end.
    hosts: Vec<String>,
    networks: Vec<IpNet>,
}

impl Allowed {
    /// Reads hosts, addresses and networks with commas between them: `hooks.internal, 10.0.0.0/8, ::1`.
    ///
    /// # Errors
    /// The first entry that is none of them.
    pub fn parse(text: &str) -> Result<Allowed, String> {
        let mut allowed = Allowed::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            if allowed.hosts.len() + allowed.networks.len() == ENTRIES_MAX {
                return Err(entry.to_owned());
            }
            if let Ok(network) = entry.parse::<IpNet>() {
                allowed.networks.push(network);
            } else if let Ok(address) = entry.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
                allowed.networks.push(address.into());
            } else if let Some(host) = host_name(entry) {
                allowed.hosts.push(host);
            } else {
                return Err(entry.to_owned());
            }
        }
        Ok(allowed)
    }

    /// Reads an address that is to be called, and looks whether it ever may be: by what can be told without resolving it.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check(&self, url: &str) -> Result<Url, Error> {
        let url = Url::parse(url).map_err(|_| Error::Url("it is no URL"))?;
        let is_tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(Error::Url("it must begin with https://")),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(Error::Url("it names no host"))?.to_owned();
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) | None => None,
        };
        match address {
            Some(address) if !self.permits(is_tls, &host, address) => match is_tls {
                true => Err(Error::Private { host }),
                false => Err(Error::Plain { host }),
            },
            None if !is_tls && !self.may_permit_plain(&host) => Err(Error::Plain { host }),
            Some(_) | None => Ok(url),
        }
    }

    /// Whether the list names the host of an address: by its name, or its network where the host is an address.
    pub fn names(&self, url: &Url) -> bool {
        match url.host() {
            Some(Host::Domain(host)) => self.has_host(host),
            Some(Host::Ipv4(address)) => self.has_address(address.into()),
            Some(Host::Ipv6(address)) => self.has_address(address.into()),
            None => false,
        }
    }

    /// Whether that host is allowed by its name, whatever its address.
    pub(crate) fn has_host(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.');
        self.hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
    }

    pub(crate) fn has_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whether a connection to that address may be made for a host of that name.
    pub(crate) fn permits(&self, is_tls: bool, host: &str, address: IpAddr) -> bool {
        self.has_host(host) || self.has_address(address) || (is_tls && is_public(address))
    }

    /// Whether some address may be called without TLS for a host of that name, before it is known which it has.
    pub(crate) fn may_permit_plain(&self, host: &str) -> bool {
        self.has_host(host) || !self.networks.is_empty()
    }
}

/// A name as it stands in a URL; none where it is no name.
fn host_name(text: &str) -> Option<String> {
    match Host::parse(text.trim_end_matches('.')).ok()? {
        Host::Domain(name) if !name.is_empty() && !name.contains('*') => Some(name),
        Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_addresses_and_networks_are_told_apart() {
        let allowed =
            Allowed::parse(" Hooks.Internal., 10.1.0.0/16 ,::1, [fd00::5], 192.168.7.7,bücher.example,").unwrap();
        for host in ["hooks.internal", "HOOKS.internal.", "xn--bcher-kva.example"] {
            assert!(allowed.has_host(host), "{host}");
        }
        for host in ["internal", "x.hooks.internal", "hooks.internal.evil.example", "10.1.0.1", ""] {
            assert!(!allowed.has_host(host), "{host}");
        }
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "::1", "fd00::5", "192.168.7.7"] {
            assert!(allowed.has_address(address.parse().unwrap()), "{address}");
        }
        for address in ["10.2.0.1", "::2", "fd00::6", "192.168.7.8", "127.0.0.1"] {
            assert!(!allowed.has_address(address.parse().unwrap()), "{address}");
        }
        assert_eq!(Allowed::parse(""), Ok(Allowed::default()));
        for bad in ["http://a.example", "10.0.0.0/33", "a b", "a.example:80", "*.example", "10.0.0.300"] {
            assert_eq!(Allowed::parse(bad), Err(bad.to_owned()), "{bad}");
        }
    }

    #[test]
    fn what_is_private_or_plain_needs_to_be_allowed() {
        let (none, some) = (Allowed::default(), Allowed::parse("hooks.internal, 10.0.0.0/8").unwrap());
        let cases = [
            (true, "a.example", "8.8.8.8", true, true),
            (false, "a.example", "8.8.8.8", false, false),
            (true, "a.example", "10.0.0.1", false, true),
            (false, "a.example", "10.0.0.1", false, true),
            (true, "a.example", "192.168.0.1", false, false),
            (true, "hooks.internal", "192.168.0.1", false, true),
            (false, "hooks.internal", "8.8.8.8", false, true),
        ];
        for (is_tls, host, address, by_none, by_some) in cases {
            let address = address.parse().unwrap();
            assert_eq!(none.permits(is_tls, host, address), by_none, "{is_tls} {host} {address}");
            assert_eq!(some.permits(is_tls, host, address), by_some, "{is_tls} {host} {address}");
        }
    }
}
