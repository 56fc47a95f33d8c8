//! Sends what is due. The intent is in the log before a byte leaves, and how it ended afterwards; what happens between
//! both is known to nobody but the provider.

use crate::courier::Courier;
use crate::error::{Error, Result, told};
use crate::leadership::Leadership;
use crate::pace::Pace;
use crate::send::{self, Route};
use commands::{Actor, Cause};
use domain::delivery;
use domain::notify::Channel;
use domain::{Command, DeliveryId, MailingId};
use projections::mailings::Which;
use projections::{ProjectionId, deliveries, mailings};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::follower::POLL;
use store::now;
use store::sql::Database;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

/// Deliveries that are looked up at once.
const PAGE: u32 = 256;
/// Deliveries of one channel that are under way at once.
const UNDER_WAY_MAX: usize = 64;
/// Runs of mailings that have a turn at once; those behind them have the next one.
const RUNS_A_TURN_MAX: u32 = 100;
/// How long it is waited until it is known which mailings go on: all other mail waits with them.
const MAILINGS_WAIT: Duration = Duration::from_millis(250);
/// Attempts of others that are looked up at once.
const IN_DOUBT_PAGE: u32 = 500;
/// How long the dispatcher rests after what went wrong with the log or a read model.
const PAUSE: Duration = Duration::from_secs(1);

/// The dispatcher of one channel.
pub(crate) struct Dispatcher {
    courier: Courier,
    leadership: Leadership,
    route: Arc<Route>,
    channel: Channel,
    /// Of every intent of this process.
    epoch: u64,
    places: Arc<Semaphore>,
    /// What is under way, and what has ended so lately that the read model may not know: the position that it must
    /// reach to be asked about it.
    busy: Arc<Mutex<HashMap<DeliveryId, Option<u64>>>>,
    /// How fast mailings go.
    pace: Mutex<Pace>,
    /// The mailing that had the last turn.
    last: Mutex<Option<MailingId>>,
    /// Whether mailings could not be looked up; it is told once.
    is_without_mailings: AtomicBool,
}

impl Dispatcher {
    pub(crate) fn new(
        courier: &Courier,
        leadership: &Leadership,
        route: &Arc<Route>,
        channel: Channel,
        epoch: u64,
    ) -> Dispatcher {
        Dispatcher {
            courier: courier.clone(),
            leadership: leadership.clone(),
            route: Arc::clone(route),
            channel,
            epoch,
            places: Arc::new(Semaphore::new(UNDER_WAY_MAX)),
            busy: Arc::default(),
            pace: Mutex::default(),
            last: Mutex::default(),
            is_without_mailings: AtomicBool::new(false),
        }
    }

    /// Sends what is due until `stop` resolves, and then waits for what is under way, at most that long.
    pub(crate) async fn run(&self, stop: impl Future<Output = ()>, grace: Duration) {
        let mut under_way = JoinSet::new();
        tokio::select! {
            () = stop => {}
            () = self.send_for_ever(&mut under_way) => {}
        }
        let ended = tokio::time::timeout(grace, async { while under_way.join_next().await.is_some() {} }).await;
        if ended.is_err() {
            tracing::warn!(channel = self.channel.name(), "attempts did not end in time; how they end is not known");
        }
    }

    async fn send_for_ever(&self, under_way: &mut JoinSet<()>) {
        let mut hint = self.courier.hint.clone();
        let mut seen = 0;
        loop {
            while under_way.try_join_next().is_some() {}
            match self.round(under_way).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    let (channel, error) = (self.channel.name(), told(&error));
                    tracing::error!(channel, error, "what is due cannot be sent; it is tried again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
            self.rest(&mut hint, &mut seen).await;
        }
    }

    /// Until there may be something: the next poll, or a fact of a delivery that this node has acknowledged.
    async fn rest(&self, hint: &mut tokio::sync::watch::Receiver<u64>, seen: &mut u64) {
        let news = async {
            loop {
                if hint.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                let acknowledged = self.courier.writer.acknowledged(ProjectionId::Deliveries.follows());
                if acknowledged != *seen {
                    *seen = acknowledged;
                    return;
                }
            }
        };
        tokio::select! {
            () = news => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }

    /// Begins with what is due. Whether there may be more.
    async fn round(&self, under_way: &mut JoinSet<()>) -> Result<bool> {
        let floor = self.busy().values().filter_map(|ended| *ended).max().unwrap_or_default();
        let db = self.courier.caught_up(ProjectionId::Deliveries, floor).await?;
        self.busy().retain(|_, ended| ended.is_none_or(|position| position > floor));
        let due = deliveries::due(&db, self.channel, now(), PAGE).await?;
        let is_full = due.len() == PAGE as usize;
        let mut due = due.into_iter().filter(|one| !self.busy().contains_key(&one.delivery_id)).collect::<Vec<_>>();
        due.extend(self.of_mailings(&db).await);
        let begun = due.len();
        for (delivery, recipient) in send::with_recipients(&self.courier, due).await? {
            let place = Arc::clone(&self.places).acquire_owned().await.expect("it is never closed");
            self.busy().insert(delivery.delivery_id, None);
            under_way.spawn(self.one(delivery, recipient, place));
        }
        // A full page of what is under way already says nothing of what is behind it: some of it must end first.
        if is_full && begun == 0 {
            under_way.join_next().await;
        }
        Ok(is_full || begun > 0)
    }

    /// What is due of the mailings that go on. What is wrong with them keeps no other mail back.
    async fn of_mailings(&self, db: &Database) -> Vec<deliveries::Delivery> {
        if !self.courier.projections.has(ProjectionId::Mailings) {
            return Vec::new();
        }
        let due = self.due_of_mailings(db).await;
        // Behind is busy, not broken: where it lasts, the lag of the read model says so.
        let is_without = due.as_ref().is_err_and(|error| !matches!(error, Error::Behind(_)));
        let was_without = self.is_without_mailings.swap(is_without, Ordering::Relaxed);
        due.unwrap_or_else(|error| {
            if is_without && !was_without {
                let (channel, error) = (self.channel.name(), told(&error));
                tracing::error!(channel, error, "mailings cannot be looked up; all other mail goes on");
            }
            Vec::new()
        })
    }

    /// Each goes as fast as it may, and no more than there are places for, so that one that is paused stops at once. They
    /// share the places, and whoever is behind the one that had the last of them is the next.
    async fn due_of_mailings(&self, db: &Database) -> Result<Vec<deliveries::Delivery>> {
        let name = ProjectionId::Mailings;
        let wanted = self.courier.writer.acknowledged(name.follows());
        let reached = self.courier.projections.caught_up(name, wanted, MAILINGS_WAIT).await;
        reached.map_err(|_| Error::Behind(name))?;
        let runs = self.courier.projections.database(name);
        let last = *self.last();
        let runs = mailings::under_way(&runs, Which::Sending, last, RUNS_A_TURN_MAX).await?;
        self.pace().forget_idle(Instant::now());
        let (mut due, mut places) = (Vec::new(), self.places.available_permits());
        let mut waiting = runs.len();
        for run in runs {
            if places == 0 {
                break;
            }
            *self.last() = Some(run.mailing_id);
            let share = places.div_ceil(waiting);
            waiting -= 1;
            let (id, rate) = (run.mailing_id, run.plan.per_second_max);
            let allowed = self.pace().allowed(id, rate, share, Instant::now());
            if allowed == 0 {
                continue;
            }
            // Those that are under way may be among the first.
            let limit = u32::try_from(allowed + self.busy().len()).unwrap_or(u32::MAX);
            let mut some = deliveries::due_of_mailing(db, id, self.channel, now(), limit).await?;
            some.retain(|one| !self.busy().contains_key(&one.delivery_id));
            some.truncate(allowed);
            self.pace().spend(id, rate, some.len());
            places -= some.len();
            due.extend(some);
        }
        Ok(due)
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<MailingId>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn one(
        &self,
        delivery: deliveries::Delivery,
        recipient: Option<send::Recipient>,
        place: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (courier, leadership) = (self.courier.clone(), self.leadership.clone());
        let (route, epoch, busy) = (Arc::clone(&self.route), self.epoch, Arc::clone(&self.busy));
        async move {
            let id = delivery.delivery_id;
            let ended = send::send(&courier, &leadership, &route, epoch, delivery, recipient).await;
            let mut busy = busy.lock().unwrap_or_else(PoisonError::into_inner);
            match ended {
                Ok(position) => drop(busy.insert(id, Some(position))),
                Err(error) => {
                    tracing::error!(delivery_id = %id, error = told(&error), "a delivery could not be sent");
                    busy.remove(&id);
                }
            }
            drop(place);
        }
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, HashMap<DeliveryId, Option<u64>>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes of every attempt that was made under another epoch that nobody will say how it ended: whoever made it is gone,
/// or has lost the lease.
pub(crate) async fn settle_attempts(courier: &Courier, epoch: u64) -> Result<()> {
    let mut floor = 0;
    loop {
        let db = courier.caught_up(ProjectionId::Deliveries, floor).await?;
        let in_doubt = deliveries::in_doubt(&db, epoch, IN_DOUBT_PAGE).await?;
        if in_doubt.is_empty() {
            return Ok(());
        }
        tracing::warn!(attempts = in_doubt.len(), "attempts were under way when who made them ended");
        for one in in_doubt {
            let lose = delivery::LoseAttempt { attempt: one.attempt, epoch };
            let command = Command::Delivery(one.delivery_id, delivery::Command::LoseAttempt(lose));
            let answer = courier.send(command, Actor::Courier(Cause::recorded(one.event_id))).await?;
            floor = answer.map_or(floor, |answer| floor.max(answer.position));
        }
    }
}
