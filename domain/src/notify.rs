//! Who is told what, how, and when: categories, preferences, suppressed addresses.

pub mod category;
pub mod language;

pub use category::{Categories, Category, CategoryKey, Channel, Kind, QuietRule, Semantics, Throttle, Words};
pub use language::Language;
