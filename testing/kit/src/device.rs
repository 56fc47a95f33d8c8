//! A device that makes codes for signing in, as a telephone does.

use totp_rs::{Builder, Secret, Totp};

const STEP_SECONDS: u64 = 30;

/// A device, and the recovery codes that its owner keeps.
pub struct Device {
    /// What it shares with the server, in base32.
    pub secret: String,
    /// Those that have not been used here.
    pub recovery_codes: Vec<String>,
    totp: Totp,
}

impl Device {
    /// The device that has read that secret.
    ///
    /// # Panics
    /// Where it is none.
    pub fn of(secret: &str) -> Device {
        let bytes = Secret::try_from_base32(secret).expect("a secret in base32");
        let totp = Builder::new().with_secret(bytes).build().expect("a secret of 160 bits");
        Device { secret: secret.to_owned(), recovery_codes: Vec::new(), totp }
    }

    /// The code of the present step, or of so many later. That of the next step counts as well, and still does when the next
    /// step has begun: each test has these two.
    pub fn code(&self, later: u64) -> String {
        let seconds = u64::try_from(store::now().0 / 1_000_000).expect("it is after 1970");
        self.totp.generate(seconds + later * STEP_SECONDS).to_string()
    }

    /// A recovery code that was not taken before.
    ///
    /// # Panics
    /// Where none is left.
    pub fn recovery_code(&mut self) -> String {
        self.recovery_codes.pop().expect("a recovery code is left")
    }
}
