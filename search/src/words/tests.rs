use super::*;

/// What the exact words of a text are, by position.
fn exact(text: &str) -> Vec<(usize, String)> {
    words(text).exact.into_iter().map(|token| (token.position, token.text)).collect()
}

#[test]
fn an_identifier_is_cut_into_its_parts() {
    assert_eq!(exact("db.json"), [(0, "db".to_owned()), (1, ".json".to_owned()), (1, "json".to_owned())]);
}
