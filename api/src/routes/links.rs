//! Short links: a code that leads to a page of ours, or of an origin that is allowed.

use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::context::CommandContext;
use crate::http::reply::written;
use axum::extract::{Path, State};
use axum::http::header::{HOST, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::link::{self, LinkCode, LinkTarget};
use domain::{Command, LinkId, Outcome, Timestamp};
use projections::{ProjectionId, links};
use serde::{Deserialize, Serialize};
use store::now;
use url::Url;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

/// Shortest life of a link that ends: a minute.
const LIFE_SECONDS_MIN: u32 = 60;
/// Longest life of a link that ends: ten years of 365 days.
const LIFE_SECONDS_MAX: u32 = 10 * 365 * 24 * 3600;

pub(crate) fn routes() -> Routes {
    Routes::default().add(routes!(create), Spec::caller().fails(&[Code::BadTarget]))
}

/// What is not under `/v1`.
pub(crate) fn short() -> Routes {
    Routes::default()
        .add(routes!(follow), Spec::anyone().fails(&[Code::LinkNotFound, Code::LinkExpired, Code::ProjectionBehind]))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewLink, example = json!({"url": "https://chat.example.org/invitations/garden", "expires_in": 86_400}))]
pub(super) struct CreateLink {
    /// Where it leads: an address of this server, or of an origin that is allowed.
    #[schema(max_length = 2048)]
    url: String,
    /// After how many seconds it ends: a minute to ten years. Without it the link does not end.
    #[schema(minimum = 60, maximum = 315_360_000)]
    expires_in: Option<u32>,
}

#[derive(Serialize, ToSchema)]
struct LinkCreated {
    #[schema(value_type = String, example = "4kFq0ZbXw9T")]
    code: LinkCode,
    /// The short address.
    #[schema(example = "https://chat.example.org/s/4kFq0ZbXw9T")]
    url: String,
    /// Absent when it does not end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    position: u64,
}

/// Create a short link
///
/// It leads to an address of this server or of an allowed origin, and nowhere else.
#[utoipa::path(post, path = "/v1/links", operation_id = "createLink", tag = "links", request_body = CreateLink,
    responses((status = 201, body = LinkCreated, description = "The link.")))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    context: CommandContext,
    headers: HeaderMap,
    Body(body): Body<CreateLink>,
) -> Result<Response, Error> {
    let base = base(&app, &headers)?;
    let target = target(&app, &base, &body.url)?;
    let fits = |seconds: &u32| (LIFE_SECONDS_MIN..=LIFE_SECONDS_MAX).contains(seconds);
    if !body.expires_in.as_ref().is_none_or(fits) {
        return Err(Error::bad("expires_in", "must be a number of seconds from 60 to 315360000"));
    }
    let create = link::Create {
        user_id: caller.user_id,
        code: LinkCode::of(rand::random()),
        target,
        expires_at: body.expires_in.map(|seconds| context.at.plus_seconds(seconds.into())),
    };
    let command = Command::Link(LinkId(Uuid::now_v7()), link::Command::Create(create));
    let answer = app.send(&caller, &context, command).await?;
    let Outcome::LinkCreated { code, expires_at } = answer.outcome.clone() else { return Err(Error::other_answer()) };
    let url = format!("{}/s/{}", base.as_str().trim_end_matches('/'), code.as_str());
    let body = LinkCreated { code, url, expires_at, position: answer.position };
    Ok(written(StatusCode::CREATED, &answer, body))
}

/// Follow a short link
#[utoipa::path(get, path = "/s/{code}", operation_id = "followLink", tag = "links",
    params(("code" = String, Path, description = "The code of the link.")),
    responses((status = 302, description = "Where the link leads is in the header `Location`.")))]
async fn follow(State(app): State<App>, Path(code): Path<String>) -> Result<Response, Error> {
    let nothing = || Error::new(Code::LinkNotFound, "there is no such link");
    let code = LinkCode::parse(&code).ok_or_else(nothing)?;
    let reading = app.read(ProjectionId::Links, 0).await?;
    let found = links::by_code(&reading.database, &code).await?.ok_or_else(nothing)?;
    if found.expires_at.is_some_and(|expires_at| expires_at <= now()) {
        return Err(Error::new(Code::LinkExpired, "this link has ended"));
    }
    Ok((StatusCode::FOUND, [(LOCATION, found.target)]).into_response())
}

/// Where users reach this server: as it is set, or else as the caller does.
pub(crate) fn base(app: &App, headers: &HeaderMap) -> Result<Url, Error> {
    let named = || headers.get(HOST).and_then(|host| host.to_str().ok()).map(|host| format!("http://{host}"));
    let text = app.settings.public_url.clone().or_else(named).and_then(|text| crate::web_origin(&text));
    let url = text.and_then(|text| Url::parse(&text).ok());
    url.ok_or_else(|| Error::new(Code::BadParameters, "the request has no Host that links could use"))
}

/// As a browser would send it, when it may be led to.
fn target(app: &App, base: &Url, text: &str) -> Result<LinkTarget, Error> {
    let bad = |detail: &str| Error::field(Code::BadTarget, "url", detail);
    let url = Url::parse(text).map_err(|_| bad("must be an address like https://chat.example.org/page"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("must not hold a name or a password"));
    }
    // Others (`blob:`) have the origin of what they hold.
    if !matches!(url.scheme(), "https" | "http") {
        return Err(bad("must begin with https:// or http://"));
    }
    let origin = url.origin();
    let is_allowed = app.settings.allowed_origins.iter().any(|allowed| *allowed == origin.ascii_serialization());
    if !origin.is_tuple() || !(origin == base.origin() || is_allowed) {
        return Err(bad("must lead to this server or to an origin that is allowed (LETOPIS_ALLOWED_ORIGINS)"));
    }
    LinkTarget::parse(url.as_str()).map_err(|unfit| bad(unfit.0))
}
