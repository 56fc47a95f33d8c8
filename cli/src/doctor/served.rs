//! Whether a server runs over the data folder, and who has its port.

use super::Check;
use crate::context::Context;
use crate::health::{ANSWER_WAIT, reachable, ready};
use hyper::StatusCode;
use serde_json::Value;
use std::io::ErrorKind;
use tokio::net::{TcpListener, UnixStream};

/// Whether a server takes changes to this data folder.
pub(super) async fn serves(context: &Context) -> bool {
    UnixStream::connect(context.settings.data.join("control.sock")).await.is_ok()
}

pub(super) fn server(serves: bool) -> Check {
    let found = if serves { "one serves this data folder" } else { "none serves this data folder" };
    Check::ok("server", found)
}

pub(super) async fn port(context: &Context, serves: bool) -> Check {
    let listen = &context.settings.listen;
    let advice = "stop what listens there, or choose another address with --listen or LETOPIS_LISTEN";
    match TcpListener::bind(listen).await {
        Ok(_) if !serves => return Check::ok("port", format!("{listen} is free")),
        Ok(_) => {
            let found = format!("{listen} is free, and yet a server runs");
            return Check::warning("port", found, "it listens elsewhere: configure this shell as the server is");
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => {}
        Err(error) => return Check::problem("port", format!("{listen} cannot be used: {error}"), advice),
    }
    let asked = tokio::time::timeout(ANSWER_WAIT, ready(&reachable(listen), "")).await;
    let (status, body) = asked.ok().and_then(Result::ok).unzip();
    let roles = body.as_deref().and_then(roles).map_or_else(String::new, |roles| format!(" ({roles})"));
    match status {
        Some(StatusCode::OK) if serves => Check::ok("port", format!("{listen} is served{roles}, and ready")),
        Some(StatusCode::SERVICE_UNAVAILABLE) if serves => {
            let advice = "`letopis health` and the server's log tell what is missing";
            Check::problem("port", format!("{listen} is served{roles}, and not ready"), advice)
        }
        Some(_) | None if serves => {
            let found = format!("{listen} is another program's; the server of this folder listens elsewhere");
            Check::warning("port", found, "configure this shell as the server is, or ask it by `letopis health --url`")
        }
        Some(_) | None => {
            Check::problem("port", format!("{listen} is taken, and not by a server of this folder"), advice)
        }
    }
}

/// What a server says of the work that it does.
fn roles(body: &[u8]) -> Option<String> {
    let said = serde_json::from_slice::<Value>(body).ok()?;
    let roles = said.get("roles")?.as_array()?.iter().filter_map(Value::as_str);
    Some(roles.collect::<Vec<_>>().join(","))
}
