//! `letopis-load`: what this machine can do, measured in a throwaway folder. `letopis bench` starts it.
//!
//! One line of JSON comes in on standard input: the [`Plan`]. Lines of JSON go out: `{"row": …}` for each measurement,
//! or `{"failed": {"code": …, "message": …}}`. It ends early, and cleans up, when standard input is closed.
//!
//! Server and callers share one process and one machine: the figures hold for both together. With a database set, the
//! log and the read models are stored in throwaway databases on its server.

mod appends;
#[path = "../../../cli/src/http.rs"]
mod client;
mod freshness;
mod http;
mod plan;
mod readback;
mod replay;
mod search;
mod shared;

use anyhow::{Context as _, Result};
use node::failure::{self, Failure, FailureKind};
use node::{Node, NodeOptions};
use plan::{Part, Plan};
use serde::Serialize;
use std::fmt;
use std::io::{BufRead, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use store::Cluster;
use tokio::sync::oneshot;

/// As in the program that it measures.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The plan has at most this many bytes.
const PLAN_BYTES_MAX: u64 = 1024 * 1024;

/// What is told to `letopis bench`.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Row(Measured),
    Failed(Failure),
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// What was done.
    pub what: String,
    /// How often in a second.
    pub per_second: f64,
    /// Half of them took at most this long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// All but one in a hundred took at most this long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// How long after the last answer the read models had everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind_ms: Option<f64>,
}

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::new("warn");
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let done =
        tokio::runtime::Runtime::new().context("could not start the threads of the process").and_then(|runtime| {
            let done = runtime.block_on(run());
            runtime.shutdown_timeout(Duration::from_secs(1));
            done
        });
    let lines = match done {
        Ok(rows) => rows.into_iter().map(Line::Row).collect(),
        Err(error) => vec![Line::Failed(told(&error))],
    };
    let failed = lines.iter().any(|line| matches!(line, Line::Failed(_)));
    for line in &lines {
        if tell(line).is_err() {
            return ExitCode::FAILURE;
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn failure(code: FailureKind, message: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Failure { code, message: message.into() })
}

fn told(error: &anyhow::Error) -> Failure {
    let code = failure::kind(error.as_ref()).unwrap_or(FailureKind::Failure);
    Failure { code, message: format!("{error:#}") }
}

fn tell(line: &Line) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, line)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Says something to the person who waits, on standard error.
fn note(text: impl fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Reads the plan and carries it out.
async fn run() -> Result<Vec<Measured>> {
    let mut line = String::new();
    std::io::stdin().lock().take(PLAN_BYTES_MAX).read_line(&mut line).context("the plan cannot be read")?;
    let plan = serde_json::from_str::<Plan>(&line).map_err(|error| {
        failure(FailureKind::Usage, format!("this is no plan of a measurement ({error}); `letopis bench` writes one"))
    })?;
    let cluster = plan.database.as_deref().map(Cluster::new).transpose()?;
    let place = plan.folder.clone().unwrap_or_else(std::env::temp_dir);
    let rounds = async {
        let mut rounds = Vec::new();
        for round in 0..plan.rounds {
            note(format_args!("round {} of {}, in {}", round + 1, plan.rounds, place.display()));
            rounds.push(measure(&place, round, &plan, cluster.as_ref()).await?);
        }
        anyhow::Ok(rounds)
    };
    let (closed, is_closed) = oneshot::channel();
    // It may rest there until the process ends: no thread of the runtime, which would be waited for.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = closed.send(());
    });
    let rounds = tokio::select! {
        rounds = rounds => rounds?,
        // So that the throwaway folder is thrown away.
        _ = tokio::signal::ctrl_c() => return Err(failure(FailureKind::Failure, INTERRUPTED)),
        _ = is_closed => return Err(failure(FailureKind::Failure, INTERRUPTED)),
    };
    Ok(medians(&rounds))
}

const INTERRUPTED: &str = "interrupted; nothing was measured";

/// One round: everything once, in a folder of its own, and in databases of its own where one is set.
async fn measure(place: &Path, round: u16, plan: &Plan, cluster: Option<&Cluster>) -> Result<Vec<Measured>> {
    let folder = Throwaway::make(place, round)?;
    let is_asked = |part: Part| plan.only.is_none_or(|only| only == part);
    let mut measured = Vec::new();
    if is_asked(Part::Search) && !plan.log.is_empty() {
        let (node, database) = opened(&folder.path, cluster, round, "search").await?;
        measured.extend(search::measure(&node, plan).await?);
        node.stop().await;
        dropped(database).await?;
    }
    if is_asked(Part::Http) {
        let (node, database) = opened(&folder.path, cluster, round, "http").await?;
        measured.extend(http::measure(&node, plan).await?);
        measured.extend(replay::measure(&node).await?);
        node.stop().await;
        dropped(database).await?;
    }
    if is_asked(Part::Append) {
        match made(cluster, round, "append").await? {
            None => measured.extend(appends::measure(&folder.path, plan).await?),
            Some(database) => {
                measured.extend(shared::measure(&folder.path, &database.cluster, plan).await?);
                dropped(Some(database)).await?;
            }
        }
    }
    Ok(measured)
}

/// A node for one part.
async fn opened(
    place: &Path,
    cluster: Option<&Cluster>,
    round: u16,
    part: &str,
) -> Result<(Node, Option<shared::Throwaway>)> {
    let database = made(cluster, round, part).await?;
    let cluster = database.as_ref().map(|database| database.cluster.clone());
    let node = Node::open(NodeOptions { database: cluster, ..NodeOptions::new(place.join(part)) });
    Ok((node.await?, database))
}

async fn made(cluster: Option<&Cluster>, round: u16, part: &str) -> Result<Option<shared::Throwaway>> {
    let Some(cluster) = cluster else { return Ok(None) };
    let name = format!("letopis_bench_{}_{round}_{part}", std::process::id());
    shared::Throwaway::make(cluster, &name).await.map(Some)
}

async fn dropped(database: Option<shared::Throwaway>) -> Result<()> {
    match database {
        Some(database) => database.end().await,
        None => Ok(()),
    }
}

/// A folder that goes when it is no longer needed.
struct Throwaway {
    path: PathBuf,
}

impl Throwaway {
    fn make(place: &Path, round: u16) -> Result<Throwaway> {
        let path = place.join(format!("letopis-bench-{}-{round}", std::process::id()));
        let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| format!("could not make {}; name another place with --folder", path.display()))?;
        Ok(Throwaway { path })
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            note(format_args!("could not remove {}: {error}; remove it by hand", self.path.display()));
        }
    }
}

/// Every measurement's median over the rounds; all rounds measure the same in the same order.
fn medians(rounds: &[Vec<Measured>]) -> Vec<Measured> {
    let Some(first) = rounds.first() else { return Vec::new() };
    let of = |index: usize, figure: fn(&Measured) -> Option<f64>| {
        let figures = rounds.iter().filter_map(|round| round.get(index).and_then(figure));
        median(figures.collect())
    };
    let medians = first.iter().enumerate().map(|(index, measured)| Measured {
        what: measured.what.clone(),
        per_second: of(index, |measured| Some(measured.per_second)).unwrap_or_default().round(),
        p50_ms: of(index, |measured| measured.p50_ms),
        p99_ms: of(index, |measured| measured.p99_ms),
        behind_ms: of(index, |measured| measured.behind_ms),
    });
    medians.collect()
}

fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

/// What some calls took together.
pub struct Rated {
    /// Each of them, in microseconds.
    pub waits_us: Vec<u32>,
    /// From the first to the last.
    pub seconds: f64,
}

impl Rated {
    /// Rate and percentiles.
    pub fn of(mut self, what: &str) -> Measured {
        self.waits_us.sort_unstable();
        let (waits_us, count) = (&self.waits_us, self.waits_us.len());
        let at = |percent: usize| {
            let wait = waits_us.get((count * percent / 100).min(count.saturating_sub(1)));
            wait.map(|wait_us| f64::from(*wait_us) / 1_000.0)
        };
        Measured {
            what: what.to_owned(),
            per_second: node::operations::per_second(count as u64, self.seconds),
            p50_ms: at(50),
            p99_ms: at(99),
            behind_ms: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_medians() {
        let rated = |waits_us: Vec<u32>, seconds| Rated { waits_us, seconds }.of("x");
        let measured = rated((1..=1_000).rev().collect(), 2.0);
        assert_eq!(measured.per_second, 500.0);
        assert_eq!((measured.p50_ms, measured.p99_ms), (Some(0.501), Some(0.991)));
        assert_eq!(rated(vec![], 1.0).p50_ms, None);
        let round = |per_second: f64| {
            let measured = Measured { per_second, ..rated(vec![], 1.0) };
            vec![measured]
        };
        assert_eq!(medians(&[round(3.0), round(100.0), round(5.0)])[0].per_second, 5.0);
    }
}
