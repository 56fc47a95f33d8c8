//! What a provider signs with.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};

/// A key of RSA that is used for nothing else: ring makes none.
const RSA: &str = include_str!("rsa_key.base64");

enum Pair {
    Curve(Box<EcdsaKeyPair>),
    Rsa(Box<RsaKeyPair>),
}

/// A key, and what it is called.
pub(super) struct Signer {
    name: String,
    pair: Pair,
}

impl Signer {
    /// A new one, of ES256.
    pub(super) fn new() -> Signer {
        Signer::called(uuid::Uuid::now_v7().to_string())
    }

    /// The same under that name.
    pub(super) fn called(name: String) -> Signer {
        let random = SystemRandom::new();
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("ring makes keys");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random);
        Signer { name, pair: Pair::Curve(Box::new(pair.expect("ring reads what it made"))) }
    }

    /// One of RS256.
    pub(super) fn rsa() -> Signer {
        let bytes = BASE64_STANDARD.decode(RSA.replace('\n', "")).expect("it is base64");
        let pair = RsaKeyPair::from_der(&bytes).expect("it is a key");
        Signer { name: "rsa".to_owned(), pair: Pair::Rsa(Box::new(pair)) }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The key as it is published.
    pub(super) fn published(&self) -> Value {
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Curve(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.name,
                       "x": text(x), "y": text(y)})
            }
            Pair::Rsa(pair) => {
                let RsaPublicKeyComponents::<Vec<u8>> { n, e } = pair.public().into();
                json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.name, "n": text(&n), "e": text(&e)})
            }
        }
    }

    /// A token with these claims.
    pub(super) fn token(&self, claims: &Value) -> String {
        let algorithm = match &self.pair {
            Pair::Curve(_) => "ES256",
            Pair::Rsa(_) => "RS256",
        };
        let message = self.message(algorithm, claims);
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Curve(pair) => pair.sign(&random, message.as_bytes()).expect("ring signs").as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).expect("ring signs");
                signature
            }
        };
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// One that nobody signs.
    pub(super) fn unsigned(&self, claims: &Value) -> String {
        format!("{}.", self.message("none", claims))
    }

    /// One that is signed with the public key as a secret.
    pub(super) fn by_public_key(&self, claims: &Value) -> String {
        let public = match &self.pair {
            Pair::Curve(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
        };
        let message = self.message("HS256", claims);
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &public), message.as_bytes());
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    fn message(&self, algorithm: &str, claims: &Value) -> String {
        let header = json!({"typ": "JWT", "alg": algorithm, "kid": self.name});
        [header, claims.clone()].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string())).join(".")
    }
}
