//! Who is called in a text: what stands behind an `@`.

use super::Nickname;

/// Most names that are looked for in one text.
pub const MENTIONS_MAX: usize = 10;
/// Most words that a name behind an `@` is taken to have.
const WORDS_MAX: usize = 4;

/// What may be a name behind each `@` of a text, as [`Nickname::key`] has it, the longest first: a name may have spaces in
/// it, and marks behind it. An `@` within a word calls nobody: it is an address.
pub fn mentions(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('@') {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|letter| letter.is_alphanumeric() || letter == '@') {
            continue;
        }
        let names = names(&text[at + 1..]);
        if !names.is_empty() {
            found.push(names);
        }
        if found.len() == MENTIONS_MAX {
            break;
        }
    }
    found
}

fn names(behind: &str) -> Vec<String> {
    let line = behind.lines().next().unwrap_or_default();
    if line.starts_with(char::is_whitespace) {
        return Vec::new();
    }
    let mut ends = Vec::new();
    let mut words = 0;
    for (end, letter) in line.char_indices().chain([(line.len(), ' ')]) {
        if letter == '@' {
            ends.push(end);
            break;
        }
        if letter.is_whitespace() {
            ends.push(end);
            words += 1;
        }
        if words == WORDS_MAX {
            break;
        }
    }
    let mut keys = Vec::<String>::new();
    for end in ends.into_iter().rev() {
        let word = line[..end].trim_end();
        let bare = word.trim_end_matches(|letter: char| !letter.is_alphanumeric());
        for name in [word, bare] {
            if let Ok(name) = Nickname::parse(name)
                && !keys.contains(&name.key())
            {
                keys.push(name.key());
            }
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| Nickname::parse(name).unwrap().key()).collect()
    }

    #[test]
    fn a_name_stands_behind_an_at_and_may_have_spaces() {
        assert_eq!(mentions("@anna"), [keys(&["anna"])]);
        assert_eq!(mentions("hello @Anna, come"), [keys(&["Anna, come", "Anna,", "Anna"])]);
        assert_eq!(mentions("(@anna k.)"), [keys(&["anna k.)", "anna k", "anna"])]);
        assert_eq!(mentions("@anna\nand more"), [keys(&["anna"])]);
        assert_eq!(mentions("@anna@boris"), [keys(&["anna"])], "the second one is within a word");
        assert_eq!(mentions("@anna @boris"), [keys(&["anna"]), keys(&["boris"])]);
        assert_eq!(mentions("@Ёж!"), [keys(&["Ёж!", "Ёж"])]);
        let many = mentions("@a b c d e f");
        assert_eq!(many, [keys(&["a b c d", "a b c", "a b", "a"])]);
    }

    #[test]
    fn anything_else_calls_nobody() {
        for text in ["", "@", "@ anna", "anna@example.org", "no names", "@\nanna", "@!!!\u{0}"] {
            let found = mentions(text);
            assert!(found.iter().flatten().all(|name| name != "anna" && name != "example.org"), "{text:?} {found:?}");
        }
        assert_eq!(mentions(&"@anna ".repeat(1_000)).len(), MENTIONS_MAX);
        assert_eq!(mentions(&format!("@{}", "ё".repeat(10_000))), Vec::<Vec<String>>::new());
    }
}
