//! What an operator can ask for: one file a noun.

pub mod erase;
