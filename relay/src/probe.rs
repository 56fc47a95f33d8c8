//! What NATS reports of itself, for health checks.

use crate::bus::ANSWER_WAIT;
use crate::publisher::{find, last};
use crate::{Address, Error, Result};
use async_nats::jetstream::context::ContextBuilder;
use tokio::time::timeout;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsReport {
    /// The server's version.
    pub version: String,
    /// The stream; none when there is none yet.
    pub stream: Option<Stream>,
}

/// The relay's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// How many messages it holds.
    pub messages: u64,
    /// Up to which position the relay has told; none when the last message does not say.
    pub position: Option<u64>,
}

/// Connects once, so that a failure tells why, and looks; changes nothing. Takes at most 15 seconds.
///
/// # Errors
/// [`crate::Error::Unreachable`], [`crate::Error::Refused`].
pub async fn probe(address: Address) -> Result<NatsReport> {
    let connecting = address.options().connection_timeout(ANSWER_WAIT).connect(address.servers());
    let silent = |_| Error::Unreachable(format!("no connection within {ANSWER_WAIT:?}"));
    let connected = timeout(ANSWER_WAIT, connecting).await.map_err(silent)?;
    let client = connected.map_err(|error| Error::Unreachable(error.to_string()))?;
    let version = client.server_info().version.clone();
    let context = ContextBuilder::new().timeout(ANSWER_WAIT).build(client);
    let stream = match find(&context).await? {
        None => None,
        Some(stream) => {
            let position = last(&stream).await?.map(|last| last.position);
            Some(Stream { messages: stream.cached_info().state.messages, position })
        }
    };
    Ok(NatsReport { version, stream })
}
