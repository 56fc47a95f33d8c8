//! Whom other services know me as.

use super::external::bad_code;
use super::links::base;
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Person;
use crate::error::{Code, Error};
use crate::external::accounts::Found;
use crate::external::attempts::LinkFor;
use crate::external::return_to::return_to;
use crate::http::body::Body;
use crate::http::context::CommandContext;
use crate::http::params::Params;
use crate::http::reply::{Done, read, written};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use commands::Actor;
use domain::text::Locale;
use domain::{Command, IdentitiesId, IdentityId, SessionId, Timestamp, id, identities};
use projections::{ProjectionId, identities as model, sessions};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Most bytes of a body.
const BODY_BYTES_MAX: usize = 4 * 1024;

pub(crate) fn routes() -> Routes {
    let mine = Spec::person().body_bytes_max(BODY_BYTES_MAX);
    Routes::default()
        .add(routes!(list), Spec::person())
        .add(routes!(begin), mine.fresh().without_key().fails(&[Code::ProviderNotFound, Code::BadReturnTo]))
        .add(
            routes!(finish),
            mine.fresh().without_key().fails(&[Code::WrongDigits, Code::IdentityTaken, Code::TooManyIdentities]),
        )
        .add(routes!(unlink), Spec::person().fresh().fails(&[Code::IdentityNotFound, Code::LastWayIn]))
}

#[derive(Serialize, ToSchema)]
struct Identities {
    identities: Vec<Identity>,
}

/// What I can sign in by.
#[derive(Serialize, ToSchema)]
struct Identity {
    #[schema(value_type = Uuid)]
    id: IdentityId,
    /// The service, as in the addresses of routes.
    #[schema(example = "google")]
    provider: String,
    #[schema(example = "https://accounts.google.com")]
    issuer: String,
    /// My account there, as the issuer calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// The e-mail address that the service gave when the identity was linked.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    linked_at: Timestamp,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LinkWanted, example = json!({"provider": "google", "return_to": "/"}))]
pub(super) struct Begin {
    provider: String,
    /// A path of this server, or an address of an origin that is allowed, without a fragment; by default /.
    return_to: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Begun {
    /// Where the browser is sent, once, within a minute.
    #[schema(example = "https://chat.example.org/v1/auth/external/google?begin=Qm9yaXMgYW5kIEFubmEgd2VyZSBoZXJl")]
    url: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LinkConfirmation, example = json!({"code": "Qm9yaXMgYW5kIEFubmEgd2VyZSBoZXJlIGluIE1heQA"}))]
pub(super) struct Finish {
    /// From the fragment of `return_to`.
    code: String,
}

/// List my identities
///
/// The accounts at other services that you can sign in with.
#[utoipa::path(get, path = "/v1/me/identities", operation_id = "listMyIdentities", tag = "accounts",
    responses((status = 200, body = Identities, description = "The identities, in the order in which they were linked.")))]
async fn list(State(app): State<App>, person: Person, params: Params) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Identities, params.min_position).await?;
    let rows = model::of_user(&reading.database, person.user_id).await?;
    let identities = rows.into_iter().map(|row| Identity {
        id: row.identity_id,
        provider: row.provider,
        issuer: row.issuer,
        subject: row.subject,
        email: row.email,
        name: row.name,
        linked_at: row.linked_at,
    });
    Ok(read(reading.position, Identities { identities: identities.collect() }))
}

/// Begin to add an identity
///
/// For clients whose browser does not have the session: open `url` in the browser. It comes back to `return_to` with
/// `#confirm=`, a code for `POST /v1/me/identities/finish`.
#[utoipa::path(post, path = "/v1/me/identities/begin", operation_id = "beginIdentity", tag = "accounts",
    request_body = Begin, responses((status = 201, body = Begun, description = "Where to go on.")))]
async fn begin(
    State(app): State<App>,
    person: Person,
    context: CommandContext,
    headers: HeaderMap,
    Body(body): Body<Begin>,
) -> Result<Response, Error> {
    app.want_fresh(&person, context.at).await?;
    app.provider(&body.provider)?;
    let base = base(&app, &headers)?;
    let leads_to = return_to(&app, &base, body.return_to.as_deref().unwrap_or("/"))?;
    let link = LinkFor { user_id: person.user_id, session_id: person.session_id, by_browser: false };
    let code = app.code_to_begin(link, context.at).await?;
    let mut url = base;
    url.set_path(&format!("/v1/auth/external/{}", body.provider));
    url.query_pairs_mut().append_pair("begin", &code).append_pair("return_to", leads_to.as_str());
    let mut response = read(0, Begun { url: url.into() });
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Add an identity
///
/// With the code that the browser came back with, in the session that began.
#[utoipa::path(post, path = "/v1/me/identities/finish", operation_id = "finishIdentity", tag = "accounts",
    request_body = Finish, responses((status = 200, body = Done, description = "It signs in from now on.")))]
async fn finish(
    State(app): State<App>,
    person: Person,
    context: CommandContext,
    Body(body): Body<Finish>,
) -> Result<Response, Error> {
    app.want_fresh(&person, context.at).await?;
    let unconfirmed = app.unconfirmed_by(&body.code, context.at).await?;
    // Whoever else was led through it has shown an identity of theirs, and not of who began.
    let is_own = |link: LinkFor| link.user_id == person.user_id && link.session_id == person.session_id;
    let unconfirmed = unconfirmed.filter(|unconfirmed| is_own(unconfirmed.link)).ok_or_else(bad_code)?;
    let (provider, identity) = (unconfirmed.provider.as_str(), unconfirmed.identity());
    let found = Found { provider, identity, language: Locale::default() };
    let (_, answer) = app.link_identity(&context, person.user_id, &found).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}

/// Remove an identity
///
/// The last way to sign in to an account cannot be removed.
#[utoipa::path(delete, path = "/v1/me/identities/{id}", operation_id = "removeMyIdentity", tag = "accounts",
    params(("id" = Uuid, Path, description = "An identity from the list.")),
    responses((status = 200, body = Done, description = "It can no longer sign in.")))]
async fn unlink(
    State(app): State<App>,
    person: Person,
    context: CommandContext,
    Path(identity): Path<String>,
) -> Result<Response, Error> {
    if let Some(answer) = app.first_answer(Actor::User(person.user_id), &context).await? {
        return Ok(written(StatusCode::OK, &answer, Done { position: answer.position }));
    }
    app.want_fresh(&person, context.at).await?;
    let identity = id::parse_uuid(&identity).map(IdentityId);
    let nothing = || Error::new(Code::IdentityNotFound, identities::Refusal::NotFound);
    let identity_id = identity.ok_or_else(nothing)?;
    let list = app.stream(IdentitiesId::from(person.user_id).into()).await?;
    let known = if let domain::State::Identities(list) = list { list.linked.get(&identity_id).cloned() } else { None };
    let claim = known.ok_or_else(nothing)?.claim;
    let command = identities::Command::Unlink(identities::Unlink { identity_id, claim });
    let command = Command::Identities(person.user_id.into(), command);
    let answer = app.ask(Actor::User(person.user_id), &context, command).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}

impl App {
    /// Whether a session is still open.
    pub(super) async fn goes_on(&self, session_id: SessionId) -> Result<bool, Error> {
        let reading = self.read(ProjectionId::Sessions, 0).await?;
        Ok(sessions::by_id(&reading.database, session_id).await?.is_some())
    }
}
