//! Where the operator wants a second factor: who is concerned and has none can do nothing but set one up, by a session as by a
//! service token, over requests as over what lasts.

use crate::app::App;
use crate::error::{Code, Error};
use crate::settings::SecondFactor;
use axum::http::Extensions;
use domain::UserId;
use domain::user::Role;
use projections::{ProjectionId, users};

/// What a route is marked with that who lacks a second factor may use all the same: setting one up, seeing themselves.
#[derive(Clone, Copy)]
pub(crate) struct WithoutSecondFactor;

impl App {
    /// Refuses who must have a second factor and has none, but for routes that are marked.
    ///
    /// # Errors
    /// `second-factor-required`.
    pub(super) async fn want_second_factor(&self, user_id: UserId, extensions: &Extensions) -> Result<(), Error> {
        match extensions.get::<WithoutSecondFactor>() {
            Some(WithoutSecondFactor) => Ok(()),
            None => self.must_have_second_factor(user_id).await,
        }
    }

    /// Refuses who must have a second factor and has none.
    ///
    /// # Errors
    /// `second-factor-required`.
    pub(super) async fn must_have_second_factor(&self, user_id: UserId) -> Result<(), Error> {
        let is_concerned = match self.settings.second_factor {
            SecondFactor::Optional => false,
            SecondFactor::Admins => self.role_of(user_id).await? == Some(Role::Admin),
            SecondFactor::All => true,
        };
        let has_one =
            async || Ok::<_, Error>(self.totp(user_id).await?.factor.is_some() || self.has_passkey(user_id).await?);
        if !is_concerned || has_one().await? {
            return Ok(());
        }
        let detail = "a second factor is required here; set one up with POST /v1/me/totp, or make a passkey with POST /v1/me/passkeys/begin";
        Err(Error::new(Code::SecondFactorRequired, detail))
    }

    async fn role_of(&self, user_id: UserId) -> Result<Option<Role>, Error> {
        let reading = self.read(ProjectionId::Users, 0).await?;
        Ok(users::by_id(&reading.database, user_id).await?.map(|account| account.role))
    }
}
