//! The relay of a log that several nodes share: one of them tells, and another one when that one is gone.
#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod histories;
mod nodes;
#[path = "../suite/support.rs"]
#[allow(dead_code, reason = "the stories of one node need more of it")]
mod support;
mod wakeups;
