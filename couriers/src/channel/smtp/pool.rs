//! Connections that wait for the next mail.

use super::CONNECTIONS_MAX;
use super::line::Line;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a connection is kept unused; many servers end it after a minute.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// How long it is believed to live without being asked.
const TRUSTED_FOR: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<(Line, Instant)>>);

impl Pool {
    /// The connection used last, if one still lives as far as can be known.
    pub(super) async fn take(&self) -> Option<Line> {
        loop {
            let (mut line, since) = self.pop()?;
            if since.elapsed() > IDLE_MAX {
                line.leave().await;
                continue;
            }
            if !line.is_begun() && since.elapsed() <= TRUSTED_FOR || line.reset().await {
                return Some(line);
            }
        }
    }

    /// Keeps a connection, or ends it where it has served its time.
    pub(super) async fn give_back(&self, line: Line) {
        if !line.lasts() {
            return line.leave().await;
        }
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < CONNECTIONS_MAX {
            idle.push((line, Instant::now()));
        }
    }

    fn pop(&self) -> Option<(Line, Instant)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}
