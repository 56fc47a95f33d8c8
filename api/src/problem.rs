//! How a failure reads on the wire: `application/problem+json` (RFC 9457).

use serde::Serialize;
use utoipa::ToSchema;

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
    pub(crate) code: &'static str,
    /// To quote when asking for help.
    pub(crate) request_id: String,
    /// Where the body is at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<FieldError>,
}

/// One fault in a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// Where (RFC 6901).
    pub(crate) pointer: String,
    /// What.
    pub(crate) detail: String,
}

impl FieldError {
    /// A fault of a field at the top of the body.
    pub(crate) fn of(field: &str, detail: impl ToString) -> FieldError {
        FieldError { pointer: format!("/{field}"), detail: detail.to_string() }
    }
}
