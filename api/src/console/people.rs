//! People: finding them, where they are signed in, and what can be done about an account. Moderators see names and suspend;
//! the rest is for admins.

use super::Pages;
use super::form::Fields;
use super::frame::Frame;
use super::show;
use super::tab::Tab;
use super::visitor::{Visitor, done};
use crate::app::App;
use crate::error::{Code, Error};
use crate::http::context::CommandContext;
use crate::http::params::Params;
use crate::routes::admin::factors::{Factor, factors_of};
use crate::routes::admin::people::{self, Person, Session, SignIn};
use crate::routes::page::cut_behind;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use domain::user::{self, Role};
use domain::{Timestamp, UserId};
use node::operations::{factors, users as operations};
use projections::{ProjectionId, tokens};

/// People of a page.
const PAGE: u32 = 50;

pub(super) fn pages() -> Pages {
    Pages::default()
        .moderator("/console/people", get(list))
        .moderator("/console/people/{user}", get(one))
        .moderator("/console/people/{user}/suspend", post(suspend))
        .moderator("/console/people/{user}/unsuspend", post(unsuspend))
        .admin("/console/people/{user}/role", post(role))
        .admin("/console/people/{user}/sessions/end", post(end_sessions))
        .admin("/console/people/{user}/sessions/{session}/end", post(end_session))
        .admin("/console/people/{user}/factors/{which}/remove", post(remove_factor))
        .admin("/console/people/{user}/erase", post(erase))
}

#[derive(Template)]
#[template(path = "people.html")]
struct List {
    frame: Frame,
    name: String,
    people: Vec<Person>,
    next: Option<String>,
    is_admin: bool,
}

#[derive(Template)]
#[template(path = "person.html")]
struct One {
    frame: Frame,
    person: Person,
    is_admin: bool,
    suspended: Option<Suspended>,
    roles: Vec<&'static str>,
    sessions: Vec<Session>,
    sign_ins: Vec<SignIn>,
    factors: Vec<Factor>,
    tokens: Vec<tokens::Token>,
}

/// That an account may not be used.
struct Suspended {
    reason: Option<String>,
    until: Option<Timestamp>,
}

async fn list(State(app): State<App>, visitor: Visitor, params: Params) -> Result<Response, Error> {
    let name = params.get("name").unwrap_or_default().trim().to_owned();
    let mut rows = people::people(&app, &name, params.get("after"), PAGE + 1).await?;
    let next = cut_behind(&mut rows, PAGE as usize, |last| last.name_key.clone());
    let people = rows.into_iter().map(Person::from).collect();
    visitor.page(&List { frame: visitor.frame(Tab::People), name, people, next, is_admin: visitor.is_admin() })
}

async fn one(
    State(app): State<App>,
    visitor: Visitor,
    Path(user): Path<String>,
    context: CommandContext,
) -> Result<Response, Error> {
    let person = people::person(&app, &user).await?;
    let (id, is_admin) = (person.user_id, visitor.is_admin());
    let (sessions, sign_ins, factors, tokens) = match is_admin {
        true => {
            let reading = app.read(ProjectionId::Tokens, 0).await?;
            let tokens = tokens::of_user(&reading.database, id, context.at).await?;
            let (factors, _) = factors_of(&app, &id.to_string(), 0).await?;
            (people::sessions_of(&app, id, context.at).await?, people::sign_ins_of(&app, id).await?, factors, tokens)
        }
        false => Default::default(),
    };
    visitor.page(&One {
        frame: visitor.frame(Tab::People),
        person,
        is_admin,
        suspended: suspended(&app, id, context.at).await?,
        roles: Role::ALL.map(Role::name).to_vec(),
        sessions,
        sign_ins,
        factors,
        tokens,
    })
}

/// Whether an account is suspended: its own stream says it.
async fn suspended(app: &App, user_id: UserId, at: Timestamp) -> Result<Option<Suspended>, Error> {
    let log = app.log.clone();
    let facts = app.ask_log(app.settings.storage_wait, move || log.stream(user_id.into())).await??;
    let mut found = None;
    for fact in facts {
        if let domain::Event::User(_, event) = fact.event {
            if let user::Event::Suspended(suspended) = event {
                let reason = suspended.reason.known().map(|reason| reason.as_str().to_owned());
                found = Some(Suspended { reason, until: suspended.until });
            } else if let user::Event::Unsuspended(_) = event {
                found = None;
            }
        }
    }
    Ok(found.filter(|found| found.until.is_none_or(|until| until > at)))
}

fn page_of(user: &str) -> Response {
    let user = percent_encoding::utf8_percent_encode(user, percent_encoding::NON_ALPHANUMERIC);
    done(&format!("/console/people/{user}"))
}

async fn suspend(
    State(app): State<App>,
    visitor: Visitor,
    Path(user): Path<String>,
    fields: Fields,
) -> Result<Response, Error> {
    let days = fields.some("days").map(|days| days.parse::<u16>().map_err(|_| Error::bad("days", "must be a number")));
    let until = days.transpose()?.map(|days| store::now().plus_seconds(i64::from(days) * 24 * 3_600));
    operations::suspend(&visitor.node(&app), &user, fields.get("reason"), until).await?;
    Ok(page_of(&user))
}

async fn unsuspend(State(app): State<App>, visitor: Visitor, Path(user): Path<String>) -> Result<Response, Error> {
    operations::unsuspend(&visitor.node(&app), &user).await?;
    Ok(page_of(&user))
}

async fn role(
    State(app): State<App>,
    visitor: Visitor,
    Path(user): Path<String>,
    fields: Fields,
) -> Result<Response, Error> {
    people::give_role(&visitor.node(&app), &user, fields.get("role")).await?;
    Ok(page_of(&user))
}

async fn end_sessions(State(app): State<App>, visitor: Visitor, Path(user): Path<String>) -> Result<Response, Error> {
    operations::end_sessions(&visitor.node(&app), &user).await?;
    Ok(page_of(&user))
}

async fn end_session(
    State(app): State<App>,
    visitor: Visitor,
    Path((user, session)): Path<(String, String)>,
    context: CommandContext,
) -> Result<Response, Error> {
    let user_id = people::person(&app, &user).await?.user_id;
    people::end_one(&app, visitor.user_id, &context, (user_id, &session)).await?;
    Ok(page_of(&user))
}

async fn remove_factor(
    State(app): State<App>,
    visitor: Visitor,
    Path((user, which)): Path<(String, String)>,
    context: CommandContext,
) -> Result<Response, Error> {
    app.want_fresh(&visitor.person, context.at).await?;
    factors::remove(&visitor.node(&app), &user, &which).await?;
    Ok(page_of(&user))
}

async fn erase(
    State(app): State<App>,
    visitor: Visitor,
    Path(user): Path<String>,
    fields: Fields,
) -> Result<Response, Error> {
    if fields.exact("user_name").is_empty() {
        return Err(Error::new(Code::BadParameters, "type the name of the account to erase"));
    }
    people::erase_named(&app, &visitor.node(&app), &user, fields.exact("user_name")).await?;
    Ok(done(Tab::People.path()))
}
