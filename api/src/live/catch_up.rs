//! A stream that is not with the hub yet: it reads the log itself, from where its client was, until it has caught up.

use crate::app::App;
use crate::live::facts::{Change, To, Told};
use crate::live::failure::Failure;
use crate::live::hub::{Memberships, Seat};
use crate::live::records::{self, PAGE, Page};
use crate::live::show;
use domain::UserId;
use projections::{ProjectionId, chats};
use std::collections::VecDeque;

/// Between the log and the hub is no more than this when a stream goes over: everybody waits for that.
const NEAR: u64 = PAGE as u64;

/// How far a stream is that reads the log itself.
pub(super) struct CatchUp {
    user_id: UserId,
    /// The client has everything up to here.
    had: u64,
    /// The log ended here when the stream was opened: who is in which chat is looked up no earlier than that.
    opened_at: u64,
}

/// Who hears what, as of a position.
struct View {
    memberships: Memberships,
    /// What they are as of.
    position: u64,
}

impl CatchUp {
    /// For a client that has everything up to the position `had` of a log that ends at `head`.
    pub(super) fn behind(user_id: UserId, had: u64, head: u64) -> CatchUp {
        CatchUp { user_id, had, opened_at: head }
    }

    /// What is to be told next. Once it has caught up the hub tells the rest, and that is so when this answers true.
    ///
    /// # Errors
    /// What kept it from it: it may be tried again.
    pub(super) async fn step(&mut self, app: &App, seat: &Seat) -> Result<(VecDeque<Told>, bool), Failure> {
        let mut view = self.view(app).await?;
        // What the hub says next is built on what it knows.
        app.live.reached(view.position).await;
        // What this client has is read again as far as it may change who hears what.
        let mut scanned = self.had.min(view.position);
        loop {
            let end = app.live.position();
            if end.saturating_sub(scanned) <= NEAR {
                break;
            }
            let (found, up_to) = self.scan(app, &mut view, scanned, end).await?;
            scanned = up_to;
            self.had = self.had.max(scanned);
            if !found.is_empty() {
                return Ok((found, false));
            }
        }
        let _turn = app.live.turn.lock().await;
        if app.live.position() < view.position {
            // The log was not followed any more, for want of listeners.
            return Ok((VecDeque::new(), false));
        }
        let mut found = VecDeque::new();
        while scanned < app.live.position() {
            let (more, up_to) = self.scan(app, &mut view, scanned, app.live.position()).await?;
            found.extend(more);
            scanned = up_to;
        }
        app.live.attach(seat, &view.memberships);
        self.had = self.had.max(scanned);
        Ok((found, true))
    }

    /// The chats that its user is in now. The read model may be ahead of the hub.
    async fn view(&self, app: &App) -> Result<View, Failure> {
        let database = show::database(app, ProjectionId::Chats, self.opened_at).await?;
        let (position, memberships) = chats::memberships(&database, self.user_id).await?;
        Ok(View { memberships: memberships.into_iter().collect(), position })
    }

    /// Reads on; answers what is told of it to this client, and how far that was.
    async fn scan(&self, app: &App, view: &mut View, after: u64, end: u64) -> Result<(VecDeque<Told>, u64), Failure> {
        let Page { steps, end: read } = records::between(app, after, end).await?;
        let mut found = VecDeque::new();
        for step in steps {
            let change = step.change.filter(|_| step.position > view.position);
            if let Some(change @ Change::Came(..)) = change {
                view.heed(change, self.user_id, step.position);
            }
            if let Some(told) = step.told.filter(|told| told.position > self.had)
                && self.concerns(app, view, &told).await?
            {
                found.push_back(told);
            }
            if let Some(change) = change {
                view.heed(change, self.user_id, step.position);
            }
        }
        Ok((found, read.map_or(end, |read| read.position)))
    }

    async fn concerns(&self, app: &App, view: &View, told: &Told) -> Result<bool, Failure> {
        Ok(match told.what.to() {
            to @ (To::Chat(_) | To::ChatAnd(..)) => to.is_open_to(self.user_id, &view.memberships, told.position),
            // Who was in it knows only the log.
            To::LastOf(chat_id) => records::was_in(app, chat_id, self.user_id, told.position).await?,
            To::One(user_id) => user_id == self.user_id,
            To::Recipient(id) => show::recipient(app, id, told.position).await? == Some(self.user_id),
        })
    }
}

impl View {
    fn heed(&mut self, change: Change, who: UserId, position: u64) {
        match change {
            Change::Came(chat_id, user_id) if user_id == who => {
                self.memberships.insert(chat_id, position);
            }
            Change::Went(chat_id, user_id) if user_id == who => {
                self.memberships.remove(&chat_id);
            }
            Change::Gone(chat_id) => {
                self.memberships.remove(&chat_id);
            }
            // Whether the stream may go on is looked up when its hub says so.
            Change::Came(..) | Change::Went(..) | Change::Ended(_) => {}
        }
    }
}
