//! What can be asked of mailings.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Mailings {
    /// List mailings, the newest first
    #[command(after_help = "Example:\n  letopis mailings ls --state running")]
    Ls {
        /// Only those that are draft, scheduled, running, paused, finished or cancelled
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// One mailing: whom it is for, and how far its runs are
    #[command(after_help = "Example:\n  letopis mailings show 0190a1b2-…")]
    Show {
        /// Its id
        id: String,
    },
    /// Who would get it if it were sent now, why others would not, and how it reads to three of them
    #[command(after_help = "Example:\n  letopis mailings preview 0190a1b2-… -o json")]
    Preview {
        /// Its id
        id: String,
    },
    /// Send a draft: at once, at its time, or by its schedule
    #[command(after_help = "Example:\n  letopis mailings start 0190a1b2-…")]
    Start {
        /// Its id
        id: String,
    },
    /// Send nothing more until it is resumed; what is on its way goes on
    #[command(after_help = "Example:\n  letopis mailings pause 0190a1b2-…")]
    Pause {
        /// Its id
        id: String,
    },
    /// Go on with one that is paused
    #[command(after_help = "Example:\n  letopis mailings resume 0190a1b2-…")]
    Resume {
        /// Its id
        id: String,
    },
    /// Call off what is not sent yet, and every further run
    #[command(after_help = "Example:\n  letopis mailings cancel 0190a1b2-…")]
    Cancel {
        /// Its id
        id: String,
    },
}
