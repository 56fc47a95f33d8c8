//! Signing in by another service: what is known between the request that begins it and the one that ends it, where a browser
//! is led afterwards, and whose account it is.

pub(crate) mod accounts;
pub(crate) mod attempts;
pub(crate) mod browser;
pub(crate) mod return_to;

use crate::app::App;
use crate::error::{Code, Error};
use oidc::Client;

impl App {
    /// The provider of that name.
    ///
    /// # Errors
    /// `provider-not-found`.
    pub(crate) fn provider(&self, name: &str) -> Result<&Client, Error> {
        let found = self.providers.iter().find(|client| client.provider().id.as_str() == name);
        let unknown = "there is no such provider; GET /v1/auth/providers lists them";
        found.ok_or_else(|| Error::new(Code::ProviderNotFound, unknown))
    }
}

/// What a browser is told of a failure of the other service. It is logged here, once.
pub(crate) fn failed(provider: &Client, error: &oidc::Error) -> Code {
    let name = provider.provider().id.as_str();
    match error {
        oidc::Error::Refused(_) if error.is_of_the_person() => Code::AccessDenied,
        oidc::Error::Refused(_) => {
            tracing::warn!(provider = name, %error, "a sign-in by another service failed");
            Code::ProviderRefused
        }
        oidc::Error::Unavailable { .. } => {
            tracing::warn!(provider = name, %error, "a sign-in by another service failed");
            Code::ProviderUnavailable
        }
        oidc::Error::Untrue(_) => {
            tracing::warn!(provider = name, %error, "a sign-in by another service failed");
            Code::ProviderUntrue
        }
    }
}
