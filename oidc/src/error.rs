//! Why nobody was shown to be anybody. No error holds a code, a token or anything personal.

/// Why a provider could not be asked, or what it answered does not hold.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// It does not answer, or not in a way that can be understood.
    #[error("could not get {what}: {why}")]
    Unavailable { what: &'static str, why: String },
    /// It says no, by a code of RFC 6749 or OpenID Connect.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// It says something that is not true, or that was not meant for us.
    #[error("the provider's answer is not valid: {0}")]
    Untrue(&'static str),
}

impl Error {
    /// It says no by that code, which is shown only where it is short and of plain letters.
    pub fn refused(code: &str) -> Error {
        const CHARACTERS_MAX: usize = 64;
        let is_plain = code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        let fits = !code.is_empty() && code.len() <= CHARACTERS_MAX && is_plain;
        Error::Refused(if fits { code.to_owned() } else { "unknown_error".to_owned() })
    }

    /// Whether it is the person who did not want to.
    pub fn is_of_the_person(&self) -> bool {
        match self {
            Error::Refused(code) => matches!(code.as_str(), "access_denied" | "user_cancelled" | "consent_required"),
            Error::Unavailable { .. } | Error::Untrue(_) => false,
        }
    }
}
