use super::*;
use crate::channel::http_sink::{HttpSink, Reply};
use crate::mail::Sender;
use domain::Timestamp;
use uuid::Uuid;

fn mail() -> Mail {
    Mail {
        delivery_id: Uuid::from_u128(7),
        from: Sender::parse("Letopis <letopis@chat.example>").unwrap(),
        to: "anna@example.org".to_owned(),
        subject: "Подтвердите\r\nBcc: x".to_owned(),
        text: String::new(),
        html: Some("<p>x".to_owned()),
        category: "account".to_owned(),
        unsubscribe_url: Some("https://chat.example/u/x".to_owned()),
        locale: "ru".to_owned(),
        at: Timestamp(0),
    }
}

fn sendgrid(url: &str) -> Sendgrid {
    let (key, api) = (SendgridKey::parse("SG.s3cr3t").unwrap(), Url::parse(url).unwrap());
    Sendgrid::new(&SendgridSettings { key, api, allowed: Allowed::parse("127.0.0.1").unwrap() })
}

#[tokio::test]
async fn a_mail_is_handed_over_with_what_finds_it_again() {
    let sink = HttpSink::start(vec![Reply::Full(202, "X-Message-Id: abc", "")]).await;
    let end = sendgrid(&sink.url("/")).send(&mail(), &|| true).await.unwrap();
    let detail = "answered 202".to_owned();
    assert_eq!(end, AttemptEnd::Accepted { provider_id: Some("abc".to_owned()), detail });
    let request = sink.requests().await.remove(0);
    assert!(request.head.starts_with("POST /v3/mail/send HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.header("authorization"), "Bearer SG.s3cr3t");
    let body = serde_json::from_str::<Value>(&request.body).unwrap();
    let expected = json!({
        "personalizations": [{
            "to": [{"email": "anna@example.org"}],
            "custom_args": {"delivery_id": "00000000-0000-0000-0000-000000000007"},
        }],
        "from": {"email": "letopis@chat.example", "name": "Letopis"},
        "subject": "Подтвердите Bcc: x",
        "content": [{"type": "text/plain", "value": " "}, {"type": "text/html", "value": "<p>x"}],
        "headers": {
            "Message-ID": "<00000000-0000-0000-0000-000000000007@chat.example>",
            "Auto-Submitted": "auto-generated",
            "Content-Language": "ru",
            "List-Id": "<account.chat.example>",
            "Feedback-ID": "account:letopis",
            "X-Delivery-Id": "00000000-0000-0000-0000-000000000007",
            "List-Unsubscribe": "<https://chat.example/u/x>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        "categories": ["account"],
        "tracking_settings": {
            "click_tracking": {"enable": false, "enable_text": false},
            "open_tracking": {"enable": false},
            "subscription_tracking": {"enable": false},
        },
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn what_is_refused_says_whether_the_address_is_at_fault() {
    let blames =
        r#"{"errors": [{"message": "anna@example.org is no address", "field": "personalizations.0.to.0.email"}]}"#;
    let other = r#"{"errors": [{"message": "no such key", "field": null}]}"#;
    for (status, body, is_recipient) in [(400, blames, true), (401, other, false), (413, "", false)] {
        let sink = HttpSink::start(vec![Reply::Full(status, "x: y", body)]).await;
        let end = sendgrid(&sink.url("/")).send(&mail(), &|| true).await.unwrap();
        let AttemptEnd::Rejected { fault, address_at_fault } = &end else { panic!("{end:?}") };
        assert_eq!((fault.code, *address_at_fault), (Some(status), is_recipient));
        assert!(!format!("{end:?}").contains("anna@") && !format!("{end:?}").contains("s3cr3t"), "{end:?}");
    }
    for (reply, is_open) in [(Reply::Status(429), false), (Reply::Status(500), false), (Reply::HangUp, true)] {
        let sink = HttpSink::start(vec![reply]).await;
        match sendgrid(&sink.url("/")).send(&mail(), &|| true).await.unwrap() {
            AttemptEnd::Unknown(_) => assert!(is_open, "{reply:?}"),
            AttemptEnd::Postponed(_) => assert!(!is_open, "{reply:?}"),
            other @ (AttemptEnd::Accepted { .. } | AttemptEnd::Rejected { .. }) => panic!("{reply:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn nothing_is_sent_by_who_may_not_or_to_what_is_no_address() {
    let closed = sendgrid(&HttpSink::closed().await);
    let end = closed.send(&mail(), &|| false).await.unwrap();
    assert!(matches!(&end, AttemptEnd::Postponed(fault) if fault.phase == "lease"), "{end:?}");
    let nowhere = Mail { to: "nowhere".to_owned(), ..mail() };
    assert_eq!(closed.send(&nowhere, &|| true).await, Err(Unmailable::Recipient));
}

#[tokio::test]
async fn a_look_says_whether_the_key_may_send() {
    for (reply, found) in [
        (Reply::Full(200, "x: y", r#"{"scopes": ["alerts.read", "mail.send"]}"#), Ok("its key may send mail")),
        (Reply::Full(200, "x: y", r#"{"scopes": ["alerts.read"]}"#), Err("its key lacks the scope mail.send")),
        (Reply::Status(401), Err("it does not know the key")),
        (Reply::Status(503), Err("it answered 503")),
    ] {
        let sink = HttpSink::start(vec![reply]).await;
        let looked = sendgrid(&sink.url("/")).look().await;
        assert_eq!(looked, found.map(str::to_owned).map_err(str::to_owned));
        assert!(sink.requests().await[0].head.starts_with("GET /v3/scopes HTTP/1.1\r\n"));
    }
}

#[test]
fn a_key_is_not_shown_and_breaks_no_header() {
    assert_eq!(format!("{:?}", SendgridKey::parse("SG.s3cr3t").unwrap()), "SendgridKey(…)");
    for bad in ["", "a b", "a\r\nx: y", "é"] {
        assert!(SendgridKey::parse(bad).is_err(), "{bad:?}");
    }
}
