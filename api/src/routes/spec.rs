//! What a route is. It is said beside the route's handler, once: the router, the layers and the document follow it.

use crate::app::App;
use crate::auth::enforcement::WithoutSecondFactor;
use crate::error::Code;
use crate::http::idempotency;
use crate::http::request_size::BODY_BYTES_MAX;
use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::middleware::from_fn;
use axum::{Extension, Router};
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{self, PathItem};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

/// Who may call. The handler's argument (`Caller`, `Person`, `FreshPerson`, `Notifier`, `Moderator`, `Admin`, none of them) is what enforces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, with credentials or without.
    Anyone,
    /// A session, or a service token with the scope `read` for safe methods, `write` for the others.
    Caller,
    /// A session only.
    Person,
    /// A notifier or an admin: by a session, or by a service token with the scope `notify`.
    Notifier,
    /// A moderator or an admin: by a session, or by a service token as any caller.
    Moderator,
    /// An admin: by a session, or by a service token as any caller.
    Admin,
}

/// How a route counts towards what one caller, and all of them, may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateClass {
    /// It takes a slot for requests under way, and a token of its caller, or of its address.
    Ordinary,
    /// Registering, signing in and asking for mail: few of them from one address. Its handler counts whom it names as well.
    SignIn,
    /// What an operator asks when there is trouble: answered however much is under way, and however often it is asked.
    Probe,
}

/// What an `Idempotency-Key` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// A write answers a repeat with the first answer. Reads have no use for a key.
    Keyed,
    /// A repeat is another request.
    Ignored,
}

/// What a route is.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Who may call.
    pub access: Access,
    /// What it counts as.
    pub class: RateClass,
    /// What a key does.
    pub idempotency: Idempotency,
    /// Most bytes of its body.
    pub body_bytes_max: usize,
    /// Whether it answers a list in pages: it takes `limit` and `from`.
    pub paged: bool,
    /// Whether it answers one thing that has an `ETag`.
    pub tagged: bool,
    /// Whether it wants somebody who has lately shown who they are. The handler's argument `FreshPerson`, or what it calls
    /// of `auth/fresh.rs` where the body may hold the password, is what enforces it.
    pub fresh: bool,
    /// Whether who must have a second factor and has none may use it all the same.
    pub without_second_factor: bool,
    /// The codes of its own that it can fail with, beside those that follow from the rest.
    pub(crate) fails: &'static [Code],
}

impl Spec {
    /// A route for anybody; all else is as with most routes.
    pub(crate) const fn anyone() -> Spec {
        Spec::of(Access::Anyone)
    }

    /// The same for a session or a service token.
    pub(crate) const fn caller() -> Spec {
        Spec::of(Access::Caller)
    }

    /// The same for a session only.
    pub(crate) const fn person() -> Spec {
        Spec::of(Access::Person)
    }

    /// The same for who may send notifications to others.
    pub(crate) const fn notifier() -> Spec {
        Spec::of(Access::Notifier)
    }

    /// The same for who moderates every chat.
    pub(crate) const fn moderator() -> Spec {
        Spec::of(Access::Moderator)
    }

    /// The same for admins.
    pub(crate) const fn admin() -> Spec {
        Spec::of(Access::Admin)
    }

    const fn of(access: Access) -> Spec {
        Spec {
            access,
            class: RateClass::Ordinary,
            idempotency: Idempotency::Keyed,
            body_bytes_max: BODY_BYTES_MAX,
            paged: false,
            tagged: false,
            fresh: false,
            without_second_factor: false,
            fails: &[],
        }
    }

    pub(crate) const fn probe(self) -> Spec {
        Spec { class: RateClass::Probe, ..self }
    }

    pub(crate) const fn sign_in(self) -> Spec {
        Spec { class: RateClass::SignIn, ..self }
    }

    pub(crate) const fn without_key(self) -> Spec {
        Spec { idempotency: Idempotency::Ignored, ..self }
    }

    pub(crate) const fn body_bytes_max(self, body_bytes_max: usize) -> Spec {
        Spec { body_bytes_max, ..self }
    }

    pub(crate) const fn paged(self) -> Spec {
        Spec { paged: true, ..self }
    }

    pub(crate) const fn tagged(self) -> Spec {
        Spec { tagged: true, ..self }
    }

    pub(crate) const fn without_second_factor(self) -> Spec {
        Spec { without_second_factor: true, ..self }
    }

    pub(crate) const fn fresh(self) -> Spec {
        Spec { fresh: true, ..self }
    }

    pub(crate) const fn fails(self, fails: &'static [Code]) -> Spec {
        Spec { fails, ..self }
    }
}

/// One route: a method of an address.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its method.
    pub method: Method,
    /// Its address, with names in braces.
    pub path: String,
    /// What it is.
    pub spec: Spec,
}

/// Routes, what each of them is, and what the document says of them.
#[derive(Default)]
pub(crate) struct Routes {
    router: OpenApiRouter<App>,
    operations: Vec<Operation>,
}

impl Routes {
    /// Adds one route, or several of one address that are the same.
    pub(crate) fn add(mut self, (schemas, mut paths, methods): UtoipaMethodRouter<App>, spec: Spec) -> Routes {
        for (path, item) in &mut paths.paths {
            let methods = described(item).map(|(method, _)| method);
            self.operations.extend(methods.map(|method| Operation { method, path: path.clone(), spec }));
        }
        let methods = methods.layer(DefaultBodyLimit::max(spec.body_bytes_max));
        let methods = match spec.without_second_factor {
            true => methods.layer(Extension(WithoutSecondFactor)),
            false => methods,
        };
        let methods = match spec.idempotency {
            Idempotency::Keyed => methods,
            Idempotency::Ignored => methods.layer(from_fn(idempotency::ignore)),
        };
        Routes { router: self.router.routes((schemas, paths, methods)), operations: self.operations }
    }

    pub(crate) fn merge(mut self, others: Routes) -> Routes {
        self.operations.extend(others.operations);
        Routes { router: self.router.merge(others.router), operations: self.operations }
    }

    /// The router, the document without what holds for every route, and what each route is.
    pub(crate) fn into_parts(self) -> (Router<App>, OpenApi, Vec<Operation>) {
        let (router, document) = self.router.split_for_parts();
        (router, document, self.operations)
    }
}

/// What the document says of one address, method by method.
pub(crate) fn described(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut path::Operation)> {
    let operations = [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ];
    operations.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}
