//! What the command line says of mail servers, without sending anything.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, Ran};
use serde_json::Value;
use servers::{Identity, SinkOptions, SmtpSink};
use std::sync::Arc;

/// What the doctor says of each mail server.
fn found(doctor: &Ran) -> Vec<Value> {
    doctor.json().as_array().unwrap().iter().filter(|check| check["check"] == "mail").cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_looks_at_each_and_sends_nothing() {
    let identity = Arc::new(Identity::make().unwrap());
    let login = Some(("PLAIN", "anna", "s3cr3t"));
    let options = SinkOptions { identity: Some(Arc::clone(&identity)), login, ..SinkOptions::default() };
    let (encrypted, plain) = (SmtpSink::start_with(options).await, SmtpSink::start().await);
    let first = encrypted.url("?tls=required").replace("localhost", "anna:s3cr3t@localhost");
    let urls = format!("{first},{}", plain.url(""));
    let (ran, distrusting, unread) = tokio::task::spawn_blocking(move || {
        let place = Place::new().with("LETOPIS_SMTP_URL", &urls).with("LETOPIS_MAIL_FROM", "chat@example.org");
        let authority = identity.authority().display().to_string();
        let distrusting = place.run(&["doctor", "-o", "json"]);
        let place = place.with("LETOPIS_SMTP_CA_FILE", &authority);
        let ran = place.run(&["doctor", "-o", "json"]);
        let place = place.with("LETOPIS_DKIM_KEY_FILE", &authority).with("LETOPIS_DKIM_SELECTOR", "mail2026");
        (ran, distrusting, place.run(&["doctor", "-o", "json"]))
    })
    .await
    .unwrap();
    let [first, second] = &found(&ran)[..] else { panic!("one for each: {}", ran.out) };
    assert_eq!((&first["state"], &second["state"]), (&"ok".into(), &"ok".into()), "{}", ran.out);
    assert!(first["found"].as_str().unwrap().contains("answers, encrypted"), "{first}");
    assert!(second["found"].as_str().unwrap().contains("answers, not encrypted"), "{second}");
    let [first, second] = &found(&distrusting)[..] else { panic!("one for each: {}", distrusting.out) };
    assert_eq!((&first["state"], &second["state"]), (&"warning".into(), &"ok".into()), "{}", distrusting.out);
    assert!(first.to_string().contains("LETOPIS_SMTP_CA_FILE"), "{first}");
    assert_eq!(found(&unread)[0]["state"], "problem", "{}", unread.out);
    for ran in [&ran, &distrusting, &unread] {
        assert!(!ran.out.contains("s3cr3t") && !ran.err.contains("s3cr3t"), "{}{}", ran.out, ran.err);
    }
    assert!(encrypted.received().is_empty() && plain.received().is_empty());
}

#[test]
fn an_address_is_shown_without_its_password() {
    let place = Place::new();
    let file = place.file("smtp-url", "smtp://anna:s3cr3t@mail.example.org\n");
    let place = place.with("LETOPIS_SMTP_URL_FILE", &file);
    let shown = place.run(&["config", "show"]).ok();
    assert!(shown.out.contains("********") && !shown.out.contains("s3cr3t"), "{}", shown.out);
    let wrong = Place::new().with("LETOPIS_SMTP_URL", "smtp://anna:s3cr3t@").run(&["config", "show"]);
    assert_eq!(wrong.code, 2);
    assert!(!wrong.err.contains("s3cr3t") && wrong.err.contains("smtp_url"), "{}", wrong.err);
}
