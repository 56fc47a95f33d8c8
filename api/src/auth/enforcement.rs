//! Where the operator wants a second factor: who is concerned and has none can do nothing but set one up, and who has one does
//! nothing by a session that stands on less, by a session as by a service token, over requests as over what lasts.

use crate::app::App;
use crate::error::{Code, Error};
use crate::settings::SecondFactor;
use axum::http::request::Parts;
use domain::UserId;
use domain::user::Role;
use projections::passkeys::{self, Factors};
use projections::sessions::Open;
use projections::{ProjectionId, users};

/// What a route is marked with that who lacks a second factor may use all the same: setting one up, seeing themselves.
#[derive(Clone, Copy)]
pub(crate) struct WithoutSecondFactor;

impl App {
    /// Refuses a session that stands on less than is wanted, but for routes that are marked.
    ///
    /// # Errors
    /// `second-factor-required`.
    pub(super) async fn want_second_factor(&self, open: &Open, parts: &Parts) -> Result<(), Error> {
        let Some(factors) = self.wanted_of(open.user_id).await? else { return Ok(()) };
        let is_marked = parts.extensions.get::<WithoutSecondFactor>().is_some();
        // A session of less may look, and must not make itself a factor beside the one that is there.
        let may_pass = is_marked && (factors.since.is_none() || parts.method.is_safe());
        if may_pass || is_enough(open, factors) { Ok(()) } else { Err(required(factors)) }
    }

    /// The same for what lasts, which no route is marked for.
    ///
    /// # Errors
    /// `second-factor-required`.
    pub(super) async fn must_have_second_factor(&self, open: &Open) -> Result<(), Error> {
        match self.wanted_of(open.user_id).await? {
            Some(factors) if !is_enough(open, factors) => Err(required(factors)),
            Some(_) | None => Ok(()),
        }
    }

    /// The same for a service token, but for routes that are marked: who made it had to be let in.
    ///
    /// # Errors
    /// `second-factor-required`.
    pub(super) async fn owner_wants_second_factor(&self, user_id: UserId, parts: &Parts) -> Result<(), Error> {
        match parts.extensions.get::<WithoutSecondFactor>() {
            Some(WithoutSecondFactor) => Ok(()),
            None => self.owner_must_have_second_factor(user_id).await,
        }
    }

    /// The same where no route is marked.
    ///
    /// # Errors
    /// `second-factor-required`.
    pub(super) async fn owner_must_have_second_factor(&self, user_id: UserId) -> Result<(), Error> {
        match self.wanted_of(user_id).await? {
            Some(factors) if factors.since.is_none() => Err(required(factors)),
            Some(_) | None => Ok(()),
        }
    }

    /// What somebody has, where they must have one.
    async fn wanted_of(&self, user_id: UserId) -> Result<Option<Factors>, Error> {
        let is_concerned = match self.settings.second_factor {
            SecondFactor::Optional => false,
            SecondFactor::Admins => self.role_of(user_id).await? == Some(Role::Admin),
            SecondFactor::All => true,
        };
        if is_concerned { self.factors(user_id).await.map(Some) } else { Ok(None) }
    }

    /// What of an account makes up for a second factor.
    pub(crate) async fn factors(&self, user_id: UserId) -> Result<Factors, Error> {
        let reading = self.read(ProjectionId::Passkeys, 0).await?;
        Ok(passkeys::factors(&reading.database, user_id).await?)
    }

    async fn role_of(&self, user_id: UserId) -> Result<Option<Role>, Error> {
        let reading = self.read(ProjectionId::Users, 0).await?;
        Ok(users::by_id(&reading.database, user_id).await?.map(|account| account.role))
    }
}

/// Whether a session stands on two factors, or is older than the first of them: then it, or one like it, has set that up.
fn is_enough(open: &Open, factors: Factors) -> bool {
    open.on_two || factors.since.is_some_and(|since| open.created_at < since)
}

fn required(factors: Factors) -> Error {
    let detail = if factors.since.is_some() {
        "this session stands on one factor; sign in by your passkey, or with a code"
    } else {
        "a second factor is required here; set one up with POST /v1/me/totp, or make a passkey with POST \
         /v1/me/passkeys/begin"
    };
    Error::new(Code::SecondFactorRequired, detail)
}
