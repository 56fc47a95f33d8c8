//! `letopis serve`: everything in one process, or the part of it that this node does.

use crate::banner;
use crate::config;
use crate::context::Context;
use crate::doctor;
use crate::exit::{Code, failure};
use crate::supervisor;
use anyhow::{Context as _, Result};
use couriers::CourierSettings;
use node::control::server::Control;
use node::{Builds, Messaging, Node, NodeOptions};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long a process that cannot write any more still answers.
const ANSWERS_WAIT: Duration = Duration::from_secs(1);
/// What ends a process that is interrupted a second time, as shells expect it.
const INTERRUPTED: i32 = 130;

/// Serves until it is told to stop.
///
/// # Errors
/// When it cannot start, or cannot go on.
pub async fn run(context: &Context) -> Result<()> {
    raise_open_files();
    let listener = bind(&context.settings.listen, "--listen or LETOPIS_LISTEN").await?;
    let address = listener.local_addr().context("the server's own address cannot be read")?;
    let (stop, stopped) = watch::channel(false);
    let metrics = Metrics::open(context, stopped.clone()).await?;
    let mut signals = Signals::open().context("signals cannot be caught")?;
    let (listener, starting) = twins(listener)?;
    let (started, has_started) = watch::channel(false);
    let (builds, built) = watch::channel(Builds::default());
    let roles = context.settings.roles;
    let starting = tokio::spawn(api::starting(starting, doors(context), roles, built, stopping(has_started)));
    let messaging = context.settings.nats.clone().map_or(Messaging::Off, Messaging::Following);
    let redis = context.settings.redis.clone();
    let couriers = Some(couriers(context, address));
    let options = NodeOptions { roles, messaging, redis, couriers, serves: true, ..context.node_options() };
    let node = tokio::select! {
        opened = Node::open_telling(options, builds) => Arc::new(opened?),
        // Building read models, or waiting for who builds them, may take long; nobody was promised anything yet, and
        // what is built is kept.
        () = signals.one() => return Ok(()),
    };
    started.send_replace(true);
    // Who is told that the server is there must not meet the one that answered until now: a request that it has not read yet
    // would be cut off. Whoever connects meanwhile waits in the kernel's queue.
    let _ = starting.await;
    metrics.figures.of(&node, doors(context));
    let control = Control::open(&node.folder)?;
    let controlled = tokio::spawn(control.serve(Arc::clone(&node), stopped.clone()));
    tokio::spawn(signals.stop_at_first(stop.clone()));
    supervisor::ready(&address.to_string());
    let (first_admin, link) = first_admin(&node, context)?.unzip();
    let doors = api::Settings { first_admin, ..doors(context) };
    banner::print(&node, &doors, (address, metrics.address, link), context.settings.log_json);
    let outcome = {
        let served = api::serve(listener, &node, doors, stopping(stopped));
        tokio::pin!(served);
        tokio::select! {
            served = &mut served => served.context("serving failed"),
            why = node.failed() => {
                // Whoever waits is told that it was not done, before the process ends.
                stop.send_replace(true);
                let _ = tokio::time::timeout(ANSWERS_WAIT, served).await;
                Err(failure(Code::Failure, why))
            }
            () = supervisor::watch(&node) => Ok(()),
        }
    };
    stop.send_replace(true);
    // Both are over already, or end now; neither failure changes how this ends.
    let _ = controlled.await;
    metrics.ended().await;
    let _ = std::fs::remove_file(node.folder.control_socket());
    if let Some(node) = Arc::into_inner(node)
        && !node.stop().await
    {
        let message = "the writer did not end in time; the process ends without it, and nothing that was acknowledged is \
                       lost";
        return outcome.and(Err(failure(Code::Failure, message)));
    }
    tracing::info!("stopped");
    outcome
}

/// Every connection is an open file, and many systems begin with a limit of 1,024 that any process may raise for itself.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let highest = getrlimit(Resource::Nofile).maximum;
    let _ = setrlimit(Resource::Nofile, Rlimit { current: highest, maximum: highest });
}

/// The listener for figures alone, where there is one.
struct Metrics {
    figures: api::Figures,
    address: Option<SocketAddr>,
    served: Option<JoinHandle<()>>,
}

impl Metrics {
    async fn open(context: &Context, stopped: watch::Receiver<bool>) -> Result<Metrics> {
        let figures = api::Figures::default();
        let Some(listen) = &context.settings.metrics_listen else {
            return Ok(Metrics { figures, address: None, served: None });
        };
        let listener = bind(listen, "LETOPIS_METRICS_LISTEN").await?;
        let address = listener.local_addr().context("the server's own address cannot be read")?;
        let serving = api::serve_metrics(listener, figures.clone(), doors(context), stopping(stopped));
        Ok(Metrics { figures, address: Some(address), served: Some(tokio::spawn(serving)) })
    }

    /// Waits until nobody is told anything any more: only then nothing of the node is held here.
    async fn ended(self) {
        if let Some(served) = self.served {
            let _ = served.await;
        }
    }
}

async fn bind(listen: &str, setting: &str) -> Result<TcpListener> {
    TcpListener::bind(listen).await.map_err(|error| {
        let advice = format!("choose another address with {setting}");
        let message = if error.kind() == std::io::ErrorKind::AddrInUse {
            format!("{listen} is taken: another program listens there, or Letopis runs already; stop it, or {advice}")
        } else {
            format!("could not listen on {listen}: {error}; {advice}")
        };
        failure(Code::Failure, message)
    })
}

/// One socket for two who accept connections from it, one after the other: nobody is refused in between.
fn twins(listener: TcpListener) -> Result<(TcpListener, TcpListener)> {
    let twins = || -> std::io::Result<(TcpListener, TcpListener)> {
        let one = listener.into_std()?;
        let other = one.try_clone()?;
        Ok((TcpListener::from_std(one)?, TcpListener::from_std(other)?))
    };
    twins().context("the address cannot be listened on")
}

fn couriers(context: &Context, address: SocketAddr) -> CourierSettings {
    let settings = &context.settings;
    CourierSettings {
        categories: Arc::new(settings.categories.clone()),
        public_url: settings.public_url.clone().unwrap_or_else(|| format!("http://{address}")),
        product: settings.product_name.clone(),
        reset_url: settings.reset_url.clone(),
        node: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        mail: settings.mail.clone(),
        webhook: settings.webhook.clone(),
        variables: settings.variables.clone(),
        ..CourierSettings::default()
    }
}

fn doors(context: &Context) -> api::Settings {
    let settings = &context.settings;
    api::Settings {
        session_idle: settings.session_idle,
        session_max: settings.session_max,
        storage_wait: settings.storage_wait,
        product_name: settings.product_name.clone(),
        public_url: settings.public_url.clone(),
        allowed_origins: settings.allowed_origins.clone(),
        trusted_proxies: settings.trusted_proxies.clone(),
        log_addresses: settings.log_addresses,
        categories: settings.categories.clone(),
        variables: settings.variables.clone(),
        sign_up: settings.sign_up,
        second_factor: settings.second_factor,
        sendgrid_event_key: settings.sendgrid_events.clone(),
        has_mailbox: settings.mail.stays_in_house(),
        has_sign_in_pages: settings.sign_in_pages,
        has_console: settings.console,
        shown: config::settings(context).into(),
        doctor: doctor(context),
        has_metrics_listener: settings.metrics_listen.is_some(),
        providers: settings.providers.clone(),
        outbound: settings.outbound.clone(),
        rates: settings.rates,
        ..api::Settings::default()
    }
}

/// What lets somebody become the first admin, and its link, where nothing has happened here yet.
fn first_admin(node: &Node, context: &Context) -> Result<Option<(api::FirstAdmin, String)>> {
    let asks = context.settings.console && node.roles.has(node::Role::Api);
    Ok((asks && node.log.head()?.position == 0).then(api::FirstAdmin::new))
}

/// What `letopis doctor` does, for who asks this server.
fn doctor(context: &Context) -> api::Doctor {
    let context = Arc::new(context.clone());
    api::Doctor::new(move || {
        let context = Arc::clone(&context);
        async move { doctor::shown(&context).await }
    })
}

async fn stopping(mut stopped: watch::Receiver<bool>) {
    // Nobody left who could say it: that is a stop as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn open() -> std::io::Result<Signals> {
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn one(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// The first stops gently, the second at once. What was acknowledged is durable either way.
    async fn stop_at_first(mut self, stop: watch::Sender<bool>) {
        self.one().await;
        supervisor::stopping();
        tracing::info!("stopping; requests under way may finish, once more stops at once");
        stop.send_replace(true);
        self.one().await;
        std::process::exit(INTERRUPTED);
    }
}
