//! What connections hear when the server stops.

use std::future::Future;
use tokio::sync::watch;

/// How far a stop is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    #[default]
    Serving,
    /// What is under way may finish; what lasts ends.
    Stopping,
    /// Whatever is left is cut off.
    CutOff,
}

/// Stops connections. It knows when the last of them is gone.
pub(super) struct Stopper(watch::Sender<Stage>);

impl Stopper {
    pub(super) fn new() -> Stopper {
        Stopper(watch::Sender::default())
    }

    pub(super) fn signal(&self) -> Stop {
        Stop(self.0.subscribe())
    }

    /// Lets what is under way finish. Resolves when nobody is left who could hear it.
    pub(super) async fn stop(&self) {
        self.0.send_replace(Stage::Stopping);
        self.0.closed().await;
    }

    pub(super) fn cut_off(&self) {
        self.0.send_replace(Stage::CutOff);
    }
}

/// Hears of a stop. The stop waits for everybody who holds one.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<Stage>);

impl Stop {
    /// Resolves when the server stops: what lasts is to end now.
    pub(crate) fn begun(&self) -> impl Future<Output = ()> + Send + use<> {
        self.reached(Stage::Stopping)
    }

    /// Resolves when the time for an orderly end is over.
    pub(super) fn cut_off(&self) -> impl Future<Output = ()> + Send + use<> {
        self.reached(Stage::CutOff)
    }

    fn reached(&self, stage: Stage) -> impl Future<Output = ()> + Send + use<> {
        let mut stages = self.0.clone();
        async move {
            // It fails when the listener is gone, which is no less.
            let _ = stages.wait_for(|reached| *reached >= stage).await;
        }
    }
}
