//! A mailing as it is shown.

use super::request::{AudienceRequest, MailingRequest};
use super::{existing, rows};
use crate::app::App;
use crate::error::{Code, Error};
use crate::http::conditional::{tag, tag_beside};
use crate::routes::outgoing::{self, PlainContent, RepeatedBy, TemplateName, channels};
use axum::http::HeaderValue;
use domain::mailing::Status;
use domain::{MailingId, Timestamp, UserId};
use projections::{ProjectionId, mailings};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use store::sql::Database;
use utoipa::ToSchema;

/// A mailing, and how far it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Mailing {
    #[schema(value_type = Uuid)]
    pub(crate) mailing_id: MailingId,
    /// `draft`, `scheduled`, `running`, `paused`, `finished` or `cancelled`.
    #[schema(example = "running")]
    pub(crate) state: &'static str,
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) template: Option<TemplateName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<PlainContent>,
    #[schema(example = "marketing")]
    pub(crate) category: String,
    pub(crate) audience: AudienceRequest,
    #[schema(schema_with = channels)]
    pub(crate) channels: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) variables: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) variables_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(crate) send_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) schedule: Option<RepeatedBy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) per_second_max: Option<u32>,
    pub(crate) expires_in: Option<u32>,
    /// Who drafted it.
    #[schema(value_type = Uuid)]
    pub(crate) author_id: UserId,
    /// Of its last run: how many people are in its audience, as far as that is frozen.
    pub(crate) recipients: u64,
    /// Of its last run: how many of its deliveries are in which state.
    #[schema(value_type = Object)]
    pub(crate) counts: BTreeMap<&'static str, u64>,
    /// How often the run that is due could not begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tries: Option<u32>,
    /// Why it could not, or why the mailing was stopped by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// When the present run was due, or the next one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) due_at: Option<Timestamp>,
    /// The next runs of its schedule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub(crate) next_runs: Vec<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) updated_at: Timestamp,
    /// Of its stream.
    #[serde(skip)]
    pub(crate) version: u64,
}

impl Mailing {
    /// Its `ETag`. What one shows that was started changes without a fact of its own: counts, the next runs.
    pub(super) fn tag(&self) -> Result<HeaderValue, Error> {
        if self.state == Status::Draft.name() {
            return Ok(tag(self.version));
        }
        let whole = serde_json::to_vec(self).map_err(|error| Error::ours(&error, Code::Internal))?;
        Ok(tag_beside(self.version, &[&whole]))
    }
}

/// A mailing as it is shown.
pub(crate) async fn shown(app: &App, mailing: &str, now: Timestamp) -> Result<Mailing, Error> {
    let reading = app.read(ProjectionId::Mailings, 0).await?;
    let row = existing(&reading.database, mailing).await?;
    let named = mailings::named(&reading.database, row.mailing_id).await?;
    mailing_shown(app, &reading.database, row, &named, now).await
}

pub(crate) async fn mailing_shown(
    app: &App,
    db: &Database,
    row: mailings::Mailing,
    named: &[UserId],
    now: Timestamp,
) -> Result<Mailing, Error> {
    let last = mailings::runs(db, row.mailing_id, None, 1).await?.pop();
    let (recipients, counts) = match last {
        None => (0, BTreeMap::new()),
        Some(run) => (run.recipients, rows::counts(app, &run).await?),
    };
    let goes_on = matches!(row.status, Status::Scheduled | Status::Running);
    let next_runs =
        row.plan.schedule.as_ref().filter(|_| goes_on).map_or_else(Vec::new, |one| outgoing::next_runs(one, now));
    let wanted = MailingRequest::of(&row, named);
    Ok(Mailing {
        mailing_id: row.mailing_id,
        state: row.status.name(),
        name: wanted.name,
        template: wanted.template,
        content: wanted.content,
        category: wanted.category,
        audience: wanted.audience,
        channels: wanted.channels,
        variables: wanted.variables,
        variables_url: wanted.variables_url,
        send_at: wanted.send_at,
        schedule: wanted.schedule,
        per_second_max: wanted.per_second_max,
        expires_in: wanted.expires_in,
        author_id: row.author,
        recipients,
        counts,
        tries: (row.tries > 0).then_some(row.tries),
        reason: row.reason,
        due_at: row.due_at,
        next_runs,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: row.version,
    })
}
