//! The built binary, in a folder of its own.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

pub mod ledger;
pub mod people;

use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything that ends a server takes on a slow machine.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

pub struct Place {
    folder: TempDir,
    /// What every command finds in its environment.
    env: Vec<(String, String)>,
}

pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Runs it to its end.
    pub fn of(mut command: Command) -> Ran {
        let Output { status, stdout, stderr } = command.output().unwrap();
        Ran {
            code: status.code().unwrap(),
            out: String::from_utf8(stdout).unwrap(),
            err: String::from_utf8(stderr).unwrap(),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }

    pub fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn ok(self) -> Ran {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self
    }
}

impl Place {
    pub fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap(), env: Vec::new() }
    }

    /// One whose log is in this database.
    pub fn shared(database: &servers::Database) -> Place {
        Place::new().with("LETOPIS_DATABASE_URL", &database.url())
    }

    /// The same with one more variable in the environment of every command.
    pub fn with(mut self, name: &str, value: &str) -> Place {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        // Another build of it can be named, such as the one of a package.
        let named = std::env::var_os("TESTED_BINARY");
        let mut command = Command::new(named.unwrap_or_else(|| env!("CARGO_BIN_EXE_letopis").into()));
        let ours = std::env::vars().filter(|(name, _)| name.starts_with("LETOPIS_"));
        ours.for_each(|(name, _)| {
            command.env_remove(name);
        });
        command.current_dir(self.folder.path()).env("LETOPIS_DATA", "data").args(arguments).stdin(Stdio::null());
        // Everybody of a test is at one address.
        command.env("LETOPIS_RATE_LIMITS", "off");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments))
    }

    pub fn serve(&self) -> Server {
        let command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        self.start(command).unwrap_or_else(|ended| panic!("the server ended: {ended:?}"))
    }

    /// A server that a failpoint is set for; what it says goes into the file that [`Place::said`] reads.
    pub fn serve_until(&self, failpoint: &str) -> Result<Server, ExitStatus> {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env(store::failpoint::VARIABLE, failpoint);
        self.start_quietly(command)
    }

    /// The same for any command that serves.
    pub fn start_quietly(&self, mut command: Command) -> Result<Server, ExitStatus> {
        command.stderr(File::create(self.folder.path().join("stderr")).unwrap());
        self.start(command)
    }

    /// What the last server that was started quietly said.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr")).unwrap()
    }

    /// Waits until it listens, or has ended.
    pub fn start(&self, mut command: Command) -> Result<Server, ExitStatus> {
        if !command.get_envs().any(|(name, value)| name == "LETOPIS_LOG" && value.is_some()) {
            command.env("LETOPIS_LOG", "warn");
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut screen = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        let url = loop {
            line.clear();
            if screen.read_line(&mut line).unwrap() == 0 {
                return Err(child.wait().unwrap());
            }
            // One that reports as JSON.
            if let Some(url) = serde_json::from_str::<Value>(&line)
                .ok()
                .and_then(|line| line["fields"]["api"].as_str().map(str::to_owned))
            {
                break url;
            }
            if let Some(url) = line.trim().strip_prefix("API ") {
                break url.trim().to_owned();
            }
            // One that does not answer the API.
            if let Some(url) = line.trim().strip_prefix("health ") {
                break url.trim().trim_end_matches("/readyz").to_owned();
            }
        };
        // The rest of the screen, so that the server never waits for a reader.
        std::thread::spawn(move || {
            let _ = screen.read_to_end(&mut Vec::new());
        });
        Ok(Server { child, url })
    }
}

pub struct Server {
    pub child: Child,
    pub url: String,
}

impl Server {
    /// The answer to a sign-in: its status and its body.
    pub fn log_in(&self, user_name: &str, password: &str) -> (u16, Value) {
        let body = serde_json::json!({"user_name": user_name, "password": password});
        let asked = reqwest::Client::new().post(format!("{}/v1/auth/login", self.url)).json(&body);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let answer = asked.send().await.unwrap();
            (answer.status().as_u16(), answer.json().await.unwrap())
        })
    }

    /// Deletes something under that session.
    pub fn delete(&self, path: &str, session_id: &str) -> u16 {
        let asked = reqwest::Client::new().delete(format!("{}{path}", self.url)).bearer_auth(session_id);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { asked.send().await.unwrap().status().as_u16() })
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) -> i32 {
        self.terminate();
        self.child.wait().unwrap().code().unwrap()
    }

    pub fn terminate(&self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(asked.success());
    }

    /// Waits until it has ended by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < ENDS_WITHIN, "the server goes on");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn fixture() -> String {
    format!("{}/tests/fixtures/log.ndjson", env!("CARGO_MANIFEST_DIR"))
}
