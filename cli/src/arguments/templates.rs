//! What can be asked of templates.

use clap::Subcommand;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Templates {
    /// List templates, the newest first, then the built-in ones
    #[command(after_help = "Example:\n  letopis templates ls")]
    Ls {
        /// Show at most N that are not built in
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Show one template: its variables and its text
    #[command(
        after_help = "Examples:\n  letopis templates show orders.shipped\n  letopis templates show account.welcome"
    )]
    Show {
        /// The template's key
        key: String,
    },
    /// Check a template in a file (JSON as POST /v1/templates takes it, or *.toml) and preview each locale; exit code 5
    /// when it is not valid
    #[command(after_help = "Example:\n  letopis templates check orders.shipped.toml")]
    Check {
        /// The file
        file: PathBuf,
    },
}
