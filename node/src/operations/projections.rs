//! Projections, for an operator: how far each is, whether it follows from the log, building them again, pausing,
//! resuming, stepping over the event that stops one.

use super::progress::whole_per_second;
use super::{Error, FOLLOW_WAIT, Progress, Sender, Unit};
use crate::NodeHandle;
use domain::{Command, projection};
use projections::{Difference, Kind, ModelVerification, ProjectionId, Projections, RebuildSummary, Status};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// How often a projection is checked for having come to the event that stops it.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How far a projection is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: &'static str,
    /// Of its tables and its fold.
    pub version: u32,
    /// The build that serves.
    pub generation: u64,
    /// The last event that is folded in.
    pub position: u64,
    /// The last event of the log.
    pub head: u64,
    /// Events that are not folded in yet.
    pub lag_events: u64,
    /// The age of the oldest of those.
    pub lag_seconds: u64,
    /// `running`, `stopped`, `paused` or `rebuilding`.
    pub state: &'static str,
    /// Of an index alone.
    #[serde(flatten)]
    pub index: Option<IndexSize>,
    /// Absent where nothing stopped it.
    #[serde(flatten)]
    pub failure: Option<ProjectionFailure>,
}

/// The size of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct IndexSize {
    /// On the disk.
    pub index_bytes: u64,
    /// Its parts.
    pub segments: u64,
    /// In all of them.
    pub documents: u64,
}

/// What stopped a projection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectionFailure {
    /// In words.
    pub error: String,
    /// The event; 0 where no event is to blame.
    pub failed_position: Option<u64>,
}

/// How far each projection is.
///
/// # Errors
/// When a read model or the log cannot be read.
pub fn status(projections: &Projections) -> Result<Vec<ProjectionStatus>, Error> {
    Ok(projections.status()?.into_iter().map(shown_status).collect())
}

fn shown_status(status: Status) -> ProjectionStatus {
    ProjectionStatus {
        name: status.name.as_str(),
        version: status.version,
        generation: status.generation,
        position: status.position,
        head: status.head,
        lag_events: status.lag_events,
        lag_seconds: status.lag_seconds,
        state: status.state.as_str(),
        index: status.size.map(|size| IndexSize {
            index_bytes: size.bytes,
            segments: size.segments,
            documents: size.documents,
        }),
        failure: status.error.map(|error| ProjectionFailure { error, failed_position: status.failed_position }),
    }
}

/// What a verification of a read model found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectionVerification {
    /// The projection.
    pub name: &'static str,
    /// Whether it follows from the log.
    pub verified: bool,
    /// The checkpoint that was compared at.
    pub position: u64,
    /// How many rows serve.
    pub rows: u64,
    /// The first rows that differ.
    pub differences: Vec<RowDifference>,
}

/// A row that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowDifference {
    /// Of which table.
    pub table: &'static str,
    /// Its key, and the columns that differ where both sides have it; never what is in them.
    pub row: String,
    /// `only in the read model` or `only in the log`.
    pub found: &'static str,
}

/// Compares a read model with what follows from the log. It takes as long as reading the log.
///
/// # Errors
/// When the read model or the log cannot be read.
pub fn verify(
    projections: &Projections,
    name: ProjectionId,
    show: &mut impl FnMut(&Progress),
) -> Result<ProjectionVerification, Error> {
    let ModelVerification { name, position, rows, differences } =
        projections.verify(name, &mut |at| show(&progress_into(name, at)))?;
    let differences = differences.into_iter().map(shown_difference).collect::<Vec<_>>();
    Ok(ProjectionVerification { name: name.as_str(), verified: differences.is_empty(), position, rows, differences })
}

fn shown_difference(difference: Difference) -> RowDifference {
    let found = match difference.kind {
        Kind::OnlyServing => "only in the read model",
        Kind::OnlyLog => "only in the log",
    };
    RowDifference { table: difference.table, row: difference.row, found }
}

fn progress_into(name: ProjectionId, at: projections::Progress) -> Progress {
    Progress::of(Unit::EventsInto(name.as_str().to_owned()), at.position, at.head)
}

/// A read model that was built again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RebuildReport {
    /// Its name.
    pub name: String,
    /// Of its tables and its fold.
    pub version: u32,
    /// The last event that was folded in.
    pub events: u64,
    /// How long it took.
    pub seconds: f64,
    /// A whole number.
    pub events_per_second: f64,
}

/// A projection after it was paused or resumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectionChange {
    /// Its name.
    pub name: String,
    /// As [`ProjectionStatus::state`].
    pub state: String,
    /// The last event that is folded in.
    pub position: u64,
}

/// An event that a projection steps over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkipReport {
    /// The projection.
    pub name: String,
    /// The position of that event.
    pub skipped: u64,
    /// As the operator gave it.
    pub reason: String,
    /// The position of the fact that records it.
    pub position: u64,
}

/// Builds read models again: the one of that name, or all of them in one reading of the log. One that cannot be built
/// holds up no other.
///
/// # Errors
/// When there is none of that name, or one cannot be built.
pub async fn rebuild(
    node: &NodeHandle,
    projection: Option<&str>,
    progress: &Sender,
) -> Result<Vec<RebuildReport>, Error> {
    let (projections, sender, names) =
        (node.projections.clone(), progress.clone(), names(projection, node.projections.names())?);
    let work = tokio::task::spawn_blocking(move || {
        projections.rebuild_all(&names, &|name, at| {
            sender.send_replace(Some(progress_into(name, at)));
        })
    });
    let mut rows = Vec::new();
    for (name, rebuilt) in work.await.map_err(|source| Error::Panicked { what: "rebuild", source })? {
        let RebuildSummary { events, took } = rebuilt?;
        let seconds = took.as_secs_f64();
        rows.push(RebuildReport {
            name: name.as_str().to_owned(),
            version: name.version(),
            events,
            seconds,
            events_per_second: whole_per_second(events, seconds),
        });
    }
    Ok(rows)
}

/// The read model of that name, or all of those that are there.
///
/// # Errors
/// When there is none of that name.
pub fn names(projection: Option<&str>, there: Vec<ProjectionId>) -> Result<Vec<ProjectionId>, Error> {
    let Some(text) = projection else { return Ok(there) };
    Ok(vec![named(text, &there)?])
}

/// Pauses a projection. The reason is for the server's log.
pub async fn pause(node: &NodeHandle, projection: &str, reason: Option<&str>) -> Result<ProjectionChange, Error> {
    let name = named(projection, &node.projections.names())?;
    if let Some(reason) = reason {
        tracing::info!(projection = %name, reason, "an operator pauses it");
    }
    blocking(node, move |projections| projections.pause(name)).await?;
    shown(node, name).await
}

/// Resumes a projection, or lets it try again what stopped it.
pub async fn resume(node: &NodeHandle, projection: &str, reason: Option<&str>) -> Result<ProjectionChange, Error> {
    let name = named(projection, &node.projections.names())?;
    if let Some(reason) = reason {
        tracing::info!(projection = %name, reason, "an operator lets it go on");
    }
    blocking(node, move |projections| projections.resume(name)).await?;
    shown(node, name).await
}

/// Lets a projection step over the event that stops it, and records that in the log first.
pub async fn skip(node: &NodeHandle, projection: &str, reason: &str) -> Result<SkipReport, Error> {
    let name = named(projection, &node.projections.names())?;
    let skipped = stopped_at(node, name).await?;
    let command = projection::Command::Skip(projection::Skip { position: skipped, reason: reason.to_owned() });
    let request = node.request(Command::Projection(name.in_log(), command));
    let position = node.writer.send(request).await?.position;
    store::failpoint::pass("skip-recorded");
    blocking(node, move |projections| projections.skip(name, skipped)).await?;
    Ok(SkipReport { name: name.as_str().to_owned(), skipped, reason: reason.to_owned(), position })
}

/// Where the event stands that stops it. A node that has just been opened tries that event once more first.
async fn stopped_at(node: &NodeHandle, name: ProjectionId) -> Result<u64, Error> {
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

fn named(projection: &str, there: &[ProjectionId]) -> Result<ProjectionId, Error> {
    let found = ProjectionId::parse(projection).filter(|name| there.contains(name));
    found.ok_or_else(|| {
        let names = there.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
        Error::NoProjection { name: projection.to_owned(), names }
    })
}

async fn shown(node: &NodeHandle, name: ProjectionId) -> Result<ProjectionChange, Error> {
    let status = blocking(node, Projections::status).await?;
    let status = status.into_iter().find(|status| status.name == name).expect("every projection has a status");
    let (name, state) = (name.as_str().to_owned(), status.state.as_str().to_owned());
    Ok(ProjectionChange { name, state, position: status.position })
}

/// Read models are files: not for the threads of async code.
async fn blocking<T: Send + 'static>(
    node: &NodeHandle,
    work: impl FnOnce(&Projections) -> Result<T, projections::Error> + Send + 'static,
) -> Result<T, projections::Error> {
    let projections = node.projections.clone();
    let done = tokio::task::spawn_blocking(move || work(&projections)).await;
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
