//! What people sign in by beside a password and mail, for admins: second factors, passkeys and identities, without what is secret of
//! them; and taking away what was lost.

use crate::app::App;
use crate::auth::caller::Admin;
use crate::auth::fresh::FreshPerson;
use crate::error::{Code, Error};
use crate::http::context::CommandContext;
use crate::http::params::Params;
use crate::http::reply::{Done, read};
use crate::routes::admin::wrote;
use crate::routes::spec::{Routes, Spec};
use ::projections::ProjectionId;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::Timestamp;
use node::operations::factors as operations;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(crate) fn routes() -> Routes {
    const GONE: &[Code] = &[
        Code::UserNotFound,
        Code::FactorNotFound,
        Code::PasskeyNotFound,
        Code::IdentityNotFound,
        Code::SessionRequired,
    ];
    Routes::default()
        .add(routes!(list), Spec::admin().fails(&[Code::UserNotFound]))
        .add(routes!(remove), Spec::admin().fresh().without_key().fails(GONE))
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdminFactors)]
struct Factors {
    factors: Vec<Factor>,
}

/// A way to sign in, without secrets.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = AdminFactor)]
pub(crate) struct Factor {
    /// The value that removing it takes.
    #[schema(example = "totp")]
    pub(crate) which: String,
    /// `totp` (codes of a device), `passkey` (counts as two factors) or `identity` (an account at another service).
    #[schema(value_type = String, example = "totp")]
    pub(crate) kind: &'static str,
    /// The name that its owner gave it; for an identity, the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) since: Timestamp,
    /// Unused recovery codes of `totp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recovery_codes_left: Option<usize>,
}

impl From<operations::FactorRow> for Factor {
    fn from(row: operations::FactorRow) -> Factor {
        let operations::FactorRow { which, kind, name, since, recovery_codes_left } = row;
        Factor { which, kind, name, since, recovery_codes_left }
    }
}

/// What the account of that name or id signs in by, and as of which position.
///
/// # Errors
/// `user-not-found`.
pub(crate) async fn factors_of(app: &App, user: &str, min_position: u64) -> Result<(Vec<Factor>, u64), Error> {
    let position = app.read(ProjectionId::Passkeys, min_position).await?.position;
    if app.projections.has(ProjectionId::Identities) {
        app.read(ProjectionId::Identities, min_position).await?;
    }
    app.read(ProjectionId::Users, min_position).await?;
    let rows = app.patiently(operations::list(&app.log, &app.projections, user)).await??;
    Ok((rows.into_iter().map(Factor::from).collect(), position))
}

/// List a user's factors
///
/// Second factors, passkeys and identities, without secrets.
#[utoipa::path(get, path = "/v1/admin/users/{user}/factors", operation_id = "listUserFactors", tag = "operators",
    params(("user" = String, Path, description = "A user's id or name.")),
    responses((status = 200, body = Factors, description = "The factors.")))]
async fn list(
    State(app): State<App>,
    _admin: Admin,
    Path(user): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let (factors, position) = factors_of(&app, &user, params.min_position).await?;
    Ok(read(position, Factors { factors }))
}

/// Remove a user's factor
///
/// Removes what the user has lost, even their last way to sign in. The user gets a mail, and their sessions end. Needs a sign-in
/// of the last ten minutes.
#[utoipa::path(delete, path = "/v1/admin/users/{user}/factors/{which}", operation_id = "removeUserFactor",
    tag = "operators", params(
        ("user" = String, Path, description = "A user's id or name."),
        ("which" = String, Path, description = "The value `which` of a factor from the list."),
    ), responses((status = 200, body = Done, description = "It can no longer sign in.")))]
async fn remove(
    State(app): State<App>,
    admin: Admin,
    _fresh: FreshPerson,
    Path((user, which)): Path<(String, String)>,
    context: CommandContext,
) -> Result<Response, Error> {
    let node = app.node.on_behalf_of(admin.user_id, context.request_id);
    wrote(operations::remove(&node, &user, &which).await?.position)
}
