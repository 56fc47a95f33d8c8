//! Live: whoever is connected is told what happens, as it happens (`docs/decisions/0032`).
//!
//! One task of a node follows the log ([`follow`]), asks the [`hub`] which of it somebody here may see, shows that once
//! ([`show`]) and hands the same bytes to every stream that it concerns. A [`stream`] that resumes reads the log itself
//! ([`catch_up`]) until it has caught up with the hub. Records are read without their sealed parts; what is shown comes out
//! of the read models, as of the moment at which it is sent.

mod catch_up;
mod facts;
mod failure;
pub(crate) mod follow;
mod frame;
pub(crate) mod hub;
pub(crate) mod outbox;
mod records;
mod show;
pub(crate) mod signals;
pub(crate) mod stream;
pub(crate) mod web_socket;
