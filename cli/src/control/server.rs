//! The server's end of the control socket. Whoever can use it has the data folder anyway.

use super::{Ask, LINE_BYTES_MAX, LOOK_EVERY, Told};
use crate::exit::{Code, Failure, told};
use crate::progress::Progress;
use anyhow::{Context, Result, ensure};
use api::Node;
use couriers::Relay;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;
use std::time::Duration;
use store::Folder;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// More wait until one of these has ended.
const CONNECTIONS_MAX: usize = 16;
/// Whoever connects must have asked by then.
const ASK_WAIT: Duration = Duration::from_secs(10);
/// The system takes no longer path for a socket (Linux: 108 bytes with the NUL).
const PATH_BYTES_MAX: usize = 107;

/// The socket, and the user that may use it.
pub struct Control {
    listener: UnixListener,
    owner: u32,
}

impl Control {
    /// Opens the socket of a folder whose lock this process holds: one that is there already was left behind.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(folder: &Folder) -> Result<Control> {
        let path = folder.control_socket();
        ensure!(
            path.as_os_str().len() <= PATH_BYTES_MAX,
            "the path {} is too long for a socket; use a data folder with a shorter path",
            path.display()
        );
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("could not remove the old {}", path.display()));
            }
            Ok(()) | Err(_) => {}
        }
        let made = || -> std::io::Result<Control> {
            let listener = UnixListener::bind(&path)?;
            std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            // Whoever made the file is the user of this process.
            let owner = std::fs::metadata(&path)?.uid();
            Ok(Control { listener, owner })
        };
        made().with_context(|| format!("could not make the control socket {}", path.display()))
    }

    /// Carries out what is asked, until `stop` says so; what is not done then is given up.
    pub async fn serve(self, node: Arc<Node>, relay: Option<Relay>, mut stop: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        // A stop that nobody is left to say has come as well.
        let stopped = async move { stop.wait_for(|stop| *stop).await.is_ok() };
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                    Ok((stream, _)) => {
                        let (node, relay, owner) = (Arc::clone(&node), relay.clone(), self.owner);
                        connections.spawn(async move {
                            if let Err(error) = converse(stream, owner, &node, relay.as_ref()).await {
                                tracing::warn!(error = format!("{error:#}"), "a control connection ended early");
                            }
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the control socket does not accept");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                Some(_) = connections.join_next() => {}
                _ = &mut stopped => break,
            }
        }
        connections.shutdown().await;
    }
}

async fn converse(stream: UnixStream, owner: u32, node: &Node, relay: Option<&Relay>) -> Result<()> {
    let peer = stream.peer_cred().context("who asks is unknown")?.uid();
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    // The folder and the socket keep others out; that root passes those is no reason to serve him.
    if peer != owner {
        let failed = Failure {
            code: Code::Auth,
            message: "only the user that runs the server may use its control socket".to_owned(),
        };
        return say(&mut writing, &Told::Failed(failed)).await;
    }
    let mut line = Vec::new();
    let mut limited = (&mut reading).take(LINE_BYTES_MAX);
    tokio::time::timeout(ASK_WAIT, limited.read_until(b'\n', &mut line))
        .await
        .context("nothing was asked in time")??;
    match serde_json::from_slice::<Ask>(&line) {
        Ok(ask) => work(&ask, (node, relay), reading, writing).await,
        Err(_) => {
            let failed = Failure {
                code: Code::Usage,
                message: "the server does not know this operation; use the program of its version".to_owned(),
            };
            say(&mut writing, &Told::Failed(failed)).await
        }
    }
}

async fn work(
    ask: &Ask,
    (node, relay): (&Node, Option<&Relay>),
    mut reading: BufReader<OwnedReadHalf>,
    mut writing: OwnedWriteHalf,
) -> Result<()> {
    let (sender, mut receiver) = watch::channel(Progress::default());
    let work = ask.operation.run(node, relay, &sender);
    tokio::pin!(work);
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    let mut nothing = [0; 1];
    loop {
        tokio::select! {
            result = &mut work => {
                let last = match result {
                    Ok(value) => Told::Done(value),
                    Err(error) => Told::Failed(told(&error)),
                };
                store::failpoint::pass("operation-done");
                return say(&mut writing, &last).await;
            }
            // Nothing more is ever asked: this ends when the asker goes away, and what he wanted ends with him.
            _ = reading.read(&mut nothing) => return Ok(()),
            _ = ticks.tick() => if receiver.has_changed().unwrap_or(false) {
                let progress = receiver.borrow_and_update().clone();
                say(&mut writing, &Told::Progress(progress)).await?;
            }
        }
    }
}

async fn say(writing: &mut OwnedWriteHalf, told: &Told) -> Result<()> {
    let mut line = serde_json::to_vec(told)?;
    line.push(b'\n');
    Ok(writing.write_all(&line).await?)
}
