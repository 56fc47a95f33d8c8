use super::pieces::{PIECE_BYTES_MAX, pieces};
use super::*;
use std::collections::BTreeMap;
use uuid::Uuid;

const TEMPLATE: TemplateId = TemplateId(Uuid::from_u128(1));
const OTHER: TemplateId = TemplateId(Uuid::from_u128(2));

fn key(text: &str) -> TemplateKey {
    TemplateKey::parse(text).unwrap()
}

fn content(text: &str) -> Content {
    Content { subject: "Shipped".to_owned(), text: Some(text.to_owned()), html: None }
}

fn definition(text: &str) -> Definition {
    Definition::new(Variables::new(), BTreeMap::from([("en".to_owned(), content(text))])).unwrap()
}

fn create() -> Command {
    Command::Create(Create {
        key: key("orders.shipped"),
        category: CategoryKey::TRANSACTIONAL,
        definition: definition("one"),
    })
}

fn publish(named: Option<&str>) -> Command {
    Command::Publish(Publish { key: named.map(key), category: CategoryKey::MARKETING, definition: definition("two") })
}

fn delete(named: &str) -> Command {
    Command::Delete(Delete { key: key(named) })
}

/// What is decided after these commands, each of which is accepted.
fn after(commands: &[Command], command: &Command) -> Result<Vec<crate::Event>, Refusal> {
    let (mut state, mut claim) = (State::default(), template_key::State::default());
    for given in commands {
        for fact in decide(TEMPLATE, &state, &claim, given).unwrap().facts {
            if let crate::Event::Template(_, event) = fact {
                evolve(&mut state, &event);
            } else if let crate::Event::TemplateKey(_, event) = fact {
                template_key::evolve(&mut claim, &event);
            } else {
                panic!("{fact:?}");
            }
        }
    }
    decide(TEMPLATE, &state, &claim, command).map(|decision| decision.facts)
}

fn names(facts: &[crate::Event]) -> Vec<&'static str> {
    facts.iter().map(crate::Event::name).collect()
}

#[test]
fn a_version_is_whole_before_it_is_published() {
    let facts = after(&[], &create()).unwrap();
    let expected = [
        "template_key.claimed.v1",
        "template.created.v1",
        "template.content_published.v1",
        "template.version_published.v1",
    ];
    assert_eq!(names(&facts), expected);
    let facts = after(&[create()], &publish(Some("orders.shipped"))).unwrap();
    let crate::Event::Template(_, Event::VersionPublished(published)) = &facts[1] else { panic!("{facts:?}") };
    assert_eq!((published.version, &published.category), (2, &CategoryKey::MARKETING));
    let third = after(&[create(), publish(None)], &publish(None)).unwrap();
    assert!(matches!(&third[0], crate::Event::Template(_, Event::ContentPublished(content)) if content.version == 3));
}

#[test]
fn a_key_belongs_to_one_template_until_it_is_deleted() {
    let claim = template_key::State { owner: Some(OTHER) };
    assert_eq!(decide(TEMPLATE, &State::Absent, &claim, &create()), Err(Refusal::KeyTaken));
    assert_eq!(after(&[create()], &create()), Err(Refusal::AlreadyExists));
    assert_eq!(after(&[create()], &publish(Some("orders.sent"))), Err(Refusal::KeyFixed));
    let deleted = after(&[create()], &delete("orders.shipped")).unwrap();
    assert_eq!(names(&deleted), ["template_key.released.v1", "template.deleted.v1"]);
    assert_eq!(after(&[create()], &delete("orders.sent")), Err(Refusal::NotFound));
    for command in [publish(None), delete("orders.shipped")] {
        assert_eq!(after(&[], &command), Err(Refusal::NotFound));
        assert_eq!(after(&[create(), delete("orders.shipped")], &command), Err(Refusal::NotFound));
    }
    assert_eq!(after(&[create(), delete("orders.shipped")], &create()), Err(Refusal::AlreadyExists));
}

#[test]
fn versions_are_limited() {
    let state = State::Live { key: key("a"), version: VERSIONS_MAX };
    let refused = decide(TEMPLATE, &state, &template_key::State::default(), &publish(None));
    assert_eq!(refused, Err(Refusal::TooManyVersions));
}

#[test]
fn what_is_long_is_cut_into_events_that_fit_and_reads_back() {
    let texts = [
        String::new(),
        "a".repeat(PIECE_BYTES_MAX - "Shipped".len()),
        "\"\\\n".repeat(100_000),
        "я🙂\t".repeat(40_000),
    ];
    for text in texts {
        let content = Content { html: Some(text.clone()), ..content(&text) };
        let cut = pieces(7, "pt-BR", &content);
        let joined = |field: fn(&ContentPublished) -> &Option<String>| {
            cut.iter().filter_map(|piece| field(piece).as_deref()).collect::<String>()
        };
        assert_eq!(joined(|piece| &piece.subject), content.subject);
        assert_eq!(joined(|piece| &piece.text), text);
        assert_eq!(joined(|piece| &piece.html), text);
        for piece in &cut {
            assert!(stored::json(piece).len() < PIECE_BYTES_MAX + 1_024, "{}", stored::json(piece).len());
            assert_eq!((piece.version, piece.locale.as_str()), (7, "pt-BR"));
        }
    }
}

#[test]
fn a_key_is_a_word_with_dots() {
    for text in ["a", "orders.shipped", "order-shipped_2", &"a".repeat(64)] {
        assert_eq!(key(text).to_string(), text);
    }
    for text in ["", ".a", "a.", "A", "1a", "a b", "é", "a/b", &"a".repeat(65)] {
        assert_eq!(TemplateKey::parse(text), None, "{text}");
    }
}

fn faults(variables: Value, locales: Value) -> Vec<String> {
    let variables = serde_json::from_value(variables).unwrap();
    let locales = serde_json::from_value(locales).unwrap();
    let faults = Definition::new(variables, locales).err().unwrap_or_default();
    faults.into_iter().map(|fault| fault.pointer).collect()
}

#[test]
fn bounds_are_kept() {
    let fine = || json!({"en": {"subject": "x", "text": "y"}});
    let variable = |of: &str, example: Value| json!({"type": of, "required": true, "example": example});
    assert!(faults(json!({"a": variable("list", json!([1]))}), fine()).is_empty());
    for (of, example) in [("string", json!(1)), ("number", json!("1")), ("boolean", json!(0)), ("list", json!({}))] {
        assert_eq!(faults(json!({"a": variable(of, example)}), fine()), ["/variables/a/example"]);
    }
    for name in ["", "1a", "a-b", "a.b", "é", &"a".repeat(65)] {
        assert_eq!(faults(json!({name: variable("number", json!(1))}), fine()).len(), 1, "{name}");
    }
    assert_eq!(faults(json!({"a/b~": variable("number", json!(1))}), fine()), ["/variables/a~1b~0"]);
    let many = (0..65).map(|number| (format!("v{number}"), variable("number", json!(1)))).collect();
    assert_eq!(faults(Value::Object(many), fine()), ["/variables"]);
    assert_eq!(faults(json!({"a": variable("string", json!("x".repeat(33_000)))}), fine()), ["/variables"]);
    for (locales, pointer) in [
        (json!({}), "/locales"),
        (json!({"e": {"subject": "x", "text": "y"}}), "/locales/e"),
        (json!({"EN": {"subject": "x", "text": "y"}, "en": {"subject": "x", "text": "y"}}), "/locales/en"),
        (json!({"en": {"subject": " ", "text": "y"}}), "/locales/en/subject"),
        (json!({"en": {"subject": "a\nb", "text": "y"}}), "/locales/en/subject"),
        (json!({"en": {"subject": "a".repeat(2_049), "text": "y"}}), "/locales/en/subject"),
        (json!({"en": {"subject": "x"}}), "/locales/en"),
        (json!({"en": {"subject": "x", "text": " ", "html": ""}}), "/locales/en"),
        (json!({"en": {"subject": "x", "text": "a\u{0}b"}}), "/locales/en/text"),
        (json!({"en": {"subject": "x", "html": "a".repeat(TEXT_BYTES_MAX + 1)}}), "/locales/en/html"),
    ] {
        assert_eq!(faults(json!({}), locales.clone()), [pointer], "{locales}");
    }
}
