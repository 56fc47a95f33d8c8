//! The token of a session, and what is kept of it.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::session::TokenHash;
use sha2::{Digest, Sha256};

/// A new session's token: 256 random bits, base64url without padding.
pub(crate) fn new_token() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// What is kept of a session's token or a service token.
pub(crate) fn hash(token: &str) -> TokenHash {
    TokenHash(Sha256::digest(token.as_bytes()).into())
}
