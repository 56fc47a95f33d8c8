//! The log in one SQLite file: one writing connection, owned by the writer, and a few that only read.

mod about;
mod append;
mod backup;
mod connection;
mod decode;
mod export;
mod filter;
mod forget;
mod import;
mod log;
mod reach;
mod recover;
mod restore;
mod room;
mod rotate;
mod schema;
mod secrets;
mod staging;
mod verify;
mod write;

pub use about::{About, about};
pub use append::Appender;
pub use backup::{Stage, backup};
pub(crate) use connection::{Pool, private_file, reading, writing};
pub use export::export;
pub(crate) use forget::wipe;
pub use import::import;
pub use log::Log;
pub use recover::accept as accept_anchor;
pub use restore::{Along, restore};
