//! The one HTTP client for every request that Letopis makes to the outside.
//!
//! It knows addresses, time limits and sizes. It must never know what is sent, or why.
