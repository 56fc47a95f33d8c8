//! What can be asked of chats and sessions.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Chats {
    /// List chats, the newest first
    #[command(after_help = "Example:\n  letopis chats ls --name gard")]
    Ls {
        /// Only names that begin so
        #[arg(long, value_name = "PREFIX")]
        name: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// One chat, and who is in it
    #[command(after_help = "Example:\n  letopis chats show 0197c1a2-7d3e-7b6a-9c55-2f8e4c1d0a77")]
    Show {
        /// Its id
        chat: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Sessions {
    /// List where an account is signed in, the newest first
    #[command(after_help = "Example:\n  letopis sessions ls anna\n\n\
                            `letopis users end-sessions anna` ends all of them.")]
    Ls {
        /// Its name or id
        user: String,
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
}
