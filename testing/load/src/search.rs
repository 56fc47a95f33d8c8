//! The text index: building it from a chat log, and a mixed set of questions to it.

use crate::freshness::{self, Said};
use crate::plan::Plan;
use crate::{Measured, Rated};
use anyhow::{Context, Result, anyhow};
use commands::Request;
use domain::text::{MessageText, UserName};
use domain::user::{self, Verifier};
use domain::{ChatId, Command, UserId, chat};
use node::operations::{import, per_second, settle};
use node::{Node, gzip};
use projections::ProjectionId;
use search::{Order, Question, SearchRequest, Snapshot, TimeZone, Who, find, question, schema::fields};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use store::now;
use tantivy::schema::Value;
use tantivy::{DocAddress, TantivyDocument};
use uuid::Uuid;

/// Chats that the one is in who asks.
const CHATS: usize = 50;
/// Questions of each kind; there are eight kinds.
const OF_A_KIND: usize = 25;
/// Hits of a page.
const LIMIT: usize = 20;
/// As for a user.
const DEADLINE: Duration = Duration::from_secs(1);
/// Messages that are said while it is measured how soon they are found.
const SAID_PER_SECOND: f64 = 1_000.0;
/// How often each question is asked: the first time warms nothing that a server would not have warm.
const ROUNDS: usize = 3;

/// Imports the logs that were named, builds the index again, and asks it.
pub(super) async fn measure(node: &Node, plan: &Plan) -> Result<Vec<Measured>> {
    let progress = tokio::sync::watch::Sender::new(None);
    let began = Instant::now();
    let mut messages = 0;
    for log in &plan.log {
        messages += import::run(node, gzip::source(log)?, true, &progress).await?.summary.messages;
    }
    settle(node).await;
    let imported = rate("messages imported, read models and index following", messages, began);
    let snapshot = node.projections.index()?.snapshot();
    let texts = texts(&snapshot)?;
    anyhow::ensure!(!texts.is_empty(), "there is nothing to look for; name a chat log with --log");
    let asker = asker(node, &texts).await?;
    settle(node).await;
    let chat_id = texts.iter().map(|said| said.chat_id).min().context("there is a chat")?;
    let said = texts.iter().filter_map(|said| MessageText::parse(&said.text).ok()).collect::<Vec<_>>();
    let projections = node.projections.clone();
    let measured = tokio::task::spawn_blocking(move || {
        let began = Instant::now();
        projections.rebuild(ProjectionId::Search, &mut |_| {})?;
        let rebuilt = rate("events to rebuild search", projections.position(ProjectionId::Search), began);
        let asked = questions(&texts);
        anyhow::Ok(vec![rebuilt, ask(&projections.index()?.snapshot(), asker, &asked)?])
    });
    let measured = measured.await.context("the measurement panicked")??;
    let said = Said { by: asker, chat_id, texts: &said, per_second: SAID_PER_SECOND, seconds: plan.seconds };
    let fresh = freshness::measure(node, ProjectionId::Search, &said).await?.of("messages said until they are found");
    Ok([vec![imported], measured, vec![fresh]].concat())
}

fn rate(what: &str, count: u64, began: Instant) -> Measured {
    let per_second = per_second(count, began.elapsed().as_secs_f64());
    Measured { what: what.to_owned(), per_second, p50_ms: None, p99_ms: None, behind_ms: None }
}

/// A message of the log, as far as questions are made of it.
struct Message {
    chat_id: ChatId,
    text: String,
}

/// Messages from all over the index.
fn texts(snapshot: &Snapshot) -> Result<Vec<Message>> {
    let mut texts = Vec::new();
    for (segment, reader) in (0..).zip(snapshot.searcher.segment_readers()) {
        for document in (0..reader.max_doc()).step_by(reader.max_doc() as usize / 2_000 + 1) {
            let document: TantivyDocument = snapshot.searcher.doc(DocAddress::new(segment, document))?;
            let text = document.get_first(fields().text).and_then(|value| value.as_str());
            let chat_id = document.get_first(fields().chat_id).and_then(|value| value.as_bytes());
            if let (Some(text), Some(chat_id)) = (text, chat_id.and_then(|id| Uuid::from_slice(id).ok())) {
                texts.push(Message { chat_id: ChatId(chat_id), text: text.to_owned() });
            }
        }
    }
    Ok(texts)
}

/// An account that is in so many chats.
async fn asker(node: &Node, texts: &[Message]) -> Result<UserId> {
    let user_name = UserName::parse("bench searches").context("a valid name")?;
    let user_id = UserId(Uuid::now_v7());
    let sign_up = user::Command::SignUp(user::SignUp {
        claim: node::claims::claim(&node.keys, &user_name),
        user_name,
        email: None,
        verifier: Some(Verifier("nobody signs in with it".to_owned())),
    });
    node.writer.send(Request::by_operator(Command::User(user_id, sign_up), now())).await?;
    let chats = texts.iter().map(|said| said.chat_id).collect::<BTreeSet<_>>();
    for chat_id in chats.into_iter().take(CHATS) {
        let join = chat::Command::Join(chat::Join { user_id, nickname: None });
        node.writer.send(Request::by_operator(Command::Chat(chat_id, join), now())).await?;
    }
    Ok(user_id)
}

/// One word, rare and common, two words, a phrase, a prefix, and such with conditions, from all over the log.
fn questions(texts: &[Message]) -> Vec<String> {
    let words = |said: &Message| {
        let words = said.text.split_whitespace().filter(|word| word.chars().all(char::is_alphanumeric));
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let said = texts.iter().map(words).filter(|words| words.len() >= 3).collect::<Vec<_>>();
    let kinds: [fn(&[String]) -> String; 8] = [
        // Rare and common.
        longest,
        |words| words.iter().min_by_key(|word| word.len()).cloned().unwrap_or_default() + " ",
        |words| format!("{} {} ", words[0], words[1]),
        |words| format!("\"{} {}\"", words[1], words[2]),
        |words| longest(words).chars().take(4).collect::<String>() + "*",
        |words| format!("{} -{} ", words[0], words[2]),
        |words| format!("{} after:2007-01-01 ", words[0]),
        |words| format!("{} OR {} ", words[0], longest(words)),
    ];
    let step = said.len() / (OF_A_KIND * kinds.len()) + 1;
    let chosen = said.iter().step_by(step).zip(kinds.iter().cycle());
    chosen.map(|(words, kind)| kind(words)).collect()
}

fn longest(words: &[String]) -> String {
    words.iter().max_by_key(|word| word.len()).cloned().unwrap_or_default()
}

fn ask(snapshot: &Snapshot, asker: UserId, asked: &[String]) -> Result<Measured> {
    let read = |text: &String| question(text).map_err(|broken| anyhow!("{text}: {}", broken.why));
    let questions = asked.iter().map(read).collect::<Result<Vec<Question>>>()?;
    let (began, mut waits_us, mut hits) = (Instant::now(), Vec::new(), 0);
    for question in questions.iter().cycle().take(questions.len() * ROUNDS) {
        let sent = Instant::now();
        let who = Who::Member(asker);
        let deadline = sent + DEADLINE;
        let found = find(
            snapshot,
            &SearchRequest {
                question,
                zone: &TimeZone::UTC,
                who,
                order: Order::Newest,
                from: None,
                limit: LIMIT,
                deadline,
            },
        )?;
        anyhow::ensure!(found.complete, "a question was not answered within {} s", DEADLINE.as_secs());
        hits += found.hits.len();
        waits_us.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    anyhow::ensure!(hits > 0, "no question found anything");
    let rated = Rated { waits_us, seconds: began.elapsed().as_secs_f64() };
    Ok(rated.of(&format!(
        "{} questions to search, {CHATS} chats, {} documents",
        asked.len(),
        snapshot.searcher.num_docs()
    )))
}
