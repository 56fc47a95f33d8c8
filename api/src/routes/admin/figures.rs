//! What the server was like in each minute of the last day.

use crate::app::App;
use crate::auth::caller::Admin;
use crate::error::Error;
use crate::http::reply::read;
use crate::routes::spec::{Routes, Spec};
use axum::extract::State;
use axum::response::Response;
use domain::Timestamp;
use serde::Serialize;
use state::FigureMinute;
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(crate) fn routes() -> Routes {
    Routes::default().add(routes!(figures), Spec::admin())
}

#[derive(Serialize, ToSchema)]
#[schema(as = Figures)]
struct Listed {
    /// One for each minute that is known, the oldest first.
    figures: Vec<Minute>,
}

/// What one minute was like.
#[derive(Serialize, ToSchema)]
#[schema(as = FigureMinute)]
struct Minute {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The log's last position.
    head: u64,
    /// The lag of the read model that was furthest behind.
    lag_events: u64,
    lag_seconds: u64,
    /// Deliveries that waited to be sent.
    deliveries_waiting: u64,
    /// Deliveries that were ever accepted or delivered.
    deliveries_accepted: u64,
    /// Deliveries that ever failed, bounced, expired or were given up.
    deliveries_failed: u64,
}

/// The last day, the oldest minute first.
///
/// # Errors
/// When it cannot be read.
pub(crate) async fn last_day(app: &App) -> Result<Vec<FigureMinute>, Error> {
    let ring = app.state.figures().clone();
    let since = FigureMinute::of(store::now()).saturating_sub(state::MINUTES_KEPT);
    Ok(app.ask_log(app.settings.storage_wait, move || ring.since(since)).await??)
}

/// Read the last day
///
/// One sample a minute, for charts; `/metrics` has more.
#[utoipa::path(get, path = "/v1/admin/figures", operation_id = "readFigures", tag = "operators",
    responses((status = 200, body = Listed, description = "The minutes that are known.")))]
async fn figures(State(app): State<App>, _admin: Admin) -> Result<Response, Error> {
    let minute = |one: FigureMinute| Minute {
        at: Timestamp(i64::try_from(one.minute).unwrap_or_default() * 60_000_000),
        head: one.head,
        lag_events: one.lag_events,
        lag_seconds: one.lag_seconds,
        deliveries_waiting: one.waiting,
        deliveries_accepted: one.accepted,
        deliveries_failed: one.failed,
    };
    let head = app.log_head().await?;
    Ok(read(head, Listed { figures: last_day(&app).await?.into_iter().map(minute).collect() }))
}
