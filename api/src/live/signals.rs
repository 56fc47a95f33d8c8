//! What is told only while it happens: who is writing, who is there.

use crate::app::App;
use crate::live::frame::Frame;
use domain::{ChatId, UserId};
use projections::{ProjectionId, chats};
use relay::signals::{Heard, PEOPLE_MAX, Signal};
use serde::Serialize;
use state::{BELIEVED, Presence};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

/// How often this node says who is here.
const SAID_EVERY: Duration = Duration::from_secs(10);
/// Who comes back within that time was never gone: a page that is loaded again.
const GRACE: Duration = Duration::from_secs(2);
/// How often it is looked for who has gone.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Serialize)]
struct Typing {
    chat_id: ChatId,
    user_id: UserId,
}

#[derive(Serialize)]
struct Online {
    user_id: UserId,
    online: bool,
}

/// Who is here and known to everybody; and since when those are gone of whom nobody was told yet.
struct Here {
    began: Instant,
    said: HashSet<UserId>,
    gone: HashMap<UserId, Instant>,
    presence: Presence,
}

/// Tells and hears them until the process ends.
pub(crate) async fn pass_on(app: App) {
    let mut heard = app.signals.listen();
    let mut here = Here::beginning(Instant::now());
    let (mut look, mut say) = (tokio::time::interval(LOOK_EVERY), tokio::time::interval(SAID_EVERY));
    loop {
        tokio::select! {
            heard = heard.recv() => match heard {
                Ok(heard) => here.heard(&app, heard).await,
                // Too much at once: what was missed is only missed.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            () = app.live.somebody_changed() => here.look(&app).await,
            _ = look.tick() => {
                here.look(&app).await;
                for user_id in here.presence.expired(Instant::now()) {
                    tell_of(&app, user_id, false).await;
                }
            }
            _ = say.tick() => here.say(&app).await,
        }
    }
}

impl Here {
    fn beginning(now: Instant) -> Here {
        Here { began: now, said: HashSet::new(), gone: HashMap::new(), presence: Presence::default() }
    }

    /// Who has come to this node, and who has gone for good.
    async fn look(&mut self, app: &App) {
        let now = Instant::now();
        let mut came = Vec::new();
        for user_id in app.live.changed() {
            if app.live.is_here(user_id) {
                self.gone.remove(&user_id);
                if self.said.insert(user_id) {
                    came.push(user_id);
                }
            } else if self.said.contains(&user_id) {
                self.gone.entry(user_id).or_insert(now);
            }
        }
        let over = |since: &Instant| now.saturating_duration_since(*since) >= GRACE;
        let went = self.gone.iter().filter(|(_, since)| over(since)).map(|(user_id, _)| *user_id).collect::<Vec<_>>();
        for user_id in &went {
            self.gone.remove(user_id);
            self.said.remove(user_id);
        }
        for people in came.chunks(PEOPLE_MAX) {
            app.signals.say(Signal::Came { people: people.to_vec() }).await;
        }
        for people in went.chunks(PEOPLE_MAX) {
            app.signals.say(Signal::Went { people: people.to_vec() }).await;
        }
    }

    /// Says who is here: to other nodes, and so that it is believed here.
    async fn say(&mut self, app: &App) {
        let people = self.said.iter().copied().collect::<Vec<_>>();
        for people in people.chunks(PEOPLE_MAX) {
            app.signals.say(Signal::Here { people: people.to_vec() }).await;
        }
    }

    async fn heard(&mut self, app: &App, Heard { node, signal }: Heard) {
        match signal {
            Signal::Typing { chat_id, user_id } => {
                let frame = Frame::new(None, "typing", &Typing { chat_id, user_id });
                app.live.tell(chat_id, &frame, user_id);
            }
            Signal::Came { people } => self.are_here(app, people, node, true).await,
            // A node that began a moment ago hears of everybody for the first time. Later it is news: their coming was not
            // heard, or they were given up while NATS was away.
            Signal::Here { people } => {
                let is_told = self.began.elapsed() >= BELIEVED;
                self.are_here(app, people, node, is_told).await;
            }
            Signal::Went { people } => {
                for user_id in people {
                    if self.presence.went(user_id, node) {
                        tell_of(app, user_id, false).await;
                    }
                }
            }
        }
    }

    async fn are_here(&mut self, app: &App, people: Vec<UserId>, node: Uuid, is_told: bool) {
        for user_id in people {
            if self.presence.here(user_id, node, Instant::now()) && is_told {
                tell_of(app, user_id, true).await;
            }
        }
    }
}

/// Tells those who share a chat with somebody.
async fn tell_of(app: &App, user_id: UserId, online: bool) {
    if app.live.is_empty() {
        return;
    }
    let database = app.projections.database(ProjectionId::Chats);
    match chats::memberships(&database, user_id).await {
        Ok((_, chats)) => {
            let frame = Frame::new(None, "presence", &Online { user_id, online });
            app.live.tell_all(chats.into_iter().map(|(chat_id, _)| chat_id), &frame, user_id);
        }
        Err(error) => tracing::debug!(error = store::described(&error), "nobody was told who came or went"),
    }
}

const _: () = assert!(BELIEVED.as_secs() > 2 * SAID_EVERY.as_secs());
