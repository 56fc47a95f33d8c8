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
    /// Where the body or a query parameter is at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<FieldError>,
}

/// One fault in a body or a query parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// Where in the body (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pointer: Option<String>,
    /// Which query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parameter: Option<String>,
    /// What.
    pub(crate) detail: String,
}

impl FieldError {
    /// A fault of a field at the top of the body.
    pub(crate) fn of(field: &str, detail: impl ToString) -> FieldError {
        FieldError::at(format!("/{field}"), detail)
    }

    /// A fault of what a pointer into the body (RFC 6901) names.
    pub(crate) fn at(pointer: String, detail: impl ToString) -> FieldError {
        FieldError { pointer: Some(pointer), parameter: None, detail: detail.to_string() }
    }

    /// A fault of a query parameter.
    pub(crate) fn of_parameter(name: &str, detail: impl ToString) -> FieldError {
        FieldError { pointer: None, parameter: Some(name.to_owned()), detail: detail.to_string() }
    }
}
