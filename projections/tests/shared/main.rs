//! The stories of `tests/suite`, with the log and the read models in PostgreSQL; and what only several nodes do.

// `clippy.toml` allows it in tests only, and takes what tests call for something else.
#![allow(clippy::unwrap_used)]

#[path = "../suite/cache.rs"]
mod cache;
#[path = "../suite/follow.rs"]
mod follow;
mod following;
#[path = "../suite/histories.rs"]
mod histories;
#[path = "histories.rs"]
mod histories_of_nodes;
#[path = "../suite/mailings.rs"]
mod mailings;
mod nodes;
#[path = "../suite/operating.rs"]
mod operating;
#[path = "../suite/people.rs"]
mod people;
#[path = "../suite/rebuild.rs"]
mod rebuild;
#[path = "../suite/recipients.rs"]
mod recipients;
#[path = "../suite/rooms.rs"]
mod rooms;
#[path = "../suite/support.rs"]
mod support;
#[path = "../suite/texts.rs"]
mod texts;
#[path = "../suite/tokens.rs"]
mod tokens;
#[path = "../suite/verify.rs"]
mod verify;

/// Whether the log and the read models are in a database that several nodes share.
pub const SHARED: bool = true;
