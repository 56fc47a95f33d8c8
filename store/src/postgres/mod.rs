//! The log in PostgreSQL, which several nodes append to: one connection of this node appends, a small pool reads.

mod append;
mod begin;
mod connect;
mod export;
mod filter;
mod forget;
mod import;
mod listen;
mod log;
mod probe;
mod reading;
mod receipts;
mod rotate;
mod rows;
mod runtime;
mod schema;
mod secrets;
mod tls;
mod verify;
mod write;

pub use append::Appender;
pub use connect::Cluster;
pub(crate) use connect::{ANSWER_MAX, NodeProcess, bounded};
pub use export::export;
pub use import::import;
pub use listen::ListenEnd;
pub use log::Log;
pub use probe::{DatabaseReport, probe};
pub(crate) use reading::{READ, Reading};
pub(crate) use runtime::{handle, wait};
pub use schema::migrate;
pub use verify::accept as accept_anchor;
