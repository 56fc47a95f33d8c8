//! What whoever starts the server lets operators see over HTTP: the settings, and a look at all that the server needs.

use serde::Serialize;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use utoipa::ToSchema;

/// A setting as it is shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Setting)]
pub struct ShownSetting {
    /// In `letopis.toml`.
    #[schema(example = "session_idle")]
    pub key: String,
    /// The environment variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// Masked where it may hold a secret; absent where it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Where it was set.
    #[schema(example = "default")]
    pub origin: String,
    pub meaning: String,
}

/// What one look found.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = DoctorCheck)]
pub struct ShownCheck {
    #[schema(example = "disk")]
    pub check: String,
    /// `ok`, `warning` or `problem`.
    #[schema(example = "ok")]
    pub state: String,
    pub found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

pub(crate) type Checks = Pin<Box<dyn Future<Output = Vec<ShownCheck>> + Send>>;

/// Looks at everything that a server needs. Whoever starts the server knows how: it is more than these doors know of.
#[derive(Clone)]
pub struct Doctor(Arc<dyn Fn() -> Checks + Send + Sync>);

impl Doctor {
    /// One that looks in that way.
    pub fn new<F: Future<Output = Vec<ShownCheck>> + Send + 'static>(
        look: impl Fn() -> F + Send + Sync + 'static,
    ) -> Doctor {
        Doctor(Arc::new(move || Box::pin(look())))
    }

    pub(crate) fn look(&self) -> Checks {
        (self.0)()
    }
}

impl Default for Doctor {
    fn default() -> Doctor {
        Doctor::new(async || Vec::new())
    }
}

impl fmt::Debug for Doctor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Doctor")
    }
}
