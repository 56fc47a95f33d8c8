//! `letopis mailings`: what is told to many, and how far it is.

use crate::arguments::Mailings as Verb;
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{self, Column, Listing};
use crate::{control, report};
use anyhow::Result;
use couriers::mailings::{PREVIEW_PEOPLE_MAX, PreviewParts};
use domain::id::parse_uuid;
use domain::mailing::{Plan, Status};
use domain::{MailingId, NotificationId, Timestamp, UserId};
use node::operations::Request;
use node::operations::mailings::MailingVerb;
use projections::mailings::{self, Mailing, Run};
use projections::{ProjectionId, Projections, deliveries};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

const COLUMNS: &[Column] = &[
    Column::new("mailing_id"),
    Column::new("name").yields(1),
    Column::new("state"),
    Column::new("category").yields(3),
    Column::new("recipients").yields(2),
    Column::new("due_at").yields(2),
    Column::new("created_at").yields(4),
];
/// How many mailings are read at once.
const PAGE: u32 = 500;
/// How many runs of a mailing are shown.
const RUNS: u32 = 20;

/// A mailing in a list. Scripts rely on the names of the fields.
#[derive(Serialize)]
struct Row {
    mailing_id: MailingId,
    name: String,
    state: &'static str,
    category: String,
    /// Of its last run.
    recipients: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<Timestamp>,
    created_at: Timestamp,
}

/// A mailing with its last runs.
#[derive(Serialize)]
struct Details {
    #[serde(flatten)]
    mailing: Row,
    author_id: UserId,
    plan: Plan,
    named: usize,
    tries: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    runs: Vec<RunShown>,
}

#[derive(Serialize)]
struct RunShown {
    run: u32,
    notification_id: NotificationId,
    recipients: u64,
    counts: BTreeMap<&'static str, u64>,
    started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<Timestamp>,
}

/// Does what was asked.
///
/// # Errors
/// What went wrong: code 2 for a state that is none, 3 for a mailing that is not there, 4 where its state does not allow it.
pub async fn verb(context: &Context, verb: Verb) -> Result<()> {
    let (id, verb) = match verb {
        Verb::Ls { state, limit } => return ls(context, state.as_deref(), limit).await,
        Verb::Show { id } => return show(context, &id).await,
        Verb::Preview { id } => return preview(context, &id).await,
        Verb::Start { id } => (id, MailingVerb::Start),
        Verb::Pause { id } => (id, MailingVerb::Pause),
        Verb::Resume { id } => (id, MailingVerb::Resume),
        Verb::Cancel { id } => (id, MailingVerb::Cancel),
    };
    let request = Request::ChangeMailing { mailing_id: mailing_id(&id)?, verb };
    report::show(context.output, &control::carry_out(context, request).await?)
}

fn mailing_id(id: &str) -> Result<MailingId> {
    parse_uuid(id).map(MailingId).ok_or_else(|| not_found(id))
}

fn not_found(id: &str) -> anyhow::Error {
    failure(Code::NotFound, format!("there is no mailing {id:?}; `letopis mailings ls` lists them"))
}

async fn existing(projections: &Projections, id: &str) -> Result<Mailing> {
    let db = projections.database(ProjectionId::Mailings);
    mailings::by_id(&db, mailing_id(id)?).await?.ok_or_else(|| not_found(id))
}

async fn ls(context: &Context, state: Option<&str>, limit: Option<u64>) -> Result<()> {
    let names = || Status::ALL.iter().map(|status| status.name()).collect::<Vec<_>>().join(", ");
    let unknown = |text: &str| failure(Code::Usage, format!("{text:?} is no state: it is one of {}", names()));
    let status = state.map(|text| Status::parse(text).ok_or_else(|| unknown(text))).transpose()?;
    let projections = context.current(&[ProjectionId::Mailings]).await?;
    let db = projections.database(ProjectionId::Mailings);
    let mut listing = Listing::new(context.output, COLUMNS);
    let (mut left, mut before) = (context.output.limit(limit), None);
    while left > 0 {
        let page = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let rows = mailings::list(&db, status, before, page).await?;
        left -= rows.len() as u64;
        let is_last = rows.len() < page as usize;
        before = rows.last().map(|row| row.position);
        for mailing in rows {
            let run = mailings::runs(&db, mailing.mailing_id, None, 1).await?.pop();
            listing.row(&row(&mailing, run.as_ref()))?;
        }
        if is_last {
            break;
        }
    }
    context.output.note_limit(limit, left, "mailings");
    listing.end()
}

fn row(mailing: &Mailing, last: Option<&Run>) -> Row {
    Row {
        mailing_id: mailing.mailing_id,
        name: mailing.name.clone(),
        state: mailing.status.name(),
        category: mailing.plan.category.to_string(),
        recipients: last.map_or(0, |run| run.recipients),
        due_at: mailing.due_at,
        created_at: mailing.created_at,
    }
}

async fn show(context: &Context, id: &str) -> Result<()> {
    let projections = context.current(&[ProjectionId::Mailings, ProjectionId::Deliveries]).await?;
    let mailing = existing(&projections, id).await?;
    let db = projections.database(ProjectionId::Mailings);
    let of_deliveries = projections.database(ProjectionId::Deliveries);
    let rows = mailings::runs(&db, mailing.mailing_id, None, RUNS).await?;
    let head = row(&mailing, rows.first());
    let mut runs = Vec::with_capacity(rows.len());
    for run in rows {
        let counts = deliveries::counts(&of_deliveries, run.notification_id).await?;
        let counts = counts.into_iter().map(|(status, count)| (status.name(), count)).collect();
        let Run { run, notification_id, recipients, started_at, finished_at, .. } = run;
        runs.push(RunShown { run, notification_id, recipients, counts, started_at, finished_at });
    }
    let named = mailings::named(&db, mailing.mailing_id).await?.len();
    let Mailing { author, plan, tries, reason, .. } = mailing;
    output::show(context.output, &Details { mailing: head, author_id: author, plan, named, tries, reason, runs })
}

async fn preview(context: &Context, id: &str) -> Result<()> {
    let (_, log) = context.log()?;
    let projections =
        context.current(&[ProjectionId::Mailings, ProjectionId::Recipients, ProjectionId::Templates]).await?;
    let mailing = existing(&projections, id).await?;
    let settings = &context.settings;
    let key = mailing.plan.category.clone();
    let gone = || failure(Code::Conflict, format!("the category {key} no longer exists"));
    let category = settings.categories.get(&key).ok_or_else(gone)?;
    let named = mailings::named(&projections.database(ProjectionId::Mailings), mailing.mailing_id).await?;
    let recipients = projections.database(ProjectionId::Recipients);
    let templates = projections.database(ProjectionId::Templates);
    let keys = log.keys();
    let public_url = settings.public_url.clone().unwrap_or_default();
    let parts = PreviewParts {
        recipients: &recipients,
        templates: Some(&templates),
        keys: &keys,
        variables: &settings.variables,
        category,
        // When sessions were last used is known where the server runs; who signed in since is in the read model.
        active: HashSet::new(),
        product: &settings.product_name,
        public_url: &public_url,
        people_max: PREVIEW_PEOPLE_MAX,
        samples_only: false,
    };
    let (plan, texts) = (&mailing.plan, mailing.texts.as_ref());
    let preview = couriers::mailings::preview(parts, plan, named, texts, store::now()).await?;
    output::show(context.output, &preview)
}
