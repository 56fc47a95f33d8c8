//! Read models, built from facts that are really appended.

// `clippy.toml` allows it in tests only, and takes what tests call for something else.
#![allow(clippy::unwrap_used)]

mod follow;
mod operating;
mod people;
mod rebuild;
mod rooms;
mod support;
mod tokens;
mod verify;
