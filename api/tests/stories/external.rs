//! Signing in by another service: who comes in, who does not, and what is linked to whom.

use api::{Settings, SignUp};
use domain::proof::Purpose;
use domain::user::Role;
use node::Modules;
use outbound::Allowed;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use servers::{CLIENT, Lie, Place, Provider, ProviderUser};
use std::collections::HashMap;
use testkit::{Actor, Reply, TestApp};
use url::{Url, form_urlencoded};

const BACK: &str = "https://app.example/signed-in";

/// The settings of a server that knows these providers by these names.
pub(super) fn knowing(providers: &[(&str, &Provider)]) -> Settings {
    let one = |(name, provider): &(&str, &Provider)| {
        let id = oidc::ProviderId::parse(name).unwrap();
        oidc::ProviderSettings {
            scopes: oidc::Kind::of(&id).scopes().to_owned(),
            id,
            name: name.to_uppercase(),
            issuer: provider.issuer.clone(),
            client_id: CLIENT.0.to_owned(),
            client_secret: Some(oidc::ClientSecret(CLIENT.1.to_owned())),
        }
    };
    Settings {
        providers: providers.iter().map(one).collect(),
        outbound: Allowed::parse("127.0.0.1").unwrap(),
        allowed_origins: vec!["https://app.example".to_owned()],
        ..TestApp::settings()
    }
}

/// A browser: it keeps a cookie, and goes where it is led.
pub(super) struct Browser {
    actor: Actor,
    cookie: Option<String>,
}

impl Browser {
    pub(super) fn of(actor: Actor) -> Browser {
        Browser { actor, cookie: None }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let headers = self.cookie.iter().map(|cookie| ("cookie", cookie.as_str())).collect::<Vec<_>>();
        self.actor.send(method, path, body, &headers).await
    }

    /// Has a code exchanged into the cookie of a session.
    async fn exchange(&self, code: &str) -> Reply {
        let body = json!({"code": code, "cookie": true});
        self.send(Method::POST, "/v1/auth/external/exchange", Some(body)).await
    }

    async fn get(&mut self, path: &str) -> Reply {
        let reply = self.send(Method::GET, path, None).await;
        if let Some(line) = reply.headers.get("set-cookie").and_then(|line| line.to_str().ok()) {
            assert!(line.starts_with("__Host-letopis-external=") && line.contains("HttpOnly"), "{line}");
            self.cookie = line.split(';').next().map(str::to_owned);
        }
        reply
    }

    /// Begins, and asks the provider; where that leads back to.
    async fn led_back(&mut self, provider: &str, query: &str) -> String {
        let begun = self.get(&format!("/v1/auth/external/{provider}?return_to={BACK}{query}")).await.expect_status(302);
        self.visited(begun.header("location")).await
    }

    /// What the provider answers, as a path of ours.
    async fn visited(&self, url: &str) -> String {
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let response = client.get(url).send().await.unwrap();
        let location = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        let location = Url::parse(&location.expect("it leads back")).unwrap();
        format!("{}?{}", location.path(), location.query().unwrap())
    }

    /// The whole way; what the page is told behind `#`.
    async fn told(&mut self, provider: &str, query: &str) -> HashMap<String, String> {
        let back = self.led_back(provider, query).await;
        told(&self.get(&back).await.expect_status(303))
    }

    /// The whole way to a code.
    pub(super) async fn code(&mut self, provider: &str, query: &str) -> String {
        let told = self.told(provider, query).await;
        told.get("code").unwrap_or_else(|| panic!("{told:?}")).clone()
    }

    /// What somebody without a session in this browser confirms that an identity is theirs by.
    pub(super) async fn confirmation(&mut self, of: &Actor, provider: &str) -> String {
        let begin = json!({"provider": provider, "return_to": BACK});
        let url = Url::parse(&of.post("/v1/me/identities/begin", begin).await.expect_status(201).id("url")).unwrap();
        let begun = self.get(&format!("{}?{}", url.path(), url.query().unwrap())).await.expect_status(302);
        let back = self.visited(begun.header("location")).await;
        told(&self.get(&back).await.expect_status(303))["confirm"].clone()
    }

    async fn error(&mut self, provider: &str) -> String {
        let told = self.told(provider, "").await;
        assert!(!told.contains_key("code"), "{told:?}");
        told.get("error").unwrap_or_else(|| panic!("{told:?}")).clone()
    }
}

/// What a page is told behind `#`.
fn told(reply: &Reply) -> HashMap<String, String> {
    let url = Url::parse(reply.header("location")).unwrap();
    assert!(url.as_str().starts_with(BACK), "{url}");
    form_urlencoded::parse(url.fragment().unwrap_or_default().as_bytes()).into_owned().collect()
}

async fn exchange(actor: &Actor, code: &str) -> Reply {
    actor.post("/v1/auth/external/exchange", json!({"code": code})).await
}

/// Somebody who signs in by a provider.
async fn signed_in(app: &TestApp, provider: &str) -> Actor {
    let code = Browser::of(app.anonymous()).code(provider, "").await;
    let mut actor = app.anonymous();
    let reply = exchange(&actor, &code).await.expect_status(200);
    actor.token = Some(reply.id("session_id"));
    actor.user_id = reply.id("user_id");
    actor
}

async fn identities(actor: &Actor) -> Vec<Value> {
    actor.get("/v1/me/identities").await.expect_status(200).body["identities"].as_array().unwrap().clone()
}

fn user(subject: &str, email: &str) -> ProviderUser {
    ProviderUser::new(subject, email)
}

fn unverified(subject: &str, email: &str) -> ProviderUser {
    ProviderUser { email_verified: false, ..user(subject, email) }
}

/// Registers somebody who has confirmed an address.
async fn with_address(app: &TestApp, name: &str, email: &str) -> Actor {
    let actor = app.user(name).await;
    actor.put("/v1/me/email", json!({"email": email})).await.expect_status(202);
    super::mail::confirm(app, Purpose::Confirm).await;
    actor
}

#[tokio::test]
async fn whom_nobody_knows_gets_an_account_and_comes_back_to_it() {
    let provider = Provider::start().await;
    let app = TestApp::start_with(knowing(&[("acme", &provider), ("google", &provider)])).await;
    let listed = app.anonymous().get("/v1/auth/providers").await.expect_status(200).body;
    assert_eq!(listed["providers"], json!([{"id": "acme", "name": "ACME"}, {"id": "google", "name": "GOOGLE"}]));
    let mut anna = user("anna-1", "anna@example.org");
    anna.name = Some("Anna K.".to_owned());
    provider.sign_in_as(anna);
    let first = signed_in(&app, "acme").await;
    let me = first.get("/v1/me").await.expect_status(200).body;
    assert_eq!((&me["email"], &me["email_confirmed"]), (&json!("anna@example.org"), &json!(true)));
    assert_eq!(me["display_name"], "Anna K.");
    first.patch("/v1/me", json!({"user_name": "anna"})).await.expect_status(200);
    first.patch("/v1/me", json!({"user_name": "anna2"})).await.expect_problem(409, "name-is-fixed");
    let again = signed_in(&app, "acme").await;
    assert_eq!(again.user_id, first.user_id);
    let sessions = again.get("/v1/me/sessions").await.body["sessions"].clone();
    assert!(sessions.as_array().unwrap().iter().all(|one| one["proofs"][0]["by"] == "external"), "{sessions}");
    let listed = identities(&first).await;
    assert_eq!((listed.len(), &listed[0]["provider"], &listed[0]["subject"]), (1, &json!("acme"), &json!("anna-1")));
    // Somebody else of the same provider is somebody else here.
    provider.sign_in_as(user("boris-1", "boris@example.org"));
    assert_ne!(signed_in(&app, "acme").await.user_id, first.user_id);
}

#[tokio::test]
async fn an_address_that_nobody_vouches_for_is_not_the_accounts() {
    let provider = Provider::start().await;
    let app = TestApp::start_with(knowing(&[("acme", &provider)])).await;
    provider.sign_in_as(unverified("anna-1", "anna@example.org"));
    let anna = signed_in(&app, "acme").await;
    let me = anna.get("/v1/me").await.expect_status(200).body;
    assert_eq!((&me["email"], &me["email_confirmed"]), (&Value::Null, &json!(false)));
}

#[tokio::test]
async fn an_address_joins_an_account_only_where_both_sides_have_it_confirmed() {
    let provider = Provider::start().await;
    let app = TestApp::start_with(knowing(&[("acme", &provider)])).await;
    let anna = with_address(&app, "Anna", "anna@example.org").await;
    let mut browser = Browser::of(app.anonymous());
    provider.sign_in_as(unverified("1", "Anna@Example.org"));
    assert_eq!(browser.error("acme").await, "account-exists");
    provider.sign_in_as(user("1", "Anna@Example.org"));
    assert_eq!(signed_in(&app, "acme").await.user_id, anna.user_id);
    assert_eq!(identities(&anna).await.len(), 1);
    // Boris has given the address, and has not shown that it is theirs.
    let boris = app.user("Boris").await;
    boris.put("/v1/me/email", json!({"email": "boris@example.org"})).await.expect_status(202);
    for user in [user("2", "boris@example.org"), unverified("2", "boris@example.org")] {
        provider.sign_in_as(user);
        assert_eq!(browser.error("acme").await, "account-exists");
    }
    assert_eq!(identities(&boris).await.len(), 0);
}

#[tokio::test]
async fn accounts_are_opened_only_where_that_is_allowed() {
    let provider = Provider::start().await;
    let settings = Settings { sign_up: SignUp::Closed, ..knowing(&[("acme", &provider)]) };
    let app = TestApp::start_with(settings).await;
    assert_eq!(Browser::of(app.anonymous()).error("acme").await, "sign-up-closed");
}

#[tokio::test]
async fn a_server_that_leaves_this_out_offers_it_nowhere() {
    let provider = Provider::start().await;
    let app = TestApp::start_with(knowing(&[("acme", &provider)])).await;
    let link = "/v1/auth/external/acme";
    assert!(app.anonymous().get("/sign-in").await.expect_status(200).text.contains(link));
    let app = app.restart_having(Modules::of(&[]).unwrap()).await;
    assert!(!app.anonymous().get("/sign-in").await.expect_status(200).text.contains(link));
}

#[tokio::test]
async fn a_code_is_good_once_and_only_here() {
    let provider = Provider::start().await;
    let app = TestApp::start_with(knowing(&[("acme", &provider)])).await;
    let (mut browser, nobody) = (Browser::of(app.anonymous()), app.anonymous());
    let code = browser.code("acme", "").await;
    let (one, other) = tokio::join!(exchange(&nobody, &code), exchange(&nobody, &code));
    let statuses = [one.status.as_u16(), other.status.as_u16()];
    assert!(statuses == [200, 401] || statuses == [401, 200], "{statuses:?}");
    for code in [code.as_str(), "", "nonsense", &"x".repeat(2_000)] {
        exchange(&nobody, code).await.expect_problem(401, "bad-code");
    }
    // Into the cookie, for a page of ours: in the browser that came back, and no other one.
    let mut other = Browser::of(app.anonymous());
    other.code("acme", "").await;
    for thief in [other, Browser::of(app.anonymous())] {
        let code = browser.code("acme", "").await;
        thief.exchange(&code).await.expect_problem(401, "bad-code");
    }
    let code = browser.code("acme", "").await;
    let reply = browser.exchange(&code).await;
    assert!(reply.header("set-cookie").starts_with("__Host-letopis="), "{:?}", reply.headers);
    assert_eq!(reply.expect_status(200).body["session_id"], Value::Null);
}

#[tokio::test]
async fn a_state_is_good_once_and_in_its_browser() {
    let (provider, other) = (Provider::start().await, Provider::start().await);
    let app = TestApp::start_with(knowing(&[("acme", &provider), ("other", &other)])).await;
    let (mut browser, mut thief) = (Browser::of(app.anonymous()), Browser::of(app.anonymous()));
    let back = browser.led_back("acme", "").await;
    // Another browser, one with a cookie of its own, and one that has forgotten it.
    thief.get(&back).await.expect_problem(400, "bad-state");
    thief.led_back("acme", "").await;
    thief.get(&back).await.expect_problem(400, "bad-state");
    // They have not ended it. Twice at once it is good once.
    let (one, two) = (browser.cookie.clone(), browser.cookie.clone());
    let mut twin = Browser { actor: app.anonymous(), cookie: two };
    browser.cookie = one;
    let (one, two) = tokio::join!(browser.get(&back), twin.get(&back));
    let statuses = [one.status.as_u16(), two.status.as_u16()];
    assert!(statuses == [303, 400] || statuses == [400, 303], "{statuses:?}");
    browser.get(&back).await.expect_problem(400, "bad-state");
    for path in ["", "?state=", "?state=nonsense&code=x", "?code=x"] {
        browser.get(&format!("/v1/auth/external/acme/callback{path}")).await.expect_problem(400, "bad-state");
    }
    // The state of one provider is none of another.
    let back = browser.led_back("acme", "").await;
    browser.get(&back.replace("/acme/", "/other/")).await.expect_problem(400, "bad-state");
    assert_eq!(other.asked(Place::Token), 0);
    // Two windows of one browser do not disturb each other.
    let (one, two) = (browser.led_back("acme", "").await, browser.led_back("other", "").await);
    assert!(told(&browser.get(&one).await).contains_key("code") && told(&browser.get(&two).await).contains_key("code"));
}

#[tokio::test]
async fn what_is_not_true_lets_nobody_in() {
    let provider = Provider::start().await;
    let app = TestApp::start_with(knowing(&[("acme", &provider)])).await;
    let mut browser = Browser::of(app.anonymous());
    for lie in [
        Lie::Nonce,
        Lie::NoNonce,
        Lie::Issuer,
        Lie::Audience,
        Lie::AuthorizedParty,
        Lie::Expired,
        Lie::None,
        Lie::HmacWithPublicKey,
        Lie::ForeignKey,
        Lie::ForeignKeyOfItsOwn,
        Lie::Tampered,
        Lie::NoSubject,
        Lie::EmptySubject,
        Lie::NoToken,
        Lie::OtherUser,
        Lie::OtherIssuerInCallback,
        Lie::NoIssuerInCallback,
    ] {
        provider.lie(lie);
        assert_eq!(browser.error("acme").await, "provider-untrue", "{lie:?}");
    }
    for (lie, code) in [
        (Lie::Denies, "access-denied"),
        (Lie::RefusesCode, "provider-refused"),
        (Lie::Fails(Place::Token), "provider-unavailable"),
        (Lie::Garbage(Place::Token), "provider-unavailable"),
        (Lie::Oversized(Place::Token), "provider-unavailable"),
        (Lie::Redirects(Place::Token), "provider-unavailable"),
    ] {
        provider.lie(lie);
        assert_eq!(browser.error("acme").await, code, "{lie:?}");
    }
    let nina = app.with_role("Nina", Role::Admin).await;
    let people = nina.get("/v1/users").await.expect_status(200).body["users"].clone();
    assert_eq!(people.as_array().unwrap().len(), 1, "nobody else has an account: {people}");
    provider.be_honest();
    provider.rotate();
    browser.code("acme", "").await;
}

#[tokio::test]
async fn a_provider_that_is_away_is_told_at_the_beginning() {
    let (away, slow, lying) = (Provider::start().await, Provider::start().await, Provider::start().await);
    slow.lie(Lie::Slow(Place::Configuration));
    lying.lie(Lie::OtherConfiguration);
    let app = TestApp::start_with(knowing(&[("away", &away), ("slow", &slow), ("lying", &lying)])).await;
    drop(away);
    for (name, code) in
        [("away", "provider-unavailable"), ("slow", "provider-unavailable"), ("lying", "provider-untrue")]
    {
        let begun = app.anonymous().get(&format!("/v1/auth/external/{name}?return_to={BACK}")).await;
        assert_eq!(told(&begun.expect_status(303))["error"], code, "{name}");
    }
    app.anonymous().get("/v1/auth/external/nobody").await.expect_problem(404, "provider-not-found");
    app.anonymous().get("/v1/auth/external/nobody/callback").await.expect_problem(404, "provider-not-found");
}

#[tokio::test]
async fn a_browser_is_led_back_to_us_and_to_whom_we_allow() {
    let provider = Provider::start().await;
    let app = TestApp::start_with(knowing(&[("acme", &provider)])).await;
    let nobody = app.anonymous();
    for return_to in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "https://app.example@evil.example",
        "https://app.example.evil.example",
        "https://app.example:8443",
        "http://app.example",
        "javascript:alert(1)",
        "https://app.example/#x",
        "",
    ] {
        let return_to = form_urlencoded::byte_serialize(return_to.as_bytes()).collect::<String>();
        let begun = nobody.get(&format!("/v1/auth/external/acme?return_to={return_to}")).await;
        begun.expect_problem(400, "bad-return-to");
    }
    for fine in ["https%3A%2F%2Fapp.example%2Fx%3Fy%3D1", "%2Fconsole", "https%3A%2F%2FAPP.example"] {
        nobody.get(&format!("/v1/auth/external/acme?return_to={fine}")).await.expect_status(302);
    }
    nobody.get("/v1/auth/external/acme").await.expect_status(302);
}

#[tokio::test]
async fn who_is_signed_in_adds_identities_and_takes_them_off() {
    let provider = Provider::start().await;
    let app = TestApp::start_with(knowing(&[("acme", &provider)])).await;
    let anna = app.user("Anna").await;
    app.anonymous().get("/v1/auth/external/acme?link=true").await.expect_problem(401, "auth-failed");
    anna.get("/v1/auth/external/acme?link=maybe").await.expect_problem(400, "bad-parameters");
    provider.sign_in_as(user("anna-1", "elsewhere@example.org"));
    let told = Browser::of(anna.clone()).told("acme", "&link=true").await;
    assert_eq!(told["linked"], "acme");
    assert_eq!(
        exchange(&app.anonymous(), &told["code"]).await.expect_status(200).body["user_id"],
        anna.user_id.as_str()
    );
    let listed = identities(&anna).await;
    assert_eq!((listed.len(), &listed[0]["email"]), (1, &json!("elsewhere@example.org")));
    let me = anna.get("/v1/me").await.body;
    assert_eq!(me["email"], Value::Null, "linking confirms no address");
    // Linked once more nothing changes; to another account it is not linked.
    Browser::of(anna.clone()).code("acme", "&link=true").await;
    assert_eq!(identities(&anna).await.len(), 1);
    let boris = app.user("Boris").await;
    assert_eq!(Browser::of(boris.clone()).told("acme", "&link=true").await["error"], "identity-taken");
    assert_eq!(signed_in(&app, "acme").await.user_id, anna.user_id);
    // Nobody takes off what is another's.
    let path = format!("/v1/me/identities/{}", listed[0]["id"].as_str().unwrap());
    boris.delete(&path).await.expect_problem(404, "identity-not-found");
    let code = Browser::of(app.anonymous()).code("acme", "").await;
    anna.delete(&path).await.expect_status(200);
    anna.delete(&path).await.expect_problem(404, "identity-not-found");
    exchange(&app.anonymous(), &code).await.expect_problem(401, "bad-code");
    // It is free now.
    Browser::of(boris.clone()).code("acme", "&link=true").await;
    assert_eq!((identities(&anna).await.len(), identities(&boris).await.len()), (0, 1));
}

#[tokio::test]
async fn the_last_way_in_stays() {
    let provider = Provider::start().await;
    let app = TestApp::start_with(knowing(&[("acme", &provider)])).await;
    provider.sign_in_as(unverified("anna-1", "anna@example.org"));
    let anna = signed_in(&app, "acme").await;
    let path = format!("/v1/me/identities/{}", identities(&anna).await[0]["id"].as_str().unwrap());
    anna.delete(&path).await.expect_problem(409, "last-way-in");
    anna.put("/v1/me/email", json!({"email": "anna@example.org"})).await.expect_status(202);
    super::mail::confirm(&app, Purpose::Confirm).await;
    anna.delete(&path).await.expect_status(200);
}

#[tokio::test]
async fn a_client_without_cookies_links_by_a_code_that_it_confirms() {
    let provider = Provider::start().await;
    let app = TestApp::start_with(knowing(&[("acme", &provider)])).await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let begin = json!({"provider": "acme", "return_to": BACK});
    anna.post("/v1/me/identities/begin", json!({"provider": "x"})).await.expect_problem(404, "provider-not-found");
    let evil = json!({"provider": "acme", "return_to": "https://evil.example"});
    anna.post("/v1/me/identities/begin", evil).await.expect_problem(400, "bad-return-to");
    let url = anna.post("/v1/me/identities/begin", begin).await.expect_status(201).id("url");
    assert!(!url.contains(anna.token.as_deref().unwrap()), "no token in the address");
    let url = Url::parse(&url).unwrap();
    let path = format!("{}?{}", url.path(), url.query().unwrap());
    let mut browser = Browser::of(app.anonymous());
    let begun = browser.get(&path).await.expect_status(302);
    browser.get(&path).await.expect_problem(400, "bad-state");
    let back = browser.visited(begun.header("location")).await;
    let told = told(&browser.get(&back).await.expect_status(303));
    assert_eq!(identities(&anna).await.len(), 0, "it waits for being confirmed");
    let confirm = json!({"code": told["confirm"]});
    exchange(&app.anonymous(), &told["confirm"]).await.expect_problem(401, "bad-code");
    // Who was led through it and is signed in as somebody else does not give their identity away.
    boris.post("/v1/me/identities/finish", confirm.clone()).await.expect_problem(401, "bad-code");
    anna.post("/v1/me/identities/finish", confirm).await.expect_problem(401, "bad-code");
    let code = browser.confirmation(&anna, "acme").await;
    anna.post("/v1/me/identities/finish", json!({"code": code})).await.expect_status(200);
    assert_eq!(identities(&anna).await.len(), 1);
}

#[tokio::test]
async fn a_page_of_another_site_links_nothing() {
    let provider = Provider::start().await;
    let app = TestApp::start_with(knowing(&[("acme", &provider)])).await;
    let anna = app.user("Anna").await;
    let cookie = format!("__Host-letopis={}", anna.token.as_deref().unwrap());
    let nobody = app.anonymous();
    let link = |site: &'static str| {
        let headers = [("cookie", cookie.clone()), ("sec-fetch-site", site.to_owned())];
        let nobody = nobody.clone();
        async move {
            let headers = headers.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
            nobody.send(Method::GET, "/v1/auth/external/acme?link=true", None, &headers).await
        }
    };
    link("cross-site").await.expect_problem(403, "cross-site-request");
    link("same-origin").await.expect_status(302);
    link("none").await.expect_status(302);
}

#[tokio::test]
async fn a_session_that_ended_meanwhile_links_nothing() {
    let provider = Provider::start().await;
    let app = TestApp::start_with(knowing(&[("acme", &provider)])).await;
    let anna = app.user("Anna").await;
    let mut browser = Browser::of(anna.clone());
    let back = browser.led_back("acme", "&link=true").await;
    anna.post("/v1/auth/logout", json!({})).await.expect_status(200);
    browser.actor.token = None;
    assert_eq!(told(&browser.get(&back).await.expect_status(303))["error"], "invalid-session-id");
    let mut again = app.anonymous();
    again.log_in("Anna").await.expect_status(200);
    assert_eq!(identities(&again).await.len(), 0);
}

#[tokio::test]
async fn two_who_want_the_same_identity_at_once_are_one() {
    let provider = Provider::start().await;
    let app = TestApp::start_with(knowing(&[("acme", &provider)])).await;
    provider.sign_in_as(user("1", "one@example.org"));
    // Both open an account: there is one.
    let (mut one, mut other) = (Browser::of(app.anonymous()), Browser::of(app.anonymous()));
    let (first, second) = tokio::join!(one.code("acme", ""), other.code("acme", ""));
    let first = exchange(&app.anonymous(), &first).await.expect_status(200).id("user_id");
    let second = exchange(&app.anonymous(), &second).await.expect_status(200).id("user_id");
    assert_eq!(first, second);
    // Both link it: one has it.
    provider.sign_in_as(user("2", "two@example.org"));
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let (mut of_anna, mut of_boris) = (Browser::of(anna), Browser::of(boris));
    let (one, other) = tokio::join!(of_anna.told("acme", "&link=true"), of_boris.told("acme", "&link=true"));
    let linked = [&one, &other].into_iter().filter(|told| told.contains_key("linked")).count();
    let taken =
        [&one, &other].into_iter().filter(|told| told.get("error").is_some_and(|code| code == "identity-taken"));
    assert_eq!((linked, taken.count()), (1, 1), "{one:?} {other:?}");
}

#[tokio::test]
async fn who_is_suspended_does_not_come_in() {
    let provider = Provider::start().await;
    let app = TestApp::start_with(knowing(&[("acme", &provider)])).await;
    let anna = signed_in(&app, "acme").await;
    let code = Browser::of(app.anonymous()).code("acme", "").await;
    let mara = app.with_role("Mara", Role::Moderator).await;
    mara.put(&format!("/v1/users/{}/suspension", anna.user_id), json!({"reason": "spam"})).await.expect_status(200);
    exchange(&app.anonymous(), &code).await.expect_problem(403, "account-suspended");
    assert_eq!(Browser::of(app.anonymous()).error("acme").await, "account-suspended");
}

#[tokio::test]
async fn an_identity_is_exported_and_forgotten_with_its_owner() {
    let provider = Provider::start().await;
    let app = TestApp::start_with(knowing(&[("acme", &provider)])).await;
    let anna = app.user("Anna").await;
    provider.sign_in_as(user("a-subject-of-anna", "anna.elsewhere@example.org"));
    Browser::of(anna.clone()).code("acme", "&link=true").await;
    let export = anna.get("/v1/me/export").await.expect_status(200).text;
    let line = export.lines().find(|line| line.contains("\"kind\":\"identity\"")).expect("it is listed");
    assert!(line.contains("a-subject-of-anna") && line.contains("anna.elsewhere@example.org"), "{line}");
    anna.send(Method::DELETE, "/v1/me", Some(json!({"password": anna.password()})), &[]).await.expect_status(200);
    let app = app.restart().await;
    let export = app.node.log.read(0, 1_000).unwrap();
    assert!(export.iter().all(|record| !record.payload.contains("a-subject-of-anna")));
    // The identity is nobody's: it opens another account.
    assert_ne!(signed_in(&app, "acme").await.user_id, anna.user_id);
}

#[tokio::test]
async fn an_identity_that_comes_or_goes_is_mailed() {
    let provider = Provider::start().await;
    let app = TestApp::start_telling_with(knowing(&[("acme", &provider)])).await;
    let anna = app.user("Anna").await;
    Browser::of(anna.clone()).code("acme", "&link=true").await;
    let path = format!("/v1/me/identities/{}", identities(&anna).await[0]["id"].as_str().unwrap());
    anna.delete(&path).await.expect_status(200);
    super::until(async || anna.get("/v1/inbox").await.body["items"].as_array().is_some_and(|items| items.len() == 2))
        .await;
    let items = anna.get("/v1/inbox").await.body["items"].clone();
    let titles = items.as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(titles, ["A way to sign in was removed", "New way to sign in"]);
    assert!(items.as_array().unwrap().iter().all(|item| item["category"] == "security"), "{items}");
}

#[tokio::test]
async fn vk_signs_in_as_well() {
    let provider = Provider::start().await;
    let app = TestApp::start_with(knowing(&[("vk", &provider)])).await;
    provider.sign_in_as(user("1234567890", "anna@example.org"));
    let anna = signed_in(&app, "vk").await;
    assert_eq!(identities(&anna).await[0]["subject"], "1234567890");
    assert_eq!(anna.get("/v1/me").await.body["email"], Value::Null, "VK vouches for no address");
}
