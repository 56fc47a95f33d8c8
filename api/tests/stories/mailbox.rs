//! The dev mailbox: what is in it, and who may look.

use api::Settings;
use couriers::channel::mailbox::{MailAttempt, send};
use domain::UserId;
use reqwest::Method;
use serde_json::Value;
use testkit::{Actor, TestApp};
use uuid::Uuid;

const NOTHING: &str = "/mailbox/messages/01890000-0000-7000-8000-000000000001";

async fn receive(app: &TestApp, number: u32, recipient: &str, user_id: Option<UserId>, html: bool) {
    let (kind, body) = match html {
        true => ("text/html", "<p><a href=\"https://chat.example/c/abc\">confirm</a><script>alert(1)</script>"),
        false => ("text/plain", "Confirm: https://chat.example/c/abc"),
    };
    let raw = format!(
        "From: Letopis <letopis@chat.example>\r\nTo: {recipient}\r\nSubject: mail {number}\r\n\
         Message-ID: <{number}@chat.example>\r\nContent-Type: {kind}; charset=utf-8\r\n\r\n{body}\r\n"
    );
    let attempt = MailAttempt {
        delivery_id: Uuid::from_u128(number.into()),
        attempt: 1,
        user_id,
        recipient: recipient.to_owned(),
        at: store::now(),
        position: 7,
        raw: raw.into_bytes(),
    };
    send(&app.node.state, attempt).await;
}

fn field(mails: &Value, name: &str) -> Vec<String> {
    mails["messages"].as_array().unwrap().iter().map(|mail| mail[name].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn mails_are_listed_newest_first_shown_whole_and_removed() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    assert_eq!(nobody.get("/mailbox/messages").await.expect_status(200).body, serde_json::json!({"messages": []}));
    for (number, recipient) in [(1, "anna@example.org"), (2, "boris@example.org"), (3, "Anna@Example.org")] {
        receive(&app, number, recipient, None, number == 3).await;
    }
    let all = nobody.get("/mailbox/messages").await.expect_status(200).body;
    assert_eq!(field(&all, "subject"), ["mail 3", "mail 2", "mail 1"]);
    let annas = nobody.get("/mailbox/messages?to=ANNA@example.org").await.expect_status(200).body;
    assert_eq!(field(&annas, "to"), ["Anna@Example.org", "anna@example.org"]);
    let pages = nobody.pages("/mailbox/messages?limit=2", "messages").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    let next = nobody.get("/mailbox/messages?limit=2").await.next().unwrap();
    nobody.get(&format!("/mailbox/messages?to=x&from={next}")).await.expect_problem(400, "bad-cursor");
    nobody.get("/mailbox/messages?limit=0").await.expect_problem(400, "bad-parameters");

    let (newest, oldest) = (field(&all, "id")[0].clone(), field(&all, "id")[2].clone());
    let mail = nobody.get(&format!("/mailbox/messages/{oldest}")).await.expect_status(200).body;
    assert_eq!((&mail["to"], &mail["from"]), (&"anna@example.org".into(), &"Letopis <letopis@chat.example>".into()));
    assert_eq!((&mail["links"][0], &mail["position"]), (&"https://chat.example/c/abc".into(), &7.into()));
    assert_eq!(mail["headers"]["Message-ID"], "<1@chat.example>");
    assert_eq!(
        (mail["text"].as_str().unwrap().trim_end(), mail.get("html")),
        ("Confirm: https://chat.example/c/abc", None)
    );
    assert_eq!(mail["delivery_id"], Uuid::from_u128(1).to_string());
    nobody.get(&format!("/mailbox/messages/{oldest}/html")).await.expect_problem(404, "mail-not-found");
    let raw = nobody.get(&format!("/mailbox/messages/{oldest}/raw")).await.expect_status(200);
    assert!(raw.header("content-type") == "message/rfc822" && raw.text.starts_with("From: Letopis"), "{}", raw.text);
    let history = nobody.get(&format!("/mailbox/messages/{oldest}/history")).await.expect_status(200).body;
    assert_eq!(history, serde_json::json!({"events": []}));

    let html = nobody.get(&format!("/mailbox/messages/{newest}/html")).await.expect_status(200);
    let policy = html.header("content-security-policy");
    assert!(policy.starts_with("sandbox ") && policy.contains("default-src 'none'"), "{policy}");
    assert!(!policy.contains("script") && !policy.contains("http"), "nothing runs, nothing is loaded: {policy}");
    for path in [NOTHING, "/mailbox/messages/x", "/mailbox/messages/x/raw"] {
        nobody.get(path).await.expect_problem(404, "mail-not-found");
    }
    let cleared = nobody.delete("/mailbox/messages").await.expect_status(200).body;
    assert_eq!(cleared["deleted"], 3);
    assert!(field(&nobody.get("/mailbox/messages").await.body, "id").is_empty());
}

#[tokio::test]
async fn only_who_is_on_the_machine_or_an_admin_looks_into_it_and_only_where_mail_goes_nowhere() {
    let app = TestApp::start().await;
    receive(&app, 1, "anna@example.org", None, true).await;
    let (nobody, anna, mut root) = (app.anonymous(), app.user("Anna").await, app.user("Root").await);
    node::operations::users::set_role(&app.node, "Root", domain::user::Role::Admin).await.unwrap();
    root.log_in("Root").await.expect_status(200);
    let id = field(&nobody.get("/mailbox/messages").await.body, "id")[0].clone();
    let one = format!("/mailbox/messages/{id}");
    let ask = async |actor: &Actor, method: Method, path: &str, headers: &[(&str, &str)]| {
        actor.send(method, path, None, headers).await
    };
    let afar: &[(&str, &str)] = &[("x-forwarded-for", "203.0.113.9")];
    // A page that has pointed its own name at this machine.
    let rebound: &[(&str, &str)] = &[("host", "evil.example")];
    let paths = [
        "/mailbox",
        "/mailbox/messages",
        &one,
        &format!("{one}/raw"),
        &format!("{one}/html"),
        &format!("{one}/history"),
    ];
    for path in paths {
        for from in [afar, rebound] {
            ask(&nobody, Method::GET, path, from).await.expect_problem(401, "auth-failed");
            ask(&anna, Method::GET, path, from).await.expect_problem(403, "not-allowed");
            ask(&root, Method::GET, path, from).await.expect_status(200);
        }
        for host in ["localhost", "LOCALHOST:8080", "chat.localhost", "[::1]:8080", "127.0.0.1"] {
            ask(&nobody, Method::GET, path, &[("host", host)]).await.expect_status(200);
        }
    }
    ask(&nobody, Method::DELETE, "/mailbox/messages", afar).await.expect_problem(401, "auth-failed");
    ask(&anna, Method::DELETE, "/mailbox/messages", rebound).await.expect_problem(403, "not-allowed");
    ask(&root, Method::DELETE, "/mailbox/messages", afar).await.expect_status(200);

    let settings = Settings { has_mailbox: false, ..TestApp::settings() };
    let app = TestApp::start_with(settings).await;
    for path in ["/mailbox", "/mailbox/messages", NOTHING] {
        app.anonymous().get(path).await.expect_problem(404, "not-found");
    }
    app.anonymous().delete("/mailbox/messages").await.expect_problem(404, "not-found");
}

#[tokio::test]
async fn the_page_brings_everything_it_needs() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    let page = nobody.get("/mailbox").await.expect_status(200);
    assert!(page.header("content-type").starts_with("text/html"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let mut files = 0;
    for (opening, begin) in [("src=\"", "/mailbox/"), ("href=\"", "/mailbox/")] {
        for asset in page.text.split(opening).skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(!asset.contains("//"), "{asset} is on another host");
            if asset.starts_with(begin) {
                files += 1;
                let reply = nobody.get(asset).await.expect_status(200);
                assert!(!reply.text.is_empty() && !reply.header("content-type").is_empty(), "{asset}");
                assert!(!reply.text.contains("https://"), "{asset} asks nobody else");
            }
        }
    }
    assert!(files >= 3, "{}", page.text);
    assert_eq!(nobody.get("/mailbox/").await.header("location"), "/mailbox");
}

#[tokio::test]
async fn who_is_erased_is_out_of_the_mailbox() {
    let app = TestApp::start().await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    for (number, actor) in [(1, &anna), (2, &boris)] {
        let user_id = UserId(actor.user_id.parse().unwrap());
        receive(&app, number, "somebody@example.org", Some(user_id), false).await;
    }
    let body = serde_json::json!({"password": anna.password()});
    anna.send(Method::DELETE, "/v1/me", Some(body), &[]).await.expect_status(200);
    assert_eq!(field(&app.anonymous().get("/mailbox/messages").await.body, "subject"), ["mail 2"]);
}
