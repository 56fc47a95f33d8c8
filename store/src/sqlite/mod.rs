//! The log in one SQLite file: one writing connection, owned by the writer, and a few that only read.

mod append;
mod connection;
mod decode;
mod filter;
mod log;
mod prepare;
mod schema;
mod secrets;
mod verify;
mod write;

pub use append::Appender;
pub(crate) use connection::{Pool, private_file, reading, writing};
pub use log::Log;
