use super::*;
use ::fuzz::Verdict;

fn read(text: &str) -> Vec<Group> {
    question(text).unwrap().groups
}

fn one(clause: Clause) -> Group {
    Group { any: vec![Part { not: false, clause }] }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
fn every_form_of_question_is_read() {
    let word = |text: &str| one(Clause::Word(text.to_owned()));
    let phrase = |these: &[&str]| one(Clause::Phrase(words(these)));
    let from = |name: &str| one(Clause::From(name.to_owned()));
    let fuzzy = |word: &str, errors| one(Clause::Fuzzy { word: word.to_owned(), errors });
    let not = |clause| Group { any: vec![Part { not: true, clause }] };
    let or = |these: &[&str]| Group {
        any: these.iter().map(|text| Part { not: false, clause: Clause::Word((*text).to_owned()) }).collect(),
    };
    let day = Clause::Said(Some(at("2026-02-28T00:00:00Z")), Some(at("2026-03-01T00:00:00Z")));
    let table = [
        ("Ёлка стоит ", vec![word("елка"), word("стоит")]),
        ("ёл", vec![one(Clause::Typed("ел".into()))]),
        ("depl*", vec![one(Clause::Prefix(words(&["depl"])))]),
        ("ab* b ", vec![one(Clause::Prefix(words(&["ab"]))), word("b")]),
        ("plt-3* ", vec![one(Clause::Prefix(words(&["plt", "-3"])))]),
        ("#rus", vec![one(Clause::Prefix(words(&["#rus"])))]),
        ("#rus .js @ann", vec![phrase(&["#rus"]), phrase(&[".js"]), one(Clause::Prefix(words(&["@ann"])))]),
        ("--force -f ", vec![word("force"), not(Clause::Word("f".into()))]),
        ("-- a --\"b c\" ---from:d ", vec![word("a"), phrase(&["b", "c"]), from("d")]),
        ("(from:anna) (from:\"b,\"); ", vec![from("anna"), from("b,")]),
        ("(in:home), x ", vec![one(Clause::In("home".into())), word("x")]),
        ("\"не ходи\" ", vec![phrase(&["не", "ходи"])]),
        ("«не ходи» “to be” „так“", vec![phrase(&["не", "ходи"]), phrase(&["to", "be"]), phrase(&["так"])]),
        ("\"без конца", vec![phrase(&["без", "конца"])]),
        ("да -нет ", vec![word("да"), not(Clause::Word("нет".into()))]),
        (
            "-\"ни за что\" -from:Анна",
            vec![not(Clause::Phrase(words(&["ни", "за", "что"]))), not(Clause::From("анна".into()))],
        ),
        ("a OR b ИЛИ c d ", vec![or(&["a", "b", "c"]), word("d")]),
        ("OR a OR ", vec![word("a")]),
        ("from:Алиса-000 ", vec![from("алиса-000")]),
        ("from:\"Анна П.\" FROM:Ё", vec![from("анна п."), from("е")]),
        ("in:general", vec![one(Clause::In("general".into()))]),
        ("on:2026-02-28", vec![one(day)]),
        ("before:2026-01", vec![one(Clause::Said(None, Some(at("2026-01-01T00:00:00Z"))))]),
        ("after:2025", vec![one(Clause::Said(Some(at("2026-01-01T00:00:00Z")), None))]),
        ("has:link", vec![one(Clause::HasLink)]),
        ("~привет ~тест", vec![fuzzy("привет", 2), fuzzy("тест", 1)]),
        ("PLT-3699 ", vec![phrase(&["plt", "-3699"])]),
        ("db.js", vec![one(Clause::Prefix(words(&["db", ".js"])))]),
        ("C++ .NET ", vec![phrase(&["c++"]), phrase(&[".net"])]),
        ("12:30 ", vec![phrase(&["12", ":30"])]),
        ("раз,два ", vec![word("раз"), word("два")]),
        ("(a b) ", vec![word("a"), word("b")]),
        ("- ~ * a ", vec![word("a")]),
    ];
    for (text, groups) in table {
        assert_eq!(read(text), groups, "{text}");
    }
}

#[test]
fn a_hyphenated_word_is_asked_for_in_its_forms() {
    let Clause::Compound { phrase, typed, .. } = &read("Кого-нибудь ")[0].any[0].clause else {
        panic!("no compound")
    };
    assert_eq!((phrase.as_slice(), *typed), (words(&["кого", "-нибудь"]).as_slice(), false));
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    let many = "w ".repeat(CLAUSES_MAX + 1);
    let long_phrase = format!("да \"{}\"", "w ".repeat(PHRASE_WORDS_MAX + 1));
    let table = [
        ("", 0),
        ("  -- ~ \"\" () ", 0),
        ("да before:вчера", 10),
        ("on:2026-02-30", 3),
        ("after:2026-1-1", 6),
        ("нет from: ", 9),
        ("in:\"\"", 3),
        ("has:cat", 4),
        (many.as_str(), 2 * CLAUSES_MAX),
        (long_phrase.as_str(), 3),
        ("ab* bc* ~c ~d ef* ", 14),
        ("да a* ", 3),
        ("-a*", 0),
    ];
    for (text, place) in table {
        assert_eq!(question(text).map_err(|broken| broken.at), Err(place), "{text}");
    }
    assert_eq!(question(&"я".repeat(CHARACTERS_MAX + 1)).unwrap_err().at, CHARACTERS_MAX);
    assert_eq!(question(&"x".repeat(1 << 20)).unwrap_err().at, CHARACTERS_MAX);
    assert!(question(&"я".repeat(CHARACTERS_MAX)).is_ok());
}

/// Whatever is typed, the tree stays within its limits, and a refusal points into the text.
#[test]
fn fuzz_questions_stay_within_limits() {
    let seeds = ["from:\"Анна\" -~ёлка OR db.json* \"a b\" in:x on:2026-01-31", "c++ .net «раз» has:link 名前 e-mail"];
    ::fuzz::text(&seeds, |text| match question(text) {
        Ok(Question { groups }) => {
            let clauses = groups.iter().flat_map(|group| &group.any).collect::<Vec<_>>();
            assert!((1..=CLAUSES_MAX).contains(&clauses.len()) && groups.iter().all(|group| !group.any.is_empty()));
            let fuzzy = |part: &&&Part| matches!(part.clause, Clause::Fuzzy { .. });
            assert!(clauses.iter().filter(fuzzy).count() <= WIDE_MAX);
            Verdict::Accepted
        }
        Err(broken) => {
            assert!(broken.at <= text.chars().count(), "{broken}");
            Verdict::Refused
        }
    });
}
