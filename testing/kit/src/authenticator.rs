//! A device that makes passkeys and signs by them, in memory: what WebAuthn level 3 asks of an authenticator with one key (6.1 to
//! 6.5), and what it must not do.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The person is there, and was verified; the key is backed up.
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const HAS_KEY: u8 = 0x40;

/// A device with one passkey.
#[derive(Clone)]
pub struct Authenticator {
    key: SigningKey,
    id: [u8; 16],
    user_handle: String,
    /// Where the page is that asks it.
    pub origin: String,
    /// Whom it signs for; by default whom the server names.
    pub rp_id: Option<String>,
    /// How often it has signed; none where it does not count.
    pub counter: Option<u32>,
    /// Whether it verifies who holds it.
    pub verifies: bool,
}

impl Authenticator {
    /// Makes a passkey as `begin` asks; with the credential for `finish`.
    pub fn make(public_key: &Value, origin: &str) -> (Authenticator, Value) {
        Authenticator::make_counting(public_key, origin, None)
    }

    /// The same of a device that counts from there.
    pub fn make_counting(public_key: &Value, origin: &str, counter: Option<u32>) -> (Authenticator, Value) {
        Authenticator::make_as(public_key, origin, counter, true)
    }

    /// The same of a device that does not verify its holder.
    pub fn make_unverified(public_key: &Value, origin: &str) -> (Authenticator, Value) {
        Authenticator::make_as(public_key, origin, None, false)
    }

    fn make_as(public_key: &Value, origin: &str, counter: Option<u32>, verifies: bool) -> (Authenticator, Value) {
        let id = *uuid::Uuid::now_v7().as_bytes();
        // Any number in the curve's range will do: the first bytes are random ones of the id, the rest is not zero.
        let seed = Sha256::digest(uuid::Uuid::now_v7().as_bytes());
        let key = SigningKey::from_slice(&seed).expect("all but a few numbers of 256 bits are keys");
        let user_handle = public_key["user"]["id"].as_str().expect("a user handle").to_owned();
        let origin = origin.to_owned();
        let device = Authenticator { key, id, user_handle, origin, rp_id: None, counter, verifies };
        let credential = device.attested(public_key);
        (device, credential)
    }

    /// What `navigator.credentials.create` answers.
    fn attested(&self, public_key: &Value) -> Value {
        let rp_id = public_key["rp"]["id"].as_str().expect("a relying party");
        let mut data = self.data(rp_id, HAS_KEY);
        data.extend([0; 16]);
        data.extend(16_u16.to_be_bytes());
        data.extend(self.id);
        data.extend(self.cose_key());
        // {"fmt": "none", "attStmt": {}, "authData": …} in CBOR (RFC 8949).
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(data.len()).expect("it is short"));
        object.extend(data);
        self.credential(json!({
            "clientDataJSON": base64(&self.client_data("webauthn.create", public_key)),
            "attestationObject": base64(&object),
        }))
    }

    /// Signs as `begin` asks: the credential for `finish`.
    pub fn sign(&mut self, public_key: &Value) -> Value {
        self.counter = self.counter.map(|counter| counter + 1);
        let rp_id = public_key["rpId"].as_str().expect("a relying party");
        let client_data = self.client_data("webauthn.get", public_key);
        let data = self.data(rp_id, 0);
        let signature: Signature = self.key.sign(&[data.as_slice(), &Sha256::digest(&client_data)].concat());
        self.credential(json!({
            "clientDataJSON": base64(&client_data),
            "authenticatorData": base64(&data),
            "signature": base64(signature.to_der().as_bytes()),
            "userHandle": self.user_handle,
        }))
    }

    fn credential(&self, response: Value) -> Value {
        let id = base64(&self.id);
        json!({"id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {}, "response": response})
    }

    fn client_data(&self, what: &str, public_key: &Value) -> Vec<u8> {
        let data =
            json!({"type": what, "challenge": public_key["challenge"], "origin": self.origin, "crossOrigin": false});
        data.to_string().into_bytes()
    }

    fn data(&self, rp_id: &str, flags: u8) -> Vec<u8> {
        let rp_id = self.rp_id.as_deref().unwrap_or(rp_id);
        let verified = if self.verifies { VERIFIED } else { 0 };
        let mut data = Sha256::digest(rp_id).to_vec();
        data.push(PRESENT | verified | flags);
        data.extend(self.counter.unwrap_or(0).to_be_bytes());
        data
    }

    /// The public key (RFC 9053, ES256).
    fn cose_key(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = (point.x().expect("a point"), point.y().expect("a point"));
        [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20".as_slice(), x, b"\x22\x58\x20", y].concat()
    }
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
