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

fn at(text: &str) -> Edge {
    Edge::Local(text.parse().unwrap())
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
    let day = Clause::Said(Some(at("2026-02-28T00:00:00")), Some(at("2026-03-01T00:00:00")));
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
        ("数* ", vec![one(Clause::Prefix(words(&["数"])))]),
        ("東京", vec![one(Clause::Prefix(words(&["東", "京"])))]),
        ("~/.bashrc ~东 ~ab ", vec![phrase(&[".bashrc"]), word("东"), word("ab")]),
        ("from:Алиса-000 ", vec![from("алиса-000")]),
        ("from:me from:\"me\" from:@Me ", vec![one(Clause::FromMe), from("me"), from("@me")]),
        ("after:2026-1-1 ", vec![one(Clause::Said(Some(at("2026-01-02T00:00:00")), None))]),
        ("from:\"Анна П.\" FROM:Ё", vec![from("анна п."), from("е")]),
        ("in:general", vec![one(Clause::In("general".into()))]),
        ("on:2026-02-28", vec![one(day)]),
        ("before:2026-01", vec![one(Clause::Said(None, Some(at("2026-01-01T00:00:00"))))]),
        ("after:2025", vec![one(Clause::Said(Some(at("2026-01-01T00:00:00")), None))]),
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
    let table =
        [("", 0), ("  -- ~ \"\" () ", 0), ("on:2026-02-30", 3), ("да before:2026-13", 10), ("on:31.01.2026 ", 3)];
    for (text, place) in table {
        assert_eq!(question(text).map_err(|broken| broken.at), Err(place), "{text}");
    }
    assert!(question("on:2026-02-30").unwrap_err().why.contains("quotes"));
}

/// What looks like a filter and is none, and what has no room, is looked for as words, with a note.
#[test]
fn what_is_no_filter_is_words() {
    let table = [
        ("on:click ", vec![Clause::Phrase(words(&["on", ":click"]))]),
        ("-before:content ", vec![Clause::Phrase(words(&["before", ":content"]))]),
        ("From: Anna ", vec![Clause::Word("from".into()), Clause::Word("anna".into())]),
        ("port on:80 ", vec![Clause::Word("port".into()), Clause::Phrase(words(&["on", ":80"]))]),
        ("has:cat ", vec![Clause::Phrase(words(&["has", ":cat"]))]),
        ("after:\"the war\" ", vec![Clause::Word("after".into()), Clause::Phrase(words(&["the", "war"]))]),
        ("in:# ", vec![Clause::Word("in".into())]),
        ("char a* ", vec![Clause::Word("char".into()), Clause::Word("a".into())]),
    ];
    for (text, clauses) in table {
        let Question { groups, notes } = question(text).unwrap();
        assert_eq!(groups.into_iter().map(|group| group.any[0].clause.clone()).collect::<Vec<_>>(), clauses, "{text}");
        assert_eq!(notes.len(), 1, "{text}: {notes:?}");
        assert!(!notes[0].to_string().is_empty());
    }
    assert!(question("on:click").unwrap().notes[0].to_string().contains("quotes"));
    assert!(question("\"on:click\" 12:30 cc:x").unwrap().notes.is_empty());
}

/// Whatever is pasted is answered: as much of it is asked as there is room for.
#[test]
fn what_is_long_is_read_as_far_as_there_is_room() {
    let chinese = "我".repeat(33);
    let url = format!("https://example.org/{}", "part/".repeat(60));
    let many = "w ".repeat(CLAUSES_MAX + 1);
    let phrases = format!("\"{}\" ", "w ".repeat(PHRASE_WORDS_MAX)).repeat(CLAUSES_MAX);
    let table = [
        (chinese.as_str(), vec![Note::LongPhrase], vec![PHRASE_WORDS_MAX]),
        (url.as_str(), vec![Note::LongPhrase], vec![PHRASE_WORDS_MAX]),
        (many.as_str(), vec![Note::ManyClauses], vec![1; CLAUSES_MAX]),
        (phrases.as_str(), vec![Note::LongQuestion, Note::ManyWords], vec![PHRASE_WORDS_MAX; 4]),
        ("ab* bc* ~cde ~def ef* ~fgh ", vec![Note::ManyWide], vec![1; 6]),
    ];
    for (text, notes, lengths) in table {
        let question = question(text).unwrap();
        assert_eq!(question.notes, notes, "{text}");
        let length = |group: &Group| {
            if let Clause::Phrase(words) = &group.any[0].clause { words.len() } else { 1 }
        };
        assert_eq!(question.groups.iter().map(length).collect::<Vec<_>>(), lengths, "{text}");
    }
    for text in
        ["я".repeat(CHARACTERS_MAX + 1), "x".repeat(1 << 20), "слово, ".repeat(100_000), "\u{fdfa}".repeat(5_000)]
    {
        assert_eq!(question(&text).unwrap().notes[0], Note::LongQuestion);
    }
    assert!(question(&"я".repeat(CHARACTERS_MAX)).unwrap().notes.is_empty());
    // Half a word is none.
    let cut = question(&format!("{} слово", "я".repeat(CHARACTERS_MAX - 3))).unwrap();
    assert_eq!(cut.groups.len(), 1);
}

/// Whatever is typed, the tree stays within its limits, and a refusal points into the text.
#[test]
fn fuzz_questions_stay_within_limits() {
    let seeds = [
        "from:\"Анна\" -~ёлка OR db.json* \"a b\" in:x on:2026-01-31",
        "c++ .net «раз» has:link 名前 e-mail on:click 1️⃣🇩🇪 before:2026-01-31T10:00:00.5+03:00",
    ];
    ::fuzz::text(&seeds, |text| match question(text) {
        Ok(Question { groups, notes: _ }) => {
            let clauses = groups.iter().flat_map(|group| &group.any).collect::<Vec<_>>();
            assert!((1..=CLAUSES_MAX).contains(&clauses.len()) && groups.iter().all(|group| !group.any.is_empty()));
            let fuzzy = |part: &&&Part| matches!(part.clause, Clause::Fuzzy { .. });
            assert!(clauses.iter().filter(fuzzy).count() <= WIDE_MAX);
            let empty = |part: &&Part| {
                let (Clause::Phrase(words) | Clause::Prefix(words)) = &part.clause else { return false };
                !(1..=PHRASE_WORDS_MAX).contains(&words.len())
            };
            assert!(!clauses.iter().any(empty), "{clauses:?}");
            Verdict::Accepted
        }
        Err(broken) => {
            assert!(broken.at <= text.chars().count(), "{broken}");
            Verdict::Refused
        }
    });
}
