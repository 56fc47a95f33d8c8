//! The door and its layers: what holds for every request, whatever it asks for.

pub(crate) mod address;
pub(crate) mod admission;
pub(crate) mod body;
pub(crate) mod budget;
pub(crate) mod client_origin;
mod clock;
pub(crate) mod conditional;
mod connection_limits;
mod connection_state;
pub(crate) mod context;
pub(crate) mod cors;
pub(crate) mod cursor;
pub(crate) mod envelope;
pub(crate) mod figures;
pub(crate) mod idempotency;
pub(crate) mod language;
pub(crate) mod listener;
pub(crate) mod metrics;
pub(crate) mod ndjson;
pub(crate) mod params;
pub(crate) mod peer;
pub(crate) mod reply;
pub(crate) mod request_log;
pub(crate) mod request_size;
mod stop;
#[cfg_attr(not(test), expect(dead_code, reason = "no route lasts yet"))]
pub(crate) mod streams;
mod timed_stream;
pub(crate) mod web_origin;
