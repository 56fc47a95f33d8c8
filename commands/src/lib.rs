//! How a wish becomes a fact.
//!
//! One task of the process appends: the [`Writer`]. It drains its bounded queue into a batch, decides each command
//! on what the commands before it have made true, and appends the whole batch in one transaction (DESIGN 4).
//! This room must never know who asks over which door, and nothing of read models.

mod clock;
mod draft;
mod request;
mod route;
mod states;
#[cfg(test)]
mod tests;
mod writer;

pub use clock::ClockGuard;
pub use request::{Actor, Answer, Cause, Error, Key, Request, WriterError};
pub use writer::{Writer, WriterThread};
