//! A client beside a provider that lies.

use crate::{
    Authorization, Callback, Client, ClientSecret, Error, Identity, Kind, ProviderId, ProviderSettings, Verifier,
};
use outbound::{Allowed, Bytes, Call, HeaderMap, Method, Redirects, Url, header};
use servers::{CLIENT, Lie, Place, Provider, ProviderUser};
use std::time::Duration;

fn settings(provider: &Provider, name: &str) -> ProviderSettings {
    let id = ProviderId::parse(name).unwrap();
    let scopes = Kind::of(&id).scopes().to_owned();
    let (client_id, secret) = CLIENT;
    ProviderSettings {
        id,
        name: name.to_owned(),
        issuer: provider.issuer.clone(),
        client_id: client_id.to_owned(),
        client_secret: Some(ClientSecret(secret.to_owned())),
        scopes,
    }
}

fn http() -> outbound::Client {
    outbound::Client::new(Allowed::parse("127.0.0.1").unwrap())
}

fn client(provider: &Provider, name: &str) -> Client {
    Client::new(settings(provider, name), http())
}

/// What a sign-in is recognised by; each has its own.
fn authorization() -> Authorization {
    let text = |what: &str| format!("{what}-{}", "x".repeat(43));
    Authorization {
        redirect_uri: "https://chat.example/v1/auth/external/acme/callback".to_owned(),
        state: text("state"),
        nonce: text("nonce"),
        verifier: Verifier(text("verifier")),
    }
}

/// What the browser brings back: the provider asks nobody anything.
async fn visit(url: Url) -> Url {
    let call = Call {
        method: Method::GET,
        url,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        redirects: Redirects::Refused,
        answer_bytes_max: 1_000,
        total_max: Duration::from_secs(10),
    };
    let answer = http().send(call).await.unwrap();
    let location = answer.headers.get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned());
    Url::parse(&location.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&answer.body)))).unwrap()
}

fn brought(url: &Url) -> Callback {
    let of = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    Callback { code: of("code").unwrap_or_default(), issuer: of("iss"), device_id: of("device_id") }
}

async fn sign_in(client: &Client) -> Result<Identity, Error> {
    let authorization = authorization();
    let back = visit(client.begin(&authorization).await?).await;
    assert!(back.as_str().starts_with(&authorization.redirect_uri), "{back}");
    client.finish(&brought(&back), &authorization).await
}

/// Somebody signs in at a provider that lies; why that fails.
async fn told(lie: Lie) -> String {
    let provider = Provider::start().await;
    provider.lie(lie);
    match sign_in(&client(&provider, "acme")).await {
        Ok(identity) => panic!("{lie:?} was believed: {identity:?}"),
        Err(error @ Error::Untrue(_)) => format!("untrue: {error}"),
        Err(error @ Error::Refused(_)) => format!("refused: {error}"),
        Err(error @ Error::Unavailable { .. }) => format!("unavailable: {error}"),
    }
}

#[tokio::test]
async fn an_honest_provider_says_who_has_signed_in() {
    let provider = Provider::start().await;
    let mut user = ProviderUser::new("anna-1", "anna@example.org");
    user.name = Some("Anna".to_owned());
    provider.sign_in_as(user);
    let client = client(&provider, "acme");
    let identity = sign_in(&client).await.unwrap();
    assert_eq!(identity.issuer, provider.issuer);
    assert_eq!((identity.subject.as_str(), identity.email.as_deref()), ("anna-1", Some("anna@example.org")));
    assert_eq!((identity.email_verified, identity.name.as_deref()), (true, Some("Anna")));
    provider.sign_by_rsa();
    assert_eq!(sign_in(&client).await.unwrap(), identity);
    assert_eq!(provider.asked(Place::Configuration), 1, "it is believed for an hour");
}

#[tokio::test]
async fn an_id_token_must_hold() {
    for (lie, why) in [
        (Lie::OtherConfiguration, "untrue: the provider's answer is not valid: its configuration is that of another"),
        (Lie::Nonce, "its nonce is another"),
        (Lie::NoNonce, "its nonce is another"),
        (Lie::Issuer, "the ID token is of another issuer"),
        (Lie::Audience, "the ID token is for others"),
        (Lie::SeveralAudiences, "the ID token is for others"),
        (Lie::AuthorizedParty, "the ID token is for others"),
        (Lie::Expired, "the ID token has expired"),
        (Lie::NeverExpires, "lacks what it must say"),
        (Lie::None, "no header that is understood"),
        (Lie::HmacWithPublicKey, "an algorithm that is not allowed"),
        (Lie::ForeignKey, "by none of the provider's keys"),
        (Lie::ForeignKeyOfItsOwn, "by none of the provider's keys"),
        (Lie::Tampered, "by none of the provider's keys"),
        (Lie::NoSubject, "lacks what it must say"),
        (Lie::EmptySubject, "its subject is empty"),
        (Lie::NoToken, "there is no ID token"),
        (Lie::OtherUser, "is of another one"),
        (Lie::OtherIssuerInCallback, "the answer is of another issuer"),
        (Lie::NoIssuerInCallback, "does not name its issuer"),
    ] {
        let told = told(lie).await;
        assert!(told.starts_with("untrue: ") && told.contains(why), "{lie:?}: {told}");
    }
}

#[tokio::test]
async fn what_cannot_be_understood_is_no_answer() {
    for place in [Place::Configuration, Place::Keys, Place::Token] {
        for lie in [Lie::Fails(place), Lie::Garbage(place), Lie::Oversized(place), Lie::Redirects(place)] {
            let told = told(lie).await;
            assert!(told.starts_with("unavailable: "), "{lie:?}: {told}");
        }
    }
    assert_eq!(told(Lie::RefusesCode).await, "refused: the provider refused: invalid_grant");
}

#[tokio::test]
async fn who_does_not_answer_is_not_waited_for() {
    let told = tokio::join!(told(Lie::Slow(Place::Configuration)), told(Lie::Slow(Place::Token)));
    assert!(told.0.contains("did not answer in time") && told.1.contains("did not answer in time"), "{told:?}");
}

#[tokio::test]
async fn a_clock_may_be_a_minute_late() {
    let provider = Provider::start().await;
    provider.lie(Lie::ExpiredJustNow);
    sign_in(&client(&provider, "acme")).await.unwrap();
}

#[tokio::test]
async fn keys_may_change_in_the_middle() {
    let provider = Provider::start().await;
    let client = client(&provider, "acme");
    sign_in(&client).await.unwrap();
    provider.rotate();
    sign_in(&client).await.unwrap();
    assert_eq!(provider.asked(Place::Keys), 2);
    let authorization = authorization();
    let back = visit(client.begin(&authorization).await.unwrap()).await;
    provider.rotate();
    client.finish(&brought(&back), &authorization).await.unwrap();
    // A name that was looked for in vain is not looked for again at once.
    provider.lie(Lie::ForeignKey);
    for _ in 0..3 {
        sign_in(&client).await.unwrap_err();
    }
    assert!(provider.asked(Place::Keys) <= 4, "{}", provider.asked(Place::Keys));
}

#[tokio::test]
async fn a_code_is_of_use_only_to_who_began() {
    let provider = Provider::start().await;
    let client = client(&provider, "acme");
    let authorization = authorization();
    let back = brought(&visit(client.begin(&authorization).await.unwrap()).await);
    let other = Authorization { verifier: Verifier("y".repeat(43)), ..authorization.clone() };
    let error = client.finish(&back, &other).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
}

#[tokio::test]
async fn one_provider_does_not_hand_in_the_answers_of_another() {
    let (honest, evil) = (Provider::start().await, Provider::start().await);
    let (of_honest, of_evil) = (client(&honest, "honest"), client(&evil, "evil"));
    let authorization = authorization();
    // The browser was sent to the honest one; what it brings is handed in as if it came from the evil one.
    let back = brought(&visit(of_honest.begin(&authorization).await.unwrap()).await);
    let error = of_evil.finish(&back, &authorization).await.unwrap_err();
    assert!(error.to_string().contains("the answer is of another issuer"), "{error}");
    assert_eq!(evil.asked(Place::Token), 0, "the code was not told to it");
}

#[tokio::test]
async fn what_the_token_leaves_out_is_asked_for() {
    let provider = Provider::start().await;
    provider.sign_in_as(ProviderUser::new("1", "anna@example.org"));
    provider.lie(Lie::AddressElsewhere);
    let identity = sign_in(&client(&provider, "acme")).await.unwrap();
    assert_eq!((identity.email.as_deref(), identity.email_verified), (Some("anna@example.org"), true));
}

#[tokio::test]
async fn google_vouches_for_its_own_addresses() {
    let provider = Provider::start().await;
    let client = client(&provider, "google");
    for (address, vouches) in [("anna@gmail.com", true), ("anna@example.org", false)] {
        provider.sign_in_as(ProviderUser::new("1", address));
        let identity = sign_in(&client).await.unwrap();
        assert_eq!((identity.email.as_deref(), identity.email_verified), (Some(address), vouches));
    }
}

#[tokio::test]
async fn vk_is_asked_who_has_signed_in() {
    let provider = Provider::start().await;
    let mut user = ProviderUser::new("1234567890", "anna@example.org");
    user.name = Some("Анна Каренина".to_owned());
    provider.sign_in_as(user);
    let client = client(&provider, "vk");
    let identity = sign_in(&client).await.unwrap();
    assert_eq!((identity.subject.as_str(), identity.name.as_deref()), ("1234567890", Some("Анна Каренина")));
    assert_eq!((identity.email.as_deref(), identity.email_verified), (Some("anna@example.org"), false));
    for lie in [Lie::Nonce, Lie::OtherUser] {
        provider.lie(lie);
        assert!(matches!(sign_in(&client).await, Err(Error::Untrue(_))), "{lie:?}");
    }
    provider.be_honest();
    let authorization = authorization();
    let back = brought(&visit(client.begin(&authorization).await.unwrap()).await);
    let without = Callback { device_id: None, ..back };
    assert!(matches!(client.finish(&without, &authorization).await, Err(Error::Untrue(_))));
    client.look().await.unwrap();
}

#[tokio::test]
async fn an_operator_learns_whether_it_answers() {
    let provider = Provider::start().await;
    assert_eq!(client(&provider, "acme").look().await.unwrap(), "it answers, and signs with one of 1 keys");
    provider.lie(Lie::OtherConfiguration);
    assert!(client(&provider, "acme").look().await.is_err());
    let issuer = "http://127.0.0.1:1".to_owned();
    let away = Client::new(ProviderSettings { issuer, ..settings(&provider, "acme") }, http());
    let error = away.look().await.unwrap_err();
    assert!(error.to_string().contains("cannot be connected to"), "{error}");
}
