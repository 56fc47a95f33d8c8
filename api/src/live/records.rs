//! Pages of the log for those who tell of it: records, without their sealed parts.

use crate::app::App;
use crate::live::facts::{Change, Told, change, told};
use crate::live::failure::Failure;
use domain::{ChatId, Event, StoredParts, StreamId, UserId};
use store::{Mark, Record};

/// Most records that are read at once.
pub(super) const PAGE: usize = 500;

/// Streams whose facts nobody is told of, and which end nothing.
const PASSED_OVER: [&str; 4] = ["link-", "template", "projection-", "suppression-"];

/// One fact, as far as it matters here.
pub(super) struct Step {
    pub(super) position: u64,
    pub(super) change: Option<Change>,
    pub(super) told: Option<Told>,
}

/// A part of the log.
pub(super) struct Page {
    /// What matters of it, in order.
    pub(super) steps: Vec<Step>,
    /// Its last event, whether it matters or not.
    pub(super) end: Option<Mark>,
}

/// What comes behind an event that is known.
///
/// # Errors
/// The log cannot be read, or does not hold that event any more.
pub(super) async fn behind(app: &App, after: Mark) -> Result<Page, Failure> {
    let log = app.log.records();
    ask(app, move || log.behind(after, PAGE).map(page)).await
}

/// What is above a position and not above another.
///
/// # Errors
/// The log cannot be read.
pub(super) async fn between(app: &App, after: u64, up_to: u64) -> Result<Page, Failure> {
    let log = app.log.records();
    let limit = usize::try_from(up_to.saturating_sub(after)).unwrap_or(PAGE).min(PAGE);
    ask(app, move || log.read(after, limit).map(page)).await
}

/// Where the log ends.
///
/// # Errors
/// The log cannot be read.
pub(super) async fn head(app: &App) -> Result<Mark, Failure> {
    let log = app.log.records();
    ask(app, move || log.head().map(Mark::from)).await
}

/// Whether somebody was in a chat right before that position, by the chat's own stream.
///
/// # Errors
/// The log cannot be read.
pub(super) async fn was_in(app: &App, chat_id: ChatId, user_id: UserId, before: u64) -> Result<bool, Failure> {
    let (log, stream) = (app.log.clone(), StreamId::from(chat_id).to_string());
    let read = move || {
        let (mut version, mut is_in) = (0, false);
        loop {
            let records = log.stream_records(&stream, version, PAGE)?;
            for step in records.iter().filter_map(step).filter(|step| step.position < before) {
                match step.change {
                    Some(Change::Came(_, who)) if who == user_id => is_in = true,
                    Some(Change::Went(_, who)) if who == user_id => is_in = false,
                    Some(Change::Came(..) | Change::Went(..) | Change::Gone(_) | Change::Ended(_)) | None => {}
                }
            }
            match records.last() {
                Some(last) if last.position < before => version = last.version,
                Some(_) | None => return Ok(is_in),
            }
        }
    };
    ask(app, read).await
}

async fn ask<T: Send + 'static>(
    app: &App,
    question: impl FnOnce() -> Result<T, store::Error> + Send + 'static,
) -> Result<T, Failure> {
    let answer = app.ask_log(app.settings.storage_wait, question).await;
    Ok(answer.map_err(|_| Failure::Silent)??)
}

fn page(records: Vec<Record>) -> Page {
    let end = records.last().map(Record::mark);
    Page { steps: records.iter().filter_map(step).collect(), end }
}

fn step(record: &Record) -> Option<Step> {
    let Record { stream, name, payload, position, .. } = record;
    if PASSED_OVER.iter().any(|passed| stream.starts_with(passed)) {
        return None;
    }
    // Of what cannot be read nobody can be told: the read models stop there, and say so.
    let event = Event::restore(&StoredParts { stream, name, payload, personal: None }).ok()?;
    let told = told(&event).map(|what| Told { position: *position, what });
    let change = change(&event);
    (told.is_some() || change.is_some()).then_some(Step { position: *position, change, told })
}
