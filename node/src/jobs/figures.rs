//! Keeps what the server is like, once a minute: for the charts of operators.

use super::Task;
use crate::Node;
use domain::delivery::Status;
use projections::{ProjectionId, Projections, deliveries};
use state::{FigureMinute, Tables};
use std::time::Duration;
use store::{Log, described, now};

/// How often it looks whether another minute has begun.
const LOOK_EVERY: Duration = Duration::from_secs(5);

pub(super) fn job(node: &Node) -> Option<Task> {
    let serves = node.serves;
    serves.then(|| -> Task { Box::pin(keep(node.log.clone(), node.projections.clone(), node.state.clone())) })
}

/// Keeps each minute once, for ever.
async fn keep(log: Log, projections: Projections, tables: Tables) {
    let mut kept = 0;
    loop {
        let minute = FigureMinute::of(now());
        if minute != kept
            && let Err(error) = sample(minute, &log, &projections, &tables).await
        {
            tracing::warn!(error = described(&*error), "a minute is missing from the charts");
        }
        kept = minute;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn sample(
    minute: u64,
    log: &Log,
    projections: &Projections,
    tables: &Tables,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let counts = match projections.has(ProjectionId::Deliveries) {
        true => {
            let database = projections.database(ProjectionId::Deliveries);
            let (_, due, late) = deliveries::backlog(&database, now()).await?;
            metrics::gauge!("letopis_deliveries_due").set(due as f64);
            metrics::gauge!("letopis_deliveries_late").set(late as f64);
            deliveries::by_status(&database).await?
        }
        false => Vec::new(),
    };
    let sum = |wanted: fn(Status) -> Fate, fate| {
        counts.iter().filter(|(status, _)| wanted(*status) == fate).map(|(_, count)| count).sum()
    };
    let (waiting, accepted, failed) = (sum(fate, Fate::Waiting), sum(fate, Fate::Accepted), sum(fate, Fate::Failed));
    metrics::gauge!("letopis_deliveries_waiting").set(waiting as f64);
    let (log, projections, tables) = (log.clone(), projections.clone(), tables.clone());
    let looked = tokio::task::spawn_blocking(move || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let status = projections.status()?;
        let figures = FigureMinute {
            minute,
            head: log.head()?.position,
            lag_events: status.iter().map(|one| one.lag_events).max().unwrap_or_default(),
            lag_seconds: status.iter().map(|one| one.lag_seconds).max().unwrap_or_default(),
            waiting,
            accepted,
            failed,
        };
        Ok(tables.figures().keep(&figures)?)
    });
    looked.await?
}

/// What became of a delivery, as a chart shows it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Waiting,
    Accepted,
    Failed,
    Other,
}

fn fate(status: Status) -> Fate {
    match status {
        Status::Requested | Status::Scheduled | Status::Deferred | Status::Sending => Fate::Waiting,
        Status::Accepted | Status::Delivered => Fate::Accepted,
        Status::Bounced
        | Status::Complained
        | Status::Refused
        | Status::Failed
        | Status::Unknown
        | Status::DeadLettered
        | Status::Expired => Fate::Failed,
        Status::Suppressed | Status::Cancelled => Fate::Other,
    }
}
