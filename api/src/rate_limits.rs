//! How often a caller may ask: counts every request of a limited route, and says in each answer what is left
//! (draft-ietf-httpapi-ratelimit-headers).

use crate::app::App;
use crate::auth::session_token::hash;
use crate::auth::standing::Standing;
use crate::auth::{credentials, service_token};
use crate::error::Error;
use crate::http::address::{ClientAddress, household};
use crate::routes::spec::{Operation, RateClass};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::text::canonical_name;
use node::rate_limits::{Limit, RateLimits, address_key, first_half};
use state::{BucketKey, Level};
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Tokens that are looked up at once to find out whose bucket a request counts to; while so many are, the next counts to its
/// address. This comes before the slots for requests under way, and a flood of made-up tokens must not get past them.
static LOOKUPS: Semaphore = Semaphore::const_new(256);

/// Routes that are not ordinary, by their path.
pub(crate) type Classes = Arc<HashMap<String, Vec<(Method, RateClass)>>>;

/// What each route counts as.
pub(crate) fn classes(operations: &[Operation]) -> Classes {
    let mut classes = HashMap::<String, Vec<(Method, RateClass)>>::new();
    for Operation { method, path, spec } in operations.iter().filter(|route| route.spec.class != RateClass::Ordinary) {
        classes.entry(path.clone()).or_default().push((method.clone(), spec.class));
    }
    Arc::new(classes)
}

/// Refuses what is more than a caller may ask for, and adds to every answer what they still may.
pub(crate) async fn limit(State((app, classes)): State<(App, Classes)>, mut request: Request, next: Next) -> Response {
    let class = class_of(&classes, &request);
    let Some(limits) = app.rate_limits.as_ref().filter(|_| class != RateClass::Probe) else {
        return next.run(request).await;
    };
    let address = request.extensions().get::<ClientAddress>().and_then(|address| address.0);
    let Some((limit, key)) = app.bucket(limits, class, address, request.headers()).await else {
        return next.run(request).await;
    };
    let level = limits.count(limit, key).await;
    let names = NameCount::default();
    let mut response = if level.is_admitted {
        if class == RateClass::SignIn {
            request.extensions_mut().insert(names.clone());
        }
        next.run(request).await
    } else {
        exceeded(limit, level).into_response()
    };
    tell(response.headers_mut(), limits, (limit, level), names.least());
    response
}

/// What a request counts as; what is at no address of ours is ordinary.
fn class_of(classes: &Classes, request: &Request) -> RateClass {
    let of_path = request.extensions().get::<MatchedPath>().and_then(|path| classes.get(path.as_str()));
    let asked = if *request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let found = of_path.and_then(|of_path| of_path.iter().find(|(method, _)| method == asked));
    found.map_or(RateClass::Ordinary, |(_, class)| *class)
}

impl App {
    /// Whether who holds a stream may say something more on it: that counts as a request does.
    pub(crate) async fn admits(&self, standing: &Standing) -> bool {
        match &self.rate_limits {
            Some(limits) => limits.count(Limit::Caller, first_half(&standing.token_hash().0)).await.is_admitted,
            None => true,
        }
    }

    /// Whose bucket a request counts to; none where nobody is connected (tests of the router alone).
    async fn bucket(
        &self,
        limits: &RateLimits,
        class: RateClass,
        address: Option<IpAddr>,
        headers: &HeaderMap,
    ) -> Option<(Limit, BucketKey)> {
        let of_address = |limit| address.map(|address| (limit, address_key(household(address))));
        match class {
            RateClass::SignIn => of_address(Limit::SignIn),
            RateClass::Ordinary | RateClass::Probe => match self.caller_key(limits, headers).await {
                Some(key) => Some((Limit::Caller, key)),
                None => of_address(Limit::Address),
            },
        }
    }

    /// The bucket of a session or a service token that there is. Credentials that were good a moment ago are not looked up
    /// here: where they have ended since, the handler refuses them, and their bucket is as good as any.
    async fn caller_key(&self, limits: &RateLimits, headers: &HeaderMap) -> Option<BucketKey> {
        let of_header = credentials::of_header(headers).into_iter().next();
        let token = of_header.or_else(|| credentials::of_cookie(headers).into_iter().next())?;
        let key = first_half(&hash(&token).0);
        if limits.knows_caller(&key) {
            return Some(key);
        }
        let _place = LOOKUPS.try_acquire().ok()?;
        // Where it cannot be looked up, the handler will say so.
        let is_good = if service_token::is_one(&token) {
            self.token_of(&token).await.is_ok_and(|found| found.is_some())
        } else {
            self.session_of(&token).await.is_ok_and(|found| found.is_some())
        };
        is_good.then_some(key)
    }
}

/// Counts whom a request names: a user's name or an e-mail address.
#[derive(Clone, Default)]
pub(crate) struct NameCount(Arc<Mutex<Option<Level>>>);

impl<S: Sync> FromRequestParts<S> for NameCount {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<NameCount, Infallible> {
        Ok(parts.extensions.get::<NameCount>().cloned().unwrap_or_default())
    }
}

impl NameCount {
    /// Counts a request to the bucket of that name or e-mail address, whether or not there is such an account.
    ///
    /// # Errors
    /// `request-limit-exceeded`.
    pub(crate) async fn count(&self, app: &App, name: &str) -> Result<(), Error> {
        let Some(limits) = &app.rate_limits else { return Ok(()) };
        let level = limits.count(Limit::SignInName, limits.name_key(&compared(name))).await;
        let mut least = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if least.is_none_or(|least| level.full_after_us > least.full_after_us) {
            *least = Some(level);
        }
        if level.is_admitted { Ok(()) } else { Err(exceeded(Limit::SignInName, level)) }
    }

    /// The emptiest of the buckets that were counted.
    fn least(&self) -> Option<Level> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The form in which names and e-mail addresses are compared, of whatever was sent.
pub(crate) fn compared(name: &str) -> String {
    canonical_name(name).map_or_else(|| name.to_owned(), |form| form.trim().to_owned())
}

fn exceeded(limit: Limit, level: Level) -> Error {
    let what = match limit {
        Limit::Caller => "from this session or service token",
        Limit::Address => "from this address",
        Limit::SignIn => "from this address to register, sign in or ask for mail",
        Limit::SignInName => "to sign in as this user or to mail this address",
    };
    let seconds = level.next_after_seconds().max(1);
    Error::limited(seconds, format!("too many requests {what}; try again in {seconds} s"))
}

/// Writes what is left into an answer.
fn tell(headers: &mut HeaderMap, limits: &RateLimits, (limit, level): (Limit, Level), of_name: Option<Level>) {
    let (mut left, mut policy) = (String::with_capacity(48), String::with_capacity(48));
    for (limit, level) in [(limit, level)].into_iter().chain(of_name.map(|level| (Limit::SignInName, level))) {
        let (name, rate, separator) = (limit.name(), limits.rate(limit), if left.is_empty() { "" } else { ", " });
        // Writing into a string does not fail.
        let _ = write!(left, "{separator}\"{name}\";r={};t={}", level.remaining, level.full_after_seconds());
        let _ = write!(policy, "{separator}\"{name}\";q={};w={}", rate.burst(), rate.window_seconds());
    }
    for (name, text) in [(RATE_LIMIT, left), (RATE_LIMIT_POLICY, policy)] {
        headers.insert(name, HeaderValue::try_from(text).expect("it is made of words and numbers"));
    }
}

#[cfg(test)]
mod measure;
