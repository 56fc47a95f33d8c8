//! What can be asked for on the command line.

mod chats;
mod events;
mod help;
mod mail;
mod mailings;
mod moderation;
mod notifications;
mod templates;
mod tools;
mod transfer;
mod users;

pub use chats::{Chats, Sessions};
pub use events::{Events, Which};
pub use help::grouped;
pub use mail::Mail;
pub use mailings::Mailings;
pub use moderation::Moderation;
pub use notifications::Notifications;
pub use templates::Templates;
pub use tools::{Bench, BenchPart, Completions, Config, Health, Man, Migrate};
pub use transfer::{Backup, Export, ImportLog, Restore};
pub use users::{Factors, PasswordFrom, Users};

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
  letopis events verify                           check the chain, the streams and the anchor
  letopis projections rebuild --all               build every read model again

Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 conflict, 5 unhealthy or not verified, 6 auth, 7 unreachable.
Settings: letopis.toml, then LETOPIS_* variables, then flags; `letopis config show` lists them with their origin.";

/// What every verb takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Common {
    /// The data folder
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// PostgreSQL in place of the log in the data folder; with a password better by LETOPIS_DATABASE_URL_FILE
    #[arg(long, global = true, value_name = "URL")]
    pub database: Option<String>,
    /// The configuration file, in place of ./letopis.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How data is shown; by default a table on a terminal, JSON in a pipe
    #[arg(short, long, global = true, value_name = "FORMAT")]
    pub output: Option<Format>,
    /// Tables show everything: every column, whole ids, instants
    #[arg(long, global = true)]
    pub wide: bool,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Start the server
    #[command(after_help = "Examples:\n  letopis serve --data /var/lib/letopis --listen 127.0.0.1:8080\n  \
                            letopis serve --roles api        one of several nodes over PostgreSQL: it answers, others \
                            feed the read models")]
    Serve(Serve),
    /// Bring a chat log in: NDJSON with room, at, author, text, plain or .gz
    #[command(after_help = "Example:\n  letopis import ubuntu-irc.ndjson.gz --as-of-file-times\n\n\
                            Lines that are malformed or refused are counted and listed, and the rest goes on; with \
                            malformed lines it ends with code 1.")]
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
    /// What other services are told over NATS
    #[command(subcommand)]
    Relay(Relay),
    /// The master key, which wraps all other keys
    #[command(subcommand)]
    Keys(Keys),
    /// Find messages, over all chats: words, "phrase", prefix*, -not, from:name, in:chat, before:, after:, on:, has:link, ~fuzzy
    #[command(after_help = "Examples:\n  letopis search '\"rolling update\" from:anna after:2026-01-01'\n  \
                            letopis search развернуть -o json --limit 100")]
    Search(Search),
    /// Accounts
    #[command(subcommand)]
    Users(Users),
    /// Where accounts are signed in
    #[command(subcommand)]
    Sessions(Sessions),
    /// Chats and who is in them
    #[command(subcommand)]
    Chats(Chats),
    /// Who misbehaves: what was reported, suspended accounts
    #[command(subcommand)]
    Moderation(Moderation),
    /// What people are told: deliveries, dead letters, whether anything is sent
    #[command(subcommand)]
    Notifications(Notifications),
    /// What is told to many: drafts, progress, start and stop
    #[command(subcommand)]
    Mailings(Mailings),
    /// Templates of notifications
    #[command(subcommand)]
    Templates(Templates),
    /// The dev mailbox, where mails stay when no way to send them is set
    #[command(subcommand)]
    Mail(Mail),
    /// Copy the embedded log into a folder, beside a running server as well; without the master key and the list of the
    /// erased. A log in PostgreSQL is copied by pg_dump
    #[command(after_help = "Example:\n  letopis backup /backups/letopis-2026-01-31\n\n\
                            Keep the master key and the list of the erased elsewhere: without the key a backup \
                            cannot be read, and without the list it brings erased people back.")]
    Backup(Backup),
    /// Bring a backup into a data folder that has no log yet; people who were erased since are erased again. A log in
    /// PostgreSQL is brought back by pg_restore
    #[command(after_help = "Example:\n  letopis restore /backups/letopis-2026-01-31 --data /var/lib/letopis \\\n    \
                            --master-key /safe/master.key")]
    Restore(Restore),
    /// Settings
    #[command(subcommand)]
    Config(Config),
    /// How a running server is, laid out for a person; the same codes as `health`
    #[command(after_help = "Example:\n  letopis status --url http://127.0.0.1:8080")]
    Status(Health),
    /// Ask a running server whether it is ready; exit code 5 when it is not, 7 when nobody answers
    #[command(after_help = "Example:\n  letopis health --url http://127.0.0.1:8080")]
    Health(Health),
    /// Bring a PostgreSQL database to this version's tables; the embedded log does it by itself
    #[command(after_help = "Examples:\n  LETOPIS_DATABASE_URL_FILE=/etc/letopis/owner-url letopis migrate\n  \
                            LETOPIS_DATABASE_URL_FILE=/etc/letopis/owner-url letopis migrate --role letopis_app\n\n\
                            The file holds the address as the owner of the tables, like \
                            postgres://owner:password@host:5432/letopis: other users of this machine see what stands \
                            in --database.\nThe nodes should connect as another role: --role gives it what they need, \
                            and not more.")]
    Migrate(Migrate),
    /// Look at everything that a server needs, and say what to do about what is wrong; exit code 5 for a problem
    #[command(after_help = "Example:\n  letopis doctor -o json | jq '.[] | select(.state != \"ok\")'")]
    Doctor,
    /// Print what a shell needs to complete commands
    #[command(after_help = "Example:\n  letopis completions bash > ~/.local/share/bash-completion/completions/letopis")]
    Completions(Completions),
    /// Print the manual page, or write one for each verb into a folder
    #[command(after_help = "Examples:\n  letopis man | man -l -\n  letopis man /usr/local/share/man/man1")]
    Man(Man),
    /// Measure this machine in a throwaway folder
    #[command(after_help = "Examples:\n  letopis bench --connections 64 --seconds 5 --rounds 3\n  \
                             letopis bench --only search --log chat.ndjson.gz\n\n\
                             With --database the log and the read models are in throwaway databases beside the one that \
                             is named; its role needs CREATEDB.\n\nThe program that measures, letopis-load, must be \
                             beside this one or in $PATH; `cargo build --release -p load` builds it.")]
    Bench(Bench),
    /// The version, and what it is built with
    #[command(after_help = "Example:\n  letopis version -o json")]
    Version,
}

#[derive(Debug, Default, Args)]
pub struct Serve {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Which parts of the work this process does, of api, projections, couriers; by default all. Parts need a shared
    /// log (--database), and some node must have each
    #[arg(long, value_name = "ROLES")]
    pub roles: Option<String>,
    /// Believe the clock although it has jumped ahead by more than a day since the folder was last served
    #[arg(long)]
    pub accept_clock: bool,
}

#[derive(Debug, Args)]
pub struct Import {
    /// The file, plain or gzip; `-` is standard input
    pub file: PathBuf,
    /// Messages keep the file's times; otherwise they are sent now
    #[arg(long)]
    pub as_of_file_times: bool,
    /// Where the lines that cannot be brought in are listed; by default FILE.rejects.ndjson
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Search {
    /// What to look for; several words are one question. One that begins with `-` stands behind `--`
    #[arg(required = true)]
    pub query: Vec<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub limit: u16,
    /// The best first, in place of the newest
    #[arg(long)]
    pub relevance: bool,
}

#[derive(Debug, Subcommand)]
pub enum Streams {
    /// List streams
    #[command(after_help = "Example:\n  letopis streams ls --category chat")]
    Ls {
        /// Only of this category
        #[arg(long, value_name = "CATEGORY", value_parser = help::categories())]
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
    #[command(after_help = "Example:\n  letopis projections ls -o json")]
    Ls,
    /// Build one again beside the one that serves, then switch
    #[command(after_help = "Example:\n  letopis projections rebuild --all")]
    Rebuild(WhichProjections),
    /// Fold the log again and compare
    #[command(after_help = "Example:\n  letopis projections verify --all")]
    Verify(WhichProjections),
    /// Stop following the log; reads that need more than it has answer 503
    #[command(after_help = "Example:\n  letopis projections pause messages --reason 'moving the disk'")]
    Pause(OneProjection),
    /// Follow the log again, and try again the event that stopped it
    #[command(after_help = "Example:\n  letopis projections resume messages")]
    Resume(OneProjection),
    /// Step over the event that stops it; the log keeps that, and the reason
    #[command(after_help = "Example:\n  letopis projections skip messages --reason 'written by a trial version'")]
    Skip {
        /// Its name
        #[arg(value_parser = help::projections())]
        name: String,
        /// Why that event is not needed, in 1 to 500 characters; it is kept for ever
        #[arg(long, value_name = "REASON")]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a new master key and wrap every other key by it; the former one is kept beside it
    #[command(after_help = "Example:\n  letopis keys rotate\n\n\
                            On PostgreSQL, as the owner of the tables: the first call makes the new key only. Copy it to \
                            every node, beside its master key and with the same ending (.next); the second call brings it \
                            in, and the nodes go on.")]
    Rotate,
}

#[derive(Debug, Subcommand)]
pub enum Relay {
    /// Let the relay of this log tell other services what happens; the copy of a log is silent before
    #[command(
        after_help = "Example:\n  letopis relay arm    after a restore, once the log that was copied is given up"
    )]
    Arm,
    /// Let it tell nobody anything, until it is armed again
    #[command(after_help = "Example:\n  letopis relay disarm")]
    Disarm,
}

/// One read model.
#[derive(Debug, Args)]
pub struct OneProjection {
    /// Its name
    #[arg(value_parser = help::projections())]
    pub name: String,
    /// Why; for the server's log
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,
}

/// One read model or all of them.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct WhichProjections {
    /// Its name
    #[arg(value_parser = help::projections())]
    pub name: Option<String>,
    /// Every one
    #[arg(long)]
    pub all: bool,
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

    #[test]
    fn every_category_of_streams_is_named() {
        let mut command = <Arguments as clap::CommandFactory>::command();
        let ls = command.find_subcommand_mut("streams").and_then(|streams| streams.find_subcommand_mut("ls")).unwrap();
        let help = ls.render_long_help().to_string();
        assert!(domain::Category::ALL.iter().all(|category| help.contains(category.word())), "{help}");
    }

    #[test]
    fn every_verb_shows_an_example() {
        fn look(command: &clap::Command) {
            let is_verb = !command.has_subcommands();
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(!is_verb || help.starts_with("Example"), "letopis … {} has no example", command.get_name());
            command.get_subcommands().for_each(look);
        }
        look(&<Arguments as clap::CommandFactory>::command());
    }
}
