//! Callers who ask more often than they may.

use api::{Rate, Rates, Settings};
use reqwest::Method;
use serde_json::json;
use testkit::{Actor, Reply, TestApp};

fn rate(text: &str) -> Rate {
    text.parse().expect("a rate")
}

/// Nothing comes again while a story runs.
fn rates() -> Rates {
    Rates { caller: rate("1/h:5"), address: rate("1/h:50"), sign_in: rate("1/h:50") }
}

async fn start(rates: Rates) -> TestApp {
    let trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
    TestApp::start_with(Settings { rates: Some(rates), trusted_proxies, ..TestApp::settings() }).await
}

/// What a limit says of itself.
fn told(reply: &Reply) -> (&str, &str) {
    (reply.header("ratelimit"), reply.header("ratelimit-policy"))
}

async fn from(actor: &Actor, address: &str, path: &str) -> Reply {
    actor.send(Method::GET, path, None, &[("x-forwarded-for", address)]).await
}

async fn logging_in(actor: &Actor, address: &str, name: &str) -> Reply {
    let body = json!({"user_name": name, "password": "not the password"});
    actor.send(Method::POST, "/v1/auth/login", Some(body), &[("x-forwarded-for", address)]).await
}

#[tokio::test]
async fn a_session_has_a_bucket_of_its_own_and_is_told_what_is_left() {
    let app = start(rates()).await;
    let (anna, boris) = (app.user("anna").await, app.user("boris").await);
    for left in (0..5).rev() {
        let reply = anna.get("/v1/me").await.expect_status(200);
        assert_eq!(told(&reply), (&*format!("\"caller\";r={left};t={}", (5 - left) * 3_600), "\"caller\";q=5;w=18000"));
    }
    let refused = anna.get("/v1/me").await.expect_problem(429, "request-limit-exceeded");
    // It counts as well, and it is two tokens until the next is admitted.
    assert_eq!(refused.header("retry-after"), "7200");
    assert_eq!(told(&refused).0, "\"caller\";r=0;t=21600");
    boris.get("/v1/me").await.expect_status(200);
    // A service token is a caller like any other.
    let mut token = app.anonymous();
    let body = json!({"name": "backend", "scopes": ["read"]});
    token.token = Some(boris.post("/v1/me/tokens", body).await.expect_status(201).id("token"));
    let by_token = token.get("/v1/me").await.expect_status(200);
    assert!(told(&by_token).0.starts_with("\"caller\";r=4;"), "{:?}", told(&by_token));
}

#[tokio::test]
async fn however_long_a_flood_lasts_it_owes_one_burst() {
    let app = start(rates()).await;
    let anna = app.user("anna").await;
    for _ in 0..100 {
        anna.get("/v1/me").await;
    }
    let refused = anna.get("/v1/me").await.expect_problem(429, "request-limit-exceeded");
    assert_eq!(refused.header("retry-after"), (6 * 3_600).to_string());
}

#[tokio::test]
async fn what_has_no_credentials_that_are_good_counts_to_its_address() {
    let app = start(Rates { address: rate("1/h:4"), ..rates() }).await;
    let nobody = app.anonymous();
    let mut invented = app.anonymous();
    let reply = from(&nobody, "192.0.2.1", "/v1/me").await.expect_status(401);
    assert_eq!(told(&reply), ("\"address\";r=3;t=3600", "\"address\";q=4;w=14400"));
    invented.token = Some("invented-invented-invented-invented-invente".to_owned());
    from(&invented, "::ffff:192.0.2.1", "/v1/me").await.expect_status(401);
    // Neither an address that does not exist nor a body that cannot be read is free.
    from(&nobody, "192.0.2.1", "/v1/nowhere").await.expect_status(404);
    from(&nobody, "192.0.2.1", "/openapi.json").await.expect_status(200);
    from(&nobody, "192.0.2.1", "/v1/me").await.expect_problem(429, "request-limit-exceeded");
    invented.token = Some("another-another-another-another-another-ano".to_owned());
    from(&invented, "192.0.2.1", "/v1/me").await.expect_problem(429, "request-limit-exceeded");
    from(&nobody, "192.0.2.2", "/v1/me").await.expect_status(401);
    for path in ["/ping", "/livez", "/readyz", "/metrics"] {
        let free = from(&nobody, "192.0.2.1", path).await;
        assert!(free.status != 429 && told(&free) == ("", ""), "{path}");
    }
    // Whoever has a session is none the worse for what others do at their address.
    let anna = app.user("anna").await;
    from(&anna, "192.0.2.1", "/v1/me").await.expect_status(200);
}

#[tokio::test]
async fn a_network_of_ipv6_is_one_address_and_hearsay_is_none() {
    let app = start(Rates { address: rate("1/h:2"), ..rates() }).await;
    let nobody = app.anonymous();
    from(&nobody, "2001:db8:1:2::1", "/openapi.json").await.expect_status(200);
    from(&nobody, "2001:db8:1:2:ffff::7", "/openapi.json").await.expect_status(200);
    from(&nobody, "2001:db8:1:2::3", "/openapi.json").await.expect_status(429);
    from(&nobody, "2001:db8:1:3::1", "/openapi.json").await.expect_status(200);
    // What a caller writes to the left of what the proxy saw counts for nothing.
    from(&nobody, "198.51.100.1, 2001:db8:1:2::4", "/openapi.json").await.expect_status(429);
}

#[tokio::test]
async fn nobody_believes_an_address_that_no_proxy_of_ours_names() {
    let settings = Settings { rates: Some(Rates { address: rate("1/h:2"), ..rates() }), ..TestApp::settings() };
    let app = TestApp::start_with(settings).await;
    let nobody = app.anonymous();
    from(&nobody, "192.0.2.1", "/openapi.json").await.expect_status(200);
    from(&nobody, "192.0.2.2", "/openapi.json").await.expect_status(200);
    from(&nobody, "192.0.2.3", "/openapi.json").await.expect_status(429);
}

#[tokio::test]
async fn signing_in_counts_by_address_and_by_name() {
    let app = start(Rates { sign_in: rate("1/h:3"), ..rates() }).await;
    let nobody = app.anonymous();
    let first = logging_in(&nobody, "192.0.2.1", "Anna").await.expect_status(401);
    let both = "\"sign-in\";r=2;t=3600, \"sign-in-name\";r=2;t=3600";
    assert_eq!(told(&first), (both, "\"sign-in\";q=3;w=10800, \"sign-in-name\";q=3;w=10800"));
    for name in ["boris", "clara"] {
        logging_in(&nobody, "192.0.2.1", name).await.expect_status(401);
    }
    let of_address = logging_in(&nobody, "192.0.2.1", "dora").await.expect_problem(429, "request-limit-exceeded");
    assert_eq!(of_address.header("retry-after"), "7200");
    // From other addresses, by the same name however it is written, whether or not anybody has it.
    logging_in(&nobody, "192.0.2.2", " ANNA").await.expect_status(401);
    logging_in(&nobody, "192.0.2.3", "ａｎｎａ").await.expect_status(401);
    logging_in(&nobody, "192.0.2.4", "anna").await.expect_problem(429, "request-limit-exceeded");
    // Registering by that name is limited with it.
    let body = json!({"user_name": "anna", "password": "a long enough passphrase"});
    let by = [("x-forwarded-for", "192.0.2.5")];
    let refused = nobody.send(Method::POST, "/v1/auth/register", Some(body), &by).await;
    refused.expect_problem(429, "request-limit-exceeded");
}

#[tokio::test]
async fn asking_for_mail_counts_by_the_address_that_is_mailed() {
    let app = start(Rates { sign_in: rate("1/h:3"), ..rates() }).await;
    let nobody = app.anonymous();
    let ask = async |number: u8, path: &str, email: &str| {
        let by = [("x-forwarded-for", &*format!("192.0.2.{number}"))];
        nobody.send(Method::POST, path, Some(json!({"email": email})), &by).await
    };
    ask(1, "/v1/auth/code", "anna@example.org").await.expect_status(202);
    ask(2, "/v1/auth/password/forgot", "ANNA@example.org").await.expect_status(202);
    ask(3, "/v1/auth/code", "Anna@Example.org").await.expect_status(202);
    ask(4, "/v1/auth/password/forgot", "anna@example.org").await.expect_problem(429, "request-limit-exceeded");
    ask(5, "/v1/auth/code", "boris@example.org").await.expect_status(202);
}

#[tokio::test]
async fn every_answer_of_a_limited_route_says_what_is_left() {
    let app = start(Rates { caller: rate("1/h:500"), ..rates() }).await;
    let anna = app.user("anna").await;
    let long = "x".repeat(200 * 1024);
    let typed = [("content-type", "application/json")];
    let answers = [
        anna.raw(Method::POST, "/v1/chats", Some("{".to_owned()), &typed).await.expect_status(400),
        anna.raw(Method::POST, "/v1/chats", Some("{}".to_owned()), &[("content-type", "text/plain")])
            .await
            .expect_status(415),
        anna.raw(Method::POST, "/v1/chats", Some(long), &typed).await.expect_status(413),
        anna.send(Method::POST, "/v1/chats", Some(json!({})), &[("idempotency-key", "")]).await.expect_status(400),
        anna.send(Method::PUT, "/v1/chats", Some(json!({})), &[]).await.expect_status(405),
        anna.get("/v1/chats/0197c1a2-7d3e-7b6a-9c55-2f8e4c1d0a77").await.expect_status(404),
        anna.post("/v1/chats", json!({"chat_name": "a"})).await.expect_status(201),
    ];
    for (number, answer) in answers.iter().enumerate() {
        assert!(told(answer).0.starts_with(&format!("\"caller\";r={};", 499 - number)), "{number}: {:?}", told(answer));
    }
}

#[tokio::test]
async fn nothing_is_limited_where_limits_are_off() {
    let app = TestApp::start().await;
    for _ in 0..120 {
        let reply = app.anonymous().get("/openapi.json").await.expect_status(200);
        assert_eq!(told(&reply), ("", ""));
    }
}
