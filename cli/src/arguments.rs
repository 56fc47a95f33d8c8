//! What can be asked for on the command line.

use crate::output::Format;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Accounts, chat and their whole history in one log.
#[derive(Debug, Parser)]
#[command(name = "letopis", version, max_term_width = 110, subcommand_required = false, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

const EXAMPLES: &str = "Examples:
  letopis                                         start the server (the same as `letopis serve`)
  letopis import log.ndjson.gz                    bring a chat log in
  letopis events tail --follow                    watch what happens
  letopis events verify                           prove that nobody changed the log
  letopis projections rebuild --all               build every read model anew

Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 conflict, 5 unhealthy or not verified, 6 auth, 7 unreachable.
Settings: letopis.toml, then LETOPIS_* variables, then flags; `letopis config show` lists them with their origin.";

/// What every verb takes.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// The data folder
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Another database than the one in the data folder (not available in this version yet)
    #[arg(long, global = true, value_name = "URL")]
    pub database: Option<String>,
    /// The configuration file, in place of ./letopis.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How data is shown; by default a table on a terminal, JSON in a pipe
    #[arg(short, long, global = true, value_name = "FORMAT")]
    pub output: Option<Format>,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Start the server
    Serve(Serve),
    /// Bring a chat log in: NDJSON with room, at, author, text, plain or .gz
    #[command(after_help = "Example:\n  letopis import ubuntu-irc.ndjson.gz --as-of-file-times")]
    Import(Import),
    /// The log
    #[command(subcommand)]
    Events(Events),
    /// The streams of the log
    #[command(subcommand)]
    Streams(Streams),
    /// What follows the log: the read models
    #[command(subcommand)]
    Projections(Projections),
    /// Accounts
    #[command(subcommand)]
    Users(Users),
    /// Settings
    #[command(subcommand)]
    Config(Config),
    /// Ask a running server whether it is ready; exit code 5 when it is not, 7 when nobody answers
    Health(Health),
    /// Measure this machine in a throwaway folder
    #[command(after_help = "Example:\n  letopis bench --connections 64 --seconds 5 --rounds 3")]
    Bench(Bench),
}

#[derive(Debug, Default, Args)]
pub struct Serve {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Which parts run in this process; this version runs them all together
    #[arg(long, value_name = "ROLES", value_delimiter = ',')]
    pub roles: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Import {
    /// The file
    pub file: PathBuf,
    /// Messages keep the file's times; otherwise they are sent now
    #[arg(long)]
    pub as_of_file_times: bool,
}

#[derive(Debug, Subcommand)]
pub enum Events {
    /// List events, the oldest first
    #[command(after_help = "Example:\n  letopis events ls --type 'message.*' --since 1h --limit 20")]
    Ls(Which),
    /// The last events
    #[command(after_help = "Example:\n  letopis events tail --follow --type 'user.*'")]
    Tail(Which),
    /// One event
    Show {
        /// Its position or its id
        event: String,
        /// Show what is personal in it as well
        #[arg(long)]
        personal: bool,
    },
    /// How many events of which type
    Stats,
    /// Check the whole log: hash chain, positions, versions, sealed parts
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
    /// About this user, or done by him
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

#[derive(Debug, Subcommand)]
pub enum Streams {
    /// List streams
    Ls {
        /// Only of this category: user, session, name, chat, message
        #[arg(long, value_name = "CATEGORY")]
        category: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// One stream, folded to its state
    #[command(after_help = "Example:\n  letopis streams show chat-0190… --at 3")]
    Show {
        /// Its name, like `chat-01a1fe41-…`
        stream: String,
        /// The state at this version
        #[arg(long, value_name = "VERSION")]
        at: Option<u64>,
        /// Show what is personal as well
        #[arg(long)]
        personal: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Projections {
    /// How far each has come
    Ls,
    /// Build one anew beside the one that serves, then switch
    Rebuild(WhichProjections),
    /// Fold the log again and compare
    Verify(WhichProjections),
}

/// One read model or all of them.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct WhichProjections {
    /// Its name
    pub name: Option<String>,
    /// Every one
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Subcommand)]
pub enum Users {
    /// List accounts by name
    Ls {
        /// Only names that begin so
        #[arg(long, value_name = "PREFIX")]
        name: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// One account
    Show {
        /// Its name or id
        user: String,
    },
    /// Open an account
    #[command(after_help = "Example:\n  letopis users create anna --password-file anna.password --role admin")]
    Create {
        /// Its name
        name: String,
        #[command(flatten)]
        password: PasswordFrom,
        /// user, notifier or admin
        #[arg(long)]
        role: Option<String>,
    },
    /// Give an account a password; its sessions end
    SetPassword {
        /// Its name or id
        user: String,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Give an account a role
    SetRole {
        /// Its name or id
        user: String,
        /// user, notifier or admin
        role: String,
    },
    /// End every session of an account
    EndSessions {
        /// Its name or id
        user: String,
    },
}

#[derive(Debug, Args)]
pub struct PasswordFrom {
    /// The file that holds the password; without it, it is asked for
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Every setting, its value and where that was set; secrets are masked
    Show,
}

#[derive(Debug, Args)]
pub struct Health {
    /// The server; by default the address that this configuration listens on
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub struct Bench {
    /// HTTP connections
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    pub connections: u16,
    /// How long each measurement runs
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=3_600))]
    pub seconds: u16,
    /// Callers of the writer
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    pub callers: u16,
    /// Rounds; the medians are shown
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=99))]
    pub rounds: u16,
    /// Where the throwaway folder is made: it decides which disk is measured
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_letopis_has_no_verb() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
        assert!(Arguments::parse_from(["letopis", "--data", "x"]).verb.is_none());
        assert!(Arguments::try_parse_from(["letopis", "projections", "rebuild"]).is_err());
        assert!(Arguments::try_parse_from(["letopis", "projections", "rebuild", "users", "--all"]).is_err());
    }
}
