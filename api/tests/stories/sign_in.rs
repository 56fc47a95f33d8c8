//! Logging in, and the ways in which a request says whose it is.

use domain::text::UserName;
use domain::{Command, UserId, user};
use node::passwords::PasswordPolicy;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Actor, Reply, TestApp};
use tokio::task::JoinSet;

async fn log_in_by_cookie(app: &TestApp, name: &str) -> (Actor, Reply, String) {
    let browser = app.anonymous();
    let body = json!({"user_name": name, "password": browser.password(), "cookie": true});
    let reply = browser.post("/v1/auth/login", body).await.expect_status(200);
    let pair = reply.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    (browser, reply, pair)
}

/// A body without what differs from request to request.
fn without_request_id(mut body: Value) -> Value {
    body.as_object_mut().expect("a problem is an object").remove("request_id");
    body
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_are_answered_alike() {
    let app = TestApp::start().await;
    app.user("Anna").await;
    let body = |name: &str, password: &str| json!({"user_name": name, "password": password});
    let nobody = app.anonymous();
    let wrong = nobody.post("/v1/auth/login", body("Anna", "a wrong guess")).await;
    let wrong = wrong.expect_problem(401, "bad-credentials");
    assert_eq!(wrong.header("www-authenticate"), "Bearer realm=\"letopis\"");
    for unknown in ["Nobody", "", "\u{0}", "an@na", "x".repeat(500).as_str()] {
        let refused = nobody.post("/v1/auth/login", body(unknown, "a wrong guess")).await;
        let refused = refused.expect_problem(401, "bad-credentials");
        assert_eq!(without_request_id(refused.body.clone()), without_request_id(wrong.body.clone()));
        let mut names = refused.headers.keys().collect::<Vec<_>>();
        names.sort_by_key(|name| name.as_str());
        let mut as_wrong = wrong.headers.keys().collect::<Vec<_>>();
        as_wrong.sort_by_key(|name| name.as_str());
        assert_eq!(names, as_wrong);
    }
    nobody.post("/v1/auth/login", body("Anna", "")).await.expect_problem(401, "bad-credentials");
    nobody.post("/v1/auth/login", json!({"user_name": "Anna"})).await.expect_problem(400, "bad-parameters");
}

#[tokio::test]
async fn who_has_no_password_cannot_log_in() {
    let app = TestApp::start().await;
    let name = UserName::parse("Imported").unwrap();
    let claim = node::claims::claim(&app.node.keys, &name);
    let wish = user::Command::SignUp(user::SignUp { claim, user_name: name, email: None, verifier: None });
    let id = UserId(uuid::Uuid::now_v7());
    let request = commands::Request::by_operator(Command::User(id, wish), domain::Timestamp(1));
    app.node.writer.send(request).await.unwrap();

    let anna = app.user("Anna").await;
    let found = anna.get("/v1/users?name=imported").await.expect_status(200);
    assert_eq!(found.body["users"][0]["user_id"], id.to_string());
    for guess in ["", "a wrong guess", "null"] {
        app.anonymous().log_in_with("Imported", guess).await.expect_problem(401, "bad-credentials");
    }
    app.anonymous().register("imported").await.expect_problem(409, "user-already-exists");
}

#[tokio::test]
async fn a_login_answers_a_token_that_is_kept_nowhere() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let token = anna.token.clone().unwrap();
    assert_eq!(token.len(), 43);
    assert!(token.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-_".contains(&letter)));
    let records = app.node.log.read(0, 100).unwrap();
    assert!(records.iter().all(|record| !record.payload.contains(&token) && !record.meta.contains(&token)));

    let mut again = app.anonymous();
    let reply = again.log_in("Anna").await.expect_status(200);
    assert_ne!(again.token.as_deref(), Some(token.as_str()), "every login opens a session of its own");
    assert_eq!(reply.body["position"], reply.position());
    assert_eq!(reply.header("set-cookie"), "");
}

#[tokio::test]
async fn a_login_by_cookie_keeps_the_token_out_of_the_body() {
    let app = TestApp::start().await;
    app.user("Anna").await;
    let (browser, reply, cookie) = log_in_by_cookie(&app, "Anna").await;
    assert_eq!(reply.body.get("session_id"), None);
    let set = reply.header("set-cookie").to_owned();
    let token = cookie.strip_prefix("__Host-letopis=").unwrap();
    assert!(!reply.text.contains(token));
    let attributes = set.split("; ").skip(1).collect::<Vec<_>>();
    for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(attributes.contains(&attribute), "{set}");
    }
    assert!(!set.contains("Domain"));

    let with = [("cookie", cookie.as_str())];
    let me = browser.send(Method::GET, "/v1/me", None, &with).await.expect_status(200);
    assert_eq!(me.body["user_name"], "Anna");
    let among_others = format!("theme=dark; {cookie}; __Host-letopis-other=1");
    browser.send(Method::GET, "/v1/me", None, &[("cookie", &among_others)]).await.expect_status(200);
    let unknown = [("cookie", "__Host-letopis=made-up")];
    browser.send(Method::GET, "/v1/me", None, &unknown).await.expect_problem(401, "invalid-session-id");
    browser.send(Method::GET, "/v1/me", None, &[("cookie", "theme=dark")]).await.expect_problem(401, "auth-failed");

    let out = browser.send(Method::POST, "/v1/auth/logout", None, &with).await.expect_status(200);
    let cleared = out.header("set-cookie");
    assert!(cleared.starts_with("__Host-letopis=;") && cleared.contains("Max-Age=0"), "{cleared}");
    browser.send(Method::GET, "/v1/me", None, &with).await.expect_problem(401, "invalid-session-id");
}

#[tokio::test]
async fn a_foreign_page_writes_nothing_with_somebodys_cookie() {
    let app = TestApp::start().await;
    app.user("Anna").await;
    let (browser, _, cookie) = log_in_by_cookie(&app, "Anna").await;
    let own = app.url.clone();
    let ask = async |method: Method, path: &str, headers: &[(&str, &str)]| {
        let body = (method == Method::POST).then(|| json!({"chat_name": "garden"}));
        let all = [&[("cookie", cookie.as_str())], headers].concat();
        browser.send(method, path, body, &all).await
    };
    let foreign: [&[(&str, &str)]; 7] = [
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:1")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", &own), ("sec-fetch-site", "cross-site")],
        &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
    ];
    for headers in foreign {
        ask(Method::POST, "/v1/chats", headers).await.expect_problem(403, "cross-site-request");
        ask(Method::DELETE, "/v1/me/sessions", headers).await.expect_problem(403, "cross-site-request");
        ask(Method::POST, "/v1/auth/logout", headers).await.expect_problem(403, "cross-site-request");
        ask(Method::GET, "/v1/me", headers).await.expect_status(200);
    }
    let ours: [&[(&str, &str)]; 5] = [
        &[],
        &[("origin", &own)],
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none")],
        &[("origin", &own), ("sec-fetch-site", "same-origin")],
    ];
    for headers in ours {
        ask(Method::POST, "/v1/chats", headers).await.expect_status(201);
    }
}

#[tokio::test]
async fn a_foreign_page_that_has_the_token_may_write() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let headers = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    let body = Some(json!({"chat_name": "garden"}));
    anna.send(Method::POST, "/v1/chats", body, &headers).await.expect_status(201);
}

#[tokio::test]
async fn pages_of_the_origins_that_an_operator_names_may_use_the_cookie() {
    let mut settings = TestApp::settings();
    settings.allowed_origins = vec!["https://chat.example.org".to_owned()];
    settings.public_url = Some("https://letopis.example.org/".to_owned());
    let app = TestApp::start_with(settings).await;
    app.user("Anna").await;
    let (browser, _, cookie) = log_in_by_cookie(&app, "Anna").await;
    let create = async |origin: &str, site: &str| {
        let headers = [("cookie", cookie.as_str()), ("origin", origin), ("sec-fetch-site", site)];
        browser.send(Method::POST, "/v1/chats", Some(json!({"chat_name": "garden"})), &headers).await
    };
    let allowed = create("https://chat.example.org", "cross-site").await.expect_status(201);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://chat.example.org");
    create("https://letopis.example.org", "same-origin").await.expect_status(201);
    create(&app.url, "same-origin").await.expect_problem(403, "cross-site-request");
    create("https://chat.example.org.evil.example", "cross-site").await.expect_problem(403, "cross-site-request");

    // A page can read a failure only when it, too, carries the headers of CORS.
    let headers = [("origin", "https://chat.example.org")];
    let refused = browser.send(Method::GET, "/v1/me", None, &headers).await.expect_problem(401, "auth-failed");
    assert_eq!(refused.header("access-control-allow-origin"), "https://chat.example.org");
    let refused = browser.send(Method::GET, "/v1/me", None, &[("origin", "https://evil.example")]).await;
    assert_eq!(refused.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn a_token_is_sent_as_bearer_or_as_session_id() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let token = anna.token.clone().unwrap();
    let nobody = app.anonymous();
    for scheme in ["Bearer", "bearer", "BEARER", "session_id", "Session_ID", "Bearer  "] {
        let value = format!("{scheme} {token}");
        let me = nobody.send(Method::GET, "/v1/me", None, &[("authorization", &value)]).await;
        assert_eq!(me.expect_status(200).body["user_name"], "Anna", "{scheme}");
    }
    // The header goes before the cookie.
    let both = [("authorization", "Bearer made-up"), ("cookie", &format!("__Host-letopis={token}"))];
    nobody.send(Method::GET, "/v1/me", None, &both).await.expect_problem(401, "invalid-session-id");
}

#[tokio::test]
async fn what_others_put_into_a_header_hides_nothing_of_ours() {
    let app = TestApp::start().await;
    app.user("Anna").await;
    let nobody = app.anonymous();
    let foreign = ["Basic eDp5", "Bearer", "Bearer ", "session_id", "Negotiate YII=", "Zürich", "Bearer Zürich", ""];
    let mut cases = foreign.map(|value| ("authorization", value.to_owned(), "{}".to_owned())).to_vec();
    for cookies in ["city=Zürich; {}", "{}; city=Zürich", "__Host-letopis=; {}"] {
        cases.push(("x-other", "1".to_owned(), cookies.to_owned()));
    }
    for (name, value, cookies) in cases {
        let (browser, _, cookie) = log_in_by_cookie(&app, "Anna").await;
        let cookies = cookies.replace("{}", &cookie);
        let with = [(name, value.as_str()), ("cookie", &cookies)];
        nobody.send(Method::GET, "/v1/me", None, &with).await.expect_status(200);
        nobody.send(Method::POST, "/v1/auth/logout", None, &with).await.expect_status(200);
        let after = browser.send(Method::GET, "/v1/me", None, &[("cookie", &cookie)]).await;
        after.expect_problem(401, "invalid-session-id");
    }
}

#[tokio::test]
async fn logging_out_ends_what_the_header_and_the_cookie_name() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let nobody = app.anonymous();
    let me = async |cookie: &str| nobody.send(Method::GET, "/v1/me", None, &[("cookie", cookie)]).await;
    let (_, _, cookie) = log_in_by_cookie(&app, "Anna").await;
    let (_, _, second) = log_in_by_cookie(&app, "Anna").await;
    // Several lines of one header, and what nobody knows among them.
    let with = [("cookie", "__Host-letopis=made-up"), ("cookie", &cookie), ("cookie", &second)];
    anna.send(Method::POST, "/v1/auth/logout", None, &with).await.expect_status(200);
    anna.get("/v1/me").await.expect_problem(401, "invalid-session-id");
    me(&cookie).await.expect_problem(401, "invalid-session-id");
    me(&second).await.expect_problem(401, "invalid-session-id");

    // A page of another site cannot set the header, and ends nothing by the cookie.
    let boris = app.user("Boris").await;
    let (_, _, cookie) = log_in_by_cookie(&app, "Boris").await;
    let with = [("cookie", cookie.as_str()), ("origin", "https://evil.example")];
    boris.send(Method::POST, "/v1/auth/logout", None, &with).await.expect_status(200);
    boris.get("/v1/me").await.expect_problem(401, "invalid-session-id");
    me(&cookie).await.expect_status(200);
}

#[tokio::test]
async fn a_malformed_authorization_is_401_and_says_how_to_do_it() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let token = anna.token.clone().unwrap();
    let nobody = app.anonymous();
    let two = format!("Bearer {token} {token}");
    let glued = format!("Bearer{token}");
    let basic = format!("Basic {token}");
    let malformed = ["", " ", "Bearer", "Bearer ", "session_id", &token, &basic, &two, &glued, "Bearer ключ", "="];
    for value in malformed {
        let refused = nobody.send(Method::GET, "/v1/me", None, &[("authorization", value)]).await;
        let refused = refused.expect_problem(401, "auth-failed");
        assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"letopis\"", "{value}");
    }
    nobody.get("/v1/me").await.expect_problem(401, "auth-failed");
    let (upper, long) = (token.to_uppercase(), "x".repeat(8_000));
    for unknown in [&token[1..], &upper, "made-up", "\"quoted\"", "' or 1=1--", "%00", &long] {
        let value = format!("session_id {}", unknown.replace(' ', ""));
        let refused = nobody.send(Method::GET, "/v1/me", None, &[("authorization", &value)]).await;
        let refused = refused.expect_problem(401, "invalid-session-id");
        assert!(refused.header("www-authenticate").contains("error=\"invalid_token\""), "{unknown}");
    }
}

#[tokio::test]
async fn every_door_but_the_open_ones_asks_for_a_session() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    let document = nobody.get("/openapi.json").await.expect_status(200).body;
    let id = uuid::Uuid::now_v7().to_string();
    for (path, item) in document["paths"].as_object().unwrap() {
        // What other services tell proves itself by its signature; over a WebSocket who asks may say so later.
        let is_open = path.starts_with("/v1/auth/") || path.starts_with("/v1/webhooks/") || path == "/v1/ws";
        if is_open || !path.starts_with("/v1/") {
            continue;
        }
        let path = path.split('/').map(|part| if part.starts_with('{') { &id } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        for method in item.as_object().unwrap().keys() {
            let method = method.to_uppercase().parse::<Method>().unwrap();
            nobody.send(method, &path, Some(json!({})), &[]).await.expect_problem(401, "auth-failed");
        }
    }
}

#[tokio::test]
async fn a_cookie_lives_as_long_as_its_session() {
    let mut settings = TestApp::settings();
    settings.session_max = Duration::from_secs(90);
    let app = TestApp::start_with(settings).await;
    app.user("Anna").await;
    let (_, reply, _) = log_in_by_cookie(&app, "Anna").await;
    assert!(reply.header("set-cookie").contains("Max-Age=90;"), "{:?}", reply.headers);
    let expires_at = domain::Timestamp::parse(reply.body["expires_at"].as_str().unwrap()).unwrap();
    let session = app.node.log.read(0, 100).unwrap().pop().unwrap();
    assert!((expires_at.0 - session.recorded_at.0 - 90_000_000).abs() < 60_000_000);
}

#[tokio::test]
async fn more_sign_ins_than_can_wait_are_refused_at_once() {
    let app = TestApp::start_hashing(PasswordPolicy::default()).await;
    let mut anna = app.anonymous();
    anna.register("Anna").await.expect_status(201);
    let mut flood = JoinSet::new();
    for _ in 0..150 {
        let mut anna = anna.clone();
        flood.spawn(async move { anna.log_in("Anna").await });
    }
    let replies = flood.join_all().await;
    let (let_in, refused) = replies.into_iter().partition::<Vec<_>, _>(|reply| reply.status == 200);
    assert!(let_in.len() >= 64, "{}", let_in.len());
    for reply in refused {
        let reply = reply.expect_problem(503, "overloaded");
        assert!(reply.header("retry-after").parse::<u64>().is_ok());
    }
}

#[tokio::test]
async fn a_name_is_compared_without_what_a_keyboard_adds_around_it() {
    let app = TestApp::start().await;
    app.user("Anna Lee").await;
    for typed in [" Anna Lee", "anna lee ", "\u{3000}ANNA LEE\u{a0}", "Ａnna Lee"] {
        app.anonymous().log_in(typed).await.expect_status(200);
    }
    for other in ["AnnaLee", "Anna  Lee", " ", "Anna Lee x"] {
        app.anonymous().log_in(other).await.expect_problem(401, "bad-credentials");
    }
}
