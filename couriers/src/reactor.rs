//! Follows the log and has people told of facts. It may look at a fact any number of times: what it asks for has an id
//! that is made of the fact, and what is past its deadline is not asked for at all.

use crate::courier::Courier;
use crate::error::Result;
use crate::ids;
use commands::{Actor, Cause, Request};
use domain::delivery::{self, Content, Details, Status};
use domain::notify::Channel;
use domain::notify::notices::{Notice, notices, tells_of};
use domain::{Category, Command, Event, NotificationId, Timestamp, UserId, user};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use projections::{ProjectionId, deliveries};
use std::time::Duration;
use store::follower::{Follower, Next, Retry};
use store::{Fact, Log, Mark, Record, failpoint, now};

/// Facts that are read at once.
const PAGE: usize = 1_000;
/// How many facts are looked at again after a crash, where nothing followed from them.
const KEPT_EVERY: u64 = 10_000;
/// Commands that are under way at once.
const COMMANDS_MAX: usize = 64;
/// Waiting deliveries that are looked at in one go.
const WAITING_PAGE: u32 = 500;
/// How it tries again: the log or the writer is in the way.
const RETRY: Retry = Retry::BackOff { first: Duration::from_millis(250), max: Duration::from_secs(5) };

/// Follows the log for ever; it may be dropped at any time.
pub(crate) async fn react(courier: &Courier) {
    let mut follower = Follower::new("couriers", courier.hint.clone()).retrying(RETRY);
    let (mut at, mut kept) = (None, 0);
    let mut woken = follower.begin();
    while woken.is_some() {
        let done = step(courier, &mut at, &mut kept).await;
        woken = follower.after(done).await;
    }
}

/// One page. `at` is how far it is; none until that is looked up.
async fn step(courier: &Courier, at: &mut Option<Mark>, kept: &mut u64) -> Result<Next> {
    let mark = match *at {
        Some(mark) => mark,
        None => courier.beginning().await?,
    };
    // Unknown until all of the page is asked for: this may be dropped on the way.
    *at = None;
    let log = courier.log.clone();
    let (facts, end) = courier.blocking(move || page_behind(&log, mark)).await?;
    if end == mark {
        *at = Some(mark);
        return Ok(Next::AtHead);
    }
    let followed = look_at(courier, &facts).await?;
    if followed {
        failpoint::pass("notices-requested");
    }
    if followed || end.position >= *kept + KEPT_EVERY {
        courier.keep(end).await?;
        *kept = end.position;
    }
    *at = Some(end);
    Ok(Next::Further)
}

/// The facts behind that event which people may be told of, and the last event that was read. All others, messages above
/// all, are not opened.
fn page_behind(log: &Log, after: Mark) -> Result<(Vec<Fact>, Mark)> {
    let records = match after.position.checked_sub(1) {
        None => log.read(0, PAGE)?,
        Some(before) => {
            let mut records = log.read(before, PAGE + 1)?;
            if records.first().map(Record::mark) != Some(after) {
                return Err(store::Error::OtherHistory { position: after.position }.into());
            }
            records.remove(0);
            records
        }
    };
    let end = records.last().map_or(after, Record::mark);
    let facts = records.iter().filter(|record| is_told(&record.name)).map(|record| log.fact(record));
    Ok((facts.collect::<Result<_, _>>()?, end))
}

/// Whether something may follow from facts of that name. What this version does not know it tells nobody.
fn is_told(name: &str) -> bool {
    let category = Category::of_event(name);
    // What [`settle`] looks at.
    let settles = matches!(category, Some(Category::User | Category::Preferences));
    settles || category.is_some_and(tells_of)
}

/// Whether anything followed from these facts.
async fn look_at(courier: &Courier, facts: &[Fact]) -> Result<bool> {
    let mut followed = false;
    for fact in facts {
        let notices = notices(&fact.event, fact.version, fact.recorded_at);
        followed |= !notices.is_empty();
        for notice in &notices {
            notify(courier, fact, notice).await?;
        }
        followed |= settle(courier, fact).await?;
    }
    Ok(followed)
}

/// Requests the deliveries of one notice.
async fn notify(courier: &Courier, fact: &Fact, notice: &Notice) -> Result<()> {
    let Some(category) = courier.settings.categories.get(&notice.category) else { return Ok(()) };
    let notification_id = ids::of_notice(fact.id, notice.rule, notice.user_id);
    let channels = notice.channels.map_or_else(|| category.channels.clone(), <[Channel]>::to_vec);
    let expires_in = notice.expires_in.unwrap_or(category.expires_in);
    let expires_at = fact.recorded_at.plus_seconds(expires_in.into());
    // Also of facts of before this rule, and of a log that is followed from its beginning once more.
    if expires_at <= now() {
        return Ok(());
    }
    for channel in channels.into_iter().filter(|channel| *channel != Channel::Live) {
        let request = delivery_of(fact, notice, category, channel, notification_id, expires_at);
        let id = ids::of_delivery(notification_id, 1, notice.user_id, channel);
        let command = Command::Delivery(id, delivery::Command::Request(Box::new(request)));
        courier.send(command, Actor::Courier(Cause::of(fact))).await?;
    }
    Ok(())
}

fn delivery_of(
    fact: &Fact,
    notice: &Notice,
    category: &domain::notify::Category,
    channel: Channel,
    notification_id: NotificationId,
    expires_at: Timestamp,
) -> delivery::Request {
    delivery::Request {
        user_id: notice.user_id,
        channel,
        category: category.key.clone(),
        kind: category.kind,
        semantics: category.semantics,
        content: Content::BuiltIn { template: notice.template.to_owned() },
        due_at: fact.recorded_at,
        late_because: "deadline".to_owned(),
        expires_at,
        notification_id,
        cause: Some(fact.id),
        details: Details { address: notice.address.clone(), variables: notice.variables.clone(), ..Details::default() },
        suppressed: None,
        before_sign_up: notice.before_sign_up,
    }
}

/// What a fact means to deliveries that wait. Whether there was anything to do.
async fn settle(courier: &Courier, fact: &Fact) -> Result<bool> {
    if let Event::User(user_id, user::Event::Erased) = &fact.event {
        let suppress = delivery::Suppress { reason: "erased".to_owned() };
        for_all_waiting(courier, fact, *user_id, |_| Some(delivery::Command::Suppress(suppress.clone()))).await?;
    } else if let Event::Preferences(id, _) = &fact.event {
        // What waits for the end of quiet hours is planned by what they say now.
        let now = now();
        let again = delivery::Defer { until: now, reason: "preferences-changed".to_owned() };
        let is_planned = |one: &deliveries::Delivery| one.status == Status::Deferred && one.attempts == 0;
        let replanned = |one: &deliveries::Delivery| {
            (is_planned(one) && one.due_at > now).then(|| delivery::Command::Defer(again.clone()))
        };
        for_all_waiting(courier, fact, (*id).into(), replanned).await?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// Commands something of every delivery to a person that waits, in pages. What has left meanwhile refuses, which is fine.
async fn for_all_waiting(
    courier: &Courier,
    fact: &Fact,
    user_id: UserId,
    command: impl Fn(&deliveries::Delivery) -> Option<delivery::Command>,
) -> Result<()> {
    let db = courier.caught_up(ProjectionId::Deliveries, fact.position).await?;
    let actor = Actor::Courier(Cause::of(fact));
    let mut after = 0;
    loop {
        let page = deliveries::waiting_of_user(&db, user_id, after, WAITING_PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.position;
        let commands = page.iter().filter_map(|one| Some(Command::Delivery(one.delivery_id, command(one)?)));
        let sent = stream::iter(commands.collect::<Vec<_>>()).map(|command| courier.send(command, actor));
        sent.buffer_unordered(COMMANDS_MAX).try_for_each(|_| async { Ok(()) }).await?;
    }
}

impl Courier {
    /// A courier's command, tried until it is decided on. A refusal says that there is nothing left to do.
    pub(crate) async fn send(&self, command: Command, actor: Actor) -> Result<Option<commands::Answer>> {
        let request = Request { command, actor, at: now(), request_id: None, if_match: None, key: None };
        match self.writer.send(request).await {
            Ok(answer) => Ok(Some(answer)),
            Err(commands::Error::Refused(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
