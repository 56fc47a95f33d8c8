//! What other services are told.
//!
//! The relay follows the log as projections do, and tells other services in a small public vocabulary what has
//! happened; wake-ups tell the other nodes that there is something new. Both go over NATS, which holds nothing that the
//! log does not: without it, and after its loss, everything else goes on. This crate must never judge what may happen,
//! never write to the log, and never open a sealed part.

mod address;
mod bus;
mod checkpoint;
mod error;
mod leadership;
mod probe;
mod public_message;
mod publisher;
mod reconcile;
mod relay;
mod republish;
pub mod signals;
mod supervise;
pub mod vocabulary;
pub mod wakeups;

pub use address::Address;
pub use bus::Bus;
pub use checkpoint::{Checkpoint, Point};
pub use error::{Error, Result};
pub use probe::{NatsReport, probe};
pub use public_message::{PublicMessage, header};
pub use publisher::Limits;
pub use relay::Relay;
pub use republish::RepublishSummary;
pub use signals::Signals;
pub use supervise::{no_relay, supervise};
