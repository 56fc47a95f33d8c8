//! What `letopis serve` prints when it is ready: the address of everything.

use crate::health::reachable;
use crate::logging::json_line;
use node::{Node, Role};
use serde_json::json;
use std::borrow::Cow;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What it shows.
struct Banner {
    mode: &'static str,
    roles: Vec<&'static str>,
    data: PathBuf,
    /// Where the server answers from this machine.
    url: String,
    /// Where a browser has to reach it: forms by cookie are refused from any other origin.
    browser_url: String,
    /// Where its figures are.
    metrics: String,
    has_api: bool,
    has_mailbox: bool,
    has_console: bool,
    /// The path of the link that makes the first admin; it works once.
    first_admin: Option<String>,
}

/// Prints it from a thread of its own: a reader that does not read must not hold up the server.
pub fn print(
    node: &Node,
    settings: &api::Settings,
    (address, metrics, first_admin): (SocketAddr, Option<SocketAddr>, Option<String>),
    is_json: bool,
) {
    let local = format!("http://{}", reachable(&address.to_string()));
    let banner = Banner {
        mode: match node.log.cluster() {
            Some(_) => "shared: PostgreSQL; more nodes may join",
            None => "embedded: SQLite, one process",
        },
        roles: node.roles.names(),
        data: node.folder.root().canonicalize().unwrap_or_else(|_| node.folder.root().to_owned()),
        browser_url: browser_url(settings, &local),
        url: local,
        metrics: format!("http://{}/metrics", reachable(&metrics.unwrap_or(address).to_string())),
        has_api: node.roles.has(Role::Api),
        has_mailbox: settings.has_mailbox,
        has_console: settings.has_console,
        first_admin,
    };
    let shown = if is_json { banner.line() } else { banner.screen() };
    std::thread::spawn(move || greet(&shown));
}

fn browser_url(settings: &api::Settings, local: &str) -> String {
    settings.public_url.as_deref().unwrap_or(local).trim_end_matches('/').to_owned()
}

fn greet(shown: &str) {
    // A server whose output nobody reads serves all the same.
    let _ = std::io::stdout().write_all(shown.as_bytes());
    let _ = std::io::stdout().flush();
}

impl Banner {
    /// For people.
    fn screen(&self) -> String {
        let Banner { mode, data, url, browser_url, metrics, .. } = self;
        let (version, roles) = (env!("CARGO_PKG_VERSION"), self.roles.join(", "));
        let (program, folder) = (word(&program()), word(&data.to_string_lossy()));
        let data = data.display();
        let mailbox = if self.has_mailbox { format!("\n  mailbox   {url}/mailbox") } else { String::new() };
        let console = if self.has_console { format!("\n  console   {browser_url}/console") } else { String::new() };
        let addresses = match self.has_api {
            true => format!("API       {url}\n  docs      {url}/docs{console}{mailbox}"),
            false => format!("health    {url}/readyz"),
        };
        let mut screen = format!(
            "Letopis {version}

  mode      {mode}
  roles     {roles}
  data      {data}
  {addresses}
  metrics   {metrics}
  watch     {program} events tail --follow --data {folder}
"
        );
        if self.has_api {
            screen.push_str(&format!(
                "  try       curl -i {url}/v1/auth/register -H 'Content-Type: application/json' \\
              -d '{{\"user_name\": \"anna\", \"password\": \"correct horse battery\"}}'\n"
            ));
        }
        if let Some(path) = &self.first_admin {
            screen.push_str(&format!(
                "\nMake the first admin; the link works once, for 24 hours:\n  {browser_url}{path}\n"
            ));
        }
        screen.push_str("\nCtrl-C stops the server; the data stays.\n");
        screen
    }

    /// For programs that read what the server reports as JSON: one line like all others.
    fn line(&self) -> String {
        let Banner { mode, roles, url, browser_url, metrics, .. } = self;
        let mut fields = json!({
            "message": "serving", "version": env!("CARGO_PKG_VERSION"), "mode": mode, "roles": roles,
            "data": self.data.to_string_lossy(), "metrics": metrics,
        });
        match self.has_api {
            true => {
                (fields["api"], fields["docs"]) = (json!(url), json!(format!("{url}/docs")));
                if self.has_console {
                    fields["console"] = json!(format!("{browser_url}/console"));
                }
                if let Some(path) = &self.first_admin {
                    fields["first_admin"] = json!(format!("{browser_url}{path}"));
                }
                if self.has_mailbox {
                    fields["mailbox"] = json!(format!("{url}/mailbox"));
                }
            }
            false => fields["health"] = json!(format!("{url}/readyz")),
        }
        format!("{}\n", json_line("INFO", fields))
    }
}

/// This program as the shell that started it can call it again: the path that was typed, or the name found in `$PATH`.
fn program() -> String {
    std::env::args().next().filter(|typed| !typed.is_empty()).unwrap_or_else(|| "letopis".to_owned())
}

/// One word of a shell command, in quotes where it needs them.
fn word(text: &str) -> String {
    // A zero byte is in no path and in no argument.
    shlex::try_quote(text).unwrap_or(Cow::Borrowed(text)).into_owned()
}
