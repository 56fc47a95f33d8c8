//! VK ID: OAuth 2.1 with PKCE, a device and a question for the user in place of discovery and an ID token that could be
//! checked.
//!
//! Sources: <https://id.vk.com/about/business/go/docs/ru/vkid/latest/vk-id/connection/api-integration/api-description> (the
//! addresses, `device_id` in the answer that the browser brings, `state` in that of the token endpoint, `user_info` by
//! POST) and `…/start-integration/auth-without-sdk-web` there. What is peculiar to it:
//!
//! - there is no configuration to discover: the addresses are below the issuer and stand here;
//! - the keys of its ID token are not published, so who signed in is asked by the access token, over TLS, of VK itself, and
//!   the nonce has its counterpart in `state`, which the token endpoint repeats;
//! - the code belongs to a device, whose id comes with it; a client has no secret in this exchange;
//! - it does not say whether an address is verified, so none counts as that.

use crate::client::{Authorization, Callback};
use crate::id_token::check_subject;
use crate::settings::ProviderSettings;
use crate::{Error, Identity, Verifier, answer};
use outbound::Url;
use serde::Deserialize;

pub(crate) const ISSUER: &str = "https://id.vk.com";
pub(crate) const SCOPES: &str = "vkid.personal_info email";

const TOKEN: &str = "VK ID's access token";
const USER: &str = "VK ID's user";

/// A number, or a number as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum UserNumber {
    Number(u64),
    Text(String),
}

impl UserNumber {
    fn into_text(self) -> String {
        match self {
            UserNumber::Number(number) => number.to_string(),
            UserNumber::Text(text) => text,
        }
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    user_id: Option<UserNumber>,
    state: Option<String>,
}

#[derive(Deserialize)]
struct Answered {
    user: User,
}

#[derive(Deserialize)]
struct User {
    user_id: UserNumber,
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
}

/// Where the browser is sent.
pub(crate) fn authorize(provider: &ProviderSettings, authorization: &Authorization) -> Result<Url, Error> {
    let mut url = below(provider, "authorize")?;
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &provider.client_id)
        .append_pair("redirect_uri", &authorization.redirect_uri)
        .append_pair("scope", &provider.scopes)
        .append_pair("state", &authorization.state)
        .append_pair("code_challenge", &authorization.verifier.challenge())
        .append_pair("code_challenge_method", "S256");
    Ok(url)
}

/// Who comes back.
pub(crate) async fn finish(
    http: &outbound::Client,
    provider: &ProviderSettings,
    callback: &Callback,
    authorization: &Authorization,
) -> Result<Identity, Error> {
    let Authorization { redirect_uri, state, verifier: Verifier(verifier), .. } = authorization;
    let device_id = callback.device_id.as_deref().ok_or(Error::Untrue("the device_id is missing"))?;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &callback.code),
        ("code_verifier", verifier),
        ("client_id", &provider.client_id),
        ("device_id", device_id),
        ("redirect_uri", redirect_uri),
        ("state", state),
    ];
    let granted = answer::post::<Granted>(http, TOKEN, below(provider, "oauth2/auth")?, None, &form).await?;
    if granted.state.is_some_and(|answered| answered != *state) {
        return Err(Error::Untrue("the access token is of another sign-in: its state is another"));
    }
    let form = [("client_id", provider.client_id.as_str()), ("access_token", &granted.access_token)];
    let Answered { user } = answer::post(http, USER, below(provider, "oauth2/user_info")?, None, &form).await?;
    let subject = user.user_id.into_text();
    if granted.user_id.is_some_and(|user_id| user_id.into_text() != subject) {
        return Err(Error::Untrue("the access token is another user's"));
    }
    check_subject(&subject)?;
    let names = [user.first_name, user.last_name].into_iter().flatten().filter(|name| !name.is_empty());
    let name = Some(names.collect::<Vec<_>>().join(" ")).filter(|name| !name.is_empty());
    let email = user.email.filter(|email| !email.is_empty());
    Ok(Identity { issuer: provider.issuer.clone(), subject, email, email_verified: false, name })
}

/// Whether its door answers at all: there is nothing that it says of itself.
pub(crate) async fn look(http: &outbound::Client, provider: &ProviderSettings) -> Result<(), Error> {
    let form = [("client_id", provider.client_id.as_str()), ("access_token", "")];
    match answer::post::<serde_json::Value>(http, USER, below(provider, "oauth2/user_info")?, None, &form).await {
        // It knows that this is no token.
        Ok(_) | Err(Error::Refused(_)) => Ok(()),
        Err(error @ (Error::Unavailable { .. } | Error::Untrue(_))) => Err(error),
    }
}

fn below(provider: &ProviderSettings, path: &str) -> Result<Url, Error> {
    let text = format!("{}/{path}", provider.issuer.trim_end_matches('/'));
    Url::parse(&text).map_err(|error| Error::Unavailable { what: "VK ID", why: error.to_string() })
}
