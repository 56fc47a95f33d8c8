//! What follows for an operation from what its route is (CONTRACT 1.1), so that no handler has to repeat it.

use crate::error::Code;
use crate::problem::Problem;
use crate::routes::spec::{Access, Idempotency, Operation, RateClass};
use axum::http::Method;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Completes one operation; an answer that has one code only becomes a component.
pub(super) fn complete(operation: &Operation, described: &mut Value, responses: &mut Map<String, Value>) {
    let Operation { method, path, spec } = operation;
    if described.get("security").is_none() {
        described["security"] = match spec.access {
            Access::Anyone => json!([]),
            Access::Caller | Access::Person | Access::Notifier | Access::Moderator | Access::Admin => {
                json!([{"bearer": []}, {"cookie": []}])
            }
        };
    }
    parameters(operation, described);
    if *method == Method::GET && spec.tagged {
        described["responses"]["304"] = json!({"description": "Your copy is current."});
    }
    let mut by_status = BTreeMap::<u16, Vec<Code>>::new();
    for code in codes(operation, described.get("requestBody").is_some()) {
        by_status.entry(code.status().as_u16()).or_default().push(code);
    }
    for (status, codes) in by_status {
        let answer = &mut described["responses"][status.to_string()];
        if !answer.is_null() {
            // The route describes it itself.
        } else if let [code] = codes[..] {
            let name = if spec.class == RateClass::Probe { format!("{code:?}OfProbe") } else { format!("{code:?}") };
            *answer = json!({"$ref": format!("#/components/responses/{name}")});
            responses.entry(name).or_insert_with(|| failure(&codes, spec.class));
        } else {
            *answer = failure(&codes, spec.class);
        }
    }
    for (status, answer) in described["responses"].as_object_mut().into_iter().flatten() {
        if answer.get("$ref").is_none() {
            headers(operation, path, status, answer);
        }
    }
}

fn parameters(Operation { method, path, spec }: &Operation, described: &mut Value) {
    let own = described["parameters"].take();
    let own = own.as_array().cloned().unwrap_or_default();
    let in_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let is_own = |name: &&str| own.iter().any(|parameter| parameter["name"] == *name);
    let mut names = in_path.filter(|name| !is_own(name)).collect::<Vec<_>>();
    let first = names.len();
    if spec.paged {
        names.extend(["limit", "from"]);
    }
    if path.starts_with("/v1/") {
        if method.is_safe() {
            names.extend(["min_position", "Letopis-Min-Position"]);
        } else if spec.idempotency == Idempotency::Keyed {
            names.push("Idempotency-Key");
        }
        if matches!(*method, Method::PATCH | Method::PUT | Method::DELETE) {
            names.push("If-Match");
        }
        if *method == Method::GET && spec.tagged {
            names.push("If-None-Match");
        }
        names.push("X-Request-Id");
    }
    let mut all =
        names.iter().map(|name| json!({"$ref": format!("#/components/parameters/{name}")})).collect::<Vec<_>>();
    all.splice(first..first, own);
    if !all.is_empty() {
        described["parameters"] = all.into();
    } else if let Some(described) = described.as_object_mut() {
        described.remove("parameters");
    }
}

/// The codes that a route can fail with: those of its own, and what follows from what it is.
fn codes(Operation { method, path, spec }: &Operation, has_body: bool) -> Vec<Code> {
    let mut codes = spec.fails.to_vec();
    codes.extend([Code::HeadersTooLarge, Code::Internal, Code::Overloaded, Code::Unavailable, Code::Starting]);
    let writes = !method.is_safe();
    if spec.class != RateClass::Probe {
        codes.push(Code::LimitExceeded);
    }
    if path.starts_with("/v1/") {
        // A write may look into a read model first: signing in does.
        codes.extend([Code::BadParameters, Code::ProjectionBehind]);
    }
    if spec.paged {
        codes.push(Code::BadCursor);
    }
    if spec.access != Access::Anyone {
        codes.extend([Code::AuthFailed, Code::InvalidSession, Code::SessionExpired, Code::Suspended]);
    }
    // Who lacks one may look; setting one up is closed to a session of less beside one that is there.
    if spec.access != Access::Anyone && !(spec.without_second_factor && method.is_safe()) {
        codes.push(Code::SecondFactorRequired);
    }
    match spec.access {
        Access::Anyone => {}
        Access::Caller => codes.push(Code::ScopeMissing),
        Access::Person => codes.push(Code::SessionRequired),
        Access::Notifier | Access::Moderator | Access::Admin => codes.extend([Code::ScopeMissing, Code::NotAllowed]),
    }
    if spec.fresh {
        codes.push(Code::FreshSignInNeeded);
    }
    if writes {
        codes.extend([Code::TooSlow, Code::TooLarge]);
        if spec.access != Access::Anyone {
            // A person may be erased while they ask.
            codes.extend([Code::CrossSite, Code::UserNotFound]);
        }
        if spec.idempotency == Idempotency::Keyed {
            codes.push(Code::KeyReused);
        }
        if matches!(*method, Method::PATCH | Method::PUT | Method::DELETE) {
            codes.push(Code::VersionChanged);
        }
    }
    if has_body {
        codes.push(Code::UnsupportedMediaType);
    }
    codes
}

/// What an answer with one of these codes looks like; they have one status.
fn failure(codes: &[Code], class: RateClass) -> Value {
    let meanings = codes.iter().map(|code| format!("{} (`{}`).", code.title(), code.text())).collect::<Vec<_>>();
    let mut headers = json!({"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}});
    let status = codes.first().map(|code| code.status().as_u16());
    for (with, name) in [(401, "WWW-Authenticate"), (429, "Retry-After"), (503, "Retry-After")] {
        if status == Some(with) {
            headers[name] = json!({"$ref": format!("#/components/headers/{name}")});
        }
    }
    for name in limits(class) {
        headers[name] = json!({"$ref": format!("#/components/headers/{name}")});
    }
    json!({
        "description": meanings.join(" "),
        "headers": headers,
        "content": {"application/problem+json": {
            "schema": {"$ref": "#/components/schemas/Problem"},
            "example": codes.first().map(|code| Problem::example(*code)),
        }},
    })
}

/// The headers that tell of rate limits.
fn limits(class: RateClass) -> &'static [&'static str] {
    match class {
        RateClass::Ordinary | RateClass::SignIn => &["RateLimit", "RateLimit-Policy"],
        RateClass::Probe => &[],
    }
}

/// The headers of an answer that is no failure.
fn headers(Operation { method, spec, .. }: &Operation, path: &str, status: &str, answer: &mut Value) {
    let mut names = [&["X-Request-Id"], limits(spec.class)].concat();
    if path.starts_with("/v1/") && status.starts_with('2') {
        names.push("Letopis-Position");
        if !method.is_safe() && spec.idempotency == Idempotency::Keyed {
            names.push("Idempotency-Replayed");
        }
    }
    let changes = matches!(*method, Method::PATCH | Method::PUT);
    let shows = *method == Method::GET && spec.tagged;
    if (changes && status == "200") || (shows && matches!(status, "200" | "304")) {
        names.push("ETag");
    }
    for name in names {
        answer["headers"][name] = json!({"$ref": format!("#/components/headers/{name}")});
    }
}
