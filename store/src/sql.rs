//! The thin layer for read models: one SQL text for every database.
//!
//! Parameters are written `$1`, `$2` …; columns are text, bigint, boolean or bytes. Each read model's file lies in
//! a database of its own, is written through one [`Writer`] and read through a small pool.

mod database;
mod row;
mod text;
mod value;
mod writer;

pub use database::{Database, Snapshot};
pub use row::Row;
pub use value::Value;
pub use writer::{Tx, Writer};
