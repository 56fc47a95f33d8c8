//! Whose connection a request came over.

use crate::http::stop::Stop;
use axum::http::{Extensions, HeaderMap};
use std::net::SocketAddr;
use std::sync::Arc;

/// What proxies add to a request that they pass on.
const PASSED_ON: [&str; 6] =
    ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/// What every request of a connection carries.
pub(crate) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) stop: Stop,
}

/// Whether a request was made on this machine: its connection is of the loopback interface, and no proxy has passed it on
/// for somebody else.
pub(crate) fn is_local(extensions: &Extensions, headers: &HeaderMap) -> bool {
    let peer = extensions.get::<Arc<Peer>>();
    peer.is_some_and(|peer| peer.address.ip().to_canonical().is_loopback())
        && !PASSED_ON.iter().any(|name| headers.contains_key(*name))
}
