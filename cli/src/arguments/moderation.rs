//! What can be asked of who misbehaves.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Moderation {
    /// List what was reported of messages, the last one first
    #[command(after_help = "Example:\n  letopis moderation ls --state open")]
    Ls {
        /// Only those that are open, or resolved
        #[arg(long, value_name = "STATE", value_parser = ["open", "resolved"])]
        state: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Resolve what was reported of a message
    #[command(
        after_help = "Examples:\n  letopis moderation resolve 0190a1b2-… dismiss    everybody sees it again\n  letopis moderation resolve 0190a1b2-… hide\n  letopis moderation resolve 0190a1b2-… delete\n  letopis moderation resolve 0190a1b2-… ban        hide it, and ban its author from the chat"
    )]
    Resolve {
        /// Its id
        id: String,
        /// How
        #[arg(value_parser = ["dismiss", "hide", "delete", "ban"])]
        action: String,
    },
    /// Keep somebody from using their account; its sessions end, its service tokens do not work
    #[command(
        after_help = "Examples:\n  letopis moderation suspend boris --reason \"threatens others\"\n  letopis moderation suspend boris --reason spam --until 2030-01-31T12:00:00Z"
    )]
    Suspend {
        /// Its name or id
        user: String,
        /// Why; they are told
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// When it ends by itself: a time with its zone
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    /// Let somebody use their account again
    #[command(after_help = "Example:\n  letopis moderation unsuspend boris")]
    Unsuspend {
        /// Its name or id
        user: String,
    },
}
