//! Variables that are fetched: JSON from an address that the settings allow, once a run.

use outbound::{Allowed, Bytes, Call, Client, HeaderMap, HeaderValue, Method, Redirects, Url, header};
use serde_json::{Map, Value};
use std::time::Duration;

/// From the connection to the whole answer.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// Most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 32 * 1024;
/// Most characters of an address.
const URL_CHARACTERS_MAX: usize = 2_048;

/// Where variables may be fetched from.
#[derive(Clone, Debug, Default)]
pub struct VariablesSource {
    /// Origins: the public one, and those of the settings.
    pub origins: Vec<String>,
    /// What may be called besides the internet. Whom it names is an allowed origin as well.
    pub allowed: Allowed,
}

impl VariablesSource {
    /// Reads an address, and looks whether it may be called: by what can be told without resolving it.
    ///
    /// # Errors
    /// Why it may not, in words that complete "it …".
    pub fn check(&self, url: &str) -> Result<Url, String> {
        if url.chars().count() > URL_CHARACTERS_MAX {
            return Err(format!("must have at most {URL_CHARACTERS_MAX} characters"));
        }
        let parsed = Url::parse(url).map_err(|_| "must be a URL".to_owned())?;
        let origin = parsed.origin().ascii_serialization();
        if !self.origins.contains(&origin) && !self.allowed.names(&parsed) {
            return Err(
                "must be of the public origin, of one of allowed_origins, or of a host of outbound_allow".to_owned()
            );
        }
        self.allowed.check(url).map_err(|error| format!("may not be called: {error}"))
    }

    /// Fetches what is there: an object of variables.
    ///
    /// # Errors
    /// Why there is none, for whoever may see the mailing; without what stands in the address.
    pub async fn fetch(&self, url: &str) -> Result<Map<String, Value>, String> {
        let url = self.check(url).map_err(|why| format!("it {why}"))?;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let call = Call {
            method: Method::GET,
            url,
            headers,
            body: Bytes::new(),
            redirects: Redirects::SameOrigin,
            answer_bytes_max: ANSWER_BYTES_MAX,
            total_max: ANSWER_WAIT,
        };
        let answer = Client::new(self.allowed.clone()).send(call).await.map_err(|error| error.to_string())?;
        if !answer.status.is_success() {
            return Err(format!("it answered {}", answer.status.as_u16()));
        }
        if answer.is_cut {
            return Err(format!("it answered more than {ANSWER_BYTES_MAX} bytes"));
        }
        serde_json::from_slice(&answer.body).map_err(|_| "it answered no JSON object".to_owned())
    }
}
