//! The thin layer for read models: one SQL text for every database.
//!
//! Parameters are written `$1`, `$2` …; columns are text, bigint, boolean or bytes, and texts compare by their bytes.
//! Each read model is stored in a place of its own, a file or a schema of a database that several nodes share; it is
//! written through one [`Writer`] and read through a small pool.

mod columns;
mod database;
mod lease;
mod place;
mod row;
mod schema;
mod session;
mod snapshot;
mod text;
mod value;
mod writer;

pub use columns::Columns;
pub use database::Database;
pub use lease::Leases;
pub use place::{Place, schemas};
pub use row::Row;
pub use snapshot::Snapshot;
pub use value::Value;
pub use writer::{Tx, Writer};
