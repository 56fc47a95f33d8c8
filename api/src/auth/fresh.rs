//! What secures or empties an account is done by who has lately shown who they are: a session that somebody has got hold of, or
//! left open, is not enough.

use crate::app::App;
use crate::auth::back_off::Whose;
use crate::auth::caller::{CLOCK_TOLERANCE, Person};
use crate::error::{Code, Error};
use crate::http::client_origin::ClientOrigin;
use crate::http::context::CommandContext;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::session::Way;
use domain::{SessionId, Timestamp, UserId};
use projections::{ProjectionId, identities, users};
use std::time::Duration;
use store::now;

/// How long somebody who has shown who they are need not do it again.
pub(crate) const FRESH_LASTS: Duration = Duration::from_secs(10 * 60);

/// Who is calling by a session that is open, when they have lately shown who they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FreshPerson {
    pub(crate) user_id: UserId,
    pub(crate) session_id: SessionId,
}

impl FromRequestParts<App> for FreshPerson {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<FreshPerson, Error> {
        let person = Person::from_request_parts(parts, app).await?;
        app.want_fresh(&person, now()).await?;
        Ok(FreshPerson { user_id: person.user_id, session_id: person.session_id })
    }
}

/// Whether what was shown then counts as fresh. What a clock ahead of this one has written down does not.
fn is_fresh(proved_at: Timestamp, at: Timestamp) -> bool {
    proved_at.plus(FRESH_LASTS) > at && proved_at <= at.plus(CLOCK_TOLERANCE)
}

impl App {
    /// Refuses who has not shown lately who they are.
    ///
    /// # Errors
    /// `fresh-sign-in-needed`, with the ways in which they can.
    pub(crate) async fn want_fresh(&self, person: &Person, at: Timestamp) -> Result<(), Error> {
        if is_fresh(person.proved_at, at) {
            return Ok(());
        }
        Err(Error::fresh_sign_in_needed(self.ways_in(person.user_id).await?))
    }

    /// The same where the request may bring the password, which is a fresh proof by itself.
    ///
    /// # Errors
    /// `fresh-sign-in-needed`; `bad-credentials` for a wrong password.
    pub(crate) async fn want_fresh_or(
        &self,
        person: &Person,
        context: &CommandContext,
        from: ClientOrigin,
        password: Option<String>,
    ) -> Result<(), Error> {
        match password {
            Some(password) => self.check_own_password(person, context, from, password).await.map(drop),
            None => self.want_fresh(person, context.at).await,
        }
    }

    /// The same where the request must bring the password: of an account that has none a fresh sign-in is enough. Answers the version
    /// of the verifier that was checked, 0 where there is none.
    ///
    /// # Errors
    /// `fresh-sign-in-needed`; `bad-credentials` for a wrong password; `bad-parameters` where it is missing.
    pub(crate) async fn want_password(
        &self,
        person: &Person,
        context: &CommandContext,
        from: ClientOrigin,
        (field, password): (&str, Option<String>),
    ) -> Result<u32, Error> {
        let reading = self.read(ProjectionId::Users, 0).await?;
        let known = users::credentials_by_id(&reading.database, person.user_id).await?.ok_or_else(Error::gone)?;
        match password {
            _ if known.verifier.is_none() => {
                self.want_fresh(person, context.at).await?;
                Ok(known.passwords)
            }
            Some(password) => self.check_own_password(person, context, from, password).await,
            None => Err(Error::bad(field, "is missing: send your password")),
        }
    }

    /// Checks the password of who is calling. Answers the version of the verifier.
    async fn check_own_password(
        &self,
        person: &Person,
        context: &CommandContext,
        ClientOrigin(origin, address): ClientOrigin,
        password: String,
    ) -> Result<u32, Error> {
        let reading = self.read(ProjectionId::Users, 0).await?;
        let known = users::credentials_by_id(&reading.database, person.user_id).await?.ok_or_else(Error::gone)?;
        let (whose, passwords) = (Whose::Person(person.user_id), self.passwords_of(address));
        if !self.check_password(whose, &passwords, password, known.verifier).await?.is_right() {
            self.remember_failure(context, person.user_id, origin);
            return Err(Error::new(Code::BadCredentials, "the password is wrong"));
        }
        Ok(known.passwords)
    }

    async fn has_identities(&self, user_id: UserId) -> Result<bool, Error> {
        if !self.projections.has(ProjectionId::Identities) {
            return Ok(false);
        }
        let reading = self.read(ProjectionId::Identities, 0).await?;
        Ok(!identities::of_user(&reading.database, user_id).await?.is_empty())
    }

    /// The ways in which somebody can sign in.
    async fn ways_in(&self, user_id: UserId) -> Result<Vec<Way>, Error> {
        let reading = self.read(ProjectionId::Users, 0).await?;
        let account = users::by_id(&reading.database, user_id).await?.ok_or_else(Error::gone)?;
        let known = users::credentials_by_id(&reading.database, user_id).await?.ok_or_else(Error::gone)?;
        let password = known.verifier.is_some().then_some(Way::Password);
        let mail = account.email_confirmed.then_some(Way::Mail);
        let external = self.has_identities(user_id).await?.then_some(Way::External);
        let passkey = self.factors(user_id).await?.has_passkey.then_some(Way::Passkey);
        Ok(password.into_iter().chain(mail).chain(external).chain(passkey).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_is_fresh_for_ten_minutes() {
        let noon = Timestamp(1_800_000_000_000_000);
        for (seconds, fresh) in [(0, true), (599, true), (600, false), (86_400, false), (-60, true), (-61, false)] {
            assert_eq!(is_fresh(noon, noon.plus_seconds(seconds)), fresh, "{seconds}");
        }
    }
}
