//! Starts PostgreSQL, Redis and NATS, runs a command that finds their addresses in its environment, and stops them:
//!
//! ```sh
//! cargo run --bin servers -- run cargo nextest run -p store
//! ```
//!
//! `servers missing` names those that this machine lacks, one a line; `scripts/servers` installs them.
//!
//! `run` exits as the command does, with 128 and the number of the signal when one ended it, and prints nothing but
//! errors: what the command prints last stays the last.

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};
use testkit::servers::{Nats, Postgres, PostgresOptions, REQUIRED, Redis, Server};
use tokio::signal::unix::{self as signal, SignalKind};

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const SIGNALLED: i32 = 128;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let verb = arguments.next().unwrap_or_default();
    let command = arguments.collect::<Vec<_>>();
    match (verb.to_str(), command.as_slice()) {
        (Some("missing"), []) => missing(),
        (Some("run"), [program, arguments @ ..]) => match run(program, arguments) {
            Ok(status) => code(status),
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::from(FAILED)
            }
        },
        _ => {
            eprintln!("usage: servers missing | servers run COMMAND [ARGUMENT …]");
            ExitCode::from(USAGE)
        }
    }
}

fn missing() -> ExitCode {
    for server in Server::ALL {
        if let Err(why) = server.find() {
            eprintln!("{why:#}");
            println!("{}", server.word());
        }
    }
    ExitCode::SUCCESS
}

fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().unwrap_or_else(|| SIGNALLED + status.signal().unwrap_or_default());
    ExitCode::from(u8::try_from(code).unwrap_or(FAILED))
}

#[tokio::main(flavor = "current_thread")]
async fn run(program: &OsStr, arguments: &[OsString]) -> anyhow::Result<ExitStatus> {
    let mut signals = Signals::listen()?;
    let (postgres, redis, nats) = tokio::select! {
        started = tokio::task::spawn_blocking(start) => started.context("a server's start panicked")??,
        signal = signals.next() => bail!("stopped by {signal:?} while the servers started"),
    };
    let mut child = Command::new(program)
        .args(arguments)
        .env(REQUIRED, "required")
        .env(Server::Postgres.variable(), postgres.url())
        .env(Server::Redis.variable(), redis.url())
        .env(Server::Nats.variable(), nats.url())
        .spawn()
        .with_context(|| format!("{} cannot be started", program.display()))?;
    let pid = Pid::from_child(&child);
    let mut ended = tokio::task::spawn_blocking(move || child.wait());
    loop {
        tokio::select! {
            status = &mut ended => return Ok(status.context("nobody waits for the command")??),
            // A terminal sends Ctrl-C to the command as well.
            signal = signals.next() => if signal != Signal::INT {
                let _ = kill_process(pid, signal);
            },
        }
    }
}

fn start() -> anyhow::Result<(Postgres, Redis, Nats)> {
    let postgres = std::thread::spawn(|| Postgres::start(PostgresOptions::default()));
    let advice = "scripts/servers installs what is missing";
    let redis = Redis::start().context(advice);
    let nats = Nats::shared().context(advice);
    let postgres = postgres.join().expect("starting a server panics for nothing").context(advice);
    Ok((postgres?, redis?, nats?))
}

/// What asks a program to stop.
struct Signals {
    interrupt: signal::Signal,
    terminate: signal::Signal,
    hang_up: signal::Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Signals> {
        let listen = |kind| signal::signal(kind);
        Ok(Signals {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hang_up.recv() => Signal::HUP,
        }
    }
}
