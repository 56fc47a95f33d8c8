//! What can be asked of mailings.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Mailings {
    /// List mailings, the newest first
    #[command(after_help = "Example:\n  letopis mailings ls --state running")]
    Ls {
        /// Only those in this state: draft, scheduled, running, paused, finished or cancelled
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Show at most N
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Show one mailing: its audience, and how far its runs are
    #[command(after_help = "Example:\n  letopis mailings show 0190a1b2-…")]
    Show {
        /// The mailing's id
        id: String,
    },
    /// Show who would get it now, why others would not, and how it reads for three of them
    #[command(after_help = "Example:\n  letopis mailings preview 0190a1b2-… -o json")]
    Preview {
        /// The mailing's id
        id: String,
    },
    /// Start a draft: at once, at its time, or by its schedule
    #[command(after_help = "Example:\n  letopis mailings start 0190a1b2-…")]
    Start {
        /// The mailing's id
        id: String,
    },
    /// Pause a mailing; mails that are on their way still go out
    #[command(after_help = "Example:\n  letopis mailings pause 0190a1b2-…")]
    Pause {
        /// The mailing's id
        id: String,
    },
    /// Resume a paused mailing
    #[command(after_help = "Example:\n  letopis mailings resume 0190a1b2-…")]
    Resume {
        /// The mailing's id
        id: String,
    },
    /// Cancel what is not sent yet, and every further run
    #[command(after_help = "Example:\n  letopis mailings cancel 0190a1b2-…")]
    Cancel {
        /// The mailing's id
        id: String,
    },
}
