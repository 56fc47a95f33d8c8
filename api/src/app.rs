//! What every handler shares.

use crate::Settings;
use crate::auth::failures::Failures;
use crate::http::address::household;
use crate::http::budget::Budget;
use crate::http::streams::Streams;
use crate::live::hub::Hub;
use axum::extract::FromRef;
use commands::Writer;
use node::passwords::Passwords;
use node::rate_limits::RateLimits;
use node::redis::Redis;
use node::{IndexReader, Modules, Node, Probe, Roles};
use projections::Projections;
use relay::Signals;
use state::Tables;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use store::{Keys, Log};
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
    pub(crate) log: Log,
    pub(crate) keys: Arc<Keys>,
    pub(crate) writer: Writer,
    pub(crate) probe: Arc<Probe>,
    pub(crate) projections: Projections,
    /// What is kept and is no fact.
    pub(crate) state: Tables,
    /// What this process does of the work.
    pub(crate) roles: Roles,
    /// Which parts of the product there are.
    pub(crate) modules: Modules,
    pub(crate) passwords: Passwords,
    pub(crate) failures: Failures,
    /// What nodes share and may lose; none when nobody has set it.
    pub(crate) redis: Option<Redis>,
    /// Places for looking whether an unknown token is only too new (`lookup`).
    pub(crate) unknown: Arc<Semaphore>,
    /// Asks the text index.
    pub(crate) index: IndexReader,
    /// Places for questions to the log that keep a thread waiting (`patience`).
    pub(crate) blocked: Arc<Semaphore>,
    /// Answers that wait to be taken.
    pub(crate) budget: Arc<Budget>,
    /// Connections that last.
    pub(crate) streams: Arc<Streams>,
    /// How much callers may ask for; none where nothing is limited here.
    pub(crate) rate_limits: Option<RateLimits>,
    /// What nodes tell each other only while it happens.
    pub(crate) signals: Signals,
    /// Who is told what happens, as it happens.
    pub(crate) live: Arc<Hub>,
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

impl App {
    pub(crate) fn new(node: &Node, settings: Settings) -> App {
        let limits = &settings.limits;
        let budget = Arc::new(Budget::new(limits.answer_bytes_max, limits.answer_bytes_per_address_max));
        App(Arc::new(Shared {
            log: node.log.clone(),
            keys: Arc::clone(&node.keys),
            writer: node.writer.clone(),
            probe: Arc::clone(&node.probe),
            projections: node.projections.clone(),
            state: node.state.clone(),
            roles: node.roles,
            modules: node.modules,
            passwords: node.passwords.clone(),
            failures: Failures::default(),
            redis: node.redis.clone(),
            unknown: Arc::new(Semaphore::new(UNKNOWN_MAX)),
            index: node.index.clone(),
            blocked: Arc::new(Semaphore::new(BLOCKED_MAX)),
            streams: Arc::new(Streams::new(limits.streams_max, Arc::clone(&budget))),
            signals: node.signals.clone(),
            live: Arc::new(Hub::new()),
            budget,
            rate_limits: settings.rates.map(|rates| RateLimits::new(rates, Arc::clone(&node.keys), node.redis.clone())),
            settings,
        }))
    }

    /// The pool that hashes passwords, for a caller at that address: addresses take turns.
    pub(crate) fn passwords_of(&self, address: Option<IpAddr>) -> Passwords {
        self.passwords.of(address.map(household))
    }
}
