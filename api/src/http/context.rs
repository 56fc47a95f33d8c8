//! What every command of a request carries.

use crate::error::Error;
use crate::http::conditional::if_match;
use crate::http::idempotency::{Fingerprint, idempotency_key};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::Timestamp;
use store::now;

/// The request's id, made or accepted at the outermost layer.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// What every command of a request carries.
#[derive(Clone, Debug)]
pub(crate) struct CommandContext {
    pub(crate) request_id: String,
    /// The request's one reading of the clock.
    pub(crate) at: Timestamp,
    pub(crate) if_match: Option<Vec<u64>>,
    /// The `Idempotency-Key` and the request's fingerprint.
    pub(crate) key: Option<(String, [u8; 32])>,
}

impl<S: Sync> FromRequestParts<S> for CommandContext {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<CommandContext, Error> {
        let request_id = parts.extensions.get::<RequestId>().map_or_else(String::new, |id| id.0.clone());
        let fingerprint = parts.extensions.get::<Fingerprint>();
        let key = idempotency_key(parts)?.zip(fingerprint.map(|fingerprint| fingerprint.0));
        Ok(CommandContext { request_id, at: now(), if_match: if_match(parts)?, key })
    }
}
