//! Service tokens: creating, using, listing and revoking them.

use super::{append, now};
use commands::Request;
use domain::text::TokenName;
use domain::token::{self, Scopes};
use domain::{Command, Event, Personal, Timestamp, TokenId, UserId, id, session, user};
use projections::ProjectionId;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use testkit::{Actor, Reply, TestApp};
use tokio::task::JoinSet;
use uuid::Uuid;

const TOKENS: &str = "/v1/me/tokens";

fn all_scopes(name: &str) -> Value {
    json!({"name": name, "scopes": ["read", "write", "notify"]})
}

async fn create(actor: &Actor, body: Value) -> Reply {
    actor.post(TOKENS, body).await.expect_status(201)
}

/// What calls with that token.
fn backend(app: &TestApp, of: &Actor, created: &Reply) -> Actor {
    let mut backend = app.anonymous();
    backend.token = Some(created.id("token"));
    backend.user_id.clone_from(&of.user_id);
    backend
}

async fn listed(actor: &Actor) -> Vec<Value> {
    let reply = actor.get(TOKENS).await.expect_status(200);
    reply.body["tokens"].as_array().expect("a list of tokens").clone()
}

fn verified(app: &TestApp) {
    let verified = app.node.projections.verify(ProjectionId::Tokens, &mut |_| {}).unwrap();
    assert_eq!(verified.differences, vec![]);
}

/// The files below a folder that hold these bytes.
pub(super) fn holding(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(holding(&path, bytes));
        } else if std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes) {
            found.push(path);
        }
    }
    found
}

/// A token as if it had been created a day ago, with a life of so many seconds; what calls with it.
async fn from_yesterday(app: &TestApp, anna: &Actor, life_seconds: i64) -> Actor {
    let text = format!("letopis_{:A<43}", life_seconds.unsigned_abs());
    let yesterday = now().plus_seconds(-24 * 3600);
    let create = token::Command::Create(token::Create {
        user_id: UserId(id::parse_uuid(&anna.user_id).unwrap()),
        name: TokenName::parse("yesterday's").unwrap(),
        token_hash: session::TokenHash(Sha256::digest(text.as_bytes()).into()),
        scopes: Scopes::parse(["read"]).unwrap(),
        expires_at: Some(yesterday.plus_seconds(life_seconds)),
        held: Some(vec![]),
    });
    let request = Request::by_operator(Command::Token(TokenId(Uuid::now_v7()), create), yesterday);
    app.node.writer.send(request).await.unwrap();
    let mut backend = app.anonymous();
    backend.token = Some(text);
    backend
}

#[tokio::test]
async fn a_token_is_shown_once_and_calls_in_the_name_of_its_user() {
    let app = TestApp::start().await;
    if !app.is_embedded() {
        return;
    }
    let anna = app.user("Anna").await;
    let shop = create(&anna, json!({"name": " The shop's backend", "scopes": ["write", "read"]})).await;
    let text = shop.id("token");
    let secret = text.strip_prefix("letopis_").expect("a scanner for secrets knows it");
    assert!(secret.len() == 43 && secret.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c)), "{text}");
    assert_eq!(shop.body["position"], shop.position());
    let fields = ["created_at", "id", "name", "position", "scopes", "token"];
    let mut shown = shop.body.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>();
    shown.sort_unstable();
    assert_eq!(shown, fields, "and no end, because there is none");

    let list = listed(&anna).await;
    let mut expected = shop.body.clone();
    for gone in ["token", "position"] {
        expected.as_object_mut().unwrap().remove(gone);
    }
    assert_eq!(list, [expected]);
    assert_eq!((&list[0]["name"], &list[0]["scopes"]), (&json!(" The shop's backend"), &json!(["read", "write"])));

    let backend = backend(&app, &anna, &shop);
    assert_eq!(backend.get("/v1/me").await.expect_status(200).id("user_id"), anna.user_id);
    let chat = backend.chat("garden").await;
    backend.say(&chat, "hello from the shop").await;
    let page = anna.get(&format!("/v1/chats/{chat}/messages")).await.expect_status(200);
    assert_eq!(
        (page.texts(), page.body["messages"][0]["user_id"].as_str()),
        (vec!["hello from the shop".to_owned()], Some(anna.user_id.as_str()))
    );
    let by_scheme = [("authorization", &*format!("session_id {text}"))];
    app.anonymous().send(Method::GET, "/v1/me", None, &by_scheme).await.expect_status(200);
    verified(&app);

    let hash = Sha256::digest(text.as_bytes());
    let data = app.stop().await;
    assert_eq!(holding(data.path(), text.as_bytes()), Vec::<PathBuf>::new());
    assert_eq!(holding(data.path(), secret.as_bytes()), Vec::<PathBuf>::new());
    let hex = id::hex(&hash);
    assert!(!holding(data.path(), hex.as_bytes()).is_empty(), "its hash is what is kept");
    assert_eq!(holding(data.path(), "The shop's backend".as_bytes()).len(), 1, "its name is in the read model only");
}

#[tokio::test]
async fn no_browser_sends_a_token_by_itself() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let text = create(&anna, all_scopes("shop")).await.id("token");
    let cookie = [("cookie", &*format!("__Host-letopis={text}"))];
    app.anonymous().send(Method::GET, "/v1/me", None, &cookie).await.expect_problem(401, "invalid-session-id");
}

#[tokio::test]
async fn what_a_token_may_not_do_says_what_is_missing() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let of = async |scope: &str| {
        let created = create(&anna, json!({"name": scope, "scopes": [scope]})).await;
        backend(&app, &anna, &created)
    };
    let (reads, writes, notifies) = (of("read").await, of("write").await, of("notify").await);
    let refused = |reply: Reply, scope: &str| {
        let reply = reply.expect_problem(403, "scope-missing");
        assert!(reply.body["detail"].as_str().unwrap().contains(&format!("the scope {scope};")), "{}", reply.text);
        let expected = format!("Bearer realm=\"letopis\", error=\"insufficient_scope\", scope=\"{scope}\"");
        assert_eq!(reply.header("www-authenticate"), expected);
    };
    let garden = json!({"chat_name": "garden"});
    refused(reads.post("/v1/chats", garden.clone()).await, "write");
    refused(notifies.post("/v1/chats", garden.clone()).await, "write");
    refused(writes.get("/v1/chats").await, "read");
    refused(notifies.get("/v1/chats").await, "read");
    reads.get("/v1/chats").await.expect_status(200);
    assert_eq!(reads.send(Method::HEAD, "/v1/chats", None, &[]).await.status, 200);
    writes.post("/v1/chats", garden).await.expect_status(201);

    let everything = backend(&app, &anna, &create(&anna, all_scopes("all")).await);
    let another = json!({"name": "another", "scopes": ["read"]});
    let refused = everything.post(TOKENS, another).await.expect_problem(403, "session-required");
    assert_eq!(refused.header("www-authenticate"), "", "no scope would help");
    everything.delete("/v1/me/sessions").await.expect_problem(403, "session-required");
    assert_eq!(listed(&anna).await.len(), 4);
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once_and_after_a_restart() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let (one, two) = (create(&anna, all_scopes("one")).await, create(&anna, all_scopes("two")).await);
    let (first, second) = (backend(&app, &anna, &one), backend(&app, &anna, &two));
    first.get("/v1/me").await.expect_status(200);
    let path = format!("{TOKENS}/{}", one.id("id"));
    let revoked = anna.delete(&path).await.expect_status(200);
    assert_eq!(revoked.body["position"], revoked.position());
    let refused = first.get("/v1/me").await.expect_problem(401, "invalid-session-id");
    assert!(refused.header("www-authenticate").contains("error=\"invalid_token\""));
    let head = app.node.log.head().unwrap().position;
    anna.delete(&path).await.expect_status(200);
    assert_eq!(app.node.log.head().unwrap().position, head, "the second time writes nothing");
    second.get("/v1/me").await.expect_status(200);
    assert_eq!(listed(&anna).await.iter().map(|token| &token["name"]).collect::<Vec<_>>(), ["two"]);

    let app = app.restart().await;
    app.again(&first).get("/v1/me").await.expect_problem(401, "invalid-session-id");
    app.again(&second).get("/v1/me").await.expect_status(200);
    app.node.projections.rebuild(ProjectionId::Tokens, &mut |_| {}).unwrap();
    app.again(&first).get("/v1/me").await.expect_problem(401, "invalid-session-id");
    app.again(&second).get("/v1/me").await.expect_status(200);
    verified(&app);
}

#[tokio::test]
async fn anothers_token_is_not_there() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let his = create(&boris, all_scopes("his")).await;
    let token = his.id("id");
    let unknown = Uuid::now_v7().to_string();
    for id in [token.as_str(), &unknown, "1", "%00", &format!("{{{token}}}"), &his.id("token")] {
        anna.delete(&format!("{TOKENS}/{id}")).await.expect_problem(404, "token-not-found");
    }
    assert_eq!(listed(&anna).await, Vec::<Value>::new());
    backend(&app, &boris, &his).get("/v1/me").await.expect_status(200);
}

#[tokio::test]
async fn unknown_tokens_are_refused_as_unknown_sessions_are() {
    let app = TestApp::start().await;
    let mut nobody = app.anonymous();
    for text in [format!("letopis_{}", "A".repeat(43)), format!("letopis_{}", "A".repeat(42)), "letopis_".to_owned()] {
        nobody.token = Some(text);
        for path in ["/v1/me", TOKENS] {
            nobody.get(path).await.expect_problem(401, "invalid-session-id");
        }
    }
}

#[tokio::test]
async fn a_token_ends_when_its_time_has_come() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let before = now();
    let short = create(&anna, json!({"name": "short", "scopes": ["read"], "expires_in": 60})).await;
    let at = |name: &str| Timestamp::parse(short.body[name].as_str().unwrap()).unwrap();
    assert!(at("created_at") >= before && at("created_at") <= now());
    assert_eq!(at("expires_at"), at("created_at").plus_seconds(60));
    let life = json!({"name": "long", "scopes": ["read"], "expires_in": 315_360_000});
    create(&anna, life).await;

    let (over, goes_on) = (from_yesterday(&app, &anna, 3_600).await, from_yesterday(&app, &anna, 90_000).await);
    goes_on.get("/v1/me").await.expect_status(200);
    for path in ["/v1/me", TOKENS] {
        let expired = over.get(path).await.expect_problem(401, "session-id-expired");
        assert!(expired.header("www-authenticate").contains("error=\"invalid_token\""));
    }
    let names = listed(&anna).await.iter().map(|token| token["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names, ["long", "short", "yesterday's"], "what has expired is not listed");
    verified(&app);
}

#[tokio::test]
async fn the_same_key_tells_the_same_token_again_although_it_is_kept_nowhere() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let body = json!({"name": "shop", "scopes": ["read"], "expires_in": 3600});
    let keyed = async |actor: &Actor, body: &Value, key: &str| {
        actor.send(Method::POST, TOKENS, Some(body.clone()), &[("idempotency-key", key)]).await
    };
    let first = keyed(&anna, &body, "k").await.expect_status(201);
    let again = keyed(&anna, &body, "k").await.expect_status(201);
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!((&again.body, again.position()), (&first.body, first.position()));
    let other = keyed(&anna, &body, "another").await.expect_status(201);
    assert_ne!(other.id("token"), first.id("token"));
    let changed = json!({"name": "shop", "scopes": ["write"]});
    keyed(&anna, &changed, "k").await.expect_problem(422, "idempotency-key-reused");
    assert_eq!(listed(&anna).await.len(), 2);
    let boris = app.user("Boris").await;
    assert_ne!(keyed(&boris, &body, "k").await.expect_status(201).id("token"), first.id("token"));

    let text = first.id("token");
    let folder = app.stop().await;
    for bytes in [text.as_bytes(), &text.as_bytes()["letopis_".len()..]] {
        assert_eq!(holding(folder.path(), bytes), Vec::<PathBuf>::new());
    }
    let app = TestApp::start_in(folder).await;
    let anna = app.again(&anna);
    assert_eq!(keyed(&anna, &body, "k").await.expect_status(201).body, first.body);
    backend(&app, &anna, &first).get("/v1/me").await.expect_status(200);
    anna.delete(&format!("{TOKENS}/{}", first.id("id"))).await.expect_status(200);
    let again = keyed(&anna, &body, "k").await.expect_status(201);
    backend(&app, &anna, &again).get("/v1/me").await.expect_problem(401, "invalid-session-id");
}

#[tokio::test]
async fn keys_at_once_make_one_token() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let mut asking = JoinSet::new();
    for _ in 0..8 {
        let anna = anna.clone();
        asking.spawn(async move {
            anna.send(Method::POST, TOKENS, Some(all_scopes("shop")), &[("idempotency-key", "k")]).await
        });
    }
    let replies = asking.join_all().await;
    let texts = replies.into_iter().map(|reply| reply.expect_status(201).id("token"));
    assert_eq!(texts.collect::<std::collections::BTreeSet<_>>().len(), 1);
    assert_eq!(listed(&anna).await.len(), 1);
}

#[tokio::test]
async fn a_user_and_his_tokens_share_their_keys() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let shop = backend(&app, &anna, &create(&anna, all_scopes("shop")).await);
    let garden = async |actor: &Actor| {
        let body = Some(json!({"chat_name": "garden"}));
        actor.send(Method::POST, "/v1/chats", body, &[("idempotency-key", "k")]).await.expect_status(201)
    };
    let (first, again) = (garden(&anna).await, garden(&shop).await);
    assert_eq!((first.body, "true"), (again.body.clone(), again.header("idempotency-replayed")));
}

#[tokio::test]
async fn nobody_has_more_than_a_hundred_also_who_asks_at_once() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let key = [("idempotency-key", "k")];
    let first = anna.send(Method::POST, TOKENS, Some(all_scopes("first")), &key).await.expect_status(201);
    from_yesterday(&app, &anna, 3_600).await;
    let mut asking = JoinSet::new();
    for number in 0..120 {
        let anna = anna.clone();
        asking.spawn(async move { anna.post(TOKENS, all_scopes(&format!("shop {number}"))).await });
    }
    let replies = asking.join_all().await;
    let (created, refused) = replies.into_iter().partition::<Vec<_>, _>(|reply| reply.status == 201);
    assert_eq!(created.len(), 99, "what has expired does not count");
    for reply in refused {
        reply.expect_problem(409, "too-many-tokens");
    }
    assert_eq!(listed(&anna).await.len(), 100);
    let again = anna.send(Method::POST, TOKENS, Some(all_scopes("first")), &key).await.expect_status(201);
    assert_eq!(again.body, first.body, "a repeat asks for no more");
    anna.delete(&format!("{TOKENS}/{}", first.id("id"))).await.expect_status(200);
    create(&anna, all_scopes("in its place")).await;
    anna.post(TOKENS, all_scopes("one more")).await.expect_problem(409, "too-many-tokens");
    create(&app.user("Boris").await, all_scopes("his first")).await;
}

/// A token as an earlier release created it, which counted none.
fn of_an_earlier_release(anna: &Actor, number: u8) -> Event {
    let created = token::Created {
        user_id: UserId(id::parse_uuid(&anna.user_id).unwrap()),
        token_hash: session::TokenHash([number; 32]),
        scopes: Scopes::parse(["read"]).unwrap(),
        at: now(),
        expires_at: None,
        name: Personal::Known(TokenName::parse("earlier").unwrap()),
    };
    Event::Token(TokenId(Uuid::now_v7()), token::Event::Created(created))
}

#[tokio::test]
async fn tokens_of_an_earlier_release_count() {
    let app = TestApp::start().await;
    if !app.is_embedded() {
        return;
    }
    let anna = app.user("Anna").await;
    let app = app
        .restart_after(|data| append(data, (0..101).map(|number| of_an_earlier_release(&anna, number)).collect()))
        .await;
    let anna = app.again(&anna);
    anna.post(TOKENS, all_scopes("one more")).await.expect_problem(409, "too-many-tokens");
    let revoke = async |token: &Value| {
        let path = format!("{TOKENS}/{}", token["id"].as_str().unwrap());
        anna.delete(&path).await.expect_status(200);
    };
    let tokens = listed(&anna).await;
    assert_eq!(tokens.len(), 101);
    revoke(&tokens[0]).await;
    anna.post(TOKENS, all_scopes("one more")).await.expect_problem(409, "too-many-tokens");
    revoke(&tokens[1]).await;
    create(&anna, all_scopes("the hundredth")).await;
    anna.post(TOKENS, all_scopes("one more")).await.expect_problem(409, "too-many-tokens");
    // One that was adopted is released like any other, also behind a restart.
    revoke(&tokens[2]).await;
    let app = app.restart().await;
    let anna = app.again(&anna);
    create(&anna, all_scopes("in its place")).await;
    anna.post(TOKENS, all_scopes("one more")).await.expect_problem(409, "too-many-tokens");
    assert_eq!(listed(&anna).await.len(), 100);
    verified(&app);
}

#[tokio::test]
async fn the_last_use_is_listed_and_outlives_a_restart_and_the_read_models() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let shop = create(&anna, json!({"name": "shop", "scopes": ["read"]})).await;
    create(&anna, all_scopes("idle")).await;
    assert!(listed(&anna).await.iter().all(|token| token["last_used_at"].is_null()));
    let before = now();
    backend(&app, &anna, &shop).get("/v1/me").await.expect_status(200);
    let used = listed(&anna).await[1]["last_used_at"].clone();
    let at = Timestamp::parse(used.as_str().expect("it was used")).unwrap();
    assert!(at >= before && at <= now());
    assert_eq!(listed(&anna).await[0]["last_used_at"], Value::Null);
    // Also what was refused is a use: somebody has the token.
    backend(&app, &anna, &shop).get(TOKENS).await.expect_problem(403, "session-required");
    let later = listed(&anna).await[1]["last_used_at"].clone();
    assert!(later.as_str() > used.as_str());
    let app = app.restart_after(|data| std::fs::remove_dir_all(data.join("read-models")).unwrap()).await;
    assert_eq!(listed(&app.again(&anna)).await[1]["last_used_at"], later);
}

#[tokio::test]
async fn only_who_ends_tokens_ends_tokens() {
    let app = TestApp::start().await;
    let mut anna = app.user("Anna").await;
    let shop = backend(&app, &anna, &create(&anna, all_scopes("shop")).await);
    let other = backend(&app, &app.user("Boris").await, &create(&app.user("Vera").await, all_scopes("hers")).await);
    anna.delete("/v1/me/sessions").await.expect_status(200);
    let change = json!({"old_password": anna.password(), "new_password": "another long passphrase"});
    anna.put("/v1/me/password", change).await.expect_status(200);
    shop.send(Method::POST, "/v1/auth/logout", None, &[]).await.expect_status(200);
    shop.get("/v1/me").await.expect_status(200);
    assert_eq!(listed(&anna).await.len(), 1);

    // As `letopis users end-sessions` does it.
    let user_id = UserId(id::parse_uuid(&anna.user_id).unwrap());
    let request = Request::by_operator(Command::User(user_id, user::Command::LockOut), now());
    app.node.writer.send(request).await.unwrap();
    shop.get("/v1/me").await.expect_problem(401, "invalid-session-id");
    anna.get("/v1/me").await.expect_problem(401, "invalid-session-id");
    other.get("/v1/me").await.expect_status(200);
    anna.log_in_with("Anna", "another long passphrase").await.expect_status(200);
    assert_eq!(listed(&anna).await, Vec::<Value>::new());
    verified(&app);
}

#[tokio::test]
async fn the_tokens_of_who_is_erased_are_refused() {
    let app = TestApp::start().await;
    if !app.is_embedded() {
        return;
    }
    let anna = app.user("Anna").await;
    let shop = create(&anna, all_scopes("xylograph press")).await;
    let backend = backend(&app, &anna, &shop);
    // It is in the read model, and not only on its way there.
    anna.get("/v1/me/tokens").await.expect_status(200);
    let held = holding(&app.data(), b"xylograph press");
    assert!(!held.is_empty(), "there is something to be forgotten");
    let erase = json!({"password": anna.password()});
    backend.send(Method::DELETE, "/v1/me", Some(erase.clone()), &[]).await.expect_problem(403, "session-required");
    anna.send(Method::DELETE, "/v1/me", Some(erase), &[]).await.expect_status(200);
    backend.get("/v1/me").await.expect_problem(401, "invalid-session-id");
    backend.post("/v1/chats", json!({"chat_name": "garden"})).await.expect_problem(401, "invalid-session-id");
    assert_eq!(holding(&app.data(), b"xylograph press"), Vec::<PathBuf>::new());
    verified(&app);
    let app = app.restart().await;
    app.again(&backend).get("/v1/me").await.expect_problem(401, "invalid-session-id");
}

#[tokio::test]
async fn what_is_not_well_formed_is_told_where() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let long = "a".repeat(65);
    let read = json!(["read"]);
    let cases = [
        (json!({"name": "", "scopes": read}), "/name", "must have 1 to 64 characters"),
        (json!({"name": long, "scopes": read}), "/name", "must have 1 to 64 characters"),
        (json!({"name": "\u{200b}", "scopes": read}), "/name", ""),
        (json!({"scopes": read}), "/name", "is required"),
        (json!({"name": "shop"}), "/scopes", "is required"),
        (json!({"name": "shop", "scopes": []}), "/scopes", "must name at least one of read, write and notify"),
        (json!({"name": "shop", "scopes": "read"}), "/scopes", "must be a JSON array"),
        (json!({"name": "shop", "scopes": ["read", 5]}), "/scopes/1", "must be a string"),
        (json!({"name": "shop", "scopes": ["read", "admin"]}), "/scopes/1", "must be read, write or notify"),
        (json!({"name": "shop", "scopes": ["Read"]}), "/scopes/0", "must be read, write or notify"),
        (json!({"name": "shop", "scopes": ["read", "write", "read"]}), "/scopes/2", "is there twice"),
        (json!({"name": "shop", "scopes": read, "expires_in": 59}), "/expires_in", "from 60 to 315360000"),
        (json!({"name": "shop", "scopes": read, "expires_in": 315_360_001}), "/expires_in", "from 60 to 315360000"),
        (json!({"name": "shop", "scopes": read, "expires_in": 9_999_999_999_u64}), "/expires_in", "whole number"),
        (json!({"name": "shop", "scopes": read, "expires_in": -60}), "/expires_in", "must be a whole number"),
        (json!({"name": "shop", "scopes": read, "expires_in": 60.5}), "/expires_in", "must be a whole number"),
        (json!({"name": "shop", "scopes": read, "expires_in": "7d"}), "/expires_in", "must be a whole number"),
        (json!({"name": "shop", "scopes": read, "expires_at": "2030"}), "/expires_at", "is not known here"),
    ];
    for (body, pointer, detail) in cases {
        let refused = anna.post(TOKENS, body).await.expect_problem(400, "bad-parameters");
        assert_eq!(refused.pointers(), [pointer], "{}", refused.text);
        assert!(refused.body["detail"].as_str().unwrap().contains(detail), "{}", refused.text);
    }
    assert_eq!(listed(&anna).await, Vec::<Value>::new());
    anna.post(TOKENS, json!({"name": "shop", "scopes": read, "expires_in": null})).await.expect_status(201);
}

#[tokio::test]
async fn an_export_names_tokens_and_tells_none() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let shop = create(&anna, all_scopes("the shop")).await;
    let gone = create(&anna, all_scopes("the old shop")).await;
    anna.delete(&format!("{TOKENS}/{}", gone.id("id"))).await.expect_status(200);
    let export = anna.get("/v1/me/export").await.expect_status(200).text;
    let lines = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    let tokens = lines.iter().filter(|line| line["kind"] == "token").collect::<Vec<_>>();
    assert_eq!(tokens.len(), 1);
    assert_eq!((&tokens[0]["name"], &tokens[0]["id"]), (&json!("the shop"), &shop.body["id"]));
    let facts = lines.iter().filter(|line| line["type"] == "token.created.v1").collect::<Vec<_>>();
    assert_eq!(facts.iter().map(|fact| &fact["personal"]).collect::<Vec<_>>(), ["the shop", "the old shop"]);
    assert!(lines.iter().any(|line| line["type"] == "token.revoked.v1"));
    for text in [shop.id("token"), gone.id("token")] {
        let hash = id::hex(&Sha256::digest(text.as_bytes()));
        assert!(!export.contains(&text["letopis_".len()..]) && !export.contains(&hash));
    }
}
