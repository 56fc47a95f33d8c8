//! Invitations into a chat: making, listing, withdrawing them, and coming in by one.

use super::chats::refuse_who_does_not_lead;
use super::ids::chat_id;
use super::links::base;
use super::members::{Entered, chosen, entered};
use super::page::{Next, cut};
use super::pages::{Page, Reader};
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::body::OptionalBody;
use crate::http::context::CommandContext;
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::{Done, read, written};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::id::parse_uuid;
use domain::{ChatId, Command, InvitationId, Outcome, Timestamp, UserId, chat};
use projections::{ProjectionId, chats};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use store::MailedPurpose;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

/// How long an invitation lasts where nobody says, in seconds: a week.
const LIFE_SECONDS: u32 = 7 * 24 * 3_600;
/// Shortest and longest, in seconds: a minute, a year.
const LIFE: RangeInclusive<u32> = 60..=365 * 24 * 3_600;
/// How many may come in by one where their number is bounded.
const USES: RangeInclusive<u32> = 1..=1_000_000;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(
            routes!(create),
            Spec::caller().fails(&[
                Code::NotAMember,
                Code::NotAllowed,
                Code::ChatNotFound,
                Code::Archived,
                Code::TooManyInvitations,
            ]),
        )
        .add(routes!(list), Spec::caller().paged().fails(&[Code::NotAMember, Code::NotAllowed, Code::ChatNotFound]))
        .add(
            routes!(withdraw),
            Spec::caller().fails(&[Code::NotAMember, Code::NotAllowed, Code::ChatNotFound, Code::InvitationNotFound]),
        )
        .add(
            routes!(join),
            Spec::caller().fails(&[
                Code::InvitationNotFound,
                Code::InvitationExpired,
                Code::Banned,
                Code::NameTaken,
                Code::Archived,
            ]),
        )
}

/// What is not under `/v1`.
pub(crate) fn page() -> Routes {
    let fails = &[Code::InvitationNotFound, Code::InvitationExpired, Code::ProjectionBehind];
    Routes::default().add(routes!(show), Spec::anyone().fails(fails))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewInvitation, example = json!({"expires_in": 86_400, "uses_max": 10}))]
pub(super) struct CreateInvitation {
    /// After how many seconds it ends: a minute to a year; without it after a week.
    #[schema(minimum = 60, maximum = 31_536_000)]
    expires_in: Option<u32>,
    /// How many people may come in by it; without it their number is not bounded.
    #[schema(minimum = 1, maximum = 1_000_000)]
    uses_max: Option<u32>,
}

#[derive(Serialize, ToSchema)]
struct InvitationMade {
    #[schema(value_type = Uuid)]
    invitation_id: InvitationId,
    /// Anyone who has it can join: keep it as secret as the chat.
    code: String,
    /// A page that shows it.
    #[schema(example = "https://chat.example.org/i/AZf…")]
    url: String,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    position: u64,
}

#[derive(Serialize, ToSchema)]
struct Invitations {
    invitations: Vec<Invitation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

#[derive(Serialize, ToSchema)]
struct Invitation {
    #[schema(value_type = Uuid)]
    invitation_id: InvitationId,
    code: String,
    url: String,
    /// Who made it.
    #[schema(value_type = Uuid)]
    by: UserId,
    /// What they want to be called.
    #[schema(example = "Anna K.")]
    by_name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// How many came in by it.
    uses: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    uses_max: Option<u64>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InvitedMember, example = json!({}))]
pub(super) struct JoinInvited {
    /// Your nickname in the chat; without it the name of your account.
    #[schema(min_length = 1, max_length = 64)]
    user_name: Option<String>,
}

/// Invite to a chat
///
/// Anyone with the code can join, even a private chat, until the invitation ends, is used up or is withdrawn. For the
/// owner and admins; at most 100 are open at once.
#[utoipa::path(post, path = "/v1/chats/{chat_id}/invitations", operation_id = "createInvitation", tag = "members",
    request_body = CreateInvitation,
    responses((status = 201, body = InvitationMade, description = "The invitation.")))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(chat): Path<String>,
    context: CommandContext,
    headers: HeaderMap,
    OptionalBody(body): OptionalBody<CreateInvitation>,
) -> Result<Response, Error> {
    let chat_id = chat_id(&chat)?;
    let base = base(&app, &headers)?;
    let lasts = body.expires_in.unwrap_or(LIFE_SECONDS);
    if !LIFE.contains(&lasts) {
        return Err(Error::bad("expires_in", "must be a number of seconds from 60 to 31536000"));
    }
    if body.uses_max.is_some_and(|uses| !USES.contains(&uses)) {
        return Err(Error::bad("uses_max", "must be a number from 1 to 1000000"));
    }
    let invite = chat::Invite {
        by: caller.user_id,
        invitation_id: InvitationId(Uuid::now_v7()),
        expires_at: context.at.plus_seconds(lasts.into()),
        uses_max: body.uses_max,
    };
    let answer = app.send(&caller, &context, Command::Chat(chat_id, chat::Command::Invite(invite))).await?;
    let Outcome::Invited { invitation_id, expires_at } = answer.outcome else { return Err(Error::other_answer()) };
    let code = code(&app, chat_id, invitation_id);
    let url = url(base.as_str(), &code);
    let body = InvitationMade { invitation_id, code, url, expires_at, position: answer.position };
    Ok(written(StatusCode::CREATED, &answer, body))
}

/// List invitations
///
/// The open ones, the newest first; for the owner and admins.
#[utoipa::path(get, path = "/v1/chats/{chat_id}/invitations", operation_id = "listInvitations", tag = "members",
    responses((status = 200, body = Invitations, description = "A page of open invitations.")))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(chat): Path<String>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Error> {
    let chat_id = chat_id(&chat)?;
    let limit = params.limit()?;
    let base = base(&app, &headers)?;
    let list = ["invitations", &chat_id.to_string()];
    let before = params.get("from").map(|from| cursor::read_position(&app.keys, &list, from)).transpose()?;
    let reading = app.read(ProjectionId::Chats, params.min_position).await?;
    refuse_who_does_not_lead(&reading.database, chat_id, &caller).await?;
    let _place = app.budget.page().await?;
    let mut rows = chats::invitations(&reading.database, chat_id, store::now(), before, limit + 1).await?;
    let next = cut(&mut rows, limit, |last| cursor::write_position(&app.keys, &list, last.position));
    let invitations = rows.into_iter().map(|row| {
        let code = code(&app, chat_id, row.invitation_id);
        Invitation {
            invitation_id: row.invitation_id,
            url: url(base.as_str(), &code),
            code,
            by: row.by,
            by_name: row.by_name.unwrap_or_default(),
            created_at: row.at,
            expires_at: row.expires_at,
            uses: row.uses,
            uses_max: row.uses_max,
        }
    });
    Ok(read(reading.position, Invitations { invitations: invitations.collect(), next }))
}

/// Withdraw an invitation
///
/// Nobody can join with it any more; members stay. For the owner and admins.
#[utoipa::path(delete, path = "/v1/chats/{chat_id}/invitations/{invitation_id}", operation_id = "withdrawInvitation",
    tag = "members", params(("invitation_id" = String, Path, description = "The invitation.")),
    responses((status = 200, body = Done, description = "The invitation is withdrawn.")))]
async fn withdraw(
    State(app): State<App>,
    caller: Caller,
    Path((chat, invitation)): Path<(String, String)>,
    context: CommandContext,
) -> Result<Response, Error> {
    let chat_id = chat_id(&chat)?;
    let invitation_id = parse_uuid(&invitation).map(InvitationId).ok_or_else(not_found)?;
    let command = chat::WithdrawInvitation { by: caller.user_id, invitation_id };
    let command = Command::Chat(chat_id, chat::Command::WithdrawInvitation(command));
    let answer = app.send(&caller, &context, command).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}

/// Join with an invitation
///
/// A caller who is a member already stays one and uses nothing up.
#[utoipa::path(post, path = "/v1/invitations/{code}", operation_id = "joinByInvitation", tag = "members",
    params(("code" = String, Path, description = "The code of the invitation.")), request_body = JoinInvited, responses(
        (status = 201, body = Entered, description = "You are a member from now on."),
        (status = 200, body = Entered, description = "You were a member already."),
    ))]
async fn join(
    State(app): State<App>,
    caller: Caller,
    Path(code): Path<String>,
    context: CommandContext,
    OptionalBody(body): OptionalBody<JoinInvited>,
) -> Result<Response, Error> {
    let (chat_id, invitation_id) = opened(&app, &code)?;
    let nickname = body.user_name.as_deref().map(|text| chosen(&app, text)).transpose()?;
    let join = chat::JoinByInvitation { user_id: caller.user_id, invitation_id, nickname };
    let command = Command::Chat(chat_id, chat::Command::JoinByInvitation(join));
    let answer = app.send(&caller, &context, command).await?;
    entered(&answer, Some(chat_id))
}

/// Show an invitation
///
/// A page for people: the name of the chat, and the code to join with. It changes nothing.
#[utoipa::path(get, path = "/i/{code}", operation_id = "showInvitation", tag = "members",
    params(("code" = String, Path, description = "The code of the invitation.")),
    responses((status = 200, body = String, content_type = "text/html", description = "The page.")))]
async fn show(State(app): State<App>, Path(code): Path<String>, reader: Reader) -> Response {
    let chat_name = async {
        let (_, invitation_id) = opened(&app, &code)?;
        let reading = app.read(ProjectionId::Chats, 0).await?;
        let found = chats::invited_to(&reading.database, invitation_id, reader.at).await?;
        found.ok_or_else(|| Error::new(Code::InvitationExpired, chat::Refusal::InvitationExpired))
    };
    match chat_name.await {
        Ok(chat_name) => reader.page(Page::Invitation { chat_name: &chat_name, code: &code }),
        Err(error) => reader.failed(error),
    }
}

/// The code is derived, as mailed secrets are (`docs/decisions/0021`): the log holds the two ids, and never it.
fn code(app: &App, chat_id: ChatId, invitation_id: InvitationId) -> String {
    let payload = [*chat_id.0.as_bytes(), *invitation_id.0.as_bytes()].concat();
    app.keys.mailed_token(MailedPurpose::Invitation, &payload)
}

fn opened(app: &App, code: &str) -> Result<(ChatId, InvitationId), Error> {
    let payload = app.keys.open_mailed_token(MailedPurpose::Invitation, code).ok_or_else(not_found)?;
    let (chat, invitation) = payload.split_at_checked(16).ok_or_else(not_found)?;
    let id = |bytes: &[u8]| Uuid::from_slice(bytes).map_err(|_| not_found());
    Ok((ChatId(id(chat)?), InvitationId(id(invitation)?)))
}

fn url(base: &str, code: &str) -> String {
    format!("{}/{}/{code}", base.trim_end_matches('/'), MailedPurpose::Invitation.letter())
}

fn not_found() -> Error {
    Error::new(Code::InvitationNotFound, "there is no such invitation")
}
