//! The event webhook of SendGrid: what it may change, and who may call it.

use api::Settings;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use commands::Request;
use couriers::channel::sendgrid::EventKey;
use domain::delivery::{self, Attempt, Content, Details, EndAttempt, Ended};
use domain::notify::{CategoryKey, Channel, Kind, Semantics};
use domain::{Command, DeliveryId, NotificationId, UserId};
use reqwest::Method;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use store::now;
use testkit::{Reply, TestApp};
use uuid::Uuid;

const PATH: &str = "/v1/webhooks/sendgrid";
/// What a public key of P-256 begins with.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

struct Sender(EcdsaKeyPair);

impl Sender {
    fn new() -> Sender {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        Sender(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, made.as_ref(), &random).unwrap())
    }

    fn key(&self) -> EventKey {
        EventKey::parse(&BASE64_STANDARD.encode([&P256, self.0.public_key().as_ref()].concat())).unwrap()
    }

    async fn tell(&self, app: &TestApp, seconds_ago: i64, body: &str) -> Reply {
        let timestamp = (now().0 / 1_000_000 - seconds_ago).to_string();
        let signature = self.0.sign(&SystemRandom::new(), format!("{timestamp}{body}").as_bytes()).unwrap();
        let signature = BASE64_STANDARD.encode(signature);
        let headers = [
            ("x-twilio-email-event-webhook-signature", signature.as_str()),
            ("x-twilio-email-event-webhook-timestamp", timestamp.as_str()),
            ("content-type", "application/json"),
        ];
        app.anonymous().raw(Method::POST, PATH, Some(body.to_owned()), &headers).await
    }
}

/// A delivery that SendGrid has accepted.
async fn accepted(app: &TestApp, user_id: UserId) -> DeliveryId {
    let id = DeliveryId(Uuid::now_v7());
    let at = now();
    let request = delivery::Request {
        user_id,
        channel: Channel::Email,
        category: CategoryKey::TRANSACTIONAL,
        kind: Kind::Transactional,
        semantics: Semantics::AtLeastOnce,
        content: Content::Plain,
        due_at: at,
        late_because: String::new(),
        expires_at: at.plus_seconds(3600),
        notification_id: NotificationId(Uuid::now_v7()),
        cause: None,
        details: Details::default(),
        suppressed: None,
        before_sign_up: false,
    };
    let attempt = Attempt { provider: "api.sendgrid.com".to_owned(), node: "a".to_owned(), epoch: 1, mailing: None };
    let ended = EndAttempt { attempt: 1, end: Ended::Accepted { provider_id: None, detail: String::new() } };
    for command in [
        delivery::Command::Request(Box::new(request)),
        delivery::Command::Attempt(attempt),
        delivery::Command::EndAttempt(ended),
    ] {
        app.node.writer.send(Request::by_operator(Command::Delivery(id, command), now())).await.unwrap();
    }
    id
}

/// How many events the delivery has, and the stored name of the last one.
fn stream(app: &TestApp, id: DeliveryId) -> (usize, String) {
    let filter = store::Filter { stream: Some(format!("delivery-{id}")), ..store::Filter::default() };
    let records = app.node.log.read_filtered(&filter, 100).unwrap();
    (records.len(), records.last().map(|record| record.payload.clone()).unwrap_or_default())
}

async fn start(sender: &Sender) -> TestApp {
    TestApp::start_with(Settings { sendgrid_event_key: Some(sender.key()), ..TestApp::settings() }).await
}

#[tokio::test]
async fn what_became_of_a_mail_is_written_down_once() {
    let sender = Sender::new();
    let app = start(&sender).await;
    let anna = app.user("Anna").await;
    let id = accepted(&app, UserId(anna.user_id.parse().unwrap())).await;
    let (before, _) = stream(&app, id);
    let list = format!(
        r#"[{{"event":"processed","sg_event_id":"a","delivery_id":"{id}"}},
            {{"event":"delivered","sg_event_id":"b","delivery_id":"{id}","email":"anna@example.org"}},
            {{"event":"delivered","sg_event_id":"c","delivery_id":"01890000-0000-7000-8000-000000000001"}}]"#
    );
    for _ in 0..3 {
        let taken = sender.tell(&app, 0, &list).await.expect_status(200).body;
        assert_eq!(taken["events"], 2);
        let (events, last) = stream(&app, id);
        assert_eq!(events, before + 1);
        assert!(last.contains("delivered") && !last.contains("anna@"), "{last}");
    }
    let bounced = format!(
        r#"[{{"event":"bounce","sg_event_id":"d","delivery_id":"{id}","status":"5.1.1",
            "email":"anna@example.org"}}]"#
    );
    sender.tell(&app, 0, &bounced).await.expect_status(200);
    let (events, last) = stream(&app, id);
    assert_eq!(events, before + 2);
    assert!(last.contains("bounced") && last.contains("5.1.1"), "{last}");
    node::operations::users::set_role(&app.node, "Anna", domain::user::Role::Notifier).await.unwrap();
    let suppressed = anna.get("/v1/suppressions/anna@example.org").await.expect_status(200).body;
    assert_eq!(suppressed["cause"], "hard-bounce");
    // Whoever takes it off the list is not contradicted by the same event once more.
    anna.delete("/v1/suppressions/anna@example.org").await.expect_status(200);
    sender.tell(&app, 0, &bounced).await.expect_status(200);
    anna.get("/v1/suppressions/anna@example.org").await.expect_problem(404, "suppression-not-found");
    // The first list once more, late: it says nothing new of what came after it.
    sender.tell(&app, 0, &list).await.expect_status(200);
    assert_eq!(stream(&app, id).0, before + 2);
}

#[tokio::test]
async fn only_what_sendgrid_signed_lately_is_taken() {
    let (sender, stranger) = (Sender::new(), Sender::new());
    let app = start(&sender).await;
    stranger.tell(&app, 0, "[]").await.expect_problem(403, "bad-signature");
    sender.tell(&app, 601, "[]").await.expect_problem(403, "bad-signature");
    sender.tell(&app, -700, "[]").await.expect_problem(403, "bad-signature");
    app.anonymous().raw(Method::POST, PATH, Some("[]".to_owned()), &[]).await.expect_problem(403, "bad-signature");
    sender.tell(&app, 0, "{}").await.expect_problem(400, "bad-parameters");
    let long = format!("[{}]", " ".repeat(900_000));
    sender.tell(&app, 0, &long).await.expect_status(200);
    sender.tell(&app, 0, &" ".repeat(1024 * 1024 + 1)).await.expect_problem(413, "body-too-large");
    let without = TestApp::start().await;
    sender.tell(&without, 0, "[]").await.expect_problem(404, "not-found");
}
