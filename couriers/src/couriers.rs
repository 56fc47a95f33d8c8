//! The couriers of a node as one: they work while this node is the one that sends, and end in order.

use crate::CourierSettings;
use crate::called_off::call_off_for_ever;
use crate::channel::webhook::Webhook;
use crate::courier::Courier;
use crate::dispatcher::{Dispatcher, settle_attempts};
use crate::error::{Result, told};
use crate::expander::expand;
use crate::gatherer::gather;
use crate::leadership::{CHECKED_EVERY, Leadership, Standing};
use crate::mailings::{begin_for_ever, go_on_for_ever};
use crate::providers::Providers;
use crate::reactor::react;
use crate::send::Route;
use commands::Writer;
use domain::notify::Channel;
use projections::Projections;
use state::Tables;
use std::sync::Arc;
use std::time::Duration;
use store::{Keys, Log, RelayPlace, now};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long attempts that are under way may take to end when the node stops, or another one sends.
const GRACE: Duration = Duration::from_secs(10);
/// How long it rests after what went wrong.
const PAUSE: Duration = Duration::from_secs(1);
/// What the dispatcher sends over.
const CHANNELS: [Channel; 3] = [Channel::Email, Channel::Inbox, Channel::Webhook];

/// What couriers are handed.
pub struct Parts {
    pub log: Log,
    pub keys: Arc<Keys>,
    pub writer: Writer,
    pub projections: Projections,
    pub state: Tables,
    /// Where it is kept whether they may send, and which node does.
    pub place: RelayPlace,
    /// Changes when the log may have something new.
    pub hint: watch::Receiver<u64>,
    pub settings: Arc<CourierSettings>,
    /// Who takes mail.
    pub providers: Providers,
}

/// The couriers of a node, as long as they run.
pub struct Couriers {
    stop: watch::Sender<bool>,
    standing: watch::Receiver<Option<Standing>>,
    running: JoinHandle<()>,
}

impl Couriers {
    /// Starts them. They look by themselves whether they may send.
    pub fn start(parts: Parts) -> Couriers {
        let (stop, stopped) = watch::channel(false);
        let (tell, standing) = watch::channel(None);
        let running = tokio::spawn(run(parts, stopped, tell));
        Couriers { stop, standing, running }
    }

    /// Which node sends; none until that was looked up.
    pub fn standing(&self) -> Option<Standing> {
        *self.standing.borrow()
    }

    /// Ends them: nothing new is begun, and what is under way has ten seconds to end. What has not ended then is in the
    /// log as an attempt of which nobody knows how it ended.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.running.await {
            tracing::error!(%error, "the couriers did not end as they should");
        }
    }
}

async fn run(parts: Parts, mut stopped: watch::Receiver<bool>, tell: watch::Sender<Option<Standing>>) {
    let Parts { log, keys, writer, projections, state, place, hint, settings, providers } = parts;
    let webhook = settings.webhook.as_ref().map(Webhook::new);
    let courier = Courier { log, keys, writer, projections, state, hint, settings };
    let route = Arc::new(Route { providers, webhook });
    let leadership = loop {
        let place = place.clone();
        match courier.blocking(move || Leadership::open(&place)).await {
            Ok(leadership) => break leadership,
            Err(error) => tracing::warn!(error = told(&error), "the couriers cannot begin; they try again"),
        }
        if rest(&mut stopped, PAUSE).await {
            return;
        }
    };
    loop {
        let standing = leadership.check(&courier).await;
        match &standing {
            Ok(standing) => tell_of(*standing, &tell),
            Err(error) => tracing::warn!(error = told(error), "it is not known which node sends; it is asked again"),
        }
        if let Ok(Standing::Ours) = standing {
            lead(&courier, &leadership, &route, &mut stopped, &tell).await;
        }
        if rest(&mut stopped, CHECKED_EVERY).await {
            break;
        }
    }
    if let Err(error) = leadership.give_up(&courier).await {
        tracing::warn!(error = told(&error), "another node sends in a few seconds");
    }
}

fn tell_of(standing: Standing, tell: &watch::Sender<Option<Standing>>) {
    let flag = |is: bool| if is { 1.0 } else { 0.0 };
    metrics::gauge!("letopis_couriers_active").set(flag(standing == Standing::Ours));
    metrics::gauge!("letopis_couriers_disarmed").set(flag(standing == Standing::Disarmed));
    if tell.send_replace(Some(standing)) == Some(standing) {
        return;
    }
    match standing {
        Standing::Ours => tracing::debug!("this node sends"),
        Standing::Others => tracing::info!("another node sends; this one stands by"),
        Standing::Disarmed => {
            let advice = "no notifications are sent until `letopis notifications arm`";
            tracing::warn!("this log is a copy, or the couriers were disarmed: {advice}");
        }
    }
}

/// Works until this node is not the one any more, or stops.
async fn lead(
    courier: &Courier,
    leadership: &Leadership,
    route: &Arc<Route>,
    stopped: &mut watch::Receiver<bool>,
    tell: &watch::Sender<Option<Standing>>,
) {
    let epoch = match begin(courier).await {
        Ok(epoch) => epoch,
        Err(error) => {
            tracing::error!(error = told(&error), "the couriers cannot begin; they try again");
            return;
        }
    };
    let over = watch::Sender::new(false);
    let is_over = || {
        let mut over = over.subscribe();
        async move { drop(over.wait_for(|over| *over).await) }
    };
    let dispatchers = CHANNELS.map(|channel| Dispatcher::new(courier, leadership, route, channel, epoch));
    let [mail, inbox, webhook] = &dispatchers;
    let until_over = async {
        loop {
            if rest(stopped, CHECKED_EVERY).await {
                break;
            }
            match leadership.check(courier).await {
                Ok(Standing::Ours) => {}
                Ok(standing) => {
                    tell_of(standing, tell);
                    break;
                }
                // Its own lease ends by its own clock.
                Err(_) if leadership.holds() => {}
                Err(_) => break,
            }
        }
        over.send_replace(true);
    };
    tokio::join!(
        until_over,
        until(is_over(), react(courier)),
        until(is_over(), expand(courier)),
        until(is_over(), call_off_for_ever(courier)),
        until(is_over(), gather(courier)),
        until(is_over(), begin_for_ever(courier)),
        until(is_over(), go_on_for_ever(courier)),
        mail.run(is_over(), GRACE),
        inbox.run(is_over(), GRACE),
        webhook.run(is_over(), GRACE),
    );
}

/// Nothing is sent before it is written what became of what was under way.
async fn begin(courier: &Courier) -> Result<u64> {
    let (state, now) = (courier.state.clone(), now());
    let epoch = courier.blocking(move || Ok(state.couriers().begin_epoch(now)?)).await?;
    settle_attempts(courier, epoch).await?;
    Ok(epoch)
}

async fn until(over: impl Future<Output = ()>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = over => {}
        () = work => {}
    }
}

/// Rests. Whether it is to stop, also when nobody is left who could say so.
async fn rest(stopped: &mut watch::Receiver<bool>, time: Duration) -> bool {
    tokio::select! {
        stopped = stopped.wait_for(|stopped| *stopped) => { drop(stopped); true }
        () = tokio::time::sleep(time) => false,
    }
}
