//! A deadline that is moved often and rarely reached.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// A deadline that is moved with every request: the timer behind it is touched only when it rings too early.
#[derive(Default)]
pub(super) struct Clock {
    deadline: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Clock {
    pub(super) fn set(&mut self, within: Duration) {
        self.deadline = Some(Instant::now() + within);
    }

    pub(super) fn stop(&mut self) {
        self.deadline = None;
    }

    pub(super) fn runs(&self) -> bool {
        self.deadline.is_some()
    }

    pub(super) fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        loop {
            ready!(timer.as_mut().poll(context));
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
    }
}
