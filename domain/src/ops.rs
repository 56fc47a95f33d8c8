//! What operators decide.

pub mod inspection;
pub mod projection;
