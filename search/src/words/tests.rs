use super::*;
use tantivy::tokenizer::{TokenStream, Tokenizer};

/// How many of the pairs of forms below must have one stem. Rare forms count as much as frequent ones here; of messages,
/// more are found (`scripts/recall`).
const PAIRS_FOUND_MIN: f64 = 0.90;
/// Forms that people wrote in a log of dialogues, as an independent morphology (pymorphy3) tells them together: every
/// thirtieth of its 4,500 most frequent words. A word a line.
const FORMS: &str = include_str!("forms.txt");

/// The words of lines, by position, as tantivy reads them.
fn read(lines: &str) -> Vec<(usize, String)> {
    let (mut reader, mut read) = (Lines, Vec::new());
    reader.token_stream(lines).process(&mut |token| read.push((token.position, token.text.clone())));
    read
}

/// What the exact words of a text are, by position.
fn exact(text: &str) -> Vec<(usize, String)> {
    read(&words(text).exact)
}

#[test]
fn an_identifier_is_cut_into_its_parts() {
    assert_eq!(exact("db.json"), [(0, "db".to_owned()), (1, ".json".to_owned()), (1, "json".to_owned())]);
    let mixed = exact("qwen3").into_iter().map(|(_, word)| word).collect::<Vec<_>>();
    assert_eq!(mixed, ["qwen", "3", "qwen3"]);
    assert_eq!(exact("a1b2c3d4").len(), 1, "a hash is one word");
}

#[test]
fn every_part_is_a_line_of_both_fields() {
    let text = "Ёж и C++, из-за чего-то; ﬁn 名前 a1";
    let Words { exact, stems } = words(text);
    let exact_words = "еж\nи\nc++ c\nиз\n-за за\nчего\n-то то\nfin\n名\n前\na 1 a1\n";
    assert_eq!(exact, exact_words);
    for lines in [&exact, &stems] {
        assert_eq!(lines.lines().count(), parts(text).len());
        let told =
            lines.lines().enumerate().flat_map(|(at, line)| line.split(' ').map(move |word| (at, word.to_owned())));
        assert_eq!(read(lines), told.collect::<Vec<_>>());
    }
    assert!(stems.lines().nth(3).is_some_and(|line| line.split(' ').any(|word| word.contains('-'))), "{stems}");
}

#[test]
fn a_stem_that_is_remembered_is_the_same() {
    for _ in 0..2 {
        assert_eq!(words("знает знать").stems, format!("{}\n{}\n", stem("знает"), stem("знать")));
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
    let seeds =
        ["Ёлка e\u{301} PLT-3699 c++ .net https://x.org/a?b=1 «кого-нибудь» 名前 👍🏽 ﹰ \u{37a}", "сделанный знает"];
    let mut refused = false;
    ::fuzz::text(&seeds, |text| {
        let Words { exact, stems } = words(text);
        let parts = parts(text);
        for lines in [&exact, &stems] {
            let read = read(lines);
            assert_eq!(read.last().map_or(0, |(position, _)| position + 1), parts.len());
            assert!(read.iter().all(|(_, word)| !word.is_empty() && !word.contains(char::is_whitespace)), "{lines:?}");
            assert!(read.iter().all(|(_, word)| word.chars().count() <= 8 * part::WORD_CHARACTERS_MAX), "{lines:?}");
        }
        for part in parts {
            assert_eq!(folded(&part.word), part.word, "{part:?}");
        }
        refused |= exact.is_empty();
        ::fuzz::Verdict::from(!exact.is_empty())
    });
    assert!(refused);
}
