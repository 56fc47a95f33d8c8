//! Trying a template: what somebody would read.

use super::{apart, live, version};
use crate::app::App;
use crate::auth::caller::Notifier;
use crate::error::Error;
use crate::http::body::Body;
use crate::http::params::Params;
use crate::http::reply::read;
use axum::extract::{Path, State};
use axum::response::Response;
use couriers::render::{self, Context, RenderError, Rendered, Source};
use projections::{ProjectionId, users};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"variables": {"order": "17-205"}, "locale": "ru"}))]
pub(super) struct TemplatePreview {
    /// Those that are left out are as in their examples.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Value>, required = false)]
    variables: Map<String, Value>,
    /// A language tag; without it, that of your profile.
    #[schema(min_length = 2, max_length = 35)]
    locale: Option<String>,
    /// Without it, the newest.
    #[schema(minimum = 1)]
    version: Option<u32>,
}

/// What somebody would read.
#[derive(Serialize, ToSchema)]
struct TemplatePreviewed {
    /// Which of the template's locales it is written in.
    #[schema(example = "ru")]
    locale: String,
    version: u32,
    subject: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<String>,
}

/// Preview a template
///
/// What somebody would read; nothing is sent.
#[utoipa::path(post, path = "/v1/templates/{id}/preview", operation_id = "previewTemplate", tag = "notifications",
    params(("id" = Uuid, Path, description = "A template from the list.")), request_body = TemplatePreview,
    responses((status = 200, body = TemplatePreviewed, description = "The texts.")))]
pub(super) async fn preview(
    State(app): State<App>,
    notifier: Notifier,
    Path(template): Path<String>,
    params: Params,
    Body(body): Body<TemplatePreview>,
) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Templates, params.min_position).await?;
    let found = live(&reading.database, &template).await?;
    let version = version(&reading.database, &found, body.version).await?;
    let accounts = app.read(ProjectionId::Users, 0).await?;
    let reader = users::by_id(&accounts.database, notifier.user_id).await?;
    let (own_locale, time_zone) = reader.map(|account| (account.locale, account.time_zone)).unwrap_or_default();
    let locale = body.locale.unwrap_or(own_locale);
    let number = version.version;
    let rendered = tried(&app, time_zone, move |context| {
        render::preview(&Source::Template(&version.definition), &locale, &body.variables, context)
    });
    let Rendered { locale, subject, text, html, .. } = rendered.await?;
    Ok(read(reading.position, TemplatePreviewed { locale, version: number, subject, text, html }))
}

/// Renders as for a mail, on a thread that may be kept busy.
pub(in crate::routes) async fn tried(
    app: &App,
    time_zone: String,
    render: impl FnOnce(&Context<'_>) -> Result<Rendered, RenderError> + Send + 'static,
) -> Result<Rendered, Error> {
    let public_url = app.settings.public_url.clone();
    apart(move || {
        let tried = Context { time_zone: &time_zone, ..Context::TRIED };
        let Some(public_url) = public_url else { return render(&tried) };
        let unsubscribe_url = format!("{public_url}/u/preview");
        render(&Context { public_url: &public_url, unsubscribe_url: Some(&unsubscribe_url), ..tried })
    })
    .await
}
