//! The doors: Letopis over HTTP.
//!
//! A request is parsed into a command and handed to the writer, or answered out of one read model. `routes/` has a
//! file for each noun; `error.rs` is the only place that knows status codes. This room decides nothing about what
//! may happen, and knows neither how facts are stored nor how read models are kept.

mod app;
mod auth;
#[cfg(test)]
mod circles;
mod console;
mod docs;
mod doctor;
mod error;
mod external;
mod figures;
mod first_admin;
mod http;
mod kept;
mod live;
mod mailbox;
mod mailed;
mod modules;
mod openapi;
mod patience;
mod problem;
mod rate_limits;
mod reading;
mod routes;
mod serve;
mod settings;
mod sign_in_pages;
mod starting;
mod tasks;
mod words;
mod writing;

pub use doctor::{Doctor, ShownCheck, ShownSetting};
pub use figures::{Figures, serve_metrics};
pub use first_admin::FirstAdmin;
pub use http::address::{Network, NoNetwork};
pub use http::web_origin::web_origin;
pub use node::rate_limits::Rates;
pub use openapi::{document, operations};
pub use routes::spec::{Access, Idempotency, Operation, RateClass, Spec};
pub use serve::{router, serve};
pub use settings::{Limits, SecondFactor, Settings, SignUp};
pub use starting::starting;
pub use state::Rate;
