//! What is peculiar to Google.
//!
//! Sources: <https://developers.google.com/identity/openid-connect/openid-connect> (the issuer is written in two ways;
//! `email_verified`, `hd`) and <https://developers.google.com/identity/gsi/web/guides/verify-google-id-token> (for which
//! addresses Google is authoritative).

use crate::id_token::Claims;

pub(crate) const ISSUER: &str = "https://accounts.google.com";
/// As it stands in some ID tokens.
const BARE_ISSUER: &str = "accounts.google.com";
const DOMAIN: &str = "@gmail.com";

/// Every way in which an ID token of Google may name the issuer that is set.
pub(crate) fn issuers(issuer: &str) -> Vec<&str> {
    if issuer == ISSUER { vec![ISSUER, BARE_ISSUER] } else { vec![issuer] }
}

/// Whether Google vouches for the address. One of another domain was verified once, when the account was opened, and may be
/// somebody else's by now; those of its own and of its customers' domains it knows.
pub(crate) fn vouches(claims: &Claims) -> bool {
    let is_own = claims.email.as_deref().is_some_and(|email| email.to_ascii_lowercase().ends_with(DOMAIN));
    claims.email_verified.is_true() && (is_own || claims.hd.is_some())
}
