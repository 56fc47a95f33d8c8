//! What leaves the house.
//!
//! The reactor turns facts into deliveries, the expander names the recipients of notifications, `mailings` begins and ends the
//! runs of mailings, the dispatcher sends what
//! is due and records how each attempt ended, through the writer like everybody else. Only this crate can send mail. It
//! must never know HTTP doors or a command line, and it decides nothing: which deliveries there are, and what follows an
//! attempt, are rules of `domain`.

mod called_off;
pub mod channel;
mod courier;
mod couriers;
mod dispatcher;
pub mod dkim;
mod error;
mod expander;
mod gatherer;
mod ids;
mod leadership;
pub mod mail;
pub mod mailings;
mod pace;
mod policy;
pub mod providers;
mod reactor;
pub mod render;
mod say;
pub mod schedule;
mod send;
mod settings;
mod telling;
mod unread;

pub use couriers::{Couriers, Parts};
pub use error::{Error, Result};
pub use leadership::Standing;
pub use settings::{CourierSettings, MailSettings};
