//! The log in one SQLite file: one writing connection, owned by the writer, and a few that only read.

mod about;
mod append;
mod connection;
mod decode;
mod filter;
mod forget;
mod log;
mod prepare;
mod reach;
mod recover;
mod schema;
mod secrets;
mod verify;
mod write;

pub use about::{About, about};
pub use append::Appender;
pub(crate) use connection::{Pool, private_file, reading, writing};
pub(crate) use forget::wipe;
pub use log::Log;
pub use recover::accept as accept_anchor;
