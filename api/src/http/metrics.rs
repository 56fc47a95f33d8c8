//! The figures of the process, and what is counted of every request.

use axum::http::{Method, StatusCode};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How often the figures are condensed.
const CONDENSE_EVERY: Duration = Duration::from_secs(5);

/// Counts one answer.
pub(crate) fn count(method: &Method, route: Option<&str>, status: StatusCode, began: Instant) {
    let labels = [
        ("method", method_name(method).to_owned()),
        ("route", route.unwrap_or("none").to_owned()),
        ("status", status.as_str().to_owned()),
    ];
    metrics::counter!("letopis_http_requests_total", &labels).increment(1);
    metrics::histogram!("letopis_http_seconds").record(began.elapsed().as_secs_f64());
}

/// The name of a method, one of a few: a client can make up others, and a series of figures is never forgotten.
pub(crate) fn method_name(method: &Method) -> &'static str {
    const KNOWN: [Method; 7] =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    const NAMES: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.iter().position(|known| known == method).map_or("other", |known| NAMES[known])
}

/// Condenses the figures now and then: samples that nobody scrapes must not gather for ever.
pub(crate) async fn condense() {
    let mut beat = tokio::time::interval(CONDENSE_EVERY);
    loop {
        beat.tick().await;
        recorder().run_upkeep();
    }
}

/// The process's one collector of figures.
pub(crate) fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // Somebody else's collector is in place only in a process that is not ours: then ours stays empty.
        let _ = metrics::set_global_recorder(recorder);
        handle
    })
}
