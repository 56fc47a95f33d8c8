//! The text of a service token: a prefix by which a scanner for secrets knows it, and 256 bits.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{TokenId, UserId};
use store::Keys;

/// What each of them begins with.
pub(crate) const PREFIX: &str = "letopis_";
/// Characters behind the prefix: 256 bits as base64url without padding.
const SECRET_CHARACTERS: usize = 43;

/// What the text of a new token is made from, beside its id.
pub(crate) enum Seed {
    /// The `Idempotency-Key` of the request that creates it.
    Key(String),
    /// Nothing that comes back.
    Random([u8; 32]),
}

impl Seed {
    /// Of a request with that key, if it has one.
    pub(crate) fn of(key: Option<&str>) -> Seed {
        key.map_or_else(|| Seed::Random(rand::random()), |key| Seed::Key(key.to_owned()))
    }
}

/// The text of a token: a keyed hash, which nobody can tell from random bits without the log's keys. A repeat with the
/// same `Idempotency-Key` finds the first token's id in its receipt and makes the same text from it, so that not
/// even the receipt has to hold what is shown once. The id is another for each token, and so is the text.
pub(crate) fn text(keys: &Keys, user_id: UserId, seed: &Seed, token_id: TokenId) -> String {
    let (kind, seed) = match seed {
        Seed::Key(key) => (b"key".as_slice(), key.as_bytes()),
        Seed::Random(bytes) => (b"random".as_slice(), bytes.as_slice()),
    };
    let parts = [user_id.0.as_bytes().as_slice(), kind, seed, token_id.0.as_bytes().as_slice()];
    let secret = keys.keyed_hash("service token", &parts);
    format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(secret))
}

/// Whether a text is of that form. A session's token is shorter.
pub(crate) fn is_one(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|secret| secret.len() == SECRET_CHARACTERS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_repeat_makes_the_same_text_and_anything_else_another() {
        let folder = tempfile::tempdir().unwrap();
        let folder = store::Folder::create(folder.path()).unwrap();
        let keys = store::Appender::open(&folder, &folder.master_key()).unwrap().keys();
        let id = |number| Uuid::from_u128(number);
        let of = |user, seed: &Seed, token| text(&keys, UserId(id(user)), seed, TokenId(id(token)));
        let key = |key: &str| Seed::of(Some(key));
        let first = of(1, &key("k"), 1);
        assert!(is_one(&first) && !is_one(&first[1..]) && !is_one(&crate::auth::session_token::new_token()));
        assert_eq!(of(1, &key("k"), 1), first);
        let random = Seed::of(None);
        assert_eq!(of(1, &random, 1), of(1, &random, 1));
        for other in [of(2, &key("k"), 1), of(1, &key("l"), 1), of(1, &key("k"), 2), of(1, &Seed::of(None), 1)] {
            assert_ne!(other, first);
        }
        assert_ne!(of(1, &Seed::of(None), 1), of(1, &Seed::of(None), 1));
    }
}
