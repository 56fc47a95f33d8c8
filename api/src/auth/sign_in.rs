//! The one end of every way in. Who has shown who they are, by whatever way, gets a session here, its token in the body or
//! in the cookie.

use crate::app::App;
use crate::auth::credentials::set_cookie;
use crate::auth::session_token::{hash, new_token};
use crate::error::Error;
use crate::http::context::CommandContext;
use crate::http::reply::written;
use crate::http::request_log::Notes;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use commands::Answer;
use domain::session::Opening;
use domain::user::Origin;
use domain::{SessionId, Timestamp, UserId, device};
use projections::{ProjectionId, sign_ins};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A session that was opened.
#[derive(Serialize, ToSchema)]
#[schema(as = NewSession)]
pub(crate) struct LoggedIn {
    /// The session's token, to send as `Authorization: Bearer`; left out when it went into the cookie.
    #[schema(example = "Qm9yaXMgYW5kIEFubmEgd2VyZSBoZXJlIGluIE1heQA")]
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    #[schema(value_type = Uuid)]
    user_id: UserId,
    /// When it ends however much it is used.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// When it ends if it is not used any more.
    #[schema(value_type = String, format = DateTime)]
    idle_expires_at: Timestamp,
    position: u64,
}

/// Who signs in, and how they are answered.
pub(crate) struct Entrant {
    pub(crate) user_id: UserId,
    pub(crate) from: Origin,
    /// Whether the account is opened with the session: no device is new to it.
    pub(crate) is_new: bool,
    /// Whether the token goes into the cookie and not into the body.
    pub(crate) cookie: bool,
}

impl App {
    /// Opens a session for who has shown who they are. `open` sends the command that checks what they showed against their
    /// account and opens the session, in one decision.
    ///
    /// # Errors
    /// What `open` fails with.
    pub(crate) async fn sign_in(
        &self,
        context: &CommandContext,
        notes: &Notes,
        entrant: Entrant,
        open: impl AsyncFnOnce(SessionId, Opening) -> Result<Answer, Error>,
    ) -> Result<Response, Error> {
        let Entrant { user_id, from, is_new, cookie } = entrant;
        let new_device = !is_new && self.is_new_device(user_id, &from).await;
        let token = new_token();
        let expires_at = context.at.plus(self.settings.session_max);
        let opening = Opening { token_hash: hash(&token), expires_at, from, new_device };
        let answer = open(SessionId(Uuid::now_v7()), opening).await?;
        notes.caller(user_id);
        let logged_in = LoggedIn {
            session_id: (!cookie).then(|| token.clone()),
            user_id,
            expires_at,
            idle_expires_at: context.at.plus(self.settings.session_idle).min(expires_at),
            position: answer.position,
        };
        let mut response = written(StatusCode::OK, &answer, logged_in);
        if cookie {
            response.headers_mut().insert(SET_COOKIE, set_cookie(&token, self.settings.session_max.as_secs()));
        }
        Ok(response)
    }

    /// Whether the account has signed in before, and never by such a program. A sign-in does not wait for the history: where
    /// that is behind, nobody is warned.
    async fn is_new_device(&self, user_id: UserId, from: &Origin) -> bool {
        let looked = async {
            let history = self.read(ProjectionId::SignIns, 0).await?;
            Ok::<_, Error>(sign_ins::is_new(&history.database, user_id, &device::family(&from.device)).await?)
        };
        looked.await.unwrap_or_else(|error| {
            tracing::warn!(%user_id, error = error.detail, "whether a device is new could not be looked up");
            false
        })
    }
}
