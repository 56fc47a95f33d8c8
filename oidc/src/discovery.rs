//! Where a provider is asked what (OpenID Connect Discovery 1.0).

use crate::{Error, answer};
use outbound::Url;
use serde::{Deserialize, Deserializer};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long what a provider said of itself is believed.
pub(crate) const BELIEVED: Duration = Duration::from_secs(3_600);
/// For how long nobody asks again after a failure: whoever waited for the same answer fails with it.
const FAILURE_BELIEVED: Duration = Duration::from_secs(5);

/// What a provider says of itself, as far as it is used.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) issuer: String,
    #[serde(deserialize_with = "url")]
    pub(crate) authorization_endpoint: Url,
    #[serde(deserialize_with = "url")]
    pub(crate) token_endpoint: Url,
    #[serde(deserialize_with = "url")]
    pub(crate) jwks_uri: Url,
    #[serde(default, deserialize_with = "maybe_url")]
    pub(crate) userinfo_endpoint: Option<Url>,
    #[serde(default)]
    pub(crate) token_endpoint_auth_methods_supported: Vec<String>,
    /// Whether each answer that comes by the browser names its issuer (RFC 9207).
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
}

fn url<'de, D: Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    Url::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
}

fn maybe_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| Url::parse(&text).map_err(serde::de::Error::custom)).transpose()
}

/// The last look, and what came of it.
enum Looked {
    Never,
    At(Instant, Arc<Metadata>),
    InVain(Instant, Error),
}

/// What a provider says of itself, asked for once an hour.
pub(crate) struct Discovery {
    issuer: String,
    looked: Mutex<Looked>,
}

const WHAT: &str = "the provider's configuration";

impl Discovery {
    pub(crate) fn new(issuer: String) -> Discovery {
        Discovery { issuer, looked: Mutex::new(Looked::Never) }
    }

    /// What it says now.
    pub(crate) async fn metadata(&self, http: &outbound::Client) -> Result<Arc<Metadata>, Error> {
        let mut looked = self.looked.lock().await;
        match &*looked {
            Looked::At(at, metadata) if at.elapsed() < BELIEVED => return Ok(Arc::clone(metadata)),
            Looked::InVain(at, error) if at.elapsed() < FAILURE_BELIEVED => return Err(error.clone()),
            Looked::Never | Looked::At(..) | Looked::InVain(..) => {}
        }
        match self.look(http).await {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                *looked = Looked::At(Instant::now(), Arc::clone(&metadata));
                Ok(metadata)
            }
            Err(error) => {
                *looked = Looked::InVain(Instant::now(), error.clone());
                Err(error)
            }
        }
    }

    async fn look(&self, http: &outbound::Client) -> Result<Metadata, Error> {
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let url = Url::parse(&url).map_err(|error| Error::Unavailable { what: WHAT, why: error.to_string() })?;
        let is_plain = url.scheme() == "http";
        let metadata = answer::get::<Metadata>(http, WHAT, url, None).await?;
        if metadata.issuer != self.issuer {
            return Err(Error::Untrue("its configuration is that of another issuer"));
        }
        // The browser goes there, and not we: what we call is checked whenever it is called.
        let scheme = metadata.authorization_endpoint.scheme();
        if scheme != "https" && !(is_plain && scheme == "http") {
            return Err(Error::Untrue("its authorization endpoint is no https:// address"));
        }
        Ok(metadata)
    }
}
