//! What can be asked of the dev mailbox.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Mail {
    /// List mails, the newest first
    #[command(
        after_help = "Examples:\n  letopis mail ls --to anna@example.org\n  letopis mail ls -o json | jq -r '.[0].id'"
    )]
    Ls {
        /// Only mails to this address
        #[arg(long, value_name = "ADDRESS")]
        to: Option<String>,
        /// Show at most N
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Show one mail: its headers, its text, the links in it
    #[command(
        after_help = "Examples:\n  letopis mail show 0190a1b2-…\n  letopis mail show 0190a1b2-… --raw > mail.eml"
    )]
    Show {
        /// The mail's id
        id: String,
        /// Print only its bytes, as a mail server would get them
        #[arg(long)]
        raw: bool,
    },
    /// Remove every mail
    #[command(after_help = "Example:\n  letopis mail clear")]
    Clear,
}
