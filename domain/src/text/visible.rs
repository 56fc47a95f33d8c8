//! Which characters a reader sees. What nobody sees must not tell two names apart, nor turn around what stands beside
//! it: such characters are refused in names, except where a script or an emoji needs one.

use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};

const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';
const BLACK_FLAG: char = '\u{1f3f4}';
const KEYCAP: char = '\u{20e3}';
/// The combining class of a sign that joins consonants in Indic scripts.
const VIRAMA: u8 = 9;

/// Controls, and what breaks a line.
pub(super) fn is_control(c: char) -> bool {
    use GeneralCategory::{Control, LineSeparator, ParagraphSeparator};
    matches!(c.general_category(), Control | LineSeparator | ParagraphSeparator)
}

/// Whether a reader can see it: no spaces, controls, invisible formatting (zero width, direction), nothing
/// private or unassigned.
pub(super) fn is_visible(c: char) -> bool {
    use GeneralCategory::{PrivateUse, SpaceSeparator, Surrogate, Unassigned};
    !is_control(c)
        && !is_invisible(c)
        && !matches!(c.general_category(), PrivateUse | SpaceSeparator | Surrogate | Unassigned)
}

/// Whether it shows nothing and takes no room: formatting, and Unicode's Default_Ignorable_Code_Point, of which some are
/// letters, marks, or not assigned yet; and the empty Braille pattern.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c.general_category(), GeneralCategory::Format)
        || matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2065}')
        || matches!(c, '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}')
        || matches!(c, '\u{e0000}'..='\u{e0fff}' | '\u{fdd0}'..='\u{fdef}')
        // Never to be a character.
        || u32::from(c) & 0xfffe == 0xfffe
}

/// Whether every invisible character of a text stands where its script or an emoji needs it.
pub(super) fn invisible_ones_fit(text: &str) -> bool {
    let characters = text.chars().collect::<Vec<_>>();
    let invisible = characters.iter().enumerate().filter(|(_, c)| is_invisible(**c));
    let mut places = invisible.map(|(place, c)| {
        let before = place.checked_sub(1).and_then(|place| characters.get(place)).copied();
        let before_that = place.checked_sub(2).and_then(|place| characters.get(place)).copied();
        (before_that, before, *c, characters.get(place + 1).copied())
    });
    places.all(|(before_that, before, c, after)| before.is_some_and(|before| fits(before_that, before, c, after)))
}

fn fits(before_that: Option<char>, before: char, c: char, after: Option<char>) -> bool {
    let is_emoji = |c: char| !c.is_ascii() && c.is_emoji_char();
    match c {
        NON_JOINER if after.is_some_and(|after| is_cursive(before) && is_cursive(after)) => true,
        NON_JOINER | JOINER if canonical_combining_class(before) == VIRAMA => true,
        // A family, a profession: emoji that are one sign together.
        JOINER => {
            let joined = is_emoji(before) || (before == '\u{fe0f}' && before_that.is_some_and(is_emoji));
            joined && after.is_some_and(is_emoji)
        }
        // The picture of a sign, or its plain form.
        '\u{fe0e}' | '\u{fe0f}' => is_emoji(before) || (before.is_emoji_char() && after == Some(KEYCAP)),
        // Which form of a Chinese character somebody's name has.
        '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}' => is_han(before),
        // The flag of a part of a country.
        '\u{e0020}'..='\u{e007f}' => before == BLACK_FLAG || matches!(before, '\u{e0020}'..='\u{e007e}'),
        _ => false,
    }
}

/// Letters that change their shape with their neighbours: Arabic, Syriac, Mongolian and their kin.
fn is_cursive(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{7ff}' | '\u{840}'..='\u{8ff}' | '\u{1800}'..='\u{18af}') && is_visible(c)
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Whether a mark has no letter to stand on: at the beginning, or behind a space.
pub(super) fn has_loose_mark(text: &str) -> bool {
    let before = std::iter::once(' ').chain(text.chars());
    before.zip(text.chars()).any(|(before, c)| before.is_whitespace() && is_combining_mark(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_or_hides_nothing_may_stay() {
        for good in
            ["👨\u{200d}👩\u{200d}👧", "❤\u{fe0f}", "👩\u{1f3fd}\u{200d}🚀", "❤\u{fe0f}\u{200d}🔥", "1\u{fe0f}\u{20e3}"]
        {
            assert!(invisible_ones_fit(good), "{good:?}");
        }
        let england = "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}";
        for good in ["می\u{200c}خواهم", "क\u{94d}\u{200d}ष", "葛\u{e0100}", england, "plain", ""] {
            assert!(invisible_ones_fit(good), "{good:?}");
        }
        for bad in
            ["a\u{200d}b", "a\u{200c}b", "a\u{fe0f}", "\u{200d}", "a\u{e0067}", "\u{200d}👧", "👧\u{200d}", "1\u{fe0f}"]
        {
            assert!(!invisible_ones_fit(bad), "{bad:?}");
        }
        for bad in "\u{ad}\u{61c}\u{200b}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{feff}\u{34f}\u{3164}\u{ffa0}\u{2800}\u{e0001}\u{fff9}\u{ffff}\u{180e}\u{1d173}".chars() {
            assert!(!invisible_ones_fit(&format!("a{bad}b")), "{bad:?}");
            assert!(!is_visible(bad), "{bad:?}");
        }
    }

    #[test]
    fn marks_stand_on_letters() {
        for loose in ["\u{308}x", "a \u{308}", "\u{301}", "\u{a0}\u{301}"] {
            assert!(has_loose_mark(loose), "{loose:?}");
        }
        for good in ["x\u{308}", "e\u{301}\u{323}", "กำ", "हिन्दी नमः", ""] {
            assert!(!has_loose_mark(good), "{good:?}");
        }
    }
}
