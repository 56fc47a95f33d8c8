//! The one task of a node that follows the log for everybody who listens here.

use crate::app::App;
use crate::live::facts::{Change, To, Told};
use crate::live::failure::Failure;
use crate::live::outbox::Outbox;
use crate::live::records::{self, Step};
use crate::live::show::{self, Shown};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use store::Mark;
use store::follower::{Follower, Next};
use tokio::sync::watch;

/// Between two tries.
const RETRY_WAIT: Duration = Duration::from_millis(250);

/// Follows the log until the process ends. `hint` changes when there is something new.
pub(crate) async fn follow(app: App, hint: watch::Receiver<u64>) {
    loop {
        app.live.somebody().await;
        if let Err(error) = while_listened(&app, hint.clone()).await {
            tracing::warn!(error = store::described(&error), "live streams wait for the log");
            tokio::time::sleep(RETRY_WAIT).await;
        }
    }
}

/// Follows the log from where it ends, for as long as somebody listens. What happened while nobody did is read by whoever
/// asks for it.
async fn while_listened(app: &App, hint: watch::Receiver<u64>) -> Result<(), Failure> {
    let mut mark = records::head(app).await?;
    app.live.come_to(mark.position);
    let mut follower = Follower::new("live", hint);
    let mut woken = follower.begin();
    while woken.is_some() && !stands_still(app).await {
        let done = step(app, &mut mark).await;
        woken = follower.after(done).await;
    }
    Ok(())
}

/// Whether nobody listens. Then nobody goes over to the hub any more, before the log is followed again: what happens
/// meanwhile would be lost to them.
async fn stands_still(app: &App) -> bool {
    let _turn = app.live.turn.lock().await;
    let is_empty = app.live.is_empty();
    if is_empty {
        app.live.come_to(0);
    }
    is_empty
}

/// One page.
async fn step(app: &App, mark: &mut Mark) -> Result<Next, Failure> {
    let page = records::behind(app, *mark).await?;
    let Some(end) = page.end else { return Ok(Next::AtHead) };
    // Who has come and gone by this page is known before it is told: nobody goes over to the hub in between.
    let _turn = app.live.turn.lock().await;
    let told = concerned(app, page.steps).await?;
    for (shown, (_, streams)) in shown(app, &told).await?.into_iter().zip(&told) {
        for stream in streams {
            if let Some(frame) = shown.to(stream.user_id) {
                stream.push(frame);
            }
        }
    }
    *mark = end;
    app.live.come_to(end.position);
    Ok(Next::Further)
}

/// What somebody here is to be told, each with their streams.
async fn concerned(app: &App, steps: Vec<Step>) -> Result<Vec<(Told, Vec<Arc<Outbox>>)>, Failure> {
    let mut recipients = HashMap::new();
    for told in steps.iter().filter_map(|step| step.told.as_ref()) {
        if let To::Recipient(id) = told.what.to() {
            recipients.insert(id, show::recipient(app, id, told.position).await?);
        }
    }
    // From here on nothing fails: what a page changes is heeded once.
    let mut concerned = Vec::new();
    for step in steps {
        if let Some(change @ Change::Came(..)) = step.change {
            app.live.heed(change, step.position);
        }
        if let Some(told) = step.told {
            let recipient = match told.what.to() {
                To::Recipient(id) => recipients.get(&id).copied().flatten(),
                To::Chat(_) | To::LastOf(_) | To::ChatAnd(..) | To::One(_) => None,
            };
            let streams = app.live.concerned(told.what.to(), told.position, recipient);
            if !streams.is_empty() {
                concerned.push((told, streams));
            }
        }
        if let Some(change) = step.change {
            app.live.heed(change, step.position);
        }
    }
    Ok(concerned)
}

/// It as it reads now. What keeps it from being read is waited for, for as long as somebody listens.
async fn shown(app: &App, told: &[(Told, Vec<Arc<Outbox>>)]) -> Result<Vec<Shown>, Failure> {
    let told = told.iter().map(|(told, _)| told).collect::<Vec<_>>();
    let mut is_told = false;
    loop {
        match show::all(app, &told).await {
            Err(error) if !app.live.is_empty() => {
                if !std::mem::replace(&mut is_told, true) {
                    tracing::warn!(error = store::described(&error), "live streams wait for the read models");
                }
                tokio::time::sleep(RETRY_WAIT).await;
            }
            shown => return shown,
        }
    }
}
