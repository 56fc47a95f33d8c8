//! What an operator can set about the doors.

use crate::passwords::Cost;
use std::net::IpAddr;
use std::time::Duration;

/// What an operator can set about the doors (CONTRACT 3).
#[derive(Clone, Debug)]
pub struct Settings {
    /// A session that is not used for so long has expired.
    pub session_idle: Duration,
    /// A session has expired this long after it was opened, however much it is used.
    pub session_max: Duration,
    /// Where users reach this server: an origin without a path. By default what the `Host` header says.
    pub public_url: Option<String>,
    /// Other origins whose pages may call with the user's cookie.
    pub allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// What a password's hash costs.
    pub argon2: Cost,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            session_idle: Duration::from_secs(7 * 24 * 3600),
            session_max: Duration::from_secs(30 * 24 * 3600),
            public_url: None,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            argon2: Cost::default(),
        }
    }
}
