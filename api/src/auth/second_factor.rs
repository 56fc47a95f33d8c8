//! The second factor: what somebody shows beside their first proof is checked here, before the command that uses it up.

use crate::app::App;
use crate::auth::back_off::Whose;
use crate::error::{Code, Error};
use domain::totp::{self, RECOVERY_CODES, RecoveryHash, Second, Secret};
use domain::{State, Timestamp, TotpId, UserId};
use node::claims::recovery_hash;
use rand::RngExt;
use totp_rs::{Algorithm, Builder, Totp};

/// Bytes of a secret: as long as what HMAC-SHA-1 answers (RFC 4226, 4).
const SECRET_BYTES: usize = 20;
/// How long one code is shown.
const STEP_SECONDS: u64 = 30;
/// Digits of a code.
const DIGITS: u8 = 6;
/// A code of so many steps before or after the present one counts: clocks differ, and typing takes a while.
const TOLERANCE_STEPS: u16 = 1;
/// Letters of a recovery code: 80 random bits. Only a keyed hash of it is kept, so that who has the log and not the keys cannot
/// even try; who tries here waits after a few.
const RECOVERY_LETTERS: usize = 16;
/// Letters in a row, with a hyphen between.
const RECOVERY_GROUP: usize = 4;
/// Crockford's base32: no letter looks like another.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A secret that nobody has had.
pub(crate) fn new_secret() -> Secret {
    Secret(totp_rs::Secret::from(rand::random::<[u8; SECRET_BYTES]>()).to_base32())
}

/// What makes and reads codes of that secret.
fn codes_of(secret: &Secret, issuer: &str, account: &str) -> Option<Totp> {
    // A colon is what parts the two in the address.
    let plain = |text: &str| text.replace(':', " ");
    let builder = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_step_duration(STEP_SECONDS)
        .with_skew(TOLERANCE_STEPS)
        .with_secret(totp_rs::Secret::try_from_base32(&secret.0).ok()?)
        .with_issuer(Some(plain(issuer)))
        .with_account_name(plain(account));
    builder.build().ok()
}

/// The address that a device reads, as text or as a picture: `otpauth://totp/…`.
///
/// # Errors
/// Where the secret is none, which cannot be.
pub(crate) fn address(secret: &Secret, issuer: &str, account: &str) -> Result<String, Error> {
    let address = codes_of(secret, issuer, account).and_then(|totp| totp.to_url().ok());
    address.ok_or_else(|| Error::new(Code::Internal, "the secret cannot be written down as an address"))
}

/// The step that a code is of, if it is one of that secret around that time.
fn step_of(secret: &Secret, code: &str, at: Timestamp) -> Option<u64> {
    let seconds = u64::try_from(at.0 / 1_000_000).ok()?;
    codes_of(secret, "", "")?.check(code, seconds)
}

/// New recovery codes, as they are shown once.
pub(crate) fn new_recovery_codes() -> [String; RECOVERY_CODES] {
    std::array::from_fn(|_| {
        let mut random = rand::rng();
        let letters = (0..RECOVERY_LETTERS).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())]));
        let letters = letters.collect::<Vec<_>>();
        letters.chunks(RECOVERY_GROUP).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
    })
}

/// A recovery code as somebody may type it, as it was made: in lower case, without what parts it, and with the digits that some
/// letters are taken for.
fn recovery_code(typed: &str) -> String {
    let letters = typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '-');
    letters
        .map(|letter| match letter.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            letter => letter,
        })
        .collect()
}

impl App {
    /// The keyed hashes of recovery codes.
    pub(crate) fn recovery_hashes(&self, user_id: UserId, codes: &[String]) -> Vec<RecoveryHash> {
        codes.iter().map(|code| recovery_hash(&self.keys, user_id, &recovery_code(code))).collect()
    }

    /// What is known of somebody's second factor.
    pub(crate) async fn totp(&self, user_id: UserId) -> Result<totp::State, Error> {
        let state = self.stream(TotpId::from(user_id).into()).await?;
        Ok(if let State::Totp(state) = state { state } else { totp::State::default() })
    }

    /// Checks the first code of a secret that was shared: which step it is of. Wrong ones wait as wrong passwords do.
    ///
    /// # Errors
    /// `bad-code`; `request-limit-exceeded` after too many.
    pub(crate) async fn first_step(
        &self,
        user_id: UserId,
        secret: &Secret,
        code: &str,
        at: Timestamp,
    ) -> Result<u64, Error> {
        let step = step_of(secret, &digits(code), at);
        let is_right = self.check_code(Whose::SecondFactorOf(user_id), || step.is_some()).await?;
        step.filter(|_| is_right).ok_or_else(bad_code)
    }

    /// Checks a code of a device or a recovery code. Wrong ones wait as wrong passwords do.
    ///
    /// # Errors
    /// `bad-code`, also where there is no second factor; `request-limit-exceeded` after too many.
    pub(crate) async fn check_second(
        &self,
        user_id: UserId,
        state: &totp::State,
        code: &str,
        at: Timestamp,
    ) -> Result<Second, Error> {
        let second = self.second_of(user_id, state, code, at);
        let is_right = self.check_code(Whose::SecondFactorOf(user_id), || second.is_some()).await?;
        second.filter(|_| is_right).ok_or_else(bad_code)
    }

    fn second_of(&self, user_id: UserId, state: &totp::State, code: &str, at: Timestamp) -> Option<Second> {
        let factor = state.factor.as_ref()?;
        let secret = state.shared()?;
        // What has counted is as wrong as any other: it must not make up for wrong ones.
        if let Some(step) = step_of(secret, &digits(code), at) {
            return (step > factor.last_step).then_some(Second::Code { secrets: state.secrets, step });
        }
        let hash = recovery_hash(&self.keys, user_id, &recovery_code(code));
        factor.codes.contains(&hash).then_some(Second::Recovery(hash))
    }
}

/// A code as somebody may type it: devices show a space in the middle.
fn digits(typed: &str) -> String {
    typed.chars().filter(|letter| !letter.is_whitespace()).collect()
}

pub(crate) fn bad_code() -> Error {
    Error::new(Code::WrongDigits, totp::Refusal::BadCode)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `12345678901234567890`, the secret of RFC 6238, appendix B.
    const OF_THE_RFC: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Its codes have eight digits; ours are the last six of them.
        let vectors = [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ];
        let secret = Secret(OF_THE_RFC.to_owned());
        for (seconds, code) in vectors {
            assert_eq!(step_of(&secret, &code[2..], at(seconds)), Some(seconds.unsigned_abs() / 30), "{seconds}");
            assert_eq!(step_of(&secret, code, at(seconds)), None, "eight digits are no code of ours");
        }
    }

    #[test]
    fn a_code_counts_one_step_before_and_after_its_own() {
        let secret = Secret(OF_THE_RFC.to_owned());
        let code = &"94287082"[2..];
        let steps = [0, 29, 30, 59, 89, 90, 119].map(|seconds| step_of(&secret, code, at(seconds)).is_some());
        assert_eq!(steps, [true, true, true, true, true, false, false]);
        assert_eq!(step_of(&secret, code, at(119)), None);
        for nothing in ["", "00000", "0000000", "28708a", "-87082", "+87082", "２８７０８２"] {
            assert_eq!(step_of(&secret, nothing, at(59)), None, "{nothing}");
        }
        assert_eq!(step_of(&secret, code, at(-1)), None, "before 1970 nobody had one");
    }

    #[test]
    fn a_device_reads_issuer_and_account_whatever_they_are_called() {
        let secret = Secret(OF_THE_RFC.to_owned());
        let address = address(&secret, "chat.example.org", "Anna: a b&c").unwrap();
        let expected = "otpauth://totp/chat.example.org:Anna%20%20a%20b%26c?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        assert!(address.starts_with(expected), "{address}");
        assert!(address.ends_with("&issuer=chat.example.org"), "{address}");
    }

    #[test]
    fn secrets_and_recovery_codes_are_of_the_promised_length_and_read_back_as_they_are_typed() {
        assert_eq!(new_secret().0.len(), SECRET_BYTES * 8 / 5);
        assert_ne!(new_secret(), new_secret());
        let codes = new_recovery_codes();
        for code in &codes {
            assert_eq!(code.len(), RECOVERY_LETTERS + RECOVERY_LETTERS / RECOVERY_GROUP - 1, "{code}");
            let made = recovery_code(code);
            assert_eq!(made.len(), RECOVERY_LETTERS);
            assert!(made.bytes().all(|letter| ALPHABET.contains(&letter)), "{made}");
            let typed = format!(" {} ", code.to_uppercase().replace('0', "O").replace('1', "l").replace('-', " - "));
            assert_eq!(recovery_code(&typed), made);
        }
        assert!(codes.iter().enumerate().all(|(place, code)| !codes[..place].contains(code)));
    }
}
