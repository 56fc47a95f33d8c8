//! What operators see and do: the calls that the console's pages make, for scripts. Each file has its functions apart from
//! its handlers: the pages in `console/` call the same ones.

pub(crate) mod chats;
pub(crate) mod deliveries;
pub(crate) mod events;
pub(crate) mod factors;
pub(crate) mod figures;
pub(crate) mod overview;
pub(crate) mod people;
pub(crate) mod projections;
pub(crate) mod server;
pub(crate) mod tasks;

use super::spec::Routes;
use crate::error::Error;
use crate::http::reply::{Done, POSITION};
use axum::Json;
use axum::response::{IntoResponse, Response};

pub(crate) fn routes() -> Routes {
    overview::routes()
        .merge(events::routes())
        .merge(projections::routes())
        .merge(tasks::routes())
        .merge(people::routes())
        .merge(factors::routes())
        .merge(chats::routes())
        .merge(deliveries::routes())
        .merge(server::routes())
        .merge(figures::routes())
}

/// The answer to what an operation has written.
fn wrote(position: u64) -> Result<Response, Error> {
    Ok(([(POSITION, position)], Json(Done { position })).into_response())
}
