//! The read models, one file each.

pub mod chats;
pub mod messages;
pub mod sessions;
pub mod sign_ins;
pub(crate) mod texts;
pub mod tokens;
pub mod users;
