//! What can be asked of a whole log: a copy of it, and bringing one back.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Backup {
    /// The folder for the backup: empty, or not there yet
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

#[derive(Debug, Args)]
pub struct Restore {
    /// The folder of the backup; the data folder (--data) must have no log yet
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The master key that the backup was sealed with, which is copied into the data folder; by default the one that
    /// is there, or that LETOPIS_MASTER_KEY_FILE names
    #[arg(long, value_name = "FILE")]
    pub master_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Export {
    /// The file to write; compressed when its name ends in .gz; - for standard output
    pub file: PathBuf,
    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct ImportLog {
    /// The file, plain or gzip; - for standard input
    pub file: PathBuf,
}
