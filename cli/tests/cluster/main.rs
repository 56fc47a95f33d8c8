//! Several nodes on one PostgreSQL, each a process of the built binary, and what fails among them.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod dying;
mod external;
mod factors;
mod listening;
mod mailing;
mod nodes;
mod passkeys;
mod revoking;
mod writing;
