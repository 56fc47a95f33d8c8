//! The links of a mail: what a test, or a person, wants to follow.

use linkify::{LinkFinder, LinkKind};

/// Most links that are listed of one mail.
const LINKS_MAX: usize = 1_000;

/// Those of the HTML, then those that only the text has; each once, as they would be followed.
pub(super) fn found(html: Option<&str>, text: Option<&str>) -> Vec<String> {
    let mut links = Vec::<String>::new();
    let all = of_html(html.unwrap_or_default()).into_iter().chain(of_text(text.unwrap_or_default()));
    for link in all.filter(|link| is_web(link)) {
        if links.len() == LINKS_MAX {
            break;
        }
        if !links.contains(&link) {
            links.push(link);
        }
    }
    links
}

fn is_web(link: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        link.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme)) && link.len() > scheme.len()
    })
}

fn of_text(text: &str) -> Vec<String> {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]);
    finder.links(text).map(|link| link.as_str().to_owned()).collect()
}

/// The values of `href` in tags, with their entities decoded.
fn of_html(html: &str) -> Vec<String> {
    let mut links = Vec::new();
    // Tags that a comment or a style holds are listed as well: nobody is misled by a link too many.
    for tag in html.split('<').skip(1).filter(|tag| tag.starts_with(|first: char| first.is_ascii_alphabetic())) {
        if let Some(value) = attribute(tag, "href") {
            links.push(html_escape::decode_html_entities(value.trim()).into_owned());
        }
    }
    links
}

/// The value of an attribute of a tag: `a class="x" href='y'>`.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = tag.trim_start_matches(|letter: char| !letter.is_ascii_whitespace() && letter != '>');
    loop {
        rest = rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == '/');
        let end = rest.find(|letter: char| letter.is_ascii_whitespace() || matches!(letter, '=' | '>' | '/'))?;
        let (key, behind) = rest.split_at(end);
        if key.is_empty() && !behind.starts_with('=') {
            return None;
        }
        let behind = behind.trim_start();
        let Some(value) = behind.strip_prefix('=') else {
            rest = behind;
            continue;
        };
        let (value, behind) = quoted(value.trim_start())?;
        if key.eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = behind;
    }
}

/// A value with or without quotation marks, and what stands behind it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    match text.chars().next()? {
        mark @ ('"' | '\'') => text[1..].split_once(mark),
        _ => {
            let end = text.find(|letter: char| letter.is_ascii_whitespace() || letter == '>').unwrap_or(text.len());
            Some(text.split_at(end))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_as_they_would_be_followed() {
        let cases: [(&str, &[&str]); 12] = [
            (r#"<a href="https://a.example/c/x">"#, &["https://a.example/c/x"]),
            (r#"<A CLASS=x HREF='https://a.example/?a=1&amp;b=2'>"#, &["https://a.example/?a=1&b=2"]),
            ("<a href=https:&#x2f;&#x2f;a.example&#47;x>", &["https://a.example/x"]),
            ("<a href = \"http://a.example\" >", &["http://a.example"]),
            ("<a data-href=\"https://b.example\" href=\"https://a.example\">", &["https://a.example"]),
            ("<a disabled href=\"https://a.example\"/>", &["https://a.example"]),
            ("<a href=\"mailto:x@y.example\"><a href=\"#top\"><a href>", &[]),
            ("a < b href=\"https://a.example\"", &[]),
            ("<a href=\"https://a.example", &[]),
            ("<a =\"\" href=\"https://a.example\">", &["https://a.example"]),
            ("<a href=\"https://a.example\"><a href=\"https://a.example\">", &["https://a.example"]),
            ("</a href=\"https://a.example\">", &[]),
        ];
        for (html, links) in cases {
            assert_eq!(found(Some(html), None), links, "{html}");
        }
    }

    #[test]
    fn what_only_the_text_has_comes_last_and_nothing_twice() {
        let html = "<a href=\"https://a.example/1\">one</a>";
        let text = "See https://a.example/1, https://a.example/2. (https://a.example/3) or mail x@y.example.";
        let links = found(Some(html), Some(text));
        assert_eq!(links, ["https://a.example/1", "https://a.example/2", "https://a.example/3"]);
    }

    #[test]
    fn links_have_a_limit_and_any_bytes_are_fine() {
        let many = (0..LINKS_MAX + 5).map(|number| format!("https://a.example/{number} ")).collect::<String>();
        assert_eq!(found(None, Some(&many)).len(), LINKS_MAX);
        for html in
            ["<", "<a", "<a ", "<a href", "<a href=", "<a href='", "<a é=ü href='https://é.example/ü'>", "<a\0>"]
        {
            found(Some(html), Some(html));
        }
    }
}
