//! Addresses that get nothing any more.

use domain::user::Role;
use projections::ProjectionId;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};

const LIST: &str = "/v1/suppressions";
const ANNAS: &str = "/v1/suppressions/anna@example.org";

async fn suppress(by: &Actor, address: &str, reason: &str) -> Reply {
    by.put(&format!("{LIST}/{address}"), json!({"reason": reason})).await.expect_status(200)
}

async fn addresses(by: &Actor) -> Vec<Value> {
    let list = by.get(LIST).await.expect_status(200).body["suppressions"].clone();
    list.as_array().unwrap().iter().map(|one| one["address"].clone()).collect()
}

fn verified(app: &TestApp) {
    let verified = app.node.projections.verify(ProjectionId::Recipients, &mut |_| {}).unwrap();
    assert_eq!(verified.differences, vec![]);
}

#[tokio::test]
async fn an_address_is_suppressed_until_it_is_taken_off_the_list() {
    let app = TestApp::start().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    nina.get(ANNAS).await.expect_problem(404, "suppression-not-found");
    let put = suppress(&nina, "Anna@Example.org", "hard-bounce").await;
    assert_eq!((&put.body["address"], &put.body["cause"]), (&json!("Anna@Example.org"), &json!("hard-bounce")));
    assert_eq!(put.body["position"], put.position());

    let got = nina.get(ANNAS).await.expect_status(200);
    assert_eq!((&got.body["reason"], &got.body["cause"]), (&json!("hard-bounce"), &json!("hard-bounce")));
    assert_eq!(got.header("etag"), put.header("etag"), "upper and lower case are one address");
    let head = got.position();
    assert_eq!(suppress(&nina, "anna@example.ORG", "hard-bounce").await.position(), put.position().max(head));

    let own = suppress(&nina, "anna@example.org", "asked us by phone").await;
    assert_eq!((&own.body["reason"], &own.body["cause"]), (&json!("asked us by phone"), &json!("manual")));
    let list = nina.get(LIST).await.expect_status(200).body["suppressions"].clone();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!((&list[0]["reason"], &list[0]["cause"]), (&json!("asked us by phone"), &json!("manual")));

    let stale = [("if-match", put.header("etag"))];
    nina.send(Method::DELETE, ANNAS, None, &stale).await.expect_problem(412, "version-changed");
    nina.delete(ANNAS).await.expect_status(200);
    nina.get(ANNAS).await.expect_problem(404, "suppression-not-found");
    nina.delete(ANNAS).await.expect_problem(404, "suppression-not-found");
    assert_eq!(addresses(&nina).await, Vec::<Value>::new());
    verified(&app);
}

#[tokio::test]
async fn the_list_has_pages_the_last_one_first() {
    let app = TestApp::start().await;
    let nina = app.with_role("Nina", Role::Admin).await;
    for number in 0..5 {
        suppress(&nina, &format!("a{number}@example.org"), "complaint").await;
    }
    let pages = nina.pages(&format!("{LIST}?limit=2"), "suppressions").await;
    let all = pages.concat().iter().map(|one| one["address"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(all, [4, 3, 2, 1, 0].map(|number| format!("a{number}@example.org")));
}

#[tokio::test]
async fn what_is_no_address_and_no_reason_is_refused() {
    let app = TestApp::start().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    for bad in ["anna", "a%20b@example.org", "@example.org"] {
        nina.get(&format!("{LIST}/{bad}")).await.expect_problem(400, "bad-parameters");
        nina.delete(&format!("{LIST}/{bad}")).await.expect_problem(400, "bad-parameters");
        nina.put(&format!("{LIST}/{bad}"), json!({"reason": "manual"})).await.expect_problem(400, "bad-parameters");
    }
    for (body, pointer) in [
        (json!({}), "/reason"),
        (json!({"reason": ""}), "/reason"),
        (json!({"reason": "x".repeat(201)}), "/reason"),
        (json!({"reason": "two\nlines"}), "/reason"),
        (json!({"reason": "manual", "note": "x"}), "/note"),
    ] {
        let refused = nina.put(ANNAS, body).await.expect_problem(400, "bad-parameters");
        assert_eq!(refused.pointers(), [pointer]);
    }
}

#[tokio::test]
async fn only_notifiers_and_admins_may_and_their_tokens_with_the_scope_notify() {
    let app = TestApp::start().await;
    let (nina, anna) = (app.with_role("Nina", Role::Notifier).await, app.user("Anna").await);
    for who in [&nina, &app.with_role("Ada", Role::Admin).await] {
        who.get(LIST).await.expect_status(200);
    }
    anna.get(LIST).await.expect_problem(403, "not-allowed");
    anna.put(ANNAS, json!({"reason": "manual"})).await.expect_problem(403, "not-allowed");
    app.anonymous().get(LIST).await.expect_problem(401, "auth-failed");
    for (of, scope, status) in
        [(&nina, "notify", 200), (&nina, "read", 403), (&nina, "write", 403), (&anna, "notify", 403)]
    {
        let token = of.post("/v1/me/tokens", json!({"name": scope, "scopes": [scope]})).await.id("token");
        let mut backend = app.anonymous();
        backend.token = Some(token);
        backend.get(LIST).await.expect_status(status);
        backend.put(ANNAS, json!({"reason": "manual"})).await.expect_status(status);
    }
}

#[tokio::test]
async fn who_is_erased_leaves_an_address_that_nobody_can_read_and_that_stays_suppressed() {
    let app = TestApp::start().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let password = nina.password();
    let mut boris = app.anonymous();
    let account = json!({"user_name": "Boris", "password": password, "email": "Boris@Example.org"});
    boris.post("/v1/auth/register", account).await.expect_status(201);
    boris.log_in("Boris").await.expect_status(200);
    suppress(&nina, "boris@example.org", "moved away").await;
    suppress(&nina, "vera@example.org", "manual").await;
    boris.send(Method::DELETE, "/v1/me", Some(json!({"password": password})), &[]).await.expect_status(200);

    let list = nina.get(LIST).await.expect_status(200).body["suppressions"].clone();
    assert_eq!(list[0]["address"], "vera@example.org");
    assert_eq!((list[1].get("address"), &list[1]["reason"]), (None, &json!("manual")), "and nothing said of it");
    nina.get("/v1/suppressions/boris@example.org").await.expect_status(200);
    verified(&app);
    if app.is_embedded() {
        let data = app.stop().await;
        for (text, is_there) in [("oris@example.org", false), ("moved away", false), ("vera@example.org", true)] {
            let found = super::tokens::holding(data.path(), text.as_bytes());
            assert_eq!(!found.is_empty(), is_there, "{text}: {found:?}");
        }
    }
}
