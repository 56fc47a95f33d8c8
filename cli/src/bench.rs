//! `letopis bench`: what this machine can do. The program that measures is not this one: `letopis-load`, which is
//! built from the same source and is not shipped with the server.

use crate::arguments::{Bench, BenchPart};
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{Column, Listing};
use anyhow::{Context as _, Result, anyhow};
use node::failure::Failure;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tokio::sync::mpsc;

/// The program that measures.
const LOADER: &str = "letopis-load";
/// Lines of it that wait to be shown.
const LINES_WAITING_MAX: usize = 64;

/// What it is told, in one line.
#[derive(Serialize)]
struct Plan<'a> {
    connections: u16,
    seconds: u16,
    callers: u16,
    rounds: u16,
    folder: Option<&'a Path>,
    log: &'a [PathBuf],
    only: Option<&'static str>,
    database: Option<&'a str>,
}

/// What it tells, a line each.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Row(Row),
    Failed(Failure),
}

/// One measurement. Times are in milliseconds.
#[derive(Serialize, Deserialize)]
struct Row {
    what: String,
    per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    behind_ms: Option<f64>,
}

/// Measures.
///
/// # Errors
/// What went wrong; code 3 when the program that measures is not there.
pub async fn verb(context: &Context, bench: &Bench) -> Result<()> {
    let plan = Plan {
        connections: bench.connections,
        seconds: bench.seconds,
        callers: bench.callers,
        rounds: bench.rounds,
        folder: bench.folder.as_deref(),
        log: &bench.log,
        only: bench.only.map(part),
        database: context.layers.get("database_url").map(|set| set.text.as_str()),
    };
    let plan = serde_json::to_string(&plan).map_err(|error| failure(Code::Usage, format!("a path: {error}")))?;
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name(LOADER));
    let program = beside.filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from(LOADER));
    let mut child = Command::new(&program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| not_started(&program, error))?;
    let (mut stdin, stdout) = child.stdin.take().zip(child.stdout.take()).context("it has no standard streams")?;
    // It goes on until it is done, or until this end of the pipe is closed, however this process ends.
    stdin.write_all(format!("{plan}\n").as_bytes()).with_context(|| format!("{LOADER} does not read its plan"))?;
    let mut stdin = Some(stdin);
    let (told, mut lines) = mpsc::channel(LINES_WAITING_MAX);
    let reading = tokio::task::spawn_blocking(move || {
        for line in BufReader::new(stdout).lines() {
            if told.blocking_send(line).is_err() {
                break;
            }
        }
    });
    const COLUMNS: &[Column] = &[
        Column::new("what"),
        Column::new("per_second"),
        Column::new("p50_ms").yields(2),
        Column::new("p99_ms").yields(1),
        Column::new("behind_ms").yields(3),
    ];
    let mut listing = Listing::new(context.output, COLUMNS);
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            // What it has left is its own to clean up; then it says that it was interrupted.
            _ = tokio::signal::ctrl_c() => {
                stdin = None;
                continue;
            }
        };
        let Some(line) = line else { break };
        match serde_json::from_str(&line?).with_context(|| format!("{LOADER} said what is not understood"))? {
            Line::Row(row) => listing.row(&row)?,
            Line::Failed(why) => return Err(why.into()),
        }
    }
    reading.await?;
    drop(stdin);
    let status = tokio::task::spawn_blocking(move || child.wait()).await??;
    if !status.success() {
        return Err(anyhow!("{LOADER} ended without a word ({status})"));
    }
    listing.end()
}

/// As the plan calls it.
fn part(part: BenchPart) -> &'static str {
    match part {
        BenchPart::Http => "http",
        BenchPart::Append => "append",
        BenchPart::Search => "search",
    }
}

fn not_started(program: &Path, error: std::io::Error) -> anyhow::Error {
    if error.kind() == ErrorKind::NotFound {
        return failure(
            Code::NotFound,
            format!(
                "the program that measures, {LOADER}, is neither beside this one nor in $PATH: build it from the same \
                 source, `cargo build --release -p load`, and put it beside this one"
            ),
        );
    }
    anyhow::Error::new(error).context(format!("could not start {}", program.display()))
}
