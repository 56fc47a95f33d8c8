//! Whether the log can be written: asked once for everybody who wants to know it, over HTTP, by the command line or as
//! the supervisor of the process.

use commands::{Writer, WriterError};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// How long an answer counts for whoever asks next: many who ask cost no more than one.
const FRESH: Duration = Duration::from_secs(1);
/// How long one waits for an answer.
const WAIT: Duration = Duration::from_secs(2);
/// A writer that is silent for so long does not come back: longer than any statement may take.
const SILENT_MAX: Duration = Duration::from_secs(30);

/// Asks the writer.
pub struct Probe {
    writer: Writer,
    last: tokio::sync::Mutex<Option<(Instant, Result<(), WriterError>)>>,
    /// When the writer last answered anything.
    answered: Mutex<Instant>,
}

impl Probe {
    pub(crate) fn new(writer: Writer) -> Probe {
        Probe { writer, last: tokio::sync::Mutex::default(), answered: Mutex::new(Instant::now()) }
    }

    /// Whether the log can be written now, or could within the last second. Takes at most four.
    ///
    /// # Errors
    /// Why not.
    pub async fn look(&self) -> Result<(), WriterError> {
        // Whoever asks at the same time waits for the one answer.
        let Ok(mut last) = tokio::time::timeout(WAIT, self.last.lock()).await else { return Err(WriterError::Silent) };
        if let Some((_, state)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return state.clone();
        }
        let state = self.ask(WAIT).await;
        *last = Some((Instant::now(), state.clone()));
        state
    }

    /// Asks now, for whoever waits longer.
    ///
    /// # Errors
    /// Why not.
    pub async fn ask(&self, wait: Duration) -> Result<(), WriterError> {
        let state = self.writer.probe(wait).await;
        if matches!(state, Ok(()) | Err(WriterError::Refused(_))) {
            *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
        state
    }

    /// Whether the process should live on. A database that takes no writes is no reason to end it, nor is a moment of
    /// silence.
    pub async fn is_alive(&self) -> bool {
        match self.look().await {
            Ok(()) | Err(WriterError::Refused(_)) => true,
            Err(WriterError::Silent) => {
                self.answered.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < SILENT_MAX
            }
            Err(WriterError::Ended) => false,
        }
    }
}
