//! Searching as a task: asked now, read when it is answered.

use super::message_pages::{PAGE_BYTES_MAX, readable};
use super::page::Next;
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::context::CommandContext;
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::{read, written};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use commands::{Actor, Answer};
use domain::json::json_bytes;
use domain::{ChatId, Command, MessageId, Outcome, UserId, id};
use projections::ProjectionId;
use serde::{Deserialize, Serialize};
use state::{Enqueued, FoundMessage, NewTask, TaskState};
use store::now;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

/// Fewer characters are no question (CONTRACT 1.4), unless one of them is a word by itself: `東京` says as much as `Tokyo`.
const CHARACTERS_MIN: usize = 4;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(ask), Spec::caller())
        .add(routes!(status), Spec::caller().fails(&[Code::TaskNotFound]))
        .add(
            routes!(found),
            Spec::caller().paged().fails(&[Code::TaskNotComplete, Code::TaskFailed, Code::TaskNotFound]),
        )
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSearchTask, example = json!({"message": "tomatoes"}))]
pub(super) struct AskLater {
    /// The question, as `q` of `GET /v1/search`: at least 4 characters, or a word of a script that sets no spaces.
    #[schema(min_length = 1)]
    message: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SearchTaskCreated)]
struct TaskTaken {
    task_id: Uuid,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SearchTaskStatus)]
struct TaskStatus {
    #[schema(inline)]
    status: Status,
}

/// How far a task is; the last two are final.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    Waiting,
    InProcess,
    Success,
    Failed,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SearchTaskHits)]
struct FoundMessages {
    messages: Vec<FoundText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SearchTaskHit)]
struct FoundText {
    #[schema(example = "The tomatoes are ripe.")]
    text: String,
    #[schema(value_type = Uuid)]
    chat_id: ChatId,
    #[schema(value_type = Uuid)]
    message_id: MessageId,
}

/// Create a search task
///
/// Finds the newest 100 messages in the chats that the caller is in when the task runs.
#[utoipa::path(post, path = "/v1/chats/search", operation_id = "createSearchTask", tag = "search",
    request_body = AskLater, responses((status = 201, body = TaskTaken, description = "The task waits for its turn.")))]
async fn ask(
    State(app): State<App>,
    caller: Caller,
    context: CommandContext,
    params: Params,
    Body(body): Body<AskLater>,
) -> Result<Response, Error> {
    let question = &body.message;
    if question.chars().nth(CHARACTERS_MIN - 1).is_none() && !search::words::has_sign(question) {
        return Err(Error::bad("message", "must have more than 3 characters"));
    }
    search::question(question).map_err(|broken| Error::bad("message", broken))?;
    let key = app.key(Actor::User(caller.user_id), &context);
    let task_id = match &key {
        None => Uuid::now_v7(),
        Some(key) => {
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&key.command_id[..16]);
            uuid::Builder::from_random_bytes(bytes).into_uuid()
        }
    };
    // A key is good for one request of any kind: its receipt is where all others are.
    let first = match &key {
        None => None,
        Some(_) => {
            let context = CommandContext { if_match: None, ..context.clone() };
            Some(app.send(&caller, &context, Command::Nothing(caller.user_id)).await?)
        }
    };
    let fingerprint = key.map(|key| key.fingerprint);
    // Another node may take it, and knows nothing of what this one has acknowledged.
    let position = app.writer.acknowledged(ProjectionId::Search.follows());
    let wanted = position.max(params.min_position);
    let question = search::question::beginning_of(question).to_owned();
    let task = NewTask { task_id, user_id: caller.user_id, fingerprint, question, wanted, at: context.at };
    let tasks = app.state.search_tasks().clone();
    let replayed = match app.patiently(blocking(move || tasks.enqueue(&task))).await?? {
        Enqueued::New => false,
        Enqueued::Repeated => true,
        Enqueued::OtherRequest => return Err(Error::other_answer()),
        Enqueued::TooMany => {
            return Err(Error::new(Code::Overloaded, "too many tasks are waiting; try again in a second"));
        }
    };
    let position = first.map_or(position, |first| first.position);
    let answer = Answer { position, version: 0, outcome: Outcome::Done, replayed };
    Ok(written(StatusCode::CREATED, &answer, TaskTaken { task_id }))
}

/// Read a search task
///
/// The server removes it five minutes after it has finished.
#[utoipa::path(get, path = "/v1/chats/search/status/{task_id}", operation_id = "readSearchTask", tag = "search",
    responses((status = 200, body = TaskStatus, description = "How far the task is.")))]
async fn status(
    State(app): State<App>,
    caller: Caller,
    Path(task): Path<String>,
    _: Params,
) -> Result<Response, Error> {
    // No read model knows it: there is nothing to wait for.
    let position = app.projections.position(ProjectionId::Search);
    let (state, _) = task_of(&app, caller.user_id, &task).await?;
    let status = match state {
        TaskState::Waiting => Status::Waiting,
        TaskState::InProcess => Status::InProcess,
        TaskState::Success => Status::Success,
        TaskState::Failed => Status::Failed,
    };
    Ok(read(position, TaskStatus { status }))
}

/// List found messages
///
/// The newest first, with their present texts, from the chats that the caller is in now.
#[utoipa::path(get, path = "/v1/chats/search/{task_id}/messages", operation_id = "listSearchTaskHits", tag = "search",
    responses((status = 200, body = FoundMessages, description = "A page of what the task has found.")))]
async fn found(
    State(app): State<App>,
    caller: Caller,
    Path(task): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let limit = params.limit()? as usize;
    let list = ["search task", &task, &caller.user_id.to_string()];
    let (state, found) = task_of(&app, caller.user_id, &task).await?;
    match state {
        TaskState::Success => {}
        TaskState::Waiting | TaskState::InProcess => {
            return Err(Error::new(Code::TaskNotComplete, "the task has not finished; read it again until it has"));
        }
        TaskState::Failed => return Err(Error::new(Code::TaskFailed, "the task failed; create it again")),
    }
    // The cursor is a place in what was found, which changes no more.
    let from = params.get("from").map(|from| cursor::read_position(&app.keys, &list, from)).transpose()?;
    let from = usize::try_from(from.unwrap_or_default()).unwrap_or(usize::MAX);
    let reading = app.read(ProjectionId::Messages, params.min_position).await?;
    let _place = app.budget.page().await?;
    let (mut shown, mut bytes, mut at) = (Vec::new(), 0, from.min(found.len()));
    for (chat_id, message_id) in &found[at..] {
        if shown.len() == limit || bytes > PAGE_BYTES_MAX {
            break;
        }
        at += 1;
        if let Some(message) = readable(&reading.database, *chat_id, *message_id, caller.user_id).await? {
            bytes += json_bytes(&message.text);
            shown.push(FoundText { text: message.text, chat_id: *chat_id, message_id: *message_id });
        }
    }
    let next = (at < found.len()).then(|| Next { iterator: cursor::write_position(&app.keys, &list, at as u64) });
    Ok(read(reading.position, FoundMessages { messages: shown, next }))
}

async fn task_of(app: &App, user_id: UserId, task: &str) -> Result<(TaskState, Vec<FoundMessage>), Error> {
    let unknown = || Error::new(Code::TaskNotFound, "you have no such task, or no longer");
    let task_id = id::parse_uuid(task).ok_or_else(unknown)?;
    app.state.search_tasks().status(task_id, user_id, now()).await?.ok_or_else(unknown)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> state::Result<T> + Send + 'static) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|failed| Error::ours(&failed, Code::Internal))?.map_err(Error::from)
}
