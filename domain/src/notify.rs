//! Who is told what, how, and when: categories, preferences, suppressed addresses.

pub mod category;
pub mod delivery;
pub mod digest;
pub mod inbox;
pub mod language;
pub mod link;
pub mod mailing;
pub mod notices;
pub mod notification;
pub mod preferences;
pub mod quiet;
pub mod suppression;
pub mod template;
pub mod template_key;
mod unsubscribe_link;

pub use category::{Categories, Category, CategoryKey, Channel, Kind, QuietRule, Semantics, Throttle, Words};
pub use language::Language;
pub use preferences::Preferences;
pub use unsubscribe_link::UnsubscribeLink;
