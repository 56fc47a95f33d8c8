//! Who may see figures that depend on what others do: the log's head, lags, counts. A stranger who watches them learns
//! whether an account exists, since a sign-in that fails is a fact only where there is somebody whose it is.

use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::peer::is_local;
use crate::patience::PING_MAX;
use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use domain::user::Role;
use projections::{ProjectionId, users};
use std::convert::Infallible;
use std::net::IpAddr;
use tokio::time::timeout;

/// Whether the caller is an operator: somebody on this machine, or an admin by their session or service token.
pub(crate) struct Operator(Result<(), Error>);

impl Operator {
    /// Whether it is one.
    pub(crate) fn is_one(&self) -> bool {
        self.0.is_ok()
    }

    /// Refuses everybody else.
    ///
    /// # Errors
    /// Why they are none: as for any other route, or `not-allowed`.
    pub(crate) fn required(self) -> Result<(), Error> {
        self.0
    }
}

impl FromRequestParts<App> for Operator {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Operator, Infallible> {
        if is_local(&parts.extensions, &parts.headers) {
            return Ok(Operator(Ok(())));
        }
        // Who asks whether a node is well is answered also where sessions cannot be looked up.
        let admin = timeout(PING_MAX, admin(parts, app)).await;
        Ok(Operator(admin.unwrap_or_else(|_| Err(Error::new(Code::Unavailable, "sessions cannot be looked up now")))))
    }
}

/// Who may look into the dev mailbox, where there is one: somebody on this machine, or an admin.
pub(crate) struct MailboxVisitor;

impl FromRequestParts<App> for MailboxVisitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<MailboxVisitor, Error> {
        if !app.settings.has_mailbox {
            let advice = "mail is sent here: the dev mailbox is there where no way to send mail is set";
            return Err(Error::new(Code::NotFound, advice));
        }
        if !is_local(&parts.extensions, &parts.headers) || is_rebound(parts, app) {
            admin(parts, app).await?;
        }
        Ok(MailboxVisitor)
    }
}

/// Whether the host that a request names may be one that a page of somebody else has pointed at this machine, to read
/// what a browser on it may read (DNS rebinding).
fn is_rebound(parts: &Parts, app: &App) -> bool {
    let named = parts.headers.get(HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let Some(named) = named else { return parts.headers.contains_key(HOST) };
    let host = named.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let public = app.settings.public_url.as_deref().and_then(|url| url.split_once("://"));
    let is_public = public.is_some_and(|(_, public)| public == named.as_str().to_ascii_lowercase());
    !(is_public || host.parse::<IpAddr>().is_ok() || host == "localhost" || host.ends_with(".localhost"))
}

async fn admin(parts: &mut Parts, app: &App) -> Result<(), Error> {
    let caller = Caller::from_request_parts(parts, app).await?;
    let reading = app.read(ProjectionId::Users, 0).await?;
    match users::by_id(&reading.database, caller.user_id).await?.map(|account| account.role) {
        Some(Role::Admin) => Ok(()),
        Some(Role::User | Role::Notifier | Role::Moderator) | None => {
            let detail = "only an admin, or a caller on the machine of the server, may see this";
            Err(Error::new(Code::NotAllowed, detail))
        }
    }
}
