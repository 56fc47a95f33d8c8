//! The runs of mailings: begun when they are due, their audience frozen a chunk at a time, ended when every delivery is
//! final. Each step is a decision of its own that does nothing the second time, so that a crash between two of them skips
//! nobody and tells nobody twice.

use super::audience::Crowd;
use super::obstacle::{Suppressed, obstacle};
use super::said::{Said, merged};
use super::turns::Resting;
use crate::called_off::{CalledOff, Whole, call_off};
use crate::courier::Courier;
use crate::error::{Result, told};
use crate::ids;
use crate::render::Context;
use crate::telling::{Telling, next_due_at};
use commands::{Actor, Answer, Cause};
use domain::delivery::Details;
use domain::mailing::{self, BeginRun, Command, FinishRun, Freeze, PostponeRun, State, Status};
use domain::notify::Semantics;
use domain::{Event, MailingId, Personal, Timestamp};
use futures_util::stream::{self, StreamExt};
use projections::mailings::{Mailing, UnderWay, Which};
use projections::{ProjectionId, deliveries, mailings};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::time::{Duration, Instant};
use store::now;
use uuid::Uuid;

/// How often it looks for what is due, and for what has ended.
const LOOKED_EVERY: Duration = Duration::from_millis(250);
/// Mailings that are looked at in one turn; those behind them have the next one.
const A_TURN_MAX: u32 = 100;
/// Chunks of one audience that are frozen in one turn: then it is another mailing's.
const CHUNKS_A_TURN_MAX: usize = 40;
/// Runs that begin at once: each may wait for its variables.
const BEGINNING_MAX: usize = 8;
/// How long it rests after what went wrong.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a run waits that could not begin; each time twice as long.
const POSTPONED_SECONDS: i64 = 5;
/// Most bytes of what each recipient is told, as JSON: it must fit into an event beside all else.
const DETAILS_BYTES_MAX: usize = 40 * 1024;

/// Begins runs for ever; it may be dropped at any time.
pub(crate) async fn begin_for_ever(courier: &Courier) {
    there_are_mailings(courier).await;
    let (mut after, mut resting) = (None, Resting::default());
    loop {
        rest(begin_some(courier, &mut after, &mut resting).await.map(|()| false)).await;
    }
}

/// Goes on with runs for ever; it may be dropped at any time.
pub(crate) async fn go_on_for_ever(courier: &Courier) {
    there_are_mailings(courier).await;
    let (mut after, mut resting) = (None, Resting::default());
    loop {
        rest(go_on_with_some(courier, &mut after, &mut resting).await).await;
    }
}

/// Where mailings are left out there is nothing to do, ever.
async fn there_are_mailings(courier: &Courier) {
    if !courier.projections.has(ProjectionId::Mailings) {
        std::future::pending::<()>().await;
    }
}

/// After a turn; not at all when there is more to do.
async fn rest(is_more: Result<bool>) {
    match is_more {
        Ok(true) => {}
        Ok(false) => tokio::time::sleep(LOOKED_EVERY).await,
        Err(error) => {
            tracing::error!(error = told(&error), "mailings cannot be looked at; it is tried again");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Begins runs that are due, the longest due first, from those on that are behind the last turn's.
async fn begin_some(
    courier: &Courier,
    after: &mut Option<(Timestamp, MailingId)>,
    resting: &mut Resting,
) -> Result<()> {
    let db = courier.caught_up(ProjectionId::Mailings, 0).await?;
    let mut due = mailings::due(&db, now(), *after, A_TURN_MAX).await?;
    *after = due.get(A_TURN_MAX as usize - 1).and_then(|last| Some((last.next_at?, last.mailing_id)));
    due.retain(|one| !resting.has(one.mailing_id, Instant::now()));
    let one = async |mailing: Mailing| (mailing.mailing_id, begin(courier, mailing).await);
    let mut begun = std::pin::pin!(stream::iter(due).map(one).buffer_unordered(BEGINNING_MAX));
    while let Some((id, done)) = begun.next().await {
        resting.heed(id, done, "a run of a mailing cannot begin; it is tried again", Instant::now());
    }
    Ok(())
}

/// Goes on with the runs that are under way, from those on that are behind the last turn's. Whether there is more to do.
async fn go_on_with_some(courier: &Courier, after: &mut Option<MailingId>, resting: &mut Resting) -> Result<bool> {
    let db = courier.caught_up(ProjectionId::Mailings, 0).await?;
    metrics::gauge!("letopis_mailing_runs_under_way").set(f64::from(mailings::count_under_way(&db).await?));
    let runs = mailings::under_way(&db, Which::ToDo, *after, A_TURN_MAX).await?;
    if runs.is_empty() {
        return Ok(false);
    }
    // What is known of deliveries must not be older than what is known of their mailing, whichever node wrote it.
    let log = courier.log.clone();
    let head = courier.blocking(move || Ok(log.head()?.position)).await?;
    let mut is_more = false;
    for run in runs {
        *after = Some(run.mailing_id);
        if resting.has(run.mailing_id, Instant::now()) {
            continue;
        }
        let done = go_on(courier, &run, head).await;
        let trouble = "a run of a mailing cannot go on; it is tried again";
        is_more |= resting.heed(run.mailing_id, done, trouble, Instant::now());
    }
    Ok(is_more)
}

/// Begins the run that is due, or lets it wait.
async fn begin(courier: &Courier, mailing: Mailing) -> Result<()> {
    let (id, run) = (mailing.mailing_id, mailing.run);
    let command = match prepare(courier, &mailing).await? {
        Ok((said, variables)) => Command::BeginRun(Box::new(BeginRun {
            run,
            author: mailing.author,
            notification_id: ids::of_run(id, run),
            content: said.content,
            variables,
        })),
        Err(reason) => {
            metrics::counter!("letopis_mailing_runs_postponed_total").increment(1);
            tracing::warn!(mailing_id = %id, run, reason, "a run of a mailing has to wait");
            let until = now().plus_seconds(POSTPONED_SECONDS << mailing.tries.min(10));
            Command::PostponeRun(PostponeRun { run, reason, until })
        }
    };
    send(courier, id, command, last_fact(courier, id).await?).await.map(drop)
}

/// What the run says and what was fetched for it; or why it cannot begin, without personal data.
async fn prepare(
    courier: &Courier,
    mailing: &Mailing,
) -> Result<std::result::Result<(Said, Map<String, Value>), String>> {
    // The rules say what becomes of one whose words are forgotten.
    let texts = mailing.texts.clone().unwrap_or_default();
    let templates = match courier.projections.has(ProjectionId::Templates) {
        true => Some(courier.caught_up(ProjectionId::Templates, 0).await?),
        false => None,
    };
    let said = match Said::of(templates.as_ref(), &mailing.plan.saying, &texts.details).await? {
        Ok(said) => said,
        Err(unsayable) if mailing.texts.is_some() => return Ok(Err(unsayable.to_string())),
        Err(_) => return Ok(Ok((Said::forgotten(), Map::new()))),
    };
    let fetched = match &texts.variables_url {
        None => Map::new(),
        Some(url) => match courier.settings.variables.fetch(url).await {
            Ok(fetched) => fetched,
            Err(why) => return Ok(Err(format!("variables_url: {why}"))),
        },
    };
    let details = Details { variables: merged(&texts.details, &fetched), ..texts.details };
    if serde_json::to_string(&details).map_or(usize::MAX, |text| text.len()) > DETAILS_BYTES_MAX {
        return Ok(Err(format!("variables_url: the variables are more than {DETAILS_BYTES_MAX} bytes")));
    }
    let context =
        Context { product: &courier.settings.product, public_url: &courier.settings.public_url, ..Context::TRIED };
    Ok(match said.render("en", &details.variables, &context) {
        Ok(_) => Ok((said, fetched)),
        Err(error) => Err(format!("it cannot be rendered: {error}")),
    })
}

/// The last fact of a mailing: it is what caused what follows.
async fn last_fact(courier: &Courier, id: MailingId) -> Result<Option<Uuid>> {
    let log = courier.log.clone();
    let facts = courier.blocking(move || Ok(log.stream(id.into())?)).await?;
    Ok(facts.last().map(|fact| fact.id))
}

async fn send(courier: &Courier, id: MailingId, command: Command, cause: Option<Uuid>) -> Result<Option<Answer>> {
    let Some(cause) = cause else { return Ok(None) };
    courier.send(domain::Command::Mailing(id, command), Actor::Courier(Cause::recorded(cause))).await
}

/// One turn of a run. `head` is that of the log after the run was looked up. Whether there is more to do at once.
async fn go_on(courier: &Courier, run: &UnderWay, head: u64) -> Result<bool> {
    match run.status {
        Status::Running | Status::Paused if !run.is_frozen => return freeze(courier, run.mailing_id).await,
        Status::Running => {}
        Status::Cancelled => match call_off(courier, Whole::Mailing(run.mailing_id), head).await? {
            CalledOff::All => {}
            CalledOff::Some => return Ok(true),
        },
        Status::Draft | Status::Scheduled | Status::Paused | Status::Finished => return Ok(false),
    }
    let db = courier.caught_up(ProjectionId::Deliveries, head).await?;
    let counts = deliveries::counts(&db, run.notification_id).await?;
    if !counts.iter().all(|(status, _)| status.is_final()) {
        return Ok(false);
    }
    let next_due_at = next_due_at(run.plan.schedule.as_ref(), run.due_at, now());
    let finish = Command::FinishRun(FinishRun { run: run.run, next_due_at });
    send(courier, run.mailing_id, finish, last_fact(courier, run.mailing_id).await?).await?;
    Ok(false)
}

/// What the log says of a run that is under way.
struct Source {
    telling: Telling,
    crowd: Crowd,
    chunk: u32,
    after: Option<domain::UserId>,
    /// Of the mailing's stream.
    version: u64,
}

/// Freezes the next of the audience of the run that is under way. Whether there is more.
async fn freeze(courier: &Courier, id: MailingId) -> Result<bool> {
    let Some(mut source) = Source::read(courier, id).await? else { return Ok(false) };
    let key = source.telling.category.clone();
    let category = courier.settings.categories.get(&key);
    let (run, begun_at) = (source.telling.run, source.crowd.until);
    let limit = source.telling.people_max();
    for page_of_turn in 1..=CHUNKS_A_TURN_MAX {
        let db = courier.caught_up(ProjectionId::Recipients, 0).await?;
        let page = source.crowd.page(&db, source.after, limit).await?;
        source.after = page.after;
        // Where nobody is in the audience nothing is written, but where the next turn begins.
        if page.people.is_empty() && !page.is_last && page_of_turn < CHUNKS_A_TURN_MAX {
            continue;
        }
        let suppressed = Suppressed::of(&courier.keys, &db, &page.people).await?;
        let deliveries = page.people.iter().flat_map(|person| {
            let obstacle = |channel| match category {
                Some(category) => obstacle(category, channel, person, &suppressed, begun_at),
                None => Some("unknown-category"),
            };
            source.telling.deliveries(person.user_id, obstacle)
        });
        let freeze = Freeze {
            run,
            chunk: source.chunk,
            recipients: u32::try_from(page.people.len()).unwrap_or(u32::MAX),
            deliveries: deliveries.collect(),
            after: page.after,
            last: page.is_last,
        };
        let answer = send(courier, id, Command::Freeze(freeze), Some(source.telling.cause)).await?;
        source.version += 1;
        source.chunk += 1;
        // It was called off, or something else became of it: the next turn sees what.
        if page.is_last || answer.is_none_or(|answer| answer.version != source.version) {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Source {
    async fn read(courier: &Courier, id: MailingId) -> Result<Option<Source>> {
        let log = courier.log.clone();
        let facts = courier.blocking(move || Ok(log.stream(id.into())?)).await?;
        let (mut state, mut cause, version) = (State::default(), None, facts.len() as u64);
        for fact in facts {
            let Event::Mailing(_, event) = &fact.event else { continue };
            mailing::evolve(&mut state, event);
            if let mailing::Event::RunBegun(_) = event {
                cause = Some(fact.id);
            }
        }
        let (State::Known(known), Some(cause)) = (state, cause) else { return Ok(None) };
        let due_at = known.due_at;
        let (Some(run), Some(due_at)) = (known.under_way.filter(|run| !run.is_frozen), due_at) else { return Ok(None) };
        let details = match (known.texts, run.fetched) {
            (Personal::Known(texts), Personal::Known(fetched)) => {
                Personal::Known(Details { variables: merged(&texts.details, &fetched.variables), ..texts.details })
            }
            (Personal::Erased, _) | (_, Personal::Erased) => Personal::Erased,
        };
        let active = active(courier, known.plan.audience.active_since).await?;
        let telling = Telling {
            notification_id: run.notification_id,
            run: known.run,
            cause,
            category: known.plan.category,
            kind: known.plan.kind,
            // Nobody gets a mailing twice, whatever its category is.
            semantics: Semantics::AtMostOnce,
            channels: known.plan.channels,
            content: run.content,
            details,
            due_at,
            expires_in: known.plan.expires_in,
        };
        let crowd = Crowd { audience: known.plan.audience, named: known.user_ids, until: run.begun_at, active };
        Ok(Some(Source { telling, crowd, chunk: run.chunk, after: run.after, version }))
    }
}

async fn active(courier: &Courier, since: Option<Timestamp>) -> Result<HashSet<domain::UserId>> {
    match since {
        None => Ok(HashSet::new()),
        Some(since) => Ok(courier.state.last_use().users_since(since).await?),
    }
}
