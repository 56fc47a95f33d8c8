//! The first admin: by a link that the first start of an empty log prints, good for once and for a day.

use super::form::Fields;
use super::frame::{Frame, html};
use crate::app::App;
use crate::auth::caller::refuse_foreign_form;
use crate::error::{Code, Error};
use crate::first_admin::FirstAdmin;
use crate::http::language::AcceptedLanguage;
use askama::Template;
use axum::Router;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use domain::notify::Language;
use domain::user::Role;
use node::operations::users;
use projections::{ProjectionId, recipients};

#[derive(Template)]
#[template(path = "first.html")]
struct Page {
    frame: Frame,
    user_name: String,
    fault: Option<String>,
}

pub(super) fn pages() -> Router<App> {
    Router::new().route("/console/first/{token}", get(form).post(open))
}

/// Whether a link is the one that was printed, and is still good.
async fn check(app: &App, token: &str) -> Result<FirstAdmin, Error> {
    let gone = || Error::new(Code::LinkExpired, "this link was used or has expired, or there is an admin already");
    let first = app.settings.first_admin.clone().ok_or_else(gone)?;
    if !first.is_of(token) {
        return Err(gone());
    }
    let reading = app.read(ProjectionId::Recipients, 0).await?;
    match recipients::count(&reading.database, recipients::Audience::Role(Role::Admin)).await? {
        0 => Ok(first),
        _ => Err(gone()),
    }
}

fn failed(language: Language, error: &Error) -> Response {
    super::frame::failure(None, language, error)
}

async fn form(
    State(app): State<App>,
    AcceptedLanguage(language): AcceptedLanguage,
    Path(token): Path<String>,
) -> Result<Response, Error> {
    match check(&app, &token).await {
        Ok(_) => page(language, StatusCode::OK, "", None),
        Err(error) => Ok(failed(language, &error)),
    }
}

fn page(language: Language, status: StatusCode, name: &str, fault: Option<String>) -> Result<Response, Error> {
    html(status, &Page { frame: Frame::new(None, language, None), user_name: name.to_owned(), fault })
}

async fn open(
    State(app): State<App>,
    AcceptedLanguage(language): AcceptedLanguage,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response, Error> {
    let (parts, body) = request.into_parts();
    if let Err(error) = refuse_foreign_form(&parts, &app) {
        return Ok(failed(language, &error));
    }
    let fields = Fields::from_request(Request::from_parts(parts, body), &()).await?;
    let first = match check(&app, &token).await {
        Ok(first) => first,
        Err(error) => return Ok(failed(language, &error)),
    };
    let mut used = first.used.lock().await;
    if *used {
        let error = Error::new(Code::LinkExpired, "this link was used");
        return Ok(failed(language, &error));
    }
    let (name, password) = (fields.get("user_name"), fields.exact("password"));
    match users::create(&app.node, name, password, Role::Admin).await {
        Ok(_) => {
            *used = true;
            Ok(Redirect::to(super::ROOT).into_response())
        }
        Err(error) => {
            let error = Error::from(error);
            if error.code.status().is_server_error() {
                return Ok(failed(language, &error));
            }
            page(language, error.code.status(), name, Some(error.detail))
        }
    }
}
