//! Checks signatures with ring, which this program has for TLS: `docs/decisions/0035` says why not with another library.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

/// The algorithms by which an ID token may be signed: none by a secret that both sides know, and never `none`.
pub(crate) const ALLOWED: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Makes ring the one that checks. Calling it again changes nothing.
pub(crate) fn install() {
    static RING: CryptoProvider = CryptoProvider {
        signer_factory: no_signer,
        verifier_factory: verifier,
        key_utils: KeyUtils::new_unimplemented(),
    };
    // The second call finds the first one's.
    let _ = RING.install_default();
}

/// Nothing is signed here.
fn no_signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(ErrorKind::InvalidAlgorithm.into())
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let fits = ALLOWED.contains(algorithm) && key.family() == algorithm.family();
    if !fits {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Box::new(Verifier { algorithm: *algorithm, key: key.clone() }))
}

struct Verifier {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl JwtVerifier for Verifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl signature::Verifier<Vec<u8>> for Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let holds = match self.algorithm.family() {
            AlgorithmFamily::Hmac => false,
            AlgorithmFamily::Rsa => rsa(self.algorithm).is_some_and(|how| self.is_by_rsa(how, message, signature)),
            AlgorithmFamily::Ec | AlgorithmFamily::Ed => curve(self.algorithm).is_some_and(|how| {
                let key = self.key.try_get_as_bytes().unwrap_or_default();
                UnparsedPublicKey::new(how, key).verify(message, signature).is_ok()
            }),
        };
        if holds { Ok(()) } else { Err(signature::Error::new()) }
    }
}

impl Verifier {
    fn is_by_rsa(&self, how: &RsaParameters, message: &[u8], signature: &[u8]) -> bool {
        let DecodingKeyKind::RsaModulusExponent { n, e } = self.key.kind() else { return false };
        // Some write a zero before; ring takes none.
        let bare = |number: &[u8]| number.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
        RsaPublicKeyComponents { n: bare(n), e: bare(e) }.verify(how, message, signature).is_ok()
    }
}

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    let table: [(Algorithm, &RsaParameters); 6] = [
        (Algorithm::RS256, &RSA_PKCS1_2048_8192_SHA256),
        (Algorithm::RS384, &RSA_PKCS1_2048_8192_SHA384),
        (Algorithm::RS512, &RSA_PKCS1_2048_8192_SHA512),
        (Algorithm::PS256, &RSA_PSS_2048_8192_SHA256),
        (Algorithm::PS384, &RSA_PSS_2048_8192_SHA384),
        (Algorithm::PS512, &RSA_PSS_2048_8192_SHA512),
    ];
    table.into_iter().find(|(name, _)| *name == algorithm).map(|(_, how)| how)
}

fn curve(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    let table: [(Algorithm, &dyn VerificationAlgorithm); 3] = [
        (Algorithm::ES256, &ECDSA_P256_SHA256_FIXED),
        (Algorithm::ES384, &ECDSA_P384_SHA384_FIXED),
        (Algorithm::EdDSA, &ED25519),
    ];
    table.into_iter().find(|(name, _)| *name == algorithm).map(|(_, how)| how)
}
