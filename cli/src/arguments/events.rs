//! What can be asked of the log.

use super::{Export, ImportLog};
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Events {
    /// List events, the oldest first
    #[command(after_help = "Example:\n  letopis events ls --type 'message.*' --since 1h --limit 20")]
    Ls(Which),
    /// The last events
    #[command(after_help = "Example:\n  letopis events tail --follow --type 'user.*'")]
    Tail(Which),
    /// One event
    #[command(after_help = "Example:\n  letopis events show 42 --personal")]
    Show {
        /// Its position or its id
        event: String,
        /// Show what is personal in it as well
        #[arg(long)]
        personal: bool,
    },
    /// What a request, a command or an event belongs to and caused, as a tree
    #[command(
        after_help = "Example:\n  letopis events trace 0190c2f4-… (the X-Request-Id of an answer, or an event's id)"
    )]
    Trace {
        /// A request's id, a command's id, an event's id or its position
        id: String,
    },
    /// How many events of which type
    #[command(after_help = "Example:\n  letopis events stats -o json | jq .head")]
    Stats,
    /// What is known of the log's end outside the log: it tells a log whose tail was cut off from a whole one
    #[command(
        after_help = "Example:\n  letopis events anchor --accept    go on with the log as it stands, once its chain is verified"
    )]
    Anchor {
        /// Verify the log as it stands and take its end for the true one: after restoring an older copy, after
        /// losing the anchor, after an upgrade from a version that had none
        #[arg(long)]
        accept: bool,
    },
    /// Write the whole log into a file, beside a running server as well; what is sealed stays sealed
    #[command(
        after_help = "Examples:\n  letopis events export log.ndjson.gz\n  letopis events export - | grep -c '\"type\":\"message.posted.v1\"'\n\n\
                      The master key does not travel: bring a copy of it to where the file is imported.\n\
                      The log is read as one snapshot: behind a slow reader of standard output its write-ahead log grows."
    )]
    Export(Export),
    /// Bring an exported log into a data folder or a database whose log is empty, while no server runs there
    #[command(
        after_help = "Example:\n  mkdir -m 700 new && cp /safe/master.key new/\n  letopis --data new events import log.ndjson.gz\n\n\
                      Up to PostgreSQL, before the first start there (LETOPIS_DATABASE_URL_FILE says where it is):\n  \
                      letopis migrate && letopis --data new events import log.ndjson.gz"
    )]
    Import(ImportLog),
    /// Tell other services again over NATS what they were told, from a position on; what the stream still has within
    /// its duplicate window it drops
    #[command(after_help = "Example:\n  letopis events republish --from 1")]
    Republish {
        /// The first position
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        from: u64,
        /// The last position; by default as far as the relay has come
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
    /// At most so many
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Of this type; * stands for any text
    #[arg(long = "type", value_name = "PATTERN")]
    pub name: Option<String>,
    /// Of this stream
    #[arg(long, value_name = "STREAM")]
    pub stream: Option<String>,
    /// About this user, or done by them
    #[arg(long, value_name = "ID")]
    pub user: Option<String>,
    /// Recorded since: 30m, 1h, 2d, or an RFC 3339 time
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Go on with what comes
    #[arg(long, short)]
    pub follow: bool,
    /// Show what is personal as well
    #[arg(long)]
    pub personal: bool,
}
