//! A server of Letopis, a relay over its log, and somebody who listens.

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::{self, stream::Stream};
use domain::{Command, UserId, user};
use futures_util::StreamExt;
use projections::{ProjectionId, Projections};
use relay::{Address, Bus, Checkpoint, Limits, PublicMessage, Relay, header};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::Folder;
use tempfile::TempDir;
use testkit::{Actor, TestApp};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Longer than anything takes on a slow machine.
pub const SOON: Duration = Duration::from_secs(60);

/// How long duplicates are known behind [`short_window`].
pub const WINDOW: Duration = Duration::from_secs(1);

/// What the stream holds of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub subject: String,
    pub id: Uuid,
    pub position: u64,
    pub republished: bool,
    /// Everything that a listener sees, for looking into it.
    pub whole: String,
}

/// A relay with a checkpoint of its own.
pub struct RelayFixture {
    pub place: TempDir,
    pub relay: Relay,
}

impl RelayFixture {
    pub async fn new(app: &TestApp, url: &str) -> RelayFixture {
        RelayFixture::over(TempDir::new().unwrap(), app, url).await
    }

    /// The next relay over what another one has left.
    pub async fn over(place: TempDir, app: &TestApp, url: &str) -> RelayFixture {
        let relay = relay(place.path(), app, url).await;
        RelayFixture { place, relay }
    }

    /// Tells all that there is to tell; how many pages that were.
    pub async fn tell_all(&self) -> usize {
        self.relay.round_until_done().await
    }
}

pub trait Rounds {
    fn round_until_done(&self) -> impl Future<Output = usize>;
}

impl Rounds for Relay {
    async fn round_until_done(&self) -> usize {
        let mut rounds = 0;
        while self.round().await.unwrap() {
            rounds += 1;
        }
        rounds
    }
}

pub async fn bus(url: &str) -> Bus {
    Bus::connect(Address::parse(url).unwrap()).await.unwrap()
}

pub async fn relay(place: &Path, app: &TestApp, url: &str) -> Relay {
    let bus = bus(url).await;
    bus.reached(SOON).await.unwrap();
    relay_over(place, app, bus)
}

/// A relay that is not waited for: its NATS may be gone.
pub async fn relay_in(place: &Path, app: &TestApp, url: &str) -> Relay {
    relay_over(place, app, bus(url).await)
}

fn relay_over(place: &Path, app: &TestApp, bus: Bus) -> Relay {
    let checkpoint = Checkpoint::open(&store::RelayPlace::of(&Folder::create(place).unwrap(), &app.node.log)).unwrap();
    // Small: what streams may take is reserved on the server.
    let limits = Limits { bytes_max: 16 * 1024 * 1024, ..Limits::default() };
    Relay::new(app.node.log.records(), bus, checkpoint, limits)
}

pub async fn stream(url: &str) -> Stream {
    let client = testkit::servers::connect_nats(url).await.unwrap();
    jetstream::new(client).get_stream("letopis").await.unwrap()
}

/// Lets the stream forget soon what it has taken.
pub async fn short_window(url: &str) {
    let config =
        jetstream::stream::Config { duplicate_window: WINDOW, ..stream(url).await.cached_info().config.clone() };
    let client = testkit::servers::connect_nats(url).await.unwrap();
    jetstream::new(client).update_stream(config).await.unwrap();
}

/// Everything that the stream holds, in its order.
pub async fn heard(url: &str) -> Vec<Heard> {
    let mut stream = stream(url).await;
    let messages = stream.info().await.unwrap().state.messages;
    let config = pull::OrderedConfig { deliver_policy: DeliverPolicy::All, ..Default::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    let mut incoming = consumer.messages().await.unwrap();
    let mut all = Vec::new();
    for _ in 0..messages {
        let message = tokio::time::timeout(SOON, incoming.next()).await.unwrap().unwrap().unwrap();
        let headers = message.headers.clone().unwrap_or_default();
        let text = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
        all.push(Heard {
            subject: message.subject.to_string(),
            id: text(header::EVENT_ID).and_then(|id| id.parse().ok()).unwrap_or_default(),
            position: text(header::POSITION).and_then(|position| position.parse().ok()).unwrap_or_default(),
            republished: text(header::REPUBLISHED).is_some(),
            whole: format!("{} {headers:?} {}", message.subject, String::from_utf8_lossy(&message.payload)),
        });
    }
    all
}

/// The ids and positions of what is to be told, as the log has it.
pub fn public(app: &TestApp) -> Vec<(Uuid, u64)> {
    let records = app.node.log.read(0, store::PAGE_MAX).unwrap();
    let messages = records.iter().filter_map(|record| PublicMessage::of(record).unwrap());
    messages.map(|message| (message.id, message.position)).collect()
}

pub fn ids(heard: &[Heard]) -> Vec<(Uuid, u64)> {
    heard.iter().map(|heard| (heard.id, heard.position)).collect()
}

/// A chat with so many messages.
pub async fn chatter(app: &TestApp, name: &str, messages: usize) -> (Actor, String) {
    let anna = app.user(name).await;
    let chat = anna.chat("garden").await;
    for number in 0..messages {
        anna.say(&chat, &format!("{number}")).await;
    }
    (anna, chat)
}

/// Lets a relay follow the log of this server.
pub fn follow(relay: &Relay, app: &TestApp) -> JoinHandle<()> {
    let (relay, hint) = (relay.clone(), app.node.hint.clone());
    tokio::spawn(async move { relay.follow(hint).await })
}

/// Says something every few milliseconds, until it is told to end.
pub fn traffic(anna: &Actor, chat: &str) -> (JoinHandle<usize>, Arc<Notify>) {
    let (anna, chat, end) = (anna.clone(), chat.to_owned(), Arc::new(Notify::new()));
    let ended = Arc::clone(&end);
    let task = tokio::spawn(async move {
        let mut said = 0;
        loop {
            anna.say(&chat, "still here").await;
            said += 1;
            let pause = tokio::time::timeout(Duration::from_millis(3), ended.notified()).await;
            if pause.is_ok() {
                return said;
            }
        }
    });
    (task, end)
}

/// Waits until the relay has told what there is now.
pub async fn caught_up(app: &TestApp, relay: &Relay) {
    let head = app.node.log.head().unwrap().position;
    until(|| async { relay.position().await.is_some_and(|position| position >= head) }).await;
}

/// Every read model is what the log says.
pub async fn verified(app: &TestApp, projections: &Projections) {
    let head = app.node.log.head().unwrap().position;
    for name in ProjectionId::ALL {
        projections.caught_up(name, head, SOON).await.unwrap();
        let projections = projections.clone();
        let verified = tokio::task::spawn_blocking(move || projections.verify(name, &mut |_| {})).await.unwrap();
        assert_eq!(verified.unwrap().differences, vec![], "{name}");
    }
}

/// What only an operator can do.
pub async fn operate(app: &TestApp, user: &Actor, command: user::Command) {
    let user_id = UserId(user.user_id.parse().unwrap());
    let now = domain::Timestamp(1_800_000_000_000_000);
    app.node.writer.send(commands::Request::by_operator(Command::User(user_id, command), now)).await.unwrap();
}

/// Waits until it is so.
pub async fn until<F: Future<Output = bool>>(mut so: impl FnMut() -> F) {
    let began = std::time::Instant::now();
    while !so().await {
        assert!(began.elapsed() < SOON, "it does not come to that");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
