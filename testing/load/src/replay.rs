//! Reading the log back: decoded, verified, folded into read models.

use crate::Measured;
use anyhow::{Context, Result};
use node::Node;
use node::operations::per_second;
use node::operations::settle;
use projections::{ProjectionId, Projections};
use std::time::Instant;
use store::Log;

/// How many facts are read at once.
const PAGE: usize = 10_000;

/// Measures each kind of replay once, over the whole log.
pub(super) async fn measure(node: &Node) -> Result<Vec<Measured>> {
    settle(node).await;
    let (log, projections) = (node.log.clone(), node.projections.clone());
    let measured = tokio::task::spawn_blocking(move || replays(&log, &projections)).await;
    measured.context("a replay panicked")?
}

fn replays(log: &Log, projections: &Projections) -> Result<Vec<Measured>> {
    let mut measured = vec![
        timed("events read and decoded", || read(log))?,
        timed("events verified", || Ok(log.verify(1, u64::MAX, |_| {})?.events))?,
    ];
    for name in ProjectionId::ALL {
        measured.push(timed(&format!("events to rebuild {name}"), || {
            projections.rebuild(name, &mut |_| {})?;
            Ok(projections.position(name))
        })?);
    }
    measured.push(timed("events to rebuild all of them", || {
        for (_, rebuilt) in projections.rebuild_all(&ProjectionId::ALL, &|_, _| {}) {
            rebuilt?;
        }
        Ok(log.head()?.position)
    })?);
    Ok(measured)
}

fn read(log: &Log) -> Result<u64> {
    let mut position = 0;
    loop {
        let facts = log.facts(position, PAGE)?;
        match facts.last() {
            Some(last) => position = last.position,
            None => return Ok(position),
        }
    }
}

fn timed(what: &str, work: impl FnOnce() -> Result<u64>) -> Result<Measured> {
    let began = Instant::now();
    let events = work()?;
    Ok(Measured {
        what: what.to_owned(),
        per_second: per_second(events, began.elapsed().as_secs_f64()),
        p50_ms: None,
        p99_ms: None,
        behind_ms: None,
    })
}
