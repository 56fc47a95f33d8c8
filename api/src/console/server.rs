//! What is set, and what the doctor finds.

use super::Pages;
use super::frame::Frame;
use super::tab::Tab;
use super::visitor::Visitor;
use crate::app::App;
use crate::doctor::{ShownCheck, ShownSetting};
use crate::error::Error;
use crate::routes::admin::server;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;

pub(super) fn pages() -> Pages {
    Pages::default().admin("/console/settings", get(settings)).admin("/console/doctor", get(doctor))
}

#[derive(Template)]
#[template(path = "settings.html")]
struct Settings {
    frame: Frame,
    settings: Vec<ShownSetting>,
}

#[derive(Template)]
#[template(path = "doctor.html")]
struct Doctor {
    frame: Frame,
    checks: Vec<ShownCheck>,
}

async fn settings(State(app): State<App>, visitor: Visitor) -> Result<Response, Error> {
    visitor.page(&Settings { frame: visitor.frame(Tab::Settings), settings: app.settings.shown.to_vec() })
}

async fn doctor(State(app): State<App>, visitor: Visitor) -> Result<Response, Error> {
    let mut checks = server::checks(&app).await?;
    // What is wrong comes first.
    checks.sort_by_key(|check| match check.state.as_str() {
        "problem" => 0,
        "warning" => 1,
        _ => 2,
    });
    visitor.page(&Doctor { frame: visitor.frame(Tab::Doctor), checks })
}
