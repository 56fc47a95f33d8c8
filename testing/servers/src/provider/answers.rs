//! What a provider answers.

use super::keys::Signer;
use super::{CLIENT, Lie, Place, Shared};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use hyper::{Method, Request, Response, StatusCode};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::SystemTime;
use url::{Url, form_urlencoded};

type Reply = Response<Full<Bytes>>;

/// What somebody asks.
pub(super) struct Asked {
    method: Method,
    path: String,
    /// Of the question and of the body.
    query: HashMap<String, String>,
    form: HashMap<String, String>,
    authorization: String,
}

impl Asked {
    pub(super) async fn read(request: Request<Incoming>) -> Asked {
        let pairs = |text: &[u8]| form_urlencoded::parse(text).into_owned().collect::<HashMap<_, _>>();
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let authorization = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        Asked {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: pairs(parts.uri.query().unwrap_or_default().as_bytes()),
            form: pairs(&body),
            authorization: authorization.unwrap_or_default().to_owned(),
        }
    }
}

fn field<'a>(fields: &'a HashMap<String, String>, name: &str) -> &'a str {
    fields.get(name).map_or("", String::as_str)
}

/// The answer; none where there is to be none.
pub(super) fn answer(shared: &mut Shared, asked: &Asked) -> Option<Reply> {
    let place = match asked.path.as_str() {
        "/.well-known/openid-configuration" => Place::Configuration,
        "/keys" => Place::Keys,
        "/token" | "/oauth2/auth" => Place::Token,
        "/userinfo" | "/oauth2/user_info" => Place::User,
        "/auth" => return Some(authorize(shared, asked, true)),
        "/authorize" => return Some(authorize(shared, asked, false)),
        _ => return Some(reply(StatusCode::NOT_FOUND, "nothing is here".to_owned())),
    };
    *shared.asked.entry(place).or_default() += 1;
    if shared.lies.contains(&Lie::Slow(place)) {
        return None;
    }
    for (lie, status, body) in [
        (Lie::Fails(place), StatusCode::INTERNAL_SERVER_ERROR, "{}".to_owned()),
        (Lie::Garbage(place), StatusCode::OK, "<html>no JSON".to_owned()),
        (Lie::Oversized(place), StatusCode::OK, format!("{{\"x\":\"{}\"}}", "x".repeat(4 * 1024 * 1024))),
    ] {
        if shared.lies.contains(&lie) {
            return Some(reply(status, body));
        }
    }
    if shared.lies.contains(&Lie::Redirects(place)) {
        return Some(lead_to(&format!("{}{}?again", shared.issuer, asked.path)));
    }
    let answered = match (place, asked.path.as_str()) {
        (Place::Configuration, _) => Ok(configuration(shared)),
        (Place::Keys, _) => Ok(json!({"keys": [{"kty": "of the future", "kid": "x"}, shared.signer.published()]})),
        (Place::Token, "/token") => grant(shared, asked),
        (Place::Token, _) => grant_like_vk(shared, asked),
        (Place::User, "/userinfo") => user_info(shared, asked),
        (Place::User, _) => user_like_vk(shared, asked),
    };
    Some(match answered {
        Ok(body) => reply(StatusCode::OK, body.to_string()),
        Err(code) => reply(StatusCode::BAD_REQUEST, json!({"error": code}).to_string()),
    })
}

fn configuration(shared: &Shared) -> Value {
    let issuer = &shared.issuer;
    let named = if shared.lies.contains(&Lie::OtherConfiguration) { "https://evil.example" } else { issuer };
    json!({
        "issuer": named,
        "authorization_endpoint": format!("{issuer}/auth"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "authorization_response_iss_parameter_supported": true,
    })
}

/// Nobody is asked: whoever is signed in at the provider is sent back at once.
fn authorize(shared: &mut Shared, asked: &Asked, is_open_id: bool) -> Reply {
    let query = &asked.query;
    let fits = asked.method == Method::GET
        && field(query, "response_type") == "code"
        && field(query, "client_id") == CLIENT.0
        && field(query, "code_challenge_method").eq_ignore_ascii_case("s256")
        && ["state", "code_challenge"].into_iter().all(|name| field(query, name).len() >= 32)
        && (!is_open_id || field(query, "scope").split(' ').any(|scope| scope == "openid"))
        && (!is_open_id || field(query, "nonce").len() >= 32);
    let Some(mut back) = Url::parse(field(query, "redirect_uri")).ok().filter(|_| fits) else {
        return reply(StatusCode::BAD_REQUEST, format!("this is no request of OpenID Connect: {query:?}"));
    };
    back.query_pairs_mut().append_pair("state", field(query, "state"));
    if shared.lies.contains(&Lie::Denies) {
        back.query_pairs_mut().append_pair("error", "access_denied");
    } else {
        let code = random();
        back.query_pairs_mut().append_pair("code", &code);
        let user = &shared.user;
        let good_for = json!({
            "challenge": field(query, "code_challenge"), "redirect_uri": field(query, "redirect_uri"),
            "nonce": query.get("nonce"), "state": field(query, "state"), "sub": user.subject, "email": user.email,
            "email_verified": user.email_verified, "name": user.name,
        });
        shared.codes.insert(code, good_for);
    }
    if !is_open_id {
        back.query_pairs_mut().append_pair("device_id", "a device").append_pair("type", "code_v2");
    } else if shared.lies.contains(&Lie::OtherIssuerInCallback) {
        back.query_pairs_mut().append_pair("iss", "https://evil.example");
    } else if !shared.lies.contains(&Lie::NoIssuerInCallback) {
        back.query_pairs_mut().append_pair("iss", &shared.issuer);
    }
    lead_to(back.as_str())
}

/// What a code is good for, if whoever has it may have it.
fn redeemed(shared: &mut Shared, asked: &Asked) -> Result<Value, &'static str> {
    if shared.lies.contains(&Lie::RefusesCode) || field(&asked.form, "grant_type") != "authorization_code" {
        return Err("invalid_grant");
    }
    let code = shared.codes.remove(field(&asked.form, "code")).ok_or("invalid_grant")?;
    let verifier = field(&asked.form, "code_verifier").as_bytes();
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier));
    let fits = code["challenge"] == challenge && code["redirect_uri"] == field(&asked.form, "redirect_uri");
    if fits { Ok(code) } else { Err("invalid_grant") }
}

fn grant(shared: &mut Shared, asked: &Asked) -> Result<Value, &'static str> {
    let (client, secret) = CLIENT;
    let encoded = form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>();
    let expected = format!("Basic {}", BASE64_STANDARD.encode(format!("{client}:{encoded}")));
    if asked.method != Method::POST || asked.authorization != expected {
        return Err("invalid_client");
    }
    let code = redeemed(shared, asked)?;
    let access_token = random();
    shared.tokens.insert(access_token.clone(), code.clone());
    let mut granted = json!({"access_token": access_token, "token_type": "Bearer", "expires_in": 60});
    if !shared.lies.contains(&Lie::NoToken) {
        granted["id_token"] = id_token(shared, &code).into();
    }
    Ok(granted)
}

fn id_token(shared: &Shared, code: &Value) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut claims = json!({
        "iss": shared.issuer, "sub": code["sub"], "aud": CLIENT.0, "exp": now + 300, "iat": now, "nonce": code["nonce"],
        "email": code["email"], "email_verified": code["email_verified"], "name": code["name"],
    });
    let lies = |lie: Lie| shared.lies.contains(&lie);
    let mut without = |name: &str| claims.as_object_mut().map(|claims| claims.remove(name));
    for (lie, name) in [
        (Lie::NoNonce, "nonce"),
        (Lie::NoSubject, "sub"),
        (Lie::NeverExpires, "exp"),
        (Lie::AddressElsewhere, "email"),
        (Lie::OtherUser, "email"),
    ] {
        if lies(lie) {
            without(name);
        }
    }
    for (lie, name, value) in [
        (Lie::Nonce, "nonce", json!("another nonce")),
        (Lie::Issuer, "iss", json!("https://evil.example")),
        (Lie::Audience, "aud", json!("another client")),
        (Lie::SeveralAudiences, "aud", json!([CLIENT.0, "another client"])),
        (Lie::AuthorizedParty, "azp", json!("another client")),
        (Lie::Expired, "exp", json!(now - 120)),
        (Lie::ExpiredJustNow, "exp", json!(now - 30)),
        (Lie::EmptySubject, "sub", json!("")),
    ] {
        if lies(lie) {
            claims[name] = value;
        }
    }
    if lies(Lie::None) {
        return shared.signer.unsigned(&claims);
    }
    if lies(Lie::HmacWithPublicKey) {
        return shared.signer.by_public_key(&claims);
    }
    if lies(Lie::ForeignKeyOfItsOwn) {
        return Signer::new().token(&claims);
    }
    if lies(Lie::ForeignKey) {
        return Signer::called(shared.signer.name().to_owned()).token(&claims);
    }
    let token = shared.signer.token(&claims);
    if lies(Lie::Tampered) {
        claims["sub"] = json!("somebody else");
        let parts = token.split('.').collect::<Vec<_>>();
        let payload = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
        return [parts[0], payload.as_str(), parts[2]].join(".");
    }
    token
}

fn user_info(shared: &Shared, asked: &Asked) -> Result<Value, &'static str> {
    let token = asked.authorization.strip_prefix("Bearer ").unwrap_or_default();
    let code = shared.tokens.get(token).ok_or("invalid_token")?;
    let subject = if shared.lies.contains(&Lie::OtherUser) { json!("another") } else { code["sub"].clone() };
    Ok(json!({"sub": subject, "email": code["email"], "email_verified": code["email_verified"], "name": code["name"]}))
}

fn grant_like_vk(shared: &mut Shared, asked: &Asked) -> Result<Value, &'static str> {
    let form = &asked.form;
    if field(form, "client_id") != CLIENT.0
        || field(form, "device_id") != "a device"
        || form.contains_key("client_secret")
    {
        return Err("invalid_client");
    }
    let code = redeemed(shared, asked)?;
    let access_token = random();
    shared.tokens.insert(access_token.clone(), code.clone());
    let state = if shared.lies.contains(&Lie::Nonce) { json!("another state") } else { code["state"].clone() };
    Ok(json!({"access_token": access_token, "id_token": "of no use", "user_id": number(&code), "state": state}))
}

fn user_like_vk(shared: &Shared, asked: &Asked) -> Result<Value, &'static str> {
    let code = shared.tokens.get(field(&asked.form, "access_token")).ok_or("invalid_token")?;
    let user_id = if shared.lies.contains(&Lie::OtherUser) { json!(4711) } else { number(code) };
    let name = code["name"].as_str().unwrap_or_default();
    let (first, last) = name.split_once(' ').unwrap_or((name, ""));
    Ok(
        json!({"user": {"user_id": user_id.to_string(), "first_name": first, "last_name": last, "email": code["email"]}}),
    )
}

fn number(code: &Value) -> Value {
    json!(code["sub"].as_str().and_then(|subject| subject.parse::<u64>().ok()))
}

fn random() -> String {
    format!("{}{}", uuid::Uuid::now_v7().simple(), uuid::Uuid::now_v7().simple())
}

fn reply(status: StatusCode, body: String) -> Reply {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    response
}

fn lead_to(address: &str) -> Reply {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = StatusCode::FOUND;
    let location = hyper::header::HeaderValue::from_str(address).expect("an address is visible ASCII");
    response.headers_mut().insert(LOCATION, location);
    response
}
