//! The one HTTP client for every request that Letopis makes to the outside.
//!
//! It knows addresses, time limits and sizes. It must never know what is sent, or why.

mod address;
mod allowed;
mod client;
mod connector;
mod error;
mod machine;
mod sent;

pub use allowed::Allowed;
pub use client::{Answer, Call, Client, Redirects};
pub use error::Error;
pub use hyper::body::Bytes;
pub use hyper::header;
pub use hyper::header::{HeaderMap, HeaderName, HeaderValue};
pub use hyper::{Method, StatusCode};
pub use url::Url;
