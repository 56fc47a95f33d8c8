//! Where blocking code meets the asynchronous driver.

use crate::Error;
use std::future::Future;
use std::sync::OnceLock;
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

/// The runtime that watches the sockets to PostgreSQL, all but those of [`Alone`]. One for the process: it has to outlive
/// every connection.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("postgres").enable_all().build();
        runtime.expect("a thread can be started when the first connection is made")
    })
}

/// What runs beside: the tasks that speak for a connection.
pub(crate) fn handle() -> &'static Handle {
    runtime().handle()
}

/// Waits for the driver, wherever the caller runs.
pub(crate) fn wait<F>(future: F) -> F::Output
where
    F: Future + Send,
    F::Output: Send,
{
    blocking(|| handle().block_on(future))
}

/// Where a thread may wait: one of another runtime is told that it blocks, or waits beside one that cannot be spared.
fn blocking<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match Handle::try_current().map(|current| current.runtime_flavor()) {
        Err(_) => work(),
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        Ok(_) => std::thread::scope(|scope| {
            let waited = scope.spawn(work).join();
            waited.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        }),
    }
}

/// A runtime without a thread, for one connection: the thread that waits for an answer writes and reads the socket itself,
/// which saves waking two threads a round trip. Between two waits nothing happens.
pub(crate) struct Alone(Option<Runtime>);

impl Alone {
    /// Makes it.
    ///
    /// # Errors
    /// [`Error::Thread`].
    pub(crate) fn new() -> Result<Alone, Error> {
        let made = Builder::new_current_thread().enable_all().build();
        made.map(|runtime| Alone(Some(runtime))).map_err(|source| Error::Thread { source })
    }

    /// As [`wait`].
    pub(crate) fn wait<F>(&self, future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        blocking(|| self.runtime().block_on(future))
    }

    /// For the task that speaks for the connection.
    pub(crate) fn handle(&self) -> &Handle {
        self.runtime().handle()
    }

    fn runtime(&self) -> &Runtime {
        self.0.as_ref().expect("it is there until it is dropped")
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // In the background: a name that is just being looked up is not waited for, and a thread of async code may not.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
