//! What accounts are called that are opened without a name.

use crate::error::{Code, Error};
use domain::text::UserName;

/// Names that are tried for a new account before it is given up.
pub(crate) const NAMES_MAX: usize = 16;
/// The words of such names, with a number behind.
const WORDS: [&str; 32] = [
    "amber", "aspen", "birch", "breeze", "cedar", "clover", "coral", "dawn", "ember", "fern", "finch", "harbor",
    "heron", "iris", "juniper", "lark", "linden", "maple", "meadow", "mist", "nova", "ocean", "olive", "otter",
    "pebble", "pine", "raven", "river", "robin", "sparrow", "tulip", "willow",
];

/// A word and a number; it may be taken.
pub(crate) fn new_name() -> Result<UserName, Error> {
    let word = WORDS[rand::random_range(0..WORDS.len())];
    let name = format!("{word} {}", rand::random_range(100..100_000));
    UserName::parse(&name).map_err(|unfit| Error::new(Code::Internal, unfit))
}
