//! What the console says: one table, a line a word, in every language.

use domain::notify::Language;

/// Declares the words: name, English, Russian.
macro_rules! words {
    ($($name:ident: $english:literal, $russian:literal;)*) => {
        /// The words of one language. Templates escape them like any text.
        pub(super) struct Words { $(pub(super) $name: &'static str,)* }

        const ENGLISH: Words = Words { $($name: $english,)* };
        const RUSSIAN: Words = Words { $($name: $russian,)* };
        #[cfg(test)]
        const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $russian),)*];
    };
}

words! {
    // The frame.
    console: "Console", "Консоль";
    menu: "Menu", "Меню";
    skip_to_content: "Skip to the content", "К содержанию";
    sign_out: "Sign out", "Выйти";
    done: "Done.", "Сделано.";
    failed: "That did not work", "Не получилось";
    not_for_you: "This page is not for your role", "Эта страница не для вашей роли";
    nothing_here: "There is nothing here", "Здесь ничего нет";
    back: "Back", "Назад";
    sign_in: "Sign in", "Войти";
    sign_in_failed: "That was not right, or you may not sign in now.", "Неверно, или сейчас войти нельзя.";
    name_or_email: "Name or e-mail", "Имя или почта";
    password: "Password", "Пароль";
    // The menu.
    overview: "Overview", "Обзор";
}

impl Words {
    pub(super) fn in_language(language: Language) -> &'static Words {
        match language {
            Language::En => &ENGLISH,
            Language::Ru => &RUSSIAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_there_in_each_language() {
        let is_cyrillic = |letter: char| ('\u{400}'..='\u{4ff}').contains(&letter);
        for (name, english, russian) in ALL {
            assert!(!english.is_empty() && !english.contains(is_cyrillic), "{name}: {english}");
            assert!(russian.contains(is_cyrillic), "{name}: {russian}");
        }
    }
}
