//! What can be asked of accounts.

use super::help;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Users {
    /// List accounts by name
    #[command(after_help = "Example:\n  letopis users ls --name an")]
    Ls {
        /// Only names that begin so
        #[arg(long, value_name = "PREFIX")]
        name: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// One account
    #[command(after_help = "Example:\n  letopis users show anna")]
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
        /// What it may do
        #[arg(long, value_parser = help::roles())]
        role: Option<String>,
    },
    /// Give an account a password; its sessions end, its service tokens go on
    #[command(after_help = "Example:\n  letopis users set-password anna --password-file anna.password")]
    SetPassword {
        /// Its name or id
        user: String,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Give an account a role
    #[command(after_help = "Example:\n  letopis users set-role anna admin")]
    SetRole {
        /// Its name or id
        user: String,
        /// What it may do
        #[arg(value_parser = help::roles())]
        role: String,
    },
    /// End every session of an account, and revoke its service tokens
    #[command(after_help = "Example:\n  letopis users end-sessions anna")]
    EndSessions {
        /// Its name or id
        user: String,
    },
    /// Second factors of an account: codes of a device, passkeys
    #[command(after_help = "Examples:\n  letopis users factors anna ls\n  letopis users factors anna rm totp\n\n\
                            Take one away when its owner has lost it, and only when you know that it is they who ask: \
                            they are told by mail, and their sessions end.")]
    Factors {
        /// Its name or id
        user: String,
        #[command(subcommand)]
        verb: Factors,
    },
    /// Forget a person: account, sessions, texts; it cannot be undone, and the name stays taken
    #[command(after_help = "Examples:\n  letopis users erase anna --dry-run\n  letopis users erase anna --yes")]
    Erase {
        /// Its name or id
        user: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Only count what would be forgotten
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Factors {
    /// List them, without what is secret
    #[command(after_help = "Example:\n  letopis users factors anna ls")]
    Ls,
    /// Take one away; the sessions of the account end
    #[command(after_help = "Example:\n  letopis users factors anna rm totp")]
    Rm {
        /// Which one, as `ls` lists it
        which: String,
    },
}

#[derive(Debug, Args)]
pub struct PasswordFrom {
    /// The file that holds the password in its one line, - for standard input; without it, it is asked for
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}
