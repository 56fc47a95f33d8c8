//! Search in Letopis beside PostgreSQL's own full-text search: the same messages, the same questions, one run, one
//! machine. `letopis bench` measures Letopis alone.

mod letopis;
mod messages;
mod postgres;
mod questions;

use anyhow::{Context, Result};
use clap::Parser;
use messages::Message;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Index chat logs and ask 200 mixed questions, in Letopis' index and in PostgreSQL (GIN, `russian`)
#[derive(Debug, Parser)]
#[command(
    after_help = "Example:\n  cargo run --release -p bench -- ubuntu-irc.ndjson.gz ru-dialogues.ndjson.gz --messages 1000000"
)]
struct Arguments {
    /// Chat logs as `letopis import` takes them
    #[arg(required = true)]
    logs: Vec<PathBuf>,
    /// How many messages; the logs are repeated with new ids until there are so many
    #[arg(long)]
    messages: Option<usize>,
    /// How often each question is asked; the median of its answers counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=99))]
    rounds: u8,
}

/// How long the messages took to be findable, and each question to be answered.
struct Measured {
    indexed: Duration,
    bytes: u64,
    answers: Vec<Answer>,
}

/// The median time of a question, and how many messages answer it.
struct Answer {
    took: Duration,
    total: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let all = messages::read(&arguments.logs, arguments.messages)?;
    let chats = questions::chats(&all);
    let asked = questions::mixed(&all, &chats);
    anyhow::ensure!(!asked.is_empty(), "these logs are too short to ask anything of them");
    println!("{} messages, {} questions, asked by a member of {} chats", all.len(), asked.len(), chats.len());
    let ours = letopis::measure(&all, &chats, &asked, arguments.rounds)?;
    let theirs = postgres::measure(&all, &chats, &asked, arguments.rounds).await?;
    let rate = |measured: &Measured| all.len() as f64 / measured.indexed.as_secs_f64();
    println!("{:<34}{:>14}{:>14}{:>10}", "", "Letopis", "PostgreSQL", "ratio");
    let row = |what: &str, ours: f64, theirs: f64, ratio: f64| {
        println!("{what:<34}{ours:>14.2}{theirs:>14.2}{ratio:>10.2}");
    };
    row("messages indexed a second", rate(&ours), rate(&theirs), rate(&ours) / rate(&theirs));
    row("MiB", mib(ours.bytes), mib(theirs.bytes), mib(ours.bytes) / mib(theirs.bytes));
    let kinds = asked.iter().map(|question| question.kind).collect::<std::collections::BTreeSet<_>>();
    for kind in std::iter::once(None).chain(kinds.into_iter().map(Some)) {
        let of = |measured: &Measured| {
            let answers = asked.iter().zip(&measured.answers);
            let of_kind = answers.filter(|(question, _)| kind.is_none_or(|kind| question.kind == kind));
            let mut took = of_kind.map(|(_, answer)| answer.took).collect::<Vec<_>>();
            took.sort_unstable();
            took
        };
        let (ours, theirs) = (of(&ours), of(&theirs));
        for percent in [50, 99] {
            let (one, other) = (at(&ours, percent)?, at(&theirs, percent)?);
            row(&format!("p{percent} in ms, {}", kind.unwrap_or("all")), one, other, other / one);
        }
    }
    let found = |measured: &Measured| measured.answers.iter().map(|answer| answer.total).sum::<u64>();
    println!("found in all: {} and {}", found(&ours), found(&theirs));
    Ok(())
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

/// A percentile of sorted durations, in milliseconds.
fn at(sorted: &[Duration], percent: usize) -> Result<f64> {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    Ok(sorted.get(index).context("nothing was measured")?.as_secs_f64() * 1e3)
}

/// Asks `rounds` times, and keeps the median.
fn median(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took.get(took.len() / 2).copied().unwrap_or_default()
}

/// How long that takes.
fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let began = Instant::now();
    Ok((work()?, began.elapsed()))
}
