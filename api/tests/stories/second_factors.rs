//! A second factor: codes of a device, and recovery codes.

use super::forgetting::found;
use super::mail::{mail, with_address};
use api::{Rates, Settings};
use domain::proof::Purpose;
use domain::{Event, TotpId, totp};
use reqwest::Method;
use serde_json::{Value, json};
use servers::Server;
use std::path::Path;
use std::process::Command;
use testkit::{Actor, Device, Reply, TestApp};
use url::form_urlencoded;

const ANNAS: &str = "anna@example.org";
const STEP_SECONDS: u64 = 30;

/// Turns it on; the code of the present step is used up.
pub(crate) async fn with_device(actor: &Actor) -> Device {
    let begun = actor.post("/v1/me/totp", json!({"password": actor.password()})).await.expect_status(201);
    let mut device = Device::of(begun.body["secret"].as_str().unwrap());
    let confirmed = actor.post("/v1/me/totp/confirm", json!({"code": device.code(0)})).await.expect_status(200);
    let codes = confirmed.body["recovery_codes"].as_array().unwrap();
    device.recovery_codes = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    device
}

async fn log_in(app: &TestApp, name: &str, cookie: bool) -> Reply {
    let body = json!({"user_name": name, "password": app.anonymous().password(), "cookie": cookie});
    app.anonymous().post("/v1/auth/login", body).await
}

/// The challenge of a sign-in that needs a second factor.
#[track_caller]
fn challenge(reply: Reply) -> String {
    let reply = reply.expect_problem(401, "second-factor-needed");
    assert_eq!(reply.body["factors"], json!(["totp", "recovery-code"]), "{}", reply.text);
    assert!(reply.body.get("session_id").is_none() && !reply.headers.contains_key("set-cookie"), "{}", reply.text);
    reply.body["challenge"].as_str().unwrap().to_owned()
}

async fn second(app: &TestApp, challenge: &str, code: &str) -> Reply {
    app.anonymous().post("/v1/auth/login/second", json!({"challenge": challenge, "code": code})).await
}

fn by(app: &TestApp, reply: &Reply) -> Actor {
    let mut actor = app.anonymous();
    actor.token = Some(reply.id("session_id"));
    actor.user_id = reply.id("user_id");
    actor
}

async fn proofs(actor: &Actor) -> Vec<String> {
    let sessions = actor.get("/v1/me/sessions").await.expect_status(200).body["sessions"].clone();
    let current = sessions.as_array().unwrap().iter().find(|one| one["current"] == true).unwrap().clone();
    current["proofs"].as_array().unwrap().iter().map(|proof| proof["by"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_password_and_a_code_sign_in_and_each_code_does_once() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let mut device = with_device(&anna).await;
    let spent = device.code(0);
    let waiting = challenge(log_in(&app, "Anna", false).await);
    for wrong in ["", "000", "abcdef", &spent, &format!("{}x", device.code(1))] {
        let refused = second(&app, &challenge(log_in(&app, "Anna", false).await), wrong).await;
        refused.expect_problem(401, "bad-code");
    }
    let code = device.code(1);
    let reply = second(&app, &waiting, &format!(" {} {}", &code[..3], &code[3..])).await.expect_status(200);
    assert_eq!((reply.id("user_id"), reply.body["position"].clone()), (anna.user_id.clone(), reply.position().into()));
    assert_eq!(proofs(&by(&app, &reply)).await, ["password", "totp"]);
    assert_eq!(proofs(&anna).await, ["password"], "the session of before goes on");
    let history = anna.get("/v1/me/sign-ins").await.expect_status(200).body["sign_ins"].clone();
    let signed_in = history.as_array().unwrap().iter().find(|one| one["succeeded"] == true).unwrap();
    assert_eq!(signed_in["proofs"][1]["by"], "totp");
    // Neither the code nor the challenge counts again.
    second(&app, &waiting, &device.recovery_code()).await.expect_problem(401, "bad-code");
    let waiting = challenge(log_in(&app, "Anna", false).await);
    second(&app, &waiting, &code).await.expect_problem(401, "bad-code");
    let recovery = device.recovery_code();
    let reply = second(&app, &waiting, &recovery.to_uppercase().replace('-', " ")).await.expect_status(200);
    assert_eq!(proofs(&by(&app, &reply)).await, ["password", "recovery-code"]);
    second(&app, &challenge(log_in(&app, "Anna", false).await), &recovery).await.expect_problem(401, "bad-code");
    let factor = anna.get("/v1/me/totp").await.expect_status(200).body;
    assert_eq!((factor["on"].clone(), factor["recovery_codes_left"].clone()), (json!(true), json!(9)));
}

#[tokio::test]
async fn a_wrong_password_tells_nothing_of_a_second_factor() {
    let app = TestApp::start().await;
    with_device(&app.user("Anna").await).await;
    app.user("Boris").await;
    let mut told = Vec::new();
    for name in ["Anna", "Boris", "Nobody"] {
        let body = json!({"user_name": name, "password": "a wrong guess"});
        let mut reply = app.anonymous().post("/v1/auth/login", body).await.expect_problem(401, "bad-credentials");
        reply.body.as_object_mut().unwrap().remove("request_id");
        told.push(reply.body);
    }
    assert!(told.iter().all(|body| *body == told[0]), "{told:?}");
}

#[tokio::test]
async fn a_mailed_code_asks_for_the_second_factor_and_is_spent_by_then() {
    let app = TestApp::start().await;
    let anna = with_address(&app, "Anna", ANNAS).await;
    let mut device = with_device(&anna).await;
    app.anonymous().post("/v1/auth/code", json!({"email": ANNAS})).await.expect_status(202);
    let mailed = mail(&app, Purpose::SignIn);
    let verify = json!({"email": ANNAS, "code": mailed.code, "cookie": true});
    let waiting = challenge(app.anonymous().post("/v1/auth/code/verify", verify.clone()).await);
    app.anonymous().post("/v1/auth/code/verify", verify).await.expect_problem(401, "bad-code");
    // The first call wanted a cookie.
    let reply = second(&app, &waiting, &device.recovery_code()).await.expect_status(200);
    assert!(reply.body.get("session_id").is_none(), "{}", reply.text);
    let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
    let sessions = app.anonymous().send(Method::GET, "/v1/me/sessions", None, &[("cookie", &cookie)]).await;
    let current =
        sessions.body["sessions"].as_array().unwrap().iter().find(|one| one["current"] == true).unwrap().clone();
    assert_eq!(current["proofs"][0]["by"], "mail");
}

#[tokio::test]
async fn the_page_of_a_mailed_link_asks_for_the_code() {
    let app = TestApp::start().await;
    let anna = with_address(&app, "Anna", ANNAS).await;
    anna.patch("/v1/me", json!({"locale": "ru"})).await.expect_status(200);
    let mut device = with_device(&anna).await;
    app.anonymous().post("/v1/auth/code", json!({"email": ANNAS})).await.expect_status(202);
    let url = format!("{}/m/{}", app.url, mail(&app, Purpose::SignIn).token);
    let form = async |fields: &[(&str, &str)]| {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = reqwest::Client::new().post(&url).header("accept", "text/html").body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.header("sec-fetch-site", "same-origin").send().await.unwrap();
        let cookie = answer.headers().get("set-cookie").map(|cookie| cookie.to_str().unwrap().to_owned());
        (answer.status().as_u16(), cookie, answer.text().await.unwrap())
    };
    let (status, cookie, page) = form(&[]).await;
    assert_eq!((status, cookie), (200, None));
    assert!(page.contains("Ещё один шаг") && page.contains("one-time-code"), "{page}");
    let waiting = page.split("name=\"challenge\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (status, cookie, page) = form(&[("challenge", &waiting), ("code", "000000")]).await;
    assert_eq!((status, cookie), (401, None));
    assert!(page.contains("role=\"alert\"") && page.contains(&waiting) && page.contains("Код неверен"), "{page}");
    let (status, cookie, page) = form(&[("challenge", &waiting), ("code", &device.recovery_code())]).await;
    assert_eq!(status, 200);
    assert!(page.contains("Вы вошли"), "{page}");
    let cookie = cookie.unwrap();
    let pair = cookie.split(';').next().unwrap();
    app.anonymous().send(Method::GET, "/v1/me", None, &[("cookie", pair)]).await.expect_status(200);
    let (status, cookie, _) = form(&[]).await;
    assert_eq!((status, cookie), (410, None), "the link was good for one");
}

#[tokio::test]
async fn a_challenge_takes_five_codes() {
    let app = TestApp::start().await;
    let mut device = with_device(&app.user("Anna").await).await;
    let waiting = challenge(log_in(&app, "Anna", false).await);
    for _ in 0..5 {
        second(&app, &waiting, "000000").await.expect_problem(401, "bad-code");
    }
    second(&app, &waiting, &device.recovery_code()).await.expect_problem(401, "bad-code");
    second(&app, "no challenge", &device.recovery_code()).await.expect_problem(401, "bad-code");
}

/// How many of these are 200; the others are `bad-code`.
fn winners(replies: Vec<Reply>) -> usize {
    let lost = |reply: &Reply| reply.status == 401 && reply.body["code"] == "bad-code";
    assert!(replies.iter().all(|reply| reply.status == 200 || lost(reply)), "{replies:?}");
    replies.iter().filter(|reply| reply.status == 200).count()
}

#[tokio::test]
async fn of_many_at_once_with_one_challenge_one_code_or_one_recovery_code_one_wins() {
    const AT_ONCE: usize = 8;
    let app = TestApp::start().await;
    let mut device = with_device(&app.user("Anna").await).await;
    let all = async |tries: Vec<(String, String)>| {
        let tries = tries.iter().map(|(challenge, code)| second(&app, challenge, code));
        winners(futures_util::future::join_all(tries).await)
    };
    let one = challenge(log_in(&app, "Anna", false).await);
    let with_one_challenge = (0..5).map(|_| (one.clone(), device.recovery_code())).collect();
    assert_eq!(all(with_one_challenge).await, 1);
    for code in [device.code(1), device.recovery_code()] {
        let mut tries = Vec::new();
        for _ in 0..AT_ONCE {
            tries.push((challenge(log_in(&app, "Anna", false).await), code.clone()));
        }
        assert_eq!(all(tries).await, 1, "{code}");
    }
}

#[tokio::test]
async fn wrong_codes_wait_as_wrong_passwords_do() {
    let wide = "1000/s:1000".parse().expect("a rate");
    let rates = Some(Rates { caller: wide, address: wide, sign_in: wide });
    let app = TestApp::start_with(Settings { rates, ..TestApp::settings() }).await;
    let anna = app.user("Anna").await;
    let mut device = with_device(&anna).await;
    for _ in 0..6 {
        let waiting = challenge(log_in(&app, "Anna", false).await);
        second(&app, &waiting, "000000").await.expect_problem(401, "bad-code");
    }
    let waiting = challenge(log_in(&app, "Anna", false).await);
    let refused = second(&app, &waiting, &device.recovery_code()).await;
    refused.expect_problem(429, "request-limit-exceeded");
    let remove = json!({"password": anna.password(), "code": device.recovery_code()});
    anna.send(Method::DELETE, "/v1/me/totp", Some(remove), &[]).await.expect_problem(429, "request-limit-exceeded");
    // Others, and the session that is there, wait for nothing.
    app.user("Boris").await;
    anna.get("/v1/me").await.expect_status(200);
}

#[tokio::test]
async fn it_is_set_up_by_the_password_and_a_first_code() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    assert_eq!(anna.get("/v1/me/totp").await.expect_status(200).body, json!({"on": false, "recovery_codes_left": 0}));
    anna.post("/v1/me/totp", json!({"password": "a wrong guess"})).await.expect_problem(401, "bad-credentials");
    anna.post("/v1/me/totp", json!({})).await.expect_problem(400, "bad-parameters");
    let code = json!({"code": "123456"});
    anna.post("/v1/me/totp/confirm", code.clone()).await.expect_problem(404, "second-factor-not-found");
    let password = json!({"password": anna.password()});
    let first = anna.post("/v1/me/totp", password.clone()).await.expect_status(201);
    let begun = anna.post("/v1/me/totp", password.clone()).await.expect_status(201);
    assert_eq!(begun.body["position"], begun.position());
    let uri = begun.body["uri"].as_str().unwrap();
    assert_eq!(
        uri,
        format!("otpauth://totp/letopis:Anna?secret={}&issuer=letopis", begun.body["secret"].as_str().unwrap())
    );
    let old = Device::of(first.body["secret"].as_str().unwrap());
    let confirm = |code: String| anna.post("/v1/me/totp/confirm", json!({"code": code}));
    confirm(old.code(0)).await.expect_problem(401, "bad-code");
    let device = Device::of(begun.body["secret"].as_str().unwrap());
    app.anonymous().log_in("Anna").await.expect_status(200);
    let confirmed = confirm(device.code(0)).await.expect_status(200);
    let codes = confirmed.body["recovery_codes"].as_array().unwrap();
    assert_eq!(codes.len(), 10);
    confirm(device.code(1)).await.expect_problem(409, "second-factor-exists");
    anna.post("/v1/me/totp", password).await.expect_problem(409, "second-factor-exists");
    challenge(log_in(&app, "Anna", false).await);
}

#[tokio::test]
async fn it_is_removed_by_password_and_code_and_so_are_new_recovery_codes_made() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let mut device = with_device(&anna).await;
    let body = |password: &str, code: &str| json!({"password": password, "code": code});
    let remove = async |body: Value| anna.send(Method::DELETE, "/v1/me/totp", Some(body), &[]).await;
    let make = async |body: Value| anna.post("/v1/me/totp/recovery-codes", body).await;
    let right = anna.password();
    for (wrong, status, code) in [
        (body("a wrong guess", &device.code(1)), 401, "bad-credentials"),
        (body(right, "000000"), 401, "bad-code"),
        (body(right, &device.code(0)), 401, "bad-code"),
        (json!({"code": device.code(1)}), 400, "bad-parameters"),
    ] {
        remove(wrong.clone()).await.expect_problem(status, code);
        make(wrong).await.expect_problem(status, code);
    }
    let made = make(body(right, &device.code(1))).await.expect_status(200);
    let new = made.body["recovery_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned());
    let old = std::mem::replace(&mut device.recovery_codes, new.collect());
    remove(body(right, &old[0])).await.expect_problem(401, "bad-code");
    remove(body(right, &device.recovery_code())).await.expect_status(200);
    assert_eq!(anna.get("/v1/me/totp").await.body["on"], false);
    app.anonymous().log_in("Anna").await.expect_status(200);
    remove(body(right, &device.recovery_code())).await.expect_problem(404, "second-factor-not-found");
    with_device(&anna).await;
}

#[tokio::test]
async fn its_owner_is_told_what_happens_to_it() {
    let app = TestApp::start_telling().await;
    let anna = app.user("Anna").await;
    let mut device = with_device(&anna).await;
    let waiting = challenge(log_in(&app, "Anna", false).await);
    second(&app, &waiting, &device.recovery_code()).await.expect_status(200);
    let make = json!({"password": anna.password(), "code": device.code(1)});
    let made = anna.post("/v1/me/totp/recovery-codes", make).await.expect_status(200);
    let code = made.body["recovery_codes"][0].clone();
    let remove = json!({"password": anna.password(), "code": code});
    anna.send(Method::DELETE, "/v1/me/totp", Some(remove), &[]).await.expect_status(200);
    super::until(async || anna.get("/v1/inbox").await.body["items"].as_array().is_some_and(|items| items.len() >= 5))
        .await;
    let items = anna.get("/v1/inbox").await.body["items"].clone();
    let mut titles = items.as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap()).collect::<Vec<_>>();
    assert!(items.as_array().unwrap().iter().all(|one| one["category"] == "security"), "{items}");
    titles.sort_unstable();
    let used = "A recovery code of your account was used";
    assert_eq!(
        titles,
        [
            used,
            used,
            "A second factor was added to your account",
            "A second factor was removed from your account",
            "New recovery codes were made for your account",
        ]
    );
    let texts = items.as_array().unwrap().iter().map(|one| one["text"].to_string()).collect::<String>();
    for secret in device.recovery_codes.iter().chain([&device.secret]) {
        assert!(!texts.contains(secret.as_str()));
    }
    for left in ["Recovery codes that are left: 9", "Recovery codes that are left: 9"] {
        assert!(texts.contains(left), "{texts}");
    }
}

#[tokio::test]
async fn what_is_secret_of_it_is_stored_sealed_exported_never_and_gone_with_its_owner() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let mut device = with_device(&anna).await;
    let waiting = challenge(log_in(&app, "Anna", false).await);
    second(&app, &waiting, &device.recovery_code()).await.expect_status(200);
    let export = anna.get("/v1/me/export").await.expect_status(200).text;
    assert!(export.contains("totp.confirmed.v1") && export.contains(r#""kind":"second-factor""#), "{export}");
    let secrets = device.recovery_codes.iter().flat_map(|code| [code.clone(), code.replace('-', "")]);
    let secrets = secrets.chain([device.secret.clone()]).collect::<Vec<_>>();
    let shown = secrets.iter().find(|secret| export.contains(secret.as_str()));
    assert_eq!(shown, None);
    let kept = facts_of(&app, &anna);
    let confirmed = kept.iter().find_map(|event| {
        if let totp::Event::Confirmed(confirmed) = event { Some(confirmed.codes.clone()) } else { None }
    });
    for hash in confirmed.unwrap() {
        assert!(!export.contains(&domain::id::hex(&hash.0)), "an export says nothing that codes can be tried on");
    }
    assert!(secret_of(&kept).is_some());
    let words = secrets.iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(found(&app.data(), &words), Vec::<String>::new(), "sealed while it counts");
    let erase = json!({"password": anna.password()});
    anna.send(Method::DELETE, "/v1/me", Some(erase), &[]).await.expect_status(200);
    assert_eq!(secret_of(&facts_of(&app, &anna)), None);
    assert_eq!(found(&app.data(), &words), Vec::<String>::new());
}

/// What has happened to somebody's second factor.
fn facts_of(app: &TestApp, actor: &Actor) -> Vec<totp::Event> {
    let id = TotpId(domain::id::parse_uuid(&actor.user_id).unwrap());
    let of_it = |event| if let Event::Totp(_, event) = event { Some(event) } else { None };
    app.node.log.stream(id.into()).unwrap().into_iter().filter_map(|fact| of_it(fact.event)).collect()
}

/// The secret, where it can still be read.
fn secret_of(facts: &[totp::Event]) -> Option<totp::Secret> {
    facts.iter().find_map(
        |event| {
            if let totp::Event::Begun(begun) = event { begun.secret.known().cloned() } else { None }
        },
    )
}

/// What another program makes of the address: a device of somebody else's making.
fn code_of_pyotp(python: &Path, uri: &str, later: u64) -> String {
    let script = "import pyotp, sys; print(pyotp.parse_uri(sys.argv[1]).at(int(sys.argv[2])))";
    let seconds = u64::try_from(store::now().0 / 1_000_000).unwrap() + later * STEP_SECONDS;
    let ran = Command::new(python).args(["-c", script, uri, &seconds.to_string()]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn codes_of_another_program_count() {
    if !servers::installed(Server::Pyotp) {
        return;
    }
    let python = Server::Pyotp.find().unwrap();
    let public_url = Some("https://chat.example.org".to_owned());
    let app = TestApp::start_with(Settings { public_url, ..TestApp::settings() }).await;
    let anna = app.user("Anna Петровна: 1").await;
    let begun = anna.post("/v1/me/totp", json!({"password": anna.password()})).await.expect_status(201);
    let uri = begun.body["uri"].as_str().unwrap();
    let first = json!({"code": code_of_pyotp(&python, uri, 0)});
    anna.post("/v1/me/totp/confirm", first).await.expect_status(200);
    let waiting = challenge(log_in(&app, "Anna Петровна: 1", false).await);
    second(&app, &waiting, &code_of_pyotp(&python, uri, 1)).await.expect_status(200);
}
