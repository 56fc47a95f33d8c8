//! The parameters of a query.

use crate::error::{Code, Error};
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};
use std::collections::HashMap;

/// The most entries of one page.
pub(crate) const LIMIT_MAX: u32 = 1000;
/// The entries of a page where the caller does not say.
pub(crate) const LIMIT_DEFAULT: u32 = 50;

/// The query's parameters. Unknown ones are ignored.
#[derive(Clone, Debug)]
pub(crate) struct Params {
    values: HashMap<String, String>,
    /// The position that the caller wants to see at least.
    pub(crate) min_position: u64,
}

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Params, Error> {
        let malformed = |_| Error::new(Code::BadParameters, "the query is not percent-encoded UTF-8");
        let values = Query::<HashMap<String, String>>::try_from_uri(&parts.uri).map_err(malformed)?.0;
        let header = parts.headers.get("letopis-min-position").map(|value| value.to_str().unwrap_or_default());
        let asked = values.get("min_position").map(String::as_str).or(header);
        let min_position = match asked {
            None => 0,
            Some(text) => text.parse().map_err(|_| Error::bad_parameter("min_position", "must be a log position"))?,
        };
        Ok(Params { values, min_position })
    }
}

impl Params {
    /// One parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// How many a page may hold.
    pub(crate) fn limit(&self) -> Result<u32, Error> {
        match self.get("limit").map(str::parse::<u32>) {
            None => Ok(LIMIT_DEFAULT),
            Some(Ok(limit @ 1..=LIMIT_MAX)) => Ok(limit),
            Some(_) => Err(Error::bad_parameter("limit", format!("must be a number from 1 to {LIMIT_MAX}"))),
        }
    }

    /// A parameter that is one of a few words; without it, the default.
    pub(crate) fn word<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T, Error> {
        let Some(text) = self.get(name) else { return Ok(T::default()) };
        let deserializer: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
        T::deserialize(deserializer).map_err(|unknown| {
            let unknown = unknown.to_string();
            let words = unknown.split("expected ").nth(1).unwrap_or("another word").replace('`', "");
            Error::bad_parameter(name, format!("must be {words}"))
        })
    }
}
