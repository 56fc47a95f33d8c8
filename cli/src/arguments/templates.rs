//! What can be asked of templates.

use clap::Subcommand;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Templates {
    /// List templates, the newest first, and then those that are built in
    #[command(after_help = "Example:\n  letopis templates ls")]
    Ls {
        /// At most so many that are not built in
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// One template: its variables, and what it says
    #[command(
        after_help = "Examples:\n  letopis templates show orders.shipped\n  letopis templates show account.welcome"
    )]
    Show {
        /// Its key
        key: String,
    },
    /// Check a file with a template, as POST /v1/templates takes it, JSON or (*.toml) TOML, and preview each locale; exit
    /// code 5 for a template that is not valid
    #[command(after_help = "Example:\n  letopis templates check orders.shipped.toml")]
    Check {
        /// The file
        file: PathBuf,
    },
}
