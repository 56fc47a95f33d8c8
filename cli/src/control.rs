//! How a verb that changes something gets it done: by the running server, over the control socket in the data
//! folder, or in this process when no server runs.
//!
//! One line of JSON goes in: `{"operation": …}`, and behind it the file that it takes along, if it takes one (`stream`).
//! Lines of JSON come out: any number of `{"progress": …}`, then
//! `{"done": …}` or `{"failed": {"code": …, "message": …}}`.

pub mod server;
mod stream;

use crate::context::Context;
use crate::couriers;
use crate::exit::{Code, Failure, failure};
use crate::gzip::Source;
use crate::operation::{self, Operation};
use crate::progress::{Meter, Progress};
use anyhow::{Context as _, Result};
use node::{Node, NodeError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};
use store::Folder;
use stream::Stopped;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::watch;

/// A line of the protocol has at most this many bytes.
const LINE_BYTES_MAX: u64 = 1024 * 1024;
/// How long a process that holds the folder but does not listen (yet) is waited for.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// How often progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What goes in.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    operation: Operation,
}

/// What comes out.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    Progress(Progress),
    Done(Value),
    Failed(Failure),
}

/// Carries an operation out, wherever that is possible, and shows how far it is.
///
/// # Errors
/// What the operation failed with, or why it could not begin.
pub async fn carry_out(context: &Context, operation: Operation) -> Result<Value> {
    let mut meter = Meter::new();
    let result = carry_out_shown(context, operation, None, &mut meter).await;
    meter.end();
    result
}

/// Has an operation carried out by the running server; `None` when none runs.
///
/// # Errors
/// As [`carry_out`].
pub async fn ask_running(context: &Context, operation: Operation) -> Result<Option<Value>> {
    let Some(stream) = connect(&context.settings.data.join("control.sock")).await? else { return Ok(None) };
    ask(stream, operation, None, &mut Meter::new()).await.map(Some)
}

/// The same for an operation that takes a file along.
///
/// # Errors
/// As [`carry_out`], and when the file cannot be read.
pub async fn carry_out_with(context: &Context, operation: Operation, source: Source) -> Result<Value> {
    let mut meter = Meter::new();
    let result = carry_out_shown(context, operation, Some(source), &mut meter).await;
    meter.end();
    result
}

async fn carry_out_shown(
    context: &Context,
    operation: Operation,
    source: Option<Source>,
    meter: &mut Meter,
) -> Result<Value> {
    // A log that nodes share lies elsewhere, and is looked at when it is opened.
    if operation.needs_data() && context.settings.database.is_none() {
        Folder::existing(&context.settings.data)?;
    }
    let socket = context.settings.data.join("control.sock");
    let began = Instant::now();
    loop {
        if let Some(stream) = connect(&socket).await? {
            return ask(stream, operation, source, meter).await;
        }
        match Node::open(context.node_options()).await {
            Ok(node) => return here(context, node, &operation, source, meter).await,
            // A server that starts or stops, or another verb: it soon listens, or lets go.
            Err(NodeError::Store(store::Error::Locked { .. })) if began.elapsed() < BUSY_WAIT => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn connect(socket: &Path) -> Result<Option<UnixStream>> {
    use std::io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
    match UnixStream::connect(socket).await {
        Ok(stream) => Ok(Some(stream)),
        // No server was here, or one left its socket behind.
        Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => Ok(None),
        Err(error) => {
            // Closed to this user: that is a refusal, and told as one.
            let code = if error.kind() == PermissionDenied { Code::Auth } else { Code::Unreachable };
            let what = format!("could not reach the running server by {}", socket.display());
            Err(error)
                .context(what)
                .context(Failure { code, message: "run this as the user that runs the server, or as root".to_owned() })
        }
    }
}

async fn ask(stream: UnixStream, operation: Operation, source: Option<Source>, meter: &mut Meter) -> Result<Value> {
    let (reading, mut writing) = stream.into_split();
    let mut line = serde_json::to_vec(&Request { operation })?;
    line.push(b'\n');
    let sending = async {
        // Whoever does not take the request may have answered it all the same: then that says why.
        writing.write_all(&line).await.map_err(|_| Stopped::Server)?;
        match source {
            Some(source) => stream::send(source, &mut writing).await,
            None => Ok(()),
        }
    };
    tokio::pin!(sending);
    let mut is_sent = false;
    let mut lines = BufReader::new(reading).lines();
    loop {
        let line = tokio::select! {
            sent = &mut sending, if !is_sent => match sent {
                Ok(()) | Err(Stopped::Server) => {
                    is_sent = true;
                    continue;
                }
                Err(Stopped::File(error)) => {
                    let advice = "what came before is imported: run it again to go on";
                    return Err(error).with_context(|| format!("the file could not be read to its end; {advice}"));
                }
            },
            line = lines.next_line() => line,
        };
        let line = line.context(gone())?.ok_or_else(gone)?;
        match serde_json::from_str(&line).context("the running server is of another version: use its own program")? {
            Response::Progress(progress) => meter.show(&progress),
            Response::Done(value) => return Ok(value),
            Response::Failed(failed) => return Err(failed.into()),
        }
    }
}

/// The server has ended the connection, and nobody knows how far it came.
fn gone() -> Failure {
    let message = "the running server ended before it had answered; see its log, then run the same command again";
    Failure { code: Code::Unreachable, message: message.to_owned() }
}

/// Carries an operation out in this process, and leaves the read models caught up.
async fn here(
    context: &Context,
    node: Node,
    operation: &Operation,
    source: Option<Source>,
    meter: &mut Meter,
) -> Result<Value> {
    let (sender, receiver) = watch::channel(Progress::default());
    let result = {
        let work = async {
            let bus = if operation.needs_nats() { couriers::bus(context).await? } else { None };
            let relay = match bus {
                Some(bus) => Some(couriers::relay(bus, &node).await?),
                None => None,
            };
            let result = operation.run(&node, relay.as_ref(), source, &sender).await;
            if let Some(relay) = &relay {
                couriers::give_up(relay).await;
            }
            operation::settle(&node).await;
            result
        };
        tokio::pin!(work);
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                result = &mut work => break result,
                why = node.failed() => break Err(failure(Code::Failure, why)),
                _ = ticks.tick() => meter.show(&receiver.borrow()),
            }
        }
    };
    node.stop().await;
    result
}
