//! Signing in by another service: beginning it, coming back, and the code that ends it.

use super::links::base;
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::{Person, refuse_foreign_link};
use crate::auth::sign_in::{Entrant, LoggedIn};
use crate::error::{Code, Error};
use crate::external::accounts::Found;
use crate::external::attempts::{Attempt, Exchangeable, LinkFor, ShownIdentity, Unconfirmed};
use crate::external::browser::Browser;
use crate::external::failed;
use crate::external::return_to::return_to;
use crate::http::body::Body;
use crate::http::client_origin::ClientOrigin;
use crate::http::context::CommandContext;
use crate::http::language::AcceptedLanguage;
use crate::http::params::Params;
use crate::http::reply::read;
use crate::http::request_log::Notes;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::header::{CACHE_CONTROL, LOCATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use commands::Actor;
use domain::session::{self, Shown};
use domain::text::Locale;
use domain::{Command, Timestamp};
use oidc::{Callback, Client};
use serde::{Deserialize, Serialize};
use store::now;
use url::{Url, form_urlencoded};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Most bytes of a body that holds a code.
const BODY_BYTES_MAX: usize = 4 * 1024;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(providers), Spec::anyone())
        .add(
            routes!(begin),
            Spec::anyone().sign_in().fails(&[
                Code::ProviderNotFound,
                Code::BadReturnTo,
                Code::BadState,
                Code::AuthFailed,
                Code::InvalidSession,
                Code::SessionExpired,
                Code::SessionRequired,
                Code::CrossSite,
                Code::FreshSignInNeeded,
            ]),
        )
        .add(routes!(come_back), Spec::anyone().fails(&[Code::ProviderNotFound, Code::BadState]))
        // CONTRACT 1.1: a session's token is told once.
        .add(
            routes!(exchange),
            Spec::anyone().sign_in().body_bytes_max(BODY_BYTES_MAX).without_key().fails(&[
                Code::WrongDigits,
                Code::Suspended,
                Code::SecondFactorNeeded,
            ]),
        )
}

#[derive(Serialize, ToSchema)]
struct Providers {
    providers: Vec<Provider>,
}

/// A service to sign in by.
#[derive(Serialize, ToSchema)]
struct Provider {
    /// As in the addresses of routes.
    #[schema(example = "google")]
    id: String,
    /// As people call it.
    #[schema(example = "Google")]
    name: String,
}

/// List the other services
///
/// The services that users can sign in with, beside passwords and mailed codes.
#[utoipa::path(get, path = "/v1/auth/providers", operation_id = "listProviders", tag = "accounts",
    responses((status = 200, body = Providers, description = "The services, in the order of the settings.")))]
async fn providers(State(app): State<App>) -> Response {
    let one = |client: &Client| {
        let provider = client.provider();
        Provider { id: provider.id.to_string(), name: provider.name.clone() }
    };
    // They are no part of the log.
    read(0, Providers { providers: app.providers.iter().map(one).collect() })
}

/// Sign in with another service
///
/// For browsers: redirects to the service, and from there back to `return_to`, with `#code=` for `POST
/// /v1/auth/external/exchange`, or with `#error=` and an error code. With `link=true` a signed-in user adds the
/// identity to their account; a client that cannot send its session here starts with `POST /v1/me/identities/begin`.
#[utoipa::path(get, path = "/v1/auth/external/{provider}", operation_id = "beginExternal", tag = "accounts",
    security((), ("bearer" = []), ("cookie" = [])),
    params(
        ("provider" = String, Path, description = "Its id from the list."),
        ("return_to" = Option<String>, Query,
            description = "A path of this server, or an address of an origin that is allowed, without a fragment; by default /."),
        ("link" = Option<bool>, Query, description = "Adds the identity to the account that is signed in."),
        ("begin" = Option<String>, Query, description = "The value from POST /v1/me/identities/begin."),
    ),
    responses(
        (status = 302, description = "The page of the service where the user signs in.", headers(
            ("Location" = String, description = "An address of the service."),
            ("Set-Cookie" = String, description = "A cookie that recognises the browser when it comes back, for ten minutes."))),
        (status = 303, description = "The service did not say where to sign in: back, with `#error=`.",
            headers(("Location" = String, description = "`return_to` with a fragment."))),
    ))]
async fn begin(
    State(app): State<App>,
    context: CommandContext,
    language: AcceptedLanguage,
    Path(provider): Path<String>,
    params: Params,
    request: Request,
) -> Result<Response, Error> {
    let (mut parts, _) = request.into_parts();
    let client = app.provider(&provider)?;
    let base = base(&app, &parts.headers)?;
    let return_to = return_to(&app, &base, params.get("return_to").unwrap_or("/"))?;
    let link = link(&app, &mut parts, &params, context.at).await?;
    let (attempt, authorization) =
        Attempt::new(&provider, &base, &return_to, language.locale().as_str().to_owned(), link);
    let url = match client.begin(&authorization).await {
        Ok(url) => url,
        Err(error) => return led_back(&attempt, &[("error", failed(client, &error).text())]),
    };
    let browser = Browser::known(&parts.headers).unwrap_or_else(Browser::new);
    app.begin_attempt(&browser, &authorization.state, &attempt, context.at).await?;
    let mut response = led(StatusCode::FOUND, &url)?;
    response.headers_mut().insert(SET_COOKIE, browser.cookie());
    Ok(response)
}

/// Whose account the identity is for; none where somebody only signs in.
async fn link(app: &App, parts: &mut Parts, params: &Params, at: Timestamp) -> Result<Option<LinkFor>, Error> {
    if let Some(code) = params.get("begin") {
        let begun = app.link_begun_by(code, at).await?;
        return begun.map(Some).ok_or_else(bad_state);
    }
    match params.get("link") {
        None | Some("false") => Ok(None),
        Some("true") => {
            refuse_foreign_link(parts)?;
            let person = Person::from_request_parts(parts, app).await?;
            app.want_fresh(&person, at).await?;
            Ok(Some(LinkFor { user_id: person.user_id, session_id: person.session_id, by_browser: true }))
        }
        Some(_) => Err(Error::bad_parameter("link", "must be true or false")),
    }
}

/// Come back from another service
///
/// The service redirects the browser here, and this redirects it on to `return_to`: with `#code=`, for `POST
/// /v1/auth/external/exchange`, once, within a minute; with `linked=` too when an identity was added; with `#confirm=`
/// when `POST /v1/me/identities/finish` has to add it; or with `#error=`.
#[utoipa::path(get, path = "/v1/auth/external/{provider}/callback", operation_id = "endExternal", tag = "accounts",
    params(
        ("provider" = String, Path, description = "Its id from the list."),
        ("state" = Option<String>, Query, description = "The state from the start of the sign-in."),
        ("code" = Option<String>, Query, description = "The code that the service gave."),
        ("error" = Option<String>, Query, description = "The error of the service, if the user did not sign in there."),
        ("iss" = Option<String>, Query, description = "The issuer (RFC 9207)."),
        ("device_id" = Option<String>, Query, description = "The id that VK ID gave the browser."),
    ),
    responses((status = 303, description = "Back to the address that the sign-in began with.",
        headers(("Location" = String, description = "`return_to` with a fragment.")))))]
async fn come_back(
    State(app): State<App>,
    context: CommandContext,
    notes: Notes,
    Path(provider): Path<String>,
    params: Params,
    request: Request,
) -> Result<Response, Error> {
    let client = app.provider(&provider)?;
    let browser = Browser::known(request.headers()).ok_or_else(bad_state)?;
    let state = params.get("state").ok_or_else(bad_state)?;
    let attempt = app.end_attempt(&browser, state, context.at).await?.ok_or_else(bad_state)?;
    // A state of one provider is none of another.
    if attempt.provider != provider {
        return Err(bad_state());
    }
    match answered(&app, client, &context, (state, &attempt), &params).await {
        Ok(Ended::SignedIn(shown)) => {
            notes.caller(shown.user_id);
            let code = app.code_of(&browser, shown, now()).await?;
            led_back(&attempt, &[("code", &code)])
        }
        Ok(Ended::Linked(shown)) => {
            notes.caller(shown.user_id);
            let code = app.code_of(&browser, shown, now()).await?;
            led_back(&attempt, &[("code", &code), ("linked", &provider)])
        }
        Ok(Ended::Unconfirmed(unconfirmed)) => {
            let code = app.code_to_confirm(&unconfirmed, now()).await?;
            led_back(&attempt, &[("confirm", &code)])
        }
        Err(error) => led_back(&attempt, &[("error", error.code.text())]),
    }
}

/// What came of it that the browser came back.
enum Ended {
    SignedIn(ShownIdentity),
    Linked(ShownIdentity),
    /// Who began has to say so once more.
    Unconfirmed(Box<Unconfirmed>),
}

async fn answered(
    app: &App,
    client: &Client,
    context: &CommandContext,
    (state, attempt): (&str, &Attempt),
    params: &Params,
) -> Result<Ended, Error> {
    let told = |error: oidc::Error| Error::new(failed(client, &error), error);
    let issuer = params.get("iss").map(str::to_owned);
    if let Some(code) = params.get("error") {
        client.check_issuer(issuer.as_deref()).await.map_err(told)?;
        return Err(told(oidc::Error::refused(code)));
    }
    let code = params.get("code").ok_or_else(|| told(oidc::Error::refused("no_code")))?.to_owned();
    let callback = Callback { code, issuer, device_id: params.get("device_id").map(str::to_owned) };
    let authorization = attempt.authorization(state.to_owned());
    let identity = client.finish(&callback, &authorization).await.map_err(told)?;
    let provider = attempt.provider.as_str();
    let Some(link) = attempt.link else {
        let language = Locale::parse(&attempt.language).unwrap_or_default();
        let found = Found { provider, identity, language };
        return app.account_of(context, &found).await.map(Ended::SignedIn);
    };
    if !link.by_browser {
        return Ok(Ended::Unconfirmed(Box::new(Unconfirmed::new(link, provider, identity))));
    }
    if !app.goes_on(link.session_id).await? {
        return Err(Error::new(Code::InvalidSession, "the session that began has ended; log in again"));
    }
    let found = Found { provider, identity, language: Locale::default() };
    let (claim, _) = app.link_identity(context, link.user_id, &found).await?;
    Ok(Ended::Linked(ShownIdentity { user_id: link.user_id, claim, is_new: false }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExternalCode, example = json!({"code": "Qm9yaXMgYW5kIEFubmEgd2VyZSBoZXJlIGluIE1heQA"}))]
pub(super) struct Exchange {
    /// From the fragment of `return_to`.
    code: String,
    /// Puts the token into a cookie and not into the body: for the browser that came back with the code, and no other.
    #[serde(default)]
    cookie: bool,
}

/// Exchange the code
///
/// For a session: once, within a minute.
#[utoipa::path(post, path = "/v1/auth/external/exchange", operation_id = "exchangeExternal", tag = "accounts",
    request_body = Exchange, responses(
        (status = 200, body = LoggedIn, description = "The session is open.",
            headers(("Set-Cookie" = Option<String>, description = "The session cookie, where the body asks for it."))),
    ))]
async fn exchange(
    State(app): State<App>,
    context: CommandContext,
    ClientOrigin(origin, _): ClientOrigin,
    notes: Notes,
    headers: HeaderMap,
    Body(body): Body<Exchange>,
) -> Result<Response, Error> {
    let Exchangeable { shown, browser } = app.shown_by(&body.code, context.at).await?.ok_or_else(bad_code)?;
    // Else a link with somebody's own code would sign others in as them.
    if body.cookie && Browser::known(&headers).map(|known| known.hash()) != Some(browser) {
        return Err(bad_code());
    }
    let ShownIdentity { user_id, claim, is_new } = shown;
    let entrant = Entrant { user_id, from: origin, is_new, cookie: body.cookie };
    let shown = Shown::Identity { claim };
    let opening = app.sign_in(&context, &notes, entrant, shown, async |session_id, opening| {
        let sign_in = session::SignIn { user_id, shown, shown_at: None, second: None, opening };
        let command = Command::Session(session_id, session::Command::SignIn(sign_in));
        app.ask(Actor::User(user_id), &context, command).await
    });
    // Taken off the account meanwhile.
    opening.await.map_err(|error| if error.code == Code::BadCredentials { bad_code() } else { error })
}

pub(super) fn bad_code() -> Error {
    Error::new(Code::WrongDigits, "this code is wrong, was used or has expired; begin again")
}

fn bad_state() -> Error {
    Error::new(Code::BadState, "this sign-in is unknown, has ended or began in another browser; start again")
}

fn led_back(attempt: &Attempt, told: &[(&str, &str)]) -> Result<Response, Error> {
    let fragment = form_urlencoded::Serializer::new(String::new()).extend_pairs(told).finish();
    let url = attempt.leads_to(&fragment).ok_or_else(bad_state)?;
    led(StatusCode::SEE_OTHER, &url)
}

fn led(status: StatusCode, url: &Url) -> Result<Response, Error> {
    let location = HeaderValue::from_str(url.as_str()).map_err(|error| Error::ours(&error, Code::Internal))?;
    let no_store = HeaderValue::from_static("no-store");
    Ok((status, [(LOCATION, location), (CACHE_CONTROL, no_store)]).into_response())
}
