//! The same stories, on a log that nodes share (PostgreSQL): `testkit` knows it by the name of this program.

#[path = "../stories/main.rs"]
mod stories;
