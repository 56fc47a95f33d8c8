//! What operators decide.

pub mod projection;
