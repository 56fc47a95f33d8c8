//! The read models: one file each, and one line in the list.

use crate::engine::definition::Definition;

pub mod chats;
pub mod deliveries;
mod display_name;
pub mod identities;
pub mod inbox;
pub mod links;
pub mod mailings;
pub mod messages;
pub mod passkeys;
#[cfg(test)]
mod plans;
pub mod recipients;
pub mod sessions;
pub mod sign_ins;
pub mod templates;
pub(crate) mod texts;
pub mod tokens;
pub mod users;

/// Every read model, in the order in which they are shown and built.
pub(crate) const DEFINITIONS: &[&Definition] = &[
    &users::DEFINITION,
    &sessions::DEFINITION,
    &tokens::DEFINITION,
    &identities::DEFINITION,
    &passkeys::DEFINITION,
    &sign_ins::DEFINITION,
    &chats::DEFINITION,
    &messages::DEFINITION,
    &deliveries::DEFINITION,
    &inbox::DEFINITION,
    &recipients::DEFINITION,
    &links::DEFINITION,
    &templates::DEFINITION,
    &mailings::DEFINITION,
    &texts::DEFINITION,
];
