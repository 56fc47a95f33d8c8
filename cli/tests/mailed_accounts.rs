//! Accounts by mail from end to end: the built binary mails, and what it mailed is used.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, Server};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ANNAS: &str = "anna@example.org";
const PASSWORD: &str = "a long enough passphrase";
/// How long a mail may take here.
const MAIL_WITHIN: Duration = Duration::from_secs(30);

/// A program that uses the server.
struct Caller {
    client: Client,
    url: String,
    session: Option<String>,
}

impl Caller {
    fn of(server: &Server) -> Caller {
        Caller { client: Client::new(), url: server.url.clone(), session: None }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let path = path.strip_prefix(&self.url).unwrap_or(path);
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(session) = &self.session {
            request = request.bearer_auth(session);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// The mail to an address that makes it so many, as the dev mailbox shows it.
    async fn mail(&self, to: &str, number: usize) -> Value {
        let began = Instant::now();
        loop {
            let (_, list) = self.ask(Method::GET, &format!("/mailbox/messages?to={to}"), None).await;
            let mails = list["messages"].as_array().cloned().unwrap_or_default();
            if mails.len() >= number {
                let id = mails[0]["id"].as_str().unwrap();
                return self.ask(Method::GET, &format!("/mailbox/messages/{id}"), None).await.1;
            }
            assert!(began.elapsed() < MAIL_WITHIN, "mail {number} to {to} does not come: {list}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The link in a mail that begins so.
fn link(mail: &Value, beginning: &str) -> String {
    let links = mail["links"].as_array().unwrap().iter().filter_map(Value::as_str);
    links.filter(|link| link.contains(beginning)).map(str::to_owned).next().unwrap_or_else(|| panic!("{mail}"))
}

/// The six digits in a mail.
fn code(mail: &Value) -> String {
    let text = mail["text"].as_str().unwrap();
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    let mut codes = words.filter(|word| word.len() == 6 && word.bytes().all(|digit| digit.is_ascii_digit()));
    codes.next().unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[test]
fn somebody_confirms_their_address_forgets_their_password_and_signs_in_by_a_code() {
    let place = Place::new();
    let server = place.serve();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut anna = Caller::of(&server);
        let account = json!({"user_name": "Anna", "password": PASSWORD, "email": ANNAS});
        assert_eq!(anna.post("/v1/auth/register", account).await.0, 201);
        let confirm = link(&anna.mail(ANNAS, 1).await, "/c/");
        assert_eq!(anna.ask(Method::GET, &confirm, None).await.0, 200);
        assert_eq!(anna.ask(Method::POST, &confirm, None).await.0, 200);
        assert_eq!(anna.ask(Method::POST, &confirm, None).await.0, 410);

        assert_eq!(anna.post("/v1/auth/password/forgot", json!({"email": ANNAS})).await.0, 202);
        let reset = link(&anna.mail(ANNAS, 2).await, "/r/");
        let token = reset.rsplit('/').next().unwrap();
        let new = json!({"token": token, "new_password": "another long passphrase"});
        assert_eq!(anna.post("/v1/auth/password/reset", new).await.0, 200);
        let told = anna.mail(ANNAS, 3).await;
        assert!(told["subject"].as_str().unwrap().to_lowercase().contains("password"), "{told}");

        assert_eq!(anna.post("/v1/auth/code", json!({"email": ANNAS})).await.0, 202);
        let mail = anna.mail(ANNAS, 4).await;
        let (status, session) = anna.post("/v1/auth/code/verify", json!({"email": ANNAS, "code": code(&mail)})).await;
        assert_eq!(status, 200, "{session}");
        anna.session = Some(session["session_id"].as_str().unwrap().to_owned());
        let me = anna.ask(Method::GET, "/v1/me", None).await.1;
        assert_eq!((&me["email"], &me["email_confirmed"]), (&json!(ANNAS), &json!(true)));

        let boris = json!({"user_name": "Boris", "password": PASSWORD, "email": ANNAS});
        assert_eq!(Caller::of(&server).post("/v1/auth/register", boris).await.0, 201);
        let warned = anna.mail(ANNAS, 5).await;
        assert!(
            warned["links"].as_array().unwrap().iter().all(|link| !link.as_str().unwrap().contains("/c/")),
            "{warned}"
        );
    });
    assert_eq!(server.stop(), 0);
}

#[test]
fn an_address_opens_an_account_and_the_page_for_passwords_is_the_products_own() {
    let place = Place::new()
        .with("LETOPIS_SIGN_UP_BY_MAIL", "on")
        .with("LETOPIS_PRODUCT_NAME", "Garden & Co")
        .with("LETOPIS_RESET_URL", "https://chat.example/reset?from=mail");
    let server = place.serve();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut vera = Caller::of(&server);
        assert_eq!(vera.post("/v1/auth/code", json!({"email": ANNAS})).await.0, 202);
        let mail = vera.mail(ANNAS, 1).await;
        assert!(mail["text"].as_str().unwrap().contains("Garden & Co"), "{mail}");
        let sign_in = link(&mail, "/m/");
        assert_eq!(vera.ask(Method::GET, &sign_in, None).await.0, 200);
        let (status, session) = vera.ask(Method::POST, &sign_in, None).await;
        assert_eq!(status, 200, "{session}");
        vera.session = Some(session["session_id"].as_str().unwrap().to_owned());
        assert_eq!(vera.ask(Method::PATCH, "/v1/me", Some(json!({"user_name": "Vera"}))).await.0, 200);
        assert_eq!(vera.post("/v1/auth/password/forgot", json!({"email": ANNAS})).await.0, 202);
        let reset = link(&vera.mail(ANNAS, 2).await, "chat.example");
        let token = reset.strip_prefix("https://chat.example/reset?from=mail&token=").unwrap();
        let new = json!({"token": token, "new_password": "another long passphrase"});
        assert_eq!(vera.post("/v1/auth/password/reset", new).await.0, 200);
    });
    assert_eq!(server.log_in("Vera", "another long passphrase").0, 200);
    assert_eq!(server.stop(), 0);
}

/// Whoever restores a backup does not mail people a second time what the log that it is of has mailed them.
#[test]
fn a_copy_of_a_log_mails_nobody_until_it_is_armed_and_then_only_what_is_new() {
    let place = Place::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let account = |name: &str, email: &str| json!({"user_name": name, "password": PASSWORD, "email": email});
    let server = place.serve();
    runtime.block_on(async {
        let anna = Caller::of(&server);
        assert_eq!(anna.post("/v1/auth/register", account("Anna", ANNAS)).await.0, 201);
        anna.mail(ANNAS, 1).await;
    });
    assert_eq!(server.stop(), 0);
    place.run(&["backup", "backup"]).ok();
    let key = place.data().join("master.key").display().to_string();
    let restored = place.run(&["--data", "copy", "restore", "backup", "--master-key", &key]).ok();
    assert!(restored.err.contains("letopis notifications arm"), "{}", restored.err);

    let server = place.start_quietly(place.command(&["serve", "--listen", "127.0.0.1:0", "--data", "copy"])).unwrap();
    runtime.block_on(async {
        let boris = Caller::of(&server);
        assert_eq!(boris.post("/v1/auth/register", account("Boris", "boris@example.org")).await.0, 201);
        let began = Instant::now();
        while !place.said().contains("letopis notifications arm") {
            assert!(began.elapsed() < MAIL_WITHIN, "{}", place.said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(boris.ask(Method::GET, "/mailbox/messages", None).await.1["messages"], json!([]));
        let armed = place.run(&["--data", "copy", "notifications", "arm", "-o", "json"]).ok().json();
        assert_eq!(armed["armed"], true);
        boris.mail("boris@example.org", 1).await;
        let all = boris.ask(Method::GET, "/mailbox/messages", None).await.1;
        assert_eq!(all["messages"].as_array().unwrap().len(), 1, "what was mailed before is not mailed again: {all}");
    });
    assert_eq!(server.stop(), 0);
}
