//! How NATS looks from here, for who wants to know whether it is well.

use crate::bus::ANSWER_WAIT;
use crate::publisher::{find, last};
use crate::{Address, Bus, Result};
use async_nats::jetstream::context::ContextBuilder;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
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

/// Connects and looks; changes nothing. Takes at most 15 seconds.
///
/// # Errors
/// [`crate::Error::Unreachable`], [`crate::Error::Refused`].
pub async fn look(address: Address) -> Result<Looked> {
    let bus = Bus::connect(address).await?;
    bus.reached(ANSWER_WAIT).await?;
    let context = ContextBuilder::new().timeout(ANSWER_WAIT).build(bus.client().clone());
    let stream = match find(&context).await? {
        None => None,
        Some(stream) => {
            let position = last(&stream).await?.map(|last| last.position);
            Some(Stream { messages: stream.cached_info().state.messages, position })
        }
    };
    Ok(Looked { version: bus.client().server_info().version.clone(), stream })
}
