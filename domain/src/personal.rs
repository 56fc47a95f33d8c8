//! What can be forgotten.

use serde::{Deserialize, Serialize};

/// A personal value as it is read back from the log: known, or erased with its subject (DESIGN 3).
/// Every fold and every read model has to say what it does with both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Personal<T> {
    /// It can still be read.
    Known(T),
    /// Its key is gone, or it was forgotten: nobody can read it again.
    #[default]
    Erased,
}

impl<T> Personal<T> {
    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Personal::Known(value) => Some(value),
            Personal::Erased => None,
        }
    }

    /// The value itself, if it is known.
    pub fn into_known(self) -> Option<T> {
        match self {
            Personal::Known(value) => Some(value),
            Personal::Erased => None,
        }
    }
}
