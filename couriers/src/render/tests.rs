#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use super::*;
use domain::notify::template::{Variable, VariableType, Variables};
use mail_parser::MessageParser;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

const CONTEXT: Context<'_> = Context {
    product: "Garden & Co",
    public_url: "https://letopis.example",
    unsubscribe_url: Some("https://letopis.example/u/unsubscribe-token"),
    time_zone: "Europe/Berlin",
};

fn map(value: Json) -> Map<String, Json> {
    value.as_object().unwrap().clone()
}

fn declared(variables: Json) -> Variables {
    let named = |(name, value): (String, Json)| (name, serde_json::from_value::<Variable>(value).unwrap());
    map(variables).into_iter().map(named).collect()
}

fn definition(variables: Json, locales: Json) -> Definition {
    let locales: BTreeMap<String, Content> = serde_json::from_value(locales).unwrap();
    Definition::new(declared(variables), locales).unwrap()
}

fn greeting() -> Definition {
    definition(
        json!({
            "name": {"type": "string", "required": true, "example": "Anna"},
            "count": {"type": "number", "required": false, "example": 3},
            "things": {"type": "list", "required": false, "example": [{"title": "rake"}, {"title": "hoe"}]},
        }),
        json!({
            "en": {
                "subject": "Hello {{ name }}",
                "text": "Hello {{ name }}{% if count %}, {{ count }} new{% endif %}.{% for thing in things %}\n- {{ thing.title }}{% endfor %}",
                "html": "<p>Hello <b>{{ name }}</b></p>",
            },
            "ru": {"subject": "Привет, {{ name }}", "html": "<h1>Привет</h1><p>{{ name }}, <a href=\"https://letopis.example/x\">сюда</a></p>"},
        }),
    )
}

fn faults(definition: &Definition) -> Vec<(String, Option<usize>, Option<usize>)> {
    match check(definition) {
        Err(RenderError::Invalid(faults)) => {
            faults.into_iter().map(|fault| (fault.pointer, fault.line, fault.column)).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// The texts of a mail as a mail program's parser sees them: of an HTML its words.
fn read_back(content_type: &str, body: &str) -> String {
    let mail = format!("Content-Type: text/{content_type}; charset=utf-8\r\n\r\n{body}");
    MessageParser::default().parse(&mail).unwrap().body_text(0).unwrap().into_owned()
}

#[test]
fn every_built_in_message_is_said_in_every_language() {
    for built_in in BuiltIn::ALL {
        assert_eq!(BuiltIn::parse(built_in.key()), Some(built_in));
        let variables = built_in.variables();
        let examples = variables.iter().map(|(name, variable)| (name.clone(), variable.example.clone())).collect();
        for given in [examples, variables::required_examples(variables)] {
            let mut subjects = Vec::new();
            for locale in ["en", "ru"] {
                let said = render(&Source::BuiltIn(built_in), locale, &given, &CONTEXT).unwrap();
                let html = said.html.clone().unwrap();
                for part in [&said.subject, &said.title, &said.summary, &said.text, &html] {
                    assert!(!part.trim().is_empty(), "{} {locale}", built_in.key());
                    assert!(!part.contains("{{") && !part.contains("{%"), "{} {locale}: {part}", built_in.key());
                }
                for line in [&said.subject, &said.title, &said.summary] {
                    assert!(!line.contains(['\n', '<']), "{} {locale}: {line}", built_in.key());
                }
                let (text, words) = (read_back("plain", &said.text), read_back("html", &html));
                for (name, value) in given.iter().filter_map(|(name, value)| Some((name, value.as_str()?))) {
                    // Those that choose words, and those that are written in another form.
                    if ["action", "at", "until", "role", "factor"].contains(&name.as_str()) {
                        continue;
                    }
                    let links = html.contains(&format!("href=\"{value}\""));
                    assert!(text.contains(value), "{} {locale} says no {name}: {text}", built_in.key());
                    assert!(links || words.contains(value), "{} {locale} says no {name}: {words}", built_in.key());
                }
                assert!(text.contains("https://letopis.example/u/unsubscribe-token"));
                assert!(html.contains("href=\"https://letopis.example/u/unsubscribe-token\""));
                assert!(html.contains(&format!("<html lang=\"{locale}\"")), "{html}");
                assert!(html.contains("prefers-color-scheme: dark") && html.contains("style=\""), "{html}");
                assert!(html.contains("Garden &amp; Co") && text.contains("Garden & Co"), "{text}");
                subjects.push(said.subject);
            }
            assert_ne!(subjects[0], subjects[1], "{} is translated", built_in.key());
        }
    }
}

#[test]
fn built_in_messages_refuse_other_variables_and_escape_theirs() {
    let added = Source::BuiltIn(BuiltIn::Added);
    let given = map(json!({"name": "Anna", "chat": "<img src=x>\nBcc: all", "by": "B & C"}));
    let said = render(&added, "de", &given, &Context { unsubscribe_url: None, ..CONTEXT }).unwrap();
    assert_eq!(said.locale, "en");
    assert_eq!(said.subject, "B & C added you to <img src=x> Bcc: all");
    let html = said.html.unwrap();
    assert!(!html.contains("<img") && html.contains("&lt;img src=x&gt;"), "{html}");
    assert!(!html.contains("Unsubscribe") && !said.text.contains("Unsubscribe"));
    for (given, name) in [
        (json!({"name": "Anna", "chat": "Garden"}), "by"),
        (json!({"name": "Anna", "chat": "Garden", "by": 7}), "by"),
        (json!({"name": "Anna", "chat": "Garden", "by": "Boris", "colour": "red"}), "colour"),
    ] {
        let refused = render(&added, "en", &map(given), &CONTEXT).unwrap_err();
        let RenderError::Variables(faults) = refused else { panic!("{refused:?}") };
        assert_eq!(faults[0].name.as_deref(), Some(name));
    }
}

#[test]
fn people_read_their_locale_their_language_english_or_what_there_is() {
    let greeting = greeting();
    let given = map(json!({"name": "Boris"}));
    for (locale, read) in [("ru", "ru"), ("ru-RU", "ru"), ("RU", "ru"), ("en-GB", "en"), ("de", "en"), ("", "en")] {
        let rendered = render(&Source::Template(&greeting), locale, &given, &CONTEXT).unwrap();
        assert_eq!(rendered.locale, read, "{locale}");
    }
    let only = definition(json!({}), json!({"pt-BR": {"subject": "Olá", "text": "Olá"}}));
    assert_eq!(render(&Source::Template(&only), "en", &Map::new(), &CONTEXT).unwrap().locale, "pt-BR");
    assert_eq!(render(&Source::Template(&only), "pt", &Map::new(), &CONTEXT).unwrap().locale, "pt-BR");
}

#[test]
fn a_template_is_rendered_from_its_variables() {
    let greeting = greeting();
    check(&greeting).unwrap();
    let given = map(json!({"name": "<b>Bo</b> & Co\r\nBcc: x"}));
    let rendered = render(&Source::Template(&greeting), "en", &given, &CONTEXT).unwrap();
    assert_eq!(rendered.subject, "Hello <b>Bo</b> & Co Bcc: x");
    assert_eq!(rendered.text, "Hello <b>Bo</b> & Co\r\nBcc: x.");
    let html = rendered.html.unwrap();
    assert!(html.contains("&lt;b&gt;Bo&lt;") && !html.contains("<b>Bo"), "{html}");
    assert_eq!((rendered.title, rendered.summary), (rendered.subject, rendered.text));
    let shown = preview(&Source::Template(&greeting), "en", &map(json!({"count": 5})), &CONTEXT).unwrap();
    assert_eq!(shown.text, "Hello Anna, 5 new.\n- rake\n- hoe");
    // A text is made of the HTML where there is none.
    let russian = preview(&Source::Template(&greeting), "ru", &Map::new(), &CONTEXT).unwrap();
    assert!(russian.text.contains("Привет") && russian.text.contains("https://letopis.example/x"), "{}", russian.text);
    assert!(!russian.text.contains('<'), "{}", russian.text);
}

#[test]
fn styles_are_written_to_the_elements() {
    let html = "<style>p { color: red } @media (prefers-color-scheme: dark) { p { color: blue !important } }</style>\
        <link rel=\"stylesheet\" href=\"https://example.com/x.css\"><p>{{ name }}</p>";
    let styled = definition(
        json!({"name": {"type": "string", "required": true, "example": "Anna"}}),
        json!({"en": {"subject": "x", "html": html}}),
    );
    let rendered = preview(&Source::Template(&styled), "en", &Map::new(), &CONTEXT).unwrap();
    let html = rendered.html.unwrap();
    assert!(html.contains("<p style=\"color: red;\">Anna</p>"), "{html}");
    assert!(html.contains("prefers-color-scheme: dark"), "{html}");
}

#[test]
fn faults_are_told_with_line_and_column() {
    let name = || json!({"name": {"type": "string", "required": true, "example": "Anna"}});
    let of = |text: &str| definition(name(), json!({"en": {"subject": "x", "text": text}}));
    let text = "/locales/en/text".to_owned();
    let mut wrong = Vec::new();
    for (source, line, column) in [
        ("one\ntwo {{ nobody }}", 2, Some(8)),
        ("é {{ name }}{{ nobody }}", 1, Some(16)),
        ("{# nobody #}{{ name.nobody|default(nobody) }}", 1, Some(36)),
        ("{{ no_such_function() }}", 1, Some(4)),
        ("{{ debug() }}", 1, Some(4)),
        ("{% if name %}\n{{ name }}", 2, Some(9)),
        // Where exactly, the engine says.
        ("a\nb {% unless %}", 2, None),
        ("{{ name|no_such_filter }}", 1, None),
        ("{% include \"other\" %}", 1, None),
        ("\n{{ name.first.second }}", 2, None),
    ] {
        let found = faults(&of(source));
        let (pointer, at_line, at_column) = &found[0];
        let fits = *at_line == Some(line) && at_column.is_some() && (column.is_none() || *at_column == column);
        if *pointer != text || !fits {
            wrong.push(format!("{source}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let both = definition(
        name(),
        json!({"en": {"subject": "{{ a }}", "text": "{{ b }}\n{{ c }}"}, "ru": {"subject": "x", "html": "{{ d }}"}}),
    );
    let pointers = faults(&both).into_iter().map(|(pointer, ..)| pointer).collect::<Vec<_>>();
    assert_eq!(pointers, ["/locales/en/subject", "/locales/en/text", "/locales/en/text", "/locales/ru/html"]);
    let reserved = json!({"locale": {"type": "string", "required": true, "example": "x"}});
    let reserved = definition(reserved, json!({"en": {"subject": "x", "text": "y"}}));
    assert_eq!(faults(&reserved), [("/variables/locale".to_owned(), None, None)]);
}

#[test]
fn what_fails_without_an_optional_variable_is_found_at_once() {
    let variables = json!({"things": {"type": "list", "required": false, "example": ["rake"]}});
    let first = definition(variables, json!({"en": {"subject": "x", "text": "\n{{ things[0] }}"}}));
    let found = faults(&first);
    assert_eq!((found[0].0.as_str(), found[0].1), ("/locales/en/text", Some(2)));
}

#[test]
fn a_template_runs_within_bounds() {
    let of = |text: &str| definition(json!({}), json!({"en": {"subject": "x", "text": text}}));
    for source in [
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        &format!("{{% set x = 'x' %}}{}", "{% set x = x ~ x %}".repeat(40)),
        "{{ 'x' * 99999999 }}",
        "{% for a in range(20000) %}{{ 'x' * 100 }}{% endfor %}",
        "{{ 'x'|indent(99999999) }}",
        "{{ '%99999999d'|format(1) }}",
    ] {
        let error = check(&of(source)).unwrap_err();
        let fits = match &error {
            RenderError::TooExpensive(_) => true,
            RenderError::Invalid(faults) => faults[0].detail.contains("too large"),
            RenderError::Variables(_) => false,
        };
        assert!(fits, "{source}: {error:?}");
    }
    for source in ["{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", &"{{ (".repeat(10_000), &"[".repeat(100_000)] {
        _ = check(&of(source));
    }
    // Filters of our own and functions are bounded like all others.
    assert!(matches!(
        check(&of("{% for a in range(99999) %}{{ 'a b'|oneline }}{% endfor %}")),
        Err(RenderError::TooExpensive(_))
    ));
}

#[test]
fn html_is_bounded_however_deep_and_malformed() {
    let tags = |tag: &str, count: usize| {
        definition(json!({}), json!({"en": {"subject": "x", "html": tag.repeat(count) + "<style></style>x"}}))
    };
    for tag in ["<div>", "<table>", "<svg>"] {
        check(&tags(tag, 4_900)).unwrap_or_else(|error| panic!("{tag}: {error:?}"));
    }
    // Lists and quotations may have no room for a text so deep; the process lives.
    for tag in ["<ul><li>", "<blockquote>"] {
        let error = check(&tags(tag, 2_400)).err();
        assert!(!matches!(error, Some(RenderError::Variables(_))), "{tag}: {error:?}");
    }
    check(&tags("<b a=1><p>", 990)).unwrap();
    for (tag, count) in [("<div>", 5_001), ("<b>", 1_001), ("<B x>", 1_001)] {
        assert!(matches!(check(&tags(tag, count)), Err(RenderError::TooExpensive(_))), "{tag}");
    }
    let deep = Content { subject: "x".to_owned(), text: None, html: Some("<div>".repeat(5_000)) };
    assert!(check_content(&deep).is_ok());
}

#[test]
fn plain_words_are_not_run_and_their_html_is_cleaned() {
    let content = Content {
        subject: "50 % {{ off }}".to_owned(),
        text: None,
        html: Some("<p onclick=\"x()\">Hi {{ you }}<script>alert(1)</script><a href=\"javascript:x\">a</a><a href=\"https://example.com/\">b</a></p>".to_owned()),
    };
    check_content(&content).unwrap();
    let rendered = render(&Source::Plain(&content), "en", &Map::new(), &CONTEXT).unwrap();
    assert_eq!(rendered.subject, "50 % {{ off }}");
    let html = rendered.html.unwrap();
    assert!(html.contains("Hi {{ you }}") && html.contains("https://example.com/"), "{html}");
    assert!(!html.contains("script") && !html.contains("onclick"), "{html}");
    assert!(rendered.text.contains("Hi {{ you }}"), "{}", rendered.text);
    let given = map(json!({"you": "x"}));
    assert!(matches!(render(&Source::Plain(&content), "en", &given, &CONTEXT), Err(RenderError::Variables(_))));
    let empty = Content { subject: "x\ny".to_owned(), text: Some(" ".to_owned()), html: None };
    let RenderError::Invalid(faults) = check_content(&empty).unwrap_err() else { panic!() };
    assert_eq!(faults.iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), ["/subject", ""]);
}

#[test]
fn words_follow_the_language_and_the_zone() {
    let variables = json!({"at": {"type": "string", "required": true, "example": "2026-11-29T23:55:03Z"},
        "n": {"type": "number", "required": true, "example": 1}});
    let locales = json!({
        "en": {"subject": "x", "text": "{{ at|datetime }} {{ plural(n, 'mail', 'mails') }}"},
        "ru": {"subject": "x", "text": "{{ at|datetime }} {{ plural(n, 'письмо', 'письма', 'писем') }}"},
    });
    let template = definition(variables, locales);
    let text = |locale: &str, n: i64, zone| {
        let context = Context { time_zone: zone, ..CONTEXT };
        preview(&Source::Template(&template), locale, &map(json!({"n": n})), &context).unwrap().text
    };
    assert_eq!(text("en", 1, "Europe/Berlin"), "30 November 2026, 00:55 (Europe/Berlin) mail");
    assert_eq!(text("ru", 21, "Nowhere/At_All"), "29 ноября 2026 г., 23:55 (UTC) письмо");
    for (n, word) in [
        (0, "писем"),
        (1, "письмо"),
        (2, "письма"),
        (5, "писем"),
        (11, "писем"),
        (12, "писем"),
        (22, "письма"),
        (111, "писем"),
    ] {
        assert!(text("ru", n, "UTC").ends_with(&format!(" {word}")), "{n}");
    }
    assert!(text("en", 0, "UTC").ends_with(" mails"));
    assert_eq!(VariableType::List.name(), "list");
}
