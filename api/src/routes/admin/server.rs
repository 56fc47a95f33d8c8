//! What is set, and what a look at everything that a server needs finds: as `letopis config show` and `letopis doctor` tell it.

use crate::app::App;
use crate::auth::caller::Admin;
use crate::doctor::{ShownCheck, ShownSetting};
use crate::error::{Code, Error};
use crate::http::reply::read;
use crate::routes::spec::{Routes, Spec};
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// How long the looks of one doctor may take together.
const CHECKS_WAIT: Duration = Duration::from_secs(30);
/// One at a time: it opens connections and reads files.
static DOCTOR: Semaphore = Semaphore::const_new(1);

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(settings), Spec::admin())
        .add(routes!(doctor), Spec::admin().fails(&[Code::Overloaded]))
}

#[derive(Serialize, ToSchema)]
#[schema(as = Settings)]
struct Listed {
    settings: Vec<ShownSetting>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DoctorReport)]
struct Report {
    checks: Vec<ShownCheck>,
}

/// What the doctor finds now.
///
/// # Errors
/// `overloaded` while another looks; `unavailable` when it takes too long.
pub(crate) async fn checks(app: &App) -> Result<Vec<ShownCheck>, Error> {
    let busy = |_| Error::new(Code::Overloaded, "the doctor is running already; try again in a moment");
    let _place = DOCTOR.try_acquire().map_err(busy)?;
    let slow = |_| Error::new(Code::Unavailable, "the doctor took too long; run `letopis doctor`");
    timeout(CHECKS_WAIT, app.settings.doctor.look()).await.map_err(slow)
}

/// List settings
///
/// As they were when the server started; secrets are masked.
#[utoipa::path(get, path = "/v1/admin/settings", operation_id = "listSettings", tag = "operators",
    responses((status = 200, body = Listed, description = "The settings, and where each was set.")))]
async fn settings(State(app): State<App>, _admin: Admin) -> Result<Response, Error> {
    Ok(read(app.log_head().await?, Listed { settings: app.settings.shown.to_vec() }))
}

/// Ask the doctor
///
/// Checks everything that the server needs, like `letopis doctor`, and says what to do.
#[utoipa::path(get, path = "/v1/admin/doctor", operation_id = "askDoctor", tag = "operators",
    responses((status = 200, body = Report, description = "What was found.")))]
async fn doctor(State(app): State<App>, _admin: Admin) -> Result<Response, Error> {
    Ok(read(app.log_head().await?, Report { checks: checks(&app).await? }))
}
