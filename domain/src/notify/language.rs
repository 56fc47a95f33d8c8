//! The languages that Letopis itself speaks, and which of them somebody reads.

use serde::{Deserialize, Serialize};

/// A language of what Letopis itself says: titles, mails, pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// English: also of everybody whose language Letopis does not speak.
    #[default]
    En,
    /// Russian.
    Ru,
}

/// Most parts of an `Accept-Language` header that are looked at.
const ACCEPTED_MAX: usize = 32;

impl Language {
    /// Every language.
    pub const ALL: [Language; 2] = [Language::En, Language::Ru];

    /// Its tag.
    pub fn tag(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::Ru => "ru",
        }
    }

    /// The language of a BCP 47 tag (`ru`, `ru-RU`, `RU-cyrl`); none when Letopis does not speak it.
    pub fn of_tag(tag: &str) -> Option<Language> {
        let primary = tag.split('-').next().unwrap_or_default();
        Language::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The language that an `Accept-Language` header (RFC 9110, 12.5.4) likes best of those that Letopis speaks; none
    /// when it accepts none of them. Of equals the first one counts.
    pub fn of_accept_language(header: &str) -> Option<Language> {
        let mut best: Option<(u16, Language)> = None;
        for part in header.split(',').take(ACCEPTED_MAX) {
            let mut parameters = part.split(';').map(str::trim);
            let range = parameters.next().unwrap_or_default();
            let language = if range == "*" { Some(Language::default()) } else { Language::of_tag(range) };
            let weight = parameters.next().map_or(Some(1_000), weight);
            let (Some(language), Some(weight)) = (language, weight) else { continue };
            if weight > best.map_or(0, |(best, _)| best) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }
}

/// `q=0.8` in thousandths; none when it is none.
fn weight(parameter: &str) -> Option<u16> {
    let text = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?;
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let fits =
        matches!(whole, "0" | "1") && decimals.len() <= 3 && decimals.bytes().all(|digit| digit.is_ascii_digit());
    let thousandths = format!("{whole}{decimals:0<3}").parse::<u16>().ok()?;
    (fits && thousandths <= 1_000).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_counts_by_its_first_part() {
        for (tag, language) in [
            ("ru", Some(Language::Ru)),
            ("RU-ru", Some(Language::Ru)),
            ("en-GB", Some(Language::En)),
            ("de", None),
            ("rus", None),
            ("", None),
        ] {
            assert_eq!(Language::of_tag(tag), language, "{tag}");
        }
    }

    #[test]
    fn the_best_liked_language_that_is_spoken_is_chosen() {
        for (header, language) in [
            ("ru", Some(Language::Ru)),
            ("de-DE, ru;q=0.5, en;q=0.4", Some(Language::Ru)),
            ("en;q=0.4,ru;q=0.5", Some(Language::Ru)),
            ("en, ru", Some(Language::En)),
            ("ru;q=0, en;q=0.001", Some(Language::En)),
            ("ru;q=0", None),
            ("de, *;q=0.1", Some(Language::En)),
            ("de", None),
            ("", None),
            ("ru;q=nonsense, en;q=0.1", Some(Language::En)),
            ("ru;q=1.001, en;q=0.1", Some(Language::En)),
            ("ru ; q=0.2 , en ; q=0.1", Some(Language::Ru)),
        ] {
            assert_eq!(Language::of_accept_language(header), language, "{header}");
        }
    }
}
