//! From where a setting has its value: the default, `letopis.toml`, the environment, a flag; the later one wins.

use super::oidc::{self, OidcLayers};
use super::table::{ROWS, Row, by_key};
use super::{categories, kubernetes};
use crate::exit::{Code, failure};
use anyhow::{Context, Result};
use domain::notify::Category;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

/// Where `letopis.toml` is looked for when no other file is named.
const FILE: &str = "letopis.toml";
/// A name this far from a known one is taken for a slip of the finger.
const SIMILAR_MIN: f64 = 0.7;

/// A value and where it was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// The value as it was written; of one that is not UTF-8, as it can be shown.
    pub text: String,
    /// The value itself where it is not UTF-8: a path may be so.
    pub exact: Option<OsString>,
    /// `default`, `flag --…`, the environment variable or the file.
    pub origin: String,
}

/// What is set, by key.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    values: BTreeMap<&'static str, Set>,
    /// Variables that Kubernetes sets for a Service of our name, which are none of ours.
    passed_over: Vec<String>,
    /// The categories of notifications that the file defines, and the file.
    categories: (Vec<Category>, String),
    /// Other services to sign in by.
    oidc: OidcLayers,
}

/// What was given on the command line: flag, key and value.
pub type Flag = (&'static str, &'static str, OsString);

impl Layers {
    /// Lays everything over the defaults.
    ///
    /// # Errors
    /// When a file cannot be read, or names what does not exist.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
        flags: &[Flag],
    ) -> Result<Layers> {
        let mut layers = Layers::default();
        for row in &ROWS {
            if let Some(default) = row.default {
                layers.set(row, default.to_owned(), "default".to_owned());
            }
        }
        layers.lay_file(file)?;
        layers.lay_environment(env.map(|(name, value)| (name.into(), value.into())))?;
        for (flag, key, value) in flags {
            let row = by_key(key).expect("flags name keys of the table");
            layers.set_exactly(row, value.clone(), format!("flag --{flag}"));
        }
        Ok(layers)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Set> {
        self.values.get(key)
    }

    fn set(&mut self, row: &'static Row, text: String, origin: String) {
        self.values.insert(row.key, Set { text, exact: None, origin });
    }

    fn set_exactly(&mut self, row: &'static Row, value: OsString, origin: String) {
        match value.into_string() {
            Ok(text) => self.set(row, text, origin),
            Err(exact) => {
                let text = exact.to_string_lossy().into_owned();
                self.values.insert(row.key, Set { text, exact: Some(exact), origin });
            }
        }
    }

    /// Variables that look like ours and are what Kubernetes tells of a Service.
    pub fn passed_over(&self) -> &[String] {
        &self.passed_over
    }

    /// The categories of notifications that a file defines, and which file.
    pub fn categories(&self) -> (&[Category], &str) {
        let (categories, file) = &self.categories;
        (categories, file)
    }

    /// What is set of other services to sign in by.
    pub fn oidc(&self) -> &OidcLayers {
        &self.oidc
    }

    fn lay_file(&mut self, file: Option<&Path>) -> Result<()> {
        let path = match file {
            Some(path) => path,
            None if Path::new(FILE).exists() => Path::new(FILE),
            None => return Ok(()),
        };
        let text = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
        self.lay_toml(&text, path)
    }

    fn lay_toml(&mut self, text: &str, path: &Path) -> Result<()> {
        let name = path.display();
        let table = text
            .parse::<toml::Table>()
            .map_err(|error| failure(Code::Usage, format!("{name} is not TOML: {error}")))?;
        let mut from_files = Vec::new();
        for (key, value) in table {
            if key == categories::KEY {
                self.categories = (categories::read(&value, &name.to_string())?, name.to_string());
                continue;
            }
            if key == oidc::KEY {
                self.oidc.lay_toml(&value, &name.to_string())?;
                continue;
            }
            let of_file = secret_of_file(&key, |row| row.key.to_owned(), "_file");
            if by_key(&key).or(of_file).is_none() {
                let known = ROWS.iter().map(|row| row.key).chain([categories::KEY, oidc::KEY]);
                return Err(unknown(&format!("{name}: there is no setting {key}"), &key, known));
            }
            let text = toml_text(&value)
                .ok_or_else(|| failure(Code::Usage, format!("{name}: {key} must be a string or a list of strings")))?;
            if let Some(row) = by_key(&key) {
                self.set(row, text, name.to_string());
            } else if let Some(row) = of_file {
                from_files.push((row, key, text));
            }
        }
        for (row, key, file) in from_files {
            let origin = name.to_string();
            if self.get(row.key).is_some_and(|set| set.origin == origin) {
                return Err(both(row.key, &key));
            }
            self.set(row, secret_in(&file)?, format!("{file} ({name})"));
        }
        Ok(())
    }

    fn lay_environment(&mut self, env: impl Iterator<Item = (OsString, OsString)>) -> Result<()> {
        let mut from_files = Vec::new();
        // Only a development build has failpoints: a release refuses the variable like any other that it does not know.
        let is_setting = |name: &str| {
            name.starts_with("LETOPIS_") && !(cfg!(debug_assertions) && name == store::failpoint::VARIABLE)
        };
        // A name that is not UTF-8 is shown as it can be: none of ours is so.
        let env = env.map(|(name, value)| (name.to_string_lossy().into_owned(), value));
        for (name, value) in env.filter(|(name, _)| is_setting(name)) {
            if let Some(row) = ROWS.iter().find(|row| row.env == name) {
                self.set_exactly(row, value, name);
            } else if let Some(row) = secret_of_file(&name, |row| row.env.to_owned(), "_FILE") {
                from_files.push((row, name, value));
            } else if self.oidc.lay_variable(&name, &value)? {
                // It is laid.
            } else if kubernetes::is_of_a_service(&name, &value.to_string_lossy()) {
                self.passed_over.push(name);
            } else {
                let of_oidc = oidc::variables_like(&name);
                let known = ROWS.iter().map(|row| row.env).chain(of_oidc.iter().map(String::as_str));
                return Err(unknown(&format!("the environment sets {name}, which is no setting"), &name, known));
            }
        }
        for (row, name, file) in from_files {
            if self.get(row.key).is_some_and(|set| set.origin == row.env) {
                return Err(both(row.env, &name));
            }
            let origin = format!("{} ({name})", Path::new(&file).display());
            self.set(row, secret_in(&file)?, origin);
        }
        Ok(())
    }
}

pub(super) fn toml_text(value: &toml::Value) -> Option<String> {
    if let Some(list) = value.as_array() {
        let texts = list.iter().map(toml::Value::as_str).collect::<Option<Vec<_>>>()?;
        return Some(texts.join(","));
    }
    value.as_str().map(str::to_owned)
}

fn secret_of_file(name: &str, named: impl Fn(&Row) -> String, suffix: &str) -> Option<&'static Row> {
    let name = name.strip_suffix(suffix)?;
    ROWS.iter().find(|row| row.secret && named(row) == name)
}

pub(super) fn secret_in(file: impl AsRef<Path>) -> Result<String> {
    let file = file.as_ref();
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("could not read the secret in {shown}"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

pub(super) fn both(name: &str, file: &str) -> anyhow::Error {
    failure(Code::Usage, format!("{name} and {file} are both set; keep one of them"))
}

/// An error with the known name that is nearest.
pub(super) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> anyhow::Error {
    unlike(what, name, known, "`letopis config show` lists every setting")
}

/// The same with other advice where none is near.
pub(super) fn unlike<'a>(
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
    otherwise: &str,
) -> anyhow::Error {
    let nearest =
        known.map(|known| (strsim::jaro_winkler(name, known), known)).max_by(|one, other| one.0.total_cmp(&other.0));
    let advice = match nearest {
        Some((likeness, known)) if likeness >= SIMILAR_MIN => format!("did you mean {known}?"),
        Some(_) | None => otherwise.to_owned(),
    };
    failure(Code::Usage, format!("{what}; {advice}"))
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> std::vec::IntoIter<(String, String)> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        pairs.collect::<Vec<_>>().into_iter()
    }

    fn load(toml: &str, pairs: &[(&str, &str)], flags: &[Flag]) -> Result<Layers> {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("letopis.toml");
        std::fs::write(&path, toml).unwrap();
        Layers::load(Some(&path), env(pairs), flags)
    }

    #[test]
    fn the_later_layer_wins_and_its_origin_is_known() {
        let toml =
            "listen = '127.0.0.1:1'\nlog = 'debug'\nallowed_origins = ['https://a.example', 'https://b.example']";
        let flags = [("listen", "listen", "127.0.0.1:3".into())];
        let layers = load(toml, &[("LETOPIS_LISTEN", "127.0.0.1:2"), ("HOME", "/")], &flags).unwrap();
        let listen = layers.get("listen").unwrap();
        assert_eq!((listen.text.as_str(), listen.origin.as_str()), ("127.0.0.1:3", "flag --listen"));
        assert!(layers.get("log").unwrap().origin.ends_with("letopis.toml"));
        assert_eq!(layers.get("allowed_origins").unwrap().text, "https://a.example,https://b.example");
        assert_eq!(layers.get("session_idle").unwrap().origin, "default");
        assert_eq!(layers.get("public_url"), None);
    }

    #[test]
    fn unknown_names_are_errors_with_a_suggestion() {
        let error = load("lissten = 'x'", &[], &[]).unwrap_err().to_string();
        assert!(error.contains("did you mean listen?"), "{error}");
        let error = load("", &[("LETOPIS_SESION_IDLE", "1d")], &[]).unwrap_err().to_string();
        assert!(error.contains("did you mean LETOPIS_SESSION_IDLE?"), "{error}");
        let error = load("zzz = 'x'", &[], &[]).unwrap_err().to_string();
        assert!(error.contains("config show"), "{error}");
        assert!(load("listen = 5", &[], &[]).is_err());
        assert!(load("listen", &[], &[]).is_err());
    }

    #[test]
    fn a_secret_may_stand_in_a_file_but_not_twice() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("key");
        std::fs::write(&path, "secret\n").unwrap();
        let path = path.display().to_string();
        let layers = load("", &[("LETOPIS_SENDGRID_KEY_FILE", &path)], &[]).unwrap();
        assert_eq!(layers.get("sendgrid_key").map(|set| set.text.as_str()), Some("secret"));
        let both = [("LETOPIS_SENDGRID_KEY_FILE", path.as_str()), ("LETOPIS_SENDGRID_KEY", "x")];
        let error = load("", &both, &[]).unwrap_err().to_string();
        assert!(error.contains("both set"), "{error}");
        assert!(load("", &[("LETOPIS_LISTEN_FILE", "x")], &[]).is_err());
    }
}
