//! Who somebody is, and what they come in with: accounts, the claims on their names, sessions, service tokens.

pub mod name;
pub mod password;
pub mod quota;
pub mod session;
pub mod token;
pub mod user;
