//! The server's log: a line for each request, and nothing in it that a caller has written.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{Place, Server};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::process::Stdio;

const PASSWORD: &str = "a long enough passphrase";

fn start(place: &Place, listen: &str) -> Server {
    place.start_quietly(place.command(&["serve", "--listen", listen])).unwrap()
}

/// Sends requests, stops the server, and answers the lines of its log.
fn lines(place: &Place, server: Server, requests: impl AsyncFn(&dyn Fn(Method, &str) -> RequestBuilder)) -> Vec<Value> {
    let (client, url) = (Client::new(), server.url.clone());
    let request = move |method: Method, path: &str| client.request(method, format!("{url}{path}"));
    tokio::runtime::Runtime::new().unwrap().block_on(requests(&request));
    assert_eq!(server.stop(), 0);
    let said = place.said();
    said.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// The fields of the one line about a request with that id.
fn of(lines: &[Value], request_id: &str) -> Value {
    let is_it = |line: &&Value| line["fields"]["request_id"] == request_id;
    let mut found = lines.iter().filter(is_it);
    let line = found.next().unwrap_or_else(|| panic!("no line about {request_id}: {lines:#?}"));
    assert_eq!((&line["target"], &line["level"]), (&"api::request".into(), &"INFO".into()));
    assert!(found.next().is_none(), "two lines about {request_id}");
    assert!(line["fields"]["duration_ms"].as_f64() > Some(0.0), "{line}");
    line["fields"].clone()
}

#[test]
fn each_request_is_one_line_and_every_line_is_json() {
    let place = Place::new().with("LETOPIS_LOG", "info").with("LETOPIS_LOG_FORMAT", "json");
    let server = start(&place, "127.0.0.1:0");
    let lines = lines(&place, server, async |request| {
        let account = json!({"user_name": "Xenia", "password": PASSWORD});
        let register = request(Method::POST, "/v1/auth/register?secret=xylograph").header("x-request-id", "register");
        let registered = register.json(&account).send().await.unwrap().json::<Value>().await.unwrap();
        let log_in = request(Method::POST, "/v1/auth/login").header("x-request-id", "login").json(&account);
        let logged_in = log_in.send().await.unwrap().json::<Value>().await.unwrap();
        assert_eq!(logged_in["user_id"], registered["user_id"]);
        let token = logged_in["session_id"].as_str().unwrap();
        for (id, name) in [("wrong", "Xenia"), ("unknown", "Nobody")] {
            let wrong = json!({"user_name": name, "password": "xylograph press"});
            let sent = request(Method::POST, "/v1/auth/login").header("x-request-id", id).json(&wrong);
            assert_eq!(sent.send().await.unwrap().status(), 401);
        }
        let of_chat = "/v1/chats/01890000-0000-7000-8000-000000000001";
        let read = request(Method::GET, of_chat).header("x-request-id", "read").bearer_auth(token);
        assert_eq!(read.send().await.unwrap().status(), 404);
        let foreign = request(Method::POST, "/v1/chats").header("x-request-id", "foreign");
        let foreign =
            foreign.header("cookie", format!("__Host-letopis={token}")).header("origin", "https://Evil.example");
        assert_eq!(foreign.json(&json!({"chat_name": "xylograph"})).send().await.unwrap().status(), 403);
        let preflight = request(Method::OPTIONS, "/v1/chats").header("x-request-id", "preflight");
        let preflight =
            preflight.header("origin", "https://evil.example:8443").header("access-control-request-method", "POST");
        preflight.send().await.unwrap();
        let nowhere = request(Method::GET, "/xylograph").header("x-request-id", "nowhere");
        assert_eq!(nowhere.send().await.unwrap().status(), 404);
        // What the log says of it is told with the answer to the caller as well.
        let unnamed = request(Method::from_bytes(b"XYLOGRAPH").unwrap(), "/v1/chats").header("x-request-id", "method");
        unnamed.send().await.unwrap();
    });
    let login = of(&lines, "login");
    let user_id = login["user_id"].as_str().unwrap();
    for (id, route, status) in [("register", "/v1/auth/register", 201), ("login", "/v1/auth/login", 200)] {
        let fields = of(&lines, id);
        assert_eq!(
            (&fields["method"], &fields["route"], &fields["status"]),
            (&"POST".into(), &route.into(), &status.into())
        );
        assert!(fields.get("code").is_none() && fields.get("address").is_none(), "{fields}");
    }
    for (id, reason) in [("wrong", "the password is wrong"), ("unknown", "there is no such user")] {
        let fields = of(&lines, id);
        assert_eq!(
            (&fields["status"], &fields["code"], &fields["reason"]),
            (&401.into(), &"bad-credentials".into(), &reason.into())
        );
    }
    let read = of(&lines, "read");
    assert_eq!((&read["route"], &read["user_id"]), (&"/v1/chats/{chat_id}".into(), &user_id.into()));
    assert_eq!(read["code"], "chat-not-found");
    let foreign = of(&lines, "foreign");
    assert_eq!((&foreign["code"], &foreign["origin"]), (&"cross-site-request".into(), &"https://evil.example".into()));
    assert!(foreign["reason"].as_str().unwrap().contains("another origin"), "{foreign}");
    let preflight = of(&lines, "preflight");
    assert_eq!(preflight["origin"], "https://evil.example:8443");
    assert!(preflight["reason"].as_str().unwrap().contains("not among the allowed"), "{preflight}");
    assert!(of(&lines, "nowhere").get("route").is_none());
    assert_eq!(of(&lines, "method")["method"], "other");
    let said = place.said().to_lowercase();
    for private in ["xenia", "nobody", "xylograph", "passphrase", "127.0.0.1"] {
        assert!(!said.contains(private), "{private} is in the log: {said}");
    }
}

#[test]
fn addresses_are_in_the_log_where_they_are_wanted() {
    let place = Place::new().with("LETOPIS_LOG", "info").with("LETOPIS_LOG_FORMAT", "json");
    let place = place.with("LETOPIS_LOG_ADDRESSES", "on").with("LETOPIS_TRUSTED_PROXIES", "127.0.0.1");
    let server = start(&place, "127.0.0.1:0");
    let lines = lines(&place, server, async |request| {
        let near = request(Method::GET, "/ping").header("x-request-id", "near");
        near.send().await.unwrap();
        let far = request(Method::GET, "/ping").header("x-request-id", "far").header("x-forwarded-for", "203.0.113.9");
        far.send().await.unwrap();
    });
    assert_eq!(of(&lines, "near")["address"], "127.0.0.1");
    assert_eq!(of(&lines, "far")["address"], "203.0.113.9");
}

#[test]
fn requests_can_be_left_out_and_text_is_one_line_as_well() {
    for (levels, count) in [("info", 1), ("info,api::request=off", 0), ("warn", 0)] {
        let place = Place::new().with("LETOPIS_LOG", levels);
        let server = start(&place, "127.0.0.1:0");
        let url = format!("{}/ping?secret", server.url);
        tokio::runtime::Runtime::new().unwrap().block_on(async { reqwest::get(url).await.unwrap() });
        assert_eq!(server.stop(), 0);
        let said = place.said();
        let told = said
            .lines()
            .filter(|line| line.contains("api::request: answered method=\"GET\" route=\"/ping\" status=200 "));
        assert_eq!(told.count(), count, "{levels}: {said}");
        assert!(!said.contains("secret"), "{said}");
    }
}

#[test]
fn what_a_server_says_when_it_cannot_start_is_json_as_well() {
    let place = Place::new().with("LETOPIS_LOG_FORMAT", "json");
    let wrong = [("LETOPIS_LOG", "wran", "did you mean warn?"), ("LETOPIS_LISTEN", "256.0.0.1:1", "could not listen")];
    for (name, value, says) in wrong {
        let mut command = place.command(&["serve"]);
        let ended = command.env(name, value).stderr(Stdio::piped()).output().unwrap();
        assert!(!ended.status.success());
        let said = String::from_utf8(ended.stderr).unwrap();
        let parsed = |line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{said}"));
        let lines = said.lines().map(parsed).collect::<Vec<_>>();
        let last = lines.last().unwrap();
        assert_eq!(last["level"], "ERROR");
        assert!(last["fields"]["message"].as_str().unwrap().contains(says), "{said}");
    }
    // A verb is for whoever sits there.
    let told = place.run(&["users", "show", "nobody"]).err;
    assert!(told.starts_with("error: "), "{told}");
}
