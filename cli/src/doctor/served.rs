//! Whether a server runs over the data folder, and who has its port.

use super::{Advice, Check};
use crate::context::Context;
use crate::health::{ANSWER_WAIT, reachable, ready};
use hyper::StatusCode;
use node::control::ask_running;
use node::operations::{Report, Request, WriterHealth};
use serde_json::Value;
use std::io::ErrorKind;
use tokio::net::{TcpListener, UnixStream};

/// Whether a server takes changes to this data folder.
pub(super) async fn serves(context: &Context) -> bool {
    UnixStream::connect(context.settings.data.join("control.sock")).await.is_ok()
}

pub(super) fn server(serves: bool) -> Check {
    let found = if serves { "a server runs on this data folder" } else { "no server runs on this data folder" };
    Check::ok("server", found)
}

/// Whether the server can write the log, by its own word.
pub(super) async fn writer(context: &Context) -> Check {
    let asked = tokio::time::timeout(ANSWER_WAIT, ask_running(&context.settings.data, Request::Probe)).await;
    match asked {
        Ok(Ok(Some(Report::Writer(WriterHealth { writer: Some(why) })))) => {
            Check::problem("writer", format!("the log cannot be written: {why}"), Advice::CannotWrite)
        }
        Ok(Ok(Some(Report::Writer(WriterHealth { writer: None })))) => {
            Check::ok("writer", "the server can write the log")
        }
        Ok(Ok(Some(_))) => {
            Check::warning("writer", "the server gave an answer that this program does not know", Advice::OtherVersion)
        }
        Ok(Ok(None)) => Check::warning("writer", "the server has just ended", Advice::ServerEnded),
        // It may be of an older version, or of another user.
        Ok(Err(error)) => {
            Check::warning("writer", format!("the server could not be asked: {error:#}"), Advice::NotAsked)
        }
        Err(_) => Check::problem("writer", "the server does not answer", Advice::CannotWrite),
    }
}

pub(super) async fn port(context: &Context, serves: bool) -> Check {
    let listen = &context.settings.listen;
    match TcpListener::bind(listen).await {
        Ok(_) if !serves => return Check::ok("port", format!("{listen} is free")),
        Ok(_) => {
            let found = format!("{listen} is free, although a server runs: it listens elsewhere");
            return Check::warning("port", found, Advice::ListensElsewhere);
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => {}
        Err(error) => return Check::problem("port", format!("{listen} cannot be used: {error}"), Advice::PortTaken),
    }
    let asked = tokio::time::timeout(ANSWER_WAIT, ready(&reachable(listen), "")).await;
    let (status, body) = asked.ok().and_then(Result::ok).unzip();
    let roles = body.as_deref().and_then(roles).map_or_else(String::new, |roles| format!(" ({roles})"));
    match status {
        Some(StatusCode::OK) if serves => Check::ok("port", format!("{listen} is served{roles}, and ready")),
        Some(StatusCode::SERVICE_UNAVAILABLE) if serves => {
            Check::problem("port", format!("{listen} is served{roles}, and not ready"), Advice::NotReady)
        }
        Some(_) | None if serves => {
            let found = format!("another program has {listen}; the server of this folder listens elsewhere");
            Check::warning("port", found, Advice::ListensElsewhere)
        }
        Some(StatusCode::SERVICE_UNAVAILABLE) if body.as_deref().is_some_and(is_starting) => {
            Check::warning("port", format!("a server is starting on {listen}"), Advice::Starting)
        }
        Some(_) | None => {
            let found = format!("{listen} is taken, and not by a server of this folder");
            Check::problem("port", found, Advice::PortTaken)
        }
    }
}

/// Whether a server says that it builds read models before it serves.
fn is_starting(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|said| said["starting"] == true)
}

/// What a server says of the work that it does.
fn roles(body: &[u8]) -> Option<String> {
    let said = serde_json::from_slice::<Value>(body).ok()?;
    let roles = said.get("roles")?.as_array()?.iter().filter_map(Value::as_str);
    Some(roles.collect::<Vec<_>>().join(","))
}
