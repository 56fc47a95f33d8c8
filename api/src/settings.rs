//! What an operator can set about the doors.

use crate::doctor::{Doctor, ShownSetting};
use crate::first_admin::FirstAdmin;
use crate::http::address::Network;
use couriers::channel::sendgrid::EventKey;
use couriers::mailings::VariablesSource;
use domain::notify::Categories;
use node::rate_limits::Rates;
use std::sync::Arc;
use std::time::Duration;

/// What an operator can set about the doors (CONTRACT 3).
#[derive(Clone, Debug)]
pub struct Settings {
    /// A session that is not used for so long has expired.
    pub session_idle: Duration,
    /// A session has expired this long after it was opened, however much it is used.
    pub session_max: Duration,
    /// What the product is called: in previews of mails, and where devices list passkeys.
    pub product_name: String,
    /// Where users reach this server: an origin without a path. By default what the `Host` header says.
    pub public_url: Option<String>,
    /// Other origins whose pages may call with the user's cookie.
    pub allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Who may open an account.
    pub sign_up: SignUp,
    /// Who must have a second factor.
    pub second_factor: SecondFactor,
    /// Whether figures are told on a listener of their own, and so not on this one.
    pub has_metrics_listener: bool,
    /// Whether the dev mailbox is shown: where no way to send mail is set.
    pub has_mailbox: bool,
    /// Whether there are pages for signing in; where there is a console, there are.
    pub has_sign_in_pages: bool,
    /// Whether there is a console.
    pub has_console: bool,
    /// What is set, for operators to see; masked where it is secret.
    pub shown: Arc<[ShownSetting]>,
    /// Looks at everything that the server needs.
    pub doctor: Doctor,
    /// What opens the first admin's account; none where the log was not empty at the start.
    pub first_admin: Option<FirstAdmin>,
    /// What SendGrid's events are verified by; without it none are taken.
    pub sendgrid_event_key: Option<EventKey>,
    /// Whether the log of requests shows where they come from.
    pub log_addresses: bool,
    /// What there is to be told about.
    pub categories: Categories,
    /// Where the variables of mailings may be fetched from.
    pub variables: VariablesSource,
    /// How long a request waits on storage that does not answer.
    pub storage_wait: Duration,
    /// How much of the server one caller, and all of them, may hold, and for how long.
    pub limits: Limits,
    /// Other services to sign in by.
    pub providers: Vec<oidc::ProviderSettings>,
    /// What may be called although it is not on the internet, or not by TLS.
    pub outbound: outbound::Allowed,
    /// How many requests callers may make; none where something in front of the server sees to that.
    pub rates: Option<Rates>,
}

/// Who may open an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUp {
    /// Nobody, but by an operator.
    Closed,
    /// Who registers with a name and a password.
    ByPassword,
    /// Who reads the mail of an address as well.
    ByMail,
}

/// Who must have a second factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondFactor {
    /// Nobody.
    #[default]
    Optional,
    /// Who has the role admin.
    Admins,
    /// Everybody.
    All,
}

/// How much of the server callers may hold, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections_max: usize,
    /// Connections at once from one address; of IPv6, from one /64 network. Trusted proxies have no such limit.
    pub connections_per_address_max: usize,
    /// Requests under way at once, counted from when the whole of their body is there.
    pub in_flight_max: usize,
    /// Bytes of answers that wait to be taken, in all.
    pub answer_bytes_max: usize,
    /// Bytes of answers that wait to be taken by one address; of IPv6, by one /64 network.
    pub answer_bytes_per_address_max: usize,
    /// From the connection to the first byte of its first request.
    pub first_byte_max: Duration,
    /// From the first byte of a request to the end of its header.
    pub head_max: Duration,
    /// From the end of a header to the end of the body.
    pub body_max: Duration,
    /// What a handler may take, beside the time for which it waits for the body.
    pub answer_max: Duration,
    /// How long a caller may leave an answer unread without taking a byte of it.
    pub unread_max: Duration,
    /// From an answer to the first byte of the next request of the same connection.
    pub idle_max: Duration,
    /// Connections that last at once: answers that go on, and other protocols in place of HTTP.
    pub streams_max: usize,
    /// How long nothing may move, in either direction, on a connection that lasts.
    pub stream_idle_max: Duration,
    /// What requests under way may still take when the server stops.
    pub drain_max: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections_max: 10_000,
            connections_per_address_max: 512,
            in_flight_max: 1_024,
            answer_bytes_max: 256 * 1024 * 1024,
            answer_bytes_per_address_max: 64 * 1024 * 1024,
            first_byte_max: Duration::from_secs(10),
            head_max: Duration::from_secs(10),
            body_max: Duration::from_secs(30),
            answer_max: Duration::from_secs(30),
            unread_max: Duration::from_secs(30),
            idle_max: Duration::from_secs(60),
            streams_max: 8_192,
            stream_idle_max: Duration::from_secs(120),
            drain_max: Duration::from_secs(10),
        }
    }
}

impl Settings {
    /// What this server is called where people tell it from others: the host that they reach it by.
    pub(crate) fn host_name(&self) -> String {
        let named = self.public_url.as_deref().and_then(|url| url::Url::parse(url).ok()?.host_str().map(str::to_owned));
        named.unwrap_or_else(|| "letopis".to_owned())
    }

    /// Whether an address that no account has opens one at its first right code.
    pub(crate) fn signs_up_by_mail(&self) -> bool {
        self.sign_up == SignUp::ByMail
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            session_idle: Duration::from_secs(7 * 24 * 3600),
            session_max: Duration::from_secs(30 * 24 * 3600),
            product_name: "Letopis".to_owned(),
            public_url: None,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            categories: Categories::built_in(),
            variables: VariablesSource::default(),
            sign_up: SignUp::ByPassword,
            second_factor: SecondFactor::Optional,
            has_metrics_listener: false,
            has_mailbox: true,
            has_sign_in_pages: true,
            has_console: true,
            shown: Arc::from([]),
            doctor: Doctor::default(),
            first_admin: None,
            sendgrid_event_key: None,
            log_addresses: false,
            storage_wait: Duration::from_secs(5),
            limits: Limits::default(),
            providers: Vec::new(),
            outbound: outbound::Allowed::default(),
            rates: Some(Rates::default()),
        }
    }
}
