//! What can be asked of chats and sessions.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Chats {
    /// List chats, the newest first
    #[command(after_help = "Example:\n  letopis chats ls --name gard")]
    Ls {
        /// Only names that begin with PREFIX
        #[arg(long, value_name = "PREFIX")]
        name: Option<String>,
        /// Show at most N
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Show one chat and its members
    #[command(after_help = "Example:\n  letopis chats show 0197c1a2-7d3e-7b6a-9c55-2f8e4c1d0a77")]
    Show {
        /// The chat's id
        chat: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Sessions {
    /// List the sessions of an account, the newest first
    #[command(after_help = "Example:\n  letopis sessions ls anna\n\n\
                            `letopis users end-sessions anna` ends all of them.")]
    Ls {
        /// The account, by name or id
        user: String,
        /// Show at most N
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
}
