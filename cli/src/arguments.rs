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
  letopis import log.ndjson.gz                    import a chat log
  letopis events tail --follow                    watch what happens
  letopis events verify                           check the chain, the streams and the anchor
  letopis projections rebuild --all               rebuild every read model

Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 conflict, 5 unhealthy or not verified, 6 auth, 7 unreachable.
Settings: letopis.toml, then LETOPIS_* variables, then flags; `letopis config show` lists them with their origin.";

/// What every verb takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Common {
    /// The data folder
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// PostgreSQL in place of the log in the data folder; for an address with a password use LETOPIS_DATABASE_URL_FILE
    #[arg(long, global = true, value_name = "URL")]
    pub database: Option<String>,
    /// The configuration file, in place of ./letopis.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How to show data; by default a table on a terminal, JSON in a pipe
    #[arg(short, long, global = true, value_name = "FORMAT")]
    pub output: Option<Format>,
    /// Show everything in tables: every column, whole ids, exact times
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
    /// Import a chat log: NDJSON with room, at, author, text, plain or .gz
    #[command(after_help = "Example:\n  letopis import ubuntu-irc.ndjson.gz --as-of-file-times\n\n\
                            Lines that are malformed or refused are counted and listed while the rest goes on; the exit \
                            code is 1 when lines were malformed.")]
    Import(Import),
    /// The log
    #[command(subcommand)]
    Events(Events),
    /// The streams of the log
    #[command(subcommand)]
    Streams(Streams),
    /// The read models, which follow the log
    #[command(subcommand)]
    Projections(Projections),
    /// The relay, which tells other services over NATS what happens
    #[command(subcommand)]
    Relay(Relay),
    /// The master key, which protects all other keys
    #[command(subcommand)]
    Keys(Keys),
    /// Find messages in all chats: words, "phrase", prefix*, -not, from:name, in:chat, before:, after:, on:, has:link, ~fuzzy
    #[command(after_help = "Examples:\n  letopis search '\"rolling update\" from:anna after:2026-01-01'\n  \
                            letopis search развернуть -o json --limit 100")]
    Search(Search),
    /// Accounts
    #[command(subcommand)]
    Users(Users),
    /// Sessions: where accounts are signed in
    #[command(subcommand)]
    Sessions(Sessions),
    /// Chats and who is in them
    #[command(subcommand)]
    Chats(Chats),
    /// Reports of messages, and suspended accounts
    #[command(subcommand)]
    Moderation(Moderation),
    /// Deliveries to people: their history, failed ones, and whether anything is sent
    #[command(subcommand)]
    Notifications(Notifications),
    /// Mailings to many people: drafts, progress, start and stop
    #[command(subcommand)]
    Mailings(Mailings),
    /// Templates of notifications
    #[command(subcommand)]
    Templates(Templates),
    /// The dev mailbox, which keeps every mail while no mail server is set
    #[command(subcommand)]
    Mail(Mail),
    /// Copy the embedded log into a folder, also while the server runs; without the master key and the list of the
    /// erased. For a log in PostgreSQL use pg_dump
    #[command(after_help = "Example:\n  letopis backup /backups/letopis-2026-01-31\n\n\
                            Keep copies of the master key and the list of the erased elsewhere: without the key a \
                            backup cannot be read, and without the list it brings erased people back.")]
    Backup(Backup),
    /// Restore a backup into a data folder that has no log yet; people who were erased since are erased again. For a log
    /// in PostgreSQL use pg_restore
    #[command(after_help = "Example:\n  letopis restore /backups/letopis-2026-01-31 --data /var/lib/letopis \\\n    \
                            --master-key /safe/master.key")]
    Restore(Restore),
    /// Settings
    #[command(subcommand)]
    Config(Config),
    /// Show how a running server is doing; the same exit codes as `health`
    #[command(after_help = "Example:\n  letopis status --url http://127.0.0.1:8080")]
    Status(Health),
    /// Ask a running server whether it is ready; exit code 5 when it is not, 7 when it does not answer
    #[command(after_help = "Example:\n  letopis health --url http://127.0.0.1:8080")]
    Health(Health),
    /// Update the tables of a PostgreSQL database; the embedded log updates itself
    #[command(after_help = "Examples:\n  LETOPIS_DATABASE_URL_FILE=/etc/letopis/owner-url letopis migrate\n  \
                            LETOPIS_DATABASE_URL_FILE=/etc/letopis/owner-url letopis migrate --role letopis_app\n\n\
                            The file holds the address for the owner of the tables, like \
                            postgres://owner:password@host:5432/letopis: other users of this machine can read \
                            --database.\nThe nodes should connect as another role: --role grants it what they need, and \
                            no more.")]
    Migrate(Migrate),
    /// Check everything that a server needs, and say what to do about what is wrong; exit code 5 for a problem
    #[command(after_help = "Example:\n  letopis doctor -o json | jq '.[] | select(.state != \"ok\")'")]
    Doctor,
    /// Print completions for a shell
    #[command(after_help = "Example:\n  letopis completions bash > ~/.local/share/bash-completion/completions/letopis")]
    Completions(Completions),
    /// Print the manual page, or write one for each verb into a folder
    #[command(after_help = "Examples:\n  letopis man | man -l -\n  letopis man /usr/local/share/man/man1")]
    Man(Man),
    /// Measure this machine in a throwaway folder
    #[command(after_help = "Examples:\n  letopis bench --connections 64 --seconds 5 --rounds 3\n  \
                             letopis bench --only search --log chat.ndjson.gz\n\n\
                             With --database the log and the read models are in throwaway databases beside the one that \
                             you name; its role needs CREATEDB.\n\nThe program that measures, letopis-load, must be \
                             beside this one or in $PATH; `cargo build --release -p load` builds it.")]
    Bench(Bench),
    /// Show the version, and what it was built with
    #[command(after_help = "Example:\n  letopis version -o json")]
    Version,
}

#[derive(Debug, Default, Args)]
pub struct Serve {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Which of api, projections and couriers this process does; by default all. Fewer than all need a shared log
    /// (--database), and each must run on some node
    #[arg(long, value_name = "ROLES")]
    pub roles: Option<String>,
    /// Accept the clock although it jumped ahead by more than a day since the server last ran
    #[arg(long)]
    pub accept_clock: bool,
}

#[derive(Debug, Args)]
pub struct Import {
    /// The file, plain or gzip; `-` is standard input
    pub file: PathBuf,
    /// Keep the times of the file; otherwise messages are dated now
    #[arg(long)]
    pub as_of_file_times: bool,
    /// The file for the lines that cannot be imported; by default FILE.rejects.ndjson
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Search {
    /// What to find; several words are one query. Put a query that begins with `-` after `--`
    #[arg(required = true)]
    pub query: Vec<String>,
    /// Show at most N
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub limit: u16,
    /// Show the best matches first, in place of the newest
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
        /// Show at most N
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Show one stream, folded to its state
    #[command(after_help = "Example:\n  letopis streams show chat-0190… --at 3")]
    Show {
        /// The stream, like `chat-01a1fe41-…`
        stream: String,
        /// Show the state at this version
        #[arg(long, value_name = "VERSION")]
        at: Option<u64>,
        /// Show personal data too
        #[arg(long)]
        personal: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Projections {
    /// List read models and how far each is
    #[command(after_help = "Example:\n  letopis projections ls -o json")]
    Ls,
    /// Build a read model again beside the one in use, then switch
    #[command(after_help = "Example:\n  letopis projections rebuild --all")]
    Rebuild(WhichProjections),
    /// Fold the log again and compare a read model with it
    #[command(after_help = "Example:\n  letopis projections verify --all")]
    Verify(WhichProjections),
    /// Stop a read model; reads that need newer events get 503
    #[command(after_help = "Example:\n  letopis projections pause messages --reason 'moving the disk'")]
    Pause(OneProjection),
    /// Let a read model go on, and try the event that stopped it again
    #[command(after_help = "Example:\n  letopis projections resume messages")]
    Resume(OneProjection),
    /// Step over the event that stops a read model; the log keeps this and the reason
    #[command(after_help = "Example:\n  letopis projections skip messages --reason 'written by a trial version'")]
    Skip {
        /// The read model
        #[arg(value_parser = help::projections())]
        name: String,
        /// Why the event is not needed, in 1 to 500 characters; it is kept for ever
        #[arg(long, value_name = "REASON")]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a new master key and wrap every other key with it; the former one stays beside it
    #[command(after_help = "Example:\n  letopis keys rotate\n\n\
                            On PostgreSQL, run it as the owner of the tables, twice. The first call only makes the new \
                            key: copy it to every node, beside its master key and with the same ending (.next). The \
                            second call brings it in, and the nodes go on.")]
    Rotate,
}

#[derive(Debug, Subcommand)]
pub enum Relay {
    /// Let the relay tell other services what happens; a copy of a log is silent until then
    #[command(
        after_help = "Example:\n  letopis relay arm    after a restore, once the log that was copied is given up"
    )]
    Arm,
    /// Stop the relay until it is armed again
    #[command(after_help = "Example:\n  letopis relay disarm")]
    Disarm,
}

/// One read model.
#[derive(Debug, Args)]
pub struct OneProjection {
    /// The read model
    #[arg(value_parser = help::projections())]
    pub name: String,
    /// The reason, for the server's log
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,
}

/// One read model or all of them.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct WhichProjections {
    /// The read model
    #[arg(value_parser = help::projections())]
    pub name: Option<String>,
    /// Every read model
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
