//! Second factors of accounts, for an operator.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, Server};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use testkit::{Authenticator, Device};
use tokio::runtime::Runtime;

const PASSWORD: &str = "a long enough passphrase";

fn ask(server: &Server, method: Method, path: &str, session: Option<&str>, body: Value) -> (u16, Value) {
    Runtime::new().unwrap().block_on(async {
        let mut request = Client::new().request(method, format!("{}{path}", server.url));
        if let Some(session) = session {
            request = request.bearer_auth(session);
        }
        let answer = request.json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    })
}

/// Somebody with a session and a device.
fn with_device(server: &Server, name: &str) -> (String, Device) {
    let (status, answer) = server.log_in(name, PASSWORD);
    assert_eq!(status, 200, "{answer}");
    let session = answer["session_id"].as_str().unwrap().to_owned();
    let (_, begun) = ask(server, Method::POST, "/v1/me/totp", Some(&session), json!({"password": PASSWORD}));
    let device = Device::of(begun["secret"].as_str().unwrap());
    let code = json!({"code": device.code(0)});
    assert_eq!(ask(server, Method::POST, "/v1/me/totp/confirm", Some(&session), code).0, 200);
    (session, device)
}

#[test]
fn a_lost_factor_is_taken_away_with_and_without_a_server() {
    let place = Place::new();
    let password = place.file("password", PASSWORD);
    for name in ["anna", "boris"] {
        place.run(&["users", "create", name, "--password-file", &password]).ok();
    }
    let server = place.serve();
    let (annas, device) = with_device(&server, "anna");
    let (boriss, _) = with_device(&server, "boris");
    let listed = place.run(&["users", "factors", "anna", "ls", "-o", "json"]).ok();
    assert!(!listed.out.contains(&device.secret), "{}", listed.out);
    let row = listed.json()[0].clone();
    assert_eq!((&row["which"], &row["recovery_codes_left"]), (&json!("totp"), &json!(10)), "{row}");
    let begun = place.run(&["events", "ls", "--type", "totp.begun.v1", "--personal", "-o", "ndjson"]).ok();
    assert!(begun.out.contains("********") && !begun.out.contains(&device.secret), "{}", begun.out);
    assert_eq!(place.run(&["users", "factors", "anna", "rm", "nonsense"]).code, 3);
    assert_eq!(place.run(&["users", "factors", "nobody", "rm", "totp"]).code, 3);
    place.run(&["users", "factors", "anna", "rm", "totp"]).ok();
    assert_eq!(ask(&server, Method::GET, "/v1/me", Some(&annas), Value::Null).0, 401, "their sessions end");
    assert_eq!(ask(&server, Method::GET, "/v1/me", Some(&boriss), Value::Null).0, 200);
    let (_, answer) = server.log_in("anna", PASSWORD);
    let session = answer["session_id"].as_str().expect("no code is asked for");
    let told = || {
        let inbox = ask(&server, Method::GET, "/v1/inbox", Some(session), Value::Null).1;
        let titles = inbox["items"].as_array().cloned().unwrap_or_default();
        titles.iter().any(|one| one["title"] == "A second factor was removed from your account")
    };
    let began = std::time::Instant::now();
    while !told() {
        assert!(began.elapsed() < std::time::Duration::from_secs(30), "they are told");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(place.run(&["users", "factors", "anna", "rm", "totp"]).code, 3, "there is none any more");
    assert_eq!(server.stop(), 0);
    place.run(&["users", "factors", "boris", "rm", "totp"]).ok();
    assert_eq!(place.run(&["users", "factors", "boris", "ls", "-o", "json"]).ok().json(), json!([]));
    let removed = place.run(&["events", "ls", "--type", "totp.removed.v1", "-o", "ndjson"]).ok().lines();
    assert_eq!(removed.len(), 2);
    let server = place.serve();
    assert_eq!(ask(&server, Method::GET, "/v1/me", Some(&boriss), Value::Null).0, 401);
    assert_eq!(server.log_in("boris", PASSWORD).0, 200);
}

#[test]
fn a_lost_passkey_is_taken_away() {
    let place = Place::new();
    let password = place.file("password", PASSWORD);
    place.run(&["users", "create", "anna", "--password-file", &password]).ok();
    let server = place.serve();
    let (_, answer) = server.log_in("anna", PASSWORD);
    let session = answer["session_id"].as_str().unwrap();
    let asked = ask(&server, Method::POST, "/v1/me/passkeys/begin", Some(session), json!({"name": "yellow key"})).1;
    let (_, credential) = Authenticator::make(&asked["publicKey"], &server.url);
    let made = json!({"credential": credential});
    let (status, added) = ask(&server, Method::POST, "/v1/me/passkeys/finish", Some(session), made);
    assert_eq!(status, 201, "{added}");
    let row = place.run(&["users", "factors", "anna", "ls", "-o", "json"]).ok().json()[0].clone();
    assert_eq!((&row["kind"], &row["name"], &row["which"]), (&json!("passkey"), &json!("yellow key"), &added["id"]));
    place.run(&["users", "factors", "anna", "rm", row["which"].as_str().unwrap()]).ok();
    assert_eq!(ask(&server, Method::GET, "/v1/me", Some(session), Value::Null).0, 401, "their sessions end");
    assert_eq!(place.run(&["users", "factors", "anna", "rm", row["which"].as_str().unwrap()]).code, 3);
    assert_eq!(server.stop(), 0);
}
