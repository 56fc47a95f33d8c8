//! Real servers beside the tests: PostgreSQL (with or without PgBouncer), Redis, NATS, Postfix's `smtp-sink`, each over a
//! throwaway folder on a free port; and [`SmtpSink`], a mail server, and [`Provider`], a service to sign in
//! by, inside the test, which misbehave as they are told.
//!
//! Most tests share the instances that `scripts/test` starts once for a whole run: [`postgres()`], [`redis()`] and
//! [`nats()`] give each test a part of its own. A test that breaks a server starts one for itself: [`Postgres`],
//! [`PgBouncer`], [`Redis`], [`Nats`]. Where there is no server a test is left out and says so, unless [`REQUIRED`] forbids it.

mod faketime;
mod identity;
mod nats;
mod pgbouncer;
mod postfix;
mod postgres;
mod process;
mod promtool;
mod provider;
mod proxy;
mod python;
mod redis;
mod shared;
mod smtp;

pub use identity::Identity;
pub use nats::{Nats, Streams};
pub use pgbouncer::PgBouncer;
pub use postfix::PostfixSink;
pub use postgres::{Access, Postgres, PostgresOptions};
pub use provider::{CLIENT, Lie, Place, Provider, ProviderUser};
pub use proxy::{Fate, Proxy};
pub use redis::Redis;
pub use shared::{Account, Database, KeySpace, connect_nats, nats, postgres, redis};
pub use smtp::{Fault, Received, SinkOptions, SmtpSink, Step};

use std::io::Write;
use std::path::PathBuf;

/// The variable of the environment that, set to `required`, makes a missing server a failure.
pub const REQUIRED: &str = "LETOPIS_TEST_SERVERS";

/// A server that tests may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// PostgreSQL, 13 or newer.
    Postgres,
    /// PgBouncer. No run shares one.
    PgBouncer,
    /// Redis or Valkey.
    Redis,
    /// NATS with JetStream, 2.10 or newer.
    Nats,
    /// The checker of Prometheus: a program that ends, and no server.
    Promtool,
    /// The mail server for tests that comes with Postfix.
    PostfixSink,
    /// The DKIM of others, in Python, with what Ed25519 needs: a library, and no server.
    Dkimpy,
    /// One-time codes of others, in Python: a library, and no server.
    Pyotp,
    /// A clock that is set for one process alone: a library that is preloaded, and no server.
    Faketime,
}

impl Server {
    /// Every one.
    pub const ALL: [Server; 9] = [
        Server::Postgres,
        Server::PgBouncer,
        Server::Redis,
        Server::Nats,
        Server::Promtool,
        Server::PostfixSink,
        Server::Dkimpy,
        Server::Pyotp,
        Server::Faketime,
    ];

    /// The variable of the environment with the address of the instance that a whole run shares, if it does.
    pub fn variable(self) -> &'static str {
        match self {
            Server::Postgres => "LETOPIS_TEST_POSTGRES_URL",
            Server::PgBouncer => "LETOPIS_TEST_PGBOUNCER_URL",
            Server::Redis => "LETOPIS_TEST_REDIS_URL",
            Server::Nats => "LETOPIS_TEST_NATS_URL",
            Server::Promtool => "LETOPIS_TEST_PROMTOOL_URL",
            Server::PostfixSink => "LETOPIS_TEST_POSTFIX_SINK_URL",
            Server::Dkimpy => "LETOPIS_TEST_DKIMPY_URL",
            Server::Pyotp => "LETOPIS_TEST_PYOTP_URL",
            Server::Faketime => "LETOPIS_TEST_FAKETIME_URL",
        }
    }

    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Server::Postgres => "PostgreSQL",
            Server::PgBouncer => "PgBouncer",
            Server::Redis => "Redis",
            Server::Nats => "nats-server",
            Server::Promtool => "promtool",
            Server::PostfixSink => "smtp-sink",
            Server::Dkimpy => "dkimpy",
            Server::Pyotp => "pyotp",
            Server::Faketime => "libfaketime",
        }
    }

    /// In one word, for scripts.
    pub fn word(self) -> &'static str {
        match self {
            Server::Postgres => "postgres",
            Server::PgBouncer => "pgbouncer",
            Server::Redis => "redis",
            Server::Nats => "nats",
            Server::Promtool => "promtool",
            Server::PostfixSink => "smtp-sink",
            Server::Dkimpy => "dkimpy",
            Server::Pyotp => "pyotp",
            Server::Faketime => "faketime",
        }
    }

    /// Its program, or for PostgreSQL the folder of its programs. Fails with where it was looked for.
    pub fn find(self) -> anyhow::Result<PathBuf> {
        match self {
            Server::Postgres => postgres::find(),
            Server::PgBouncer => pgbouncer::find(),
            Server::Redis => redis::find(),
            Server::Nats => nats::find(),
            Server::Promtool => promtool::find(),
            Server::PostfixSink => postfix::find(),
            Server::Dkimpy => python::find("dkim, nacl"),
            Server::Pyotp => python::find("pyotp"),
            Server::Faketime => faketime::find(),
        }
    }
}

/// Whether an own instance can be started here; a test that gets `false` returns, after it was said that it is left
/// out. Panics instead where servers are required.
pub fn installed(server: Server) -> bool {
    server.find().inspect_err(|error| leave_out(server, &format!("{error:#}"))).is_ok()
}

/// Past the test harness, which shows what a test says only when it fails.
fn leave_out(server: Server, why: &str) {
    let name = server.name();
    assert!(std::env::var(REQUIRED).as_deref() != Ok("required"), "{name} is required by {REQUIRED}: {why}");
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "left out: needs {name}; scripts/test provides it ({test})");
}
