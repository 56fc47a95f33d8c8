//! Telling other nodes over the database that this one has appended (`NOTIFY`), and hearing it of them (`LISTEN`). It is a
//! hint and no more: followers poll as well. So it is told after the commit and not within it, and at most so many times a
//! second: an append neither waits for it nor fails because of it.

use super::connect::{CONNECT_MAX, Cluster, unreachable};
use crate::Error;
use std::convert::Infallible;
use std::future::poll_fn;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client};

const LISTEN: &str = "listen letopis_head";
/// Is heard if anything is. Over another connection: a pooler passes on what a backend tells itself within a transaction.
const ECHO: &str = "notify letopis_head, '0'";
/// How long a connection may take to hear its own notification.
const ECHO_MAX: Duration = Duration::from_secs(2);
/// The pause between two notifications: one tells of everything that was appended meanwhile.
const NOTIFY_PAUSE: Duration = Duration::from_millis(10);

/// Why a node does not hear what other nodes append.
#[derive(Debug, thiserror::Error)]
pub enum ListenEnd {
    /// There is no connection, or it was lost.
    #[error(transparent)]
    Lost(#[from] Error),
    /// The connection works, and no notification arrives over it.
    #[error("no notifications arrive: a pooler in transaction mode passes none on")]
    Unheard,
}

impl Cluster {
    /// Listens on a connection of its own until that ends, and answers why. `heard` changes once it listens, and gets the
    /// position that each append of another node ended at; the others are told when `head` changes, which is what this
    /// node has appended. It may be dropped at any time.
    pub async fn listen(&self, head: watch::Receiver<u64>, heard: &watch::Sender<u64>) -> ListenEnd {
        match self.listen_until_lost(head, heard).await {
            Err(end) => end,
            Ok(never) => match never {},
        }
    }

    /// Whether notifications arrive.
    ///
    /// # Errors
    /// Why they do not.
    pub async fn check_listening(&self) -> Result<(), ListenEnd> {
        let (_, head) = watch::channel(0);
        let (sender, mut heard) = watch::channel(0);
        tokio::select! {
            end = self.listen(head, &sender) => Err(end),
            _ = heard.changed() => Ok(()),
        }
    }

    async fn listen_until_lost(
        &self,
        head: watch::Receiver<u64>,
        heard: &watch::Sender<u64>,
    ) -> Result<Infallible, ListenEnd> {
        let connecting = timeout(CONNECT_MAX, self.config().connect(self.tls()));
        let connected = connecting.await.map_err(|error| unreachable(&error))?;
        let (client, mut connection) = connected.map_err(|error| unreachable(&error))?;
        let (echo, mut echoed) = watch::channel(false);
        let hearing = async {
            loop {
                match poll_fn(|context| connection.poll_message(context)).await {
                    Some(Ok(AsyncMessage::Notification(told))) => {
                        let position: u64 = told.payload().parse().unwrap_or_default();
                        let is_first = !echo.send_replace(true);
                        // Of what this node appends its followers know.
                        if is_first || position > *head.borrow() {
                            heard.send_replace(position);
                        }
                    }
                    // A notice; the driver may learn to tell more.
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(unreachable(&error).into()),
                    None => return Err(Error::Unreachable { what: "the connection ended".to_owned() }.into()),
                }
            }
        };
        let telling = async {
            client.batch_execute(LISTEN).await.map_err(|error| unreachable(&error))?;
            self.take().await?.batch_execute(ECHO).await.map_err(|error| unreachable(&error))?;
            let is_heard = timeout(ECHO_MAX, echoed.wait_for(|echoed| *echoed)).await.is_ok();
            if !is_heard {
                // The pooler's backend still listens, for whoever gets it next.
                let _ = client.batch_execute("unlisten *").await;
                return Err(ListenEnd::Unheard);
            }
            Ok(tell(&client, head.clone()).await?)
        };
        tokio::select! {
            ended = hearing => ended,
            ended = telling => ended,
        }
    }
}

/// Tells for ever what was appended. That it is durable is not waited for: it is of use only at once.
async fn tell(client: &Client, mut head: watch::Receiver<u64>) -> Result<Infallible, Error> {
    loop {
        if head.changed().await.is_err() {
            // This process appends nothing.
            std::future::pending::<()>().await;
        }
        let position = *head.borrow_and_update();
        let notify = format!("begin; set local synchronous_commit = off; notify letopis_head, '{position}'; commit");
        client.batch_execute(&notify).await.map_err(|error| unreachable(&error))?;
        tokio::time::sleep(NOTIFY_PAUSE).await;
    }
}
