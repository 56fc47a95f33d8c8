//! `letopis notifications`: what people are told, delivery by delivery.

use crate::arguments::Notifications as Verb;
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{self, Column, Listing};
use crate::{control, report};
use anyhow::Result;
use domain::delivery::Status;
use domain::id::parse_uuid;
use domain::text::UserName;
use domain::{DeliveryId, NotificationId, Timestamp, UserId};
use node::operations::Request;
use node::operations::notifications::DeliveryVerb;
use projections::deliveries::{self, Delivery, DeliveryFilter};
use projections::{ProjectionId, users};
use serde::Serialize;

const COLUMNS: &[Column] = &[
    Column::new("delivery_id"),
    Column::new("user_id").yields(2),
    Column::new("channel"),
    Column::new("category"),
    Column::new("state"),
    Column::new("due_at").yields(1),
    Column::new("attempts").yields(3),
    Column::new("notification_id").yields(4),
];
/// How many deliveries are read at once.
const PAGE: u32 = 500;

/// A delivery in a list. Scripts rely on the names of the fields.
#[derive(Serialize)]
struct Row {
    delivery_id: DeliveryId,
    user_id: UserId,
    channel: &'static str,
    category: String,
    state: &'static str,
    due_at: Timestamp,
    attempts: u32,
    notification_id: NotificationId,
}

/// A delivery with its history.
#[derive(Serialize)]
struct Details {
    #[serde(flatten)]
    delivery: Row,
    expires_at: Timestamp,
    history: Vec<Step>,
}

#[derive(Serialize)]
struct Step {
    state: &'static str,
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
}

/// Does what was asked.
///
/// # Errors
/// What went wrong: code 2 for a state that is none, 3 for a delivery or a person who is not there, 4 where the state of
/// a delivery does not allow it.
pub async fn verb(context: &Context, verb: Verb) -> Result<()> {
    match verb {
        Verb::Ls { state, user, category, limit } => ls(context, (state, user, category), limit).await,
        Verb::Show { id } => show(context, &id).await,
        Verb::Retry { id } => change(context, &id, DeliveryVerb::Retry).await,
        Verb::Cancel { id } => change(context, &id, DeliveryVerb::Cancel).await,
        Verb::Arm => carry_out(context, Request::ArmCouriers { armed: true }).await,
        Verb::Disarm => carry_out(context, Request::ArmCouriers { armed: false }).await,
    }
}

async fn carry_out(context: &Context, request: Request) -> Result<()> {
    report::show(context.output, &control::carry_out(context, request).await?)
}

async fn change(context: &Context, id: &str, verb: DeliveryVerb) -> Result<()> {
    carry_out(context, Request::ChangeDelivery { delivery_id: delivery_id(id)?, verb }).await
}

fn delivery_id(id: &str) -> Result<DeliveryId> {
    parse_uuid(id).map(DeliveryId).ok_or_else(|| not_found(id))
}

fn not_found(id: &str) -> anyhow::Error {
    failure(Code::NotFound, format!("there is no delivery {id:?}; `letopis notifications ls` lists them"))
}

async fn ls(
    context: &Context,
    (state, user, category): (Option<String>, Option<String>, Option<String>),
    limit: Option<u64>,
) -> Result<()> {
    let names = || Status::ALL.map(Status::name).join(", ");
    let status = state.map(|text| {
        Status::parse(&text)
            .ok_or_else(|| failure(Code::Usage, format!("{text:?} is no state: it is one of {}", names())))
    });
    let projections = context.current(&[ProjectionId::Deliveries]).await?;
    let db = projections.database(ProjectionId::Deliveries);
    let user_id = match user {
        None => None,
        Some(user) => Some(person(&projections, &user).await?),
    };
    let filter = DeliveryFilter { status: status.transpose()?, user_id, category: category.as_deref() };
    let mut listing = Listing::new(context.output, COLUMNS);
    let (mut left, mut before) = (context.output.limit(limit), None);
    while left > 0 {
        let page = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let rows = deliveries::list(&db, filter, before, page).await?;
        left -= rows.len() as u64;
        let is_last = rows.len() < page as usize;
        before = rows.last().map(|row| row.position);
        rows.into_iter().try_for_each(|delivery| listing.row(&row(delivery)))?;
        if is_last {
            break;
        }
    }
    context.output.note_limit(limit, left, "deliveries");
    listing.end()
}

async fn person(projections: &projections::Projections, user: &str) -> Result<UserId> {
    if let Some(id) = parse_uuid(user) {
        return Ok(UserId(id));
    }
    let gone = || failure(Code::NotFound, format!("there is no user {user:?}; `letopis users ls` lists them"));
    let name = UserName::parse(user).map_err(|_| gone())?;
    let db = projections.database(ProjectionId::Users);
    Ok(users::by_name(&db, &name.canonical()).await?.ok_or_else(gone)?.user_id)
}

async fn show(context: &Context, id: &str) -> Result<()> {
    let db = context.current(&[ProjectionId::Deliveries]).await?.database(ProjectionId::Deliveries);
    let delivery_id = delivery_id(id)?;
    let delivery = deliveries::delivery(&db, delivery_id).await?.ok_or_else(|| not_found(id))?;
    let expires_at = delivery.expires_at;
    let steps = deliveries::steps(&db, delivery_id).await?.into_iter();
    let history = steps
        .map(|step| Step { state: step.status.name(), at: step.at, detail: step.detail, provider: step.provider })
        .collect();
    output::show(context.output, &Details { delivery: row(delivery), expires_at, history })
}

fn row(delivery: Delivery) -> Row {
    Row {
        delivery_id: delivery.delivery_id,
        user_id: delivery.user_id,
        channel: delivery.channel.name(),
        category: delivery.category,
        state: delivery.status.name(),
        due_at: delivery.due_at,
        attempts: delivery.attempts,
        notification_id: delivery.notification_id,
    }
}
