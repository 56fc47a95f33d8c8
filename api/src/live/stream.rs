//! One stream: what is said on it, whichever way it goes over the wire.

use crate::app::App;
use crate::auth::standing::Standing;
use crate::error::Error;
use crate::http::stop::Stop;
use crate::live::catch_up::CatchUp;
use crate::live::facts::Told;
use crate::live::failure::Failure;
use crate::live::frame::Frame;
use crate::live::hub::Seat;
use crate::live::outbox::{Bye, News};
use crate::live::show;
use domain::UserId;
use serde_json::json;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use store::now;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

/// A stream on which nothing is told says so this often at least (CONTRACT 1.3).
const QUIET_MAX: Duration = Duration::from_secs(15);
/// So much of what was found in the log is shown at once.
const SHOWN_AT_ONCE: usize = 32;
/// Before what failed is tried again.
const RETRY_WAIT: Duration = Duration::from_millis(250);

/// A stream that is open.
pub(crate) struct Stream {
    app: App,
    standing: Standing,
    seat: Seat,
    doubts: watch::Receiver<u64>,
    /// None when the hub tells what comes.
    catch_up: Option<CatchUp>,
    /// Found in the log, and not shown yet.
    found: VecDeque<Told>,
    shown: VecDeque<Arc<Frame>>,
    /// When it is looked at whether it may go on.
    look: Instant,
    stop: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
    ended: bool,
}

/// What is said on a stream.
pub(crate) enum Said {
    Frame(Arc<Frame>),
    /// Only that it is still there.
    Quiet,
    /// The last that is said.
    Bye(Bye),
}

/// Why the wait for the next thing to say is over.
enum Woken {
    Stop,
    /// Whether it may go on is to be looked up, as of that position.
    InDoubt(u64),
    Look,
    News(News),
    Found(Result<(), Failure>),
}

impl Stream {
    /// Opens one for who calls, who has everything up to the position `from`; by default what there is now.
    ///
    /// # Errors
    /// `too-many-streams`; `bad-parameters` for a position that the log has not reached.
    pub(crate) async fn open(app: App, standing: Standing, from: Option<u64>, stop: Stop) -> Result<Stream, Error> {
        let seat = app.live.enter(standing.user_id, standing.id)?;
        let log = app.log.records();
        let head = app.ask_log(app.settings.storage_wait, move || log.head()).await??.position;
        let from = from.unwrap_or(head);
        if from > head {
            return Err(Error::bad_parameter("from", format!("must be a log position; the log ends at {head}")));
        }
        // What ended before the hub knew of this stream was not told to it: it is looked at once more.
        let doubts = seat.outbox.doubts();
        seat.outbox.doubt(head);
        let catch_up = Some(CatchUp::behind(standing.user_id, from, head));
        let shown = VecDeque::from([Frame::new(Some(from), "hello", &json!({"position": from}))]);
        let stop = Box::pin(stop.begun());
        let look = next_look(&standing);
        Ok(Stream { app, standing, seat, doubts, catch_up, found: VecDeque::new(), shown, look, stop, ended: false })
    }

    /// What is said next; none behind the last.
    pub(crate) async fn next(&mut self) -> Option<Said> {
        loop {
            if let Some(frame) = self.shown.pop_front() {
                return Some(Said::Frame(frame));
            }
            if self.ended {
                return None;
            }
            match self.woken().await {
                Woken::Stop => return self.bye(Bye::Stopping),
                Woken::News(News::End(bye)) => return self.bye(bye),
                Woken::News(News::Frame(frame)) => return Some(Said::Frame(frame)),
                Woken::InDoubt(position) => {
                    if self.has_ended(position).await {
                        return self.bye(Bye::SessionEnded);
                    }
                }
                Woken::Look => {
                    if self.has_ended(0).await {
                        return self.bye(Bye::SessionEnded);
                    }
                    self.look = next_look(&self.standing);
                    return Some(Said::Quiet);
                }
                Woken::Found(Ok(())) => {}
                Woken::Found(Err(error)) => {
                    tracing::debug!(error = store::described(&error), "a live stream waits");
                    sleep(RETRY_WAIT).await;
                }
            }
        }
    }

    /// Whether its client may say something more.
    pub(crate) async fn may_say(&self) -> bool {
        self.app.admits(&self.standing).await
    }

    /// Resolves when it is cut because its client does not read.
    pub(crate) async fn is_full(&self) {
        self.seat.outbox.is_full().await;
    }

    /// What is needed now and then is in boxes of its own: a stream on which nothing happens would hold the room for it.
    async fn woken(&mut self) -> Woken {
        let Stream { app, seat, doubts, catch_up, found, shown, look, stop, .. } = self;
        let news = async {
            match catch_up {
                _ if !found.is_empty() => {
                    Woken::Found(Box::pin(show_some(app, seat.outbox.user_id, found, shown)).await)
                }
                Some(catching_up) => match Box::pin(catching_up.step(app, seat)).await {
                    Ok((more, is_done)) => {
                        *found = more;
                        if is_done {
                            *catch_up = None;
                        }
                        Woken::Found(Ok(()))
                    }
                    Err(error) => Woken::Found(Err(error)),
                },
                None => Woken::News(seat.outbox.next().await),
            }
        };
        tokio::select! {
            biased;
            () = stop => Woken::Stop,
            Ok(()) = doubts.changed() => Woken::InDoubt(*doubts.borrow_and_update()),
            () = sleep_until(*look) => Woken::Look,
            woken = news => woken,
        }
    }

    fn bye(&mut self, bye: Bye) -> Option<Said> {
        self.ended = true;
        Some(Said::Bye(bye))
    }

    /// Whether what it was opened with has ended by that position, or by now. When nobody can tell, it goes on: nothing is
    /// told that way either.
    async fn has_ended(&self, position: u64) -> bool {
        match Box::pin(self.app.stands(&self.standing, position)).await {
            Ok(()) => false,
            Err(error) => error.is_about_credentials(),
        }
    }
}

/// Shows some of what was found in the log.
async fn show_some(
    app: &App,
    user_id: UserId,
    found: &mut VecDeque<Told>,
    shown: &mut VecDeque<Arc<Frame>>,
) -> Result<(), Failure> {
    let count = found.len().min(SHOWN_AT_ONCE);
    // A client may take its time: who has gone meanwhile hears no more of a chat.
    let now = show::memberships(app, user_id).await?;
    let some = found
        .iter()
        .take(count)
        .filter(|told| told.what.to().is_open_to(user_id, &now, told.position))
        .collect::<Vec<_>>();
    let frames = show::all(app, &some).await?;
    found.drain(..count);
    shown.extend(frames.iter().filter_map(|frame| frame.to(user_id)).cloned());
    Ok(())
}

/// When it is looked at next whether it may go on: when it would expect to be told that it is still there, or right when
/// what it was opened with ends.
fn next_look(standing: &Standing) -> Instant {
    let left = standing.ends_at.map_or(QUIET_MAX, |ends_at| {
        Duration::from_micros(u64::try_from(ends_at.0.saturating_sub(now().0)).unwrap_or(0))
    });
    Instant::now() + left.min(QUIET_MAX)
}
