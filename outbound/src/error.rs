//! Why a request failed. No error holds a URL's path, question or password, a header or a body.

use std::io;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be called.
    #[error("{0}")]
    Url(&'static str),
    /// The address is not `https://`, and not allowed otherwise.
    #[error("{host} may only be called by https://; LETOPIS_OUTBOUND_ALLOW can allow it otherwise")]
    Plain { host: String },
    /// The host has private addresses only.
    #[error("{host} has no public address; LETOPIS_OUTBOUND_ALLOW can allow a private one")]
    Private { host: String },
    /// The host's name has no address.
    #[error("the name {host} cannot be resolved")]
    Unresolved {
        host: String,
        #[source]
        source: Option<io::Error>,
    },
    /// No connection came about, or no TLS over it.
    #[error("{host} cannot be connected to")]
    Unconnected {
        host: String,
        #[source]
        source: io::Error,
    },
    /// The answer leads to another origin, or too often to another address.
    #[error("{host} redirects to another address, which is not followed")]
    Redirected { host: String },
    /// No whole answer came in time.
    #[error("{host} did not answer in time")]
    TimedOut { host: String, sent: bool },
    /// The connection broke.
    #[error("the connection to {host} broke before the answer arrived")]
    Broken {
        host: String,
        sent: bool,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Whether the other side may have got the whole request all the same.
    pub fn may_have_arrived(&self) -> bool {
        match self {
            Error::Url(_)
            | Error::Plain { .. }
            | Error::Private { .. }
            | Error::Unresolved { .. }
            | Error::Unconnected { .. } => false,
            Error::Redirected { .. } => true,
            Error::TimedOut { sent, .. } | Error::Broken { sent, .. } => *sent,
        }
    }

    /// The step that failed.
    pub fn phase(&self) -> &'static str {
        match self {
            Error::Url(_) | Error::Plain { .. } | Error::Private { .. } => "address",
            Error::Unresolved { .. } => "resolve",
            Error::Unconnected { .. } => "connect",
            Error::Redirected { .. } => "redirect",
            Error::TimedOut { sent: false, .. } | Error::Broken { sent: false, .. } => "send",
            Error::TimedOut { sent: true, .. } | Error::Broken { sent: true, .. } => "answer",
        }
    }
}
