//! The log in one SQLite file: one writing connection, owned by the writer, and a few that only read.

mod append;
mod backup;
mod build_info;
mod connection;
mod disk_reserve;
mod export;
mod filter;
mod forget;
mod import;
mod log;
mod reachability;
mod recover;
mod restore;
mod rotate;
mod rows;
mod schema;
mod secrets;
mod staging;
mod verify;
mod write;

pub use append::Appender;
pub use backup::{Stage, backup};
pub use build_info::{BuildInfo, build_info};
pub(crate) use connection::{CHECKPOINT_PAGES, Pool, private_file, reading, writing};
pub use export::export;
pub(crate) use forget::wipe;
pub use import::import;
pub use log::Log;
pub use recover::accept as accept_anchor;
pub use restore::{RestoreExtras, restore};
