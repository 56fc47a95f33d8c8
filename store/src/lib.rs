//! Where facts lie.
//!
//! The log of Letopis: one row an event, in the order of their commits, bound together by a hash chain; the
//! receipts of commands; the keys of what is personal; and the thin layer that runs the SQL of read models.
//! This room must never know why a fact is written or who asked for it: it judges nothing, and it never changes
//! what was written, except that it forgets sealed parts. It knows no HTTP and no read model.

pub mod anchor;
mod appender;
mod batch;
pub mod chain;
mod clock;
mod erased;
mod error;
pub mod failpoint;
mod folder;
mod follow;
pub mod follower;
mod keys;
mod log;
mod manifest;
mod master_key;
mod opened;
pub mod postgres;
mod prepare;
mod recent;
mod record;
mod records;
mod relay_place;
mod seal;
pub mod sql;
pub mod sqlite;
mod transfer;

pub use anchor::Mark;
pub use appender::Appender;
pub use batch::{Batch, Begun, EVENT_BYTES_MAX, Forget, NewEvent, NewReceipt, Other, Wanted};
pub use clock::Reading;
pub use erased::ErasedList;
pub use error::{Error, described};
pub use folder::{Folder, Lock};
pub use keys::{Keys, Rotated};
pub use log::Log;
pub use manifest::{Copied, Manifest};
pub use postgres::Cluster;
pub use record::{
    Accepted, Broken, BrokenKind, Fact, Filter, Head, PAGE_MAX, Receipt, Record, Stats, StreamRow, Verified,
};
pub use records::RecordReader;
pub use relay_place::{RelayFiles, RelayPlace};
pub use sqlite::{About, Along, Stage};
pub use sqlite::{about, accept_anchor, backup, export, import, restore};
pub use transfer::{Brought, Counted, Target};
