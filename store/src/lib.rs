//! Where facts lie.
//!
//! The log of Letopis: one row an event, in the order of their commits, bound together by a hash chain; the
//! receipts of commands; the keys of what is personal; and the thin layer that runs the SQL of read models.
//! This room must never know why a fact is written or who asked for it: it judges nothing, and it never changes
//! what was written, except that it forgets sealed parts. It knows no HTTP and no read model.

pub mod anchor;
mod appender;
mod arming;
mod batch;
pub mod chain;
mod chain_walk;
mod clock;
mod decode;
mod erased;
mod error;
pub mod failpoint;
mod folder;
pub mod follower;
mod keys;
mod log;
mod mailed_token;
mod manifest;
mod master_key;
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
pub use arming::{Arming, Outlet};
pub use batch::{Batch, BatchNeeds, BatchStart, EVENT_BYTES_MAX, Forget, NewEvent, NewReceipt, Other};
pub use clock::{Reading, now};
pub use erased::{ERASED, ErasedList};
pub use error::{Error, described};
pub use folder::{Folder, Lock};
pub use keys::{KeyRotation, Keys};
pub use log::Log;
pub use mailed_token::MailedPurpose;
pub use manifest::{BackupFile, Manifest};
pub use postgres::Cluster;
pub use record::{
    AcceptedLog, Broken, BrokenKind, Fact, Filter, Head, PAGE_MAX, Receipt, Record, Stats, StreamRow, Verification,
};
pub use records::RecordReader;
pub use relay_place::{RelayFiles, RelayPlace};
pub use sqlite::{BuildInfo, RestoreExtras, Stage};
pub use sqlite::{accept_anchor, backup, build_info, export, import, restore};
pub use transfer::{Imported, Target, Totals};
