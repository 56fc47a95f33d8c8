//! Where blocking code meets the asynchronous driver.

use std::future::Future;
use std::sync::OnceLock;
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

/// The runtime that watches the sockets to PostgreSQL. One for the process: it has to outlive every connection.
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
pub(super) fn blocking<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match Handle::try_current().map(|current| current.runtime_flavor()) {
        Err(_) => work(),
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        Ok(_) => std::thread::scope(|scope| {
            let waited = scope.spawn(work).join();
            waited.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        }),
    }
}
