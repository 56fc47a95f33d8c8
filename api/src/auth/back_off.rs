//! Checking a password or a code: whoever has tried wrong ones of late waits before the next is looked at.

use crate::app::App;
use crate::error::Error;
use crate::rate_limits::compared;
use domain::UserId;
use node::passwords::{Fit, Passwords};
use state::{BegunTry, NameHash, PasswordTry};

/// Who is said to have the password or the code.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose<'a> {
    /// Whoever has the name, or e-mail address, that somebody signs in by. Each is slowed down by itself: that two of them wait
    /// together would tell that they are one account.
    Named(&'a str),
    /// Somebody who has a session already: strangers who guess keep them from nothing.
    Person(UserId),
    /// Whose second factor it is, whether they have a session or are about to get one.
    SecondFactorOf(UserId),
}

impl App {
    /// Checks a password against a verifier; without one it never fits, and takes as long.
    ///
    /// # Errors
    /// `request-limit-exceeded` when too many were wrong lately; what keeps it from being checked.
    pub(crate) async fn check_password(
        &self,
        whose: Whose<'_>,
        passwords: &Passwords,
        password: String,
        verifier: Option<String>,
    ) -> Result<Fit, Error> {
        // Where limits are off, something in front of the server does this as well.
        if self.rate_limits.is_none() {
            return Ok(passwords.verify(password, verifier).await?);
        }
        let begun = self.begin_try(self.name_hash(whose)).await?;
        let checked = passwords.verify(password, verifier).await;
        if !checked.is_ok_and(|fit| !fit.is_right()) {
            self.end_try(begun, checked.is_ok()).await?;
        }
        Ok(checked?)
    }

    /// Checks a code; it costs nothing to look at.
    ///
    /// # Errors
    /// `request-limit-exceeded` when too many were wrong lately; what keeps it from being checked.
    pub(crate) async fn check_code(&self, whose: Whose<'_>, is_right: impl FnOnce() -> bool) -> Result<bool, Error> {
        if self.rate_limits.is_none() {
            return Ok(is_right());
        }
        let begun = self.begin_try(self.name_hash(whose)).await?;
        let is_right = is_right();
        if is_right {
            self.end_try(begun, true).await?;
        }
        Ok(is_right)
    }

    fn name_hash(&self, whose: Whose<'_>) -> NameHash {
        match whose {
            Whose::Named(name) => self.keys.keyed_hash("wrong passwords of a name", &[compared(name).as_bytes()]),
            Whose::Person(user_id) => self.keys.keyed_hash("wrong passwords of a user", &[user_id.0.as_bytes()]),
            Whose::SecondFactorOf(user_id) => self.keys.keyed_hash("wrong codes of a user", &[user_id.0.as_bytes()]),
        }
    }

    async fn begin_try(&self, name_hash: NameHash) -> Result<BegunTry, Error> {
        let (wrong, at) = (self.state.wrong_passwords().clone(), store::now());
        match self.ask_log(self.settings.storage_wait, move || wrong.begin(name_hash, at)).await?? {
            PasswordTry::Begun(begun) => Ok(begun),
            PasswordTry::Waits(seconds) => {
                let detail = format!("there were too many wrong passwords or codes; try again in {seconds} s");
                Err(Error::limited(seconds, detail))
            }
        }
    }

    async fn end_try(&self, begun: BegunTry, was_right: bool) -> Result<(), Error> {
        let wrong = self.state.wrong_passwords().clone();
        let end = move || if was_right { wrong.was_right(&begun) } else { wrong.take_back(&begun) };
        Ok(self.ask_log(self.settings.storage_wait, end).await??)
    }
}
