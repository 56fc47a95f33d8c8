//! One provider: beginning a sign-in, and finding out who came back.

use crate::discovery::{Discovery, Metadata};
use crate::id_token::{self, Claims, Flag};
use crate::keys::Keys;
use crate::settings::{ClientSecret, Kind, ProviderSettings};
use crate::{Error, Identity, Verifier, answer, google, signatures, vk};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use outbound::{HeaderValue, Url};
use serde::Deserialize;
use std::time::Duration;
use tokio::time::timeout;
use url::form_urlencoded;

/// How long it may take in all to find out who came back.
const FINISH_MAX: Duration = Duration::from_secs(15);

const TOKEN: &str = "the provider's ID token";
const USER: &str = "what the provider knows of the user";

/// What a sign-in is recognised by, from its beginning to its end.
#[derive(Clone)]
pub struct Authorization {
    /// Where the provider sends the browser back to.
    pub redirect_uri: String,
    pub state: String,
    pub nonce: String,
    pub verifier: Verifier,
}

/// What the browser brings from the provider.
#[derive(Clone, Default)]
pub struct Callback {
    pub code: String,
    /// The issuer (RFC 9207).
    pub issuer: Option<String>,
    /// What VK ID calls the browser.
    pub device_id: Option<String>,
}

/// One provider.
pub struct Client {
    provider: ProviderSettings,
    kind: Kind,
    http: outbound::Client,
    discovery: Discovery,
    keys: Keys,
}

#[derive(Deserialize)]
struct Granted {
    id_token: Option<String>,
    access_token: Option<String>,
}

/// What a provider tells of a user who has signed in.
#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    email: Option<String>,
    #[serde(default)]
    email_verified: Flag,
    name: Option<String>,
}

impl Client {
    /// One that has asked nothing yet.
    pub fn new(provider: ProviderSettings, http: outbound::Client) -> Client {
        signatures::install();
        let (kind, discovery) = (Kind::of(&provider.id), Discovery::new(provider.issuer.clone()));
        Client { provider, kind, http, discovery, keys: Keys::default() }
    }

    pub fn provider(&self) -> &ProviderSettings {
        &self.provider
    }

    /// Where a browser is sent to sign in.
    ///
    /// # Errors
    /// When the provider does not say where that is.
    pub async fn begin(&self, authorization: &Authorization) -> Result<Url, Error> {
        if self.kind == Kind::Vk {
            return vk::authorize(&self.provider, authorization);
        }
        let mut url = self.discovery.metadata(&self.http).await?.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.provider.client_id)
            .append_pair("redirect_uri", &authorization.redirect_uri)
            .append_pair("scope", &self.provider.scopes)
            .append_pair("state", &authorization.state)
            .append_pair("nonce", &authorization.nonce)
            .append_pair("code_challenge", &authorization.verifier.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Who came back, within 15 seconds.
    ///
    /// # Errors
    /// Why that is not known.
    pub async fn finish(&self, callback: &Callback, authorization: &Authorization) -> Result<Identity, Error> {
        match timeout(FINISH_MAX, self.ask(callback, authorization)).await {
            Ok(answered) => answered,
            Err(_) => Err(Error::Unavailable { what: TOKEN, why: "it takes too long".to_owned() }),
        }
    }

    /// Checks the issuer that an answer which came by the browser names (RFC 9207): one provider must not hand in the
    /// answers of another.
    ///
    /// # Errors
    /// When it names another one, or none although it always does.
    pub async fn check_issuer(&self, named: Option<&str>) -> Result<(), Error> {
        let is_always_named = match self.kind {
            Kind::Vk => false,
            Kind::OpenId | Kind::Google => {
                self.discovery.metadata(&self.http).await?.authorization_response_iss_parameter_supported
            }
        };
        match named {
            Some(issuer) if issuer != self.provider.issuer => Err(Error::Untrue("the answer is of another issuer")),
            None if is_always_named => Err(Error::Untrue("the answer does not name its issuer")),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the provider answers, and how many keys it has: in words.
    ///
    /// # Errors
    /// What keeps it from it.
    pub async fn look(&self) -> Result<String, Error> {
        if self.kind == Kind::Vk {
            return vk::look(&self.http, &self.provider).await.map(|()| "it answers".to_owned());
        }
        let metadata = self.discovery.metadata(&self.http).await?;
        let keys = Keys::look(&self.http, &metadata.jwks_uri).await?;
        if keys == 0 {
            return Err(Error::Untrue("it publishes no key that is understood"));
        }
        Ok(format!("it answers, and signs with one of {keys} keys"))
    }

    async fn ask(&self, callback: &Callback, authorization: &Authorization) -> Result<Identity, Error> {
        self.check_issuer(callback.issuer.as_deref()).await?;
        if self.kind == Kind::Vk {
            return vk::finish(&self.http, &self.provider, callback, authorization).await;
        }
        let metadata = self.discovery.metadata(&self.http).await?;
        let granted = self.redeem(&metadata, callback, authorization).await?;
        let token = granted.id_token.ok_or(Error::Untrue("there is no ID token"))?;
        let (provider, nonce) = (&self.provider, &authorization.nonce);
        let claims = id_token::check(&self.http, provider, &metadata, &self.keys, &token, nonce).await?;
        let claims = self.completed(&metadata, claims, granted.access_token).await?;
        let email_verified = match self.kind {
            Kind::Google => google::vouches(&claims),
            Kind::OpenId | Kind::Vk => claims.email_verified.is_true(),
        };
        let issuer = self.provider.issuer.clone();
        Ok(Identity { issuer, subject: claims.sub, email: claims.email, email_verified, name: claims.name })
    }

    async fn redeem(
        &self,
        metadata: &Metadata,
        callback: &Callback,
        authorization: &Authorization,
    ) -> Result<Granted, Error> {
        let Authorization { redirect_uri, verifier: Verifier(verifier), .. } = authorization;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", callback.code.as_str()),
            ("redirect_uri", redirect_uri.as_str()),
            ("code_verifier", verifier.as_str()),
        ];
        let methods = &metadata.token_endpoint_auth_methods_supported;
        let takes = |method: &str| methods.iter().any(|supported| supported == method);
        let mut authorization = None;
        match &self.provider.client_secret {
            Some(ClientSecret(secret)) if takes("client_secret_post") && !takes("client_secret_basic") => {
                form.extend([("client_id", self.provider.client_id.as_str()), ("client_secret", secret.as_str())]);
            }
            Some(secret) => authorization = basic(&self.provider.client_id, secret),
            None => form.push(("client_id", &self.provider.client_id)),
        }
        answer::post(&self.http, TOKEN, metadata.token_endpoint.clone(), authorization, &form).await
    }

    /// The address and the name of the user, where the ID token leaves them out and the provider has them elsewhere.
    async fn completed(
        &self,
        metadata: &Metadata,
        claims: Claims,
        access_token: Option<String>,
    ) -> Result<Claims, Error> {
        let (Some(url), Some(token)) = (&metadata.userinfo_endpoint, access_token) else { return Ok(claims) };
        if claims.email.is_some() && claims.name.is_some() {
            return Ok(claims);
        }
        let found = answer::get::<UserInfo>(&self.http, USER, url.clone(), answer::bearer(&token)).await?;
        if found.sub != claims.sub {
            return Err(Error::Untrue("what it knows of the user is of another one"));
        }
        let name = claims.name.clone().or(found.name);
        if claims.email.is_some() {
            return Ok(Claims { name, ..claims });
        }
        Ok(Claims { email: found.email, email_verified: found.email_verified, name, ..claims })
    }
}

/// Who we are, as RFC 6749 writes it (2.3.1): both parts are encoded as in a form.
fn basic(client_id: &str, ClientSecret(secret): &ClientSecret) -> Option<HeaderValue> {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(client_id), encoded(secret));
    let mut value = HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}
