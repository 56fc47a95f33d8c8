//! What pages say.

/// Declares what the pages of a module say, a line a word: its name, English, Russian. Templates escape words like any text.
macro_rules! words {
    ($($name:ident: $english:literal, $russian:literal;)*) => {
        /// The words of one language.
        pub(super) struct Words { $(pub(super) $name: &'static str,)* }

        const ENGLISH: Words = Words { $($name: $english,)* };
        const RUSSIAN: Words = Words { $($name: $russian,)* };

        impl Words {
            pub(super) fn in_language(language: domain::notify::Language) -> &'static Words {
                match language {
                    domain::notify::Language::En => &ENGLISH,
                    domain::notify::Language::Ru => &RUSSIAN,
                }
            }
        }

        #[cfg(test)]
        #[test]
        fn every_word_is_there_in_each_language() {
            let is_cyrillic = |letter: char| ('\u{400}'..='\u{4ff}').contains(&letter);
            for (name, english, russian) in [$((stringify!($name), $english, $russian),)*] {
                assert!(!english.is_empty() && !english.contains(is_cyrillic), "{name}: {english}");
                assert!(russian.contains(is_cyrillic), "{name}: {russian}");
            }
        }
    };
}

pub(crate) use words;
