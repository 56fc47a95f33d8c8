//! What can be asked of what people are told.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Notifications {
    /// List deliveries, the newest first
    #[command(
        after_help = "Examples:\n  letopis notifications ls --state dead-lettered\n  letopis notifications ls --user 0190a1b2-…"
    )]
    Ls {
        /// Only those in this state: scheduled, deferred, accepted, failed, unknown, dead-lettered, …
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Only those to this person, by name or id
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// Only those of this category
        #[arg(long, value_name = "CATEGORY")]
        category: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// One delivery with its history
    #[command(after_help = "Example:\n  letopis notifications show 0190a1b2-…")]
    Show {
        /// Its id
        id: String,
    },
    /// Send a delivery again that failed, that nobody knows the end of, or whose attempts are spent
    #[command(after_help = "Example:\n  letopis notifications retry 0190a1b2-…")]
    Retry {
        /// Its id
        id: String,
    },
    /// Call off a delivery that is yet to be sent
    #[command(after_help = "Example:\n  letopis notifications cancel 0190a1b2-…")]
    Cancel {
        /// Its id
        id: String,
    },
    /// Let the couriers of this log send; the copy of a log is silent before. Says how much waits, and how much of it is late
    #[command(
        after_help = "Example:\n  letopis notifications arm    after a restore, once the log that was copied is given up"
    )]
    Arm,
    /// Let them send nothing, until they are armed again
    #[command(after_help = "Example:\n  letopis notifications disarm")]
    Disarm,
}
