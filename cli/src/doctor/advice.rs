//! What to do about what a check found: why it matters, then the next command or setting.

/// The advice of one warning or problem. What is wrong, the check says itself.
#[derive(Clone, Debug)]
pub(super) enum Advice {
    /// There is no data folder yet.
    FolderMissing,
    /// The data folder or the log in it cannot be used by this user.
    NotReadable {
        path: String,
    },
    /// Other users can read what is stored.
    RightsTooWide {
        path: String,
    },
    KeyReadableByOthers {
        path: String,
    },
    KeyMissing {
        path: String,
    },
    LogUnusable,
    ReadModelsUnusable,
    /// An event stopped a read model.
    StoppedByEvent {
        name: String,
        position: u64,
    },
    /// A read model stopped, and no event is to blame.
    Stopped {
        name: String,
    },
    Paused {
        name: String,
    },
    Lagging {
        name: String,
    },
    DatabaseUnreachable,
    DatabaseIsStandby,
    TablesOlder,
    TablesNewer,
    /// A limit that the database sets for every session of the nodes.
    DatabaseLimit {
        name: String,
    },
    SqliteUnknown,
    SqliteOptions,
    DiskUnknown {
        path: String,
    },
    DiskFull {
        path: String,
    },
    ClockWrong,
    MailSettings,
    MailServer,
    NatsUnreachable,
    RelayDisarmed,
    RedisUnreachable,
    ProviderSilent {
        id: String,
    },
    CannotWrite,
    OtherVersion,
    ServerEnded,
    NotAsked,
    PortTaken,
    ListensElsewhere,
    NotReady,
    Starting,
}

impl Advice {
    /// For people: first why it matters, then what to do.
    #[allow(clippy::too_many_lines, reason = "one text an advice")]
    pub(super) fn text(&self) -> String {
        let text = match self {
            Advice::FolderMissing => {
                "A server that starts here begins an empty log. Start one with `letopis serve`; if there should be data, \
                 name its folder with LETOPIS_DATA (or --data)."
            }
            Advice::NotReadable { path } => {
                return format!(
                    "The server has to read and write it. Give it to the server's user with `chown -R letopis: {path}` \
                     (name your own user), or run this command as that user."
                );
            }
            Advice::RightsTooWide { path } => {
                return format!("Other users of this machine can read what is stored. Run `chmod go= {path}`.");
            }
            Advice::KeyReadableByOthers { path } => {
                return format!(
                    "The server does not start while other users can read the master key. Run `chmod 600 {path}`; if \
                     somebody may have read it, also run `letopis keys rotate`."
                );
            }
            Advice::KeyMissing { path } => {
                return format!(
                    "Without it the log cannot be read, and no server starts. Bring it back from your copy or from \
                     another node with `cp -p COPY {path}`, or name it with LETOPIS_MASTER_KEY_FILE."
                );
            }
            Advice::LogUnusable => {
                "No server starts on this log. Do what the message says, then check the log with `letopis events verify`."
            }
            Advice::ReadModelsUnusable => {
                "Requests that read get 503. The next start (`letopis serve`) builds them again from the log; if a \
                 server is running, its own log says what is wrong."
            }
            Advice::StoppedByEvent { name, position } => {
                return format!(
                    "Reads of {name} get nothing from this event on. See the event with `letopis events show \
                     {position}`. If the event is not needed, run `letopis projections skip {name} --reason '…'`; if the \
                     read model is damaged, run `letopis projections rebuild {name}`; if a newer version wrote the \
                     event, install that version."
                );
            }
            Advice::Stopped { name } => {
                return format!(
                    "Reads of {name} get nothing new. Run `letopis projections resume {name}`, which goes on from its \
                     checkpoint; if it stops again, run `letopis projections rebuild {name}`."
                );
            }
            Advice::Paused { name } => {
                return format!(
                    "Reads of {name} that need newer events get 503. An operator paused it: run `letopis projections \
                     resume {name}`."
                );
            }
            Advice::Lagging { name } => {
                return format!(
                    "Reads of {name} that need newer events wait, then get 503. Run `letopis projections ls` again in a \
                     minute; if the lag does not shrink, the log of the server that feeds it says why."
                );
            }
            Advice::DatabaseUnreachable => {
                "Nothing works without it. Start PostgreSQL, or correct LETOPIS_DATABASE_URL (database_url in \
                 letopis.toml, or --database)."
            }
            Advice::DatabaseIsStandby => "A standby takes no writes. Name the primary server in LETOPIS_DATABASE_URL.",
            Advice::TablesOlder => {
                "Nodes do not start on these tables. Run `letopis migrate` with the address of the tables' owner in \
                 LETOPIS_DATABASE_URL, then start the nodes."
            }
            Advice::TablesNewer => {
                "This version does not know these tables. Install the version of Letopis that migrated them, or a newer \
                 one; `letopis version` shows this one."
            }
            Advice::DatabaseLimit { name } => {
                let why = match name.as_str() {
                    // Reads and writes set their own; a vacuum can't.
                    "statement_timeout" => "It cuts off the tidying up after an erasure when that takes longer.",
                    _ => "It cuts off whatever takes longer.",
                };
                return format!(
                    "{why} Run `psql -c 'alter role letopis_app set {name} = 0'`, with the role of your nodes."
                );
            }
            Advice::SqliteUnknown => {
                "This build cannot say how SQLite was compiled, so it may not be safe. Build it again with `cargo build \
                 --release` in the repository's folder."
            }
            Advice::SqliteOptions => {
                "Letopis is tested without these parts of SQLite. Build it with `cargo build --release` in the \
                 repository's folder, so that its .cargo/config.toml counts."
            }
            Advice::DiskUnknown { path } => {
                return format!(
                    "A full disk would go unnoticed. Run `df {path}` to see whether the disk is mounted and whether this \
                     user may read it."
                );
            }
            Advice::DiskFull { path } => {
                return format!(
                    "On a full disk the server refuses every write. Free some space (`du -xh {path} | sort -h | tail` \
                     shows what takes it), or move the folder to a larger disk and name it with LETOPIS_DATA."
                );
            }
            Advice::ClockWrong => {
                "Times in the log never go back, so a wrong clock writes wrong times or stops writes. Set it and keep it \
                 right: `timedatectl set-ntp true`."
            }
            Advice::MailSettings => {
                "No mail can be sent. Correct the setting that the message names, or unset it; `letopis config show` \
                 says where it is set."
            }
            Advice::MailServer => {
                "Mail waits and is tried again until it is too late for it. Check that the server runs; then check host, \
                 user, password and ?tls= in LETOPIS_SMTP_URL, or LETOPIS_SENDGRID_KEY. If an authority of your own \
                 signed its certificate, set LETOPIS_SMTP_CA_FILE."
            }
            Advice::NatsUnreachable => {
                "The server works without NATS and tells other services later what they missed. Start it with \
                 JetStream (`nats-server -js`), or correct LETOPIS_NATS_URL."
            }
            Advice::RelayDisarmed => {
                "Other services hear nothing, so that a copy of a log does not repeat what they know. Run `letopis relay \
                 arm` once the log that it was copied from is given up."
            }
            Advice::RedisUnreachable => {
                "The server works without Redis: it looks sessions up in the database, and each node counts requests \
                 alone. Start it, or correct LETOPIS_REDIS_URL."
            }
            Advice::ProviderSilent { id } => {
                let variable = id.replace('-', "_").to_uppercase();
                return format!(
                    "Users cannot sign in with {id} until it answers; every other way works. Set \
                     LETOPIS_OIDC_{variable}_ISSUER exactly as the service writes it; if the service is not on the \
                     internet, add its host to LETOPIS_OUTBOUND_ALLOW."
                );
            }
            Advice::CannotWrite => {
                "The server refuses every write. Its log says why: free the disk or mend the database. If it stays so, \
                 restart the server (`systemctl restart letopis`)."
            }
            Advice::OtherVersion => {
                "This program and the server are of different versions, so its answer cannot be read. Use the server's \
                 own program; `letopis version` shows the version of this one."
            }
            Advice::ServerEnded => "These checks may be out of date. Run `letopis doctor` again.",
            Advice::NotAsked => {
                "Whether the server can write is not known. Run `letopis doctor` as the server's user or as root, with \
                 the server's own program."
            }
            Advice::PortTaken => {
                "A server cannot start on this address. Stop the program that listens there (`ss -ltnp` names it), or \
                 choose another address with LETOPIS_LISTEN (or --listen)."
            }
            Advice::ListensElsewhere => {
                "These checks use the settings of this shell, and the server has others. Set LETOPIS_LISTEN as the \
                 server has it, or ask the server with `letopis health --url http://HOST:PORT`."
            }
            Advice::NotReady => {
                "Requests may get 503. Run `letopis health` to see what is missing; the server's log says why."
            }
            Advice::Starting => {
                "Requests get 503 until it has built its read models. Run `letopis health` to see how far it is."
            }
        };
        text.to_owned()
    }
}

#[cfg(test)]
mod tests;
