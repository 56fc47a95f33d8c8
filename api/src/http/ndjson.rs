//! Lines of JSON that are read and sent part by part: all of them may be more than fits into memory.

use crate::http::budget::BudgetShare;
use crate::http::reply::POSITION;
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use http_body_util::channel::{Channel, Sender};
use serde::Serialize;
use std::sync::Arc;

/// Most bytes that are sent at once, but for a single line that is longer.
const PART_BYTES_MAX: usize = 64 * 1024;
/// Parts that wait for a slow reader.
const PARTS_WAITING_MAX: usize = 2;

/// Why lines end early. Their reader sees a body that was cut off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EndedEarly {
    #[error("the reader went away")]
    Gone,
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("a reading thread panicked")]
    Panicked,
    #[error("a line cannot be written as JSON")]
    Unwritable(#[from] serde_json::Error),
}

/// Where the lines of one answer are written to.
pub(crate) struct Lines(Sender<Bytes, EndedEarly>);

/// Where lines are written to, and the body that they come out of.
pub(crate) fn channel() -> (Lines, Body) {
    let (lines, body) = Channel::new(PARTS_WAITING_MAX);
    (Lines(lines), Body::new(body))
}

/// The answer, to be saved as a file; it goes on being written after it is returned. What it holds of the bytes of answers
/// it holds until its last part is taken.
pub(crate) fn answer(body: Body, file: &str, position: u64, held: Arc<BudgetShare>) -> Response {
    let file = format!("attachment; filename=\"{file}\"");
    let headers = [(CONTENT_TYPE, "application/x-ndjson"), (CONTENT_DISPOSITION, file.as_str())];
    let mut response = (headers, body).into_response();
    response.headers_mut().insert(POSITION, position.into());
    response.extensions_mut().insert(held);
    response
}

impl Lines {
    /// Writes each on a line of its own. Waits while the reader is slow.
    ///
    /// # Errors
    /// [`EndedEarly::Gone`].
    pub(crate) async fn say<L: Serialize>(&mut self, lines: impl IntoIterator<Item = L>) -> Result<(), EndedEarly> {
        let mut part = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut part, &line)?;
            part.push(b'\n');
            if part.len() >= PART_BYTES_MAX {
                self.send(std::mem::take(&mut part)).await?;
            }
        }
        if part.is_empty() { Ok(()) } else { self.send(part).await }
    }

    /// Writes bytes that are no JSON.
    ///
    /// # Errors
    /// [`EndedEarly::Gone`].
    pub(crate) async fn write(&mut self, part: Vec<u8>) -> Result<(), EndedEarly> {
        self.send(part).await
    }

    async fn send(&mut self, part: Vec<u8>) -> Result<(), EndedEarly> {
        self.0.send_data(Bytes::from(part)).await.map_err(|_| EndedEarly::Gone)
    }

    /// Ends them; cut off where they could not be written to their end.
    pub(crate) fn end(self, written: Result<(), EndedEarly>) {
        match written {
            Ok(()) | Err(EndedEarly::Gone) => {}
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "an export ended early");
                self.0.abort(error);
            }
        }
    }
}
