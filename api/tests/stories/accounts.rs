//! Opening an account, the profile, finding people.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};
use tokio::task::JoinSet;

const GOOD: &str = "correct horse battery";

async fn register(actor: &Actor, name: &str, password: &str) -> Reply {
    actor.post("/v1/auth/register", json!({"user_name": name, "password": password})).await
}

fn names(users: &[Value]) -> Vec<&str> {
    users.iter().filter_map(|user| user["user_name"].as_str()).collect()
}

#[tokio::test]
async fn somebody_registers_logs_in_and_looks_at_himself() {
    let app = TestApp::start().await;
    let mut anna = app.anonymous();
    let registered = anna.register("Anna").await.expect_status(201);
    assert_eq!(registered.body["position"], registered.position());
    assert_eq!(registered.body.as_object().unwrap().len(), 2, "nothing but the id and the position");
    let logged_in = anna.log_in("anna").await.expect_status(200);
    assert_eq!(logged_in.id("user_id"), registered.id("user_id"));

    let me = anna.get("/v1/me").await.expect_status(200).body;
    assert_eq!(me["user_id"], registered.body["user_id"]);
    assert_eq!((&me["user_name"], &me["display_name"]), (&json!("Anna"), &json!("Anna")));
    assert_eq!((&me["role"], &me["email_confirmed"]), (&json!("user"), &json!(false)));
    assert_eq!((&me["time_zone"], &me["locale"]), (&json!("UTC"), &json!("en")));
    assert_eq!(me.get("email"), None);
    let created_at = me["created_at"].as_str().unwrap();
    assert!(created_at.len() == "2026-01-01T00:00:00.000000Z".len() && created_at.ends_with('Z'), "{created_at}");
}

#[tokio::test]
async fn a_user_name_has_one_to_sixty_four_visible_characters_and_no_at_sign() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    let long = "x".repeat(65);
    for bad in ["", " Anna", "Anna ", "an@na", "an\u{200b}na", "an\tna", "an\nna", "an\u{202e}na", "\u{0}", &long] {
        let refused = register(&nobody, bad, GOOD).await.expect_problem(400, "bad-parameters");
        assert_eq!(refused.pointers(), ["/user_name"], "{bad:?}");
    }
    for good in ["a", "Анна Петровна", "名前", "[optik]", "o'neil^", "🦀", &long[..64]] {
        register(&nobody, good, GOOD).await.expect_status(201);
    }
}

#[tokio::test]
async fn names_that_look_the_same_are_the_same_name() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    let same = [
        ("Straße", ["strasse", "STRASSE", "Ｓtraße"]),
        ("Ёлка", ["ёлка", "ЁЛКА", "е\u{308}лка"]),
        ("ﬁve", ["five", "FIVE", "Ｆｉｖｅ"]),
    ];
    for (first, others) in same {
        register(&nobody, first, GOOD).await.expect_status(201);
        for other in std::iter::once(&first).chain(&others) {
            register(&nobody, other, GOOD).await.expect_problem(409, "user-already-exists");
        }
        let mut known = app.anonymous();
        known.log_in_with(others[2], GOOD).await.expect_status(200);
        assert_eq!(known.get("/v1/me").await.body["user_name"], first);
    }
}

#[tokio::test]
async fn weak_passwords_are_refused() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    let too_long = "x".repeat(257);
    for weak in ["", "seven77", "password123", "QWERTYuiop", "hello-aNNa-2026", "ＡＮＮＡ is my name", &too_long] {
        let refused = register(&nobody, "Anna", weak).await.expect_problem(400, "weak-password");
        assert_eq!(refused.pointers(), ["/password"], "{weak}");
        assert!(weak.is_empty() || !refused.text.contains(weak), "a password is not repeated");
    }
    register(&nobody, "Anna", &too_long[..256]).await.expect_status(201);
    register(&nobody, "Al", "al is fine: eight").await.expect_status(201);
    register(&nobody, "Анна", "съешь ещё этих").await.expect_status(201);
}

#[tokio::test]
async fn an_email_is_kept_with_the_account_and_is_not_confirmed() {
    let app = TestApp::start().await;
    let mut anna = app.anonymous();
    for bad in ["anna", "@example.org", "anna@", "a b@example.org", "a@b@c.org", "a@b..c", ""] {
        let body = json!({"user_name": "Anna", "password": GOOD, "email": bad});
        let refused = anna.post("/v1/auth/register", body).await.expect_problem(400, "bad-parameters");
        assert_eq!(refused.pointers(), ["/email"], "{bad}");
    }
    let body = json!({"user_name": "Anna", "password": GOOD, "email": "Anna@Example.org"});
    anna.post("/v1/auth/register", body).await.expect_status(201);
    anna.log_in_with("Anna", GOOD).await.expect_status(200);
    let me = anna.get("/v1/me").await.expect_status(200).body;
    assert_eq!((&me["email"], &me["email_confirmed"]), (&json!("Anna@Example.org"), &json!(false)));
    // Only a confirmed address is as good as a name.
    app.anonymous().log_in_with("Anna@Example.org", GOOD).await.expect_problem(401, "bad-credentials");
}

#[tokio::test]
async fn of_twelve_who_want_one_name_at_once_exactly_one_gets_it() {
    let app = TestApp::start().await;
    let mut wishes = JoinSet::new();
    for number in 0..12 {
        let somebody = app.anonymous();
        let name = if number % 2 == 0 { "Anna" } else { "ANNA" };
        wishes.spawn(async move { register(&somebody, name, GOOD).await });
    }
    let replies = wishes.join_all().await;
    let mut statuses = replies.iter().map(|reply| reply.status.as_u16()).collect::<Vec<_>>();
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert_eq!(statuses[1..], [409; 11]);
    let codes = replies.iter().filter_map(|reply| reply.body["code"].as_str());
    assert!(codes.into_iter().all(|code| code == "user-already-exists"));
    let anna = app.user("Boris").await;
    assert_eq!(anna.get("/v1/users?name=anna").await.body["users"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_profile_is_changed_field_by_field() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let changed = anna.patch("/v1/me", json!({"display_name": "Anna 🦀", "time_zone": "Europe/Berlin"})).await;
    let changed = changed.expect_status(200);
    assert_eq!(changed.body["display_name"], "Anna 🦀");
    assert_eq!((&changed.body["locale"], &changed.body["user_name"]), (&json!("en"), &json!("Anna")));
    anna.patch("/v1/me", json!({"locale": "pt-BR"})).await.expect_status(200);
    let me = anna.get("/v1/me").await.body;
    assert_eq!((&me["display_name"], &me["time_zone"]), (&json!("Anna 🦀"), &json!("Europe/Berlin")));
    assert_eq!(me["locale"], "pt-BR");

    let head = app.node.log.head().unwrap().position;
    anna.patch("/v1/me", json!({"locale": "pt-BR", "display_name": null})).await.expect_status(200);
    anna.patch("/v1/me", json!({})).await.expect_status(200);
    assert_eq!(app.node.log.head().unwrap().position, head, "what changes nothing writes nothing");
}

#[tokio::test]
async fn a_profile_takes_only_what_makes_sense() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let cases = [
        (json!({"display_name": ""}), "/display_name"),
        (json!({"display_name": "a\u{7}b"}), "/display_name"),
        (json!({"display_name": "x".repeat(129)}), "/display_name"),
        (json!({"time_zone": "Mars/Olympus"}), "/time_zone"),
        (json!({"time_zone": "../../etc/passwd"}), "/time_zone"),
        (json!({"locale": "x"}), "/locale"),
        (json!({"role": "admin"}), "/role"),
    ];
    for (body, pointer) in cases {
        let refused = anna.patch("/v1/me", body).await.expect_problem(400, "bad-parameters");
        assert_eq!(refused.pointers(), [pointer]);
    }
    anna.patch("/v1/me", json!({"user_name": "Boris"})).await.expect_problem(409, "name-is-fixed");
    app.anonymous().patch("/v1/me", json!({})).await.expect_problem(401, "auth-failed");
}

#[tokio::test]
async fn a_profile_that_was_changed_meanwhile_is_not_overwritten() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let change = async |tag: &str, zone: &str| {
        let body = json!({"time_zone": zone});
        anna.send(Method::PATCH, "/v1/me", Some(body), &[("if-match", tag)]).await
    };
    let first = anna.get("/v1/me").await.header("etag").to_owned();
    // Neither a stranger who guesses nor a sign-in of her own changes what is shown of her.
    app.anonymous().log_in_with("Anna", "not her password").await.expect_status(401);
    app.anonymous().log_in("Anna").await.expect_status(200);
    assert_eq!(anna.get("/v1/me").await.header("etag"), first);
    change(&first, "Europe/Berlin").await.expect_status(200);
    let second = anna.get("/v1/me").await.header("etag").to_owned();
    assert_ne!(first, second);
    change(&first, "Europe/Paris").await.expect_problem(412, "version-changed");
    change("\"never given out\"", "Europe/Paris").await.expect_problem(412, "version-changed");
    change(&format!("W/{first}, \"9\""), "Europe/Paris").await.expect_problem(412, "version-changed");
    change("garbage", "Europe/Paris").await.expect_problem(400, "bad-parameters");
    change(&second, "Europe/Rome").await.expect_status(200);
    change("*", "Europe/Madrid").await.expect_status(200);
    assert_eq!(anna.get("/v1/me").await.body["time_zone"], "Europe/Madrid");
}

#[tokio::test]
async fn people_are_found_by_how_their_names_begin() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    for name in ["Annabel", "ANNIKA", "Boris", "Åsa", "100%_sure"] {
        register(&anna, name, GOOD).await.expect_status(201);
    }
    anna.patch("/v1/me", json!({"display_name": "Anna P."})).await.expect_status(200);
    for prefix in ["ann", "ANN", "Ａnn"] {
        let found = anna.get(&format!("/v1/users?name={prefix}")).await.expect_status(200).body;
        assert_eq!(names(found["users"].as_array().unwrap()), ["Anna", "Annabel", "ANNIKA"]);
        assert_eq!(found["users"][0]["display_name"], "Anna P.");
        assert_eq!(found["users"][0].as_object().unwrap().len(), 3, "no more than everybody may know");
        assert_eq!(found.get("next"), None);
    }
    for (prefix, count) in [("", 6), ("%C3%A5", 1), ("100%25_", 1), ("%25", 0), ("_", 0), ("zzz", 0), ("%00", 0)] {
        let found = anna.get(&format!("/v1/users?name={prefix}")).await.expect_status(200).body;
        assert_eq!(found["users"].as_array().unwrap().len(), count, "{prefix}");
    }
    app.anonymous().get("/v1/users").await.expect_problem(401, "auth-failed");
}

#[tokio::test]
async fn people_come_in_pages_by_name() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    for number in 0..6 {
        register(&anna, &format!("worker {number}"), GOOD).await.expect_status(201);
    }
    let pages = anna.pages("/v1/users?name=worker&limit=2", "users").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2], "and no empty page at the end");
    let expected = (0..6).map(|number| format!("worker {number}")).collect::<Vec<_>>();
    assert_eq!(pages.iter().flat_map(|page| names(page)).collect::<Vec<_>>(), expected);

    let cursor = anna.get("/v1/users?name=worker&limit=2").await.next().unwrap();
    anna.get(&format!("/v1/users?name=work&from={cursor}")).await.expect_problem(400, "bad-cursor");
    anna.get(&format!("/v1/users?from={cursor}")).await.expect_problem(400, "bad-cursor");
}
