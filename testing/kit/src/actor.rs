//! Somebody who uses the server: stories are told by actors.

use crate::Contract;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

/// The password that every actor has.
const PASSWORD: &str = "a long enough passphrase";

/// Somebody who uses the server, with or without a session. Every answer that they get is checked against the
/// OpenAPI document.
#[derive(Clone)]
pub struct Actor {
    client: Client,
    url: String,
    contract: Arc<Contract>,
    /// Their session's token.
    pub token: Option<String>,
    /// Their account.
    pub user_id: String,
}

/// What the server answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The JSON body; null where there is none.
    pub body: Value,
    /// The body as it was sent.
    pub text: String,
}

impl Actor {
    pub(crate) fn new(url: String, contract: Arc<Contract>) -> Actor {
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        let client = client.expect("a client without TLS needs nothing from the machine");
        Actor { client, url, contract, token: None, user_id: String::new() }
    }

    /// Registers with the password that every actor has.
    pub async fn register(&mut self, name: &str) -> Reply {
        let reply = self.post("/v1/auth/register", json!({"user_name": name, "password": PASSWORD})).await;
        if let Some(id) = reply.body["user_id"].as_str() {
            self.user_id = id.to_owned();
        }
        reply
    }

    /// Logs in with the password that every actor has, and keeps the session.
    pub async fn log_in(&mut self, name: &str) -> Reply {
        self.log_in_with(name, PASSWORD).await
    }

    /// Logs in, and keeps the session.
    pub async fn log_in_with(&mut self, name: &str, password: &str) -> Reply {
        let reply = self.post("/v1/auth/login", json!({"user_name": name, "password": password})).await;
        if let Some(token) = reply.body["session_id"].as_str() {
            self.token = Some(token.to_owned());
            self.user_id = reply.body["user_id"].as_str().unwrap_or_default().to_owned();
        }
        reply
    }

    /// The password that every actor has.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Asks for a resource.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None, &[]).await
    }

    /// Posts a body.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(Method::POST, path, Some(body), &[]).await
    }

    /// Puts a body.
    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.send(Method::PUT, path, Some(body), &[]).await
    }

    /// Patches with a body.
    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send(Method::PATCH, path, Some(body), &[]).await
    }

    /// Deletes.
    pub async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None, &[]).await
    }

    /// Sends a request with a JSON body and further headers.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Reply {
        let body = body.map(|body| body.to_string());
        let json = [("content-type", "application/json")];
        let all = if body.is_some() { [&json[..], headers].concat() } else { headers.to_vec() };
        self.raw(method, path, body, &all).await
    }

    /// Sends a request with a body as it stands.
    pub async fn raw(&self, method: Method, path: &str, body: Option<String>, headers: &[(&str, &str)]) -> Reply {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("the body is text");
        let reply = Reply { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null), text };
        self.contract.check(&method, path, &reply);
        reply
    }

    /// Asks for what lasts; the answer's header is there.
    pub async fn stream(&self, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let mut request = self.client.get(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.expect("the server answers")
    }

    /// Every page of a list, by its cursors; `path` has a query already.
    pub async fn pages(&self, path: &str, noun: &str) -> Vec<Vec<Value>> {
        let (mut pages, mut from) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}{from}")).await.expect_status(200);
            pages.push(page.body[noun].as_array().expect("the list is there").clone());
            let Some(next) = page.next() else { return pages };
            from = format!("&from={next}");
        }
    }

    /// Creates a chat; its id.
    pub async fn chat(&self, name: &str) -> String {
        let reply = self.post("/v1/chats", json!({"chat_name": name})).await.expect_status(201);
        reply.id("chat_id")
    }

    /// Posts a message; its id.
    pub async fn say(&self, chat: &str, message: &str) -> String {
        let reply = self.post(&format!("/v1/chats/{chat}/messages"), json!({"message": message})).await;
        reply.expect_status(201).id("message_id")
    }

    /// Joins a chat under their own name.
    pub async fn join(&self, chat: &str) {
        self.post(&format!("/v1/chats/{chat}/users"), json!({})).await.expect_status(201);
    }
}

impl Reply {
    /// Fails the test unless it has this status.
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Reply {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// Fails the test unless it is a problem of this status and code.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Reply {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{}", self.text);
        self
    }

    /// An id in the body.
    #[track_caller]
    pub fn id(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.text)).to_owned()
    }

    /// The cursor of the next page, if there is one.
    pub fn next(&self) -> Option<String> {
        self.body["next"]["iterator"].as_str().map(str::to_owned)
    }

    /// Where in the body the fault is, by the problem's `errors`.
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map_or(&[][..], Vec::as_slice);
        errors.iter().filter_map(|error| error["pointer"].as_str()).collect()
    }

    /// A header's text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The log position in the header.
    #[track_caller]
    pub fn position(&self) -> u64 {
        self.header("letopis-position").parse().unwrap_or_else(|_| panic!("no position: {:?}", self.headers))
    }

    /// The texts of a page of messages.
    pub fn texts(&self) -> Vec<String> {
        let messages = self.body["messages"].as_array().cloned().unwrap_or_default();
        messages.iter().map(|message| message["text"].as_str().unwrap_or_default().to_owned()).collect()
    }
}
