//! The log in PostgreSQL: what several nodes, a server that fails and a database that others can reach bring about.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../common/mod.rs"]
mod common;

mod anchor;
mod faults;
mod listening;
mod moving;
mod nodes;
mod reaching;
mod rotating;
mod schema;
mod torture;
mod trips;
