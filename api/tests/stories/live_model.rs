//! A model of live: whatever people do, and whenever they lose their connection, each hears exactly what their memberships
//! entitle them to, in order.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use serde_json::json;
use std::collections::HashMap;
use testkit::{Actor, Live, TestApp};

const OPERATIONS: usize = 150;
/// Both are members of this one all the time: what is said there shows that all before it was heard.
const MARK: usize = 0;
const CHATS: usize = 3;

/// A fact, and who hears of it whatever their memberships are.
#[derive(Clone, Debug)]
struct Fact {
    position: u64,
    event: &'static str,
    chat: usize,
    gone: Option<usize>,
    message: Option<String>,
}

struct Listener {
    actor: Actor,
    /// None while they have no connection.
    live: Option<Live>,
    /// In which chats they are, each since when.
    since: HashMap<usize, u64>,
    /// What they are still to hear.
    expected: Vec<Fact>,
    /// What has happened since they lost their connection.
    missed: Vec<Fact>,
    last: u64,
}

struct World {
    anna: Actor,
    chats: Vec<String>,
    listeners: Vec<Listener>,
    /// In which chat, by id; and whether it is deleted.
    messages: Vec<(usize, String, bool)>,
    edits: u32,
}

impl Listener {
    fn may_hear(&self, who: usize, fact: &Fact) -> bool {
        fact.gone == Some(who) || self.since.get(&fact.chat).is_some_and(|since| *since <= fact.position)
    }
}

impl World {
    async fn of(app: &TestApp) -> World {
        let anna = app.user("Anna").await;
        let mut chats = Vec::new();
        for number in 0..CHATS {
            chats.push(anna.chat(&format!("chat {number}")).await);
        }
        let mut listeners = Vec::new();
        for name in ["Boris", "Carl"] {
            let actor = app.user(name).await;
            actor.join(&chats[MARK]).await;
            listeners.push(Listener {
                since: HashMap::from([(MARK, 0)]),
                live: None,
                expected: Vec::new(),
                missed: Vec::new(),
                last: 0,
                actor,
            });
        }
        let last = app.node.log.head().unwrap().position;
        listeners.iter_mut().for_each(|listener| listener.last = last);
        World { anna, chats, listeners, messages: Vec::new(), edits: 0 }
    }

    fn happened(&mut self, fact: Fact) {
        for (who, listener) in self.listeners.iter_mut().enumerate() {
            if listener.live.is_none() {
                listener.missed.push(fact.clone());
            } else if listener.may_hear(who, &fact) {
                listener.expected.push(fact.clone());
            }
        }
    }

    async fn post(&mut self, chat: usize) {
        let path = format!("/v1/chats/{}/messages", self.chats[chat]);
        let reply = self.anna.post(&path, json!({"message": "said"})).await.expect_status(201);
        let (id, position) = (reply.id("message_id"), reply.position());
        self.messages.push((chat, id.clone(), false));
        self.happened(Fact { position, event: "message.posted", chat, gone: None, message: Some(id) });
    }

    async fn change(&mut self, which: usize, delete: bool) {
        let (chat, id, is_deleted) = self.messages[which].clone();
        if is_deleted {
            return;
        }
        let path = format!("/v1/chats/{}/messages/{id}", self.chats[chat]);
        let (event, reply) = match delete {
            true => ("message.deleted", self.anna.delete(&path).await),
            false => {
                self.edits += 1;
                ("message.edited", self.anna.patch(&path, json!({"message": format!("edit {}", self.edits)})).await)
            }
        };
        let position = reply.expect_status(200).position();
        self.messages[which].2 = delete;
        self.happened(Fact { position, event, chat, gone: None, message: Some(id) });
    }

    async fn come_or_go(&mut self, who: usize, chat: usize) {
        let (users, user) =
            (format!("/v1/chats/{}/users", self.chats[chat]), self.listeners[who].actor.user_id.clone());
        if self.listeners[who].since.contains_key(&chat) {
            let reply = self.anna.delete(&format!("{users}/{user}")).await.expect_status(200);
            let fact = Fact { position: reply.position(), event: "member.left", chat, gone: Some(who), message: None };
            self.happened(fact);
            self.listeners[who].since.remove(&chat);
        } else {
            let reply = self.anna.post(&users, json!({"user_id": user})).await.expect_status(201);
            self.listeners[who].since.insert(chat, reply.position());
            let fact = Fact { position: reply.position(), event: "member.joined", chat, gone: None, message: None };
            self.happened(fact);
        }
    }

    /// Loses the connection without a word; what was not heard by then is heard by whoever comes back.
    fn lose(&mut self, who: usize) {
        let listener = &mut self.listeners[who];
        if listener.live.take().is_some() {
            let unheard = std::mem::take(&mut listener.expected);
            listener.missed.splice(0..0, unheard);
        }
    }

    async fn come_back(&mut self, who: usize) {
        if self.listeners[who].live.is_some() {
            return;
        }
        let missed = std::mem::take(&mut self.listeners[who].missed);
        let (chats, listener) = (&self.messages, &self.listeners[who]);
        let is_deleted = |id: &str| chats.iter().any(|(_, known, deleted)| known == id && *deleted);
        let entitled = missed.into_iter().filter(|fact| listener.may_hear(who, fact)).collect::<Vec<_>>();
        let from = [("last-event-id", listener.last.to_string())];
        let from = from.each_ref().map(|(name, value)| (*name, value.as_str()));
        let mut live = listener.actor.live_at("/v1/live", &from).await;
        for fact in &entitled {
            let heard = durable(&mut live).await;
            assert_eq!((heard.id, heard.event.as_str()), (Some(fact.position), fact.event), "{entitled:?}");
            if let Some(id) = &fact.message {
                let is_tombstone = heard.data["message"]["deleted"] == json!(true);
                assert_eq!(is_tombstone, is_deleted(id) || fact.event == "message.deleted", "{heard:?}");
            }
        }
        let listener = &mut self.listeners[who];
        listener.last = entitled.last().map_or(listener.last, |fact| fact.position);
        listener.live = Some(live);
        self.hear(who).await;
    }

    /// Hears all that was told to somebody up to now.
    async fn hear(&mut self, who: usize) {
        if self.listeners[who].live.is_none() {
            return;
        }
        self.post(MARK).await;
        let listener = &mut self.listeners[who];
        let live = listener.live.as_mut().unwrap();
        for fact in std::mem::take(&mut listener.expected) {
            let heard = durable(live).await;
            assert_eq!((heard.id, heard.event.as_str()), (Some(fact.position), fact.event));
            listener.last = fact.position;
        }
    }
}

/// The next event that has a position.
async fn durable(live: &mut Live) -> testkit::Heard {
    loop {
        let heard = live.next().await.expect("the stream goes on");
        if heard.id.is_some() {
            return heard;
        }
    }
}

async fn told(seed: u64) {
    let app = TestApp::start().await;
    let (mut world, mut random) = (World::of(&app).await, StdRng::seed_from_u64(seed));
    for _ in 0..OPERATIONS {
        let (who, chat) = (random.random_range(0..2), random.random_range(1..CHATS));
        match random.random_range(0..10) {
            0..4 => world.post(chat).await,
            4 | 5 if !world.messages.is_empty() => {
                let which = random.random_range(0..world.messages.len());
                world.change(which, random.random_bool(0.5)).await;
            }
            6 | 7 => world.come_or_go(who, chat).await,
            8 => world.lose(who),
            9 => world.come_back(who).await,
            _ => world.hear(who).await,
        }
    }
    // Somebody's account goes, with all that they said; then everybody hears the rest.
    for who in 0..2 {
        world.come_back(who).await;
        world.hear(who).await;
    }
    let body = Some(json!({"password": world.anna.password()}));
    world.lose(0);
    world.anna.send(Method::DELETE, "/v1/me", body, &[]).await.expect_status(200);
    let boris = &world.listeners[0];
    let mut live = boris.actor.live_at("/v1/live?from=0", &[]).await;
    let heard = live.up_to("member.role_changed").await;
    let texts = heard.iter().filter(|heard| heard.event == "message.posted");
    assert!(texts.clone().count() > 0, "they heard of it");
    assert!(
        texts.clone().all(|heard| heard.data["message"]["deleted"] == json!(true)),
        "nothing of hers is told again"
    );
}

#[tokio::test]
async fn everybody_hears_what_they_are_entitled_to_in_order_and_once() {
    for seed in 1..=4 {
        told(seed).await;
    }
}
