//! What can be asked of accounts.

use super::help;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Users {
    /// List accounts by name
    #[command(after_help = "Example:\n  letopis users ls --name an")]
    Ls {
        /// Only names that begin with PREFIX
        #[arg(long, value_name = "PREFIX")]
        name: Option<String>,
        /// Show at most N
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Show one account
    #[command(after_help = "Example:\n  letopis users show anna")]
    Show {
        /// The account, by name or id
        user: String,
    },
    /// Open an account
    #[command(after_help = "Example:\n  letopis users create anna --password-file anna.password --role admin")]
    Create {
        /// The account's name
        name: String,
        #[command(flatten)]
        password: PasswordFrom,
        /// The account's role
        #[arg(long, value_parser = help::roles())]
        role: Option<String>,
    },
    /// Set the password of an account; its sessions end, its service tokens go on working
    #[command(after_help = "Example:\n  letopis users set-password anna --password-file anna.password")]
    SetPassword {
        /// The account, by name or id
        user: String,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Set the role of an account
    #[command(after_help = "Example:\n  letopis users set-role anna admin")]
    SetRole {
        /// The account, by name or id
        user: String,
        /// The account's role
        #[arg(value_parser = help::roles())]
        role: String,
    },
    /// End every session of an account, and revoke its service tokens
    #[command(after_help = "Example:\n  letopis users end-sessions anna")]
    EndSessions {
        /// The account, by name or id
        user: String,
    },
    /// List or remove second factors of an account (codes of a device, passkeys) and its identities at other services
    #[command(after_help = "Examples:\n  letopis users factors anna ls\n  letopis users factors anna rm totp\n\n\
                            Remove one when its owner has lost it, and only when you are sure that the owner asks: \
                            they get a mail, and their sessions end.")]
    Factors {
        /// The account, by name or id
        user: String,
        #[command(subcommand)]
        verb: Factors,
    },
    /// Erase a person: account, sessions, texts; this cannot be undone, and the name stays taken
    #[command(after_help = "Examples:\n  letopis users erase anna --dry-run\n  letopis users erase anna --yes")]
    Erase {
        /// The account, by name or id
        user: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Only count what would be erased
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Factors {
    /// List them, without secrets
    #[command(after_help = "Example:\n  letopis users factors anna ls")]
    Ls,
    /// Remove one; the sessions of the account end
    #[command(after_help = "Example:\n  letopis users factors anna rm totp")]
    Rm {
        /// The factor, as `ls` lists it
        which: String,
    },
}

#[derive(Debug, Args)]
pub struct PasswordFrom {
    /// A file with the password in its only line, - for standard input; without it you are asked for the password
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}
