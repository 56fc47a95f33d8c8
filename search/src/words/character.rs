//! What a character is to the cut, by its Unicode properties.

use icu_properties::props::{
    DefaultIgnorableCodePoint, Emoji, ExtendedPictographic, GeneralCategory, GeneralCategoryGroup, JoiningType,
    LineBreak, RegionalIndicator,
};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_normalization::char::canonical_combining_class;

/// What encloses the sign before it and makes a keycap of a digit: `1️⃣`.
pub(super) const KEYCAP: char = '\u{20e3}';

/// Lines and blocks that tables are drawn with.
const BOX_DRAWING: std::ops::RangeInclusive<char> = '\u{2500}'..='\u{259f}';

/// What a character is to the cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A letter or a digit: several make a word.
    Letter,
    /// A letter of a script that sets no spaces (Chinese, Japanese, Thai, Khmer …): a word by itself.
    Sign,
    /// A picture: a word by itself.
    Picture,
    /// What stands on the character before it.
    Mark,
    /// What nobody sees: soft hyphens, joiners, variation selectors.
    Unseen,
    /// What stands between words.
    Other,
}

/// What a character is. Most letters are told without a look into the tables.
pub(super) fn kind(character: char) -> Kind {
    match character {
        'a'..='z' | 'а'..='я' | 'A'..='Z' | 'А'..='Я' | '0'..='9' | 'ё' | 'Ё' => Kind::Letter,
        '\0'..='\x7f' => Kind::Other,
        _ => rare(character),
    }
}

fn rare(character: char) -> Kind {
    let category = category(character);
    if CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character) || category == GeneralCategory::Format {
        return Kind::Unseen;
    }
    if GeneralCategoryGroup::Mark.contains(category) {
        return Kind::Mark;
    }
    let line_break = CodePointMapData::<LineBreak>::new().get(character);
    if character.is_alphanumeric() {
        let spaceless = matches!(
            line_break,
            LineBreak::ComplexContext
                | LineBreak::Ideographic
                | LineBreak::ConditionalJapaneseStarter
                | LineBreak::Nonstarter
        );
        return if spaceless { Kind::Sign } else { Kind::Letter };
    }
    if CodePointSetData::new::<Emoji>().contains(character)
        || CodePointSetData::new::<ExtendedPictographic>().contains(character)
    {
        return Kind::Picture;
    }
    match (category, line_break) {
        // Words in one square: ㌔, ㎏.
        (GeneralCategory::OtherSymbol, LineBreak::Ideographic) => Kind::Sign,
        // ✓ and ★, but neither № nor ° nor the lines of a table.
        (GeneralCategory::OtherSymbol, LineBreak::Alphabetic | LineBreak::Ambiguous)
            if !BOX_DRAWING.contains(&character) =>
        {
            Kind::Picture
        }
        _ => Kind::Other,
    }
}

fn category(character: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(character)
}

/// Whether people write a mark or leave it out, so that it does not count: accents, the points of Hebrew, the vowels of
/// Arabic, the dot under a letter of Hindi. By its combining class: what is no such mark is a vowel, a tone or a joiner
/// of an Indic or a South-East Asian script, and makes another word.
pub(super) fn is_left_out(mark: char) -> bool {
    let class = canonical_combining_class(mark);
    matches!(class, 1..=7 | 10..=36 | 200..=240) || category(mark) == GeneralCategory::EnclosingMark
}

/// Whether a character only stretches a word, as tatweel does.
pub(super) fn is_stretch(character: char) -> bool {
    CodePointMapData::<JoiningType>::new().get(character) == JoiningType::JoinCausing
}

/// One of the letters of which two make a flag.
pub(super) fn is_of_flag(character: char) -> bool {
    CodePointSetData::new::<RegionalIndicator>().contains(character)
}

/// What spells a country's part behind a black flag: `🏴󠁧󠁢󠁳󠁣󠁴󠁿`.
pub(super) fn is_tag(character: char) -> bool {
    matches!(character, '\u{e0020}'..='\u{e007f}')
}

/// What may stand within a keycap.
pub(super) fn is_of_keycap(character: char) -> bool {
    matches!(character, '0'..='9' | '#' | '*')
}

/// The digit of the decimal system that a digit of any script stands for.
pub(super) fn digit(character: char) -> Option<char> {
    let is_digit = |code: u32| char::from_u32(code).is_some_and(|one| category(one) == GeneralCategory::DecimalNumber);
    let code = u32::from(character);
    if character.is_ascii() || !is_digit(code) {
        return None;
    }
    // The digits of a script stand in a row, from 0 on.
    let before = (1..10).take_while(|back| is_digit(code - back)).count();
    char::from_digit(u32::try_from(before).ok()?, 10)
}

/// One hyphen for all that look like one, and one sign for its wide and its small form.
pub(super) fn plain(character: char) -> char {
    match character {
        '\u{2010}' | '\u{2011}' | '\u{2012}' | '\u{2212}' => '-',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character),
        '\u{fe5f}' => '#',
        '\u{fe60}' => '&',
        '\u{fe62}' => '+',
        '\u{fe63}' => '-',
        '\u{fe66}' => '=',
        '\u{fe68}' => '\\',
        '\u{fe69}' => '$',
        '\u{fe6a}' => '%',
        '\u{fe6b}' => '@',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_of_any_script_is_a_digit() {
        for (digits, plain) in [("٠١٢٣٤٥٦٧٨٩", "0123456789"), ("۲۰۲۴", "2024"), ("०९", "09"), ("๑๐", "10")]
        {
            assert_eq!(digits.chars().filter_map(digit).collect::<String>(), plain);
        }
        assert_eq!([digit('7'), digit('x'), digit('½')], [None; 3]);
    }

    #[test]
    fn every_script_has_its_kind() {
        let table = [
            (Kind::Letter, "aЯёßγשعक한𞤀ᎠⓂ²"),
            (Kind::Sign, "東あアｱー々ไທကខꀀ𠀀㌔㎏"),
            (Kind::Picture, "👍☎⌚❤✓★↔▶⬛‼©™🇩〰🏽"),
            (Kind::Mark, "\u{301}\u{5b7}\u{64e}\u{941}\u{e49}\u{20e3}\u{3099}"),
            (Kind::Unseen, "\u{ad}\u{200b}\u{200d}\u{fe0f}\u{e0067}\u{feff}\u{61c}"),
            (Kind::Other, " .@、。№°─€∞\u{2019}"),
        ];
        for (expected, characters) in table {
            for character in characters.chars() {
                assert_eq!(kind(character), expected, "{character} {:x}", u32::from(character));
            }
        }
    }
}
