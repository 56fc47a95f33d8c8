//! Which passwords are refused (NIST SP 800-63B, ASVS 5.0 section 6.2): short, common, or made of the user's own
//! name. No rules of composition.

use crate::text::{UserName, canonical_name};
use unicode_normalization::UnicodeNormalization;

/// How many characters a password may have, counted in its normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// Fewest; at least 1.
    pub min: usize,
    /// Most; at most [`Lengths::LIMIT`].
    pub max: usize,
}

impl Lengths {
    /// No password is longer, whatever an operator sets: what is hashed and what a request may carry stay bounded.
    pub const LIMIT: usize = 1_024;
}

impl Default for Lengths {
    fn default() -> Lengths {
        Lengths { min: 8, max: 256 }
    }
}

/// Common passwords of eight characters and more, lower case, sorted, one a line.
const COMMON: &str = include_str!("../../data/common-passwords.txt");

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Too few characters; holds the fewest.
    #[error("must have at least {0} characters")]
    Short(usize),
    /// Too many characters; holds the most.
    #[error("must have at most {0} characters")]
    Long(usize),
    /// One that attackers try first.
    #[error("is one of the most common passwords; choose another")]
    Common,
    /// It can be guessed from the name.
    #[error("must not contain the user name")]
    ContainsName,
}

/// The form in which a password is checked and hashed: Unicode's normal form C (RFC 8265, section 4.2.2), because one
/// device types `é` as one character and another as two. Nothing else is changed.
pub fn normal_form(typed: &str) -> String {
    typed.nfc().collect()
}

/// Refuses a weak password, typed in whichever form.
///
/// # Errors
/// What is weak in it.
pub fn check(password: &str, user_name: &UserName, lengths: Lengths) -> Result<(), Weak> {
    let password = normal_form(password);
    let characters = password.chars().count();
    if characters < lengths.min {
        return Err(Weak::Short(lengths.min));
    }
    if characters > lengths.max {
        return Err(Weak::Long(lengths.max));
    }
    let folded = canonical_name(&password).unwrap_or_else(|| password.to_lowercase());
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
        check(password, &UserName::parse("Anna").unwrap(), Lengths::default())
    }

    #[test]
    fn weak_passwords_are_refused() {
        assert_eq!(check_for_anna("short"), Err(Weak::Short(8)));
        assert_eq!(check_for_anna(&"x".repeat(257)), Err(Weak::Long(256)));
        assert_eq!(check_for_anna("password123"), Err(Weak::Common));
        assert_eq!(check_for_anna("QWERTYuiop"), Err(Weak::Common));
        assert_eq!(check_for_anna("hello-aNNa-2026"), Err(Weak::ContainsName));
    }

    #[test]
    fn length_counts_in_the_normal_form() {
        // Eight letters with a mark of their own each: sixteen code points as typed, eight characters.
        let decomposed = "e\u{301}u\u{308}a\u{30a}o\u{308}";
        assert_eq!(decomposed.chars().count(), 8);
        assert_eq!(check_for_anna(decomposed), Err(Weak::Short(8)));
        assert_eq!(check_for_anna(&"e\u{301}".repeat(256)), Ok(()));
        assert_eq!(check_for_anna(&"e\u{301}".repeat(257)), Err(Weak::Long(256)));
    }

    #[test]
    fn an_operator_may_set_other_lengths() {
        let of = |password: &str| check(password, &UserName::parse("Anna").unwrap(), Lengths { min: 12, max: 14 });
        assert_eq!(of("elevenchars"), Err(Weak::Short(12)));
        assert_eq!(of("twelve chars"), Ok(()));
        assert_eq!(of("fifteen of them"), Err(Weak::Long(14)));
    }

    #[test]
    fn long_ones_in_any_script_are_fine() {
        assert_eq!(check_for_anna("correct horse battery staple"), Ok(()));
        assert_eq!(check_for_anna("съешь ещё этих булок"), Ok(()));
        assert_eq!(check("al-is-fine-here", &UserName::parse("al").unwrap(), Lengths::default()), Ok(()));
    }

    #[test]
    fn the_list_is_sorted_long_enough_and_lower_case() {
        let lines = COMMON.lines().collect::<Vec<_>>();
        assert!(lines.len() >= 3_000);
        assert!(lines.is_sorted());
        assert!(
            lines.iter().all(|line| line.chars().count() >= Lengths::default().min && *line == line.to_lowercase())
        );
    }
}
