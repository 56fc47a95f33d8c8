use super::*;

/// How many of the pairs of forms below must have one stem. Rare forms count as much as frequent ones here; of messages,
/// more are found (`scripts/recall`).
const PAIRS_FOUND_MIN: f64 = 0.90;
/// Forms that people wrote in a log of dialogues, as an independent morphology (pymorphy3) tells them together: every
/// thirtieth of its 4,500 most frequent words. A word a line.
const FORMS: &str = include_str!("forms.txt");

/// What the exact words of a text are, by position.
fn exact(text: &str) -> Vec<(usize, String)> {
    words(text).exact.into_iter().map(|token| (token.position, token.text)).collect()
}

#[test]
fn an_identifier_is_cut_into_its_parts() {
    assert_eq!(exact("db.json"), [(0, "db".to_owned()), (1, ".json".to_owned()), (1, "json".to_owned())]);
    let mixed = exact("qwen3").into_iter().map(|(_, word)| word).collect::<Vec<_>>();
    assert_eq!(mixed, ["qwen", "3", "qwen3"]);
    assert_eq!(exact("a1b2c3d4").len(), 1, "a hash is one word");
}

#[test]
fn offsets_are_bytes_of_the_text_and_positions_rise() {
    let text = "Ёж и C++, из-за чего-то; ﬁn 名前 a1";
    let Words { exact, stems } = words(text);
    for tokens in [exact, stems] {
        assert!(tokens.windows(2).all(|pair| pair[0].position <= pair[1].position));
        assert!(
            tokens.iter().all(|token| !token.text.is_empty() && text.get(token.offset_from..token.offset_to).is_some())
        );
    }
}

#[test]
fn a_link_has_something_behind_it() {
    for text in ["see http://x", "HTTPS://Ya.ru", "(www.x.org)", "WWW.x.org", "irc://host"] {
        assert!(has_link(text), "{text}");
    }
    for text in ["http://", "://x", "www. x", "awww.x", "ёwww.", "", "12:30", "a//b"] {
        assert!(!has_link(text), "{text}");
    }
}

#[test]
fn forms_of_one_word_have_one_stem() {
    let (mut pairs, mut found) = (0_u32, 0_u32);
    for line in FORMS.lines() {
        let stems = line.split(' ').map(|form| stem(&folded(form)).into_owned()).collect::<Vec<_>>();
        for one in &stems {
            found += stems.iter().filter(|other| *other == one).count() as u32 - 1;
            pairs += stems.len() as u32 - 1;
        }
    }
    assert!(pairs > 1_000, "{pairs}");
    let rate = f64::from(found) / f64::from(pairs);
    assert!(rate >= PAIRS_FOUND_MIN, "{found} of {pairs}: {rate:.3}");
}

#[test]
fn different_words_have_different_stems() {
    let words = [
        "кот",
        "кит",
        "код",
        "стол",
        "стул",
        "дом",
        "дым",
        "дело",
        "день",
        "вода",
        "рука",
        "река",
        "город",
        "письмо",
        "правый",
        "право",
        "ключ",
        "луч",
        "мост",
        "место",
        "слово",
        "слава",
        "сервер",
        "север",
        "файл",
        "фильм",
    ];
    for (at, one) in words.iter().enumerate() {
        for other in &words[at + 1..] {
            assert!(stem(one) != stem(other) || (*one, *other) == ("правый", "право"), "{one} {other}");
        }
    }
}

/// Any text is cut without fail, and what is a word once folded stays that word.
#[test]
fn fuzz_any_text_is_cut() {
    let seeds = ["Ёлка e\u{301} PLT-3699 c++ .net https://x.org/a?b=1 «кого-нибудь» 名前 👍🏽", "сделанный знает"];
    let mut refused = false;
    ::fuzz::text(&seeds, |text| {
        let Words { exact, stems } = words(text);
        for token in exact.iter().chain(&stems) {
            assert!(!token.text.is_empty() && text.get(token.offset_from..token.offset_to).is_some());
            assert!(token.text.chars().count() <= 8 * part::WORD_CHARACTERS_MAX, "{token:?}");
        }
        for part in parts(text) {
            assert_eq!(folded(&part.word), part.word, "{part:?}");
        }
        refused |= exact.is_empty();
        ::fuzz::Verdict::from(!exact.is_empty())
    });
    assert!(refused);
}
