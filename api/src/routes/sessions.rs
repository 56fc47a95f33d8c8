//! My sessions: who is logged in as me, and sending them away.

use super::proofs::{Proof, shown};
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Person;
use crate::error::{Code, Error};
use crate::http::context::CommandContext;
use crate::http::params::Params;
use crate::http::reply::{Done, read, written};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use commands::Actor;
use domain::{Command, SessionId, Timestamp, id, session, user};
use projections::ProjectionId;
use projections::sessions::{self, LISTED_MAX};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Pages that are looked through for sessions that go on: of one person who has signed in more than 20,000 times within the
/// longest life of a session, the oldest are not listed.
const PAGES_MAX: usize = 20;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(list, end_others), Spec::person().without_second_factor())
        .add(routes!(end), Spec::person().without_second_factor().fails(&[Code::SessionNotFound]))
}

#[derive(Serialize, ToSchema)]
struct Sessions {
    sessions: Vec<Session>,
}

/// A session that is open.
#[derive(Serialize, ToSchema)]
struct Session {
    #[schema(value_type = Uuid)]
    id: SessionId,
    /// Whether it is the one that asks.
    current: bool,
    #[schema(example = "Firefox on Linux")]
    device: String,
    #[schema(example = "192.0.2.7")]
    address: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Timestamp,
    /// When it ends in any case.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// When it ends if it is not used again.
    #[schema(value_type = String, format = DateTime)]
    idle_expires_at: Timestamp,
    /// How its user has shown who they are, the first one first.
    proofs: Vec<Proof>,
}

/// List my sessions
///
/// The open ones, the newest first, at most a thousand.
#[utoipa::path(get, path = "/v1/me/sessions", operation_id = "listMySessions", tag = "sessions",
    responses((status = 200, body = Sessions, description = "The open sessions.")))]
async fn list(
    State(app): State<App>,
    person: Person,
    context: CommandContext,
    params: Params,
) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Sessions, params.min_position).await?;
    let (mut open, mut before) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let page = sessions::of_user(&reading.database, person.user_id, context.at, before).await?;
        before = page.last().map(|row| (row.created_at, row.session_id));
        let is_last = page.len() < LISTED_MAX;
        for row in page {
            let session = row.open();
            let idle_expires_at = app.expiry(&session, context.at).await?;
            if idle_expires_at <= context.at {
                continue;
            }
            open.push(Session {
                id: row.session_id,
                current: row.session_id == person.session_id,
                last_seen_at: app.last_seen(&session, context.at).await?,
                device: row.device.unwrap_or_default(),
                address: row.address.unwrap_or_default(),
                created_at: row.created_at,
                expires_at: app.last_end(&session),
                idle_expires_at,
                proofs: shown(row.proofs),
            });
        }
        if is_last || open.len() >= LISTED_MAX {
            break;
        }
    }
    open.truncate(LISTED_MAX);
    Ok(read(reading.position, Sessions { sessions: open }))
}

/// End a session
#[utoipa::path(delete, path = "/v1/me/sessions/{id}", operation_id = "endMySession", tag = "sessions",
    params(("id" = Uuid, Path, description = "A session from the list.")),
    responses((status = 200, body = Done, description = "The session has ended.")))]
async fn end(
    State(app): State<App>,
    person: Person,
    context: CommandContext,
    Path(session): Path<String>,
) -> Result<Response, Error> {
    let session = id::parse_uuid(&session).map(SessionId);
    let session = session.ok_or_else(|| Error::new(Code::SessionNotFound, "there is no such session"))?;
    let command = Command::Session(session, session::Command::End(session::End { by: person.user_id }));
    let answer = app.ask(Actor::User(person.user_id), &context, command).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}

/// End my other sessions
///
/// All except the one of this request.
#[utoipa::path(delete, path = "/v1/me/sessions", operation_id = "endMyOtherSessions", tag = "sessions",
    responses((status = 200, body = Done, description = "The others have ended.")))]
async fn end_others(State(app): State<App>, person: Person, context: CommandContext) -> Result<Response, Error> {
    let command = user::Command::EndSessions(user::EndSessions { keep: Some(person.session_id) });
    let answer = app.ask(Actor::User(person.user_id), &context, Command::User(person.user_id, command)).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}
