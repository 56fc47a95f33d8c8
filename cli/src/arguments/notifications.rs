//! What can be asked about deliveries.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Notifications {
    /// List deliveries, the newest first
    #[command(
        after_help = "Examples:\n  letopis notifications ls --state dead-lettered\n  letopis notifications ls --user 0190a1b2-…"
    )]
    Ls {
        /// Only deliveries in this state: scheduled, deferred, accepted, failed, unknown, dead-lettered, …
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Only deliveries to this user, by name or id
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// Only deliveries of this category
        #[arg(long, value_name = "CATEGORY")]
        category: Option<String>,
        /// Show at most N
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Show one delivery with its history
    #[command(after_help = "Example:\n  letopis notifications show 0190a1b2-…")]
    Show {
        /// The delivery's id
        id: String,
    },
    /// Send a delivery again that failed, whose result is unknown, or that has no attempts left
    #[command(after_help = "Example:\n  letopis notifications retry 0190a1b2-…")]
    Retry {
        /// The delivery's id
        id: String,
    },
    /// Cancel a delivery that is not sent yet
    #[command(after_help = "Example:\n  letopis notifications cancel 0190a1b2-…")]
    Cancel {
        /// The delivery's id
        id: String,
    },
    /// Let the couriers send; a copy of a log is silent until then. Says how many deliveries wait, and how many are late
    #[command(
        after_help = "Example:\n  letopis notifications arm    after a restore, once the log that was copied is given up"
    )]
    Arm,
    /// Stop the couriers until they are armed again
    #[command(after_help = "Example:\n  letopis notifications disarm")]
    Disarm,
}
