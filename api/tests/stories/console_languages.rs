//! Every page of the console in every language: what the page itself says is said in it.

use super::console::{look, press};
use super::console_mailings::in_a_year;
use super::console_pages::{House, house};
use domain::notify::Language;
use serde_json::json;
use std::collections::BTreeSet;

/// Elements in which a page speaks. In others stands what the log says, which is data.
const SPEAKING: &[&str] = &["th", "dt", "legend", "label", "button", "summary", "h2", "h3"];
/// Elements that have no end.
const VOID: &[&str] = &["input", "meta", "link", "img", "br", "hr", "wbr", "col"];
/// Names of formats, of reasons as the API has them, and of what is the same in every language.
const NAMES: &[&str] =
    &["HTML", "CSV", "cron", "id", "hash", "webhook", "live", "inbox", "email", "en", "ru", "suspended"];

/// What a page says in elements that speak.
fn said(page: &str) -> BTreeSet<String> {
    let mut open = Vec::new();
    let mut said = BTreeSet::new();
    for part in page.split('<').skip(1) {
        let Some((tag, text)) = part.split_once('>') else { continue };
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap_or_default().to_owned();
        if tag.starts_with('/') {
            while open.pop().is_some_and(|one| one != name) {}
        } else if !VOID.contains(&name.as_str()) && !tag.starts_with('!') && !tag.ends_with('/') {
            open.push(name);
        }
        let speaks = open.last().is_some_and(|one| SPEAKING.contains(&one.as_str()));
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if speaks && text.chars().filter(|one| one.is_alphabetic()).count() > 1 {
            said.insert(text);
        }
    }
    said
}

/// Pages of mailings in each state that they have without couriers.
async fn pages_of_mailings(house: &House) -> Vec<String> {
    let mut pages = vec!["/console/mailings".to_owned(), "/console/mailings/new".to_owned()];
    for verbs in [&[][..], &["start"], &["start", "pause"], &["start", "cancel"]] {
        let form = "name=12&category=marketing&subject=12&text=12&all=on&channel.inbox=on";
        let form = format!("{form}&send_at={}", in_a_year());
        let made = press(&house.admin, "/console/mailings", &form, &[]).await.expect_status(303);
        let one = made.header("location").trim_end_matches("?done").to_owned();
        for verb in verbs {
            press(&house.admin, &format!("{one}/do/{verb}"), "", &[]).await.expect_status(303);
        }
        pages.extend(["preview", "deliveries", "progress"].map(|page| format!("{one}/{page}")));
        if verbs.is_empty() {
            pages.push(format!("{one}/edit"));
        }
        pages.push(one);
    }
    pages
}

#[tokio::test]
async fn nothing_that_a_page_says_is_left_untranslated() {
    let house = house().await;
    let mut pages = house.pages().into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    pages.extend(pages_of_mailings(&house).await);
    let is_cyrillic = |text: &str| text.chars().any(|one| ('\u{400}'..='\u{4ff}').contains(&one));
    let mut untranslated = BTreeSet::new();
    for path in &pages {
        let mut spoken = Vec::new();
        for language in Language::ALL {
            house.admin.patch("/v1/me", json!({"locale": language.tag()})).await.expect_status(200);
            let page = look(&house.admin, path, &[]).await.expect_status(200);
            let tag = format!("lang=\"{}\"", language.tag());
            assert!(!page.text.contains("<html") || page.text.contains(&tag), "{path} in {tag}: {}", page.text);
            spoken.push((language.tag(), said(&page.text)));
        }
        let (english, russian) = (&spoken[0].1, &spoken[1].1);
        assert_eq!((spoken[0].0, spoken[1].0, spoken.len()), ("en", "ru", 2), "a new language wants its own look");
        untranslated.extend(english.iter().filter(|text| is_cyrillic(text)).map(|text| format!("{path}, en: {text}")));
        let is_name = |text: &str| NAMES.contains(&text) || text.contains(super::console_pages::ESCAPED);
        let same = russian.iter().filter(|text| !is_cyrillic(text) && !is_name(text));
        untranslated.extend(same.map(|text| format!("{path}, ru: {text}")));
    }
    assert!(untranslated.is_empty(), "{untranslated:#?}");
}
