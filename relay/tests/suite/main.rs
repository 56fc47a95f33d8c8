//! Couriers against a real NATS server.
#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod loss;
mod relaying;
mod support;
mod wakeups;
