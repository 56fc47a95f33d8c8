//! The OpenAPI document, made from the code: what stands beside each route, completed by what follows from it.

mod common;
mod components;

use crate::problem::Problem;
use crate::routes::spec::{Operation, Routes};
use crate::routes::{self, health, invitations, links, mailbox};
use domain::password::Lengths;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Letopis", license(name = "Apache-2.0", identifier = "Apache-2.0")),
    components(schemas(Problem)),
    tags(
        (name = "accounts", description = "Register, sign in, your profile"),
        (name = "sessions", description = "Where you are signed in"),
        (name = "tokens", description = "Service tokens for your own applications"),
        (name = "mail", description = "The pages that links in mails lead to"),
        (name = "chats", description = "Create, find, rename, archive and delete chats"),
        (name = "members", description = "Who is in a chat"),
        (name = "messages", description = "Post, read, edit and delete messages"),
        (name = "search", description = "Find messages in all your chats"),
        (name = "links", description = "Short addresses for long ones of this server"),
        (name = "webhooks", description = "Events from services that Letopis uses"),
        (name = "mailbox", description = "For developers: the mails that no mail server gets"),
        (name = "moderation", description = "Reports of messages, and suspended accounts"),
        (name = "notifications", description = "Notifications, the inbox, and people's preferences"),
        (name = "operators", description = "For admins, what the console does: the log, read models, people"),
        (name = "health", description = "For operators and load balancers"),
    )
)]
struct Document;

/// What holds for every address.
const DESCRIPTION: &str = "\
Accounts, chat, search and notifications on one event log.

**First steps:** register, sign in, then send `Authorization: Bearer <session_id>` with every request.

**Positions:** the answer to every write has the log position that it was written at. A read sees every write that the same node has \
acknowledged; `min_position` waits for a write of another node.

**Pages:** a list has `next.iterator` while there is more. Send it as `from`.

**Errors** are `application/problem+json` (RFC 9457) with a stable `code`; each operation lists its own.";

/// The document that `GET /openapi.json` answers.
pub fn document() -> Value {
    let (_, document, operations) = routes().into_parts();
    complete(document, &operations, None)
}

/// Every documented route, and what it is.
pub fn operations() -> Vec<Operation> {
    routes().into_parts().2
}

/// Every documented route.
pub(crate) fn routes() -> Routes {
    routes::all().merge(links::short()).merge(invitations::page()).merge(mailbox::routes()).merge(health::routes())
}

/// Adds what holds for every route, so that no handler has to repeat it, and what follows from what it is. Without a
/// public URL, calls go to where the document came from.
pub(crate) fn complete(routes: OpenApi, operations: &[Operation], public_url: Option<&str>) -> Value {
    let mut whole = Document::openapi();
    whole.merge(routes);
    let mut document = serde_json::to_value(whole).expect("a document is JSON");
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    document["info"]["description"] = DESCRIPTION.into();
    document["servers"] = json!([{"url": public_url.unwrap_or("/"), "description": "This server"}]);
    let mut components = components::components();
    let mut responses = Map::new();
    for (place, operation) in operations.iter().enumerate() {
        let described = &mut document["paths"][&operation.path][operation.method.as_str().to_lowercase()];
        // JSON has no order: for pages that show the operations as the code does.
        described["x-order"] = place.into();
        common::complete(operation, described, &mut responses);
    }
    components["responses"] = responses.into();
    let used = used_tags(&document["paths"]);
    if let Some(tags) = document["tags"].as_array_mut() {
        tags.retain(|tag| tag["name"].as_str().is_some_and(|name| used.contains(name)));
    }
    let schemas = document["components"]["schemas"].take();
    let sent = sent(&document["paths"]);
    for (name, mut schema) in schemas.as_object().cloned().unwrap_or_default() {
        if !sent.contains(&name) {
            never_null(&mut schema);
        }
        components["schemas"][name] = schema;
    }
    document["components"] = components;
    document
}

/// States how long a new password may be on this node, wherever one is given: an operator sets it.
pub(crate) fn bound_passwords(document: &mut Value, lengths: Lengths) {
    let given = [
        ("/v1/auth/register", "post", "password"),
        ("/v1/auth/password/reset", "post", "new_password"),
        ("/v1/me/password", "put", "new_password"),
    ];
    for (path, method, property) in given {
        let schema = body_of(&document["paths"][path][method]).expect("each takes a body that has a schema");
        let at = format!("/components/schemas/{schema}/properties/{property}");
        let password = document.pointer_mut(&at).expect("each has a password");
        password["minLength"] = lengths.min.into();
        password["maxLength"] = lengths.max.into();
        password["description"] = format!("{} to {} characters.", lengths.min, lengths.max).into();
    }
}

/// The tags of operations that there are: what is left out of a server has none.
fn used_tags(paths: &Value) -> BTreeSet<String> {
    let items = paths.as_object().into_iter().flatten();
    let operations = items.flat_map(|(_, item)| item.as_object().into_iter().flatten());
    let tags = operations.flat_map(|(_, operation)| operation["tags"].as_array().into_iter().flatten());
    tags.filter_map(|tag| tag.as_str().map(str::to_owned)).collect()
}

/// The names of schemas of requests.
fn sent(paths: &Value) -> BTreeSet<String> {
    let operations =
        paths.as_object().into_iter().flatten().flat_map(|(_, item)| item.as_object().into_iter().flatten());
    operations.filter_map(|(_, operation)| body_of(operation)).collect()
}

/// The name of the schema of an operation's request.
fn body_of(operation: &Value) -> Option<String> {
    let reference = operation.pointer("/requestBody/content/application~1json/schema/$ref")?;
    reference.as_str()?.rsplit('/').next().map(str::to_owned)
}

/// A field of an answer that may be missing is left out, and never `null`, which is how Rust's `Option` is described.
fn never_null(schema: &mut Value) {
    let parts = schema.get_mut("allOf").and_then(Value::as_array_mut);
    parts.into_iter().flatten().for_each(never_null);
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (_, property) in properties.into_iter().flatten() {
        if let Some(kinds) = property.get("type").and_then(Value::as_array)
            && let Some(kind) = kinds.iter().find(|kind| *kind != "null")
        {
            property["type"] = kind.clone();
        }
        let either = property.get("oneOf").and_then(Value::as_array);
        if let Some(other) = either.and_then(|either| either.iter().find(|one| one["type"] != "null")) {
            let other = other.clone();
            let description = property["description"].take();
            *property = other;
            if !description.is_null() {
                property["description"] = description;
            }
        }
    }
}
