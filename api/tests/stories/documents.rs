//! The documents and the pages that show them, and what operators look at.

use super::external::Browser;
use api::Settings;
use domain::proof::Purpose;
use domain::user::Role;
use domain::{Event, totp};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use testkit::{Actor, Device, TestApp};

/// What CONTRACT 1.2 to 1.5 promise of accounts, chats, searching them and mail.
const CALLS: &str = "
    post /v1/auth/register      post /v1/auth/login             post /v1/auth/logout
    post /v1/auth/password/forgot                               post /v1/auth/password/reset
    post /v1/auth/code          post /v1/auth/code/verify       post /v1/auth/login/second
    get /v1/me/totp             post /v1/me/totp                delete /v1/me/totp
    post /v1/me/totp/confirm    post /v1/me/totp/recovery-codes
    get /v1/auth/providers      get /v1/auth/external/{provider}
    get /v1/auth/external/{provider}/callback                   post /v1/auth/external/exchange
    get /v1/me/identities       post /v1/me/identities/begin    post /v1/me/identities/finish
    delete /v1/me/identities/{id}
    get /c/{token}              post /c/{token}                 get /r/{token}
    get /m/{token}              post /m/{token}
    get /v1/me                  patch /v1/me                    put /v1/me/password
    put /v1/me/email
    get /v1/me/sessions         delete /v1/me/sessions          delete /v1/me/sessions/{id}
    get /v1/me/passkeys         post /v1/me/passkeys/begin      post /v1/me/passkeys/finish
    delete /v1/me/passkeys/{id} post /v1/auth/passkey/begin     post /v1/auth/passkey/finish
    get /v1/me/tokens           post /v1/me/tokens              delete /v1/me/tokens/{id}
    get /v1/me/sign-ins         get /v1/users                   get /v1/users/{user_id}
    get /v1/me/export           delete /v1/me
    get /v1/chats               post /v1/chats
    get /v1/chats/{chat_id}     patch /v1/chats/{chat_id}       delete /v1/chats/{chat_id}
    get /v1/chats/{chat_id}/users                               post /v1/chats/{chat_id}/users
    patch /v1/chats/{chat_id}/users/{user_id}                   delete /v1/chats/{chat_id}/users/{user_id}
    get /v1/chats/{chat_id}/messages                            post /v1/chats/{chat_id}/messages
    get /v1/chats/{chat_id}/messages/{message_id}               patch /v1/chats/{chat_id}/messages/{message_id}
    delete /v1/chats/{chat_id}/messages/{message_id}
    get /v1/chats/{chat_id}/bans                                put /v1/chats/{chat_id}/bans/{user_id}
    delete /v1/chats/{chat_id}/bans/{user_id}
    get /v1/chats/{chat_id}/invitations                         post /v1/chats/{chat_id}/invitations
    delete /v1/chats/{chat_id}/invitations/{invitation_id}      post /v1/invitations/{code}
    post /v1/chats/{chat_id}/messages/{message_id}/reports      get /v1/chats/{chat_id}/reports
    get /v1/reports             post /v1/reports/{report_id}/resolve
    get /i/{code}               put /v1/users/{user_id}/suspension
    delete /v1/users/{user_id}/suspension
    put /v1/direct/{user_id}    get /v1/search              post /v1/chats/search
    put /v1/chats/{chat_id}/messages/{message_id}/reactions/{emoji}
    delete /v1/chats/{chat_id}/messages/{message_id}/reactions/{emoji}
    get /v1/chats/{chat_id}/messages/{message_id}/edits         get /v1/chats/{chat_id}/pins
    put /v1/chats/{chat_id}/pins/{message_id}                   delete /v1/chats/{chat_id}/pins/{message_id}
    put /v1/chats/{chat_id}/read                                get /v1/chats/{chat_id}/export
    get /v1/chats/search/status/{task_id}                       get /v1/chats/search/{task_id}/messages
    post /v1/links              get /s/{code}                   post /v1/webhooks/sendgrid
    get /v1/me/preferences      put /v1/me/preferences          get /v1/notification-categories
    get /v1/live                get /v1/ws                  post /v1/chats/{chat_id}/typing
    get /v1/inbox               post /v1/inbox/read-all         post /v1/inbox/{id}/read
    post /v1/inbox/{id}/archive get /u/{token}                  post /u/{token}
    get /v1/notifications       post /v1/notifications          get /v1/notifications/{id}
    delete /v1/notifications/{id}                               get /v1/notifications/{id}/deliveries
    post /v1/deliveries/{id}/retry                              post /v1/deliveries/{id}/cancel
    get /v1/mailings            post /v1/mailings               get /v1/mailings/{id}
    patch /v1/mailings/{id}     delete /v1/mailings/{id}        post /v1/mailings/{id}/preview
    post /v1/mailings/{id}/start                                post /v1/mailings/{id}/pause
    post /v1/mailings/{id}/resume                               post /v1/mailings/{id}/cancel
    get /v1/mailings/{id}/runs  get /v1/mailings/{id}/deliveries
    get /v1/mailings/{id}/deliveries.csv
    get /v1/templates           post /v1/templates              get /v1/templates/{id}
    put /v1/templates/{id}      delete /v1/templates/{id}       post /v1/templates/{id}/preview
    post /v1/templates/{id}/test
    get /v1/suppressions        get /v1/suppressions/{address}  put /v1/suppressions/{address}
    delete /v1/suppressions/{address}
    get /v1/admin/overview      get /v1/admin/events        get /v1/admin/events/{event}
    get /v1/admin/events/{event}/trace                          post /v1/admin/events/{event}/unseal
    get /v1/admin/streams       get /v1/admin/streams/{stream}  get /v1/admin/projections
    post /v1/admin/projections/{name}/rebuild                   post /v1/admin/projections/{name}/verify
    post /v1/admin/projections/{name}/pause                     post /v1/admin/projections/{name}/resume
    post /v1/admin/projections/{name}/skip                      get /v1/admin/tasks
    get /v1/admin/tasks/{task_id}
    get /v1/admin/users         get /v1/admin/users/{user}      get /v1/admin/users/{user}/sessions
    get /v1/admin/users/{user}/sign-ins                         post /v1/admin/users/{user}/role
    delete /v1/admin/users/{user}/sessions                      delete /v1/admin/users/{user}/sessions/{id}
    get /v1/admin/users/{user}/factors                          delete /v1/admin/users/{user}/factors/{which}
    post /v1/admin/users/{user}/erase                           get /v1/admin/chats
    get /v1/admin/chats/{chat_id}                               get /v1/admin/search
    get /v1/admin/deliveries    get /v1/admin/deliveries/{id}   get /v1/admin/schedules
    get /v1/admin/settings      get /v1/admin/doctor        get /v1/admin/figures
    get /mailbox/messages       delete /mailbox/messages        get /mailbox/messages/{id}
    get /mailbox/messages/{id}/raw                              get /mailbox/messages/{id}/html
    get /mailbox/messages/{id}/history
    get /ping   get /ping_db    get /livez  get /readyz         get /metrics";

/// The values of an attribute in a page.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let opening = format!("{name}=\"");
    page.split(opening.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[tokio::test]
async fn the_document_states_how_long_a_password_may_be_here() {
    let lengths = domain::password::Lengths { min: 12, max: 99 };
    let set = node::passwords::PasswordPolicy { lengths, ..TestApp::passwords() };
    for (app, min, max) in [(TestApp::start().await, 8, 256), (TestApp::start_hashing(set).await, 12, 99)] {
        let nobody = app.anonymous();
        let document = nobody.get("/openapi.json").await.expect_status(200).body;
        let given = [
            ("/v1/auth/register", "post", "password"),
            ("/v1/auth/password/reset", "post", "new_password"),
            ("/v1/me/password", "put", "new_password"),
        ];
        for (path, method, property) in given {
            let body = &document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            let stated = document.pointer(&format!("{}/properties/{property}", &body.as_str().unwrap()[1..])).unwrap();
            assert_eq!((&stated["minLength"], &stated["maxLength"]), (&min.into(), &max.into()), "{stated}");
            assert_eq!(stated["description"], format!("{min} to {max} characters."));
        }
        for (letters, status) in [(min, 201), (min - 1, 400)] {
            let password = "xq7 vorzblidump".chars().take(letters).collect::<String>();
            let body = serde_json::json!({"user_name": format!("u{letters}"), "password": password});
            nobody.post("/v1/auth/register", body).await.expect_status(status);
        }
    }
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_lists_every_call() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    let reply = nobody.get("/openapi.json").await.expect_status(200);
    assert!(reply.header("content-type").starts_with("application/json"));
    let document = reply.body;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let words = CALLS.split_whitespace().collect::<Vec<_>>();
    for call in words.chunks_exact(2) {
        let operation = &document["paths"][call[1]][call[0]];
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{call:?} {operation}");
        assert!(
            operation["responses"].as_object().unwrap().keys().any(|status| status < &"400".to_owned()),
            "{call:?}"
        );
    }
    let listed = document["paths"].as_object().unwrap().values().map(|item| item.as_object().unwrap().len());
    assert_eq!(listed.sum::<usize>(), words.len() / 2, "and nothing that is promised nowhere");
}

/// What is told of an operation is for people, and generators make names of it.
#[tokio::test]
async fn operations_have_names_and_plain_words() {
    let document = api::document();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id), "{id} names two operations");
            let summary = operation["summary"].as_str().unwrap();
            assert!((2..=5).contains(&summary.split_whitespace().count()), "{method} {path}: {summary}");
            assert!(!summary.ends_with('.'), "{summary}");
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let said =
                    answer["$ref"].is_string() || answer["description"].as_str().is_some_and(|text| !text.is_empty());
                assert!(said, "{method} {path} {status} has no description");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let said = parameter["$ref"].is_string() || parameter["description"].is_string();
                assert!(said, "{method} {path}: {parameter}");
            }
        }
    }
}

#[tokio::test]
async fn calls_go_to_the_public_url_where_there_is_one() {
    let app = TestApp::start().await;
    let document = app.anonymous().get("/openapi.json").await.body;
    assert_eq!(document["servers"][0]["url"], "/");
    let settings = Settings { public_url: Some("https://chat.example".to_owned()), ..TestApp::settings() };
    let document = TestApp::start_with(settings).await.anonymous().get("/openapi.json").await.body;
    assert_eq!(document["servers"][0]["url"], "https://chat.example");
}

/// In which order the examples are sent.
const ORDER: &[(&str, &str)] = &[
    ("post", "/v1/auth/register"),
    ("post", "/v1/auth/login"),
    ("patch", "/v1/me"),
    ("put", "/v1/me/email"),
    ("post", "/v1/auth/password/forgot"),
    ("post", "/v1/auth/password/reset"),
    ("post", "/v1/auth/code"),
    ("post", "/v1/auth/code/verify"),
    ("post", "/v1/auth/external/exchange"),
    ("post", "/v1/me/identities/begin"),
    ("post", "/v1/me/identities/finish"),
    ("post", "/v1/me/passkeys/begin"),
    ("post", "/v1/me/tokens"),
    ("post", "/v1/links"),
    ("put", "/v1/me/preferences"),
    ("put", "/v1/suppressions/{address}"),
    ("post", "/v1/templates"),
    ("put", "/v1/templates/{id}"),
    ("post", "/v1/templates/{id}/preview"),
    ("post", "/v1/notifications"),
    ("post", "/v1/mailings"),
    ("patch", "/v1/mailings/{id}"),
    ("post", "/v1/chats"),
    ("patch", "/v1/chats/{chat_id}"),
    ("post", "/v1/chats/{chat_id}/users"),
    ("patch", "/v1/chats/{chat_id}/users/{user_id}"),
    ("post", "/v1/chats/{chat_id}/messages"),
    ("patch", "/v1/chats/{chat_id}/messages/{message_id}"),
    ("put", "/v1/chats/{chat_id}/read"),
    ("post", "/v1/chats/{chat_id}/invitations"),
    ("post", "/v1/invitations/{code}"),
    ("post", "/v1/chats/{chat_id}/messages/{message_id}/reports"),
    ("post", "/v1/reports/{report_id}/resolve"),
    ("put", "/v1/chats/{chat_id}/bans/{user_id}"),
    ("put", "/v1/users/{user_id}/suspension"),
    ("get", "/v1/search"),
    ("post", "/v1/chats/search"),
    ("get", "/v1/me"),
    ("get", "/v1/chats"),
    ("post", "/v1/me/totp"),
    ("post", "/v1/me/totp/confirm"),
    ("post", "/v1/auth/login/second"),
    ("post", "/v1/me/totp/recovery-codes"),
    ("delete", "/v1/me/totp"),
    ("delete", "/v1/me"),
    ("put", "/v1/me/password"),
];

/// What the document shows as a request is one that succeeds, sent as it is: in this order, by somebody who has done
/// what stands before.
#[tokio::test]
async fn examples_can_be_sent_as_they_are() {
    // Links lead to where the server is.
    let public_url = Some("https://chat.example.org".to_owned());
    let provider = servers::Provider::start().await;
    let settings = super::external::knowing(&[("google", &provider)]);
    let app = TestApp::start_with(Settings { public_url, ..settings }).await;
    let document = api::document();
    let mut by = app.anonymous();
    let notifier = app.with_role("Nina", Role::Notifier).await;
    let moderator = app.with_role("Mara", Role::Moderator).await;
    let mut known = BTreeMap::from([("address", "nobody@example.org".to_owned())]);
    let mut sent = BTreeSet::new();
    for &(method, path) in ORDER {
        if path == "/v1/me/password" {
            // The account is gone by now: another one with the same password.
            by = app.anonymous();
            let again = json!({"user_name": "boris", "password": example(&document, "Registration")["password"]});
            by.post("/v1/auth/register", again.clone()).await.expect_status(201);
            by.token = Some(by.post("/v1/auth/login", again).await.id("session_id"));
        }
        if path == "/v1/auth/login/second" {
            let waiting = by.post("/v1/auth/login", example(&document, "Credentials")).await;
            known.insert("challenge", waiting.body["challenge"].as_str().unwrap().to_owned());
        }
        let operation = &document["paths"][path][method];
        let body = if let Some(reference) = operation.pointer("/requestBody/content/application~1json/schema/$ref") {
            let name = reference.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            sent.insert(name.clone());
            Some(with_secret(&app, &by, &known, &name, example(&document, &name)).await)
        } else {
            None
        };
        let mut address = path.to_owned();
        for (name, id) in &known {
            address = address.replace(&format!("{{{name}}}"), id);
        }
        let queries = operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "query");
        let queries = queries.filter_map(|one| Some(format!("{}={}", one["name"].as_str()?, one["example"].as_str()?)));
        let queries = queries.collect::<Vec<_>>();
        if !queries.is_empty() {
            address = format!("{address}?{}", queries.join("&"));
        }
        let is_notifiers = ["/v1/suppressions", "/v1/templates", "/v1/notifications", "/v1/mailings"]
            .iter()
            .any(|of| path.starts_with(of));
        // Somebody else joins the chat, who is banned from it then.
        let is_guests = path == "/v1/invitations/{code}" || path.ends_with("/reports");
        let who = match path {
            "/v1/users/{user_id}/suspension" => &moderator,
            _ if is_notifiers || is_guests => &notifier,
            _ => &by,
        };
        let reply = who.send(method.to_uppercase().parse().unwrap(), &address, body, &[]).await;
        if path == "/v1/me/email" {
            super::mail::confirm(&app, Purpose::Confirm).await;
        }
        assert!(reply.status.is_success(), "{method} {address}: {}", reply.text);
        for name in ["user_id", "chat_id", "message_id", "code", "report_id"] {
            known.extend(reply.body[name].as_str().map(|id| (name, id.to_owned())));
        }
        known.extend(reply.body["recovery_codes"][0].as_str().map(|code| ("recovery", code.into())));
        let ids = ["template_id", "mailing_id"].map(|name| reply.body[name].as_str());
        known.extend(ids.into_iter().flatten().map(|id| ("id", id.to_owned())));
        if let Some(token) = reply.body["session_id"].as_str() {
            by.token = Some(token.to_owned());
        }
    }
    // What operators send is tried in `operators` and `console_pages`.
    let paths = document["paths"].as_object().unwrap().iter().filter(|(path, _)| !path.starts_with("/v1/admin"));
    let bodies = paths.flat_map(|(_, item)| item.as_object().unwrap().values());
    // What other services send has no schema of ours.
    let of_ours = "/requestBody/content/application~1json/schema/$ref";
    let schemas = bodies.filter_map(|operation| operation.pointer(of_ours)?.as_str()?.rsplit('/').next());
    // What a device has signed is no example: it is tried in `passkeys`.
    let made_up = schemas.filter(|name| !["MadePasskey", "PasskeyLogin"].contains(name));
    let schemas = made_up.map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(sent, schemas, "each kind of body is tried");
}

/// A secret that is mailed, made by a device or told a browser stands in no document, nor what was answered before.
async fn with_secret(
    app: &TestApp,
    by: &Actor,
    known: &BTreeMap<&str, String>,
    schema: &str,
    mut body: Value,
) -> Value {
    match schema {
        "PasswordReset" => body["token"] = super::mail::mail(app, Purpose::Reset).token.into(),
        "FirstCode" => body["code"] = device_code(app, 0).into(),
        "SecondCredentials" => {
            body["challenge"] = known["challenge"].clone().into();
            body["code"] = device_code(app, 1).into();
        }
        "SecondFactorProof" => body["code"] = known["recovery"].clone().into(),
        "ReadMark" => body["message_id"] = known["message_id"].clone().into(),
        "MailedCode" => body["code"] = super::mail::mail(app, Purpose::SignIn).code.into(),
        "ExternalCode" => body["code"] = Browser::of(by.clone()).code("google", "&link=true").await.into(),
        "LinkConfirmation" => body["code"] = Browser::of(app.anonymous()).confirmation(by, "google").await.into(),
        _ => {}
    }
    body
}

/// The code of the present step, or so many later, of the secret that was shared last.
fn device_code(app: &TestApp, later: u64) -> String {
    let secret = super::mail::facts(app).into_iter().rev().find_map(|event| {
        if let Event::Totp(_, totp::Event::Begun(begun)) = event { begun.secret.into_known() } else { None }
    });
    Device::of(&secret.unwrap().0).code(later)
}

fn example(document: &Value, schema: &str) -> Value {
    let example = document["components"]["schemas"][schema]["example"].clone();
    assert!(example.is_object(), "{schema} has no example");
    example
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let app = TestApp::start().await;
    let document = app.anonymous().get("/openapi.json").await.body;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("everything is in the one document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_pages_bring_everything_they_need() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    let moved = nobody.get("/docs").await;
    let page = if moved.status.is_redirection() {
        assert_eq!(moved.header("location").trim_start_matches('.'), "/docs/");
        nobody.get("/docs/").await.expect_status(200)
    } else {
        moved.expect_status(200)
    };
    assert!(page.header("content-type").starts_with("text/html"));
    let mut assets = attributes(&page.text, "src");
    assets.extend(attributes(&page.text, "href"));
    assert!(assets.len() >= 3, "{}", page.text);
    for asset in assets {
        assert!(!asset.contains("//"), "{asset} is on another host");
        let path = match asset.strip_prefix("../") {
            Some(above) => format!("/{above}"),
            None if asset.starts_with('/') => asset.to_owned(),
            None => format!("/docs/{asset}").replace("/./", "/"),
        };
        let reply = nobody.get(&path).await.expect_status(200);
        assert!(!reply.text.is_empty() || asset.ends_with(".png"), "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert!(!reply.header("content-type").is_empty(), "nosniff needs a type: {path}");
    }
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe-eval"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let script = nobody.get("/docs/docs.js").await.expect_status(200);
    assert!(script.text.contains("openapi.json") && !script.text.contains("https://"), "{}", script.text);
    let root = nobody.get("/").await;
    assert!(root.status.is_redirection() && root.header("location") == "/docs/");
    nobody.get("/docs/nothing.js").await.expect_problem(404, "not-found");
}

#[tokio::test]
async fn operators_see_whether_it_lives() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    for path in ["/ping", "/ping_db", "/livez"] {
        nobody.get(path).await.expect_status(200);
    }
    app.user("Anna").await.chat("garden").await;
    let ready = nobody.get("/readyz").await.expect_status(200).body;
    assert_eq!(ready["ready"], true);
    assert_eq!(ready["head"], app.node.log.head().unwrap().position);
    let projections = ready["projections"].as_array().unwrap();
    for name in ["users", "sessions", "chats", "messages"] {
        let one = projections.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(one.get("error"), None);
        assert!(one["position"].as_u64() <= ready["head"].as_u64());
    }
}

#[tokio::test]
async fn figures_are_counted_by_route_and_not_by_address() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    anna.get(&format!("/v1/chats/{chat}")).await.expect_status(200);
    anna.get("/nothing-of-the-kind").await.expect_problem(404, "not-found");
    let reply = anna.get("/metrics").await.expect_status(200);
    assert!(reply.header("content-type").starts_with("text/plain"));
    let counted = "letopis_http_requests_total{method=\"GET\",route=\"/v1/chats/{chat_id}\",status=\"200\"}";
    assert!(reply.text.contains(counted), "{}", reply.text);
    for figure in ["letopis_log_head", "letopis_writer_queue", "letopis_projection_position", "letopis_http_seconds"] {
        assert!(reply.text.contains(figure), "{figure}");
    }
    for private in [chat.as_str(), "nothing-of-the-kind", "garden", "Anna"] {
        assert!(!reply.text.contains(private), "{private}");
    }
}
