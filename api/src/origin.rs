//! Where a request comes from: the program and the network address, as they go into the history of sign-ins.

use crate::app::App;
use crate::error::Error;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use domain::user::Origin;
use std::net::{IpAddr, SocketAddr};

/// Characters of a program's name that are kept.
const DEVICE_CHARACTERS_MAX: usize = 200;

/// Where a request comes from.
pub(crate) struct CameFrom(pub(crate) Origin);

impl FromRequestParts<App> for CameFrom {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<CameFrom, Error> {
        // Clients write names of devices in any encoding; what is no UTF-8 of it is shown as such.
        let agent = parts.headers.get(USER_AGENT).map_or(&[][..], |value| value.as_bytes());
        let device = String::from_utf8_lossy(agent).chars().take(DEVICE_CHARACTERS_MAX).collect();
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        let trusted = &app.settings.trusted_proxies;
        let forwarded = peer.filter(|peer| trusted.contains(peer)).and_then(|_| forwarded(&parts.headers, trusted));
        let address = forwarded.or(peer);
        Ok(CameFrom(Origin { device, address: address.map_or_else(String::new, |ip| ip.to_string()) }))
    }
}

/// The nearest address that is not a proxy of ours. What stands to the left of it is hearsay, also when it is no
/// address.
fn forwarded(headers: &HeaderMap, proxies: &[IpAddr]) -> Option<IpAddr> {
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let mut nearest_first = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(',')).map(str::trim);
    let ours = |text: &str| text.parse::<IpAddr>().is_ok_and(|ip| proxies.contains(&ip));
    nearest_first.find(|text| !ours(text))?.parse().ok()
}
