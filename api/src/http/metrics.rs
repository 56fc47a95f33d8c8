//! The figures of the process, and what is counted of every request.

use crate::app::App;
use crate::http::figures::{FIGURES, FROM_ZERO, Kind};
use crate::http::request_log::method_name;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::delivery::Ended;
use domain::notify::Channel;
use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use projections::State;
use std::collections::HashMap;
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// How often the figures are condensed.
const CONDENSE_EVERY: Duration = Duration::from_secs(5);

/// What is counted of the requests of one route, by method and status.
type Series = HashMap<(&'static str, u16), (Counter, Histogram)>;

/// Counts one answer. A series is looked for by what is there already: making its labels anew costs more than counting.
pub(crate) fn count(method: &Method, route: Option<&str>, status: StatusCode, began: Instant) {
    static ROUTES: OnceLock<RwLock<HashMap<String, Series>>> = OnceLock::new();
    let (routes, route) = (ROUTES.get_or_init(RwLock::default), route.unwrap_or("none"));
    let (key, seconds) = ((method_name(method), status.as_u16()), began.elapsed().as_secs_f64());
    let record = |(requests, times): &(Counter, Histogram)| {
        requests.increment(1);
        times.record(seconds);
    };
    let known = routes.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(series) = known.get(route).and_then(|series| series.get(&key)) {
        return record(series);
    }
    drop(known);
    // Routes, methods and statuses are few: nothing in them is made up by a caller.
    let labels = [("method", key.0.to_owned()), ("route", route.to_owned()), ("status", status.as_str().to_owned())];
    let mut known = routes.write().unwrap_or_else(PoisonError::into_inner);
    let of_route = known.entry(route.to_owned()).or_default();
    record(of_route.entry(key).or_insert_with(|| {
        let requests = metrics::counter!("letopis_http_requests_total", &labels);
        (requests, metrics::histogram!("letopis_http_seconds", &labels))
    }));
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
        let buckets = FIGURES.iter().filter_map(|figure| match figure.kind {
            Kind::Histogram(buckets) => Some((figure.name, buckets)),
            Kind::Counter | Kind::Gauge => None,
        });
        let builder = buckets.fold(PrometheusBuilder::new(), |builder, (name, buckets)| {
            let set = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), buckets);
            set.expect("the table of figures has buckets for every histogram")
        });
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // Somebody else's collector is in place only in a process that is not ours: then ours stays empty.
        let _ = metrics::set_global_recorder(recorder);
        describe();
        handle
    })
}

fn describe() {
    for figure in FIGURES {
        match figure.kind {
            Kind::Counter => metrics::describe_counter!(figure.name, figure.unit, figure.help),
            Kind::Gauge => metrics::describe_gauge!(figure.name, figure.unit, figure.help),
            Kind::Histogram(_) => metrics::describe_histogram!(figure.name, figure.unit, figure.help),
        }
    }
    for (name, labels) in FROM_ZERO {
        match labels {
            None => metrics::counter!(*name).increment(0),
            Some((label, values)) => values.iter().for_each(|value| {
                metrics::counter!(*name, *label => *value).increment(0);
            }),
        }
    }
    for (channel, end) in Channel::ALL.iter().flat_map(|channel| Ended::NAMES.map(|end| (channel.name(), end))) {
        metrics::counter!("letopis_delivery_attempts_total", "channel" => channel, "end" => end).increment(0);
    }
    let build = [
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("os", std::env::consts::OS.to_owned()),
        ("arch", std::env::consts::ARCH.to_owned()),
    ];
    metrics::gauge!("letopis_build_info", &build).set(1.0);
    process().describe();
}

/// What the system knows of this process.
fn process() -> &'static Collector {
    static PROCESS: OnceLock<Collector> = OnceLock::new();
    PROCESS.get_or_init(Collector::default)
}

/// The figures of a node that serves, as they are now.
pub(crate) async fn of_node(app: &App) -> Response {
    let flag = |is: bool| if is { 1.0 } else { 0.0 };
    let info = [("version", env!("CARGO_PKG_VERSION").to_owned()), ("roles", app.roles.to_string())];
    metrics::gauge!("letopis_node_info", &info).set(1.0);
    metrics::counter!("letopis_password_hashes_total").absolute(app.passwords.computed());
    metrics::gauge!("letopis_writer_queue").set(app.writer.waiting() as f64);
    metrics::gauge!("letopis_log_writable").set(flag(app.probe.look().await.is_ok()));
    metrics::gauge!("letopis_live_streams").set(app.live.open() as f64);
    // Without a log to read there are figures of the process all the same.
    let projections = app.projections.clone();
    let status = app.ask_log(app.settings.storage_wait, move || projections.status()).await;
    for status in status.into_iter().flatten().flatten() {
        let name = status.name.as_str();
        let paused = status.state == State::Paused;
        metrics::gauge!("letopis_projection_stopped", "projection" => name).set(flag(status.failed_position.is_some()));
        metrics::gauge!("letopis_projection_paused", "projection" => name).set(flag(paused));
        metrics::gauge!("letopis_projection_lag_seconds", "projection" => name).set(status.lag_seconds as f64);
        if let Some(size) = status.size {
            metrics::gauge!("letopis_search_index_bytes").set(size.bytes as f64);
            metrics::gauge!("letopis_search_segments").set(size.segments as f64);
            metrics::gauge!("letopis_search_documents").set(size.documents as f64);
        }
    }
    of_process()
}

/// The figures that there are, also before a node serves.
pub(crate) fn of_process() -> Response {
    let recorder = recorder();
    process().collect();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], recorder.render()).into_response()
}
