//! Whose connection a request came over.

use crate::http::stop::Stop;
use std::net::SocketAddr;

/// What every request of a connection carries.
pub(crate) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) stop: Stop,
}
