//! How a failure reads on the wire: `application/problem+json` (RFC 9457).

use crate::error::{Code, Error, FieldError, WantedProof};
use domain::Timestamp;
use domain::session::Way;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::{Array, ArrayBuilder, Ref};

/// What went wrong, and what to do (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// A URN made of the code.
    pub(crate) r#type: String,
    /// The code in words.
    pub(crate) title: &'static str,
    /// The HTTP status.
    pub(crate) status: u16,
    /// What went wrong this time, and what to do.
    pub(crate) detail: String,
    /// Stable, kebab-case; for programs.
    #[schema(schema_with = error_code)]
    pub(crate) code: &'static str,
    /// To quote when asking for help.
    pub(crate) request_id: String,
    /// Where the body or a query parameter is at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<FieldError>,
    /// Until when the account is suspended; absent where that does not end by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, required = false)]
    pub(crate) until: Option<Timestamp>,
    /// How you can sign in, where you must have done so lately.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(schema_with = ways, required = false)]
    pub(crate) ways: Vec<Way>,
    /// What a sign-in goes on with, where it needs a second factor: for `POST /v1/auth/login/second`, within five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) challenge: Option<String>,
    /// The factors whose codes the next step accepts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(schema_with = ways, required = false)]
    pub(crate) factors: Vec<Way>,
}

fn ways() -> Array {
    ArrayBuilder::new().items(Ref::from_schema_name("Way")).build()
}

fn error_code() -> Ref {
    Ref::from_schema_name("ErrorCode")
}

impl Problem {
    /// What a failure with that code looks like, for the document.
    pub(crate) fn example(code: Code) -> Problem {
        Problem::of(
            &Error::new(code, "What went wrong this time, and what to do."),
            "0197c1a2-7d3e-7b6a-9c55-2f8e4c1d0a77",
        )
    }

    /// What a failure says, about that request.
    pub(crate) fn of(error: &Error, request_id: &str) -> Problem {
        let (ways, challenge, factors) = match error.wanted.as_deref().cloned() {
            None => (Vec::new(), None, Vec::new()),
            Some(WantedProof::Fresh { ways }) => (ways, None, Vec::new()),
            Some(WantedProof::Second { challenge, factors }) => (Vec::new(), Some(challenge), factors),
        };
        Problem {
            r#type: format!("urn:letopis:problem:{}", error.code.text()),
            title: error.code.title(),
            status: error.code.status().as_u16(),
            detail: error.detail.clone(),
            code: error.code.text(),
            request_id: request_id.to_owned(),
            errors: error.errors.clone(),
            until: error.until,
            ways,
            challenge,
            factors,
        }
    }
}
