//! Every figure that the process tells, with its kind and what it means. A figure is counted wherever it comes up; what it is
//! called is said here, and a test finds each that is not.

use metrics::Unit;

/// How a figure behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// It only grows, from the start of the process on.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How many samples were at most so large.
    Histogram(&'static [f64]),
}

/// A figure.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) unit: Unit,
    pub(crate) help: &'static str,
}

use Kind::{Counter, Gauge, Histogram};

/// Seconds of an answer: from a read out of memory to what callers do not wait for.
const ANSWERS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Seconds of a commit: from a fast disk to a database that is in trouble.
const COMMITS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// Commands of a batch.
const COMMANDS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

const fn figure(name: &'static str, kind: Kind, unit: Unit, help: &'static str) -> Figure {
    Figure { name, kind, unit, help }
}

/// All of them but those of the process itself (`process_…`).
#[rustfmt::skip]
pub(crate) const FIGURES: &[Figure] = &[
    figure("letopis_build_info", Gauge, Unit::Count, "Always 1; its labels say which build this is."),
    figure("letopis_node_info", Gauge, Unit::Count, "Always 1; its labels say the version and the roles of this node."),
    figure("letopis_http_requests_total", Counter, Unit::Count, "Requests that were answered, by method, route and status."),
    figure("letopis_http_seconds", Histogram(ANSWERS), Unit::Seconds, "Time from a request to the beginning of its answer, by method, route and status."),
    figure("letopis_connections", Gauge, Unit::Count, "Connections of callers that are open."),
    figure("letopis_connections_displaced_total", Counter, Unit::Count, "Idle connections that were closed to make room, by the limit that was reached."),
    figure("letopis_connections_refused_total", Counter, Unit::Count, "Connections that were refused, by the limit that was reached."),
    figure("letopis_answer_bytes", Gauge, Unit::Bytes, "Bytes of answers that callers have not read yet."),
    figure("letopis_answers_refused_total", Counter, Unit::Count, "Answers that were refused because too many are unread, by the limit that was reached."),
    figure("letopis_requests_limited_total", Counter, Unit::Count, "Requests that were refused because there were too many, by the limit that was reached."),
    figure("letopis_live_streams", Gauge, Unit::Count, "Live streams that are open."),
    figure("letopis_live_cut_total", Counter, Unit::Count, "Live streams that were cut off because their clients did not read."),
    figure("letopis_session_lookups_total", Counter, Unit::Count, "Sessions that were looked up, by where they were found."),
    figure("letopis_password_hashes_total", Counter, Unit::Count, "Password hashes that were computed, to set a password or to check one."),
    figure("letopis_log_head", Gauge, Unit::Count, "Position of the last event that this node has written."),
    figure("letopis_log_writable", Gauge, Unit::Count, "1 where the log can be written, else 0."),
    figure("letopis_events_appended_total", Counter, Unit::Count, "Events that this node has appended."),
    figure("letopis_writer_queue", Gauge, Unit::Count, "Commands that wait for the writer."),
    figure("letopis_batch_commands", Histogram(COMMANDS), Unit::Count, "Commands that were written together."),
    figure("letopis_batch_seconds", Histogram(COMMITS), Unit::Seconds, "Time that the writer took for a batch, its commit included."),
    figure("letopis_projection_position", Gauge, Unit::Count, "Position of the last event in a read model, by projection."),
    figure("letopis_projection_lag_events", Gauge, Unit::Count, "Events of the log that are not in a read model yet, by projection."),
    figure("letopis_projection_lag_seconds", Gauge, Unit::Seconds, "Age of the oldest event that is not in a read model yet, by projection."),
    figure("letopis_projection_stopped", Gauge, Unit::Count, "1 where an event has stopped a projection, else 0."),
    figure("letopis_projection_paused", Gauge, Unit::Count, "1 where an operator has paused a projection, else 0."),
    figure("letopis_search_commits_total", Counter, Unit::Count, "Commits of the text index."),
    figure("letopis_search_commit_seconds", Histogram(COMMITS), Unit::Seconds, "Time that a commit of the text index took."),
    figure("letopis_search_index_bytes", Gauge, Unit::Bytes, "Size of the text index on the disk."),
    figure("letopis_search_segments", Gauge, Unit::Count, "Segments of the text index."),
    figure("letopis_search_documents", Gauge, Unit::Count, "Messages in the text index."),
    figure("letopis_report_lines_dropped_total", Counter, Unit::Count, "Lines of the server's log that standard error did not take in time."),
    figure("letopis_redis_up", Gauge, Unit::Count, "1 where Redis answers, else 0."),
    figure("letopis_redis_errors_total", Counter, Unit::Count, "Requests that Redis did not answer."),
    figure("letopis_nats_connected", Gauge, Unit::Count, "1 where NATS is connected, else 0."),
    figure("letopis_nudges_total", Counter, Unit::Count, "Wake-ups between nodes, sent and received."),
    figure("letopis_relay_active", Gauge, Unit::Count, "1 where this node runs the relay, else 0."),
    figure("letopis_relay_disarmed", Gauge, Unit::Count, "1 where the relay waits for `letopis relay arm`, else 0."),
    figure("letopis_relay_stopped", Gauge, Unit::Count, "1 where an event has stopped the relay, else 0."),
    figure("letopis_relay_position", Gauge, Unit::Count, "Position of the last event that the relay has sent."),
    figure("letopis_relay_lag_events", Gauge, Unit::Count, "Events of the log that the relay has not sent yet."),
    figure("letopis_relay_published_total", Counter, Unit::Count, "Messages that the relay has sent."),
    figure("letopis_relay_errors_total", Counter, Unit::Count, "Attempts of the relay that failed and are made again."),
    figure("letopis_relay_stream_lost_total", Counter, Unit::Count, "Times that the stream of NATS was found empty or changed."),
    figure("letopis_couriers_active", Gauge, Unit::Count, "1 where this node sends notifications, else 0."),
    figure("letopis_couriers_disarmed", Gauge, Unit::Count, "1 where the couriers wait for `letopis notifications arm`, else 0."),
    figure("letopis_delivery_attempts_total", Counter, Unit::Count, "Attempts to deliver over a provider, by how they ended."),
    figure("letopis_deliveries_waiting", Gauge, Unit::Count, "Deliveries that are not at their end, once a minute."),
    figure("letopis_deliveries_due", Gauge, Unit::Count, "Those of them that may be sent by now."),
    figure("letopis_deliveries_late", Gauge, Unit::Count, "Those of them that are past their deadline."),
    figure("letopis_mailing_runs_under_way", Gauge, Unit::Count, "Runs of mailings that are not finished, where this node sends notifications."),
    figure("letopis_mailing_runs_postponed_total", Counter, Unit::Count, "Times that a run of a mailing could not begin."),
    figure("letopis_courier_panics_total", Counter, Unit::Count, "Panics of the relay's tasks, by task."),
];

/// A label and its values.
type Label = (&'static str, &'static [&'static str]);

/// Counters that stand at 0 before anything has happened: an alert on their growth would miss the first time.
pub(crate) const FROM_ZERO: &[(&str, Option<Label>)] = &[
    ("letopis_connections_displaced_total", Some(("limit", &["all", "address"]))),
    ("letopis_connections_refused_total", Some(("limit", &["all", "address"]))),
    ("letopis_answers_refused_total", Some(("limit", &["all", "address"]))),
    ("letopis_requests_limited_total", Some(("limit", &["caller", "address", "sign-in", "sign-in-name"]))),
    ("letopis_session_lookups_total", Some(("found", &["process", "redis", "model", "nowhere"]))),
    ("letopis_report_lines_dropped_total", None),
    ("letopis_events_appended_total", None),
    ("letopis_search_commits_total", None),
    ("letopis_mailing_runs_postponed_total", None),
    ("letopis_live_cut_total", None),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::{Path, PathBuf};

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }

    /// Every figure that the code counts, with the macro that does it.
    fn counted() -> BTreeMap<String, &'static str> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&root).unwrap() {
            let source = entry.unwrap().path().join("src");
            if source.is_dir() {
                sources(&source, &mut files);
            }
        }
        let mut counted = BTreeMap::new();
        for file in files {
            let text = std::fs::read_to_string(file).unwrap();
            for kind in ["counter", "gauge", "histogram"] {
                for rest in text.split(&format!("{kind}!(")).skip(1) {
                    let name = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                    counted
                        .extend(name.filter(|name| name.starts_with("letopis_")).map(|name| (name.to_owned(), kind)));
                }
            }
        }
        counted
    }

    #[test]
    fn every_figure_that_is_counted_is_described_and_no_other() {
        let kind = |figure: &Figure| match figure.kind {
            Counter => "counter",
            Gauge => "gauge",
            Histogram(_) => "histogram",
        };
        let described = FIGURES.iter().map(|figure| (figure.name.to_owned(), kind(figure))).collect::<BTreeMap<_, _>>();
        assert_eq!(described.len(), FIGURES.len(), "a name is there twice");
        assert_eq!(counted(), described);
    }

    #[test]
    fn every_figure_is_in_the_documents() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
        let text = std::fs::read_to_string(path).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect::<BTreeSet<_>>();
        let missing = FIGURES.iter().map(|figure| figure.name).filter(|name| !words.contains(name)).collect::<Vec<_>>();
        assert!(missing.is_empty(), "docs/operations.md does not name {missing:?}");
    }

    #[test]
    fn what_begins_at_zero_is_a_counter() {
        for (name, _) in FROM_ZERO {
            assert!(FIGURES.iter().any(|figure| figure.name == *name && figure.kind == Counter), "{name}");
        }
    }
}
