//! What can be asked of a whole log: a copy of it, and bringing one back.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Backup {
    /// The folder that gets it: empty, or not there yet
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

#[derive(Debug, Args)]
pub struct Restore {
    /// The folder of the backup; the data folder (--data) must have no log yet
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The master key that the backup was sealed with, brought into the data folder; by default the one that is
    /// there, or where LETOPIS_MASTER_KEY_FILE says
    #[arg(long, value_name = "FILE")]
    pub master_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Export {
    /// The file that gets it; compressed when its name ends in .gz; - for standard output
    pub file: PathBuf,
    /// Replace a file that is there already
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct ImportLog {
    /// The file, plain or gzip; - for standard input
    pub file: PathBuf,
}
