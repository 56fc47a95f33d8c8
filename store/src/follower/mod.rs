//! Following the log as it grows: what every loop that does so has in common.
//!
//! [`read`] reads a page behind the lowest of some positions, decoded once for all that are fed from it, and stops
//! before an event that cannot be read; whoever must not open sealed parts reads [`crate::RecordReader::behind`].
//! [`Follower`] says when the next step is taken: at once, when the log moves, at the next poll, or after a failure.
//! [`Lease`] says whether this node is the one that acts, and [`Checkpoint`] keeps how far that is: it is moved in the
//! transaction that writes the effect, and only under the epoch of the lease. [`Threads`] runs followers.
//!
//! A step is a plain function that never waits: tests call it by hand until there is nothing left.

/// How many facts are read at once, and folded in one transaction.
pub const PAGE: usize = 2_000;

mod checkpoint;
mod lease;
mod pace;
mod page;
mod threads;

pub use checkpoint::Checkpoint;
pub use lease::Lease;
pub use pace::{Follower, Next, POLL, Retry, Woken};
pub use page::{Page, Reading, UnreadableEvent, read, read_page, read_to};
pub use threads::Threads;
