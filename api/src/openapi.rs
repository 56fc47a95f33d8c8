//! The OpenAPI document, made from the code, and the pages that show it without internet.

use crate::app::App;
use crate::auth::credentials::COOKIE_NAME;
use crate::error::Code;
use crate::problem::Problem;
use crate::routes::spec::{Access, Idempotency, Operation, Routes, Spec, described};
use crate::routes::{self, health};
use axum::Router;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderValue, Method, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Redirect;
use axum::routing::get;
use std::fmt::Write;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{self, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Object, OpenApi, Ref, RefOr, Required, ResponseBuilder, SecurityRequirement, Type,
};
use utoipa::{OpenApi as _, ToSchema};
use utoipa_swagger_ui::{Config, SwaggerUi};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Letopis", description = "Accounts and chat on one event log."),
    components(schemas(Problem)),
    tags(
        (name = "accounts", description = "Registering, logging in, my profile"),
        (name = "sessions", description = "Who is logged in as me"),
        (name = "tokens", description = "What my applications call with"),
        (name = "chats", description = "Chats"),
        (name = "members", description = "Who is in a chat"),
        (name = "messages", description = "What is said in a chat"),
        (name = "search", description = "Finding what was said"),
        (name = "health", description = "For operators"),
    )
)]
struct Document;

/// What the header holds.
const BEARER: &str = "The token of a session, or a service token (`letopis_…`): its scope `read` allows GET, `write` \
                      every other method; what secures an account takes sessions only (`session-required`).";

/// The document that `GET /openapi.json` answers.
pub fn document() -> OpenApi {
    let (_, document, operations) = routes().into_parts();
    complete(document, &operations)
}

/// Every documented route, and what it is.
pub fn operations() -> Vec<Operation> {
    routes().into_parts().2
}

/// Every documented route.
pub(crate) fn routes() -> Routes {
    routes::all().merge(health::routes())
}

/// `/openapi.json` and `/docs`.
pub(crate) fn pages(document: OpenApi) -> Router<App> {
    let config = Config::new(["/openapi.json"]).try_it_out_enabled(true);
    let ui = SwaggerUi::new("/docs").url("/openapi.json", document).config(config);
    Router::from(ui).route("/", get(|| async { Redirect::temporary("/docs/") })).layer(from_fn(
        async |request: Request<axum::body::Body>, next: Next| {
            let mut response = next.run(request).await;
            // The page brings its own scripts and styles, and asks this server only.
            let policy =
                "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
            response
        },
    ))
}

/// Adds what holds for every route (CONTRACT 1.1), so that no handler has to repeat it, and what follows from what it is.
pub(crate) fn complete(routes: OpenApi, operations: &[Operation]) -> OpenApi {
    let mut document = Document::openapi();
    document.merge(routes);
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document.info.description = Some(description());
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(BEARER)).build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let cookie = ApiKey::Cookie(ApiKeyValue::new(COOKIE_NAME));
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    for Operation { method, path, spec } in operations {
        let mut described = document.paths.paths.get_mut(path).into_iter().flat_map(described);
        if let Some((_, operation)) = described.find(|(described, _)| described == method) {
            common(operation, method, path, spec);
            conditions(operation, method, spec);
        }
    }
    document
}

fn common(operation: &mut path::Operation, method: &Method, path: &str, spec: &Spec) {
    let writes = !method.is_safe();
    let mut statuses = vec![400, 431, 500, 503];
    if spec.access != Access::Anyone {
        operation.security = Some(vec![
            SecurityRequirement::new("bearer", Vec::<String>::new()),
            SecurityRequirement::new("cookie", Vec::<String>::new()),
        ]);
        // A service token may lack the scope, or be none that may do this.
        statuses.extend([401, 403]);
    }
    if path.contains('{') {
        statuses.push(404);
    }
    if writes {
        statuses.extend([403, 408, 409, 412, 413, 422]);
        if spec.idempotency == Idempotency::Keyed {
            let key = "The same key with the same request gives the first answer again, for at least 24 hours.";
            parameter(operation, "Idempotency-Key", ParameterIn::Header, key, Type::String);
        }
    } else if path.starts_with("/v1/") {
        let wait = "Wait for this log position, at most 2 s.";
        parameter(operation, "min_position", ParameterIn::Query, wait, Type::Integer);
    }
    if operation.request_body.is_some() {
        statuses.push(415);
    }
    if spec.paged {
        parameter(operation, "limit", ParameterIn::Query, "1 to 1000, by default 50.", Type::Integer);
        parameter(operation, "from", ParameterIn::Query, "`next.iterator` of the page before.", Type::String);
    }
    for status in statuses {
        let entry = operation.responses.responses.entry(status.to_string());
        entry.or_insert_with(|| problem().into());
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with('2')
            && path.starts_with("/v1/")
        {
            let header = HeaderBuilder::new()
                .schema(Some(Object::with_type(Type::Integer)))
                .description(Some("The log position of what was written, or how far the read model is."))
                .build();
            response.headers.insert("Letopis-Position".to_owned(), header.into());
        }
    }
}

/// What holds for conditional requests.
fn conditions(operation: &mut path::Operation, method: &Method, spec: &Spec) {
    let changes = matches!(*method, Method::PATCH | Method::PUT);
    let shows = *method == Method::GET && spec.tagged;
    if changes || *method == Method::DELETE {
        let text = "`*`, or one or more `ETag`s: none of them current is 412 `version-changed`.";
        parameter(operation, "If-Match", ParameterIn::Header, text, Type::String);
    }
    if shows {
        let text = "`ETag`s of answers that the caller has: 304 when one of them is current.";
        parameter(operation, "If-None-Match", ParameterIn::Header, text, Type::String);
        let known = ResponseBuilder::new().description("The caller has it already.").build();
        operation.responses.responses.insert("304".to_owned(), known.into());
    }
    if let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200")
        && (changes || shows)
    {
        let header = HeaderBuilder::new()
            .schema(Some(Object::with_type(Type::String)))
            .description(Some("Made of the version that is answered, or was written."))
            .build();
        response.headers.insert("ETag".to_owned(), header.into());
    }
}

fn parameter(operation: &mut path::Operation, name: &str, place: ParameterIn, description: &str, kind: Type) {
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(Object::with_type(kind)))
        .build();
    operation.parameters.get_or_insert_default().push(parameter.into());
}

fn problem() -> utoipa::openapi::Response {
    let schema = Ref::from_schema_name(Problem::name());
    ResponseBuilder::new()
        .description("What went wrong, and what to do.")
        .content("application/problem+json", ContentBuilder::new().schema(Some(schema)).build())
        .build()
}

/// What holds for every address, and the table of codes.
fn description() -> String {
    let mut text = String::from(
        "Accounts and chat on one event log. Every write answers the log position that it was written at; a read \
         sees every write that this node has acknowledged.\n\nA failure is `application/problem+json` (RFC 9457) \
         with one of these codes:\n\n| code | status | meaning |\n|---|---|---|\n",
    );
    for code in Code::ALL {
        // Writing into a string does not fail.
        let _ = writeln!(text, "| `{}` | {} | {} |", code.text(), code.status().as_u16(), code.title());
    }
    text
}
