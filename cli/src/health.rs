//! `letopis health`: whether a running server is ready.

use crate::arguments::Health;
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::http::Connection;
use crate::output::{Format, Screen, show};
use anyhow::Result;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// A server that does not answer in this time is not reachable.
pub const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// Asks the server.
///
/// # Errors
/// Code 7 when nobody answers, 5 when the server is not ready.
pub async fn verb(context: &Context, health: &Health) -> Result<()> {
    tell(context, health, context.output).await
}

async fn tell(context: &Context, health: &Health, output: Screen) -> Result<()> {
    let (host, prefix) = match &health.url {
        Some(url) => parts(url)?,
        None => (reachable(&context.settings.listen), String::new()),
    };
    let asked = tokio::time::timeout(ANSWER_WAIT, ready(&host, &prefix)).await;
    let advice = "start it with `letopis serve`, or name it with --url";
    let (status, body) = match asked {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(failure(Code::Unreachable, format!("{error:#}; {advice}"))),
        Err(_) => return Err(failure(Code::Unreachable, format!("{host} does not answer in time; {advice}"))),
    };
    let mut shown = json!({"url": format!("http://{host}{prefix}"), "ready": status.is_success()});
    match serde_json::from_slice::<Value>(&body) {
        Ok(Value::Object(said)) => shown.as_object_mut().into_iter().for_each(|shown| shown.extend(said.clone())),
        Ok(_) | Err(_) => shown["said"] = json!(String::from_utf8_lossy(&body)),
    }
    show(output, &shown)?;
    if status.is_success() {
        return Ok(());
    }
    let advice = "`letopis projections ls` and the server's log tell more";
    Err(failure(Code::Unhealthy, format!("the server is not ready ({status}); {advice}")))
}

/// The same for a person, also in a pipe.
///
/// # Errors
/// As [`verb`].
pub async fn status(context: &Context, health: &Health) -> Result<()> {
    let asked = context.output.asked.or(Some(Format::Table));
    let output = Screen { asked, ..context.output };
    tell(context, health, output).await
}

/// Asks a server whether it is ready.
///
/// # Errors
/// When it cannot be reached.
pub async fn ready(host: &str, prefix: &str) -> Result<(StatusCode, Bytes)> {
    let mut connection = Connection::open(host).await?;
    let request = Request::get(format!("{prefix}/readyz")).header("host", host).body(Full::default())?;
    connection.send(request).await
}

/// Host and port, and the path, of a URL.
fn parts(url: &str) -> Result<(String, String)> {
    let Some(rest) = url.strip_prefix("http://") else {
        let message = format!("{url} cannot be asked: it must begin with http:// (the server itself speaks no TLS)");
        return Err(failure(Code::Usage, message));
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let host = if has_port { host.to_owned() } else { format!("{host}:80") };
    let path = path.trim_end_matches('/');
    let prefix = if path.is_empty() { String::new() } else { format!("/{path}") };
    Ok((host, prefix))
}

/// Where a server that listens on that address can be asked from here.
pub fn reachable(listen: &str) -> String {
    match listen.rsplit_once(':') {
        Some(("0.0.0.0", port)) => format!("127.0.0.1:{port}"),
        Some(("[::]", port)) => format!("[::1]:{port}"),
        Some(_) | None => listen.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_a_host_a_port_and_a_path() {
        let of = |url| parts(url).unwrap();
        assert_eq!(of("http://a.example"), ("a.example:80".to_owned(), String::new()));
        assert_eq!(of("http://127.0.0.1:8080/"), ("127.0.0.1:8080".to_owned(), String::new()));
        assert_eq!(of("http://[::1]:8080/letopis/"), ("[::1]:8080".to_owned(), "/letopis".to_owned()));
        assert!(parts("https://a.example").is_err());
    }

    #[test]
    fn everywhere_is_reached_here() {
        assert_eq!(reachable("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(reachable("10.0.0.1:80"), "10.0.0.1:80");
    }
}
