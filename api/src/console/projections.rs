//! Read models: how far each is, what stops it, and the verbs that mend it.

use super::Pages;
use super::form::Fields;
use super::frame::Frame;
use super::show;
use super::tab::Tab;
use super::visitor::{Visitor, done};
use crate::app::App;
use crate::error::{Code, Error};
use crate::routes::admin::projections::{Shown, begin_rebuild, begin_verify, status};
use crate::tasks::{Outcome, Task};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use node::operations::projections as operations;

pub(super) fn pages() -> Pages {
    Pages::default().admin("/console/projections", get(list)).admin("/console/projections/{name}/{verb}", post(act))
}

#[derive(Template)]
#[template(path = "projections.html")]
struct Page {
    frame: Frame,
    projections: Vec<Shown>,
    tasks: Vec<Task>,
}

impl Page {
    fn part(&self, task: &Task) -> String {
        let part = match &task.outcome {
            Outcome::Running => task.progress.as_ref().map_or(0.0, |progress| progress.part),
            Outcome::Done(_) | Outcome::Failed(_) => 1.0,
        };
        format!("{part:.3}")
    }

    fn state(&self, task: &Task) -> &'static str {
        match &task.outcome {
            Outcome::Running => self.frame.words.task_running,
            Outcome::Done(_) => self.frame.words.task_done,
            Outcome::Failed(_) => self.frame.words.task_failed,
        }
    }

    fn report(&self, task: &Task) -> String {
        match &task.outcome {
            Outcome::Running => String::new(),
            Outcome::Done(report) => show::json(report),
            Outcome::Failed(error) => error.clone(),
        }
    }

    fn is_running(&self, task: &Task) -> bool {
        task.outcome == Outcome::Running
    }
}

async fn list(State(app): State<App>, visitor: Visitor) -> Result<Response, Error> {
    let frame = visitor.frame(Tab::Projections);
    visitor.page(&Page { frame, projections: status(&app).await?, tasks: app.tasks.all() })
}

async fn act(
    State(app): State<App>,
    visitor: Visitor,
    Path((name, verb)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Error> {
    let node = visitor.node(&app);
    let reason = fields.some("reason");
    match verb.as_str() {
        "rebuild" => drop(begin_rebuild(&app, node, &name)?),
        "verify" => drop(begin_verify(&app, node, &name)?),
        "pause" => drop(operations::pause(&node, &name, reason).await?),
        "resume" => drop(operations::resume(&node, &name, reason).await?),
        "skip" => drop(operations::skip(&node, &name, reason.unwrap_or_default()).await?),
        _ => return Err(Error::new(Code::NotFound, "there is no such action")),
    }
    crate::routes::admin::overview::forget(&app).await;
    Ok(done(Tab::Projections.path()))
}
