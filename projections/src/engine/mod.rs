//! Everything that the read models share: following the log, building, verifying, and what operators ask for.

pub(crate) mod cache;
mod caches;
pub(crate) mod catalog;
pub(crate) mod definition;
pub(crate) mod fan_out;
pub(crate) mod fold;
mod folding;
mod follow;
pub(crate) mod generation;
pub(crate) mod handle;
pub(crate) mod id;
mod indexing;
mod lease;
pub(crate) mod locations;
pub(crate) mod open;
mod operate;
mod peers;
pub(crate) mod projections;
pub(crate) mod rebuild;
mod runner;
mod skips;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod verify;
