//! How a verb that changes something gets it done: by the running server, over the control socket in the data
//! folder, or in this process when no server runs.
//!
//! One line of JSON goes in: `{"operation": …}`, and behind it the file that it takes along, if it takes one (`stream`).
//! Lines of JSON come out: any number of `{"progress": …}`, then
//! `{"done": …}` or `{"failed": {"code": …, "message": …}}`.

pub mod server;
mod stream;

use crate::gzip::Source;
use crate::operations::{self, Error, Progress, Report, Request, Response};
use crate::{Messaging, Node, NodeError, NodeOptions};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::{Duration, Instant};
use store::Folder;
use stream::SendError;
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
struct Line {
    operation: Request,
}

/// Has a request carried out by the running server; `None` when none runs.
///
/// # Errors
/// As [`carry_out`].
pub async fn ask_running(data: &Path, request: Request) -> Result<Option<Report>, Error> {
    let Some(stream) = connect(&data.join("control.sock")).await? else { return Ok(None) };
    ask(stream, request, None, &mut |_| {}).await.map(Some)
}

/// Carries a request out, with the file that it [`Request::takes`], and shows how far it is: by whoever serves the data
/// folder, or in this process, which opens it by `options` when nobody does.
///
/// # Errors
/// What it failed with, or why it could not begin; also when the file cannot be read.
pub async fn carry_out(
    mut options: NodeOptions,
    request: Request,
    source: Option<Source>,
    show: &mut impl FnMut(&Progress),
) -> Result<Report, Error> {
    // A log that nodes share is stored elsewhere, and is looked at when it is opened.
    if request.needs_data() && options.database.is_none() {
        Folder::existing(&options.data)?;
    }
    if let Some(report) = request.run_apart(&options).await? {
        return Ok(report);
    }
    if !request.needs_nats() {
        options.messaging = Messaging::Off;
    }
    let socket = options.data.join("control.sock");
    let began = Instant::now();
    loop {
        if let Some(stream) = connect(&socket).await? {
            return ask(stream, request, source, show).await;
        }
        match Node::open(options.clone()).await {
            Ok(node) => return here(node, &request, source, show).await,
            // A server that starts or stops, or another verb: it soon listens, or lets go.
            Err(NodeError::Store(store::Error::Locked { .. })) if began.elapsed() < BUSY_WAIT => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn connect(socket: &Path) -> Result<Option<UnixStream>, Error> {
    use std::io::ErrorKind::{ConnectionRefused, NotFound};
    match UnixStream::connect(socket).await {
        Ok(stream) => Ok(Some(stream)),
        // No server was here, or one left its socket behind.
        Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => Ok(None),
        // Closed to this user, say: that is a refusal, and told as one.
        Err(source) => Err(Error::Unreached { path: socket.to_owned(), source }),
    }
}

async fn ask(
    stream: UnixStream,
    request: Request,
    source: Option<Source>,
    show: &mut impl FnMut(&Progress),
) -> Result<Report, Error> {
    let (reading, mut writing) = stream.into_split();
    let mut line = serde_json::to_vec(&Line { operation: request }).expect("a request is JSON");
    line.push(b'\n');
    let sending = async {
        // Whoever does not take the request may have answered it all the same: then that says why.
        writing.write_all(&line).await.map_err(|_| SendError::Server)?;
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
                Ok(()) | Err(SendError::Server) => {
                    is_sent = true;
                    continue;
                }
                Err(SendError::File(error)) => return Err(Error::FileStopped(error)),
            },
            line = lines.next_line() => line,
        };
        let line = line.map_err(|error| Error::ServerGone { source: Some(error) })?;
        let line = line.ok_or(Error::ServerGone { source: None })?;
        match serde_json::from_str(&line).map_err(Error::OtherVersion)? {
            Response::Progress(progress) => show(&progress),
            Response::Done(report) => return Ok(report),
            Response::Failed(failed) => return Err(Error::Answered(failed)),
        }
    }
}

/// Carries an operation out in this process, and leaves the read models caught up.
async fn here(
    node: Node,
    request: &Request,
    source: Option<Source>,
    show: &mut impl FnMut(&Progress),
) -> Result<Report, Error> {
    let (sender, receiver) = watch::channel(None::<Progress>);
    let result = {
        let work = async {
            let result = request.run(&node, source, &sender).await;
            operations::settle(&node).await;
            result
        };
        tokio::pin!(work);
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                result = &mut work => break result,
                why = node.failed() => break Err(Error::Ended(why)),
                _ = ticks.tick() => if let Some(progress) = &*receiver.borrow() { show(progress) },
            }
        }
    };
    node.stop().await;
    result
}
