use super::*;

fn defined(key: &str) -> Category {
    plain(CategoryKey::parse(key).unwrap(), Words::of("News", "Новости"), Words::of("All of it.", "Всё."))
}

#[test]
fn keys_are_short_words() {
    for good in ["a", "news", "order-shipped", "q4", &"x".repeat(48)] {
        assert_eq!(CategoryKey::parse(good).unwrap().as_str(), good);
    }
    for bad in ["", "-", "-a", "a-", "4q", "News", "a b", "a_b", "новости", &"x".repeat(49)] {
        assert!(CategoryKey::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn every_category_that_is_built_in_is_whole() {
    let all = Categories::built_in();
    for category in all.iter() {
        let key = &category.key;
        assert_eq!(CategoryKey::parse(key.as_str()).as_ref(), Ok(key));
        assert_eq!(all.get(key), Some(category));
        assert_eq!(all.find(key.as_str()), Some(category));
        for words in [&category.title, &category.description] {
            assert!(Language::ALL.into_iter().all(|language| !words.in_language(language).is_empty()), "{key}");
            assert_ne!(words.en, words.ru, "{key}");
        }
        assert!(!category.default_on.is_empty(), "{key}");
        assert!(category.default_on.iter().all(|channel| category.has(*channel)), "{key}");
        assert!((Category::EXPIRES_IN_MIN..=Category::EXPIRES_IN_MAX).contains(&category.expires_in), "{key}");
        // Whoever cannot switch it off is told at once, and whoever must be told at once is told for certain.
        assert_eq!(category.locked, category.quiet == QuietRule::Bypass, "{key}");
        assert!(!category.locked || category.semantics == Semantics::AtLeastOnce, "{key}");
    }
    let keys = all.iter().map(|category| category.key.as_str()).collect::<Vec<_>>();
    assert_eq!(keys, ["security", "account", "messages", "chats", "moderation", "transactional", "marketing"]);
}

#[test]
fn names_are_those_of_the_contract() {
    fn json(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }
    assert_eq!(json(&Semantics::ALL), r#"["at-least-once","at-most-once"]"#);
    assert_eq!(json(&Channel::ALL), r#"["email","inbox","live","webhook"]"#);
    assert_eq!(json(&Kind::ALL), r#"["security","transactional","marketing"]"#);
    assert_eq!(json(&QuietRule::ALL), r#"["bypass","defer"]"#);
    assert_eq!(json(&CategoryKey::SECURITY), r#""security""#);
    for channel in Channel::ALL {
        assert_eq!(json(channel), format!("{:?}", channel.name()));
        assert_eq!(Channel::parse(channel.name()), Some(*channel));
    }
}

#[test]
fn settings_add_categories_and_change_none() {
    let all = Categories::with(vec![defined("zoo"), defined("news")]).unwrap();
    let keys = all.iter().map(|category| category.key.as_str()).skip(7).collect::<Vec<_>>();
    assert_eq!(keys, ["news", "zoo"]);
    assert!(all.find("news").is_some() && Categories::built_in().find("news").is_none());
    for twice in [vec![defined("security")], vec![defined("news"), defined("news")]] {
        assert!(Categories::with(twice).is_err());
    }
    let many = |count: usize| (0..count).map(|number| defined(&format!("c{number}"))).collect::<Vec<_>>();
    assert!(Categories::with(many(64)).is_ok());
    assert!(Categories::with(many(65)).is_err());
}
