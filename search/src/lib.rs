//! What a text index is: what a text is cut into, what may be asked, and how the two meet.
//!
//! One tantivy index holds all that an answer needs: messages, members, chats. This room must never know the log,
//! a read model's tables or HTTP: it is given facts of messages and members, and answers questions of one person.

mod change;
mod compare;
mod document;
mod ends;
mod error;
mod find;
mod index;
mod purge;
pub mod question;
mod read_only;
pub mod schema;
pub mod words;
mod writer;

pub use change::{Change, Post, Text};
pub use compare::{Comparison, Difference};
pub use error::{Error, Result};
pub use find::{Cursor, Hit, Order, ResultPage, SearchRequest, Who, find, find_plain};
pub use index::{Index, Size, Snapshot};
pub use jiff::tz::TimeZone;
pub use question::{Note, Question, SyntaxError, question};

pub use writer::{PURGED_WITHIN_SECONDS, Writer};
