//! Whose request it is, as far as the network tells: the peer, or whom a proxy of ours names.

use crate::http::peer::Peer;
use crate::http::request_log::Notes;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use ipnet::IpNet;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

/// An address, or a network in CIDR notation. IPv4 written as IPv6 is IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

/// A text is neither an address nor a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must be an IP address or a network like 10.0.0.0/8")]
pub struct NoNetwork;

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Network, NoNetwork> {
        let network = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => text.parse::<IpNet>().map_err(|_| NoNetwork)?,
        };
        // ::ffff:10.0.0.0/104 is 10.0.0.0/8.
        let mapped = match network {
            IpNet::V6(v6) if v6.prefix_len() >= 96 => v6.addr().to_ipv4_mapped().map(|v4| (v4, v6.prefix_len() - 96)),
            IpNet::V4(_) | IpNet::V6(_) => None,
        };
        Ok(Network(match mapped {
            Some((address, length)) => IpNet::new(address.into(), length).map_err(|_| NoNetwork)?,
            None => network,
        }))
    }
}

/// Where a request comes from; none where nobody is connected (tests of the router alone).
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddress(pub(crate) Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<ClientAddress, Infallible> {
        Ok(parts.extensions.get::<ClientAddress>().copied().unwrap_or(ClientAddress(None)))
    }
}

/// How it is found out where requests come from.
#[derive(Clone)]
pub(crate) struct Finding {
    /// Proxies whose word counts.
    pub(crate) trusted: Arc<[Network]>,
    /// Whether the log of requests shows it.
    pub(crate) is_logged: bool,
}

/// Finds out once where a request comes from.
pub(crate) async fn find(State(finding): State<Finding>, mut request: Request, next: Next) -> Response {
    let trusted = &finding.trusted;
    let peer = request.extensions().get::<Arc<Peer>>().map(|peer| peer.address.ip().to_canonical());
    let forwarded = peer.filter(|peer| is_ours(*peer, trusted)).and_then(|_| forwarded(request.headers(), trusted));
    let found = forwarded.or(peer);
    if let Some(address) = found.filter(|_| finding.is_logged) {
        Notes::of(request.extensions()).address(address);
    }
    request.extensions_mut().insert(ClientAddress(found));
    next.run(request).await
}

/// Whether an address is that of a proxy of ours.
pub(crate) fn is_ours(address: IpAddr, proxies: &[Network]) -> bool {
    proxies.iter().any(|network| network.contains(address))
}

/// What counts as one address: of IPv6 a customer gets a whole /64 network.
pub(crate) fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

/// The nearest address that is not a proxy of ours; where all are, the farthest. What stands to the left of it is
/// hearsay, also when it is no address.
fn forwarded(headers: &HeaderMap, proxies: &[Network]) -> Option<IpAddr> {
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let nearest_first = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let mut farthest = None;
    for entry in nearest_first.filter(|entry| !entry.is_empty()) {
        let address = entry_address(entry)?;
        if !is_ours(address, proxies) {
            return Some(address);
        }
        farthest = Some(address);
    }
    farthest
}

/// The address of one entry: `192.0.2.1`, `192.0.2.1:567`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`, each
/// also in quotes.
fn entry_address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?;
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn networks(list: &[&str]) -> Vec<Network> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_network_is_an_address_or_cidr_and_mapped_is_plain() {
        let ours = networks(&["127.0.0.1", "10.0.0.0/8", "::ffff:192.0.2.0/120", "2001:db8::/32", "::1"]);
        for inside in ["127.0.0.1", "::ffff:127.0.0.1", "10.1.2.3", "192.0.2.77", "2001:db8:5::1", "::1"] {
            assert!(is_ours(inside.parse().unwrap(), &ours), "{inside}");
        }
        for outside in ["127.0.0.2", "11.0.0.1", "192.0.3.1", "2001:db9::1", "::2"] {
            assert!(!is_ours(outside.parse().unwrap(), &ours), "{outside}");
        }
        for bad in ["", "10.0.0.0/33", "localhost", "10.0.0.0/", "10.0.0", "::/129", "10.0.0.1:80"] {
            assert_eq!(bad.parse::<Network>(), Err(NoNetwork), "{bad}");
        }
    }

    #[test]
    fn the_nearest_that_is_not_ours_is_believed() {
        let ours = networks(&["127.0.0.1", "10.0.0.0/8"]);
        let cases: [(&[&str], Option<&str>); 15] = [
            (&["203.0.113.9"], Some("203.0.113.9")),
            (&["203.0.113.9:567"], Some("203.0.113.9")),
            (&["198.51.100.7, 203.0.113.9:1, 10.0.0.1:80"], Some("203.0.113.9")),
            (&["::ffff:203.0.113.9, ::ffff:10.0.0.1"], Some("203.0.113.9")),
            (&["[2001:db8::7]:80"], Some("2001:db8::7")),
            (&["[2001:db8::7]"], Some("2001:db8::7")),
            (&["\"[2001:db8::7]:80\", 10.0.0.2"], Some("2001:db8::7")),
            (&["\"203.0.113.9\""], Some("203.0.113.9")),
            (&["198.51.100.7", "203.0.113.9"], Some("203.0.113.9")),
            (&["203.0.113.9, , 10.0.0.1,"], Some("203.0.113.9")),
            (&["203.0.113.9, unknown"], None),
            (&["203.0.113.9, _hidden, 10.0.0.1"], None),
            (&["203.0.113.9, 1.2.3.4:x"], None),
            (&["10.0.0.3, 10.0.0.2"], Some("10.0.0.3")),
            (&[""], None),
        ];
        for (lines, address) in cases {
            let headers = lines.iter().map(|line| {
                (axum::http::HeaderName::from_static("x-forwarded-for"), HeaderValue::from_str(line).unwrap())
            });
            let found = forwarded(&headers.collect(), &ours);
            assert_eq!(found, address.map(|address| address.parse().unwrap()), "{lines:?}");
        }
        let bytes =
            [(axum::http::HeaderName::from_static("x-forwarded-for"), HeaderValue::from_bytes(b"\xff").unwrap())];
        assert_eq!(forwarded(&bytes.into_iter().collect(), &ours), None);
    }
}
