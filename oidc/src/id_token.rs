//! The token that says who has signed in (OpenID Connect Core 1.0, 3.1.3.7).

use crate::discovery::Metadata;
use crate::keys::Keys;
use crate::settings::{Kind, ProviderSettings};
use crate::signatures::ALLOWED;
use crate::{Error, google};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

/// How far the provider's clock may be from ours, in seconds.
const SKEW_SECONDS: u64 = 60;
/// Most characters of a subject (OpenID Connect Core 1.0, 2).
const SUBJECT_CHARACTERS_MAX: usize = 255;
/// Most bytes of a token that is looked at.
const BYTES_MAX: usize = 32 * 1024;

/// What it says, as far as it is used.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) aud: Audience,
    pub(crate) azp: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) email: Option<String>,
    #[serde(default)]
    pub(crate) email_verified: Flag,
    pub(crate) name: Option<String>,
    /// The domain of a customer of Google.
    pub(crate) hd: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Yes or no; some providers write it as text.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(untagged)]
pub(crate) enum Flag {
    Is(bool),
    Said(String),
    #[default]
    Unsaid,
}

impl Flag {
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Flag::Is(is) => *is,
            Flag::Said(said) => said == "true",
            Flag::Unsaid => false,
        }
    }
}

/// Whether what was found by one key is about us, and why it is not.
type Checked = Result<Claims, Error>;

/// Checks the whole token.
pub(crate) async fn check(
    http: &outbound::Client,
    provider: &ProviderSettings,
    metadata: &Metadata,
    keys: &Keys,
    token: &str,
    nonce: &str,
) -> Result<Claims, Error> {
    if token.len() > BYTES_MAX {
        return Err(Error::Untrue("the ID token is too long"));
    }
    // `none` is no algorithm that a header could name here, and fails.
    let header = decode_header(token).map_err(|_| Error::Untrue("the ID token has no header that is understood"))?;
    if !ALLOWED.contains(&header.alg) {
        return Err(Error::Untrue("the ID token is signed by an algorithm that is not allowed"));
    }
    let mut validation = Validation::new(header.alg);
    validation.leeway = SKEW_SECONDS;
    validation.validate_nbf = true;
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_audience(&[&provider.client_id]);
    validation.set_issuer(&issuers(provider));
    let by = |key: &DecodingKey| -> Option<Checked> {
        match decode::<Claims>(token, key, &validation) {
            Ok(found) => Some(Ok(found.claims)),
            Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm) => None,
            Err(error) => Some(Err(Error::Untrue(fault(error.kind())))),
        }
    };
    let found = keys.any(http, &metadata.jwks_uri, (header.kid.as_deref(), header.alg), by).await?;
    let claims = found.ok_or(Error::Untrue("the ID token is signed by none of the provider's keys"))??;
    is_ours(provider, &claims, nonce)?;
    Ok(claims)
}

fn issuers(provider: &ProviderSettings) -> Vec<&str> {
    match Kind::of(&provider.id) {
        Kind::Google => google::issuers(&provider.issuer),
        Kind::OpenId | Kind::Vk => vec![&provider.issuer],
    }
}

fn is_ours(provider: &ProviderSettings, claims: &Claims, nonce: &str) -> Result<(), Error> {
    if !issuers(provider).contains(&claims.iss.as_str()) {
        return Err(Error::Untrue("the ID token is of another issuer"));
    }
    let is_for_others = match &claims.aud {
        Audience::One(one) => *one != provider.client_id,
        Audience::Several(several) => several.len() != 1 && claims.azp.is_none(),
    };
    if is_for_others || claims.azp.as_ref().is_some_and(|azp| *azp != provider.client_id) {
        return Err(Error::Untrue("the ID token is for others"));
    }
    if claims.nonce.as_deref() != Some(nonce) {
        return Err(Error::Untrue("the ID token is of another sign-in: its nonce is another"));
    }
    check_subject(&claims.sub)
}

/// A subject that can tell people apart.
pub(crate) fn check_subject(subject: &str) -> Result<(), Error> {
    if subject.is_empty() || subject.chars().count() > SUBJECT_CHARACTERS_MAX {
        return Err(Error::Untrue("its subject is empty or too long"));
    }
    Ok(())
}

fn fault(kind: &ErrorKind) -> &'static str {
    let named = [
        (ErrorKind::ExpiredSignature, "the ID token has expired"),
        (ErrorKind::ImmatureSignature, "the ID token is not valid yet"),
        (ErrorKind::InvalidIssuer, "the ID token is of another issuer"),
        (ErrorKind::InvalidAudience, "the ID token is for others"),
    ];
    let found = named.into_iter().find(|(one, _)| one == kind);
    found.map_or("the ID token lacks what it must say", |(_, what)| what)
}
