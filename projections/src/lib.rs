//! Whatever follows the log and only remembers.
//!
//! A read model is one file of `models`: its `Definition` (tables, folds), its rows, its queries; nobody else names its
//! tables, and no query joins two of them. In `engine`, `follow` gives each projection what the log has more; `rebuild`
//! makes one anew beside the one that serves; `verify` folds the log again and compares. Everything here can be thrown
//! away and made again. This room must never know how a fact came to be, and it reaches nothing outside: replay never
//! sends.

mod engine;
mod error;
mod models;

pub use engine::cache::{Cache, Stamp};
pub use engine::id::ProjectionId;
pub use engine::open::discard;
pub use engine::projections::Projections;
pub use engine::rebuild::{Progress, RebuildSummary};
pub use engine::status::{State, Status};
pub use engine::table::{Key, Table};
pub use engine::verify::{Difference, Kind, ModelVerification};
pub use error::{Behind, Error, Result};
pub use models::{
    chats, deliveries, identities, inbox, links, mailings, messages, passkeys, recipients, sessions, sign_ins,
    templates, tokens, users,
};
