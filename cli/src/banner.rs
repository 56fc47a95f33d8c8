//! What `letopis serve` prints when it is ready: where everything is.

use crate::health::reachable;
use node::{Node, Role};
use std::borrow::Cow;
use std::io::Write;
use std::net::SocketAddr;

/// Prints it from a thread of its own: a reader that does not read must not hold up the server.
pub fn print(node: &Node, address: SocketAddr) {
    let screen = screen(node, address);
    std::thread::spawn(move || greet(&screen));
}

fn greet(screen: &str) {
    // A server whose output nobody reads serves all the same.
    let _ = std::io::stdout().write_all(screen.as_bytes());
    let _ = std::io::stdout().flush();
}

fn screen(node: &Node, address: SocketAddr) -> String {
    let mode = match node.log.cluster() {
        Some(_) => "shared: PostgreSQL, one node of any number",
        None => "embedded: SQLite, one process",
    };
    let url = format!("http://{}", reachable(&address.to_string()));
    let data = node.folder.root().canonicalize().unwrap_or_else(|_| node.folder.root().to_owned());
    let (version, roles) = (env!("CARGO_PKG_VERSION"), node.roles.names().join(", "));
    let (program, folder) = (word(&program()), word(&data.to_string_lossy()));
    let data = data.display();
    let doors = match node.roles.has(Role::Api) {
        true => format!("API       {url}\n  docs      {url}/docs"),
        false => format!("health    {url}/readyz"),
    };
    let mut screen = format!(
        "Letopis {version}

  mode      {mode}
  roles     {roles}
  data      {data}
  {doors}
  metrics   {url}/metrics
  watch     {program} events tail --follow --data {folder}
"
    );
    if node.roles.has(Role::Api) {
        screen.push_str(&format!(
            "  try       curl -i {url}/v1/auth/register -H 'Content-Type: application/json' \\
              -d '{{\"user_name\": \"anna\", \"password\": \"correct horse battery\"}}'\n"
        ));
    }
    screen.push_str("\nCtrl-C stops; the data stays.\n");
    screen
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
