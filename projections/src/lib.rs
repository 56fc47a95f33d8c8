//! Whatever follows the log and only remembers.
//!
//! A read model is one file: its rows, its tables, its `apply`, its queries; nobody else names its tables, and no
//! query joins two of them. `tail` reads the log and gives its facts to each projection; `rebuild` makes one anew
//! beside the one that serves; `verify` folds the log again and compares. Everything here can be thrown away and
//! made again. This room must never know how a fact came to be, and it reaches nothing outside: replay never sends.

mod cache;
mod caches;
mod catalog;
pub mod chats;
mod error;
mod following;
mod generation;
mod indexing;
mod lease;
mod look;
pub mod messages;
mod model;
mod models;
mod name;
mod open;
mod operating;
mod projections;
mod rebuild;
mod scan;
mod search_tasks;
mod session_use;
pub mod sessions;
pub mod sign_ins;
mod skips;
mod slot;
mod status;
mod table;
mod tail;
mod texts;
pub mod tokens;
pub mod users;
mod verify;

pub use cache::{Cache, Stamp};
pub use error::{Behind, Error, Result};
pub use name::Name;
pub use open::discard;
pub use projections::Projections;
pub use rebuild::Progress;
pub use search_tasks::{Ended, FoundMessage, NewTask, SearchTasks, Taken, Task, TaskState};
pub use session_use::{LastUse, Used};
pub use status::{State, Status};
pub use table::{Key, Table};
pub use tail::Tail;
pub use verify::{Difference, Kind, Verified};
