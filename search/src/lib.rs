//! What a text index is: what a text is cut into, what may be asked, and how the two meet.
//!
//! One tantivy index holds all that an answer needs: messages, members, chats. This room must never know the log,
//! a read model's tables or HTTP: it is given facts of messages and members, and answers questions of one person.

pub mod schema;
pub mod words;
