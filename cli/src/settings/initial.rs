//! The `letopis.toml` to begin with: every setting with its default, as a comment.

use super::table::{ROWS, Row};
use super::{categories, oidc};

const HEAD: &str = "\
# Settings of Letopis. LETOPIS_* variables win over this file, flags win over both.
# A line that begins with #name is the default; take the # away to change it.
# `letopis config show` lists every setting with its value and where that was set.
";

/// Its text.
pub fn text() -> String {
    let mut text = HEAD.to_owned();
    for row in &ROWS {
        text.push_str(&told(row));
    }
    text.push_str(&oidc_told());
    text.push_str(&categories_told());
    text
}

/// Services to sign in by.
fn oidc_told() -> String {
    let mut text = format!(
        "\n# Services to sign in with (OpenID Connect), a table for each; google and vk are known by name. Fields, which \
         can also\n# be set by variables like {}:\n#[{}.google]\n",
        oidc::variable("google", "client_id"),
        oidc::KEY
    );
    for (field, meaning) in oidc::FIELDS {
        text.push_str(&format!("#   {field}: {meaning}\n"));
    }
    text
}

/// They come last: what stands behind the name of a table belongs to it.
fn categories_told() -> String {
    let mut text = format!(
        "\n# Your own categories of notifications beside the built-in ones, a table for each. Fields:\n\
         #[{}.news]\n",
        categories::KEY
    );
    for (field, meaning) in categories::FIELDS {
        text.push_str(&format!("#   {field}: {meaning}\n"));
    }
    text
}

fn told(row: &Row) -> String {
    let file = if row.secret { format!(" (or the name of its file: {}_file)", row.key) } else { String::new() };
    // What has no default stands there empty: an empty value is refused, so nobody sets it by accident.
    let default = row.default.unwrap_or_default();
    format!("\n# {}; variable {}{file}\n#{} = {default:?}\n", row.meaning, row.env, row.key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Layers, Settings};

    #[test]
    fn it_holds_every_setting_and_changes_none() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("letopis.toml");
        let text = text();
        let load = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Layers::load(Some(&path), std::iter::empty::<(String, String)>(), &[]).unwrap()
        };
        let untouched = load(&text);
        assert!(ROWS.iter().all(|row| untouched.get(row.key).is_none_or(|set| set.origin == "default")));
        // Every default, switched on, is what holds anyway.
        let defaults = ROWS.iter().filter(|row| row.default.is_some());
        let switched_on = defaults.fold(text, |text, row| {
            let line = format!("\n#{} = ", row.key);
            assert_eq!(text.matches(&line).count(), 1, "{}", row.key);
            text.replace(&line, &line.replace('#', ""))
        });
        let layers = load(&switched_on);
        Settings::read(&layers).unwrap();
        for row in ROWS.iter().filter(|row| row.default.is_some()) {
            let set = layers.get(row.key).unwrap();
            assert_eq!(Some(set.text.as_str()), row.default);
            assert!(set.origin.ends_with("letopis.toml"), "{}", row.key);
        }
    }
}
