//! The one end of every way in. Who has shown who they are, by whatever way, gets a session here, its token in the body or
//! in the cookie; or, where they have a second factor, a challenge to go on with.

use crate::app::App;
use crate::auth::credentials::set_cookie;
use crate::auth::session_token::{hash, new_token};
use crate::error::{Code, Error};
use crate::http::context::CommandContext;
use crate::http::reply::written;
use crate::http::request_log::Notes;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use commands::{Actor, Answer};
use domain::session::{self, Opening, Shown};
use domain::user::Origin;
use domain::{Command, Outcome, SessionId, Timestamp, UserId, device};
use projections::{ProjectionId, sign_ins};
use serde::{Deserialize, Serialize};
use state::ChallengeKind;
use std::time::Duration;
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

/// How long a sign-in waits for its second factor.
const CHALLENGE_LASTS: Duration = Duration::from_secs(5 * 60);
/// Codes that are looked at before it begins again.
const TRIES_MAX: u32 = 5;

/// What is kept of a sign-in that waits for its second factor.
#[derive(Serialize, Deserialize)]
struct FirstProof {
    user_id: UserId,
    shown: Shown,
    at: Timestamp,
    cookie: bool,
}

fn challenge_gone() -> Error {
    Error::new(Code::WrongDigits, "this sign-in has expired, was used, or took too many wrong codes; sign in again")
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
    /// account and opens the session, in one decision; where that asks for a second factor, `shown` is kept until it comes.
    ///
    /// # Errors
    /// What `open` fails with; `second-factor-needed`.
    pub(crate) async fn sign_in(
        &self,
        context: &CommandContext,
        notes: &Notes,
        entrant: Entrant,
        shown: Shown,
        open: impl AsyncFnOnce(SessionId, Opening) -> Result<Answer, Error>,
    ) -> Result<Response, Error> {
        let Entrant { user_id, from, is_new, cookie } = entrant;
        let new_device = !is_new && self.is_new_device(user_id, &from).await;
        let token = new_token();
        let expires_at = context.at.plus(self.settings.session_max);
        let opening = Opening { token_hash: hash(&token), expires_at, from, new_device };
        let answer = open(SessionId(Uuid::now_v7()), opening).await?;
        notes.caller(user_id);
        if let Outcome::SecondFactorNeeded { ways } = &answer.outcome {
            let first = FirstProof { user_id, shown, at: context.at, cookie };
            return Err(Error::second_factor_needed(self.ask_for_second(&first).await?, ways.clone()));
        }
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

    /// Keeps what was shown until the second factor comes; answers the secret that it is found by.
    async fn ask_for_second(&self, first: &FirstProof) -> Result<String, Error> {
        let challenge = new_token();
        let (id_hash, expires_at) = (hash(&challenge).0, first.at.plus(CHALLENGE_LASTS));
        self.keep_challenge(ChallengeKind::SecondFactor, id_hash, Some(first.user_id), first, expires_at).await?;
        Ok(challenge)
    }

    /// Goes on with a sign-in that waits for a second factor.
    ///
    /// # Errors
    /// `bad-code` for a code that is wrong or has counted, and for a challenge that is unknown, has expired, was used, or has
    /// taken five tries; `request-limit-exceeded` after too many wrong codes.
    pub(crate) async fn sign_in_second(
        &self,
        context: &CommandContext,
        notes: &Notes,
        from: Origin,
        (challenge, code): (&str, &str),
    ) -> Result<Response, Error> {
        let (id_hash, at) = (hash(challenge).0, context.at);
        let waiting = self.try_challenge::<FirstProof>(ChallengeKind::SecondFactor, id_hash, TRIES_MAX, at).await?;
        let FirstProof { user_id, shown, at: shown_at, cookie } = waiting.ok_or_else(challenge_gone)?;
        let state = self.totp(user_id).await?;
        let second = match self.check_second(user_id, &state, code, at).await {
            Ok(second) => second,
            Err(error) => {
                if error.code == Code::WrongDigits {
                    notes.reason("the second factor is wrong");
                    self.remember_failure(context, user_id, from);
                }
                return Err(error);
            }
        };
        // Of two that come at once with the same challenge one goes on.
        let taken = self.take_challenge::<FirstProof>(ChallengeKind::SecondFactor, id_hash, at).await?;
        taken.ok_or_else(challenge_gone)?;
        let entrant = Entrant { user_id, from, is_new: false, cookie };
        let opening = self.sign_in(context, notes, entrant, shown, async |session_id, opening| {
            let (shown_at, second) = (Some(shown_at), Some(second));
            let sign_in = session::SignIn { user_id, shown, shown_at, second, opening };
            let command = Command::Session(session_id, session::Command::SignIn(sign_in));
            self.ask(Actor::User(user_id), context, command).await
        });
        opening.await
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
