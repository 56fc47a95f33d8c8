//! What can be asked about reports and suspended accounts.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Moderation {
    /// List reports of messages, the newest first
    #[command(after_help = "Example:\n  letopis moderation ls --state open")]
    Ls {
        /// Only open reports, or only resolved ones
        #[arg(long, value_name = "STATE", value_parser = ["open", "resolved"])]
        state: Option<String>,
        /// Show at most N
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Resolve a report
    #[command(
        after_help = "Examples:\n  letopis moderation resolve 0190a1b2-… dismiss    show the message again\n  letopis moderation resolve 0190a1b2-… hide\n  letopis moderation resolve 0190a1b2-… delete\n  letopis moderation resolve 0190a1b2-… ban        hide the message, and ban its author from the chat"
    )]
    Resolve {
        /// The report
        id: String,
        /// What to do with the message
        #[arg(value_parser = ["dismiss", "hide", "delete", "ban"])]
        action: String,
    },
    /// Suspend an account: its sessions end, its service tokens stop working
    #[command(
        after_help = "Examples:\n  letopis moderation suspend boris --reason \"threatens others\"\n  letopis moderation suspend boris --reason spam --until 2030-01-31T12:00:00Z"
    )]
    Suspend {
        /// The account, by name or id
        user: String,
        /// The reason, which the account's owner sees
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// When the suspension ends by itself: a time with its zone
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    /// Lift a suspension
    #[command(after_help = "Example:\n  letopis moderation unsuspend boris")]
    Unsuspend {
        /// The account, by name or id
        user: String,
    },
}
