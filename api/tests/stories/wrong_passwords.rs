//! Somebody who guesses passwords.

use api::{Rates, Settings};
use serde_json::json;
use testkit::{Actor, Reply, TestApp};

/// Limits are on, and none of them is met.
async fn start() -> TestApp {
    let wide = "1000/s:1000".parse().expect("a rate");
    let rates = Some(Rates { caller: wide, address: wide, sign_in: wide });
    TestApp::start_with(Settings { rates, ..TestApp::settings() }).await
}

async fn guess(actor: &Actor, name: &str) -> Reply {
    actor.post("/v1/auth/login", json!({"user_name": name, "password": "not the password"})).await
}

#[tokio::test]
async fn after_the_sixth_wrong_password_a_name_waits_whether_or_not_anybody_has_it() {
    let app = start().await;
    let mut anna = app.user("anna").await;
    let nobody = app.anonymous();
    for name in ["anna", "nobody at all"] {
        for _ in 0..6 {
            guess(&nobody, name).await.expect_problem(401, "bad-credentials");
        }
    }
    let refused = [guess(&nobody, "ANNA ").await, guess(&nobody, "Nobody at all").await];
    let told = refused.map(|reply| {
        let reply = reply.expect_problem(429, "request-limit-exceeded");
        assert_eq!(reply.header("retry-after"), "1");
        (reply.body["detail"].clone(), reply.body["title"].clone())
    });
    assert_eq!(told[0], told[1], "nobody learns who exists");
    // The right password waits as well; other names and sessions do not.
    let right = json!({"user_name": "anna", "password": anna.password()});
    nobody.post("/v1/auth/login", right.clone()).await.expect_status(429);
    app.user("boris").await;
    anna.get("/v1/me").await.expect_status(200);
    // Whoever has a session is kept from nothing by a stranger's guesses.
    let change = json!({"old_password": anna.password(), "new_password": "another long passphrase"});
    anna.put("/v1/me/password", change).await.expect_status(200);
    // It survives a restart, and a wait that is over lets one try in.
    let app = app.restart().await;
    anna = app.again(&anna);
    anna.get("/v1/me").await.expect_status(200);
    let nobody = app.anonymous();
    super::until(async || {
        let body = json!({"user_name": "anna", "password": "another long passphrase"});
        nobody.post("/v1/auth/login", body).await.status == 200
    })
    .await;
    // A right one ends the series.
    guess(&nobody, "anna").await.expect_problem(401, "bad-credentials");
    guess(&nobody, "anna").await.expect_problem(401, "bad-credentials");
}

#[tokio::test]
async fn a_guess_by_a_session_waits_by_itself() {
    let app = start().await;
    let anna = app.user("anna").await;
    let change = json!({"old_password": "not the password", "new_password": "another long passphrase"});
    for _ in 0..6 {
        anna.put("/v1/me/password", change.clone()).await.expect_problem(401, "bad-credentials");
    }
    anna.put("/v1/me/password", change).await.expect_problem(429, "request-limit-exceeded");
    let erase = json!({"password": "not the password"});
    let refused = anna.send(reqwest::Method::DELETE, "/v1/me", Some(erase), &[]).await;
    refused.expect_problem(429, "request-limit-exceeded");
    app.anonymous().log_in("anna").await.expect_status(200);
}

#[tokio::test]
async fn nobody_waits_where_limits_are_off() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    for _ in 0..12 {
        guess(&nobody, "nobody at all").await.expect_problem(401, "bad-credentials");
    }
}
