//! Where a request comes from: the program and the network address, as they go into the history of sign-ins.

use crate::error::Error;
use crate::http::address::ClientAddress;
use axum::extract::FromRequestParts;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use domain::user::Origin;
use std::net::IpAddr;

/// Characters of a program's name that are kept.
const DEVICE_CHARACTERS_MAX: usize = 200;

/// Where a request comes from, as it goes into the history of sign-ins, and its address.
pub(crate) struct ClientOrigin(pub(crate) Origin, pub(crate) Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for ClientOrigin {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<ClientOrigin, Error> {
        // Clients write names of devices in any encoding; what is no UTF-8 of it is shown as such.
        let agent = parts.headers.get(USER_AGENT).map_or(&[][..], |value| value.as_bytes());
        let device = domain::text::seen(&String::from_utf8_lossy(agent), DEVICE_CHARACTERS_MAX);
        let address = parts.extensions.get::<ClientAddress>().and_then(|address| address.0);
        let from = Origin { device, address: address.map_or_else(String::new, |ip| ip.to_string()) };
        Ok(ClientOrigin(from, address))
    }
}
