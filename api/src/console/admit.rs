//! Who may see a page: the layer that every page of the console is behind.

use crate::app::App;
use crate::console::ROOT;
use crate::console::frame::failure;
use crate::console::least::Least;
use crate::console::visitor::Visitor;
use crate::error::{Code, Error};
use crate::http::language::AcceptedLanguage;
use crate::http::request_log::Notes;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Where strangers sign in.
const SIGN_IN: &str = "/sign-in";

/// Lets in whom the page is for, and makes a page of whatever fails. A stranger is sent to sign in.
pub(super) async fn admit(State((app, least)): State<(App, Least)>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let notes = Notes::of(&parts.extensions);
    let visitor = match Visitor::of(&mut parts, &app).await {
        Ok(visitor) => visitor,
        Err(error) if error.code.status() == StatusCode::UNAUTHORIZED => return sign_in(&parts),
        Err(error) => return failed(None, &parts, &notes, error).await,
    };
    if !least.admits(visitor.role) {
        let error = Error::new(Code::NotAllowed, "your role cannot see this page; ask an admin for another role");
        return failed(Some(&visitor), &parts, &notes, error).await;
    }
    parts.extensions.insert(visitor.clone());
    let again = parts.clone();
    let mut response = next.run(Request::from_parts(parts, body)).await;
    match response.extensions_mut().remove::<Error>() {
        Some(error) => failed(Some(&visitor), &again, &notes, error).await,
        None => response,
    }
}

/// What failed, as a page.
async fn failed(visitor: Option<&Visitor>, parts: &Parts, notes: &Notes, error: Error) -> Response {
    notes.reason(error.code.text());
    let mut parts = parts.clone();
    // It cannot fail.
    let Ok(AcceptedLanguage(accepted)) = AcceptedLanguage::from_request_parts(&mut parts, &()).await;
    failure(visitor, visitor.map_or(accepted, |visitor| visitor.language), &error)
}

/// To the page for signing in, and back to where they wanted to go. What a form would have changed is not changed by that.
fn sign_in(parts: &Parts) -> Response {
    let wanted = parts.uri.path_and_query().filter(|_| parts.method.is_safe()).map_or(ROOT, |wanted| wanted.as_str());
    let back = utf8_percent_encode(wanted, NON_ALPHANUMERIC);
    Redirect::to(&format!("{SIGN_IN}?return_to={back}")).into_response()
}
