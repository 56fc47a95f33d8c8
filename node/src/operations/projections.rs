//! What an operator wants of projections: that they are built anew; that one pauses, goes on, or steps over the event
//! that stops it.

use super::{Error, FOLLOW_WAIT, Progress, Sender, per_second};
use crate::{Node, now};
use commands::Request;
use domain::{Command, projection};
use projections::{ProjectionId, Projections, RebuildSummary};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How often it is looked whether a projection has come to the event that stops it.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Builds read models anew: the one of that name, or all of them in one reading of the log. One that cannot be built
/// holds up no other.
///
/// # Errors
/// When there is none of that name, or one cannot be built.
pub async fn rebuild(node: &Node, projection: Option<&str>, progress: &Sender) -> Result<Value, Error> {
    let (projections, sender, names) = (node.projections.clone(), progress.clone(), names(projection)?);
    let work = tokio::task::spawn_blocking(move || {
        projections.rebuild_all(&names, &|name, at| {
            sender.send_replace(Progress {
                what: format!("events into {name}"),
                done: at.position,
                part: at.position as f64 / at.head.max(1) as f64,
            });
        })
    });
    let mut rows = Vec::new();
    for (name, rebuilt) in work.await.map_err(|source| Error::Panicked { what: "rebuild", source })? {
        let RebuildSummary { events, took } = rebuilt?;
        let seconds = took.as_secs_f64();
        rows.push(json!({
            "name": name.as_str(), "version": name.version(), "events": events,
            "seconds": seconds, "events_per_second": per_second(events, seconds).round(),
        }));
    }
    Ok(Value::Array(rows))
}

/// The read model of that name, or all of them.
///
/// # Errors
/// When there is none of that name.
pub fn names(projection: Option<&str>) -> Result<Vec<ProjectionId>, Error> {
    let Some(text) = projection else { return Ok(ProjectionId::ALL.to_vec()) };
    Ok(vec![named(text)?])
}

/// Lets it pause. The reason is for the server's log.
pub async fn pause(node: &Node, projection: &str, reason: Option<&str>) -> Result<Value, Error> {
    let name = named(projection)?;
    if let Some(reason) = reason {
        tracing::info!(projection = %name, reason, "an operator pauses it");
    }
    blocking(node, move |projections| projections.pause(name)).await?;
    shown(node, name).await
}

/// Lets it go on, or try again what stopped it.
pub async fn resume(node: &Node, projection: &str, reason: Option<&str>) -> Result<Value, Error> {
    let name = named(projection)?;
    if let Some(reason) = reason {
        tracing::info!(projection = %name, reason, "an operator lets it go on");
    }
    blocking(node, move |projections| projections.resume(name)).await?;
    shown(node, name).await
}

/// Lets it step over the event that stops it, and writes that down in the log first.
pub async fn skip(node: &Node, projection: &str, reason: &str) -> Result<Value, Error> {
    let name = named(projection)?;
    let skipped = stopped_at(node, name).await?;
    let command = projection::Command::Skip(projection::Skip { position: skipped, reason: reason.to_owned() });
    let request = Request::by_operator(Command::Projection(name.in_log(), command), now());
    let position = node.writer.send(request).await?.position;
    store::failpoint::pass("skip-recorded");
    blocking(node, move |projections| projections.skip(name, skipped)).await?;
    Ok(json!({"name": name.as_str(), "skipped": skipped, "reason": reason, "position": position}))
}

/// Where the event stands that stops it. A node that has just been opened tries that event once more first.
async fn stopped_at(node: &Node, name: ProjectionId) -> Result<u64, Error> {
    let began = Instant::now();
    loop {
        let looked = blocking(node, move |projections| projections.skippable(name)).await;
        let lags = node.projections.position(name) < node.log.head()?.position;
        match looked {
            Err(projections::Error::NotStopped { .. }) if lags && began.elapsed() < FOLLOW_WAIT => {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Ok(position) => return Ok(position),
            Err(error) => return Err(error.into()),
        }
    }
}

fn named(projection: &str) -> Result<ProjectionId, Error> {
    ProjectionId::parse(projection).ok_or_else(|| Error::NoProjection(projection.to_owned()))
}

async fn shown(node: &Node, name: ProjectionId) -> Result<Value, Error> {
    let status = blocking(node, Projections::status).await?;
    let status = status.into_iter().find(|status| status.name == name).expect("every projection has a status");
    Ok(json!({"name": name.as_str(), "state": status.state.as_str(), "position": status.position}))
}

/// Read models are files: not for the threads of async code.
async fn blocking<T: Send + 'static>(
    node: &Node,
    work: impl FnOnce(&Projections) -> Result<T, projections::Error> + Send + 'static,
) -> Result<T, projections::Error> {
    let projections = node.projections.clone();
    let done = tokio::task::spawn_blocking(move || work(&projections)).await;
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
