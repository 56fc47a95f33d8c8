//! One file for each noun: its addresses, its bodies, its handlers. A handler parses, asks, renders.

mod auth;
mod chats;
pub(crate) mod export;
mod forgetting;
#[cfg(test)]
mod fuzz;
pub(crate) mod health;
mod ids;
mod me;
mod members;
mod messages;
mod page;
pub(crate) mod search;
pub(crate) mod search_tasks;
mod sessions;
mod tokens;
mod users;

use crate::app::App;
use axum::extract::DefaultBodyLimit;
use utoipa_axum::router::OpenApiRouter;

/// Most bytes of a body that holds credentials.
const AUTH_BODY_BYTES_MAX: usize = 4 * 1024;

/// Every address under `/v1`.
pub(crate) fn all() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(me::routes())
        .merge(forgetting::routes())
        .merge(sessions::routes())
        .merge(tokens::routes())
        .merge(users::routes())
        .merge(chats::routes())
        .merge(members::routes())
        .merge(messages::routes())
        .merge(search::routes())
        .merge(search_tasks::routes())
        .layer(DefaultBodyLimit::max(crate::http::request_size::BODY_BYTES_MAX))
        .merge(auth::routes().layer(DefaultBodyLimit::max(AUTH_BODY_BYTES_MAX)))
}
