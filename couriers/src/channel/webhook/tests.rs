use super::*;
use crate::channel::http_sink::{HttpSink, Reply};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn data() -> WebhookData {
    WebhookData {
        delivery_id: Uuid::from_u128(7),
        notification_id: None,
        user_id: UserId(Uuid::from_u128(1)),
        category: "account".to_owned(),
        locale: "ru".to_owned(),
        title: "Привет".to_owned(),
        text: "…".to_owned(),
        html: None,
        link: None,
    }
}

fn webhook(url: &str) -> Webhook {
    let (url, allowed) = (Url::parse(url).unwrap(), Allowed::parse("127.0.0.1").unwrap());
    Webhook::new(&WebhookSettings { url, secret: WebhookSecret::parse(SECRET).unwrap(), allowed })
}

#[test]
fn a_signature_is_that_of_the_standard() {
    // The example of the specification.
    let secret = WebhookSecret::parse(SECRET).unwrap();
    let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", br#"{"test": 2432232314}"#);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    assert_eq!(format!("{secret:?}"), "WebhookSecret(…)");
    for bad in [
        "",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_",
        "whsec_c2hvcnQ=",
        "whsec_!!",
        &format!("whsec_{}", "QUJD".repeat(22)),
    ] {
        assert!(WebhookSecret::parse(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_request_carries_the_delivery_and_its_signature() {
    let sink = HttpSink::start(vec![Reply::Status(204)]).await;
    let requested_at = Timestamp(1_614_265_000_000_000);
    let end =
        webhook(&sink.url("/hook?token=s3cr3t")).send(&data(), requested_at, Timestamp(1_614_265_330_999_999)).await;
    assert!(matches!(end, AttemptEnd::Accepted { provider_id: None, .. }), "{end:?}");
    let request = sink.requests().await.remove(0);
    assert!(request.head.starts_with("POST /hook?token=s3cr3t HTTP/1.1\r\n"), "{}", request.head);
    let (id, timestamp) = (request.header("webhook-id"), request.header("webhook-timestamp"));
    assert_eq!((id, timestamp), (Uuid::from_u128(7).to_string().as_str(), "1614265330"));
    let signature = WebhookSecret::parse(SECRET).unwrap().sign(id, timestamp, request.body.as_bytes());
    assert_eq!(request.header("webhook-signature"), signature);
    let body = serde_json::from_str::<serde_json::Value>(&request.body).unwrap();
    assert_eq!((&body["type"], &body["data"]["title"]), (&"notification".into(), &"Привет".into()));
    assert_eq!((&body["timestamp"], body["data"].get("html")), (&"2021-02-25T14:56:40.000000Z".into(), None));
}

#[tokio::test]
async fn an_attempt_ends_as_its_answer_says() {
    for (reply, ends_as) in [
        (Reply::Status(200), "accepted"),
        (Reply::Status(302), "rejected"),
        (Reply::Status(410), "rejected"),
        (Reply::Status(429), "postponed"),
        (Reply::Status(503), "postponed"),
        (Reply::HangUp, "unknown"),
    ] {
        let sink = HttpSink::start(vec![reply]).await;
        let end = webhook(&sink.url("/")).send(&data(), Timestamp(0), Timestamp(0)).await;
        assert_eq!(ended(&end), ends_as, "{reply:?}: {end:?}");
    }
    let closed = HttpSink::closed().await;
    let end = webhook(&closed).send(&data(), Timestamp(0), Timestamp(0)).await;
    assert_eq!(ended(&end), "postponed", "{end:?}");
    let secret = WebhookSecret::parse(SECRET).unwrap();
    let url = Url::parse("https://169.254.169.254/s3cr3t").unwrap();
    let settings = WebhookSettings { url, secret, allowed: Allowed::default() };
    assert!(!format!("{settings:?}").contains("s3cr3t"));
    let end = Webhook::new(&settings).send(&data(), Timestamp(0), Timestamp(0)).await;
    assert_eq!(ended(&end), "postponed", "{end:?}");
    assert!(!format!("{end:?}").contains("s3cr3t"), "{end:?}");
}

fn ended(end: &AttemptEnd) -> &'static str {
    match end {
        AttemptEnd::Accepted { .. } => "accepted",
        AttemptEnd::Postponed(_) => "postponed",
        AttemptEnd::Rejected { .. } => "rejected",
        AttemptEnd::Unknown(_) => "unknown",
    }
}
