//! Who is calling: by `Authorization: Bearer`, by `Authorization: session_id`, or by the session cookie.
//!
//! A handler says by its argument whom it serves: a [`Person`] only, who has logged in, any [`Caller`], or a [`Notifier`].
//! What secures an account is a person's: a service token that leaks must not become the account.

use crate::app::App;
use crate::auth::credentials;
use crate::auth::lookup::{SessionHit, Source};
use crate::auth::service_token;
use crate::error::{Code, Error};
use crate::http::request_log::Notes;
use crate::http::web_origin::is_of_host;
use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use domain::token::Scope;
use domain::user::Role;
use domain::{SessionId, Timestamp, UserId};
use projections::{ProjectionId, sessions, tokens, users};
use std::time::Duration;
use store::now;

/// Who is calling, by a session that is open or by a service token whose scopes allow the method.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) user_id: UserId,
}

/// Who is calling, by a session that is open: what a service token may never do asks for this one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person {
    pub(crate) user_id: UserId,
    pub(crate) session_id: SessionId,
    /// When they last showed who they are.
    pub(crate) proved_at: Timestamp,
}

/// Who is calling, when they may send notifications to others: a notifier or an admin, by a session or by a service token
/// of theirs with the scope `notify`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notifier {
    pub(crate) user_id: UserId,
}

/// Who is calling, when they may moderate every chat and suspend accounts: a moderator or an admin, by a session or by a
/// service token whose scopes allow the method.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moderator {
    pub(crate) user_id: UserId,
}

/// Who is calling, when they are an admin: by a session, or by a service token whose scopes allow the method.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admin {
    pub(crate) user_id: UserId,
}

impl FromRequestParts<App> for Admin {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Admin, Error> {
        let Caller { user_id } = Caller::from_request_parts(parts, app).await?;
        let reading = app.read(ProjectionId::Users, 0).await?;
        match users::by_id(&reading.database, user_id).await?.map(|account| account.role) {
            Some(Role::Admin) => Ok(Admin { user_id }),
            Some(Role::User | Role::Notifier | Role::Moderator) | None => {
                Err(Error::new(Code::NotAllowed, "only admins may do this; ask an admin for the role"))
            }
        }
    }
}

impl FromRequestParts<App> for Moderator {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Moderator, Error> {
        let Caller { user_id } = Caller::from_request_parts(parts, app).await?;
        if app.moderates(user_id).await? {
            Ok(Moderator { user_id })
        } else {
            Err(Error::new(Code::NotAllowed, "only moderators and admins may do this; ask an admin for the role"))
        }
    }
}

impl App {
    /// Whether the account's role moderates every chat.
    pub(crate) async fn moderates(&self, user_id: UserId) -> Result<bool, Error> {
        let reading = self.read(ProjectionId::Users, 0).await?;
        let account = users::by_id(&reading.database, user_id).await?;
        Ok(account.is_some_and(|account| account.role.moderates()))
    }
}

/// What a request calls with, as text.
#[derive(Clone)]
pub(super) enum Credential {
    Session(String),
    /// Only ever out of the header: a browser must not send it by itself.
    Token(String),
}

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Caller, Error> {
        let needed = if parts.method.is_safe() { Scope::Read } else { Scope::Write };
        Ok(Caller { user_id: user_of(parts, app, needed).await? })
    }
}

impl FromRequestParts<App> for Notifier {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Notifier, Error> {
        let user_id = user_of(parts, app, Scope::Notify).await?;
        let reading = app.read(ProjectionId::Users, 0).await?;
        match users::by_id(&reading.database, user_id).await?.map(|account| account.role) {
            Some(Role::Notifier | Role::Admin) => Ok(Notifier { user_id }),
            Some(Role::User | Role::Moderator) | None => {
                Err(Error::new(Code::NotAllowed, "only notifiers and admins may do this; ask an admin for the role"))
            }
        }
    }
}

/// Who is calling by a session, or by a service token that has that scope.
async fn user_of(parts: &Parts, app: &App, needed: Scope) -> Result<UserId, Error> {
    match sent(parts, app)? {
        Credential::Session(text) => {
            let open = app.open_session(&text).await?;
            Notes::of(&parts.extensions).caller(open.user_id);
            app.want_second_factor(&open, parts).await?;
            Ok(open.user_id)
        }
        Credential::Token(text) => {
            let token = app.live_token(&text).await?;
            Notes::of(&parts.extensions).caller(token.user_id);
            if !token.scopes.contains(needed) {
                return Err(Error::scope_missing(needed));
            }
            app.owner_wants_second_factor(token.user_id, parts).await?;
            Ok(token.user_id)
        }
    }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// How far the clocks of nodes may be apart.
pub(super) const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

impl FromRequestParts<App> for Person {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Person, Error> {
        match sent(parts, app)? {
            Credential::Session(text) => {
                let session = app.open_session(&text).await?;
                Notes::of(&parts.extensions).caller(session.user_id);
                app.want_second_factor(&session, parts).await?;
                let sessions::Open { user_id, session_id, proved_at, .. } = session;
                Ok(Person { user_id, session_id, proved_at })
            }
            Credential::Token(text) => {
                Notes::of(&parts.extensions).caller(app.live_token(&text).await?.user_id);
                Err(Error::new(Code::SessionRequired, "a service token may not do this; log in and use that session"))
            }
        }
    }
}

/// What the request calls with; it has to.
fn sent(parts: &Parts, app: &App) -> Result<Credential, Error> {
    credential(parts, app)?
        .ok_or_else(|| Error::new(Code::AuthFailed, "send Authorization: Bearer with the token of a session"))
}

impl App {
    /// The session of a token. It is used now.
    pub(super) async fn open_session(&self, token: &str) -> Result<sessions::Open, Error> {
        let found = self.session_of(token).await?;
        let found = found.ok_or_else(|| Error::new(Code::InvalidSession, "there is no such session; log in again"))?;
        let at = now();
        if !self.used_lately(&found, at) && self.expiry(&found.open, at).await? <= at {
            return Err(Error::new(Code::SessionExpired, "this session has expired; log in again"));
        }
        self.state.last_use().touch(found.open.session_id, found.open.user_id, at);
        self.share(token, &found, at).await;
        Ok(found.open)
    }

    /// Whether another node has told of a use so late that nobody must be asked for the last one.
    fn used_lately(&self, found: &SessionHit, at: Timestamp) -> bool {
        match found.source {
            Source::Redis(used_at) => self.ends_at(&found.open, used_at.min(at), at) > at,
            Source::Process | Source::Model(_) => false,
        }
    }

    /// The service token of that text. It is used now, whether or not it may do what it is used for.
    pub(super) async fn live_token(&self, text: &str) -> Result<tokens::Live, Error> {
        let unknown = "there is no such token, or it was revoked; create another with POST /v1/me/tokens";
        let token = self.token_of(text).await?.ok_or_else(|| Error::new(Code::InvalidSession, unknown))?;
        let at = now();
        if token.expires_at.is_some_and(|expires_at| expires_at <= at) {
            let expired = "this token has expired; create another with POST /v1/me/tokens";
            return Err(Error::new(Code::SessionExpired, expired));
        }
        if let Some(suspended) = token.suspended
            && suspended.until.is_none_or(|until| until > at)
        {
            return Err(Error::suspended(suspended.until));
        }
        self.state.last_use().touch(token.token_id, token.user_id, at);
        Ok(token)
    }

    /// When a session ends as things stand at a time: at its last use plus the idle time, at the latest at its end.
    pub(crate) async fn expiry(&self, session: &sessions::Open, at: Timestamp) -> Result<Timestamp, Error> {
        Ok(self.ends_at(session, self.last_seen(session, at).await?, at))
    }

    /// It is bounded by how long it may last, not by its end alone: a clock that was ahead when it was opened must not make
    /// it last for years.
    fn ends_at(&self, session: &sessions::Open, used_at: Timestamp, at: Timestamp) -> Timestamp {
        if session.created_at > at.plus(CLOCK_TOLERANCE) {
            return at;
        }
        self.last_end(session).min(used_at.plus(self.settings.session_idle))
    }

    /// When a session ends however much it is used.
    pub(crate) fn last_end(&self, session: &sessions::Open) -> Timestamp {
        session.expires_at.min(session.created_at.plus(self.settings.session_max))
    }

    /// When a session was last used. A use that a clock ahead has written down is none later than the present.
    pub(crate) async fn last_seen(&self, session: &sessions::Open, at: Timestamp) -> Result<Timestamp, Error> {
        let used = self.state.last_use().last_seen(session.session_id).await?;
        Ok(used.unwrap_or(session.created_at).min(at).max(session.created_at))
    }
}

/// The tokens that a request names, in its header and in its cookie, but for service tokens: for logging out, which
/// ends them all. What is in a cookie that a page of another site sends along is left alone.
///
/// # Errors
/// `cross-site-request` when that cookie is all that there is.
pub(crate) fn session_tokens(parts: &Parts, app: &App) -> Result<Vec<String>, Error> {
    let mut named = credentials::of_header(&parts.headers);
    let by_cookie = credentials::of_cookie(&parts.headers);
    if !is_foreign_write(parts, app) {
        named.extend(by_cookie);
    } else if named.is_empty() && !by_cookie.is_empty() {
        return Err(cross_site(parts));
    }
    named.retain(|token| !service_token::is_one(token));
    Ok(named)
}

/// Refuses a form that a page of another site sends. Ours send no referrer, and with it browsers leave their origin out
/// as `null`; where they come from they say in `Sec-Fetch-Site`.
///
/// # Errors
/// `cross-site-request`.
pub(crate) fn refuse_foreign_form(parts: &Parts, app: &App) -> Result<(), Error> {
    let site = parts.headers.get(SEC_FETCH_SITE).map(|value| value.as_bytes());
    let origin = parts.headers.get(ORIGIN).map(|value| value.as_bytes());
    let is_foreign = match (site, origin) {
        (Some(site), _) => !matches!(site, b"same-origin" | b"none"),
        (None, Some(origin)) => origin != b"null" && !is_ours(origin, parts, app),
        (None, None) => false,
    };
    if is_foreign { Err(cross_site(parts)) } else { Ok(()) }
}

/// What a request calls with. The header goes before the cookie: who sets it means it.
fn credential(parts: &Parts, app: &App) -> Result<Option<Credential>, Error> {
    if let Some(token) = credentials::of_header(&parts.headers).into_iter().next() {
        let of = if service_token::is_one(&token) { Credential::Token } else { Credential::Session };
        return Ok(Some(of(token)));
    }
    let Some(token) = credentials::of_cookie(&parts.headers).into_iter().next() else { return Ok(None) };
    if is_foreign_write(parts, app) {
        return Err(cross_site(parts));
    }
    Ok(Some(Credential::Session(token)))
}

/// What a request for a stream calls with. A page of another site opens none by the user's cookie, although that is a read:
/// browsers let pages read what other sites send over WebSockets.
///
/// # Errors
/// `cross-site-request`.
pub(super) fn credential_of_stream(parts: &Parts, app: &App) -> Result<Option<Credential>, Error> {
    let by_header = !credentials::of_header(&parts.headers).is_empty();
    if !by_header && !credentials::of_cookie(&parts.headers).is_empty() && is_foreign(parts, app) {
        return Err(cross_site(parts));
    }
    credential(parts, app)
}

/// Refuses a link on a page of another site that would do something by the user's cookie.
///
/// # Errors
/// `cross-site-request`.
pub(crate) fn refuse_foreign_link(parts: &Parts) -> Result<(), Error> {
    let by_cookie = credentials::of_header(&parts.headers).is_empty();
    let is_foreign = parts.headers.get(SEC_FETCH_SITE).is_some_and(|site| site.as_bytes() == b"cross-site");
    if by_cookie && is_foreign { Err(cross_site(parts)) } else { Ok(()) }
}

fn cross_site(parts: &Parts) -> Error {
    let reason = match parts.headers.contains_key(ORIGIN) {
        true => "a write by cookie from a page of another origin",
        false => "a write by cookie from a page of another site, by its Sec-Fetch-Site",
    };
    Notes::of(&parts.extensions).refused_origin(reason, &parts.headers);
    Error::new(Code::CrossSite, "a page of another site may not do this with your cookie")
}

fn is_foreign_write(parts: &Parts, app: &App) -> bool {
    !parts.method.is_safe() && is_foreign(parts, app)
}

/// Whether a browser says that the request was made by a page of another site. Without either header it was not
/// made by a page (CONTRACT 1.1).
fn is_foreign(parts: &Parts, app: &App) -> bool {
    let origin = parts.headers.get(ORIGIN).map(|value| value.as_bytes());
    if origin.is_some_and(|origin| app.settings.allowed_origins.iter().any(|allowed| allowed.as_bytes() == origin)) {
        return false;
    }
    let site = parts.headers.get(SEC_FETCH_SITE).map(|value| value.as_bytes());
    origin.is_some_and(|origin| !is_ours(origin, parts, app))
        || site.is_some_and(|site| !matches!(site, b"same-origin" | b"none"))
}

fn is_ours(origin: &[u8], parts: &Parts, app: &App) -> bool {
    match &app.settings.public_url {
        Some(public) => public.trim_end_matches('/').as_bytes() == origin,
        None => parts.headers.get(HOST).is_some_and(|host| is_of_host(origin, host.as_bytes())),
    }
}
