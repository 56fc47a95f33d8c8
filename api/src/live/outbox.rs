//! What waits for one stream. It is bounded: a client that does not read is cut, and resumes from the log.

use crate::live::frame::Frame;
use domain::UserId;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// Most bytes that wait for one stream (CONTRACT 1.3). One frame alone may be longer.
const BYTES_MAX: usize = 64 * 1024;

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bye {
    /// What it was opened with has ended.
    SessionEnded,
    /// Its client does not read.
    TooSlow,
    /// The server stops.
    Stopping,
}

/// What waits for one stream.
pub(super) struct Outbox {
    pub(super) user_id: UserId,
    waiting: Mutex<Waiting>,
    news: Notify,
    /// What it was opened with may have ended at that position.
    in_doubt: watch::Sender<u64>,
}

#[derive(Default)]
struct Waiting {
    frames: VecDeque<Arc<Frame>>,
    bytes: usize,
    end: Option<Bye>,
}

/// What there is for a stream.
pub(super) enum News {
    Frame(Arc<Frame>),
    End(Bye),
}

impl Outbox {
    pub(super) fn of(user_id: UserId) -> Outbox {
        Outbox { user_id, waiting: Mutex::default(), news: Notify::new(), in_doubt: watch::Sender::new(0) }
    }

    /// Adds a frame. When there is no room for it, the stream ends, and what waited is dropped.
    pub(super) fn push(&self, frame: &Arc<Frame>) {
        let mut waiting = self.lock();
        if waiting.end.is_some() {
            return;
        }
        let bytes = waiting.bytes + frame.bytes();
        if bytes > BYTES_MAX && !waiting.frames.is_empty() {
            metrics::counter!("letopis_live_cut_total").increment(1);
            *waiting = Waiting { end: Some(Bye::TooSlow), ..Waiting::default() };
        } else {
            waiting.bytes = bytes;
            waiting.frames.push_back(Arc::clone(frame));
        }
        self.news.notify_one();
    }

    /// Something of its user has ended at that position.
    pub(super) fn doubt(&self, position: u64) {
        self.in_doubt.send_replace(position);
    }

    /// Hears of it, from now on.
    pub(super) fn doubts(&self) -> watch::Receiver<u64> {
        self.in_doubt.subscribe()
    }

    /// What there is next; waits for it. The end comes before frames.
    pub(super) async fn next(&self) -> News {
        loop {
            if let Some(news) = self.take() {
                return news;
            }
            self.news.notified().await;
        }
    }

    /// Resolves when it was cut because there was no room.
    pub(crate) async fn is_full(&self) {
        loop {
            if self.lock().end == Some(Bye::TooSlow) {
                // Whoever takes what there is next is told as well.
                self.news.notify_one();
                return;
            }
            self.news.notified().await;
        }
    }

    fn take(&self) -> Option<News> {
        let mut waiting = self.lock();
        if let Some(end) = waiting.end {
            return Some(News::End(end));
        }
        let frame = waiting.frames.pop_front()?;
        waiting.bytes -= frame.bytes();
        if waiting.frames.is_empty() {
            // A burst that was taken leaves no room behind that nobody needs.
            waiting.frames.shrink_to(4);
        }
        Some(News::Frame(frame))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in here leaves it half changed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn frame(bytes: usize) -> Arc<Frame> {
        Frame::new(Some(1), "x", &"x".repeat(bytes))
    }

    #[tokio::test]
    async fn it_holds_so_many_bytes_and_no_more() {
        let outbox = Outbox::of(UserId(Uuid::nil()));
        outbox.push(&frame(BYTES_MAX * 2));
        assert!(matches!(outbox.next().await, News::Frame(_)), "one alone may be longer");
        for _ in 0..2 {
            outbox.push(&frame(BYTES_MAX / 2 - 10));
        }
        outbox.push(&frame(1));
        assert!(matches!(outbox.next().await, News::Frame(_)), "that filled it");
        for _ in 0..2 {
            outbox.push(&frame(BYTES_MAX / 2));
        }
        outbox.is_full().await;
        assert!(matches!(outbox.next().await, News::End(Bye::TooSlow)));
        outbox.push(&frame(1));
        assert!(matches!(outbox.next().await, News::End(Bye::TooSlow)), "it stays so");
        assert_eq!(outbox.lock().bytes, 0, "and holds nothing");
    }
}
