//! What happens now, and what is wrong: what an operator sees first.

use super::projections::{self, Shown as Projection};
use crate::app::App;
use crate::auth::caller::Admin;
use crate::error::Error;
use crate::http::reply::read;
use crate::routes::spec::{Routes, Spec};
use ::projections::{ProjectionId, deliveries, messages, sessions};
use axum::extract::State;
use axum::response::Response;
use domain::Timestamp;
use domain::delivery::Status;
use node::operations::disk::{self, FREE_BYTES_EASY, FREE_BYTES_LEAST};
use node::operations::pace;
use node::recent_errors;
use serde::Serialize;
use std::time::Duration;
use store::{Arming, Outlet, RelayPlace, now};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// For how long what was looked up is shown to everybody who looks.
const KEPT: Duration = Duration::from_secs(1);
/// The same of what is counted row by row, or asked of a database that nodes share.
const COUNTS_KEPT: Duration = Duration::from_secs(20);
/// A read model that is so far behind is not near the log's head.
const LAG_SECONDS_EASY: u64 = 10;
/// Errors that are shown.
const ERRORS_SHOWN: usize = 20;
const HOUR_SECONDS: i64 = 3_600;

pub(crate) fn routes() -> Routes {
    Routes::default().add(routes!(overview), Spec::admin())
}

/// What happens now.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct Overview {
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
    /// What is wrong, the worst first.
    pub(crate) troubles: Vec<Trouble>,
    /// The log's last position.
    pub(crate) head: u64,
    /// Events that were written in the last minute, divided by its seconds.
    pub(crate) appends_per_second: f64,
    /// Commands that wait for the writer.
    pub(crate) writer_queue: u64,
    pub(crate) projections: Vec<Projection>,
    pub(crate) relay: Relay,
    pub(crate) couriers: Couriers,
    /// Sessions that have neither ended nor expired.
    pub(crate) sessions: u64,
    /// Connections that hear what happens as it happens, on this node.
    pub(crate) streams: u64,
    /// Reported messages whose report is not resolved.
    pub(crate) reports_open: u64,
    /// Errors that this node logged in the last hour; only the last 200 are counted.
    pub(crate) errors: u64,
    /// The last of them.
    pub(crate) last_errors: Vec<ReportedError>,
    pub(crate) disk: Disk,
}

/// The relay, which tells other services what happens.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = RelayOverview)]
pub(crate) struct Relay {
    /// Whether there is one: where NATS is set.
    pub(crate) is_there: bool,
    /// Whether it may speak: a restored copy may not, until it is armed.
    pub(crate) armed: bool,
    /// The last position that the relay has sent, as far as this node knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) position: Option<u64>,
}

/// The couriers, which send deliveries.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = CouriersOverview)]
pub(crate) struct Couriers {
    /// Whether they may send: in a restored copy they may not, until they are armed.
    pub(crate) armed: bool,
    /// Deliveries that wait.
    pub(crate) pending: u64,
    /// Those of them that are due.
    pub(crate) due: u64,
    /// Those of them that are past their deadline.
    pub(crate) late: u64,
    /// Deliveries that are not tried again unless an operator retries them.
    pub(crate) dead_lettered: u64,
    /// Deliveries whose result is unknown.
    pub(crate) unknown: u64,
    /// How many there are in each state.
    pub(crate) states: Vec<InState>,
}

#[derive(Clone, Serialize, ToSchema)]
#[schema(as = DeliveriesInState)]
pub(crate) struct InState {
    #[schema(value_type = String, example = "delivered")]
    pub(crate) state: &'static str,
    pub(crate) count: u64,
}

/// An error of the server's log.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct ReportedError {
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
    /// Where in the program.
    pub(crate) target: String,
    pub(crate) line: String,
}

/// The disk that the data folder is on.
#[derive(Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Disk {
    pub(crate) free_bytes: u64,
    pub(crate) size_bytes: u64,
}

/// Something that an operator should see to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Trouble {
    pub(crate) what: What,
    pub(crate) severity: Severity,
    /// The read model, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<&'static str>,
    /// The event that is to blame, where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) position: Option<u64>,
    /// How many of them there are, where they are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u64>,
    /// In the words of whatever fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = TroubleSeverity)]
pub(crate) enum Severity {
    /// Something does not work.
    Problem,
    /// It works, and should be seen to.
    Warning,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = TroubleKind)]
pub(crate) enum What {
    LogNotWritable,
    ProjectionStopped,
    ProjectionPaused,
    ProjectionBehind,
    FilesDamaged,
    DiskFull,
    DiskLow,
    RelayDisarmed,
    CouriersDisarmed,
    DeliveriesLate,
    DeadLetters,
    AttemptsUnknown,
    ErrorsReported,
    ReportsOpen,
}

impl Trouble {
    fn new(what: What, severity: Severity) -> Trouble {
        Trouble { what, severity, subject: None, position: None, count: None, detail: None }
    }
}

/// What is counted row by row, or asked of the database where nodes share it.
#[derive(Clone)]
struct Counts {
    relay_armed: bool,
    couriers_armed: bool,
    sessions: u64,
    reports_open: u64,
    states: Vec<(Status, u64)>,
}

/// Read the overview
///
/// Problems first, each with what it concerns: the log, the read models, the relay, the couriers, the disk, and the
/// errors that this node has logged. The overview is up to a second old, its counts up to 20 seconds.
#[utoipa::path(get, path = "/v1/admin/overview", operation_id = "readOverview", tag = "operators",
    responses((status = 200, body = Overview, description = "What happens now.")))]
async fn overview(State(app): State<App>, _admin: Admin) -> Result<Response, Error> {
    let overview = look(&app).await?;
    Ok(read(overview.head, overview))
}

/// What happens now, for everybody who looks within a second.
///
/// # Errors
/// When the log, a read model or the disk cannot be read.
pub(crate) async fn look(app: &App) -> Result<Overview, Error> {
    app.overview.or_look(KEPT, look_again(app)).await
}

/// Looks everything up again the next time: somebody has changed what is seen.
pub(crate) async fn forget(app: &App) {
    app.counts.forget().await;
    app.overview.forget().await;
}

/// What is counted row by row, up to 20 seconds old.
///
/// # Errors
/// When a read model cannot be read.
async fn counts(app: &App) -> Result<Counts, Error> {
    app.counts.or_look(COUNTS_KEPT, count(app)).await
}

async fn count(app: &App) -> Result<Counts, Error> {
    let database = |name| app.projections.database(name);
    let (log, folder) = (app.log.clone(), app.folder.clone());
    let armed = app.ask_log(app.settings.storage_wait, move || {
        let place = RelayPlace::of(&folder, &log);
        let armed = |outlet| Ok::<_, store::Error>(!Arming::open(&place, outlet)?.is_disarmed()?);
        Ok::<_, store::Error>((armed(Outlet::Relay)?, armed(Outlet::Couriers)?))
    });
    let (relay_armed, couriers_armed) = armed.await??;
    Ok(Counts {
        relay_armed,
        couriers_armed,
        sessions: sessions::count(&database(ProjectionId::Sessions), now()).await?,
        reports_open: match app.projections.names().contains(&ProjectionId::Messages) {
            true => messages::open_reports(&database(ProjectionId::Messages)).await?,
            false => 0,
        },
        states: match app.projections.names().contains(&ProjectionId::Deliveries) {
            true => deliveries::by_status(&database(ProjectionId::Deliveries)).await?,
            false => Vec::new(),
        },
    })
}

async fn look_again(app: &App) -> Result<Overview, Error> {
    let at = now();
    let (log, folder) = (app.log.clone(), app.folder.clone());
    let looked = app.ask_log(app.settings.storage_wait, move || {
        let within = pace::appended_within(&log, 60, at)?;
        Ok::<_, Error>((log.head()?.position, within, disk::space(folder.root())?))
    });
    let (head, within, space) = looked.await??;
    let projections = projections::status(app).await?;
    let counts = counts(app).await?;
    let (pending, due, late) = match app.projections.names().contains(&ProjectionId::Deliveries) {
        true => deliveries::backlog(&app.projections.database(ProjectionId::Deliveries), at).await?,
        false => (0, 0, 0),
    };
    let of = |wanted: Status| counts.states.iter().find(|(status, _)| *status == wanted).map_or(0, |(_, count)| *count);
    let errors = recent_errors::since(at.plus_seconds(-HOUR_SECONDS));
    let position = match &app.relay {
        Some(relay) => relay.position().await,
        None => None,
    };
    let overview = Overview {
        at,
        troubles: Vec::new(),
        head,
        appends_per_second: within as f64 / 60.0,
        writer_queue: app.writer.waiting() as u64,
        projections,
        relay: Relay { is_there: app.relay.is_some(), armed: counts.relay_armed, position },
        couriers: Couriers {
            armed: counts.couriers_armed,
            pending,
            due,
            late,
            dead_lettered: of(Status::DeadLettered),
            unknown: of(Status::Unknown),
            states: counts
                .states
                .iter()
                .map(|(status, count)| InState { state: status.name(), count: *count })
                .collect(),
        },
        sessions: counts.sessions,
        streams: app.streams.count() as u64,
        reports_open: counts.reports_open,
        errors: errors.len() as u64,
        last_errors: errors
            .into_iter()
            .take(ERRORS_SHOWN)
            .map(|error| ReportedError { at: error.at, target: error.target, line: error.line })
            .collect(),
        disk: Disk { free_bytes: space.free_bytes, size_bytes: space.size_bytes },
    };
    let mut damaged = app.projections.damaged();
    damaged.extend(app.state.damaged());
    let writer = app.probe.look().await.err().map(|why| why.to_string());
    Ok(Overview { troubles: troubles(&overview, writer, damaged), ..overview })
}

/// What of it an operator should see to, the worst first.
fn troubles(seen: &Overview, writer: Option<String>, damaged: Vec<String>) -> Vec<Trouble> {
    use Severity::{Problem, Warning};
    let mut found = Vec::new();
    if let Some(why) = writer {
        found.push(Trouble { detail: Some(why), ..Trouble::new(What::LogNotWritable, Problem) });
    }
    if !damaged.is_empty() {
        found.push(Trouble { detail: Some(damaged.join(", ")), ..Trouble::new(What::FilesDamaged, Problem) });
    }
    found.extend(seen.projections.iter().filter_map(of_projection));
    let free = Some(format!("{} MiB", seen.disk.free_bytes / (1024 * 1024)));
    if seen.disk.free_bytes < FREE_BYTES_LEAST {
        found.push(Trouble { detail: free, ..Trouble::new(What::DiskFull, Problem) });
    } else if seen.disk.free_bytes < FREE_BYTES_EASY {
        found.push(Trouble { detail: free, ..Trouble::new(What::DiskLow, Warning) });
    }
    if seen.relay.is_there && !seen.relay.armed {
        found.push(Trouble::new(What::RelayDisarmed, Warning));
    }
    if !seen.couriers.armed {
        found.push(Trouble::new(What::CouriersDisarmed, Problem));
    }
    let counted = [
        (What::DeliveriesLate, seen.couriers.late),
        (What::DeadLetters, seen.couriers.dead_lettered),
        (What::AttemptsUnknown, seen.couriers.unknown),
        (What::ErrorsReported, seen.errors),
        (What::ReportsOpen, seen.reports_open),
    ];
    let counted = counted.into_iter().filter(|(_, count)| *count > 0);
    found.extend(counted.map(|(what, count)| Trouble { count: Some(count), ..Trouble::new(what, Warning) }));
    found.sort_by_key(|trouble| trouble.severity);
    found
}

fn of_projection(projection: &Projection) -> Option<Trouble> {
    let of = |what, severity| Trouble { subject: Some(projection.name), ..Trouble::new(what, severity) };
    if let Some(error) = &projection.error {
        let detail = Some(error.clone());
        return Some(Trouble {
            position: projection.failed_position,
            detail,
            ..of(What::ProjectionStopped, Severity::Problem)
        });
    }
    if projection.state == "paused" {
        return Some(of(What::ProjectionPaused, Severity::Warning));
    }
    let behind = projection.lag_seconds > LAG_SECONDS_EASY;
    behind.then(|| Trouble { count: Some(projection.lag_events), ..of(What::ProjectionBehind, Severity::Warning) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Overview {
        let projection = Projection {
            name: "users",
            version: 1,
            generation: 1,
            position: 9,
            head: 9,
            lag_events: 0,
            lag_seconds: 0,
            state: "running",
            error: None,
            failed_position: None,
            index_bytes: None,
        };
        Overview {
            at: Timestamp(0),
            troubles: Vec::new(),
            head: 9,
            appends_per_second: 0.0,
            writer_queue: 0,
            projections: vec![projection],
            relay: Relay { is_there: false, armed: true, position: None },
            couriers: Couriers {
                armed: true,
                pending: 5,
                due: 1,
                late: 0,
                dead_lettered: 0,
                unknown: 0,
                states: Vec::new(),
            },
            sessions: 1,
            streams: 0,
            reports_open: 0,
            errors: 0,
            last_errors: Vec::new(),
            disk: Disk { free_bytes: 2 * FREE_BYTES_EASY, size_bytes: 3 * FREE_BYTES_EASY },
        }
    }

    #[test]
    fn what_is_well_is_no_trouble() {
        assert_eq!(troubles(&well(), None, Vec::new()), []);
    }

    #[test]
    fn the_worst_comes_first() {
        let mut seen = well();
        seen.reports_open = 3;
        seen.disk.free_bytes = FREE_BYTES_LEAST - 1;
        seen.projections[0].error = Some("poison".to_owned());
        seen.projections[0].failed_position = Some(7);
        let found = troubles(&seen, Some("no room".to_owned()), Vec::new());
        let what = found.iter().map(|trouble| trouble.what).collect::<Vec<_>>();
        assert_eq!(what, [What::LogNotWritable, What::ProjectionStopped, What::DiskFull, What::ReportsOpen]);
        assert_eq!((found[1].subject, found[1].position), (Some("users"), Some(7)));
        assert_eq!(found[3].count, Some(3));
    }

    #[test]
    fn every_kind_of_trouble_is_found() {
        let mut seen = well();
        seen.relay = Relay { is_there: true, armed: false, position: None };
        seen.couriers = Couriers { armed: false, late: 1, dead_lettered: 2, unknown: 3, ..seen.couriers };
        seen.errors = 4;
        seen.disk.free_bytes = FREE_BYTES_EASY - 1;
        seen.projections[0].lag_seconds = LAG_SECONDS_EASY + 1;
        let mut paused = seen.projections[0].clone();
        paused.state = "paused";
        seen.projections.push(paused);
        let found = troubles(&seen, None, vec!["state.db".to_owned()]);
        let has = |what| found.iter().any(|trouble| trouble.what == what);
        for what in [
            What::ProjectionPaused,
            What::ProjectionBehind,
            What::FilesDamaged,
            What::DiskLow,
            What::RelayDisarmed,
            What::CouriersDisarmed,
            What::DeliveriesLate,
            What::DeadLetters,
            What::AttemptsUnknown,
            What::ErrorsReported,
        ] {
            assert!(has(what), "{what:?}");
        }
    }
}
