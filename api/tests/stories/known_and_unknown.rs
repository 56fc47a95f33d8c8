//! Every way in is the same for whom we know and for whom we do not: the same is answered, and the same work is done for it. How
//! long it takes follows from the work; `measure_known_and_unknown` measures it (`docs/performance.md`).

use super::mail::{facts, mail, with_address};
use super::strangers::told;
use domain::Event;
use domain::proof::Purpose;
use domain::user::Role;
use node::passwords::PasswordPolicy;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::{Actor, Authenticator, Reply, TestApp};

const ANNAS: &str = "anna@example.org";
/// Written behind the answer, which does not wait for it.
const BEHIND: &str = "user.sign_ins_failed.v1";

/// What a request costs, and what it is answered: all of it but for what is of this one request.
#[derive(Debug, PartialEq)]
struct Work {
    told: (u16, Vec<(String, String)>, Value),
    /// Password hashes that were computed.
    hashes: u64,
    /// Names of the facts that were appended before the answer.
    facts: Vec<&'static str>,
}

async fn work(app: &TestApp, asked: impl Future<Output = Reply>) -> Work {
    let (hashes, before) = (app.node.passwords.computed(), facts(app).len());
    let mut told = told(&asked.await);
    // A new account has an id of its own, and what was written for a request is one place further than what was before.
    for own in ["user_id", "position"] {
        if let Some(value) = told.2.get_mut(own).filter(|value| **value != json!(0)) {
            *value = Value::Null;
            told.1.retain(|(name, _)| !["letopis-position", "content-length"].contains(&name.as_str()));
        }
    }
    let after = facts(app);
    let names = after[before..].iter().map(Event::name).filter(|name| *name != BEHIND);
    // Who has an address is told that somebody wants it, in place of a link that confirms it.
    let names = names.map(|name| if name == "email.wanted.v1" { "proof.issued.v1" } else { name }).collect();
    Work { told, hashes: app.node.passwords.computed() - hashes, facts: names }
}

/// Asks the same of each; it is the same for all. Answers what it was.
async fn alike(app: &TestApp, path: &str, bodies: &[Value]) -> Work {
    alike_as(app, &app.anonymous(), Method::POST, path, bodies).await
}

async fn alike_as(app: &TestApp, actor: &Actor, method: Method, path: &str, bodies: &[Value]) -> Work {
    let mut all = Vec::new();
    for body in bodies {
        all.push(work(app, actor.send(method.clone(), path, Some(body.clone()), &[])).await);
    }
    let first = all.remove(0);
    for (other, body) in all.iter().zip(&bodies[1..]) {
        assert_eq!(*other, first, "{path} {body} beside {}", bodies[0]);
    }
    first
}

/// Anna, who has an address, a passkey and a second factor; Boris, who is suspended; Vera, who has not confirmed hers.
async fn house() -> TestApp {
    let app = TestApp::start().await;
    let admin = app.with_role("Root", Role::Admin).await;
    let anna = with_address(&app, "Anna", ANNAS).await;
    super::second_factors::with_device(&anna).await;
    let boris = with_address(&app, "Boris", "boris@example.org").await;
    admin.put(&format!("/v1/users/{}/suspension", boris.user_id), json!({"reason": "x"})).await.expect_status(200);
    let vera = json!({"user_name": "Vera", "password": admin.password(), "email": "vera@example.org"});
    app.anonymous().post("/v1/auth/register", vera).await.expect_status(201);
    let gone = app.user("Gone").await;
    gone.send(Method::DELETE, "/v1/me", Some(json!({"password": gone.password()})), &[]).await.expect_status(200);
    app
}

#[tokio::test]
async fn a_wrong_password_is_checked_by_one_hash_whoever_it_is_said_to_be_of() {
    let app = house().await;
    let names =
        ["nobody", "Anna", "Boris", "Vera", "Gone", ANNAS, "boris@example.org", "vera@example.org", "n@example.org"];
    // What is composed and decomposed is tried as both, of whomever.
    for (password, hashes) in [("a wrong guess", 1), ("cafe\u{301} cafe\u{301}", 2)] {
        let bodies = names.map(|name| json!({"user_name": name, "password": password}));
        let refused = alike(&app, "/v1/auth/login", &bodies).await;
        assert_eq!((refused.told.0, &refused.told.2["code"]), (401, &json!("bad-credentials")));
        assert_eq!((refused.hashes, refused.facts), (hashes, vec![]));
    }
}

#[tokio::test]
async fn a_code_a_link_and_a_reset_are_asked_for_alike() {
    let app = house().await;
    let addresses = ["nobody@example.org", ANNAS, "boris@example.org", "vera@example.org"];
    let bodies = addresses.map(|address| json!({"email": address}));
    for path in ["/v1/auth/code", "/v1/auth/password/forgot"] {
        let asked = alike(&app, path, &bodies).await;
        assert_eq!((asked.told.0, asked.hashes, asked.facts.last()), (202, 0, Some(&"proof.issued.v1")), "{path}");
        // Once more within a minute.
        alike(&app, path, &bodies).await;
    }
}

#[tokio::test]
async fn a_wrong_code_is_refused_alike() {
    let app = house().await;
    let of = |address: &str| json!({"email": address, "code": "000000"});
    // Before somebody has asked for one, and behind it, until it is spent.
    let bodies = ["nobody@example.org", ANNAS, "vera@example.org"].map(of);
    let refused = alike(&app, "/v1/auth/code/verify", &bodies).await;
    assert_eq!((refused.told.0, &refused.told.2["code"]), (401, &json!("bad-code")));
    let ask = ["nobody@example.org", ANNAS, "vera@example.org"].map(|address| json!({"email": address}));
    alike(&app, "/v1/auth/code", &ask).await;
    let code = mail(&app, Purpose::SignIn).code;
    assert_ne!(code, "000000", "one of a million");
    for tried in 1..=6 {
        let refused = alike(&app, "/v1/auth/code/verify", &bodies).await;
        assert_eq!((refused.told.0, &refused.told.2["code"], refused.hashes), (401, &json!("bad-code"), 0));
        assert_eq!(refused.facts.len(), usize::from(tried <= 5), "{tried} {refused:?}");
    }
}

#[tokio::test]
async fn made_up_links_tokens_and_challenges_are_refused_without_work() {
    let app = house().await;
    let nobody = app.anonymous();
    let reset = json!({"token": "A".repeat(43), "new_password": "another long passphrase"});
    let second = json!({"challenge": "A".repeat(43), "code": "123456"});
    for (path, body, status, code) in [
        ("/v1/auth/password/reset", Some(reset), 410, "link-expired"),
        ("/v1/auth/login/second", Some(second), 401, "bad-code"),
        (&format!("/m/{}", "A".repeat(43)), None, 410, "link-expired"),
        (&format!("/c/{}", "A".repeat(43)), None, 410, "link-expired"),
    ] {
        let refused = work(&app, nobody.send(Method::POST, path, body, &[])).await;
        assert_eq!((refused.told.0, &refused.told.2["code"]), (status, &json!(code)), "{path}");
        assert_eq!((refused.hashes, refused.facts), (0, vec![]), "{path}");
    }
}

/// What a device signs for what it is asked, as the key of that user handle.
async fn signed(app: &TestApp, device: &Authenticator, user_handle: &str) -> Value {
    let begun = app.anonymous().post("/v1/auth/passkey/begin", json!({})).await.expect_status(200);
    let mut credential = device.clone().sign(&begun.body["publicKey"]);
    credential["response"]["userHandle"] = json!(user_handle);
    json!({"credential": credential})
}

#[tokio::test]
async fn a_passkey_is_begun_and_refused_alike() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let begun = anna.post("/v1/me/passkeys/begin", json!({})).await.expect_status(200);
    let (_, credential) = Authenticator::make(&begun.body["publicKey"], &app.url);
    let handle = begun.body["publicKey"]["user"]["id"].as_str().unwrap().to_owned();
    anna.post("/v1/me/passkeys/finish", json!({"credential": credential})).await.expect_status(201);
    // The device says who: whom a begin names makes no difference to it.
    let names = [json!({}), json!({"user_name": "Anna"}), json!({"user_name": "nobody"})];
    let begin = alike(&app, "/v1/auth/passkey/begin", &names).await;
    assert_eq!((begin.told.0, begin.hashes, begin.facts), (200, 0, vec![]));
    // A key that is not hers, for her, for who has none, and for nobody.
    let begun = anna.post("/v1/me/passkeys/begin", json!({})).await.expect_status(200);
    let (stranger, _) = Authenticator::make(&begun.body["publicKey"], &app.url);
    let boris = app.user("Boris").await;
    let of_boris = boris.post("/v1/me/passkeys/begin", json!({})).await.expect_status(200);
    let of_boris = of_boris.body["publicKey"]["user"]["id"].as_str().unwrap().to_owned();
    let mut bodies = Vec::new();
    for handle in ["AAAAAAAAAAAAAAAAAAAAAA", &handle, &of_boris] {
        bodies.push(signed(&app, &stranger, handle).await);
    }
    let refused = alike(&app, "/v1/auth/passkey/finish", &bodies).await;
    assert_eq!((refused.told.0, &refused.told.2["code"]), (401, &json!("bad-passkey")));
    assert_eq!((refused.hashes, refused.facts), (0, vec![]));
}

#[tokio::test]
async fn an_address_that_somebody_has_is_taken_by_a_new_account_and_by_an_old_one_alike() {
    let app = house().await;
    let password = app.anonymous().password();
    let of = |name: &str, address: &str| json!({"user_name": name, "password": password, "email": address});
    let bodies = [of("one", "nobody@example.org"), of("two", ANNAS), of("three", "vera@example.org")];
    let opened = alike(&app, "/v1/auth/register", &bodies).await;
    assert_eq!((opened.told.0, opened.hashes), (201, 1), "{opened:?}");
    let mallory = app.user("Mallory").await;
    // Not the ones of before: an address gets one mail a minute.
    let bodies = ["other@example.org", "boris@example.org"].map(|address| json!({"email": address}));
    let asked = alike_as(&app, &mallory, Method::PUT, "/v1/me/email", &bodies).await;
    assert_eq!((asked.told.0, asked.hashes), (202, 0), "{asked:?}");
}

/// Requests of each kind, as many of whom we know as of whom we do not.
const MEASURED: usize = 100;

/// The median and the 95th of a hundred.
fn spread(mut took: Vec<Duration>) -> String {
    took.sort_unstable();
    let at = |hundredth: usize| took[took.len() * hundredth / 100].as_secs_f64() * 1000.0;
    format!("{:7.2} {:7.2}", at(50), at(95))
}

/// Times of whom we know beside those of whom we do not, in turns: `cargo nextest run --workspace --test stories --run-ignored only
/// -E 'test(measure_known_and_unknown)' --no-capture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures, and tests nothing"]
async fn measure_known_and_unknown() {
    let app = TestApp::start_hashing(PasswordPolicy::default()).await;
    let (mut handles, mut stranger) = (Vec::new(), None);
    for number in 0..MEASURED {
        let anna = with_address(&app, &format!("anna {number}"), &format!("anna{number}@example.org")).await;
        let begun = anna.post("/v1/me/passkeys/begin", json!({})).await.expect_status(200);
        let (device, _) = Authenticator::make(&begun.body["publicKey"], &app.url);
        handles.push(begun.body["publicKey"]["user"]["id"].as_str().unwrap().to_owned());
        stranger = Some(device);
    }
    let nobody = app.anonymous();
    let person = |known: bool, number: usize| format!("{}{number}", if known { "anna " } else { "nobody " });
    let address = |known: bool, number: usize| format!("{}@example.org", person(known, number).replace(' ', ""));
    let login = |name: String| json!({"user_name": name, "password": "a wrong guess"});
    println!("{:32} {:^15} {:^15}", "milliseconds, median and 95 %", "known", "unknown");
    for (way, path) in [
        ("wrong password of a name", "/v1/auth/login"),
        ("wrong password of an address", "/v1/auth/login"),
        ("a code asked for", "/v1/auth/code"),
        ("a wrong code", "/v1/auth/code/verify"),
        ("a reset asked for", "/v1/auth/password/forgot"),
        ("a passkey that is not theirs", "/v1/auth/passkey/finish"),
    ] {
        let mut took = [Vec::new(), Vec::new()];
        for (number, handle) in handles.iter().enumerate() {
            for known in [number % 2 == 0, number % 2 == 1] {
                let body = match way {
                    "wrong password of a name" => login(person(known, number)),
                    "wrong password of an address" => login(address(known, number)),
                    "a wrong code" => json!({"email": address(known, number), "code": "000000"}),
                    "a passkey that is not theirs" => {
                        let made_up = format!("{number:A>22}");
                        let handle = if known { handle } else { &made_up };
                        signed(&app, stranger.as_ref().unwrap(), handle).await
                    }
                    _ => json!({"email": address(known, number)}),
                };
                let began = Instant::now();
                nobody.post(path, body).await;
                took[usize::from(!known)].push(began.elapsed());
            }
        }
        let [known, unknown] = took.map(spread);
        println!("{way:32} {known} {unknown}");
    }
}
