//! Services to sign in by: `[oidc.<name>]` in `letopis.toml`, and variables `LETOPIS_OIDC_<NAME>_…`.

use super::layers::{Set, both, secret_in, toml_text, unknown};
use super::outbound::{allowed, callable};
use super::{Layers, table};
use crate::exit::{Code, failure};
use anyhow::Result;
use oidc::{ClientSecret, Kind, ProviderId, ProviderSettings};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use toml::Value;

/// The key of the tables in `letopis.toml`.
pub const KEY: &str = "oidc";
/// How their variables begin.
const PREFIX: &str = "LETOPIS_OIDC_";
const SECRET: &str = "client_secret";
const SECRET_FILE: &str = "client_secret_file";
/// Most providers.
const PROVIDERS_MAX: usize = 32;
/// Most characters of a value.
const CHARACTERS_MAX: usize = 4_096;

/// What can be set of each, with what it means.
pub const FIELDS: [(&str, &str); 6] = [
    ("issuer", "the service's issuer, exactly as the service writes it; google and vk need none, all others do"),
    ("client_id", "the name that the service gave this server; must be set"),
    (SECRET, "the secret that the service gave this server, if it gave one"),
    (SECRET_FILE, "a file that holds the secret, in place of the secret"),
    ("name", "the name that people see; by default Google, VK ID, or the name of the table"),
    ("scopes", "the scopes to ask for, separated by spaces; by default openid email profile"),
];

/// What is set of each provider, by its name and the field.
#[derive(Clone, Debug, Default)]
pub struct OidcLayers(BTreeMap<String, BTreeMap<&'static str, Set>>);

impl OidcLayers {
    /// What is set, in the order of the names.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &'static str, &Set)> {
        self.0.iter().flat_map(|(name, fields)| fields.iter().map(move |(field, set)| (name.as_str(), *field, set)))
    }

    fn set(&mut self, name: &str, field: &'static str, text: String, origin: String) {
        self.0.entry(name.to_owned()).or_default().insert(field, Set { text, exact: None, origin });
    }

    /// Lays the tables of a file. `file` is shown in errors.
    ///
    /// # Errors
    /// The first value that cannot be used, and what it must be.
    pub fn lay_toml(&mut self, value: &Value, file: &str) -> Result<()> {
        let Some(tables) = value.as_table() else {
            return Err(failure(Code::Usage, format!("{file}: {KEY} must be tables like [{KEY}.google]")));
        };
        for (name, value) in tables {
            let place = format!("{file}: {KEY}.{name}");
            if ProviderId::parse(name).is_none() {
                return Err(failure(Code::Usage, format!("{place} {NAMES}")));
            }
            let Some(table) = value.as_table() else {
                return Err(failure(Code::Usage, format!("{place} must be a table: write [{KEY}.{name}] above it")));
            };
            self.0.entry(name.clone()).or_default();
            for (key, value) in table {
                let known = FIELDS.iter().find(|(field, _)| field == key);
                let Some((field, _)) = known else {
                    return Err(unknown(&format!("{place} has no {key}"), key, FIELDS.iter().map(|(field, _)| *field)));
                };
                let text = toml_text(value).ok_or_else(|| {
                    failure(Code::Usage, format!("{place}.{key} must be a string or a list of strings"))
                })?;
                if *field == SECRET_FILE {
                    if table.contains_key(SECRET) {
                        return Err(both(&format!("{place}.{SECRET}"), SECRET_FILE));
                    }
                    self.set(name, SECRET, secret_in(&text)?, format!("{text} ({file})"));
                } else {
                    self.set(name, field, text, file.to_owned());
                }
            }
        }
        Ok(())
    }

    /// Lays a variable, if it is one of these.
    ///
    /// # Errors
    /// When it names a file that cannot be read, or the secret is set twice.
    pub fn lay_variable(&mut self, variable: &str, value: &OsString) -> Result<bool> {
        let Some(rest) = variable.strip_prefix(PREFIX) else { return Ok(false) };
        let fields = FIELDS.iter().map(|(field, _)| *field);
        let ends = |field: &'static str| Some((rest.strip_suffix(&field.to_uppercase())?.strip_suffix('_')?, field));
        let Some((name, field)) = fields.filter_map(ends).min_by_key(|(name, _)| name.len()) else { return Ok(false) };
        let name = name.to_lowercase();
        // A variable has no hyphens: what the file calls with them is the same.
        let known = self.0.keys().find(|known| known.replace('-', "_") == name).cloned();
        let name = known.unwrap_or(name);
        if ProviderId::parse(&name).is_none() {
            return Ok(false);
        }
        let text = value.to_string_lossy().into_owned();
        if field == SECRET_FILE || field == SECRET {
            let other = self.0.get(&name).and_then(|fields| fields.get(SECRET));
            if other.is_some_and(|set| set.origin.contains(PREFIX)) {
                let (one, file) = (format!("{PREFIX}…_CLIENT_SECRET"), format!("{PREFIX}…_CLIENT_SECRET_FILE"));
                return Err(both(&one, &file));
            }
        }
        if field == SECRET_FILE {
            let origin = format!("{} ({variable})", Path::new(value).display());
            self.set(&name, SECRET, secret_in(value)?, origin);
        } else {
            self.set(&name, field, text, variable.to_owned());
        }
        Ok(true)
    }
}

/// Names of variables that a variable may have been meant to be.
pub fn variables_like(variable: &str) -> Vec<String> {
    let Some(rest) = variable.strip_prefix(PREFIX) else { return Vec::new() };
    let name = rest.split('_').next().unwrap_or_default();
    FIELDS.iter().map(|(field, _)| format!("{PREFIX}{name}_{}", field.to_uppercase())).collect()
}

const NAMES: &str =
    "is no name: it must have 1 to 32 lower-case letters, digits, hyphens and underscores, a letter first";

/// The providers, in the form in which they are used.
///
/// # Errors
/// The first value that cannot be used, where it was set, and what it must be.
pub(super) fn read(layers: &Layers) -> Result<Vec<ProviderSettings>> {
    let allowed = allowed(layers)?;
    let OidcLayers(tables) = layers.oidc();
    if tables.len() > PROVIDERS_MAX {
        return Err(failure(Code::Usage, format!("there are more than {PROVIDERS_MAX} tables [{KEY}.…]")));
    }
    let one = |(name, fields): (&String, &BTreeMap<&'static str, Set>)| {
        let id = ProviderId::parse(name).ok_or_else(|| failure(Code::Usage, format!("{KEY}.{name} {NAMES}")))?;
        let kind = Kind::of(&id);
        let of = |field: &str| fields.get(field).map(|set| set.text.as_str());
        let fault = |field: &str, what: &str| {
            let origin = fields.get(field).map_or_else(String::new, |set| format!(" ({})", set.origin));
            failure(Code::Usage, format!("{KEY}.{name}.{field}{origin} {what}"))
        };
        for (field, set) in fields {
            if set.text.is_empty() || set.text.len() > CHARACTERS_MAX || set.text.contains(char::is_control) {
                return Err(fault(field, "must have 1 to 4096 characters in one line"));
            }
        }
        let issuer = of("issuer").or(kind.issuer()).ok_or_else(|| fault("issuer", "must be set"))?;
        let url = callable(&allowed, issuer).map_err(|what| fault("issuer", what))?;
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(fault("issuer", "must be an address without a question, a fragment, a name or a password"));
        }
        let client_id = of("client_id").ok_or_else(|| fault("client_id", "must be set"))?;
        let scopes = of("scopes").map_or_else(|| kind.scopes().to_owned(), |scopes| scopes.replace(',', " "));
        if kind != Kind::Vk && !scopes.split_whitespace().any(|scope| scope == "openid") {
            return Err(fault("scopes", "must hold openid"));
        }
        Ok(ProviderSettings {
            name: of("name").or(kind.name()).unwrap_or(name).to_owned(),
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            client_secret: of(SECRET).map(|secret| ClientSecret(secret.to_owned())),
            scopes,
            id,
        })
    };
    tables.iter().map(one).collect()
}

/// What a field means.
pub fn meaning(field: &str) -> &'static str {
    FIELDS.iter().find(|(known, _)| *known == field).map_or("", |(_, meaning)| meaning)
}

/// The variable of a field.
pub fn variable(name: &str, field: &str) -> String {
    format!("{PREFIX}{}_{}", name.replace('-', "_").to_uppercase(), field.to_uppercase())
}

/// What is shown of a value.
pub fn shown<'a>(field: &str, set: &'a Set) -> &'a str {
    if field == SECRET { table::MASKED } else { &set.text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(toml: &str, pairs: &[(&str, &str)]) -> Result<Vec<ProviderSettings>> {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("letopis.toml");
        std::fs::write(&path, toml).unwrap();
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        read(&Layers::load(Some(&path), pairs.collect::<Vec<_>>().into_iter(), &[])?)
    }

    fn fault(toml: &str, pairs: &[(&str, &str)]) -> String {
        let error = load(toml, pairs).unwrap_err().to_string();
        assert!(!error.contains("s3cr3t"), "{error}");
        error
    }

    #[test]
    fn google_and_vk_are_known_by_name_and_others_by_their_issuer() {
        assert_eq!(load("", &[]).unwrap(), []);
        let toml = "[oidc.google]\nclient_id = 'g'\nclient_secret = 's3cr3t'\n[oidc.vk]\nclient_id = '1'\n\
                    [oidc.acme]\nissuer = 'https://id.acme.example/realms/main'\nclient_id = 'a'\nname = 'Acme'\n\
                    scopes = ['openid', 'email']";
        let [acme, google, vk] = <[ProviderSettings; 3]>::try_from(load(toml, &[]).unwrap()).unwrap();
        assert_eq!((google.issuer.as_str(), google.name.as_str()), ("https://accounts.google.com", "Google"));
        assert_eq!(google.client_secret, Some(ClientSecret("s3cr3t".to_owned())));
        assert_eq!((vk.issuer.as_str(), vk.name.as_str(), vk.client_secret), ("https://id.vk.com", "VK ID", None));
        assert_eq!(
            (acme.issuer.as_str(), acme.scopes.as_str()),
            ("https://id.acme.example/realms/main", "openid email")
        );
    }

    #[test]
    fn variables_win_over_the_file_and_make_providers_of_their_own() {
        let toml = "[oidc.my-acme]\nissuer = 'https://id.acme.example'\nclient_id = 'of the file'";
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("secret");
        std::fs::write(&file, "s3cr3t\n").unwrap();
        let file = file.display().to_string();
        let pairs = [
            ("LETOPIS_OIDC_MY_ACME_CLIENT_ID", "of the environment"),
            ("LETOPIS_OIDC_MY_ACME_CLIENT_SECRET_FILE", file.as_str()),
            ("LETOPIS_OIDC_GOOGLE_CLIENT_ID", "g"),
        ];
        let [google, acme] = <[ProviderSettings; 2]>::try_from(load(toml, &pairs).unwrap()).unwrap();
        assert_eq!((google.id.as_str(), google.client_id.as_str()), ("google", "g"));
        assert_eq!((acme.id.as_str(), acme.client_id.as_str()), ("my-acme", "of the environment"));
        assert_eq!(acme.client_secret, Some(ClientSecret("s3cr3t".to_owned())));
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_place() {
        let good = "issuer = 'https://id.acme.example'\nclient_id = 'a'";
        for (toml, pairs, told) in [
            ("oidc = 'google'", &[][..], "must be tables like [oidc.google]"),
            ("[oidc]\ngoogle = 1", &[], "must be a table"),
            ("[oidc.Google]\nclient_id = 'x'", &[], "is no name"),
            ("[oidc.google]\nclientid = 'x'", &[], "did you mean client_id?"),
            ("[oidc.google]\nclient_id = 5", &[], "must be a string"),
            ("[oidc.google]\n", &[], "oidc.google.client_id must be set"),
            ("[oidc.google]\nclient_id = ''", &[], "must have 1 to 4096 characters"),
            ("[oidc.acme]\nclient_id = 'x'", &[], "oidc.acme.issuer must be set"),
            ("[oidc.acme]\nclient_id = 'x'\nissuer = 'acme'", &[], "it must be a URL"),
            ("[oidc.acme]\nclient_id = 'x'\nissuer = 'http://id.acme.example'", &[], "must begin with https://"),
            ("[oidc.acme]\nclient_id = 'x'\nissuer = 'https://10.0.0.1'", &[], "is a private one"),
            ("[oidc.acme]\nclient_id = 'x'\nissuer = 'https://a.example/?x'", &[], "without a question"),
            ("[oidc.google]\nclient_id = 'x'\nscopes = 'email'", &[], "must hold openid"),
            ("[oidc.google]\nclient_id = 'x'\nclient_secret = 's3cr3t'\nclient_secret_file = 'x'", &[], "both set"),
            ("", &[("LETOPIS_OIDC_GOOGLE_CLIENTID", "x")], "did you mean LETOPIS_OIDC_GOOGLE_CLIENT_ID?"),
            ("", &[("LETOPIS_OIDC_CLIENT_ID", "x")], "which is no setting"),
            ("", &[("LETOPIS_OIDC_GOOGLE_CLIENT_SECRET", "s3cr3t")], "client_id must be set"),
            ("[oidcs.google]\nclient_id = 'x'", &[], "did you mean oidc?"),
        ] {
            let error = fault(toml, pairs);
            assert!(error.contains(told), "{toml} {pairs:?}: {error}");
        }
        let allowed = [("LETOPIS_OUTBOUND_ALLOW", "id.acme.example")];
        let plain = good.replace("https", "http");
        assert!(load(&format!("[oidc.acme]\n{plain}"), &allowed).is_ok());
    }
}
