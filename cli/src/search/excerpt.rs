//! The part of a text that a hit is in, on one line, with the hit marked.

use crate::output::visible;
use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthChar;

/// As `grep` marks what it finds.
const MARK: Style = AnsiColor::Red.on_default().bold();
/// Of the line so much stands before the hit: one part of so many.
const BEFORE: usize = 3;

/// The part of the text around its first hit that fits into so many columns of the terminal. `highlights` are from and
/// to, in characters, in order and without overlap.
pub fn excerpt(text: &str, highlights: &[(usize, usize)], width: usize, colours: bool) -> String {
    let characters = text.chars().collect::<Vec<_>>();
    let columns =
        |c: char| visible(c.encode_utf8(&mut [0; 4])).chars().filter_map(UnicodeWidthChar::width).sum::<usize>();
    let fits = |from: usize, width: usize| {
        let used = characters[from..].iter().scan(0, |used, c| {
            *used += columns(*c);
            Some(*used)
        });
        from + used.take_while(|used| *used <= width).count()
    };
    let is_whole = fits(0, width) == characters.len();
    let first = highlights.first().map_or(0, |(from, _)| *from).min(characters.len());
    let from = if is_whole { 0 } else { first.saturating_sub(width / BEFORE) };
    // One column for each sign of what was left out.
    let room = width.saturating_sub(usize::from(from > 0) + usize::from(!is_whole));
    let to = fits(from, room);
    let mut line = String::from(if from > 0 { "…" } else { "" });
    let mut is_marked = false;
    for (at, c) in characters.iter().enumerate().take(to).skip(from) {
        let is_hit = colours && highlights.iter().any(|(from, to)| (*from..*to).contains(&at));
        if is_hit != is_marked {
            line.push_str(&if is_hit { format!("{MARK}") } else { format!("{MARK:#}") });
            is_marked = is_hit;
        }
        if c.is_whitespace() {
            line.push(' ');
        } else {
            line.push_str(&visible(c.encode_utf8(&mut [0; 4])));
        }
    }
    if is_marked {
        line.push_str(&format!("{MARK:#}"));
    }
    if to < characters.len() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn a_hit_is_in_view_wherever_it_is() {
        for before in 0..200 {
            let text = format!("{}роза{}", "а ".repeat(before), " б".repeat(100));
            for width in 12..90 {
                let shown = excerpt(&text, &[(before * 2, before * 2 + 4)], width, false);
                assert!(shown.contains("роза") && shown.width() <= width, "{width}: {shown}");
            }
        }
    }

    #[test]
    fn hits_are_marked_where_there_are_colours_and_nothing_steers_the_terminal() {
        assert_eq!(excerpt("the rose", &[(4, 8)], 80, true), format!("the {MARK}rose{MARK:#}"));
        assert_eq!(excerpt("a rose is\na rose", &[(2, 6), (12, 16)], 80, true).matches(&MARK.to_string()).count(), 2);
        assert_eq!(excerpt("a\nb\u{1b}[31m", &[], 80, false), "a b\\u{1b}[31m");
        assert_eq!(excerpt("", &[], 80, false), "");
        assert_eq!(excerpt("東京都庁", &[(0, 2)], 5, false), "東京…");
    }
}
