//! One emoji, as Unicode lists them: the same one is always written the same way.

use serde::{Deserialize, Deserializer, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

/// Most bytes of an emoji: the longest that Unicode lists has 35.
const BYTES_MAX: usize = 64;
/// Asks for the coloured form. Some keyboards leave it out, others write it: it tells no two emoji apart.
const PRESENTATION: char = '\u{fe0f}';

/// Every emoji with all its skin tones, by what it reads without [`PRESENTATION`].
static LISTED: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let mut listed = HashMap::new();
    for emoji in emojis::iter() {
        listed.insert(bare(emoji.as_str()), emoji.as_str());
        for toned in emoji.skin_tones().into_iter().flatten() {
            listed.insert(bare(toned.as_str()), toned.as_str());
        }
    }
    // Skin tones and hair by themselves: keyboards show them, and Unicode lists them as components.
    for part in ["🏻", "🏼", "🏽", "🏾", "🏿", "🦰", "🦱", "🦳", "🦲"] {
        listed.insert(part.to_owned(), part);
    }
    listed
});

/// An emoji in the form that Unicode calls fully qualified. What is stored is read back as it stands, whatever this
/// version's list holds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Emoji(String);

/// Why a text is no emoji.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one emoji")]
pub struct NoEmoji;

impl Emoji {
    /// Reads one emoji: a sequence that Unicode lists counts as one, with or without U+FE0F.
    ///
    /// # Errors
    /// [`NoEmoji`] for anything else, also for two of them.
    pub fn parse(text: &str) -> Result<Emoji, NoEmoji> {
        if text.len() > BYTES_MAX {
            return Err(NoEmoji);
        }
        LISTED.get(&bare(text)).map(|listed| Emoji((*listed).to_owned())).ok_or(NoEmoji)
    }

    /// One that was stored: it is one, whatever this version's list holds.
    ///
    /// # Errors
    /// [`NoEmoji`] when it is empty, or longer than any.
    pub fn stored(text: &str) -> Result<Emoji, NoEmoji> {
        if text.is_empty() || text.len() > BYTES_MAX { Err(NoEmoji) } else { Ok(Emoji(text.to_owned())) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn bare(text: &str) -> String {
    text.chars().filter(|character| *character != PRESENTATION).collect()
}

impl fmt::Debug for Emoji {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Emoji {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Emoji, D::Error> {
        Emoji::stored(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_is_one_however_it_is_typed() {
        let same = [
            ("❤", "❤\u{fe0f}"),
            ("1\u{20e3}", "1\u{fe0f}\u{20e3}"),
            ("👩\u{200d}❤\u{200d}👨", "👩\u{200d}❤\u{fe0f}\u{200d}👨"),
            ("🏳\u{200d}🌈", "🏳\u{fe0f}\u{200d}🌈"),
            ("👍\u{fe0f}", "👍"),
            ("©", "©\u{fe0f}"),
        ];
        for (typed, listed) in same {
            assert_eq!(Emoji::parse(typed).unwrap().as_str(), listed);
            assert_eq!(Emoji::parse(listed).unwrap().as_str(), listed);
        }
        let single = [
            "👍🏽",
            "🇩🇪",
            "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
            "👩🏽\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👨🏻",
            "👨\u{200d}👩\u{200d}👧\u{200d}👦",
            "#\u{fe0f}\u{20e3}",
            "🫪",
            "🏿",
        ];
        for emoji in single {
            assert_eq!(Emoji::parse(emoji).unwrap().as_str(), emoji);
        }
        assert_ne!(Emoji::parse("👍🏽"), Emoji::parse("👍"), "skin tones tell people apart");
    }

    #[test]
    fn every_listed_emoji_is_taken_with_and_without_its_presentation() {
        assert!(LISTED.len() > 3_700, "{}", LISTED.len());
        for (bare, listed) in LISTED.iter() {
            assert_eq!(Emoji::parse(bare).unwrap().as_str(), *listed);
            assert_eq!(Emoji::parse(listed).unwrap().as_str(), *listed);
        }
    }

    #[test]
    fn text_is_no_emoji() {
        let long = "👍".repeat(1_000);
        for text in [
            "",
            " ",
            "a",
            "1",
            "#",
            "ok",
            ":+1:",
            "👍👍",
            "👍 ",
            "a👍",
            "\u{fe0f}",
            "\u{200d}",
            "❤\u{fe0e}",
            "🇩",
            "+1",
            "é",
            "\0",
            &long,
        ] {
            assert_eq!(Emoji::parse(text), Err(NoEmoji), "{text:?}");
        }
    }

    #[test]
    fn what_is_stored_is_read_whatever_the_list_holds() {
        let later: Emoji = serde_json::from_str("\"\u{1faff}\u{1faff}\"").unwrap();
        assert_eq!(serde_json::to_string(&later).unwrap(), "\"\u{1faff}\u{1faff}\"");
        assert!(serde_json::from_str::<Emoji>("\"\"").is_err());
    }
}
