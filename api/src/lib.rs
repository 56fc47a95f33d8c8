//! The doors: Letopis over HTTP.
//!
//! A request is parsed into a command and handed to the writer, or answered out of one read model. `routes/` has a
//! file for each noun; `error.rs` is the only place that knows status codes. This room decides nothing about what
//! may happen, and knows neither how facts are stored nor how read models are kept.

mod abandoned;
pub mod accounts;
mod address;
mod app;
mod auth;
mod budget;
mod conditional;
mod cors;
mod credentials;
mod cursor;
mod door;
mod error;
mod export;
mod extract;
mod failures;
pub mod forgetting;
mod health;
mod lookup;
mod node;
mod openapi;
mod origin;
pub mod passwords;
mod patience;
mod probe;
mod problem;
mod reading;
pub mod redis;
mod respond;
mod roles;
mod routes;
mod serve;
mod service_token;
mod session_entry;
mod settings;
mod starting;
mod web_origin;

pub use address::{Network, NoNetwork};
pub use node::{Builds, Node, NodeError, NodeOptions};
pub use openapi::document;
pub use probe::Probe;
pub use roles::{Role, Roles};
pub use serve::{router, serve};
pub use settings::{Limits, Settings};
pub use starting::starting;
pub use web_origin::web_origin;
