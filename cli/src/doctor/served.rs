//! Whether a server runs over the data folder, and who has its port.

use super::Check;
use crate::context::Context;
use crate::health::{ANSWER_WAIT, reachable, ready};
use hyper::StatusCode;
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
    let status = asked.ok().and_then(Result::ok).map(|(status, _)| status);
    match status {
        Some(StatusCode::OK) if serves => Check::ok("port", format!("{listen} is served, and ready")),
        Some(StatusCode::SERVICE_UNAVAILABLE) if serves => {
            let advice = "`letopis health` and the server's log tell what is missing";
            Check::problem("port", format!("{listen} is served, and not ready"), advice)
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
