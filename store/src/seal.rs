//! Sealing: XChaCha20-Poly1305 with a random nonce of 24 bytes in front and the tag of 16 bytes behind. What a
//! sealed part belongs to is bound in as associated data: moved elsewhere it does not open.

use chacha20poly1305::{AeadInOut, KeyInit, Tag, XChaCha20Poly1305, XNonce};
use uuid::Uuid;
use zeroize::Zeroizing;

const NONCE: usize = 24;
const TAG: usize = 16;

/// A key that seals. It is wiped from memory with the value, and it has no `Debug`.
pub(crate) struct Key(XChaCha20Poly1305);

impl Key {
    pub(crate) fn new(bytes: &[u8; 32]) -> Key {
        Key(XChaCha20Poly1305::new(bytes.into()))
    }

    /// Seals `plain` so that it opens only together with `bound_to`.
    pub(crate) fn seal(&self, bound_to: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce[..]);
        let mut sealed = Vec::with_capacity(NONCE + plain.len() + TAG);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = self
            .0
            .encrypt_inout_detached(&XNonce::from(nonce), bound_to, (&mut sealed[NONCE..]).into())
            .expect("only parts of 256 GiB and more cannot be sealed");
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// What was sealed; `None` when it was sealed with another key, belongs elsewhere or was changed.
    pub(crate) fn open(&self, bound_to: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
        let (body, tag) = rest.split_last_chunk::<TAG>()?;
        let mut plain = body.to_vec();
        let opened = self.0.decrypt_inout_detached(
            &XNonce::from(*nonce),
            bound_to,
            plain.as_mut_slice().into(),
            &Tag::from(*tag),
        );
        opened.ok().map(|()| plain)
    }
}

/// 32 random bytes for a new key, from the process's cryptographic generator, which the system seeds.
pub(crate) fn random_key() -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    rand::fill(&mut key[..]);
    key
}

/// What the sealed part of an event is bound to: its id and its name.
pub(crate) fn of_event(id: Uuid, name: &str) -> Vec<u8> {
    [id.as_bytes().as_slice(), name.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_with_its_key_and_in_its_place() {
        let key = Key::new(&random_key());
        let sealed = key.seal(b"here", b"secret");
        assert_eq!(key.open(b"here", &sealed).as_deref(), Some(b"secret".as_slice()));
        assert_eq!(key.open(b"there", &sealed), None);
        assert_eq!(Key::new(&random_key()).open(b"here", &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(b"here", &changed), None, "byte {at}");
            assert_eq!(key.open(b"here", &sealed[..at]), None, "cut at {at}");
        }
    }

    #[test]
    fn the_same_twice_does_not_look_the_same() {
        let key = Key::new(&random_key());
        assert_ne!(key.seal(b"", b"secret"), key.seal(b"", b"secret"));
    }
}
