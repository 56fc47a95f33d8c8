//! What can be asked of the log.

use super::{Export, ImportLog};
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Events {
    /// List events, the oldest first
    #[command(after_help = "Example:\n  letopis events ls --type 'message.*' --since 1h --limit 20")]
    Ls(Which),
    /// Show the last events
    #[command(after_help = "Example:\n  letopis events tail --follow --type 'user.*'")]
    Tail(Which),
    /// Show one event
    #[command(after_help = "Example:\n  letopis events show 42 --personal")]
    Show {
        /// Its position or its id
        event: String,
        /// Show personal data too
        #[arg(long)]
        personal: bool,
    },
    /// Show what a request, a command or an event caused, as a tree
    #[command(
        after_help = "Example:\n  letopis events trace 0190c2f4-… (the X-Request-Id of an answer, or an event's id)\n  \
                      letopis events trace 4711 (a number is an event's position, where the log has it)"
    )]
    Trace {
        /// A request's id, a command's id, an event's id or its position
        id: String,
    },
    /// Count events by type
    #[command(after_help = "Example:\n  letopis events stats -o json | jq .head")]
    Stats,
    /// Show the anchor: the end of the log as noted outside it, which reveals a log that lost its tail
    #[command(
        after_help = "Example:\n  letopis events anchor --accept    go on with the log as it is, once its chain is verified"
    )]
    Anchor {
        /// Verify the log and accept its end as it is: after restoring an older copy, losing the anchor, or
        /// upgrading from a version that had none
        #[arg(long)]
        accept: bool,
    },
    /// Write the whole log into a file, also while the server runs; sealed parts stay sealed
    #[command(
        after_help = "Examples:\n  letopis events export log.ndjson.gz\n  letopis events export - | grep -c '\"type\":\"message.posted.v1\"'\n\n\
                      The file does not hold the master key: copy it to where you import the file.\n\
                      The export reads one snapshot: while standard output is read slowly, the write-ahead log grows."
    )]
    Export(Export),
    /// Import an exported log into a data folder or a database whose log is empty, while no server runs there
    #[command(
        after_help = "Example:\n  mkdir -m 700 new && cp /safe/master.key new/\n  letopis --data new events import log.ndjson.gz\n\n\
                      To PostgreSQL, before the first start there (LETOPIS_DATABASE_URL_FILE names it):\n  \
                      letopis migrate && letopis --data new events import log.ndjson.gz"
    )]
    Import(ImportLog),
    /// Send other services the same messages over NATS again, from a position on; the stream drops those that it
    /// got within its duplicate window
    #[command(after_help = "Example:\n  letopis events republish --from 1")]
    Republish {
        /// The first position
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        from: u64,
        /// The last position; by default where the relay is
        #[arg(long, value_name = "N")]
        to: Option<u64>,
    },
    /// Check the whole log: hash chain, positions, versions, sealed parts, anchor
    #[command(after_help = "Example:\n  letopis events verify --from 1 --to 1000")]
    Verify {
        /// The first position
        #[arg(long, value_name = "N")]
        from: Option<u64>,
        /// The last position
        #[arg(long, value_name = "N")]
        to: Option<u64>,
    },
}

/// Which events.
#[derive(Clone, Debug, Args)]
pub struct Which {
    /// The first position
    #[arg(long, value_name = "N")]
    pub from: Option<u64>,
    /// The last position
    #[arg(long, value_name = "N")]
    pub to: Option<u64>,
    /// Show at most N
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Only events of this type; * stands for any text
    #[arg(long = "type", value_name = "PATTERN")]
    pub name: Option<String>,
    /// Only events of this stream
    #[arg(long, value_name = "STREAM")]
    pub stream: Option<String>,
    /// Only events about this user or by them
    #[arg(long, value_name = "ID")]
    pub user: Option<String>,
    /// Only events recorded since: 30m, 1h, 2d, or an RFC 3339 time
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Go on with new events as they come
    #[arg(long, short)]
    pub follow: bool,
    /// Show what is personal as well
    #[arg(long)]
    pub personal: bool,
}
