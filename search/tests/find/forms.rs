use crate::{Room, chat, user};
use domain::Timestamp;
use search::{Change, Text, Who};

/// A text, what finds it, and what does not.
pub(crate) type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const WORDS: &[Row] = &[
    // Forms, in two languages at once.
    ("Девочки смотрели deployments", &["девочка ", "смотреть ", "deployment ", "смотрел deploy "], &["девочки нет "]),
    ("она уехала вчера", &["уехали вчера ", "вчера уехала "], &["завтра "]),
    // ё, case, accents, compatibility forms, stress marks, what cannot be seen.
    ("Ёлка ЕЩЁ зелЁная", &["елка ", "ещё ", "зеленая "], &[]),
    ("Ежик в тумане", &["ёжик "], &["йожик "]),
    ("café NAÏVE Straße", &["cafe ", "naive ", "strasse ", "CAFÉ "], &["cafard "]),
    ("за\u{301}мок на холме", &["замок ", "за\u{301}мок "], &["замак "]),
    ("ﬁnd ｗｉｄｅ co\u{ad}operate", &["find ", "wide ", "cooperate "], &[]),
    ("мой чай остыл", &["мой ", "чай "], &["чаи нет "]),
    ("don't panic, it’s Peter's", &["don't ", "don’t ", "peter ", "its "], &["don "]),
    // Stop words, inside phrases and alone.
    ("to be or not to be", &["\"to be or not\"", "\"not to be\"", "to "], &["\"be to\"", "\"not be\""]),
    ("он и она не пришли", &["\"и она не\"", "\"он и\""], &["\"она и он\""]),
    // Identifiers, whole and by their parts.
    (
        "see PLT-3699 now",
        &["PLT-3699 ", "plt ", "3699 ", "plt-36", "plt-36* ", "\"see plt-3699\""],
        &["PLT-369 ", "LT-3699 "],
    ),
    ("PLT 3699 is another thing", &["plt 3699 "], &["plt-3699 "]),
    ("open db.json please", &["db.json ", "db ", "json ", ".json ", ".jso", "db.js"], &["dbjson ", "b.json "]),
    ("the db json thing", &["json "], &["db.json "]),
    ("we run qwen3.6 today", &["qwen3.6 ", "qwen ", "qwen3 ", "\"run qwen3.6\""], &["qwen3.7 ", "wen "]),
    ("ping 192.168.1.1 fails", &["192.168.1.1 ", "192.168 ", "168 "], &["192.168.1.10 ", "192.168.11 "]),
    (
        "edit /etc/apt/sources.list",
        &["sources.list ", "/etc/apt ", "etc ", "/etc/apt/sources.list ", "apt/sources "],
        &["/etc/list "],
    ),
    ("I write c++ and C#", &["c++ ", "C++", "c# ", "c "], &["c+++ d ", "g++ "]),
    ("only c here", &["c "], &["c++ ", "c# "]),
    ("ASP.NET and .net core", &[".net ", "asp.net ", "net ", ".NET"], &["a.net "]),
    (
        "write to anna.p@example.org, please",
        &["anna.p@example.org ", "anna ", "example.org ", "@example.org "],
        &["anna@example.org "],
    ),
    (
        "look: https://help.ubuntu.com/community/Sudo?x=1#top!",
        &["https://help.ubuntu.com/community/Sudo ", "help.ubuntu.com ", "community ", "sudo", "ubuntu ", "has:link"],
        &["ubuntu.help ", "help.com "],
    ),
    (
        "call foo_bar(baz) in #rust, @anna",
        &["foo_bar ", "foo ", "baz ", "#rust ", "@anna ", "rust ", "#rus", "@ann", "#rus*"],
        &["#baz ", "foo.bar "],
    ),
    ("v1.2.3-rc.1 at 12:30, 50%", &["v1.2.3-rc.1 ", "1.2.3 ", "12:30 ", "50 "], &["v1.2.4 "]),
    // A word with its sign, behind other signs.
    (
        "cc:@clara @anna/@boris,@dora",
        &["@clara ", "@clar", "cc:@clara ", "@boris ", "@anna ", "@anna/@boris ", "@dora ", "boris "],
        &["@cc ", "#clara "],
    ),
    (
        "see /home/me/.bashrc and PATH=$HOME/bin:$GOPATH",
        &[
            ".bashrc ",
            "~/.bashrc ",
            "me/.bashrc ",
            "/home/me/.bashrc ",
            "$HOME ",
            "$gopath ",
            "PATH=$HOME ",
            "path ",
            "bin ",
        ],
        &["$path ", "@home "],
    ),
    (
        "a=.env;b+.rc c-@d e_#tag f~$x g%@h i&#j k\\.l :#m ...#n",
        &[".env ", ".rc ", "@d ", "#tag ", "$x ", "@h ", "#j ", ".l ", "#m ", "#n "],
        &["@env "],
    ),
    (
        "foo/c++ and #c#b ＠ｚｏｅ:＃ｗｉｄｅ ｃ＋＋",
        &["foo/c ", "foo/c++ ", "c++ ", "#c ", "#b ", "@zoe ", "#wide "],
        &["bar/c "],
    ),
    // Hyphenated words and their forms.
    ("спроси кого-нибудь из IT-отдела", &["кого-нибудь ", "нибудь ", "it-отдел ", "it-отделы "], &["кого-то "]),
    ("my e-mail", &["e-mail ", "e-mails ", "mail "], &["email "]),
    // Long runs are cut in both.
    (
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
        &["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab ", "aaaa*"],
        &["aaaa "],
    ),
    // Beginnings and typing errors.
    ("deployment готов", &["depl*", "depl", "готов depl", "~deploymnet ", "~delpoyment "], &["depl ", "~deplomet* x "]),
    ("предложениями завален", &["~преложение ", "~предложеняими ", "~завлаен "], &["~положишь "]),
    ("кот и мышь", &["~кто ", "~мыыш "], &["~коттт ", "~кашья "]),
    // One of several, and none of them.
    (
        "красный шар",
        &["красный OR синий ", "шар -куб ", "-куб шар ", "куб | шар ", "-куб OR куб "],
        &["шар -красный ", "куб OR синий ", "-\"красный шар\" шар "],
    ),
];

#[test]
fn every_row_is_found_by_what_it_says_and_by_nothing_else() {
    assert_found(WORDS);
}

/// Each text is found by the questions of its row, and not by the others.
#[track_caller]
pub(crate) fn assert_found(rows: &[Row]) {
    let mut room = Room::new();
    let positions = rows.iter().map(|(text, _, _)| room.say(text)).collect::<Vec<_>>();
    room.commit();
    for ((text, finds, misses), position) in rows.iter().zip(positions) {
        for question in *finds {
            assert!(room.found(Who::Operator, question).contains(&position), "{question:?} must find {text:?}");
        }
        for question in *misses {
            assert!(!room.found(Who::Operator, question).contains(&position), "{question:?} must not find {text:?}");
        }
    }
}

#[test]
fn filters_ask_for_author_chat_day_and_link() {
    let mut room = Room::new();
    room.change(Change::ChatNamed { chat_id: chat(1), name: "Общий чат".into() });
    room.change(Change::ChatNamed { chat_id: chat(2), name: "other".into() });
    room.came(chat(1), user(1), "Анна П.");
    room.came(chat(2), user(1), "alisa");
    room.came(chat(2), user(2), "Анна П.");
    let first = room.post((chat(1), user(1)), "2026-01-31T23:59:59Z", "слово www.example.org");
    let second = room.post((chat(2), user(1)), "2026-02-01T00:00:00Z", "слово");
    let third = room.post((chat(2), user(2)), "2026-02-28T12:00:00Z", "слово http://");
    room.commit();
    let table: [(String, &[u64]); 17] = [
        ("слово from:\"анна п.\"".into(), &[third, first]),
        ("слово from:Alisa".into(), &[second]),
        ("from:анна".into(), &[]),
        (format!("from:{}", user(1)), &[second, first]),
        ("слово -from:alisa".into(), &[third, first]),
        ("in:\"общий чат\" слово".into(), &[first]),
        ("in:OTHER".into(), &[third, second]),
        (format!("in:{} -has:link", chat(1)), &[]),
        ("in:nowhere".into(), &[]),
        ("before:2026-02".into(), &[first]),
        ("after:2026-01-31".into(), &[third, second]),
        ("after:2026-01 before:2026-02-28".into(), &[second]),
        ("on:2026-02-01".into(), &[second]),
        ("on:2026".into(), &[third, second, first]),
        ("has:link".into(), &[first]),
        ("-слово".into(), &[]),
        ("from:alisa OR has:link".into(), &[second, first]),
    ];
    for (question, positions) in table {
        assert_eq!(room.found(Who::Operator, &question), positions, "{question}");
    }
}

#[test]
fn an_edited_message_is_found_by_its_new_text_only() {
    let mut room = Room::new();
    let position = room.say("старое");
    room.commit();
    let found = room.ask(Who::Operator, "старое ");
    let message_id = found.hits[0].message_id;
    assert_eq!(found.hits[0].edited_at, None);
    room.change(Change::Edited { message_id, text: Text::cut("новое"), at: Timestamp(7) });
    room.commit();
    assert_eq!(room.found(Who::Operator, "старое "), Vec::<u64>::new());
    assert_eq!(room.found(Who::Operator, "новое "), [position]);
    assert_eq!(room.ask(Who::Operator, "новое ").hits[0].edited_at, Some(Timestamp(7)));
    room.change(Change::Removed(message_id));
    room.commit();
    assert_eq!(room.found(Who::Operator, "новое "), Vec::<u64>::new());
}

#[test]
fn highlights_are_characters_of_the_text() {
    let mut room = Room::new();
    let table = [
        ("Ёлка, ёлки и дерево", "ёлку дерево ", vec!["Ёлка", "ёлки", "дерево"]),
        ("👍🏽 see PLT-3699, plt", "plt-3699 ", vec!["PLT-3699"]),
        ("I like C++, not C", "c++ ", vec!["C++"]),
        ("в #rust и в rust", "#rust ", vec!["#rust"]),
        ("to be or not to be", "\"to be\" -or2 ", vec!["to be", "to be"]),
        ("deployment depl x", "depl", vec!["deployment", "depl"]),
        ("предложениями", "~преложение ", vec!["предложениями"]),
        ("кого-нибудь и кто", "кого-нибудь ", vec!["кого-нибудь"]),
        ("ab abc abcd", "ab* abc* ", vec!["ab", "abc", "abcd"]),
        ("просто", "on:2026 ", vec![]),
        ("a qwen3 b", "~qwem ", vec!["qwen3"]),
        ("в #rust и rustup", "#rus", vec!["#rust"]),
        ("мать-и-мачеха-и-ещё и кто-нибудь", "кто-нибудь ", vec!["кто-нибудь"]),
    ];
    for (text, question, expected) in table {
        let position = room.say(text);
        room.commit();
        let found = room.ask(Who::Operator, question);
        let hit = found.hits.iter().find(|hit| hit.position == position).unwrap();
        let characters = text.chars().collect::<Vec<_>>();
        let shown = hit.highlights.iter().map(|(from, to)| characters[*from..*to].iter().collect::<String>());
        assert_eq!(shown.collect::<Vec<_>>(), expected, "{question} in {text}");
    }
}
