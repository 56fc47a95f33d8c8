//! What a form sends.

use crate::error::{Code, Error};
use crate::http::admission::unread;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use std::collections::HashMap;
use url::form_urlencoded;

/// Most fields of a form that are looked at.
const FIELDS_MAX: usize = 256;

/// The fields of a form; of those with the same name the last one counts.
pub(super) struct Fields(HashMap<String, String>);

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Fields, Error> {
        let kind = request.headers().get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
        if !kind.starts_with(b"application/x-www-form-urlencoded") {
            return Err(Error::new(Code::UnsupportedMediaType, "this address accepts only the page's own form"));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| unread(&rejection))?;
        Ok(Fields(form_urlencoded::parse(&bytes).into_owned().take(FIELDS_MAX).collect()))
    }
}

impl Fields {
    /// A field; nothing where it is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str).trim()
    }

    /// A field that says something.
    pub(super) fn some(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|text| !text.is_empty())
    }

    /// A field as it was typed.
    pub(super) fn exact(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether a box is ticked.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}
