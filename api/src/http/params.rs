//! The parameters of a query.

use crate::error::{Code, Error};
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use std::collections::HashMap;

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

    /// How many a page may hold: 1 to 1000, by default 50.
    pub(crate) fn limit(&self) -> Result<u32, Error> {
        match self.get("limit").map(str::parse::<u32>) {
            None => Ok(50),
            Some(Ok(limit @ 1..=1000)) => Ok(limit),
            Some(_) => Err(Error::bad_parameter("limit", "must be a number from 1 to 1000")),
        }
    }
}
