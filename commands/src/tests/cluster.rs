//! Writers of several nodes on one log. `LETOPIS_TORTURE_RACES=10000` for a long run.

use super::*;
use domain::id::QuotaId;
use domain::session::TokenHash;
use domain::text::TokenName;
use domain::{Event, Refusal, TokenId, quota, token};
use servers::{Database, Fate, Postgres, PostgresOptions, Proxy, Server, installed};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use store::{Cluster, postgres};

/// Races in an ordinary run.
const RACES: u128 = 500;
/// Races that are under way at once, so that batches are shared as well.
const AT_ONCE: u128 = 20;

/// A database that was migrated, and the master key of its nodes.
struct Shared {
    url: String,
    key: PathBuf,
    _place: TempDir,
    _database: Option<Database>,
}

struct Node {
    writer: Writer,
    running: WriterThread,
    log: Log,
    _folder: TempDir,
}

impl Shared {
    async fn new() -> Option<Shared> {
        let database = servers::postgres().await?;
        let mut shared = Shared::at(&database.url());
        shared._database = Some(database);
        Some(shared)
    }

    fn at(url: &str) -> Shared {
        postgres::migrate(&Cluster::new(url).unwrap(), None).unwrap();
        let place = TempDir::new().unwrap();
        Shared { url: url.to_owned(), key: place.path().join("master.key"), _place: place, _database: None }
    }

    fn node(&self) -> Node {
        self.node_by(&self.url)
    }

    fn node_by(&self, url: &str) -> Node {
        let place = TempDir::new().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        let appender = Appender::open_shared(&Cluster::new(url).unwrap(), &folder, &self.key).unwrap();
        let log = appender.log(&folder).unwrap();
        let (writer, running) = Writer::start(appender, crate::ClockGuard::unkept());
        Node { writer, running, log, _folder: place }
    }
}

impl Node {
    async fn send(&self, command: Command) -> Result<Answer, Error> {
        self.writer.send(request(command)).await
    }

    async fn keyed(&self, number: u128, command: Command) -> Result<Answer, Error> {
        self.writer.send(Request { key: Some(key_of(number)), ..request(command) }).await
    }
}

fn key_of(number: u128) -> Key {
    let mut command_id = [0; 32];
    command_id[..16].copy_from_slice(&number.to_be_bytes());
    Key { command_id, fingerprint: [1; 32], subject: None }
}

/// As [`sign_up`], with a claim for any number.
fn claiming(id: u128, name: u128) -> Command {
    let mut claim = [0; 32];
    claim[..16].copy_from_slice(&name.to_be_bytes());
    match sign_up(UserId(Uuid::from_u128(id)), name) {
        Command::User(id, user::Command::SignUp(user::SignUp { user_name, email, verifier, .. })) => Command::User(
            id,
            user::Command::SignUp(user::SignUp { claim: NameClaim(claim), user_name, email, verifier }),
        ),
        other => other,
    }
}

fn join(chat: ChatId, user_id: UserId) -> Command {
    Command::Chat(chat, chat::Command::Join(chat::Join { user_id, nickname: None }))
}

fn races() -> u128 {
    std::env::var("LETOPIS_TORTURE_RACES").map_or(RACES, |number| number.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_wanted_on_two_nodes_at_once_has_one_winner() {
    let Some(shared) = Shared::new().await else { return };
    let nodes = [shared.node(), shared.node()];
    let mut won = [0, 0];
    for first in (0..races()).step_by(usize::try_from(AT_ONCE).unwrap()) {
        let wave = (first..first + AT_ONCE).flat_map(|race| [(race, 0), (race, 1)]).map(|(race, node)| {
            let writer = nodes[usize::try_from(node).unwrap()].writer.clone();
            tokio::spawn(async move { writer.send(request(claiming(race * 2 + node + 1, race + 1))).await })
        });
        let wave = wave.collect::<Vec<_>>();
        let mut answers = Vec::new();
        for answer in wave {
            answers.push(answer.await.unwrap());
        }
        for pair in answers.chunks(2) {
            let taken = Err(Error::Refused(Refusal::User(user::Refusal::AlreadyExists)));
            let winner = pair.iter().position(Result::is_ok).expect("somebody gets it");
            assert_eq!(pair[1 - winner], taken);
            won[winner] += 1;
        }
    }
    let events = nodes[0].log.verify(1, u64::MAX, |_| {}).unwrap().events;
    assert_eq!(events, (won[0] + won[1]) * 3, "the claim, the account and its password, and nothing else");
    assert!(won.iter().all(|won| *won > 0), "both nodes were in the races: {won:?}");
}

/// A token of that user, who has one from an earlier release.
fn token(number: u128, user_id: UserId) -> Command {
    let create = token::Command::Create(token::Create {
        user_id,
        name: TokenName::parse("shop").unwrap(),
        token_hash: TokenHash([u8::try_from(number).unwrap(); 32]),
        scopes: token::Scopes::parse(["read"]).unwrap(),
        expires_at: None,
        held: Some(vec![quota::HeldToken { token_id: TokenId(Uuid::from_u128(1_000)), expires_at: None }]),
    });
    Command::Token(TokenId(Uuid::from_u128(number)), create)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_at_once_create_no_more_tokens_than_one_may_have() {
    let Some(shared) = Shared::new().await else { return };
    let nodes = [shared.node(), shared.node()];
    let anna = UserId(Uuid::from_u128(1));
    nodes[0].send(claiming(1, 1)).await.unwrap();
    // With the one of an earlier release it is one too many.
    let creating = (0..quota::TOKENS_MAX).map(|number| {
        let writer = nodes[number % 2].writer.clone();
        tokio::spawn(async move { (number % 2, writer.send(request(token(number as u128, anna))).await) })
    });
    let creating = creating.collect::<Vec<_>>();
    let too_many = Error::Refused(Refusal::Token(quota::Refusal::TooManyTokens.into()));
    let (mut created, mut refused) = ([0, 0], 0);
    for answer in creating {
        match answer.await.unwrap() {
            (node, Ok(_)) => created[node] += 1,
            (_, Err(error)) => {
                assert_eq!(error, too_many);
                refused += 1;
            }
        }
    }
    assert_eq!((created[0] + created[1], refused), (quota::TOKENS_MAX - 1, 1));
    assert!(created.iter().all(|created| *created > 0), "both nodes created some: {created:?}");
    for node in [&nodes[0], &nodes[1], &shared.node()] {
        assert_eq!(node.send(token(200, anna)).await, Err(too_many.clone()));
    }
    let facts = nodes[0].log.stream(QuotaId::from(anna).into()).unwrap();
    let adopted = facts.iter().filter(|fact| matches!(fact.event, Event::Quota(_, quota::Event::TokensAdopted(_))));
    assert_eq!((adopted.count(), facts.len()), (1, quota::TOKENS_MAX));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_on_two_nodes_at_once_has_one_effect_and_one_answer() {
    let Some(shared) = Shared::new().await else { return };
    let nodes = [shared.node(), shared.node()];
    let (anna, chat) = (UserId(Uuid::from_u128(1)), ChatId(Uuid::from_u128(1)));
    nodes[0].send(claiming(1, 1)).await.unwrap();
    nodes[0].send(create(chat, anna, "a chat")).await.unwrap();
    let before = *nodes[0].writer.head().borrow();
    for round in 0..50 {
        // Each door makes an id of its own.
        let (one, two) = tokio::join!(
            nodes[0].keyed(round, post(100 + round * 2, chat, anna, "once")),
            nodes[1].keyed(round, post(101 + round * 2, chat, anna, "once")),
        );
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!((&one.outcome, one.position), (&two.outcome, two.position));
        assert_ne!(one.replayed, two.replayed);
    }
    assert_eq!(nodes[1].log.verify(1, u64::MAX, |_| {}).unwrap().events, before + 50);
}

/// Plays the log again: each fact was right when it was written, whoever wrote it.
fn replayed(log: &Log, events: u64) -> HashMap<ChatId, HashSet<UserId>> {
    let mut members: HashMap<ChatId, HashSet<UserId>> = HashMap::new();
    let mut after = 0;
    while after < events {
        for fact in log.facts(after, 1_000).unwrap() {
            after = fact.position;
            match &fact.event {
                Event::Chat(chat, chat::Event::MemberJoined(joined)) => {
                    assert!(members.entry(*chat).or_default().insert(joined.user_id), "{after}: joined twice");
                }
                Event::Chat(chat, chat::Event::MemberLeft(left)) => {
                    assert!(members.entry(*chat).or_default().remove(&left.user_id), "{after}: left and was not in it");
                }
                Event::Message(_, message::Event::Posted(posted)) => {
                    assert!(members[&posted.chat_id].contains(&posted.author), "{after}: posted and was not in it");
                }
                _ => {}
            }
        }
    }
    members
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_did_is_what_the_other_one_decides_on() {
    let Some(shared) = Shared::new().await else { return };
    let nodes = [shared.node(), shared.node()];
    let (people, chats) = (1..=4_u128, 1..=2_u128);
    let user_id = |number| UserId(Uuid::from_u128(number));
    let chat_id = |number| ChatId(Uuid::from_u128(number));
    for number in people.clone() {
        nodes[usize::try_from(number % 2).unwrap()].send(claiming(number, number)).await.unwrap();
    }
    for number in chats.clone() {
        nodes[0].send(create(chat_id(number), user_id(1), "a chat")).await.unwrap();
    }
    let mut storm = Vec::new();
    for number in 0..600_u128 {
        let (chat, person) = (chat_id(number % 2 + 1), user_id(number * 7 / 3 % 3 + 2));
        let command = match number % 5 {
            0 | 1 => join(chat, person),
            2 => Command::Chat(chat, chat::Command::Leave(chat::Leave { user_id: person })),
            _ => post(1_000 + number, chat, person, "storm"),
        };
        let writer = nodes[usize::try_from(number / 3 % 2).unwrap()].writer.clone();
        storm.push(tokio::spawn(async move { writer.send(request(command)).await }));
        if number % 15 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let mut refused = 0;
    for answer in storm {
        match answer.await.unwrap() {
            Ok(_) => {}
            Err(Error::Refused(_)) => refused += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(refused > 0, "some posted who were not in the chat");
    let events = nodes[0].log.verify(1, u64::MAX, |_| {}).unwrap().events;
    let members = replayed(&nodes[0].log, events);
    let fresh = shared.node();
    for (chat, person) in chats.flat_map(|chat| people.clone().map(move |person| (chat_id(chat), user_id(person)))) {
        let expected = members.get(&chat).is_some_and(|members| members.contains(&person));
        for (node, name) in [(&nodes[0], "one"), (&nodes[1], "the other"), (&fresh, "a fresh one")] {
            let id = Uuid::now_v7().as_u128();
            let posted = node.send(post(id, chat, person, "afterwards")).await;
            assert_eq!(posted.is_ok(), expected, "{name} says of {person} in {chat}: {posted:?}");
        }
        // The version that each has in its memory is the one of the log.
        let version = nodes[0].log.stream(chat.into()).unwrap().len() as u64;
        for (add, node) in (0..).zip([&nodes[0], &nodes[1], &fresh]) {
            let name = ChatName::parse(&format!("chat {person} {add}")).unwrap();
            let change = chat::Command::Change(chat::Change { by: user_id(1), chat_name: Some(name), archived: None });
            let request = Request { if_match: Some(vec![version + add]), ..request(Command::Chat(chat, change)) };
            node.writer.send(request).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_found_by_its_key_on_every_node() {
    let Some(shared) = Shared::new().await else { return };
    let proxy = Proxy::before(&shared.url, "letopis.write_batch").unwrap();
    let (node, other) = (shared.node_by(proxy.url()), shared.node());
    let (anna, chat) = (UserId(Uuid::from_u128(1)), ChatId(Uuid::from_u128(1)));
    node.send(claiming(1, 1)).await.unwrap();
    node.send(create(chat, anna, "a chat")).await.unwrap();
    for (number, fate) in [(1, Fate::Cut), (2, Fate::Disowned)] {
        let before = other.log.head().unwrap().position;
        proxy.next_commit(fate);
        assert_eq!(node.keyed(number, post(number * 10, chat, anna, "lost")).await, Err(Error::Unavailable));
        let there = other.keyed(number, post(number * 10 + 1, chat, anna, "lost")).await.unwrap();
        let here = node.keyed(number, post(number * 10 + 2, chat, anna, "lost")).await.unwrap();
        assert!(there.replayed && here.replayed);
        assert_eq!(here, there);
        assert_eq!((here.position, other.log.head().unwrap().position), (before + 1, before + 1));
    }
    // What it remembered of the chat is right.
    node.send(post(90, chat, anna, "on")).await.unwrap();
    other.log.verify(1, u64::MAX, |_| {}).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_stops_no_writer() {
    if !installed(Server::Postgres) {
        return;
    }
    let mut postgres = Postgres::start(PostgresOptions::default()).unwrap();
    let shared = Shared::at(&postgres.url());
    let node = shared.node();
    node.send(claiming(1, 1)).await.unwrap();
    postgres.stop_immediate();
    let began = Instant::now();
    for number in 2..5 {
        assert_eq!(node.send(claiming(number, number)).await, Err(Error::Unavailable));
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    postgres.restart().unwrap();
    let began = Instant::now();
    while node.send(claiming(2, 2)).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(5), "it does not write again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(node.log.verify(1, u64::MAX, |_| {}).unwrap().events, 6);
    node.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_far_behind_decides_on_all_of_it() {
    let Some(shared) = Shared::new().await else { return };
    let node = shared.node();
    let (anna, boris, chat) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)), ChatId(Uuid::from_u128(1)));
    for command in [claiming(1, 1), claiming(2, 2), create(chat, anna, "a chat"), join(chat, boris)] {
        node.send(command).await.unwrap();
    }
    node.send(post(1, chat, boris, "here")).await.unwrap();
    let other = shared.node();
    // More than is told at once; what counts comes last.
    for first in (100..10_200).step_by(1_000) {
        let mut sent = tokio::task::JoinSet::new();
        for number in first..first + 1_000 {
            let writer = other.writer.clone();
            sent.spawn(async move { writer.send(request(post(number, chat, anna, "elsewhere"))).await.unwrap() });
        }
        sent.join_all().await;
    }
    other.send(Command::Chat(chat, chat::Command::Leave(chat::Leave { user_id: boris }))).await.unwrap();
    let refused = node.send(post(2, chat, boris, "gone")).await;
    assert_eq!(refused, Err(Error::Refused(Refusal::Message(message::Refusal::NotAMember))));
}
