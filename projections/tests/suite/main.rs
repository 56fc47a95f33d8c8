//! Read models, built from facts that are really appended. `tests/shared` tells the same stories of PostgreSQL.

// `clippy.toml` allows it in tests only, and takes what tests call for something else.
#![allow(clippy::unwrap_used)]

mod cache;
mod damage;
mod edits_and_pins;
mod embedded;
mod follow;
mod histories;
mod mailings;
mod operating;
mod people;
mod reactions;
mod read_marks;
mod rebuild;
mod recipients;
mod rooms;
mod support;
mod texts;
mod tokens;
mod verify;
mod waiting;

/// Whether the log and the read models are in a database that several nodes share.
pub const SHARED: bool = false;
