//! Proof Key for Code Exchange (RFC 7636), always by S256.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use std::fmt;

/// What only who began the sign-in knows: 43 characters of base64url. It is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier(pub String);

impl fmt::Debug for Verifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Verifier(…)")
    }
}

impl Verifier {
    /// What the provider is told of it at the beginning.
    pub(crate) fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, self.0.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_that_of_the_specification() {
        // RFC 7636, appendix B.
        let verifier = Verifier("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned());
        assert_eq!(verifier.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
