//! What leaves the house.
//!
//! The reactor turns facts into deliveries, the dispatcher sends what is due and records how each attempt ended, through
//! the writer like everybody else. Only this crate can send mail. It must never know HTTP doors or a command line, and
//! it decides nothing: which deliveries there are, and what follows an attempt, are rules of `domain`.

pub mod channel;
pub mod dkim;
pub mod mail;
pub mod providers;
pub mod render;
pub mod schedule;
mod settings;

pub use settings::MailSettings;
