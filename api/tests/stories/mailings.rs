//! Mailings: drafted, previewed, sent, paused, called off.

use super::mail::confirm;
use api::Settings;
use couriers::mailings::VariablesSource;
use domain::delivery::{self, Content, Details, Fault, Plain};
use domain::notify::{CategoryKey, Channel, Kind, Semantics};
use domain::proof::Purpose;
use domain::user::Role;
use domain::{Command, DeliveryId, MailingId, NotificationId, UserId, mailing};
use outbound::Allowed;
use projections::ProjectionId;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use testkit::{Actor, TestApp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const LIST: &str = "/v1/mailings";

/// Asks until the answer is there: what is told is told a moment after the fact.
async fn until(what: &str, mut look: impl AsyncFnMut() -> Option<Value>) -> Value {
    for _ in 0..800 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("waited in vain until {what}");
}

fn news() -> Value {
    json!({
        "name": "Spring news", "category": "marketing", "audience": {"all": true}, "channels": ["inbox"],
        "content": {"subject": "Spring is here", "text": "And so are our new seeds."},
    })
}

async fn draft(by: &Actor, body: Value) -> String {
    let reply = by.post(LIST, body).await.expect_status(201);
    assert_eq!(reply.body["position"], json!(reply.position()));
    format!("{LIST}/{}", reply.id("mailing_id"))
}

async fn verb(by: &Actor, one: &str, verb: &str) -> testkit::Reply {
    by.post(&format!("{one}/{verb}"), json!(null)).await
}

async fn in_state(by: &Actor, one: &str, state: &str) -> Value {
    until(&format!("it is {state}"), async || {
        let shown = by.get(one).await.expect_status(200).body;
        (shown["state"] == state).then_some(shown)
    })
    .await
}

fn verified(app: &TestApp) {
    for name in [ProjectionId::Mailings, ProjectionId::Deliveries, ProjectionId::Recipients] {
        let verified = app.node.projections.verify(name, &mut |_| {}).unwrap();
        assert_eq!(verified.differences, vec![]);
    }
}

/// A change of the draft that names a field that there is not, or clears one that there must be, is refused.
async fn refuses_bad_changes(nina: &Actor, one: &str) {
    for (body, pointer) in [
        (json!({"colour": 1}), "/colour"),
        (json!({"colour": null}), "/colour"),
        (json!({"name": null}), "/name"),
        (json!({"category": null}), "/category"),
        (json!({"audience": null}), "/audience"),
        (json!({"audience": {"all": true, "colour": null}}), "/audience/colour"),
        (json!({"content": null}), "/content"),
        (json!({"content": {"subject": "x", "text": null}}), "/content/text"),
        (json!({"per_second_max": "fast"}), "/per_second_max"),
    ] {
        let problem = nina.patch(one, body.clone()).await.expect_problem(400, "bad-parameters");
        assert_eq!(problem.pointers(), [pointer], "{body}");
    }
    let twice = r#"{"name": "May news", "name": "June news"}"#.to_owned();
    let json = [("content-type", "application/json")];
    nina.raw(Method::PATCH, one, Some(twice), &json).await.expect_problem(400, "bad-parameters");
}

#[tokio::test]
async fn a_mailing_is_drafted_changed_previewed_and_sent_once() {
    let app = TestApp::start_telling().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let key = [("idempotency-key", "news-1")];
    let first = nina.send(Method::POST, LIST, Some(news()), &key).await.expect_status(201);
    let again = nina.send(Method::POST, LIST, Some(news()), &key).await.expect_status(201);
    assert_eq!(again.body["mailing_id"], first.body["mailing_id"]);
    let one = format!("{LIST}/{}", first.id("mailing_id"));
    let shown = nina.get(&one).await.expect_status(200);
    assert_eq!((&shown.body["state"], &shown.body["name"]), (&json!("draft"), &json!("Spring news")));
    for field in ["category", "audience", "channels", "content"] {
        assert_eq!(shown.body[field], news()[field], "{field}");
    }

    let stale = [("if-match", "\"9\"")];
    let change = json!({"name": "April news", "per_second_max": 500});
    nina.send(Method::PATCH, &one, Some(change.clone()), &stale).await.expect_problem(412, "version-changed");
    let current = [("if-match", shown.header("etag"))];
    let changed = nina.send(Method::PATCH, &one, Some(change.clone()), &current).await.expect_status(200);
    let now = nina.get(&one).await.expect_status(200);
    assert_eq!((&now.body["name"], &now.body["per_second_max"]), (&json!("April news"), &json!(500)));
    assert_eq!(now.body["content"], news()["content"], "what is left out stays");
    assert_eq!(now.header("etag"), changed.header("etag"));
    nina.patch(&one, change).await.expect_status(200);
    assert_eq!(nina.get(&one).await.header("etag"), now.header("etag"), "the same once more changes nothing");
    nina.patch(&one, json!({"per_second_max": null})).await.expect_status(200);
    assert_eq!(nina.get(&one).await.body.get("per_second_max"), None);
    refuses_bad_changes(&nina, &one).await;
    let unchanged = nina.get(&one).await;
    assert_eq!(unchanged.body["name"], "April news");
    let known = [("if-none-match", unchanged.header("etag"))];
    nina.send(Method::GET, &one, None, &known).await.expect_status(304);

    let preview = verb(&nina, &one, "preview").await.expect_status(200).body;
    assert_eq!((&preview["recipients"], &preview["by_reason"]), (&json!(3), &json!({})));
    assert_eq!(preview["samples"].as_array().unwrap().len(), 3);
    assert_eq!(preview["samples"][0]["subject"], "Spring is here");

    verb(&nina, &one, "start").await.expect_status(200);
    let changed = nina.send(Method::GET, &one, None, &known).await.expect_status(200);
    assert_ne!(changed.header("etag"), unchanged.header("etag"));
    let finished = in_state(&nina, &one, "finished").await;
    assert_eq!((&finished["recipients"], &finished["counts"]), (&json!(3), &json!({"delivered": 3})));
    let at_the_end = nina.get(&one).await;
    let known = [("if-none-match", at_the_end.header("etag"))];
    nina.send(Method::GET, &one, None, &known).await.expect_status(304);
    for somebody in [&anna, &boris] {
        let items = somebody.get("/v1/inbox").await.expect_status(200).body["items"].clone();
        assert_eq!((items.as_array().unwrap().len(), &items[0]["title"]), (1, &json!("Spring is here")));
    }
    let export = anna.get("/v1/me/export").await.expect_status(200).text;
    let lines = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let told = lines.filter(|line| line["kind"] == "delivery").collect::<Vec<_>>();
    assert!(told.iter().any(|line| line["mailing"] == "April news" && line["state"] == "delivered"), "{told:?}");
    let runs = nina.get(&format!("{one}/runs")).await.expect_status(200).body["runs"].clone();
    assert_eq!((runs.as_array().unwrap().len(), &runs[0]["recipients"]), (1, &json!(3)));
    assert_eq!(runs[0]["counts"], json!({"delivered": 3}));
    assert!(runs[0]["started_at"].is_string() && runs[0]["finished_at"].is_string(), "{runs}");
    let rows = nina.pages(&format!("{one}/deliveries?limit=2"), "deliveries").await.concat();
    let mut names = rows.iter().map(|row| row["user_name"].as_str().unwrap()).collect::<Vec<_>>();
    names.sort_unstable();
    assert_eq!(names, ["Anna", "Boris", "Nina"]);
    assert_eq!(nina.get(&format!("{one}/deliveries?state=failed")).await.body["deliveries"], json!([]));
    let notification = runs[0]["notification_id"].as_str().unwrap();
    let as_notification = nina.get(&format!("/v1/notifications/{notification}")).await.expect_status(200).body;
    assert_eq!((&as_notification["state"], &as_notification["recipients"]), (&json!("finished"), &json!(3)));
    verified(&app);
}

#[tokio::test]
async fn verbs_of_a_wrong_state_are_refused_and_the_same_twice_is_fine() {
    let app = TestApp::start().await;
    let nina = app.with_role("Nina", Role::Admin).await;
    let mut later = news();
    later["send_at"] = json!(store::now().plus_seconds(86_400));
    // What is done, and what each verb answers then; the last one is deleting.
    let table: [(&[&str], [u16; 5]); 4] = [
        (&[], [200, 409, 409, 409, 200]),
        (&["start"], [200, 200, 409, 200, 409]),
        (&["start", "pause"], [409, 200, 200, 200, 409]),
        (&["start", "cancel"], [409, 409, 409, 200, 409]),
    ];
    for (done, statuses) in table {
        for (tried, status) in ["start", "pause", "resume", "cancel", "delete"].into_iter().zip(statuses) {
            let one = draft(&nina, later.clone()).await;
            for step in done {
                verb(&nina, &one, step).await.expect_status(200);
            }
            let ask = async || match tried {
                "delete" => nina.delete(&one).await,
                tried => verb(&nina, &one, tried).await,
            };
            let reply = ask().await.expect_status(status);
            if status == 409 {
                reply.expect_problem(409, "wrong-state");
            } else if tried != "delete" {
                ask().await.expect_status(200);
            }
        }
    }
    let one = draft(&nina, later.clone()).await;
    verb(&nina, &one, "start").await.expect_status(200);
    assert_eq!(nina.get(&one).await.body["state"], "scheduled");
    nina.patch(&one, json!({"name": "x"})).await.expect_problem(409, "wrong-state");
    let resumed = async || verb(&nina, &one, "resume").await;
    verb(&nina, &one, "pause").await.expect_status(200);
    resumed().await.expect_status(200);
    resumed().await.expect_status(200);
    assert_eq!(nina.get(&one).await.body["state"], "scheduled");
    let gone = draft(&nina, later).await;
    nina.delete(&gone).await.expect_status(200);
    nina.get(&gone).await.expect_problem(404, "mailing-not-found");
    nina.delete(&gone).await.expect_problem(404, "mailing-not-found");
    verb(&nina, &format!("{LIST}/x"), "start").await.expect_problem(404, "mailing-not-found");
    let states =
        |list: Value| list["mailings"].as_array().unwrap().iter().map(|one| one["state"].clone()).collect::<Vec<_>>();
    let scheduled = states(nina.get(&format!("{LIST}?state=scheduled")).await.body);
    assert!(!scheduled.is_empty() && scheduled.iter().all(|state| state == "scheduled"), "{scheduled:?}");
    nina.get(&format!("{LIST}?state=none")).await.expect_problem(400, "bad-parameters");
    let pages = nina.pages(&format!("{LIST}?limit=3"), "mailings").await.concat();
    assert!(pages.len() > 10);
    app.user("Anna").await.get(LIST).await.expect_problem(403, "not-allowed");
}

#[tokio::test]
async fn the_audience_is_who_all_of_it_applies_to_and_the_preview_says_who_will_not_get_it() {
    let app = TestApp::start_telling().await;
    let nina = app.with_role("Nina", Role::Admin).await;
    let before = store::now();
    let (anna, boris, vera) = (app.user("Anna").await, app.user("Boris").await, app.user("Vera").await);
    let (gone, clara, dora) = (app.user("Gone").await, app.user("Clara").await, app.user("Dora").await);
    for (actor, address) in [
        (&anna, "anna@example.org"),
        (&boris, "boris@example.org"),
        (&vera, "vera@example.org"),
        (&clara, "clara@example.org"),
    ] {
        actor.put("/v1/me/email", json!({"email": address})).await.expect_status(202);
        confirm(&app, Purpose::Confirm).await;
    }
    boris.patch("/v1/me", json!({"locale": "ru"})).await.expect_status(200);
    boris.put("/v1/me/preferences", json!({"categories": {"marketing": {"email": false}}})).await.expect_status(200);
    nina.put("/v1/suppressions/vera@example.org", json!({"reason": "manual"})).await.expect_status(200);
    nina.put(&format!("/v1/users/{}/suspension", clara.user_id), json!({"reason": "spam"})).await.expect_status(200);
    let ids = [&anna, &boris, &vera, &gone, &clara, &dora].map(|actor| actor.user_id.clone());
    gone.send(Method::DELETE, "/v1/me", Some(json!({"password": gone.password()})), &[]).await.expect_status(200);
    let mut body = news();
    body.as_object_mut().unwrap().remove("channels");
    body["audience"] = json!({"user_ids": ids});
    let one = draft(&nina, body.clone()).await;
    assert_eq!(nina.get(&one).await.body["channels"], json!(["email"]), "a mailing is a mail");
    assert_eq!(nina.get(&one).await.body["audience"]["user_ids"].as_array().unwrap().len(), 6);
    let preview = verb(&nina, &one, "preview").await.expect_status(200).body;
    let reasons = json!({"switched-off": 1, "suppressed-address": 1, "erased": 1, "suspended": 1, "no-address": 1});
    assert_eq!((&preview["recipients"], &preview["by_reason"]), (&json!(1), &reasons), "{preview}");
    assert_eq!(preview["samples"][0]["user_id"], anna.user_id);

    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    for (audience, recipients) in [
        (json!({"all": true, "locale": "ru"}), 1),
        (json!({"locale": "en"}), 5),
        (json!({"role": "admin"}), 1),
        (json!({"chat_id": chat}), 2),
        (json!({"chat_id": chat, "locale": "ru"}), 1),
        (json!({"chat_id": chat, "user_ids": ids}), 2),
        (json!({"user_ids": ids, "role": "admin"}), 0),
        (json!({"signed_up_after": before}), 5),
        (json!({"signed_up_after": store::now()}), 0),
        (json!({"active_since": before}), 6),
        (json!({"active_since": store::now().plus_seconds(60)}), 0),
    ] {
        let mut body = news();
        body["audience"] = audience.clone();
        let preview = verb(&nina, &draft(&nina, body).await, "preview").await.expect_status(200).body;
        let others =
            preview["by_reason"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum::<u64>();
        let named_and_gone = u64::from(audience.get("user_ids").is_some());
        assert_eq!(
            preview["recipients"].as_u64().unwrap() + others - named_and_gone,
            recipients,
            "{audience} {preview}"
        );
    }

    verb(&nina, &one, "start").await.expect_status(200);
    let finished = in_state(&nina, &one, "finished").await;
    assert_eq!(finished["counts"], json!({"accepted": 1, "suppressed": 4}), "{finished}");
    let rows =
        nina.get(&format!("{one}/deliveries?state=suppressed")).await.expect_status(200).body["deliveries"].clone();
    let mut why =
        rows.as_array().unwrap().iter().map(|row| row["detail"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    why.sort_unstable();
    assert_eq!(why, ["no-address", "suppressed-address", "suspended", "switched-off"]);
    verified(&app);
}

#[tokio::test]
async fn a_draft_that_is_changed_while_it_is_started_is_sent_at_its_own_time_or_not_changed() {
    let app = TestApp::start_telling().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let later = json!({"send_at": super::console_mailings::in_a_year()});
    for _ in 0..20 {
        let one = draft(&nina, news()).await;
        let (changed, started) = tokio::join!(nina.patch(&one, later.clone()), verb(&nina, &one, "start"));
        started.expect_status(200);
        let shown = nina.get(&one).await.expect_status(200).body;
        if changed.status == 200 {
            assert_eq!((&shown["state"], &shown["due_at"]), (&json!("scheduled"), &shown["send_at"]), "{shown}");
        } else {
            changed.expect_problem(409, "wrong-state");
            assert_ne!(shown["state"], "scheduled");
        }
    }
}

#[tokio::test]
async fn a_pause_holds_from_its_answer_on_and_cancelling_calls_off_the_rest() {
    let app = TestApp::start_telling().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    for number in 0..5 {
        app.user(&format!("Anna {number}")).await;
    }
    let mut slow = news();
    slow["per_second_max"] = json!(1);
    let delivered = async |one: &str| {
        let shown = nina.get(one).await.expect_status(200).body;
        shown["counts"]["delivered"].as_u64().unwrap_or_default()
    };
    for (verb_then, state, others) in [("cancel", "cancelled", "cancelled"), ("resume", "finished", "delivered")] {
        let one = draft(&nina, slow.clone()).await;
        verb(&nina, &one, "start").await.expect_status(200);
        until("somebody has it", async || (delivered(&one).await > 0).then_some(json!(1))).await;
        verb(&nina, &one, "pause").await.expect_status(200);
        let then = delivered(&one).await;
        assert!(then < 6, "it is slow");
        // The couriers go on with all else, and it is still paused.
        let aside = json!({
            "content": {"subject": "Aside", "text": "x"}, "to": {"user_ids": [nina.user_id]}, "category": "transactional",
            "channels": ["inbox"],
        });
        let aside = nina.post("/v1/notifications", aside).await.expect_status(202).id("notification_id");
        in_state(&nina, &format!("/v1/notifications/{aside}"), "finished").await;
        assert_eq!(delivered(&one).await, then);
        assert_eq!(nina.get(&one).await.body["state"], "paused");
        if verb_then == "resume" {
            // Without a limit the rest goes at once.
            assert_eq!(nina.get(&one).await.body["per_second_max"], 1);
        }
        verb(&nina, &one, verb_then).await.expect_status(200);
        let ended = until("all is final", async || {
            let runs = nina.get(&format!("{one}/runs")).await.expect_status(200).body["runs"].clone();
            runs[0]["finished_at"].is_string().then_some(runs[0].clone())
        });
        let ended = ended.await;
        assert_eq!(nina.get(&one).await.body["state"], state);
        let expected = if others == "delivered" {
            json!({"delivered": 6})
        } else {
            json!({"delivered": then, "cancelled": 6 - then})
        };
        assert_eq!(ended["counts"], expected);
    }
    verified(&app);
}

#[tokio::test]
async fn a_schedule_has_runs_one_after_the_other() {
    let app = TestApp::start_telling().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let mut regular = news();
    regular["schedule"] = json!({"cron": "* * * * * *", "time_zone": "Europe/Berlin"});
    let one = draft(&nina, regular).await;
    verb(&nina, &one, "start").await.expect_status(200);
    let runs = until("two runs have ended", async || {
        let runs = nina.get(&format!("{one}/runs")).await.expect_status(200).body["runs"].clone();
        let ended = runs.as_array().unwrap().iter().filter(|run| run["finished_at"].is_string()).count();
        (ended >= 2).then_some(runs)
    });
    let runs = runs.await;
    let numbers = runs.as_array().unwrap().iter().map(|run| run["run"].as_u64().unwrap()).collect::<Vec<_>>();
    let expected = (1..=numbers.len() as u64).rev().collect::<Vec<_>>();
    assert_eq!(numbers, expected);
    app.user("Anna").await;
    let last = numbers[0];
    let later = until("a later run has her", async || {
        let runs = nina.get(&format!("{one}/runs")).await.expect_status(200).body["runs"].clone();
        let has = |run: &Value| run["run"].as_u64() > Some(last) && run["recipients"] == 2;
        runs.as_array().unwrap().iter().any(has).then_some(runs)
    });
    later.await;
    let first = nina.get(&format!("{one}/deliveries?run=1")).await.expect_status(200).body["deliveries"].clone();
    assert_eq!(first.as_array().unwrap().len(), 1, "each run has its own audience");
    verb(&nina, &one, "cancel").await.expect_status(200);
    assert_eq!(nina.get(&one).await.body["state"], "cancelled");
    verified(&app);
}

/// A delivery of a run, as a courier asks for it.
fn part_of(run: NotificationId, who: &Actor) -> (DeliveryId, delivery::Request) {
    let now = store::now();
    let plain = Plain { subject: "Spring is here".to_owned(), text: "x".to_owned(), html: None };
    let request = delivery::Request {
        user_id: UserId(who.user_id.parse().unwrap()),
        channel: Channel::Email,
        category: CategoryKey::MARKETING,
        kind: Kind::Marketing,
        semantics: Semantics::AtMostOnce,
        content: Content::Plain,
        due_at: now,
        late_because: "deadline".to_owned(),
        expires_at: now.plus_seconds(3_600),
        notification_id: run,
        cause: None,
        details: Details { plain: Some(plain), ..Details::default() },
        suppressed: None,
        before_sign_up: false,
    };
    (DeliveryId(uuid::Uuid::now_v7()), request)
}

#[tokio::test]
async fn one_that_is_called_off_in_the_middle_of_its_audience_ends() {
    let app = TestApp::start().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let one = draft(&nina, news()).await;
    verb(&nina, &one, "start").await.expect_status(200);
    let id = MailingId(one.rsplit('/').next().unwrap().parse().unwrap());
    let author = UserId(nina.user_id.parse().unwrap());
    let send = async |command: Command| {
        app.node.writer.send(commands::Request::by_operator(command, store::now())).await.unwrap()
    };
    // What the couriers do until a crash: a chunk is frozen and others are not, and one mail is on its way.
    let run = NotificationId(uuid::Uuid::now_v7());
    let variables = serde_json::Map::new();
    let begin = mailing::BeginRun { run: 1, author, notification_id: run, content: Content::Plain, variables };
    send(Command::Mailing(id, mailing::Command::BeginRun(Box::new(begin)))).await;
    let parts = [part_of(run, &anna), part_of(run, &boris)];
    let on_its_way = parts[1].0;
    let (deliveries, after) = (parts.to_vec(), Some(parts[1].1.user_id));
    let freeze = mailing::Freeze { run: 1, chunk: 0, recipients: 2, deliveries, after, last: false };
    send(Command::Mailing(id, mailing::Command::Freeze(freeze))).await;
    let (provider, node) = ("mx".to_owned(), "one".to_owned());
    let attempt = delivery::Attempt { provider, node, epoch: 1, mailing: Some(id) };
    send(Command::Delivery(on_its_way, delivery::Command::Attempt(attempt))).await;
    verb(&nina, &one, "cancel").await.expect_status(200);
    // Its provider puts it off after that: nobody tries again.
    let fault = Fault { phase: "data".to_owned(), code: Some(451), detail: "later".to_owned() };
    let end = delivery::Ended::Postponed { fault, next_provider_at: None };
    send(Command::Delivery(on_its_way, delivery::Command::EndAttempt(delivery::EndAttempt { attempt: 1, end }))).await;
    let runs = async |by: &Actor| by.get(&format!("{one}/runs")).await.expect_status(200).body["runs"].clone();
    assert_eq!(runs(&nina).await[0]["counts"], json!({"requested": 1, "deferred": 1}));

    let app = app.restart_telling_of_unread().await;
    let nina = app.again(&nina);
    let ended = until("the run has ended", async || {
        let runs = runs(&nina).await;
        runs[0]["finished_at"].is_string().then_some(runs[0].clone())
    });
    assert_eq!(ended.await["counts"], json!({"cancelled": 2}));
    let shown = nina.get(&one).await.expect_status(200).body;
    assert_eq!((&shown["state"], &shown["recipients"]), (&json!("cancelled"), &json!(2)));
    verified(&app);
}

#[tokio::test]
async fn times_of_a_schedule_that_come_while_it_is_paused_are_passed_over() {
    let app = TestApp::start_telling().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let mut regular = news();
    regular["schedule"] = json!({"cron": "* * * * * *", "time_zone": "UTC"});
    let one = draft(&nina, regular).await;
    verb(&nina, &one, "start").await.expect_status(200);
    verb(&nina, &one, "pause").await.expect_status(200);
    let paused_at = store::now();
    until("two of its times have come", async || (store::now() > paused_at.plus_seconds(2)).then_some(json!(1))).await;
    let resumed_at = store::now();
    verb(&nina, &one, "resume").await.expect_status(200);
    let runs = until("a run has ended after that", async || {
        let runs = nina.get(&format!("{one}/runs")).await.expect_status(200).body["runs"].clone();
        let is_later =
            |run: &Value| run["finished_at"].is_string() && run["due_at"].as_str() > Some(&resumed_at.to_string());
        runs.as_array().unwrap().iter().any(is_later).then_some(runs)
    });
    let (from, to) = (paused_at.to_string(), resumed_at.to_string());
    for run in runs.await.as_array().unwrap() {
        let due_at = run["due_at"].as_str().unwrap();
        assert!(due_at <= from.as_str() || due_at > to.as_str(), "{run} was due while it was paused");
    }
    verified(&app);
}

/// A service that answers what it has, or that it has nothing.
async fn variables(has: Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/variables?key=s3cr3t", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request).await;
            let (status, body) = match has.load(Ordering::Relaxed) {
                true => ("200 OK", r#"{"offer": "rakes"}"#),
                false => ("503 Service Unavailable", ""),
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    url
}

#[tokio::test]
async fn variables_are_fetched_once_a_run_and_one_that_cannot_have_them_waits() {
    let has = Arc::new(AtomicBool::new(false));
    let url = variables(Arc::clone(&has)).await;
    let allowed = VariablesSource { origins: Vec::new(), allowed: Allowed::parse("127.0.0.1").unwrap() };
    let app = TestApp::start_telling_with(Settings { variables: allowed, ..TestApp::settings() }).await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let template = json!({
        "key": "offer", "category": "marketing",
        "variables": {"offer": {"type": "string", "required": true, "example": "hoes"}},
        "locales": {"en": {"subject": "Only today: {{ offer }}", "text": "{{ offer }}"}},
    });
    nina.post("/v1/templates", template).await.expect_status(201);
    let mut body = news();
    body.as_object_mut().unwrap().remove("content");
    body["template"] = json!({"key": "offer"});
    nina.post(LIST, body.clone()).await.expect_problem(400, "bad-parameters");
    body["variables_url"] = json!("https://elsewhere.example/variables");
    let problem = nina.post(LIST, body.clone()).await.expect_problem(400, "bad-parameters");
    assert_eq!(problem.pointers(), ["/variables_url"]);
    body["variables_url"] = json!(url);
    let one = draft(&nina, body).await;
    let preview = verb(&nina, &one, "preview").await.expect_status(200).body;
    assert_eq!(preview["samples"][0]["subject"], "Only today: hoes");
    assert!(preview["variables_url"].as_str().unwrap().contains("503"), "{preview}");
    verb(&nina, &one, "start").await.expect_status(200);
    let waits = until("it says why it waits", async || {
        let shown = nina.get(&one).await.expect_status(200).body;
        shown["reason"].is_string().then_some(shown)
    });
    let waits = waits.await;
    assert_eq!((&waits["state"], &waits["reason"]), (&json!("running"), &json!("variables_url: it answered 503")));
    assert!(waits["tries"].as_u64().unwrap() >= 1);
    has.store(true, Ordering::Relaxed);
    // Who does not wait for the next try has it made now.
    verb(&nina, &one, "pause").await.expect_status(200);
    verb(&nina, &one, "resume").await.expect_status(200);
    let finished = in_state(&nina, &one, "finished").await;
    assert_eq!(finished["counts"], json!({"delivered": 1}));
    let items = nina.get("/v1/inbox").await.expect_status(200).body["items"].clone();
    assert_eq!(items[0]["title"], "Only today: rakes");
    let facts = app.node.log.read(0, 10_000).unwrap();
    assert!(facts.iter().all(|fact| !fact.payload.contains("s3cr3t")), "a secret of an address is sealed");
    verified(&app);
}

#[tokio::test]
async fn rows_are_exported_without_formulas() {
    let app = TestApp::start_telling().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    app.user("=HYPERLINK(1,2)").await;
    let one = draft(&nina, news()).await;
    let nothing = nina.send(Method::GET, &format!("{one}/deliveries.csv"), None, &[]).await.expect_status(200);
    assert_eq!(nothing.text.lines().count(), 1, "no run has begun");
    verb(&nina, &one, "start").await.expect_status(200);
    in_state(&nina, &one, "finished").await;
    let accept = [("accept", "text/csv")];
    let by_accept = nina.send(Method::GET, &format!("{one}/deliveries"), None, &accept).await.expect_status(200);
    let by_name = nina.send(Method::GET, &format!("{one}/deliveries.csv"), None, &[]).await.expect_status(200);
    assert_eq!(by_accept.text, by_name.text);
    assert!(by_name.header("content-type").starts_with("text/csv"));
    let lines = by_name.text.split("\r\n").collect::<Vec<_>>();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].starts_with("user_id,user_name,channel,state,"));
    assert!(lines.iter().any(|line| line.contains(",\"'=HYPERLINK(1,2)\",inbox,delivered,")), "{lines:?}");
    let none = nina.send(Method::GET, &format!("{one}/deliveries.csv?state=failed"), None, &[]).await;
    assert_eq!(none.expect_status(200).text.lines().count(), 1);
}

#[tokio::test]
async fn a_draft_that_is_not_well_formed_says_where() {
    let app = TestApp::start().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let cron = |text: &str, zone: &str| json!({"cron": text, "time_zone": zone});
    for (field, value, pointer) in [
        ("name", json!(""), "/name"),
        ("category", json!("none"), "/category"),
        ("channels", json!(["live"]), "/channels"),
        ("channels", json!(["inbox", "pigeon"]), "/channels/1"),
        ("audience", json!({}), "/audience"),
        ("audience", json!({"all": false}), "/audience/all"),
        ("audience", json!({"role": "king"}), "/audience/role"),
        ("audience", json!({"user_ids": []}), "/audience/user_ids"),
        ("audience", json!({"user_ids": ["x"]}), "/audience/user_ids/0"),
        ("audience", json!({"locale": "?"}), "/audience/locale"),
        ("audience", json!({"active_since": "yesterday"}), "/audience/active_since"),
        ("audience", json!({"signed_up_after": "yesterday"}), "/audience/signed_up_after"),
        ("audience", json!({"everybody": true}), "/audience/everybody"),
        ("send_at", json!("2020-01-01T00:00:00Z"), "/send_at"),
        ("schedule", cron("61 * * * *", "UTC"), "/schedule/cron"),
        ("schedule", cron("0 9 * * *", "Mars/Base"), "/schedule/time_zone"),
        ("per_second_max", json!(0), "/per_second_max"),
        ("expires_in", json!(59), "/expires_in"),
        ("variables", json!({"a": 1}), "/variables"),
        ("variables_url", json!("ftp://x"), "/variables_url"),
        ("content", json!(null), "/content"),
    ] {
        let mut body = news();
        body[field] = value;
        let problem = nina.post(LIST, body.clone()).await.expect_problem(400, "bad-parameters");
        assert_eq!(problem.body["errors"][0]["pointer"], pointer, "{body}");
    }
    let mut both = news();
    both["send_at"] = json!(store::now().plus_seconds(60));
    both["schedule"] = cron("0 9 * * *", "UTC");
    nina.post(LIST, both.clone()).await.expect_problem(400, "bad-parameters");
    let mut chat = news();
    chat["audience"] = json!({"chat_id": uuid::Uuid::now_v7()});
    nina.post(LIST, chat).await.expect_problem(404, "chat-not-found");
    let mut template = news();
    template["content"] = json!(null);
    template["template"] = json!({"key": "none"});
    nina.post(LIST, template).await.expect_problem(404, "template-not-found");
    // What takes the place of something else needs no word of that.
    both.as_object_mut().unwrap().remove("schedule");
    let one = draft(&nina, both).await;
    nina.patch(&one, json!({"schedule": cron("0 9 * * *", "UTC")})).await.expect_status(200);
    let shown = nina.get(&one).await.body;
    assert!(shown.get("send_at").is_none() && shown["schedule"].is_object(), "{shown}");
}
