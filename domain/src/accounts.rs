//! Who somebody is, and what they come in with: accounts, the claims on their names and addresses, what
//! is mailed to prove that, passkeys, sessions, second factors, service tokens.

pub mod device;
pub mod email;
pub mod identities;
pub mod identity;
pub mod name;
pub mod passkeys;
pub mod password;
pub mod proof;
pub mod quota;
pub mod session;
pub mod token;
pub mod totp;
pub mod user;
pub mod ways_in;
