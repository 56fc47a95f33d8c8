//! By what somebody calls over a connection that lasts: it is looked at again for as long as the connection is open.

use crate::app::App;
use crate::auth::caller::{self, Credential};
use crate::auth::service_token;
use crate::auth::session_token::hash;
use crate::error::{Code, Error};
use axum::http::Uri;
use axum::http::request::Parts;
use domain::session::TokenHash;
use domain::token::Scope;
use domain::{Timestamp, UserId};
use uuid::Uuid;

/// Who calls, by which session or service token.
pub(crate) struct Standing {
    pub(crate) user_id: UserId,
    /// Of the session or the token.
    pub(crate) id: Uuid,
    /// When it ends at the latest.
    pub(crate) ends_at: Option<Timestamp>,
    credential: Credential,
}

/// What no address may carry: it would be in every log on the way.
const TOKENS_IN_QUERIES: [&str; 8] =
    ["token", "access_token", "session_id", "session", "auth", "authorization", "bearer", "api_key"];

/// Refuses a token in the address, whatever it is.
///
/// # Errors
/// `auth-failed`.
pub(crate) fn refuse_token_in_address(uri: &Uri) -> Result<(), Error> {
    let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    if query.into_iter().any(|(name, _)| TOKENS_IN_QUERIES.contains(&name.to_ascii_lowercase().as_str())) {
        let advice = "a token in the address ends up in logs; send it in Authorization, in the cookie or in a frame";
        return Err(Error::new(Code::AuthFailed, advice));
    }
    Ok(())
}

impl Standing {
    /// Of the text that they call with.
    pub(crate) fn token_hash(&self) -> TokenHash {
        match &self.credential {
            Credential::Session(text) | Credential::Token(text) => hash(text),
        }
    }
}

impl App {
    /// By what a request calls; none when it carries nothing of the kind.
    ///
    /// # Errors
    /// As of every request; `cross-site-request` for a cookie that a page of another site sends along: a stream by it would
    /// be open to that page.
    pub(crate) async fn standing(&self, parts: &Parts) -> Result<Option<Standing>, Error> {
        let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        if query.into_iter().any(|(name, _)| TOKENS_IN_QUERIES.contains(&name.to_ascii_lowercase().as_str())) {
            let advice =
                "a token in the address ends up in logs; send it in Authorization, in the cookie or in a frame";
            return Err(Error::new(Code::AuthFailed, advice));
        }
        match caller::credential_of_stream(parts, self)? {
            Some(credential) => self.standing_by(credential).await.map(Some),
            None => Ok(None),
        }
    }

    /// By a token that came in another way than in a header.
    ///
    /// # Errors
    /// As of every request with that token.
    pub(crate) async fn standing_of(&self, token: String) -> Result<Standing, Error> {
        let of = if service_token::is_one(&token) { Credential::Token } else { Credential::Session };
        self.standing_by(of(token)).await
    }

    /// Whether it still stands at that position of the log, and now. It is used now.
    ///
    /// # Errors
    /// The same as of a request: it has ended, or nobody can tell.
    pub(crate) async fn stands(&self, standing: &Standing, position: u64) -> Result<(), Error> {
        match &standing.credential {
            Credential::Session(_) => self.know_ends(self.projections.open_sessions(), position).await?,
            Credential::Token(_) => self.know_ends(self.projections.live_tokens(), position).await?,
        };
        self.standing_by(standing.credential.clone()).await.map(drop)
    }

    async fn standing_by(&self, credential: Credential) -> Result<Standing, Error> {
        match &credential {
            Credential::Session(text) => {
                let open = self.open_session(text).await?;
                self.must_have_second_factor(&open).await?;
                let ends_at = Some(self.last_end(&open));
                Ok(Standing { user_id: open.user_id, id: open.session_id.0, ends_at, credential })
            }
            Credential::Token(text) => {
                let token = self.live_token(text).await?;
                if !token.scopes.contains(Scope::Read) {
                    return Err(Error::scope_missing(Scope::Read));
                }
                self.owner_must_have_second_factor(token.user_id).await?;
                Ok(Standing { user_id: token.user_id, id: token.token_id.0, ends_at: token.expires_at, credential })
            }
        }
    }
}
