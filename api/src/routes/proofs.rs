//! What a session stands on, as its user sees it.

use domain::Timestamp;
use domain::session::{self, Way};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Ref;

/// How and when a person has shown who they are.
#[derive(Serialize, ToSchema)]
pub(super) struct Proof {
    #[schema(schema_with = way)]
    by: Way,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

fn way() -> Ref {
    Ref::from_schema_name("Way")
}

/// All of them, the first one first.
pub(super) fn shown(proofs: Vec<session::Proof>) -> Vec<Proof> {
    proofs.into_iter().map(|session::Proof { by, at }| Proof { by, at }).collect()
}
