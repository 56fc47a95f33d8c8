//! Mailings: drafted, previewed, started, paused, resumed, called off.

use super::spec::{Routes, Spec};
use crate::app::App;
use crate::error::{Code, Error};
use crate::http::reply::{Done, written};
use axum::http::StatusCode;
use axum::response::Response;
use commands::Answer;
use domain::mailing::Refusal;
use domain::{MailingId, id};
use projections::{ProjectionId, mailings};
use store::sql::Database;
use utoipa_axum::routes;

mod change;
mod csv;
mod drafts;
mod listed;
mod moves;
mod preview;
mod reading;
mod request;
mod rows;
mod shown;

pub(crate) use drafts::{change_to, create_from, delete_draft};
pub(crate) use listed::{Listed, MailingDelivery};
pub(crate) use preview::{MailingPreview, previewed};
pub(crate) use rows::{MailingRun, runs_of};
pub(crate) use shown::{Mailing, mailing_shown, shown};

/// Most bytes of a request: ten thousand ids, and what they are told.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;
const WRITES: &[Code] = &[
    Code::MailingNotFound,
    Code::WrongState,
    Code::TemplateNotFound,
    Code::TemplateInvalid,
    Code::TemplateTooExpensive,
    Code::ChatNotFound,
];
const MOVES: &[Code] = &[Code::MailingNotFound, Code::WrongState];
const STARTS: &[Code] = &[Code::MailingNotFound, Code::WrongState, Code::VersionChanged];

pub(crate) fn routes() -> Routes {
    let one = Spec::notifier().fails(&[Code::MailingNotFound]);
    let moves = Spec::notifier().fails(MOVES);
    Routes::default()
        .add(routes!(reading::list), Spec::notifier().paged())
        .add(routes!(drafts::create), Spec::notifier().body_bytes_max(REQUEST_BYTES_MAX).fails(WRITES))
        .add(routes!(reading::read_mailing), one.tagged())
        .add(routes!(drafts::change), Spec::notifier().body_bytes_max(REQUEST_BYTES_MAX).fails(WRITES))
        .add(routes!(drafts::delete), moves)
        .add(routes!(preview::preview), one.without_key())
        .add(routes!(moves::start), Spec::notifier().fails(STARTS))
        .add(routes!(moves::pause), moves)
        .add(routes!(moves::resume), moves)
        .add(routes!(moves::cancel), moves)
        .add(routes!(rows::runs), one.paged())
        .add(routes!(rows::deliveries), one.paged())
        .add(routes!(csv::deliveries_csv), one)
}

fn done(answer: &Answer) -> Response {
    written(StatusCode::OK, answer, Done { position: answer.position })
}

pub(crate) fn parse(mailing: &str) -> Result<MailingId, Error> {
    id::parse_uuid(mailing).map(MailingId).ok_or_else(not_found)
}

fn not_found() -> Error {
    Error::new(Code::MailingNotFound, Refusal::NotFound)
}

async fn existing(db: &Database, mailing: &str) -> Result<mailings::Mailing, Error> {
    mailings::by_id(db, parse(mailing)?).await?.ok_or_else(not_found)
}

/// Waits until this node sees what another one may have changed meanwhile.
async fn see_all(app: &App) -> Result<(), Error> {
    let head = app.log_head().await?;
    app.reached(ProjectionId::Mailings, head).await.map(drop)
}
