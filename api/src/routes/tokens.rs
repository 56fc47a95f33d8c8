//! My service tokens: what my applications' own backends call with.

use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Person;
use crate::auth::service_token::{Seed, text};
use crate::auth::session_token::hash;
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::client_origin::ClientOrigin;
use crate::http::context::CommandContext;
use crate::http::params::Params;
use crate::http::reply::{Done, read, written};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use commands::{Actor, Answer};
use domain::quota::{self, HeldToken};
use domain::text::TokenName;
use domain::token::{self, Scope, Scopes};
use domain::{Command, Outcome, Refusal, Timestamp, TokenId, UserId, id};
use projections::{ProjectionId, tokens};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::{Array, ArrayBuilder, Ref};
use utoipa_axum::routes;
use uuid::Uuid;

/// Shortest life of a token that ends by itself: a minute.
const LIFE_SECONDS_MIN: u32 = 60;
/// Longest life of a token that ends by itself: ten years of 365 days.
const LIFE_SECONDS_MAX: u32 = 10 * 365 * 24 * 3600;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(list), Spec::person())
        .add(routes!(create), Spec::person().fresh().fails(&[Code::TooManyTokens, Code::BadCredentials]))
        .add(routes!(revoke), Spec::person().fails(&[Code::TokenNotFound]))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken, example = json!({"name": "nightly report", "scopes": ["read"], "expires_in": 2_592_000}))]
pub(super) struct CreateToken {
    /// 1 to 64 characters; names are not unique.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// `read` (GET and HEAD), `write` (every other method), `notify` (sending notifications): at least one, each
    /// once.
    #[schema(schema_with = scopes)]
    scopes: Vec<String>,
    /// After how many seconds it ends: a minute to ten years. Without it the token does not end by itself.
    #[schema(minimum = 60, maximum = 315_360_000)]
    expires_in: Option<u32>,
    /// Your password, in place of a sign-in within the last ten minutes.
    password: Option<String>,
}

fn scopes() -> Array {
    let scope = Ref::from_schema_name("TokenScope");
    ArrayBuilder::new().items(scope).min_items(Some(1)).max_items(Some(Scope::ALL.len())).unique_items(true).build()
}

#[derive(Serialize, ToSchema)]
struct TokenCreated {
    #[schema(value_type = Uuid)]
    id: TokenId,
    /// What to call with: `Authorization: Bearer letopis_…`. It is shown this once; only its hash is kept.
    #[schema(example = "letopis_Qm9yaXMgYW5kIEFubmEgd2VyZSBoZXJlIGluIE1heQA")]
    token: String,
    #[schema(example = "nightly report")]
    name: String,
    #[schema(schema_with = scopes)]
    scopes: Scopes,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Absent when it does not end by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    position: u64,
}

#[derive(Serialize, ToSchema)]
struct Tokens {
    tokens: Vec<Token>,
}

/// A token that is neither revoked nor expired.
#[derive(Serialize, ToSchema)]
struct Token {
    #[schema(value_type = Uuid)]
    id: TokenId,
    #[schema(example = "nightly report")]
    name: String,
    #[schema(schema_with = scopes)]
    scopes: Scopes,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Absent when it was never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    /// Absent when it does not end by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// List my service tokens
///
/// Those that are neither revoked nor expired, the newest first.
#[utoipa::path(get, path = "/v1/me/tokens", operation_id = "listMyTokens", tag = "tokens",
    responses((status = 200, body = Tokens, description = "The tokens, without their secrets.")))]
async fn list(
    State(app): State<App>,
    person: Person,
    context: CommandContext,
    params: Params,
) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Tokens, params.min_position).await?;
    let mut live = Vec::new();
    for row in tokens::of_user(&reading.database, person.user_id, context.at).await? {
        live.push(Token {
            id: row.token_id,
            name: row.name.unwrap_or_default(),
            scopes: row.scopes,
            created_at: row.created_at,
            last_used_at: app.state.last_use().last_seen(row.token_id).await?,
            expires_at: row.expires_at,
        });
    }
    Ok(read(reading.position, Tokens { tokens: live }))
}

/// Create a service token
///
/// Needs a sign-in within the last ten minutes, or your password. The token keeps working when you sign out everywhere
/// or change your password, until it expires or is revoked.
#[utoipa::path(post, path = "/v1/me/tokens", operation_id = "createMyToken", tag = "tokens", request_body = CreateToken,
    responses((status = 201, body = TokenCreated, description = "The token, which is shown this once.")))]
async fn create(
    State(app): State<App>,
    person: Person,
    context: CommandContext,
    from: ClientOrigin,
    Body(body): Body<CreateToken>,
) -> Result<Response, Error> {
    let wanted = wanted(&body)?;
    let actor = Actor::User(person.user_id);
    let seed = Seed::of(context.key.as_ref().map(|(key, _)| key.as_str()));
    if let Some(answer) = app.first_answer(actor, &context).await? {
        return created(&app, &person, &seed, wanted, &answer);
    }
    app.want_fresh_or(&person, &context, from, body.password).await?;
    let token_id = TokenId(Uuid::now_v7());
    let mut create = token::Create {
        user_id: person.user_id,
        name: wanted.name.clone(),
        token_hash: hash(&text(&app.keys, person.user_id, &seed, token_id)),
        scopes: wanted.scopes.clone(),
        expires_at: wanted.life_seconds.map(|seconds| context.at.plus_seconds(seconds.into())),
        held: None,
    };
    let mut answer = try_to_create(&app, actor, &context, token_id, create.clone()).await?;
    if matches!(
        answer,
        Err(commands::Error::Refused(Refusal::Token(token::Refusal::Quota(quota::Refusal::NotAdopted))))
    ) {
        create.held = Some(held(&app, person.user_id, context.at).await?);
        answer = try_to_create(&app, actor, &context, token_id, create).await?;
    }
    created(&app, &person, &seed, wanted, &answer?)
}

async fn try_to_create(
    app: &App,
    actor: Actor,
    context: &CommandContext,
    token_id: TokenId,
    create: token::Create,
) -> Result<Result<Answer, commands::Error>, Error> {
    let command = Command::Token(token_id, token::Command::Create(create));
    app.patiently(app.writer.send(app.request(actor, context, command))).await
}

/// The tokens that a user has from an earlier release, which counted none: what the read model knows as of the log's head.
/// No token is created meanwhile by this release, because the writer accepts none before these are adopted.
async fn held(app: &App, user_id: UserId, at: Timestamp) -> Result<Vec<HeldToken>, Error> {
    let head = *app.writer.head().borrow();
    let reading = app.read(ProjectionId::Tokens, head).await?;
    let live = tokens::of_user(&reading.database, user_id, at).await?;
    Ok(live.into_iter().map(|row| HeldToken { token_id: row.token_id, expires_at: row.expires_at }).collect())
}

/// What a body asks for.
struct TokenRequest {
    name: TokenName,
    scopes: Scopes,
    life_seconds: Option<u32>,
}

fn wanted(body: &CreateToken) -> Result<TokenRequest, Error> {
    let name = TokenName::parse(&body.name).map_err(|unfit| Error::bad("name", unfit))?;
    let scopes = Scopes::parse(body.scopes.iter().map(String::as_str)).map_err(|(number, unfit)| match number {
        Some(number) => Error::bad(&format!("scopes/{number}"), unfit),
        None => Error::bad("scopes", unfit),
    })?;
    let fits = |seconds: &u32| (LIFE_SECONDS_MIN..=LIFE_SECONDS_MAX).contains(seconds);
    if !body.expires_in.as_ref().is_none_or(fits) {
        return Err(Error::bad("expires_in", "must be a number of seconds from 60 to 315360000"));
    }
    Ok(TokenRequest { name, scopes, life_seconds: body.expires_in })
}

fn created(app: &App, person: &Person, seed: &Seed, wanted: TokenRequest, answer: &Answer) -> Result<Response, Error> {
    let Outcome::TokenCreated { token_id, created_at, expires_at } = answer.outcome else {
        return Err(Error::other_answer());
    };
    let body = TokenCreated {
        id: token_id,
        token: text(&app.keys, person.user_id, seed, token_id),
        name: wanted.name.as_str().to_owned(),
        scopes: wanted.scopes,
        created_at,
        expires_at,
        position: answer.position,
    };
    Ok(written(StatusCode::CREATED, answer, body))
}

/// Revoke a service token
#[utoipa::path(delete, path = "/v1/me/tokens/{id}", operation_id = "revokeMyToken", tag = "tokens",
    params(("id" = Uuid, Path, description = "A token from the list.")),
    responses((status = 200, body = Done, description = "The token is refused from now on.")))]
async fn revoke(
    State(app): State<App>,
    person: Person,
    context: CommandContext,
    Path(token): Path<String>,
) -> Result<Response, Error> {
    let token = id::parse_uuid(&token).map(TokenId);
    let token = token.ok_or_else(|| Error::new(Code::TokenNotFound, "there is no such token"))?;
    let command = Command::Token(token, token::Command::Revoke(token::Revoke { by: person.user_id }));
    let answer = app.ask(Actor::User(person.user_id), &context, command).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}
