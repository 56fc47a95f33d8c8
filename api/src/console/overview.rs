//! What happens now, and what is wrong, with what to press.

use super::Pages;
use super::charts::{self, Chart};
use super::form::Fields;
use super::frame::{Frame, html};
use super::show;
use super::tab::Tab;
use super::visitor::{Visitor, done};
use super::words::Words;
use crate::app::App;
use crate::error::{Code, Error};
use crate::routes::admin::figures;
use crate::routes::admin::overview::{self, Overview, Severity, Trouble, What};
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use node::operations::{notifications, relay};

pub(super) fn pages() -> Pages {
    Pages::default()
        .moderator("/console", get(first))
        .admin("/console/overview/now", get(now))
        .admin("/console/overview/arm", post(arm))
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    now: Now,
    charts: Charts,
}

/// The last day in pictures.
#[derive(Template)]
#[template(path = "charts.html")]
struct Charts {
    words: &'static Words,
    charts: Vec<Chart>,
}

/// The part of it that is fetched again and again.
#[derive(Template)]
#[template(path = "overview_now.html")]
struct Now {
    words: &'static Words,
    seen: Overview,
}

/// What to press.
struct Advice {
    title: &'static str,
    text: &'static str,
    /// Where it is seen to.
    link: Option<(String, &'static str)>,
    /// What is armed by a button.
    arms: Option<&'static str>,
}

impl Now {
    async fn look(app: &App, visitor: &Visitor) -> Result<Now, Error> {
        Ok(Now { words: visitor.words(), seen: overview::look(app).await? })
    }

    fn is_problem(&self, trouble: &Trouble) -> bool {
        trouble.severity == Severity::Problem
    }

    fn advice(&self, trouble: &Trouble) -> Advice {
        let words = self.words;
        let to = |address: &str, title| Some((address.to_owned(), title));
        let read_model = || to("/console/projections", words.projections);
        let (title, text, link) = match trouble.what {
            What::LogNotWritable => (words.log_not_writable, words.log_not_writable_advice, None),
            What::ProjectionStopped => (words.projection_stopped, words.projection_stopped_advice, read_model()),
            What::ProjectionPaused => (words.projection_paused, words.projection_paused_advice, read_model()),
            What::ProjectionBehind => (words.projection_behind, words.projection_behind_advice, read_model()),
            What::FilesDamaged => (words.files_damaged, words.files_damaged_advice, None),
            What::DiskFull | What::DiskLow => (words.disk_low, words.disk_low_advice, None),
            What::RelayDisarmed => (words.relay_disarmed, words.relay_disarmed_advice, None),
            What::CouriersDisarmed => (words.couriers_disarmed, words.couriers_disarmed_advice, None),
            What::DeliveriesLate => {
                (words.deliveries_late, words.deliveries_late_advice, to("/console/deliveries", words.deliveries))
            }
            What::DeadLetters => (
                words.dead_letters,
                words.dead_letters_advice,
                to("/console/deliveries?state=dead-lettered", words.deliveries),
            ),
            What::AttemptsUnknown => (
                words.attempts_unknown,
                words.attempts_unknown_advice,
                to("/console/deliveries?state=unknown", words.deliveries),
            ),
            What::ErrorsReported => (words.errors_reported, words.errors_reported_advice, to("#errors", words.errors)),
            What::ReportsOpen => (words.reports_open, words.reports_open_advice, to("/console/reports", words.reports)),
        };
        let arms = match trouble.what {
            What::RelayDisarmed => Some("relay"),
            What::CouriersDisarmed => Some("couriers"),
            What::LogNotWritable
            | What::ProjectionStopped
            | What::ProjectionPaused
            | What::ProjectionBehind
            | What::FilesDamaged
            | What::DiskFull
            | What::DiskLow
            | What::DeliveriesLate
            | What::DeadLetters
            | What::AttemptsUnknown
            | What::ErrorsReported
            | What::ReportsOpen => None,
        };
        Advice { title, text, link, arms }
    }
}

async fn first(State(app): State<App>, visitor: Visitor) -> Result<Response, Error> {
    if !Tab::Overview.least().admits(visitor.role) {
        let here = Tab::ALL.iter().find(|tab| **tab == Tab::Reports && visitor.sees(**tab)).or(Some(&Tab::People));
        return Ok(Redirect::to(here.unwrap_or(&Tab::People).path()).into_response());
    }
    let now = Now::look(&app, &visitor).await?;
    let words = visitor.words();
    let charts = Charts { words, charts: charts::of_day(words, &figures::last_day(&app).await?) };
    visitor.page(&Page { frame: visitor.frame(Tab::Overview), now, charts })
}

async fn now(State(app): State<App>, visitor: Visitor) -> Result<Response, Error> {
    html(StatusCode::OK, &Now::look(&app, &visitor).await?)
}

async fn arm(State(app): State<App>, visitor: Visitor, fields: Fields) -> Result<Response, Error> {
    let node = visitor.node(&app);
    match fields.get("what") {
        "relay" => drop(relay::arm(&node, true).await?),
        "couriers" => drop(notifications::arm(&node, true).await?),
        _ => return Err(Error::new(Code::BadParameters, "what must be relay or couriers")),
    }
    crate::routes::admin::overview::forget(&app).await;
    Ok(done(super::ROOT))
}
