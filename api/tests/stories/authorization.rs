//! Who may do what: every operation of the document, asked by everybody. An operation without a row fails.

use reqwest::Method;
use serde_json::Value;
use std::collections::BTreeSet;
use testkit::{Actor, TestApp};

/// Who asks. The author is a member who has posted the message that the row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Anonymous,
    Stranger,
    Muted,
    Member,
    Admin,
    Owner,
    Author,
}

const ROLES: [Role; 7] =
    [Role::Anonymous, Role::Stranger, Role::Muted, Role::Member, Role::Admin, Role::Owner, Role::Author];

/// Whose user or session the address or the body names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// It names none.
    Nobodys,
    /// The one's who asks; where nobody is logged in, somebody else's.
    Own,
    /// A plain member's; he has posted the message where who asks has not.
    Others,
}

struct Row {
    method: &'static str,
    path: &'static str,
    whose: Whose,
    body: &'static str,
    /// In the order of [`ROLES`].
    statuses: [u16; 7],
}

const fn row(method: &'static str, path: &'static str, whose: Whose, body: &'static str, statuses: [u16; 7]) -> Row {
    Row { method, path, whose, body, statuses }
}

use Whose::{Nobodys, Others, Own};

/// What anybody may ask.
const fn open(path: &'static str) -> Row {
    row("get", path, Nobodys, "", [200; 7])
}

/// What anybody with a session may do, about himself.
const fn mine(method: &'static str, path: &'static str, body: &'static str) -> Row {
    row(method, path, Own, body, [401, 200, 200, 200, 200, 200, 200])
}

const CHAT: &str = "/v1/chats/{chat_id}";
const USERS: &str = "/v1/chats/{chat_id}/users";
const ONE_USER: &str = "/v1/chats/{chat_id}/users/{user_id}";
const MESSAGES: &str = "/v1/chats/{chat_id}/messages";
const ONE_MESSAGE: &str = "/v1/chats/{chat_id}/messages/{message_id}";
const ONE_SESSION: &str = "/v1/me/sessions/{id}";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    open("/ping"),
    open("/ping_db"),
    open("/livez"),
    open("/readyz"),
    open("/metrics"),
    row("post", "/v1/auth/register", Nobodys, r#"{"user_name": "{fresh}", "password": "a long enough passphrase"}"#, [201; 7]),
    row("post", "/v1/auth/login", Nobodys, r#"{"user_name": "Vera", "password": "a long enough passphrase"}"#, [200; 7]),
    row("post", "/v1/auth/logout", Nobodys, "", [200; 7]),
    mine("get", "/v1/me", ""),
    mine("patch", "/v1/me", r#"{"locale": "ru"}"#),
    mine("delete", "/v1/me", r#"{"password": "a long enough passphrase"}"#),
    mine("get", "/v1/me/export", ""),
    mine("put", "/v1/me/password", r#"{"old_password": "a long enough passphrase", "new_password": "another long passphrase"}"#),
    mine("get", "/v1/me/sign-ins", ""),
    mine("get", "/v1/me/sessions", ""),
    mine("delete", "/v1/me/sessions", ""),
    mine("delete", ONE_SESSION, ""),
    row("delete", ONE_SESSION, Others, "", [401, 404, 404, 404, 404, 404, 404]),
    mine("get", "/v1/users", ""),
    mine("get", "/v1/chats", ""),
    row("post", "/v1/chats", Nobodys, r#"{"chat_name": "yard"}"#, [401, 201, 201, 201, 201, 201, 201]),
    //                                                                anon stra mute memb admi owne auth
    row("get", CHAT, Nobodys, "",                                    [401, 403, 200, 200, 200, 200, 200]),
    row("patch", CHAT, Nobodys, r#"{"chat_name": "yard"}"#,          [401, 403, 403, 403, 200, 200, 403]),
    row("patch", CHAT, Nobodys, r#"{"archived": true}"#,             [401, 403, 403, 403, 200, 200, 403]),
    row("delete", CHAT, Nobodys, "",                                 [401, 403, 403, 403, 403, 200, 403]),
    row("post", USERS, Nobodys, "{}",                                [401, 403, 200, 200, 200, 200, 200]),
    row("post", USERS, Others, r#"{"user_id": "{outsider}"}"#,       [401, 403, 403, 403, 201, 201, 403]),
    row("get", USERS, Nobodys, "",                                   [401, 403, 200, 200, 200, 200, 200]),
    row("patch", ONE_USER, Own, r#"{"role": "admin"}"#,              [401, 403, 403, 403, 403, 403, 403]),
    row("patch", ONE_USER, Others, r#"{"role": "muted"}"#,           [401, 403, 403, 403, 200, 200, 403]),
    row("patch", ONE_USER, Others, r#"{"role": "admin"}"#,           [401, 403, 403, 403, 403, 200, 403]),
    row("patch", ONE_USER, Others, r#"{"role": "owner"}"#,           [401, 403, 403, 403, 403, 200, 403]),
    row("delete", ONE_USER, Own, "",                                 [401, 403, 200, 200, 200, 409, 200]),
    row("delete", ONE_USER, Others, "",                              [401, 403, 403, 403, 200, 200, 403]),
    row("get", MESSAGES, Nobodys, "",                                [401, 403, 200, 200, 200, 200, 200]),
    row("post", MESSAGES, Nobodys, r#"{"message": "hello"}"#,        [401, 403, 403, 201, 201, 201, 201]),
    row("get", ONE_MESSAGE, Others, "",                              [401, 403, 200, 200, 200, 200, 200]),
    row("patch", ONE_MESSAGE, Others, r#"{"message": "changed"}"#,   [401, 403, 403, 403, 403, 403, 200]),
    row("delete", ONE_MESSAGE, Others, "",                           [401, 403, 403, 403, 200, 200, 200]),
];

#[test]
fn every_operation_has_a_row() {
    let document = serde_json::to_value(api::document()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = item
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| ["get", "post", "put", "patch", "delete"].contains(&key.as_str()));
        documented.extend(methods.map(|method| format!("{method} {path}")));
    }
    let tried = ROWS.iter().map(|row| format!("{} {}", row.method, row.path)).collect::<BTreeSet<_>>();
    let missing = documented.difference(&tried).collect::<Vec<_>>();
    assert!(missing.is_empty(), "say in the table above who may do these: {missing:?}");
    let gone = tried.difference(&documented).collect::<Vec<_>>();
    assert!(gone.is_empty(), "these are not in the document: {gone:?}");
}

#[tokio::test]
async fn everybody_may_do_what_the_table_says_and_nothing_else() {
    let app = TestApp::start().await;
    let house =
        House { founder: app.user("Boris").await, other: app.user("Vera").await, outsider: app.user("Galja").await };
    let mut wrong = Vec::new();
    for (number, row) in ROWS.iter().enumerate() {
        for (role, expected) in ROLES.into_iter().zip(row.statuses) {
            let answered = house.ask(&app, row, role, &format!("{role:?} {number}")).await;
            if answered != expected {
                let Row { method, path, whose, body, .. } = row;
                wrong.push(format!("{method} {path} ({whose:?}) {body}: {role:?} got {answered}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Who is there in every chat.
struct House {
    founder: Actor,
    other: Actor,
    outsider: Actor,
}

impl House {
    /// Lets somebody new of that role ask, about a private chat of his own; the status of the answer.
    async fn ask(&self, app: &TestApp, row: &Row, role: Role, name: &str) -> u16 {
        let asking = if role == Role::Anonymous { app.anonymous() } else { app.user(name).await };
        let owner = if role == Role::Owner { &asking } else { &self.founder };
        let chat = owner.post("/v1/chats", serde_json::json!({"chat_name": name, "private": true})).await.id("chat_id");
        add(owner, &chat, &self.other, "member").await;
        match role {
            Role::Anonymous | Role::Stranger | Role::Owner => {}
            Role::Member | Role::Author => add(owner, &chat, &asking, "member").await,
            Role::Muted => add(owner, &chat, &asking, "muted").await,
            Role::Admin => add(owner, &chat, &asking, "admin").await,
        }
        let author = if role == Role::Author { &asking } else { &self.other };
        let message = author.say(&chat, "hello").await;
        let named = if row.whose == Own && role != Role::Anonymous { &asking } else { &self.other };
        let path = row
            .path
            .replace("{chat_id}", &chat)
            .replace("{message_id}", &message)
            .replace("{user_id}", &named.user_id)
            .replace("{id}", &session(named).await);
        let body = row.body.replace("{fresh}", &format!("fresh {name}")).replace("{outsider}", &self.outsider.user_id);
        let body = Some(body).filter(|body| !body.is_empty()).map(|body| body.parse::<Value>().unwrap());
        let method = Method::from_bytes(row.method.to_uppercase().as_bytes()).unwrap();
        asking.send(method, &path, body, &[]).await.status.as_u16()
    }
}

async fn add(owner: &Actor, chat: &str, whom: &Actor, role: &str) {
    let path = format!("/v1/chats/{chat}/users");
    owner.post(&path, serde_json::json!({"user_id": whom.user_id})).await.expect_status(201);
    if role != "member" {
        let path = format!("{path}/{}", whom.user_id);
        owner.patch(&path, serde_json::json!({"role": role})).await.expect_status(200);
    }
}

/// The session that he asks by.
async fn session(whose: &Actor) -> String {
    let sessions = whose.get("/v1/me/sessions").await.expect_status(200).body["sessions"].clone();
    let current = sessions.as_array().unwrap().iter().find(|session| session["current"] == true);
    current.and_then(|session| session["id"].as_str()).expect("the session that asks is in the list").to_owned()
}
