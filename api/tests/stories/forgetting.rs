//! What is known of me, and being forgotten.

use projections::ProjectionId;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use testkit::{Actor, Reply, TestApp};

/// Everything that nobody else says or is called.
const TRACES: [&str; 8] = [
    "Zuleika-Qvist",
    "zuleika-qvist",
    "qvist@letters.example",
    "Display Xylograph",
    "nick-quokka",
    "first words of zq",
    "edited words of zq",
    "Mozilla/Zq",
];

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Which of these words stand in which file.
pub(crate) fn found(folder: &Path, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in files(folder) {
        // A socket is a file without bytes.
        let Ok(bytes) = std::fs::read(&path) else { continue };
        for word in words {
            if bytes.windows(word.len()).any(|window| window == word.as_bytes()) {
                found.push(format!("{word} in {}", path.display()));
            }
        }
    }
    found
}

async fn erase(actor: &Actor, password: &str) -> Reply {
    actor.send(Method::DELETE, "/v1/me", Some(json!({"password": password})), &[]).await
}

/// Somebody with a mail address, a display name, a nickname, sign-ins, messages, and a reply to an edit.
async fn zuleika(app: &TestApp, chat: &str) -> Actor {
    let mut zuleika = app.anonymous();
    let password = zuleika.password();
    let body = json!({"user_name": TRACES[0], "password": password, "email": TRACES[2]});
    zuleika.post("/v1/auth/register", body).await.expect_status(201);
    let agent = [("user-agent", TRACES[7])];
    let wrong = json!({"user_name": TRACES[0], "password": "not this one"});
    zuleika.send(Method::POST, "/v1/auth/login", Some(wrong), &agent).await.expect_status(401);
    let right = json!({"user_name": TRACES[0], "password": password});
    let session = zuleika.send(Method::POST, "/v1/auth/login", Some(right), &agent).await.expect_status(200);
    zuleika.token = Some(session.id("session_id"));
    zuleika.user_id = session.id("user_id");
    let keyed = [("idempotency-key", "one")];
    let profile = json!({"display_name": TRACES[3]});
    zuleika.send(Method::PATCH, "/v1/me", Some(profile), &keyed).await.expect_status(200);
    let path = format!("/v1/chats/{chat}/users");
    zuleika.post(&path, json!({"user_name": TRACES[4]})).await.expect_status(201);
    let said = zuleika.say(chat, TRACES[5]).await;
    let edit = json!({"message": TRACES[6]});
    zuleika.patch(&format!("/v1/chats/{chat}/messages/{said}"), edit).await.expect_status(200);
    zuleika
}

fn verified(app: &TestApp) {
    let head = app.node.log.head().unwrap();
    assert_eq!(app.node.log.verify(1, u64::MAX, |_| {}).unwrap().head, head, "the chain holds");
    for name in ProjectionId::ALL {
        assert_eq!(app.node.projections.verify(name, &mut |_| {}).unwrap().differences, vec![], "{name}");
    }
}

#[tokio::test]
async fn who_erases_himself_is_nowhere_any_more() {
    let app = TestApp::start().await;
    if !app.is_embedded() {
        return;
    }
    let boris = app.user("Boris-the-other").await;
    let chat = boris.chat("garden").await;
    boris.say(&chat, "words of boris").await;
    let zuleika = zuleika(&app, &chat).await;
    // Others, so that pages are split and rows move.
    for number in 0..40 {
        let mut other = app.anonymous();
        other.register(&format!("member {number}")).await.expect_status(201);
    }
    for known in TRACES.iter().filter(|trace| **trace != TRACES[5]) {
        assert!(!found(&app.data(), &[known]).is_empty(), "there is something to be forgotten: {known}");
    }
    app.node.projections.rebuild(ProjectionId::Users, &mut |_| {}).unwrap();

    erase(&zuleika, "wrong").await.expect_problem(401, "bad-credentials");
    zuleika.get("/v1/me").await.expect_status(200);
    let erased = erase(&zuleika, zuleika.password()).await.expect_status(200);
    assert_eq!(erased.body["position"], erased.position());
    // The text index writes its files again in the background, within seconds.
    super::until(async || found(&app.data(), &TRACES).is_empty()).await;
    zuleika.get("/v1/me").await.expect_problem(401, "invalid-session-id");
    erase(&zuleika, zuleika.password()).await.expect_problem(401, "invalid-session-id");
    app.anonymous().log_in(TRACES[0]).await.expect_problem(401, "bad-credentials");
    app.anonymous().register(TRACES[0]).await.expect_problem(409, "user-already-exists");
    let path = format!("/v1/chats/{chat}/messages");
    assert_eq!(boris.get(&path).await.expect_status(200).texts(), ["words of boris"]);
    let others = ["words of boris", "Boris-the-other"];
    assert!(found(&app.data(), &others).len() >= 2, "the others are not forgotten");
    verified(&app);

    let app = app.restart().await;
    assert_eq!(found(&app.data(), &TRACES), Vec::<String>::new());
    assert!(found(&app.data(), &others).len() >= 2);
    verified(&app);
    let list = std::fs::read_to_string(app.data().join("erased")).unwrap();
    assert_eq!(list.lines().count(), 1);
    assert!(list.starts_with(&format!("{} ", zuleika.user_id)), "{list}");
}

/// What the files of this node hold of that, and, where nodes share the read models, the rows in the database.
async fn kept(app: &TestApp, text: &str) -> Vec<String> {
    let mut kept = found(&app.data(), &[text]);
    let Some(cluster) = app.node.log.cluster() else { return kept };
    let client = cluster.connect_in(&tokio::runtime::Handle::current()).await.unwrap();
    let tables = "select quote_ident(table_schema) || '.' || quote_ident(table_name) from information_schema.tables
                  where table_schema like 'letopis%' and table_type = 'BASE TABLE'";
    for row in client.query(tables, &[]).await.unwrap() {
        let table = row.get::<_, String>(0);
        let holding = format!("select count(*) from {table} as whole_row where strpos(whole_row::text, $1) > 0");
        if client.query_one(&holding, &[&text]).await.unwrap().get::<_, i64>(0) > 0 {
            kept.push(table);
        }
    }
    kept
}

#[tokio::test]
async fn what_somebody_asked_of_a_search_task_is_gone_with_them() {
    const QUESTIONS: [&str; 2] = ["whereabouts of xylophones", "whereabouts of quokkas"];
    let app = TestApp::start().await;
    let (zuleika, boris) = (app.user("Zuleika").await, app.user("Boris").await);
    let mut tasks = Vec::new();
    for (actor, question) in [(&zuleika, QUESTIONS[0]), (&boris, QUESTIONS[1])] {
        // It waits for a position that the log never has: for two seconds the question is kept.
        let later = [("letopis-min-position", "9000000000")];
        let body = Some(json!({"message": question}));
        let task = actor.send(Method::POST, "/v1/chats/search", body, &later).await.expect_status(201).id("task_id");
        assert!(!kept(&app, question).await.is_empty(), "the test looks in the right place");
        tasks.push(task.replace('-', ""));
    }
    erase(&zuleika, zuleika.password()).await.expect_status(200);
    super::until(async || kept(&app, QUESTIONS[0]).await.is_empty()).await;
    if app.node.log.cluster().is_some() {
        super::until(async || kept(&app, &tasks[0]).await.is_empty()).await;
        assert!(!kept(&app, &tasks[1]).await.is_empty(), "nobody else's task is gone");
    }
    let app = app.restart().await;
    assert_eq!(kept(&app, QUESTIONS[0]).await, Vec::<String>::new());
}

#[tokio::test]
async fn chats_go_on_without_who_was_erased() {
    let app = TestApp::start().await;
    let [anna, boris, vera] = [app.user("Anna").await, app.user("Boris").await, app.user("Vera").await];
    let chat = anna.chat("garden").await;
    vera.join(&chat).await;
    boris.join(&chat).await;
    let role = json!({"role": "admin"});
    anna.patch(&format!("/v1/chats/{chat}/users/{}", boris.user_id), role).await.expect_status(200);
    let private = json!({"chat_name": "alone", "private": true});
    let private = anna.post("/v1/chats", private).await.expect_status(201).id("chat_id");
    let empty = anna.chat("empty").await;
    erase(&anna, anna.password()).await.expect_status(200);

    let members = boris.get(&format!("/v1/chats/{chat}/users")).await.expect_status(200).body;
    let members = members["members"].as_array().or(members["users"].as_array()).unwrap().clone();
    let roles = members.iter().map(|member| (member["user_id"].clone(), member["role"].clone())).collect::<Vec<_>>();
    assert_eq!(roles, [(json!(vera.user_id), json!("member")), (json!(boris.user_id), json!("owner"))]);
    boris.get(&format!("/v1/chats/{private}")).await.expect_problem(404, "chat-not-found");
    boris.get(&format!("/v1/chats/{empty}")).await.expect_problem(404, "chat-not-found");
    verified(&app);
}

#[tokio::test]
async fn a_restored_copy_does_not_bring_a_person_back() {
    let app = TestApp::start().await;
    if !app.is_embedded() {
        return;
    }
    let boris = app.user("Boris").await;
    let chat = boris.chat("garden").await;
    let zuleika = zuleika(&app, &chat).await;
    let app = app.restart().await;
    let folder = app.stop().await;
    let data = folder.path().join("data");
    let copy = folder.path().join("copy");
    for path in files(&data) {
        let to = copy.join(path.strip_prefix(&data).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(&path, &to).unwrap();
    }
    let app = TestApp::start_in(folder.clone()).await;
    let zuleika = app.again(&zuleika);
    erase(&zuleika, zuleika.password()).await.expect_status(200);
    drop(app.stop().await);

    let list = std::fs::read(data.join("erased")).unwrap();
    // A segment that was just being rewritten may still get a file.
    super::until(async || std::fs::remove_dir_all(&data).is_ok()).await;
    std::fs::rename(&copy, &data).unwrap();
    std::fs::write(data.join("erased"), &list).unwrap();
    assert!(!found(&data, &TRACES).is_empty(), "the copy knows her");
    let app = TestApp::start_in(folder).await;
    // The text index writes its files again in the background, within seconds.
    super::until(async || found(&app.data(), &TRACES).is_empty()).await;
    app.again(&zuleika).get("/v1/me").await.expect_problem(401, "invalid-session-id");
    let boris = app.again(&boris);
    let members = boris.get(&format!("/v1/chats/{chat}")).await.expect_status(200).body["members"].clone();
    assert_eq!(members, 1);
    verified(&app);
    assert_eq!(std::fs::read(app.data().join("erased")).unwrap(), list);
}

#[tokio::test]
async fn an_export_holds_everything_of_mine_and_nothing_of_others() {
    let app = TestApp::start().await;
    let boris = app.user("Boris-the-other").await;
    let chat = boris.chat("garden").await;
    boris.say(&chat, "words of boris").await;
    let zuleika = zuleika(&app, &chat).await;
    let own = zuleika.chat("attic").await;
    let added = json!({"user_id": boris.user_id});
    zuleika.post(&format!("/v1/chats/{own}/users"), added).await.expect_status(201);
    let gone = zuleika.say(&chat, "said and deleted").await;
    zuleika.delete(&format!("/v1/chats/{chat}/messages/{gone}")).await.expect_status(200);

    let export = zuleika.get("/v1/me/export").await.expect_status(200);
    assert_eq!(export.header("content-type"), "application/x-ndjson");
    let lines = export.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    assert_eq!(of("profile").len(), 1);
    assert_eq!((of("session").len(), of("sign-in").len(), of("chat").len()), (1, 2, 2));
    assert_eq!(of("profile")[0]["email"], TRACES[2]);
    let garden = of("chat").into_iter().find(|line| line["chat_name"] == "garden").unwrap();
    assert_eq!((&garden["role"], &garden["user_name"]), (&json!("member"), &json!(TRACES[4])));
    let said = of("event").iter().filter(|line| line["type"] != "user.signed_up.v1").count();
    assert!(said >= 8, "{}", export.text);
    for mine in TRACES.iter().filter(|mine| **mine != "zuleika-qvist").chain(&["said and deleted"]) {
        assert!(export.text.contains(mine), "{mine} is missing");
    }
    for foreign in ["words of boris", "Boris-the-other", "$argon2", "token_hash", zuleika.token.as_deref().unwrap()] {
        assert!(!export.text.contains(foreign), "{foreign}");
    }
    assert_eq!(lines.last().unwrap()["kind"], "end");
    app.anonymous().get("/v1/me/export").await.expect_problem(401, "auth-failed");
}
