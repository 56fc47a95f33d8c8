//! What is left out of a server: its routes are nowhere, and the document does not know them.

use crate::app::App;
use crate::error::{Code, Error};
use crate::routes::spec::Operation;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use node::Modules;
use std::collections::HashSet;
use std::sync::Arc;
use utoipa::openapi::OpenApi;

/// Takes out what belongs to modules that this server leaves out.
pub(crate) fn left_out(
    modules: Modules,
    routes: Router<App>,
    mut document: OpenApi,
    mut operations: Vec<Operation>,
) -> (Router<App>, OpenApi, Vec<Operation>) {
    let paths = operations.iter().map(|operation| &operation.path).filter(|path| !modules.has_path(path));
    let gone = paths.cloned().collect::<HashSet<_>>();
    if gone.is_empty() {
        return (routes, document, operations);
    }
    document.paths.paths.retain(|path, _| !gone.contains(path));
    operations.retain(|operation| !gone.contains(&operation.path));
    (routes.layer(from_fn_with_state(Arc::new(gone), nowhere)), document, operations)
}

/// Answers as if there were no such address.
async fn nowhere(State(gone): State<Arc<HashSet<String>>>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    if path.is_some_and(|path| gone.contains(path.as_str())) {
        return Error::new(Code::NotFound, "there is nothing at this address; see /docs").into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use node::modules::{ALWAYS, PARTS};

    #[test]
    fn every_route_is_in_the_table_of_modules() {
        let listed = || PARTS.iter().flat_map(|part| part.paths).chain(ALWAYS);
        for operation in crate::operations() {
            let below = |prefix: &str| {
                operation.path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            assert!(listed().any(|prefix| below(prefix)), "{} belongs to no module", operation.path);
        }
    }
}
