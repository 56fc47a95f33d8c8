//! What an operator says of a provider.

use std::fmt;

/// What a provider is called in settings and addresses: 1 to 32 lower-case letters, digits, hyphens and underscores, a letter
/// first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(String);

impl ProviderId {
    /// Most characters.
    pub const CHARACTERS_MAX: usize = 32;

    /// Reads one; none when it is none.
    pub fn parse(text: &str) -> Option<ProviderId> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
        let begins = text.bytes().next()?.is_ascii_lowercase();
        let is_one = begins && text.len() <= ProviderId::CHARACTERS_MAX && text.bytes().all(fits);
        is_one.then(|| ProviderId(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// By which rules a provider works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// OpenID Connect as it is written.
    OpenId,
    /// The same, with what is peculiar to Google.
    Google,
    /// OAuth 2.1 as VK ID has it.
    Vk,
}

impl Kind {
    /// The kind of a provider by its name in settings.
    pub fn of(id: &ProviderId) -> Kind {
        match id.as_str() {
            "google" => Kind::Google,
            "vk" => Kind::Vk,
            _ => Kind::OpenId,
        }
    }

    /// The issuer, where the kind knows it.
    pub fn issuer(self) -> Option<&'static str> {
        match self {
            Kind::OpenId => None,
            Kind::Google => Some(crate::google::ISSUER),
            Kind::Vk => Some(crate::vk::ISSUER),
        }
    }

    /// What people call it, where the kind knows that.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Kind::OpenId => None,
            Kind::Google => Some("Google"),
            Kind::Vk => Some("VK ID"),
        }
    }

    /// What is asked for where the settings do not say it.
    pub fn scopes(self) -> &'static str {
        match self {
            Kind::OpenId | Kind::Google => "openid email profile",
            Kind::Vk => crate::vk::SCOPES,
        }
    }
}

/// The secret of a client. It is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(pub String);

impl fmt::Debug for ClientSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ClientSecret(…)")
    }
}

/// A provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderSettings {
    pub id: ProviderId,
    /// What people call it.
    pub name: String,
    /// Exactly as the provider writes it.
    pub issuer: String,
    pub client_id: String,
    /// None for a client that has none: it is known by PKCE alone.
    pub client_secret: Option<ClientSecret>,
    /// With spaces between them.
    pub scopes: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_providers_fit_into_addresses_and_settings() {
        for text in ["google", "vk", "acme-2", "my_idp", "a", &"a".repeat(32)] {
            assert_eq!(ProviderId::parse(text).map(|id| id.to_string()).as_deref(), Some(text));
        }
        for text in ["", "Google", "2a", "-a", "_a", "a.b", "a/b", "é", &"a".repeat(33)] {
            assert_eq!(ProviderId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert!(!format!("{:?}", ClientSecret("s3cr3t".to_owned())).contains("s3cr3t"));
    }
}
