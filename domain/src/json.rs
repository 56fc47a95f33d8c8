//! How long a text is as JSON: what is sent counts, not what is kept.

/// The bytes of a text between its quotes, as `serde_json` writes it: a control character takes six.
pub fn json_bytes(text: &str) -> usize {
    let of = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_as_long_as_it_is_written() {
        let all = (0..=0x2_FFFF_u32).filter_map(char::from_u32).collect::<String>();
        for text in ["", "plain", "\u{1}\u{1f}\u{7f}\"\\/\n\r\t\u{8}\u{c}", "Zürich 東京 🦀", &all] {
            assert_eq!(json_bytes(text) + 2, serde_json::to_string(text).unwrap().len());
        }
    }
}
