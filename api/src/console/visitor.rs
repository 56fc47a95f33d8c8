//! Who looks at a page.

use super::tab::Tab;
use super::words::Words;
use crate::app::App;
use crate::auth::caller::Person;
use crate::error::Error;
use crate::http::context::RequestId;
use crate::http::language::AcceptedLanguage;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use domain::notify::Language;
use domain::user::Role;
use domain::{SessionId, UserId};
use node::{Modules, NodeHandle};
use projections::{ProjectionId, users};

/// Who looks at a page: somebody by their session, whose role the page is for.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) user_id: UserId,
    pub(super) session_id: SessionId,
    /// As whom every other route knows them.
    pub(super) person: Person,
    pub(super) user_name: String,
    pub(super) role: Role,
    pub(super) language: Language,
    request_id: String,
    modules: Modules,
    has_mailbox: bool,
    /// Whether they come from a form that was carried out.
    pub(super) is_done: bool,
}

impl Visitor {
    /// Finds out who it is, by a session only.
    ///
    /// # Errors
    /// As of every request of a person; a write by cookie from a page of another site is refused here.
    pub(super) async fn of(parts: &mut Parts, app: &App) -> Result<Visitor, Error> {
        let person = Person::from_request_parts(parts, app).await?;
        let Person { user_id, session_id, .. } = person;
        let reading = app.read(ProjectionId::Users, 0).await?;
        let account = users::by_id(&reading.database, user_id).await?;
        let account = account.ok_or_else(|| Error::new(crate::error::Code::InvalidSession, "there is no such user"))?;
        // It cannot fail.
        let Ok(AcceptedLanguage(accepted)) = AcceptedLanguage::from_request_parts(parts, &()).await;
        let request_id = parts.extensions.get::<RequestId>().map_or_else(String::new, |id| id.0.clone());
        Ok(Visitor {
            user_id,
            session_id,
            person,
            user_name: account.user_name,
            role: account.role,
            language: Language::of_tag(&account.locale).unwrap_or(accepted),
            request_id,
            modules: app.modules,
            has_mailbox: app.settings.has_mailbox,
            is_done: parts.uri.query().is_some_and(|query| query.split('&').any(|part| part == DONE)),
        })
    }

    pub(super) fn words(&self) -> &'static Words {
        Words::in_language(self.language)
    }

    pub(super) fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Whether a place of the menu is for them, and there is such a place here.
    pub(super) fn sees(&self, tab: Tab) -> bool {
        let is_there = tab.module().is_none_or(|module| self.modules.has(module));
        is_there && tab.least().admits(self.role) && (tab != Tab::Mailbox || self.has_mailbox)
    }

    /// The node, for operations in the name of who looks.
    pub(super) fn node(&self, app: &App) -> NodeHandle {
        app.node.on_behalf_of(self.user_id, self.request_id.clone())
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Visitor, Error> {
        let found = parts.extensions.get::<Visitor>().cloned();
        found.ok_or_else(|| Error::new(crate::error::Code::AuthFailed, "this page is not behind the console's layer"))
    }
}

/// What an address says where a form was carried out.
const DONE: &str = "done";

/// After a form that was carried out: to the page that shows it, which says so. `path` has no fragment.
pub(super) fn done(path: &str) -> Response {
    let separator = if path.contains('?') { '&' } else { '?' };
    Redirect::to(&format!("{path}{separator}{DONE}")).into_response()
}
