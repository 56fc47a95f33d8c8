//! What can be asked of the program itself: settings, health, pages about it, its speed.

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Show every setting with its value and where it was set; secrets are masked
    #[command(after_help = "Example:\n  LETOPIS_LISTEN=127.0.0.1:9000 letopis config show")]
    Show,
    /// Write a letopis.toml with every setting, its default and what it means
    #[command(
        after_help = "Examples:\n  letopis config init\n  letopis --config /etc/letopis/letopis.toml config init\n\n\
                      An existing file is never overwritten."
    )]
    Init,
}

#[derive(Debug, Args)]
pub struct Health {
    /// The server's address; by default the one in these settings
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

#[derive(Debug, Args)]
pub struct Migrate {
    /// The role that the nodes connect as, which gets the rights that they need
    #[arg(long, value_name = "NAME")]
    pub role: Option<String>,
}

#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: Shell,
}

#[derive(Debug, Args)]
pub struct Man {
    /// The folder for one page for each verb; without it the first page goes to standard output
    pub folder: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub struct Bench {
    /// HTTP connections
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    pub connections: u16,
    /// How many seconds each measurement takes
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=3_600))]
    pub seconds: u16,
    /// Callers of the writer at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    pub callers: u16,
    /// Rounds; the medians are shown
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=99))]
    pub rounds: u16,
    /// Where to make the throwaway folder: this decides which disk is measured
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// A chat log as for `letopis import`, to measure the text index with; without one that part is left out
    #[arg(long, value_name = "FILE", required_if_eq("only", "search"))]
    pub log: Vec<PathBuf>,
    /// Measure one part only
    #[arg(long, value_name = "PART")]
    pub only: Option<BenchPart>,
}

/// What `letopis bench` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchPart {
    /// A server under load, and replaying the log that the load leaves
    Http,
    /// The log alone, beside a plain file
    Append,
    /// The text index: importing a chat log, rebuilding the index, queries, and how soon a message is found
    Search,
}
