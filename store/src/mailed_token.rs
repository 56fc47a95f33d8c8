//! The secrets that a mail carries: tokens of links and codes. None is stored. Each is derived from the key for
//! look-ups, which is wrapped by the master key and never rotated, so that whoever renders a mail makes the same one as
//! whoever checks it (`docs/decisions/0021`).

use crate::Keys;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use constant_time_eq::{constant_time_eq, constant_time_eq_16};
use uuid::Uuid;

/// Bytes of a token behind its payload.
const MAC_BYTES: usize = 16;
/// Most characters of a token: a payload is two ids, or an id and the key of a category.
const TOKEN_CHARACTERS_MAX: usize = 512;
/// Codes have six decimal digits.
const CODES: u64 = 1_000_000;

/// What a mailed secret is good for. One for another purpose does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailedPurpose {
    /// Confirms an address: `/c/{token}`.
    Confirm,
    /// Sets a new password: `/r/{token}`.
    Reset,
    /// Signs in: `/m/{token}`, or a code.
    SignIn,
    /// Takes an address off a category: `/u/{token}`.
    Unsubscribe,
    /// Lets somebody into a chat: `/i/{code}`. Whoever made it gives it out, by mail or not.
    Invitation,
}

impl MailedPurpose {
    /// Every purpose.
    pub const ALL: [MailedPurpose; 5] = [
        MailedPurpose::Confirm,
        MailedPurpose::Reset,
        MailedPurpose::SignIn,
        MailedPurpose::Unsubscribe,
        MailedPurpose::Invitation,
    ];

    /// The first part of its links' paths, by which the variables of a delivery name it too.
    pub fn letter(self) -> &'static str {
        match self {
            MailedPurpose::Confirm => "c",
            MailedPurpose::Reset => "r",
            MailedPurpose::SignIn => "m",
            MailedPurpose::Unsubscribe => "u",
            MailedPurpose::Invitation => "i",
        }
    }

    /// The purpose of that letter.
    pub fn parse(letter: &str) -> Option<MailedPurpose> {
        MailedPurpose::ALL.into_iter().find(|purpose| purpose.letter() == letter)
    }
}

impl Keys {
    /// The token of a link: a payload, which anybody can read, and what shows that it was made here for that purpose.
    /// base64url without padding.
    pub fn mailed_token(&self, purpose: MailedPurpose, payload: &[u8]) -> String {
        BASE64_URL_SAFE_NO_PAD.encode([payload, &self.link_mac(purpose, payload)[..]].concat())
    }

    /// The payload of a token; `None` for what was not made here, or for another purpose. Whether it is still good for
    /// anything is not its matter.
    pub fn open_mailed_token(&self, purpose: MailedPurpose, token: &str) -> Option<Vec<u8>> {
        if token.len() > TOKEN_CHARACTERS_MAX {
            return None;
        }
        let mut payload = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let mac: [u8; MAC_BYTES] = payload.split_off(payload.len().checked_sub(MAC_BYTES)?).try_into().ok()?;
        constant_time_eq_16(&mac, &self.link_mac(purpose, &payload)).then_some(payload)
    }

    /// The code of six decimal digits that goes with that id.
    pub fn mailed_code(&self, purpose: MailedPurpose, id: Uuid) -> String {
        let hash = self.keyed_hash(&format!("mailed code: {}", purpose.letter()), &[id.as_bytes()]);
        let number = hash[..8].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        format!("{:06}", number % CODES)
    }

    /// Whether this is the code of that id, in a time that does not tell how much of it is right.
    pub fn is_mailed_code(&self, purpose: MailedPurpose, id: Uuid, code: &str) -> bool {
        constant_time_eq(code.as_bytes(), self.mailed_code(purpose, id).as_bytes())
    }

    fn link_mac(&self, purpose: MailedPurpose, payload: &[u8]) -> [u8; MAC_BYTES] {
        let hash = self.keyed_hash(&format!("mailed link: {}", purpose.letter()), &[payload]);
        let mut mac = [0; MAC_BYTES];
        mac.copy_from_slice(&hash[..MAC_BYTES]);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::keys;

    #[test]
    fn a_token_opens_to_its_payload() {
        let keys = keys();
        for payload in [b"".as_slice(), b"a", &[7; 32]] {
            let token = keys.mailed_token(MailedPurpose::Confirm, payload);
            assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{token}");
            assert_eq!(keys.open_mailed_token(MailedPurpose::Confirm, &token).as_deref(), Some(payload));
            assert_eq!(keys.mailed_token(MailedPurpose::Confirm, payload), token, "it is derived");
        }
    }

    #[test]
    fn a_token_is_good_for_one_purpose_and_one_database() {
        let (keys, others) = (keys(), crate::keys::tests::keys());
        for purpose in MailedPurpose::ALL {
            let token = keys.mailed_token(purpose, b"payload");
            for asked in MailedPurpose::ALL {
                assert_eq!(keys.open_mailed_token(asked, &token).is_some(), asked == purpose);
            }
            assert_eq!(others.open_mailed_token(purpose, &token), None);
        }
    }

    #[test]
    fn no_changed_token_opens() {
        let keys = keys();
        let token = keys.mailed_token(MailedPurpose::Reset, &[9; 16]);
        for at in 0..token.len() {
            for other in ["A", "b", "_", "=", "é"] {
                let mut changed = token.clone();
                changed.replace_range(at..=at, other);
                let opened = keys.open_mailed_token(MailedPurpose::Reset, &changed);
                assert_eq!(opened.is_some(), changed == token, "{changed}");
            }
            assert_eq!(keys.open_mailed_token(MailedPurpose::Reset, &token[..at]), None);
        }
        for text in [format!("{token}A"), format!("{token}="), format!(" {token}"), "A".repeat(600)] {
            assert_eq!(keys.open_mailed_token(MailedPurpose::Reset, &text), None, "{text}");
        }
    }

    #[test]
    fn a_code_has_six_digits_and_belongs_to_its_id() {
        let keys = keys();
        let codes = (0..500).map(|number| {
            let id = Uuid::from_u128(number);
            let code = keys.mailed_code(MailedPurpose::SignIn, id);
            assert!(code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
            assert!(keys.is_mailed_code(MailedPurpose::SignIn, id, &code));
            assert_ne!(keys.mailed_code(MailedPurpose::Confirm, id), code);
            for wrong in ["", &code[1..], &format!("{code}0"), "abcdef"] {
                assert!(!keys.is_mailed_code(MailedPurpose::SignIn, id, wrong), "{wrong}");
            }
            code
        });
        // Of 500 among a million a few may meet.
        assert!(codes.collect::<std::collections::BTreeSet<_>>().len() > 490);
    }

    #[test]
    fn a_purpose_reads_back_from_its_letter() {
        for purpose in MailedPurpose::ALL {
            assert_eq!(MailedPurpose::parse(purpose.letter()), Some(purpose));
        }
        assert_eq!(MailedPurpose::parse("x"), None);
    }
}
