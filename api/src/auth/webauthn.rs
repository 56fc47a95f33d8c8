//! Checks what passkeys sign (WebAuthn level 3). The relying party is the public URL's host. Every ceremony asks for a key that is
//! kept by the device (discoverable) and for the person to be verified by it: such a key stands for two factors.
//!
//! This stands on the core of `webauthn-rs` and not on its outer crate, which refuses hosts that are an address of IP and leaves it
//! to the device whether a key is discoverable (`docs/decisions/0034`).

use crate::error::{Code, Error};
use domain::passkeys::Uses;
use domain::{Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use url::Url;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::error::WebauthnError;
use webauthn_rs_core::proto::{
    AttestationConveyancePreference, AuthenticationState, Credential, ParsedAttestation, PublicKeyCredential,
    RegisterPublicKeyCredential, RegistrationState, UserVerificationPolicy,
};

/// How long a device may take to sign.
pub(crate) const CEREMONY_LASTS: Duration = Duration::from_secs(5 * 60);
/// Most bytes of what a key is known by (WebAuthn, 4: credential ID).
const CREDENTIAL_ID_BYTES_MAX: usize = 1_023;
/// Most bytes of a public key with what belongs to it, as JSON.
const CREDENTIAL_BYTES_MAX: usize = 8 * 1024;

/// Whom passkeys sign for.
pub(crate) struct RelyingParty {
    core: WebauthnCore,
}

/// A ceremony that begins: what the browser is told, and what must be known when it comes back.
pub(crate) struct Begun<State> {
    /// For `navigator.credentials`.
    pub(crate) public_key: Value,
    pub(crate) state: State,
    /// What the device signs: by it the state is found again.
    pub(crate) challenge: Vec<u8>,
}

/// A key that has just been made.
pub(crate) struct NewKey {
    /// The public key with what belongs to it, as JSON.
    pub(crate) credential: String,
    pub(crate) uses: Uses,
}

/// What a device has signed for a sign-in, and whose key it says it is.
pub(crate) struct Assertion {
    pub(crate) credential: PublicKeyCredential,
    pub(crate) user_id: UserId,
}

impl RelyingParty {
    /// `product_name` is what devices list the keys under, and `base` the origin of this server; pages of `origins` may ask
    /// as well where their host is that of `base`, or below it.
    pub(crate) fn new(product_name: &str, base: &Url, origins: &[String]) -> RelyingParty {
        let host = base.host_str().unwrap_or_default();
        let is_of_host = |url: &Url| {
            let other = url.host_str().unwrap_or_default();
            other == host || other.strip_suffix(host).is_some_and(|rest| rest.ends_with('.'))
        };
        let others = origins.iter().filter_map(|origin| Url::parse(origin).ok()).filter(is_of_host);
        let allowed = std::iter::once(base.clone()).chain(others).collect();
        RelyingParty {
            core: WebauthnCore::new_unsafe_experts_only(product_name, host, allowed, CEREMONY_LASTS, None, None),
        }
    }

    /// Begins to make a key; the device is told which ones it must not be.
    pub(crate) fn begin_new(
        &self,
        user_id: UserId,
        (user_name, display_name): (&str, &str),
        existing: &[String],
    ) -> Result<Begun<RegistrationState>, Error> {
        let existing = existing.iter().map(|credential| parsed(credential).map(|credential| credential.cred_id));
        let builder = self
            .core
            .new_challenge_register_builder(user_id.0.as_bytes(), user_name, display_name)
            .map_err(ours)?
            .attestation(AttestationConveyancePreference::None)
            .user_verification_policy(UserVerificationPolicy::Required)
            .require_resident_key(true)
            .exclude_credentials(Some(existing.collect::<Result<_, _>>()?));
        let (told, state) = self.core.generate_challenge_register(builder).map_err(ours)?;
        let challenge = told.public_key.challenge.clone();
        Ok(Begun { public_key: json(&told.public_key)?, state, challenge })
    }

    /// A key that was made for that state.
    pub(crate) fn finish_new(&self, answer: &Value, state: &RegistrationState) -> Result<NewKey, Error> {
        let answer = RegisterPublicKeyCredential::deserialize(answer).map_err(|_| malformed())?;
        let mut credential = self.core.register_credential(&answer, state, None).map_err(|error| refused(&error))?;
        if credential.cred_id.len() > CREDENTIAL_ID_BYTES_MAX {
            return Err(malformed());
        }
        // Whoever made the device is none of our business.
        credential.attestation = ParsedAttestation::default();
        let uses = Uses { counter: credential.counter, backed_up: credential.backup_state };
        let credential = serde_json::to_string(&credential).map_err(|error| Error::ours(&error, Code::Internal))?;
        if credential.len() > CREDENTIAL_BYTES_MAX {
            return Err(malformed());
        }
        Ok(NewKey { credential, uses })
    }

    /// Begins to sign somebody in: the device knows who.
    pub(crate) fn begin(&self) -> Result<Begun<AuthenticationState>, Error> {
        let required = Some(UserVerificationPolicy::Required);
        let builder = self.core.new_challenge_authenticate_builder(Vec::new(), required).map_err(ours)?;
        let (told, state) = self.core.generate_challenge_authenticate(builder).map_err(ours)?;
        let challenge = told.public_key.challenge.clone();
        Ok(Begun { public_key: json(&told.public_key)?, state, challenge })
    }

    /// What the key with that public part said when it signed for that state.
    pub(crate) fn finish(
        &self,
        answer: &PublicKeyCredential,
        state: &AuthenticationState,
        credential: &str,
        uses: Uses,
    ) -> Result<Uses, Error> {
        let mut credential = parsed(credential)?;
        // Whether it counts on is decided where facts are, and once more there.
        (credential.counter, credential.backup_state) = (uses.counter, uses.backed_up);
        let result = self.core.authenticate_single_credential(answer, state, &credential);
        let result = result.map_err(|error| refused(&error))?;
        Ok(Uses { counter: result.counter(), backed_up: result.backup_state() })
    }
}

impl Assertion {
    /// # Errors
    /// `bad-parameters` when it is none; `bad-passkey` when it says of nobody whose it is.
    pub(crate) fn parse(answer: &Value) -> Result<Assertion, Error> {
        let credential = PublicKeyCredential::deserialize(answer).map_err(|_| malformed())?;
        let user_id = credential.get_user_unique_id().and_then(|bytes| uuid::Uuid::from_slice(bytes).ok());
        let user_id = user_id.map(UserId).ok_or_else(bad_passkey)?;
        Ok(Assertion { credential, user_id })
    }

    /// Whether it is that one's.
    pub(crate) fn is_by(&self, credential: &str) -> bool {
        parsed(credential).is_ok_and(|known| known.cred_id.as_slice() == self.credential.raw_id.as_slice())
    }
}

/// The challenge that an answer of a device says it has signed.
///
/// # Errors
/// `bad-parameters` when it says none.
pub(crate) fn challenge_of(answer: &Value) -> Result<Vec<u8>, Error> {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    #[derive(Deserialize)]
    struct ClientData {
        challenge: String,
    }
    let text = answer["response"]["clientDataJSON"].as_str().ok_or_else(malformed)?;
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed())?;
    let data = serde_json::from_slice::<ClientData>(&bytes).map_err(|_| malformed())?;
    URL_SAFE_NO_PAD.decode(data.challenge).map_err(|_| malformed())
}

/// When a ceremony that begins now is over.
pub(crate) fn ends_at(now: Timestamp) -> Timestamp {
    now.plus(CEREMONY_LASTS)
}

fn parsed(credential: &str) -> Result<Credential, Error> {
    serde_json::from_str(credential).map_err(|error| Error::ours(&error, Code::Internal))
}

fn json(told: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(told).map_err(|error| Error::ours(&error, Code::Internal))
}

pub(crate) fn bad_passkey() -> Error {
    Error::new(Code::BadPasskey, "this passkey does not sign in here; use another way")
}

fn malformed() -> Error {
    Error::field(Code::BadParameters, "credential", "must be what `credential.toJSON()` gives")
}

fn ours(error: WebauthnError) -> Error {
    Error::ours(&error, Code::Internal)
}

/// What a device has signed is not what it was asked to.
fn refused(error: &WebauthnError) -> Error {
    tracing::debug!(%error, "a passkey is refused");
    bad_passkey()
}
