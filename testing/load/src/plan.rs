//! What is to be measured.

use serde::Deserialize;
use std::path::PathBuf;

/// As `letopis bench` was asked; its `--help` says what each of them means and what it may be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub connections: u16,
    pub seconds: u16,
    pub callers: u16,
    pub rounds: u16,
    pub folder: Option<PathBuf>,
    pub log: Vec<PathBuf>,
    pub only: Option<Part>,
    /// The URL of the database; it may hold a password, so it comes neither as an argument nor by the environment.
    pub database: Option<String>,
}

/// One part of what can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Http,
    Append,
    Search,
}
