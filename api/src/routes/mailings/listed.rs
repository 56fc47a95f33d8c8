//! Which deliveries of a mailing are asked for, and what is told of each.

use super::existing;
use crate::app::App;
use crate::error::Error;
use crate::http::params::Params;
use domain::delivery::Status;
use domain::notify::Channel;
use domain::{DeliveryId, Timestamp, UserId};
use projections::deliveries::Delivery;
use projections::mailings::Run;
use projections::{ProjectionId, deliveries as read_model, mailings, recipients};
use serde::Serialize;
use std::collections::BTreeMap;
use store::sql::Database;
use utoipa::ToSchema;

/// The result for one recipient.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailingDelivery {
    #[schema(value_type = Uuid)]
    pub(crate) delivery_id: DeliveryId,
    #[schema(value_type = Uuid)]
    pub(crate) user_id: UserId,
    /// None when they were erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_name: Option<String>,
    #[schema(value_type = String, example = "email")]
    pub(crate) channel: Channel,
    #[schema(example = "accepted")]
    pub(crate) state: &'static str,
    /// Why, or what the provider said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    /// Since when it is in that state.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) due_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) expires_at: Timestamp,
    pub(crate) attempts: u32,
}

/// Which deliveries are asked for.
pub(crate) struct Listed {
    /// How far what is read is.
    pub(super) position: u64,
    pub(super) status: Option<Status>,
    /// None: no run has begun.
    pub(super) run: Option<Run>,
    deliveries: Database,
    recipients: Database,
}

impl Listed {
    pub(super) async fn wanted(app: &App, mailing: &str, params: &Params) -> Result<Listed, Error> {
        let unknown = || Error::bad_parameter("state", "must be a state of deliveries");
        let status = params.get("state").map(|text| Status::parse(text).ok_or_else(unknown)).transpose()?;
        let number = params.get("run").map(str::parse::<u32>).transpose();
        let number = number.map_err(|_| Error::bad_parameter("run", "must be the number of a run"))?;
        Listed::find(app, mailing, status, number, params.min_position).await
    }

    /// Those of a run, of the last one where none is named.
    pub(crate) async fn find(
        app: &App,
        mailing: &str,
        status: Option<Status>,
        number: Option<u32>,
        min_position: u64,
    ) -> Result<Listed, Error> {
        let reading = app.read(ProjectionId::Mailings, min_position).await?;
        let row = existing(&reading.database, mailing).await?;
        let run = match number {
            Some(number) => mailings::run(&reading.database, row.mailing_id, number).await?,
            None => mailings::runs(&reading.database, row.mailing_id, None, 1).await?.pop(),
        };
        let of = app.read(ProjectionId::Deliveries, min_position).await?;
        let recipients = app.read(ProjectionId::Recipients, 0).await?.database;
        Ok(Listed { position: of.position.min(reading.position), status, run, deliveries: of.database, recipients })
    }

    pub(crate) async fn rows(&self, after: u64, limit: u32) -> Result<Vec<Delivery>, store::Error> {
        match &self.run {
            None => Ok(Vec::new()),
            Some(run) => read_model::in_state(&self.deliveries, run.notification_id, self.status, after, limit).await,
        }
    }

    /// With the names of those who are still there.
    pub(crate) async fn named(&self, rows: Vec<Delivery>) -> Result<Vec<MailingDelivery>, store::Error> {
        let mut names = BTreeMap::new();
        for some in rows.chunks(recipients::IDS_MAX) {
            let ids = some.iter().map(|row| row.user_id).collect::<Vec<_>>();
            let people = recipients::by_ids(&self.recipients, &ids).await?;
            names.extend(people.into_iter().map(|one| (one.user_id, one.user_name)));
        }
        let of = |row: Delivery| MailingDelivery {
            delivery_id: row.delivery_id,
            user_id: row.user_id,
            user_name: names.get(&row.user_id).cloned(),
            channel: row.channel,
            state: row.status.name(),
            detail: row.last_detail,
            at: row.last_at,
            due_at: row.due_at,
            expires_at: row.expires_at,
            attempts: row.attempts,
        };
        Ok(rows.into_iter().map(of).collect())
    }
}
