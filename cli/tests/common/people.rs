//! Many people with addresses, somebody who may write to them, and where the mail goes.

use super::Place;
use domain::id::EmailClaim;
use domain::text::{Email, UserName};
use domain::user::{ConfirmedEmail, EmailConfirmed, SignedUp, SignedUpAs};
use domain::{Event, Personal, Timestamp, UserId, user};
use serde_json::{Value, json};
use store::{Appender, Batch, NewEvent};
use uuid::Uuid;

const PASSWORD: &str = "a long enough passphrase";

/// Facts of people with confirmed addresses, as a server that has ended left them.
pub fn sign_up(appender: &mut Appender, count: u32) {
    let numbers = (1..=count).collect::<Vec<_>>();
    for some in numbers.chunks(500) {
        let at = Timestamp(1_700_000_000_000_000);
        let mut events = Vec::new();
        for number in some {
            let user_id = UserId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(*number)));
            let email = Email::parse(&format!("p{number}@example.org")).unwrap();
            let user_name = UserName::parse(&format!("person {number}")).unwrap();
            let personal = Personal::Known(SignedUpAs { user_name, email: Some(email.clone()) });
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&number.to_be_bytes());
            let confirmed = ConfirmedEmail { email, former: None };
            let facts = [
                user::Event::SignedUp(SignedUp { at, personal }),
                user::Event::EmailConfirmed(EmailConfirmed {
                    claim: EmailClaim(hash),
                    personal: Personal::Known(confirmed),
                }),
            ];
            let facts = facts.into_iter().zip(1..);
            events.extend(facts.map(|(event, version)| NewEvent {
                version,
                event: Event::User(user_id, event),
                meta: "{}".to_owned(),
            }));
        }
        appender.append(&Batch { at, events, ..Batch::default() }).unwrap();
    }
}

/// Somebody who may send mailings.
pub struct Nina {
    pub http: reqwest::Client,
    pub token: String,
}

impl Nina {
    pub fn created(place: &Place) {
        let password = place.file("password", PASSWORD);
        let create = ["users", "create", "nina", "--role", "notifier", "--password-file", &password];
        place.run(&create).ok();
    }

    pub async fn signed_in(url: &str) -> Nina {
        let http = reqwest::Client::new();
        let login = json!({"user_name": "nina", "password": PASSWORD});
        let answer = http.post(format!("{url}/v1/auth/login")).json(&login).send().await.unwrap();
        let answer = answer.json::<Value>().await.unwrap();
        Nina { http, token: answer["session_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned() }
    }

    pub async fn post(&self, url: &str, path: &str, body: Value) -> Value {
        let asked = self.http.post(format!("{url}{path}")).bearer_auth(&self.token).json(&body);
        let answer = asked.send().await.unwrap();
        let (status, body) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {body}");
        serde_json::from_str(&body).unwrap()
    }

    pub async fn get(&self, url: &str, path: &str) -> Value {
        let asked = self.http.get(format!("{url}{path}")).bearer_auth(&self.token);
        let answer = asked.send().await.unwrap();
        let (status, body) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {body}");
        serde_json::from_str(&body).unwrap()
    }
}

/// Mail goes to that server, as fast as it takes it.
pub fn through(smtp_url: &str, place: Place) -> Place {
    place
        .with("LETOPIS_SMTP_URL", smtp_url)
        .with("LETOPIS_MAIL_FROM", "news@example.org")
        .with("LETOPIS_MAIL_PER_SECOND_MAX", "10000")
}
