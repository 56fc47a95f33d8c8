//! A listener: what is told over `GET /v1/live`, event by event.

use crate::Actor;
use reqwest::Response;
use serde_json::Value;
use std::time::Duration;

/// How long a listener waits for what must come.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// An open stream of server-sent events.
pub struct Live {
    response: Response,
    read: Vec<u8>,
}

/// One event of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its log position, where it has one.
    pub id: Option<u64>,
    /// Its name.
    pub event: String,
    /// What it says.
    pub data: Value,
}

impl Actor {
    /// Listens from now on.
    pub async fn live(&self) -> Live {
        self.live_at("/v1/live", &[]).await
    }

    /// Listens at that address, with further headers; `hello` has been heard.
    pub async fn live_at(&self, path: &str, headers: &[(&str, &str)]) -> Live {
        Live::over(self.stream(path, headers).await).await
    }
}

impl Live {
    /// What comes over an answer to `GET /v1/live`; `hello` has been heard.
    pub async fn over(response: Response) -> Live {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut live = Live { response, read: Vec::new() };
        live.expect("hello").await;
        live
    }

    /// The next event; none at the end of the stream.
    pub async fn next(&mut self) -> Option<Heard> {
        // That a stream is still there is said again and again.
        tokio::time::timeout(WAIT_MAX, self.said()).await.expect("something is heard in time")
    }

    async fn said(&mut self) -> Option<Heard> {
        loop {
            while let Some(end) = self.read.windows(2).position(|two| two == b"\n\n") {
                let block = self.read.drain(..end + 2).collect::<Vec<_>>();
                if let Some(heard) = heard(std::str::from_utf8(&block).expect("a stream is UTF-8")) {
                    return Some(heard);
                }
            }
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.read.extend_from_slice(&chunk);
        }
    }

    /// The next event, which has that name.
    pub async fn expect(&mut self, event: &str) -> Heard {
        let heard = self.next().await.unwrap_or_else(|| panic!("the stream ended before {event}"));
        assert_eq!(heard.event, event, "{heard:?}");
        heard
    }

    /// The next event of that name; whatever is heard before it is passed over.
    pub async fn find(&mut self, event: &str) -> Heard {
        self.up_to(event).await.pop().expect("it ends with that one")
    }

    /// All that is heard up to the event of that name, it included.
    pub async fn up_to(&mut self, event: &str) -> Vec<Heard> {
        let mut all = Vec::new();
        while all.last().is_none_or(|last: &Heard| last.event != event) {
            all.push(self.next().await.unwrap_or_else(|| panic!("the stream ended before {event}: {all:?}")));
        }
        all
    }

    /// All that is heard until the stream ends.
    pub async fn rest(&mut self) -> Vec<Heard> {
        let mut all = Vec::new();
        while let Some(heard) = self.next().await {
            all.push(heard);
        }
        all
    }
}

/// One block of a stream; none for a comment.
fn heard(block: &str) -> Option<Heard> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    Some(Heard {
        id: field("id: ").map(|id| id.parse().expect("an id is a log position")),
        event: field("event: ")?.to_owned(),
        data: serde_json::from_str(field("data: ").expect("an event says something")).expect("and in JSON"),
    })
}
