//! How a verb that changes something gets it done: by the running server, over the control socket in the data
//! folder, or in this process when no server runs.
//!
//! One line of JSON goes in: `{"operation": …}`. Lines of JSON come out: any number of `{"progress": …}`, then
//! `{"done": …}` or `{"failed": {"code": …, "message": …}}`.

pub mod server;

use crate::context::Context;
use crate::couriers;
use crate::exit::{Code, Failure, failure};
use crate::operation::{self, Operation};
use crate::progress::{Meter, Progress};
use anyhow::{Context as _, Result};
use api::{Node, NodeError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};
use store::Folder;
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
struct Ask {
    operation: Operation,
}

/// What comes out.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
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
    let result = carry_out_shown(context, operation, &mut meter).await;
    meter.end();
    result
}

async fn carry_out_shown(context: &Context, operation: Operation, meter: &mut Meter) -> Result<Value> {
    // A log that nodes share lies elsewhere, and is looked at when it is opened.
    if operation.needs_data() && context.settings.database.is_none() {
        Folder::existing(&context.settings.data)?;
    }
    let socket = context.settings.data.join("control.sock");
    let began = Instant::now();
    loop {
        if let Some(stream) = connect(&socket).await? {
            return ask(stream, operation, meter).await;
        }
        match Node::open(context.node_options()).await {
            Ok(node) => return here(context, node, &operation, meter).await,
            // A server that starts or stops, or another verb: it soon listens, or lets go.
            Err(NodeError::Store(store::Error::Locked { .. })) if began.elapsed() < BUSY_WAIT => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn connect(socket: &Path) -> Result<Option<UnixStream>> {
    use std::io::ErrorKind::{ConnectionRefused, NotFound};
    match UnixStream::connect(socket).await {
        Ok(stream) => Ok(Some(stream)),
        // No server was here, or one left its socket behind.
        Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => Ok(None),
        Err(error) => {
            let what = format!("could not reach the running server by {}", socket.display());
            Err(error).context(what).context(Failure {
                code: Code::Unreachable,
                message: "run this as the user that runs the server".to_owned(),
            })
        }
    }
}

async fn ask(stream: UnixStream, operation: Operation, meter: &mut Meter) -> Result<Value> {
    let (reading, mut writing) = stream.into_split();
    let mut line = serde_json::to_vec(&Ask { operation })?;
    line.push(b'\n');
    writing.write_all(&line).await.context("the running server does not take the request")?;
    let mut lines = BufReader::new(reading).lines();
    while let Some(line) = lines.next_line().await.context("the running server went away")? {
        match serde_json::from_str(&line).context("the running server is of another version: use its own program")? {
            Told::Progress(progress) => meter.show(&progress),
            Told::Done(value) => return Ok(value),
            Told::Failed(failed) => return Err(failed.into()),
        }
    }
    Err(failure(
        Code::Unreachable,
        "the running server ended before it had answered; see its log, then run the same command again",
    ))
}

/// Carries an operation out in this process, and leaves the read models caught up.
async fn here(context: &Context, node: Node, operation: &Operation, meter: &mut Meter) -> Result<Value> {
    let (sender, receiver) = watch::channel(Progress::default());
    let result = {
        let work = async {
            let bus = if operation.needs_nats() { couriers::bus(context).await? } else { None };
            let relay = match bus {
                Some(bus) => Some(couriers::relay(bus, &node).await?),
                None => None,
            };
            let result = operation.run(&node, relay.as_ref(), &sender).await;
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
