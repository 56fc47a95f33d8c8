//! Requests over HTTP, on connections that are kept.

use crate::appends::gathered;
use crate::client::Connection;
use crate::freshness::{self, Said};
use crate::plan::Plan;
use crate::readback::{self, Pair};
use crate::{Measured, Rated};
use anyhow::{Context, Result, ensure};
use commands::Request as CommandRequest;
use domain::session::{self, Opening, Shown, TokenHash};
use domain::text::{ChatName, MessageText, UserName};
use domain::user::{self, Origin, Verifier};
use domain::{ChatId, Command, SessionId, UserId, chat};
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{HOST, HeaderValue};
use node::Node;
use node::operations::settle;
use projections::{ProjectionId, Projections};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};
use store::now;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use uuid::Uuid;

/// How many people post, each in a chat of their own or all in one.
const PEOPLE: usize = 64;

/// Somebody who is signed in, and their chat.
#[derive(Clone)]
struct Person {
    user_id: UserId,
    token: String,
    chat_id: ChatId,
}

/// Starts a server on a free port, and measures it.
pub(super) async fn measure(node: &Node, plan: &Plan) -> Result<Vec<Measured>> {
    let mut people = Vec::with_capacity(PEOPLE);
    for number in 0..PEOPLE {
        people.push(person(node, number).await?);
    }
    for person in &people[1..] {
        let join = chat::Command::Join(chat::Join { user_id: person.user_id, nickname: None });
        node.writer.send(CommandRequest::by_operator(Command::Chat(people[0].chat_id, join), now())).await?;
    }
    settle(node).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.context("no free port")?;
    let address = listener.local_addr()?.to_string();
    let (stop, stopped) = oneshot::channel::<()>();
    // Everybody is at one address here, and asks as fast as they can.
    let settings = api::Settings { rates: None, ..api::Settings::default() };
    let serving = api::serve(listener, node, settings, async move {
        // Also when the sender is gone.
        let _ = stopped.await;
    });
    let load = async {
        let ping = load(&address, plan, |_| Request::get("/ping").body(Full::default())).await;
        let own = post(node, &address, plan, |number| people[number % PEOPLE].chat_id, &people).await;
        let without = without_search(node, &address, plan, &people).await;
        let hot = post(node, &address, plan, |_| people[0].chat_id, &people).await;
        let own = own?;
        let half = own.per_second / 2.0;
        let said = Said {
            by: people[0].user_id,
            chat_id: people[0].chat_id,
            texts: &[MessageText::parse("как правильно обновить ядро?").context("a valid text")?],
            per_second: half,
            seconds: plan.seconds,
        };
        let fresh = freshness::measure(node, ProjectionId::Messages, &said).await;
        let back = readback::measure(&address, plan, half, |number| pair(&address, &people[number % PEOPLE])).await;
        let _ = stop.send(());
        anyhow::Ok(vec![
            ping?.of("GET /ping"),
            Measured { what: format!("POST a message, {PEOPLE} chats"), ..own },
            Measured { what: format!("POST a message, {PEOPLE} chats, search paused"), ..without? },
            Measured { what: "POST a message, one chat for all".to_owned(), ..hot? },
            fresh?.of("a command until its read model has it, at half load"),
            back?,
        ])
    };
    let (served, measured) = tokio::join!(serving, load);
    served.context("the server failed")?;
    measured
}

/// An account with a session: the password is never asked for, so that none is hashed.
async fn person(node: &Node, number: usize) -> Result<Person> {
    let user_name = UserName::parse(&format!("bench {number}")).context("a valid name")?;
    let user_id = UserId(Uuid::now_v7());
    let chat_id = ChatId(Uuid::now_v7());
    let token = domain::id::hex(&rand::random::<[u8; 32]>());
    let sign_up = user::Command::SignUp(user::SignUp {
        claim: node::claims::claim(&node.keys, &user_name),
        user_name,
        email: None,
        verifier: Some(Verifier("nobody signs in with it".to_owned())),
    });
    let sign_in = session::Command::SignIn(session::SignIn {
        user_id,
        shown: Shown::Password { checked: 1 },
        shown_at: None,
        second: None,
        opening: Opening {
            token_hash: TokenHash(Sha256::digest(token.as_bytes()).into()),
            expires_at: now().plus_seconds(86_400),
            from: Origin::default(),
            new_device: false,
        },
    });
    let create = chat::Command::Create(chat::Create {
        by: user_id,
        chat_name: ChatName::parse(&format!("bench {number}")).context("a valid name")?,
        private: false,
        nickname: None,
    });
    let commands = [
        Command::User(user_id, sign_up),
        Command::Session(SessionId(Uuid::now_v7()), sign_in),
        Command::Chat(chat_id, create),
    ];
    for command in commands {
        node.writer.send(CommandRequest::by_operator(command, now())).await?;
    }
    Ok(Person { user_id, token, chat_id })
}

/// Everybody posts, into the chat that `chat` says; then it is waited for the read models.
async fn post(
    node: &Node,
    address: &str,
    plan: &Plan,
    chat: impl Fn(usize) -> ChatId,
    people: &[Person],
) -> Result<Measured> {
    let rated = load(address, plan, |number| posting(chat(number), &people[number % PEOPLE])).await?;
    let answered = Instant::now();
    settle(node).await;
    let behind_ms = (answered.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    Ok(Measured { behind_ms: Some(behind_ms), ..rated.of("POST a message") })
}

/// The same load while the text index stands: what it costs those who post.
async fn without_search(node: &Node, address: &str, plan: &Plan, people: &[Person]) -> Result<Measured> {
    let of_search = |change: fn(&Projections, ProjectionId) -> projections::Result<()>| {
        let projections = node.projections.clone();
        tokio::task::spawn_blocking(move || change(&projections, ProjectionId::Search))
    };
    of_search(Projections::pause).await??;
    let measured = post(node, address, plan, |number| people[number % PEOPLE].chat_id, people).await;
    of_search(Projections::resume).await??;
    settle(node).await;
    measured
}

/// A message that is posted.
fn posting(chat_id: ChatId, person: &Person) -> hyper::http::Result<Request<Full<Bytes>>> {
    let text =
        r#"{"message": "как правильно обновить ядро? uname -r says 2.6.10, see https://wiki.example.org/Kernel"}"#;
    Request::post(format!("/v1/chats/{chat_id}/messages"))
        .header("authorization", format!("Bearer {}", person.token))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from_static(text.as_bytes())))
}

/// A message that is posted into one's own chat and read back.
fn pair(address: &str, person: &Person) -> Result<Pair> {
    let newest = format!("/v1/chats/{}/messages?limit=1&order=newest-first", person.chat_id);
    let mut pair = Pair {
        post: posting(person.chat_id, person)?,
        read: Request::get(newest).header("authorization", format!("Bearer {}", person.token)).body(Full::default())?,
    };
    for request in [&mut pair.post, &mut pair.read] {
        request.headers_mut().insert(HOST, HeaderValue::from_str(address)?);
    }
    Ok(pair)
}

/// Every connection sends one request after the other until the time is over.
async fn load(
    address: &str,
    plan: &Plan,
    request: impl Fn(usize) -> hyper::http::Result<Request<Full<Bytes>>>,
) -> Result<Rated> {
    let deadline = Instant::now() + Duration::from_secs(plan.seconds.into());
    let mut callers = JoinSet::new();
    for number in 0..usize::from(plan.connections) {
        let mut request = request(number)?;
        request.headers_mut().insert(HOST, HeaderValue::from_str(address)?);
        callers.spawn(call(address.to_owned(), request, deadline));
    }
    gathered(callers, Instant::now()).await
}

async fn call(address: String, request: Request<Full<Bytes>>, deadline: Instant) -> Result<Vec<u32>> {
    let mut connection = Connection::open(&address).await?;
    let mut waits_us = Vec::new();
    while Instant::now() < deadline {
        let sent = Instant::now();
        let (status, body) = connection.send(request.clone()).await?;
        ensure!(status.is_success(), "the server answered {status}: {}", String::from_utf8_lossy(&body));
        waits_us.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(waits_us)
}
