//! One root: opens the parts of a process that its roles need, starts them in order and stops them in the reverse one.
//!
//! `operations/` has what an operator can ask for, `jobs/` what runs beside. This room knows neither HTTP nor a command
//! line, and decides nothing about what may happen.

pub mod claims;
pub mod control;
pub mod failure;
pub mod gzip;
mod handle;
mod hint;
mod index_reader;
mod jobs;
mod messaging;
pub mod modules;
mod node;
pub mod operations;
mod options;
pub mod passwords;
mod probe;
pub mod rate_limits;
pub mod recent_errors;
pub mod redis;
mod roles;

pub use handle::NodeHandle;
pub use index_reader::{IndexError, IndexReader};
pub use jobs::listen;
pub use messaging::Messaging;
pub use modules::{Module, Modules};
pub use node::{Builds, Node, NodeError};
pub use options::NodeOptions;
pub use probe::Probe;
pub use roles::{Role, Roles};
