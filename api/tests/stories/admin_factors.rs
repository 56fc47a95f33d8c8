//! What people sign in by, as admins see it: without what is secret of it, and taken away when it was lost.

use super::console::{check, look, press};
use super::external::{Browser, knowing};
use super::fresh_sign_ins::of_eleven_minutes_ago;
use super::second_factors::with_device;
use domain::user::Role;
use serde_json::{Value, json};
use servers::{Provider, ProviderUser};
use testkit::{Actor, Authenticator, Device, TestApp};

const EVIL: &str = "<img src=x onerror=alert(1)>";

struct House {
    app: TestApp,
    admin: Actor,
    boris: Actor,
    device: Device,
    /// So that it answers until the end.
    _provider: Provider,
}

/// An admin, and somebody with a device, a passkey and an identity.
async fn house() -> House {
    let provider = Provider::start().await;
    let app = TestApp::start_with(knowing(&[("acme", &provider)])).await;
    let admin = app.with_role("Anna", Role::Admin).await;
    let boris = app.user("Boris").await;
    let begun = boris.post("/v1/me/passkeys/begin", json!({"name": EVIL})).await.expect_status(200);
    let (_, credential) = Authenticator::make(&begun.body["publicKey"], &app.url);
    boris.post("/v1/me/passkeys/finish", json!({"credential": credential})).await.expect_status(201);
    provider.sign_in_as(ProviderUser::new("boris-1", "elsewhere@example.org"));
    Browser::of(boris.clone()).code("acme", "&link=true").await;
    let device = with_device(&boris).await;
    House { app, admin, boris, device, _provider: provider }
}

async fn factors(admin: &Actor) -> Vec<Value> {
    let listed = admin.get("/v1/admin/users/boris/factors").await.expect_status(200);
    listed.body["factors"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_admin_sees_and_takes_away_what_somebody_signs_in_by() {
    let House { app, admin, mut boris, device, _provider } = house().await;
    let listed = factors(&admin).await;
    let kinds = listed.iter().map(|one| (one["kind"].as_str().unwrap(), one["name"].as_str())).collect::<Vec<_>>();
    assert_eq!(kinds, [("totp", None), ("passkey", Some(EVIL)), ("identity", Some("acme"))]);
    assert_eq!((&listed[0]["which"], &listed[0]["recovery_codes_left"]), (&json!("totp"), &json!(10)));
    let text = Value::from(listed.clone()).to_string();
    for secret in [device.secret.as_str(), "boris-1", "elsewhere@example.org", "credential"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let path = |which: &Value| format!("/v1/admin/users/boris/factors/{}", which.as_str().unwrap());
    let stale = of_eleven_minutes_ago(&app, &admin).await;
    for (taken, one) in listed.iter().enumerate() {
        stale.delete(&path(&one["which"])).await.expect_problem(403, "fresh-sign-in-needed");
        boris.delete(&path(&one["which"])).await.expect_problem(403, "not-allowed");
        admin.delete(&path(&one["which"])).await.expect_status(200);
        boris.get("/v1/me").await.expect_problem(401, "invalid-session-id");
        let again = admin.delete(&path(&one["which"])).await;
        assert_eq!(again.status, 404, "{}", again.text);
        assert_eq!(factors(&admin).await, listed[taken + 1..]);
        // Codes were the first that was taken: the password is enough.
        boris.log_in("Boris").await.expect_status(200);
    }
    for nothing in ["nonsense", "0190163d-8694-739b-aea5-966c26f8ad91"] {
        assert_eq!(admin.delete(&path(&json!(nothing))).await.status, 404, "{nothing}");
    }
    admin.delete("/v1/admin/users/nobody/factors/totp").await.expect_problem(404, "user-not-found");
    admin.get("/v1/admin/users/nobody/factors").await.expect_problem(404, "user-not-found");
    // The identity is free for another account, and the facts name who took what away.
    let carla = app.user("Carla").await;
    Browser::of(carla.clone()).code("acme", "&link=true").await;
    let done = admin.get("/v1/admin/events?type=identities.unlinked.*").await.expect_status(200);
    assert_eq!(done.body["events"][0]["meta"]["actor"], json!(format!("user:{}", admin.user_id)));
}

#[tokio::test]
async fn the_page_of_a_person_shows_them_and_takes_them_away() {
    let House { app, admin, boris, device, _provider } = house().await;
    let moderator = app.with_role("Mara", Role::Moderator).await;
    let path = format!("/console/people/{}", boris.user_id);
    for (language, title) in [("en", "Second factors"), ("ru", "Вторые факторы")] {
        admin.patch("/v1/me", json!({"locale": language})).await.expect_status(200);
        let page = look(&admin, &path, &[]).await.expect_status(200);
        check(&page);
        assert!(page.text.contains(title) && page.text.contains("acme"), "{}", page.text);
        assert!(page.text.contains("factors/totp/remove") && !page.text.contains("<img"), "{}", page.text);
        assert!(!page.text.contains(&device.secret) && !page.text.contains("boris-1"), "{}", page.text);
    }
    let seen = look(&moderator, &path, &[]).await.expect_status(200);
    assert!(!seen.text.contains("/factors/"), "{}", seen.text);
    let own = [("origin", app.url.as_str())];
    let remove = format!("{path}/factors/totp/remove");
    press(&moderator, &remove, "", &own).await.expect_status(403);
    press(&admin, &remove, "", &[("origin", "https://elsewhere.example")]).await.expect_status(403);
    let stale = of_eleven_minutes_ago(&app, &admin).await;
    let refused = press(&stale, &remove, "", &own).await.expect_status(403);
    assert!(refused.text.contains("/sign-in?return_to="), "{}", refused.text);
    assert_eq!(factors(&admin).await.len(), 3);
    press(&admin, &remove, "", &own).await.expect_status(303);
    assert_eq!(factors(&admin).await.len(), 2);
    press(&admin, &remove, "", &own).await.expect_status(404);
}
