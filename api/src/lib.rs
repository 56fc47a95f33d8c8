//! The doors: Letopis over HTTP.
//!
//! A request is parsed into a command and handed to the writer, or answered out of one read model. `routes/` has a
//! file for each noun; `error.rs` is the only place that knows status codes. This room decides nothing about what
//! may happen, and knows neither how facts are stored nor how read models are kept.

mod abandoned;
pub mod accounts;
mod app;
mod auth;
mod error;
pub mod forgetting;
mod http;
mod node;
mod openapi;
mod patience;
mod probe;
mod problem;
mod reading;
pub mod redis;
mod roles;
mod routes;
mod serve;
mod settings;
mod starting;

pub use auth::passwords;
pub use http::address::{Network, NoNetwork};
pub use http::web_origin::web_origin;
pub use node::{Builds, Node, NodeError, NodeOptions};
pub use openapi::document;
pub use probe::Probe;
pub use roles::{Role, Roles};
pub use serve::{router, serve};
pub use settings::{Limits, Settings};
pub use starting::starting;
