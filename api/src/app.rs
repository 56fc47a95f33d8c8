//! What every handler shares.

use crate::Settings;
use crate::auth::failures::Failures;
use crate::http::address::household;
use crate::http::budget::Budget;
use crate::http::streams::Streams;
use crate::kept::Kept;
use crate::live::hub::Hub;
use crate::tasks::Tasks;
use axum::extract::FromRef;
use node::modules::{Module, Modules};
use node::passwords::Passwords;
use node::rate_limits::RateLimits;
use node::{Node, NodeHandle};
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Most unknown tokens that are waited for at once (`auth::lookup`).
const UNKNOWN_MAX: usize = 64;
/// Most questions to the log that keep a thread waiting at once (`patience`).
const BLOCKED_MAX: usize = 64;

/// What every handler shares. Cheap to clone: every layer and every handler has its own with every request.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

/// What there is of it, once.
pub(crate) struct Shared {
    /// The node that these doors belong to: its parts are reached as if they were fields of this.
    pub(crate) node: NodeHandle,
    pub(crate) failures: Failures,
    /// Places for looking whether an unknown token is only too new (`lookup`).
    pub(crate) unknown: Arc<Semaphore>,
    /// Places for questions to the log that keep a thread waiting (`patience`).
    pub(crate) blocked: Arc<Semaphore>,
    /// Answers that wait to be taken.
    pub(crate) budget: Arc<Budget>,
    /// Connections that last.
    pub(crate) streams: Arc<Streams>,
    /// How much callers may ask for; none where nothing is limited here.
    pub(crate) rate_limits: Option<RateLimits>,
    /// Who is told what happens, as it happens.
    pub(crate) live: Arc<Hub>,
    /// What goes on after its request was answered.
    pub(crate) tasks: Tasks,
    /// What operators were shown last.
    pub(crate) overview: Kept,
    /// The same of what is counted for it.
    pub(crate) counts: Kept,
    /// Other services to sign in by, in the order of the settings.
    pub(crate) providers: Vec<oidc::Client>,
    pub(crate) settings: Settings,
}

impl FromRef<App> for Arc<Streams> {
    fn from_ref(app: &App) -> Arc<Streams> {
        Arc::clone(&app.streams)
    }
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Deref for Shared {
    type Target = NodeHandle;

    fn deref(&self) -> &NodeHandle {
        &self.node
    }
}

impl App {
    pub(crate) fn new(node: &Node, settings: Settings) -> App {
        let limits = &settings.limits;
        let budget = Arc::new(Budget::new(limits.answer_bytes_max, limits.answer_bytes_per_address_max));
        App(Arc::new(Shared {
            node: NodeHandle::clone(node),
            failures: Failures::default(),
            unknown: Arc::new(Semaphore::new(UNKNOWN_MAX)),
            blocked: Arc::new(Semaphore::new(BLOCKED_MAX)),
            streams: Arc::new(Streams::new(limits.streams_max, Arc::clone(&budget))),
            live: Arc::new(Hub::new()),
            providers: providers(node.modules, &settings),
            budget,
            tasks: Tasks::default(),
            overview: Kept::default(),
            counts: Kept::default(),
            rate_limits: settings.rates.map(|rates| RateLimits::new(rates, Arc::clone(&node.keys), node.redis.clone())),
            settings,
        }))
    }

    /// The pool that hashes passwords, for a caller at that address: addresses take turns.
    pub(crate) fn passwords_of(&self, address: Option<IpAddr>) -> Passwords {
        self.passwords.of(address.map(household))
    }
}

/// One client for each, over the same connections; none where the module is left out.
fn providers(modules: Modules, settings: &Settings) -> Vec<oidc::Client> {
    if !modules.has(Module::External) {
        return Vec::new();
    }
    let http = outbound::Client::new(settings.outbound.clone());
    settings.providers.iter().map(|provider| oidc::Client::new(provider.clone(), http.clone())).collect()
}
