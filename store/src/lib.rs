//! Where facts lie.
//!
//! The log of Letopis: one row an event, in the order of their commits, bound together by a hash chain; the
//! receipts of commands; the keys of what is personal; and the thin layer that runs the SQL of read models.
//! This room must never know why a fact is written or who asked for it: it judges nothing, and it never changes
//! what was written, except that it forgets sealed parts. It knows no HTTP and no read model.

pub mod anchor;
mod batch;
pub mod chain;
mod erased;
mod error;
pub mod failpoint;
mod folder;
mod follow;
mod keys;
mod manifest;
mod recent;
mod record;
mod seal;
pub mod sql;
mod sqlite;
mod transfer;

pub use batch::{Batch, EVENT_BYTES_MAX, Forget, NewEvent, NewReceipt};
pub use erased::ErasedList;
pub use error::Error;
pub use folder::{Folder, Lock};
pub use keys::Keys;
pub use manifest::{Copied, Manifest};
pub use record::{Broken, BrokenKind, Fact, Filter, Head, PAGE_MAX, Receipt, Record, Stats, StreamRow, Verified};
pub use sqlite::{About, Along, Appender, Brought, Log, Stage, Target};
pub use sqlite::{about, accept_anchor, backup, export, import, restore};
pub use transfer::Counted;
