//! The ways in which a delivery reaches a person, one file each, and how an attempt ends on all of them.

mod answer;
#[cfg(test)]
mod http_sink;
pub mod mailbox;
pub mod sendgrid;
pub mod smtp;
pub mod webhook;

/// How one attempt to hand a delivery to a provider ended.
///
/// The difference that matters is whether the provider can have accepted it (RFC 1047): only [`AttemptEnd::Unknown`]
/// leaves that open, and only then a repeat can reach a person twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptEnd {
    /// The provider has it, and said so.
    Accepted {
        /// What it calls it, where it said so.
        provider_id: Option<String>,
        /// What it answered, without personal data, at most [`DETAIL_CHARS_MAX`] characters.
        detail: String,
    },
    /// The provider does not have it; a later attempt may succeed.
    Postponed(Fault),
    /// The provider does not have it and will not take it.
    Rejected {
        /// Why.
        fault: Fault,
        /// The recipient's address does not exist or takes no mail: nothing is sent to it any more.
        address_at_fault: bool,
    },
    /// Everything was sent and no answer came: the provider may have it.
    Unknown(Fault),
}

/// What went wrong with an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The step that failed: `connect`, `mail`, `final-dot` …
    pub phase: &'static str,
    /// The provider's number for it, where it gave one.
    pub code: Option<u16>,
    /// In words, without personal data, at most [`DETAIL_CHARS_MAX`] characters.
    pub detail: String,
}

/// The longest text of a provider that is kept.
pub const DETAIL_CHARS_MAX: usize = 300;
