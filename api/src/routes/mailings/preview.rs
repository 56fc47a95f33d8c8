//! Who would get a mailing, and how it reads.

use super::existing;
use crate::app::App;
use crate::auth::caller::Notifier;
use crate::error::{Code, Error};
use crate::http::context::CommandContext;
use crate::http::params::Params;
use crate::http::reply::read;
use crate::routes::outgoing;
use axum::extract::{Path, State};
use axum::response::Response;
use couriers::mailings::{PREVIEW_PEOPLE_MAX, Preview, PreviewParts};
use domain::{Timestamp, UserId};
use projections::{ProjectionId, mailings};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Who would get it if it were sent now, why others would not, and how it reads.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailingPreview {
    /// How many people.
    pub(crate) recipients: u64,
    /// How many of the audience would not get it, by why: `suppressed-address`, `switched-off`, `no-address`, `erased`,
    /// `suspended`.
    #[schema(value_type = Object)]
    pub(crate) by_reason: BTreeMap<&'static str, u64>,
    /// How many people were looked at, where there may be more: then there may be more recipients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) looked_at: Option<u64>,
    /// How it reads to the first three of them.
    pub(crate) samples: Vec<MailingSample>,
    /// Why variables could not be fetched: the samples show the template's examples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) variables_url: Option<String>,
    /// Why it cannot be said at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct MailingSample {
    #[schema(value_type = Uuid)]
    pub(crate) user_id: UserId,
    pub(crate) subject: String,
    pub(crate) text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) html: Option<String>,
}

/// Preview a mailing
///
/// Checks everybody in its audience as it is now; nothing is sent.
#[utoipa::path(post, path = "/v1/mailings/{id}/preview", operation_id = "previewMailing", tag = "notifications",
    params(("id" = Uuid, Path, description = "A mailing.")),
    responses((status = 200, body = MailingPreview, description = "Who would get it, and how it reads.")))]
pub(super) async fn preview(
    State(app): State<App>,
    _notifier: Notifier,
    context: CommandContext,
    Path(mailing): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let position = app.reached(ProjectionId::Mailings, params.min_position).await?;
    Ok(read(position, previewed(&app, &mailing, context.at, false).await?))
}

/// Who would get a mailing, and how it reads. With `samples_only` nobody is counted whom the samples do without.
pub(crate) async fn previewed(
    app: &App,
    mailing: &str,
    at: Timestamp,
    samples_only: bool,
) -> Result<MailingPreview, Error> {
    let reading = app.read(ProjectionId::Mailings, 0).await?;
    let row = existing(&reading.database, mailing).await?;
    let named = mailings::named(&reading.database, row.mailing_id).await?;
    let category = outgoing::category(app, row.plan.category.as_str())?;
    let recipients = app.read(ProjectionId::Recipients, 0).await?.database;
    let templates = app.read(ProjectionId::Templates, 0).await?.database;
    let active = match row.plan.audience.active_since {
        None => std::collections::HashSet::new(),
        Some(since) => {
            app.state.last_use().users_since(since).await.map_err(|error| Error::ours(&error, Code::Unavailable))?
        }
    };
    let public_url = app.settings.public_url.clone().unwrap_or_default();
    let _place = app.budget.page().await?;
    let parts = PreviewParts {
        recipients: &recipients,
        templates: Some(&templates),
        keys: &app.keys,
        variables: &app.settings.variables,
        category,
        active,
        product: &app.settings.product_name,
        public_url: &public_url,
        people_max: PREVIEW_PEOPLE_MAX,
        samples_only,
    };
    let looked = couriers::mailings::preview(parts, &row.plan, named, row.texts.as_ref(), at).await?;
    let Preview { recipients, by_reason, looked_at, samples, variables_fault, fault } = looked;
    let sample = |sample: couriers::mailings::Sample| {
        let couriers::mailings::Sample { user_id, subject, text, html } = sample;
        MailingSample { user_id, subject, text, html }
    };
    let samples = samples.into_iter().map(sample).collect();
    Ok(MailingPreview { recipients, by_reason, looked_at, samples, variables_url: variables_fault, fault })
}
