//! Which passwords are refused (NIST SP 800-63B, ASVS 5.0 section 6.2): short, common, or made of the user's own
//! name. No rules of composition.

use crate::text::{UserName, canonical_name};

/// Fewest characters.
pub const CHARACTERS_MIN: usize = 8;
/// Most characters.
pub const CHARACTERS_MAX: usize = 256;

/// Common passwords of eight characters and more, lower case, sorted, one a line.
const COMMON: &str = include_str!("../../data/common-passwords.txt");

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Fewer than [`CHARACTERS_MIN`] characters.
    #[error("must have at least 8 characters")]
    Short,
    /// More than [`CHARACTERS_MAX`] characters.
    #[error("must have at most 256 characters")]
    Long,
    /// Everybody tries it first.
    #[error("is one of the most common passwords; choose another")]
    Common,
    /// It can be guessed from the name.
    #[error("must not contain the user name")]
    ContainsName,
}

/// Refuses a weak password. It is never changed: what was typed is what is hashed.
pub fn check(password: &str, user_name: &UserName) -> Result<(), Weak> {
    let characters = password.chars().count();
    if characters < CHARACTERS_MIN {
        return Err(Weak::Short);
    }
    if characters > CHARACTERS_MAX {
        return Err(Weak::Long);
    }
    let folded = canonical_name(password).unwrap_or_else(|| password.to_lowercase());
    if is_common(&folded) {
        return Err(Weak::Common);
    }
    // A name of one or two letters is in nearly every password by chance.
    let name = user_name.canonical();
    if name.chars().count() >= 3 && folded.contains(&name) {
        return Err(Weak::ContainsName);
    }
    Ok(())
}

fn is_common(folded: &str) -> bool {
    static SORTED: std::sync::LazyLock<Vec<&str>> = std::sync::LazyLock::new(|| COMMON.lines().collect());
    SORTED.binary_search(&folded).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_for_anna(password: &str) -> Result<(), Weak> {
        check(password, &UserName::parse("Anna").unwrap())
    }

    #[test]
    fn weak_passwords_are_refused() {
        assert_eq!(check_for_anna("short"), Err(Weak::Short));
        assert_eq!(check_for_anna(&"x".repeat(257)), Err(Weak::Long));
        assert_eq!(check_for_anna("password123"), Err(Weak::Common));
        assert_eq!(check_for_anna("QWERTYuiop"), Err(Weak::Common));
        assert_eq!(check_for_anna("hello-aNNa-2026"), Err(Weak::ContainsName));
    }

    #[test]
    fn long_ones_in_any_script_are_fine() {
        assert_eq!(check_for_anna("correct horse battery staple"), Ok(()));
        assert_eq!(check_for_anna("съешь ещё этих булок"), Ok(()));
        assert_eq!(check("al-is-fine-here", &UserName::parse("al").unwrap()), Ok(()));
    }

    #[test]
    fn the_list_is_sorted_long_enough_and_lower_case() {
        let lines = COMMON.lines().collect::<Vec<_>>();
        assert!(lines.len() >= 3_000);
        assert!(lines.is_sorted());
        assert!(lines.iter().all(|line| line.chars().count() >= CHARACTERS_MIN && *line == line.to_lowercase()));
    }
}
