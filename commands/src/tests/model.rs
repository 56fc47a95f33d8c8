//! The writer against a model: a plain list of facts on which each command is decided alone, without batches,
//! caches or a database. Whatever is asked, in whatever waves and with whatever restarts between, both say the same.

use super::*;
use domain::{Decision, Event, Refusal, StreamId, email, name, pins};
use proptest::prelude::*;
use std::collections::HashMap;

/// The facts so far, and the answers that were given under keys.
#[derive(Default)]
struct Model {
    facts: Vec<Event>,
    receipts: HashMap<u8, (u8, u64, Outcome)>,
}

impl Model {
    fn ask(&mut self, wish: &Wish) -> Result<Answer, Error> {
        if let Some((number, fingerprint)) = wish.key
            && let Some((first, position, outcome)) = self.receipts.get(&number)
        {
            let replayed = Answer { position: *position, version: 0, outcome: outcome.clone(), replayed: true };
            return if *first == fingerprint { Ok(replayed) } else { Err(Error::KeyReused) };
        }
        let decision = self.decide(&wish.command)?;
        self.facts.extend(decision.facts);
        let position = self.facts.len() as u64;
        if let Some((number, fingerprint)) = wish.key {
            self.receipts.insert(number, (fingerprint, position, decision.outcome.clone()));
        }
        Ok(Answer { position, version: 0, outcome: decision.outcome, replayed: false })
    }

    fn decide(&self, command: &Command) -> Result<Decision, Refusal> {
        let at = Timestamp(7);
        match command {
            Command::User(id, wish) => {
                let claim = match wish {
                    user::Command::SignUp(user::SignUp { claim, .. }) => self.name(*claim),
                    _ => name::State::default(),
                };
                let nobodys = user::State::Absent;
                let address = email::Seen { state: email::State::default(), owner: &nobodys };
                let beside = user::Beside { claim, address, by: &nobodys };
                Ok(user::decide(*id, &self.user(*id), &beside, wish, at)?)
            }
            Command::Chat(id, wish) => {
                let newcomer = match wish {
                    chat::Command::Create(chat::Create { by: user_id, .. })
                    | chat::Command::Join(chat::Join { user_id, .. }) => *user_id,
                    _ => UserId(Uuid::nil()),
                };
                let (user, other) = (self.user(newcomer), user::State::Absent);
                let beside = chat::Beside { user: &user, other: &other, claim: name::State::default() };
                Ok(chat::decide(*id, &self.chat(*id), &beside, wish, at)?)
            }
            Command::Message(id, wish) => {
                let (chat_id, answered) = match wish {
                    message::Command::Post(post) => (post.chat_id, post.reply_to),
                    message::Command::BringIn(message::BringIn { chat_id, .. })
                    | message::Command::Edit(message::Edit { chat_id, .. })
                    | message::Command::Delete(message::Delete { chat_id, .. }) => (*chat_id, None),
                };
                let answered = answered.map_or(message::State::Absent, |id| self.message(id));
                let chat = self.chat(chat_id);
                Ok(message::decide(
                    *id,
                    &self.message(*id),
                    message::Beside { chat: &chat, answered: &answered, pins: &pins::State::default() },
                    wish,
                    at,
                )?)
            }
            other => unreachable!("the model asks for no {other:?}"),
        }
    }

    fn events(&self, stream: impl Into<StreamId>) -> impl Iterator<Item = &Event> {
        let stream = stream.into();
        self.facts.iter().filter(move |event| event.stream() == stream)
    }

    fn user(&self, id: UserId) -> user::State {
        self.events(id).fold(user::State::Absent, |mut state, event| {
            if let Event::User(_, event) = event {
                user::evolve(id, &mut state, event);
            }
            state
        })
    }

    fn name(&self, claim: NameClaim) -> name::State {
        self.events(claim).fold(name::State::default(), |mut state, event| {
            if let Event::Name(_, event) = event {
                name::evolve(&mut state, event);
            }
            state
        })
    }

    fn chat(&self, id: ChatId) -> chat::State {
        self.events(id).fold(chat::State::Absent, |mut state, event| {
            if let Event::Chat(_, event) = event {
                chat::evolve(&mut state, event);
            }
            state
        })
    }

    fn message(&self, id: MessageId) -> message::State {
        self.events(id).fold(message::State::Absent, |mut state, event| {
            if let Event::Message(_, event) = event {
                message::evolve(&mut state, event);
            }
            state
        })
    }
}

/// A command, with or without a key and its fingerprint.
#[derive(Clone, Debug)]
struct Wish {
    command: Command,
    key: Option<(u8, u8)>,
}

fn wishes() -> impl Strategy<Value = Wish> {
    let (user, chat, message) = (1..4_u128, 1..3_u128, 1..6_u128);
    let user_id = |id| UserId(Uuid::from_u128(id));
    let chat_id = |id| ChatId(Uuid::from_u128(id));
    let message_id = |id| MessageId(Uuid::from_u128(id));
    let text = || prop_oneof![Just("one"), Just("two")].prop_map(|text| MessageText::parse(text).unwrap());
    let command = prop_oneof![
        (user.clone(), 1..4_u128).prop_map(move |(id, name)| sign_up(user_id(id), name)),
        (chat.clone(), user.clone()).prop_map(move |(id, by)| create(chat_id(id), user_id(by), "a chat")),
        (chat.clone(), user.clone()).prop_map(move |(id, user)| {
            Command::Chat(chat_id(id), chat::Command::Join(chat::Join { user_id: user_id(user), nickname: None }))
        }),
        (chat.clone(), user.clone()).prop_map(move |(id, user)| {
            Command::Chat(chat_id(id), chat::Command::Leave(chat::Leave { user_id: user_id(user) }))
        }),
        (message.clone(), chat.clone(), user.clone(), text(), proptest::option::of(1..6_u128)).prop_map(
            move |(id, chat, author, text, reply_to)| {
                let wish = message::Command::Post(message::Post {
                    chat_id: chat_id(chat),
                    author: user_id(author),
                    text,
                    reply_to: reply_to.map(message_id),
                    sent_at: Timestamp(7),
                });
                Command::Message(message_id(id), wish)
            }
        ),
        (message.clone(), chat.clone(), user.clone(), text()).prop_map(move |(id, chat, by, text)| {
            let wish = message::Command::Edit(message::Edit { chat_id: chat_id(chat), by: user_id(by), text });
            Command::Message(message_id(id), wish)
        }),
        (message, chat, user).prop_map(move |(id, chat, by)| {
            Command::Message(
                message_id(id),
                message::Command::Delete(message::Delete { chat_id: chat_id(chat), by: user_id(by) }),
            )
        }),
    ];
    let key = proptest::option::weighted(0.3, (0..4_u8, 0..2_u8));
    (command, key).prop_map(|(command, key)| Wish { command, key })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_writer_says_and_keeps_what_the_model_does(
        waves in proptest::collection::vec(
            (proptest::collection::vec(wishes(), 1..24), proptest::bool::weighted(0.2)),
            1..6,
        )
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut house = House::new();
            let mut model = Model::default();
            for (wave, restart) in waves {
                // Spawned in order on one thread: they reach the queue in that order, and share batches.
                let asked = wave.iter().map(|wish| {
                    let key = wish.key.map(|(number, fingerprint)| key(number, fingerprint));
                    let (writer, request) = (house.writer.clone(), Request { key, ..request(wish.command.clone()) });
                    tokio::spawn(async move { writer.send(request).await })
                });
                let asked = asked.collect::<Vec<_>>();
                for (wish, answer) in wave.iter().zip(asked) {
                    // Versions as `ETag` tells them are not the model's business.
                    let answer = answer.await.unwrap().map(|answer| Answer { version: 0, ..answer });
                    assert_eq!(answer, model.ask(wish), "{wish:?}");
                }
                if restart {
                    house = house.restarted().await;
                }
            }
            let facts = house.log.facts(0, 10_000).unwrap();
            let stored = facts.into_iter().map(|fact| fact.event).collect::<Vec<_>>();
            assert_eq!(stored, model.facts);
            assert_eq!(house.verified(), model.facts.len() as u64);
        });
    }
}
