//! The server's end of the control socket, for its own user, the owner of the data folder, and root.

use super::{LINE_BYTES_MAX, LOOK_EVERY, Line, stream};
use crate::Node;
use crate::failure::{Failure, FailureKind};
use crate::operations::{Error, Progress, Request, Response};
use std::fs::Permissions;
use std::io;
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
/// The user that may do everything on this machine.
const ROOT: u32 = 0;
/// The system takes no longer path for a socket (Linux: 108 bytes with the NUL).
const PATH_BYTES_MAX: usize = 107;

/// The socket, and the users that may use it.
pub struct Control {
    listener: UnixListener,
    users: Users,
}

impl Control {
    /// Opens the socket of a folder whose lock this process holds: one that is there already was left behind.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(folder: &Folder) -> Result<Control, Error> {
        let path = folder.control_socket();
        if path.as_os_str().len() > PATH_BYTES_MAX {
            return Err(Error::SocketPath(path));
        }
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(Error::Socket { doing: "remove the old", path, source });
            }
            Ok(()) | Err(_) => {}
        }
        let made = || -> io::Result<Control> {
            let listener = UnixListener::bind(&path)?;
            std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            let users =
                Users { server: rustix::process::geteuid().as_raw(), owner: std::fs::metadata(folder.root())?.uid() };
            if users.server == ROOT && users.owner != ROOT {
                // Whose folder it is reaches the socket in it as well.
                std::os::unix::fs::chown(&path, Some(users.owner), None)?;
            }
            Ok(Control { listener, users })
        };
        made().map_err(|source| Error::Socket { doing: "make the control socket", path: path.clone(), source })
    }

    /// Carries out what is asked, until `stop` says so; what is not done then is given up.
    pub async fn serve(self, node: Arc<Node>, mut stop: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        // A stop that nobody is left to say has come as well.
        let stopped = async move { stop.wait_for(|stop| *stop).await.is_ok() };
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                    Ok((stream, _)) => {
                        let (node, users) = (Arc::clone(&node), self.users);
                        connections.spawn(async move {
                            if let Err(error) = converse(stream, users, &node).await {
                                tracing::warn!(%error, "a control connection ended early");
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

/// Who may use the socket besides root, by their ids.
#[derive(Clone, Copy)]
struct Users {
    /// Whose process this is.
    server: u32,
    /// Whose folder it is.
    owner: u32,
}

impl Users {
    fn may(self, peer: u32) -> bool {
        [ROOT, self.server, self.owner].contains(&peer)
    }
}

async fn converse(stream: UnixStream, users: Users, node: &Node) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    let mut line = Vec::new();
    let mut limited = (&mut reading).take(LINE_BYTES_MAX);
    let read = tokio::time::timeout(ASK_WAIT, limited.read_until(b'\n', &mut line)).await;
    // Only now: an answer before the request is read would make the asker fail while asking, and never see it.
    let refused = match read {
        Err(_) => Some((FailureKind::Failure, "no request came in time")),
        Ok(read) => {
            if read? == 0 {
                // Somebody only looked whether a server is there.
                return Ok(());
            }
            let message =
                "only root, the user that runs the server, and the owner of the data folder may ask it for this";
            (!users.may(peer)).then_some((FailureKind::Auth, message))
        }
    };
    if let Some((code, message)) = refused {
        tracing::warn!(peer, message, "a request over the control socket was refused");
        return say(&mut writing, &Response::Failed(Failure { code, message: message.to_owned() })).await;
    }
    match serde_json::from_slice::<Line>(&line) {
        Ok(Line { operation }) => work(&operation, node, reading, writing).await,
        Err(_) => {
            let failed = Failure {
                code: FailureKind::Usage,
                message: "the server does not know this operation; use the program of its version".to_owned(),
            };
            say(&mut writing, &Response::Failed(failed)).await
        }
    }
}

async fn work(
    request: &Request,
    node: &Node,
    mut reading: BufReader<OwnedReadHalf>,
    mut writing: OwnedWriteHalf,
) -> io::Result<()> {
    let (sender, mut receiver) = watch::channel(None::<Progress>);
    let (pump, source) = request.takes().map(stream::receive).unzip();
    let work = request.run(node, source, &sender);
    tokio::pin!(work);
    // Behind the file nothing more is ever sent: this ends when the asker goes away.
    let left = async {
        if let Some(pump) = pump {
            pump.run(&mut reading).await?;
        }
        reading.read(&mut [0; 1]).await
    };
    tokio::pin!(left);
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            result = &mut work => {
                let last = match result {
                    Ok(report) => Response::Done(report),
                    Err(error) => Response::Failed(Failure::from(&error)),
                };
                store::failpoint::pass("operation-done");
                return say(&mut writing, &last).await;
            }
            // What they wanted ends with them; what was written until then stays.
            _ = &mut left => return Ok(()),
            _ = ticks.tick() => if receiver.has_changed().unwrap_or(false) {
                let progress = receiver.borrow_and_update().clone();
                if let Some(progress) = progress {
                    say(&mut writing, &Response::Progress(progress)).await?;
                }
            }
        }
    }
}

async fn say(writing: &mut OwnedWriteHalf, response: &Response) -> io::Result<()> {
    let mut line = serde_json::to_vec(response)?;
    line.push(b'\n');
    writing.write_all(&line).await
}
