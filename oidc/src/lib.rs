//! Signing in by another service: where its keys are, where a browser is sent, and who comes back.
//!
//! It knows providers, their answers and their signatures. It must never know an account, a session or a route of ours.

mod answer;
mod client;
mod discovery;
mod error;
mod google;
mod id_token;
mod keys;
mod pkce;
mod settings;
mod signatures;
mod vk;

pub use client::{Authorization, Callback, Client};
pub use error::Error;
pub use pkce::Verifier;
pub use settings::{ClientSecret, Kind, ProviderId, ProviderSettings};

/// Who somebody is to a provider: the issuer and the subject say it, the rest is what they told of themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub issuer: String,
    /// At most 255 characters; it never changes.
    pub subject: String,
    pub email: Option<String>,
    /// Whether the provider vouches for the address.
    pub email_verified: bool,
    pub name: Option<String>,
}

#[cfg(test)]
mod tests;
