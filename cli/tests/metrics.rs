//! What Prometheus is told, and what is made for it in `packaging/`, held against a real server.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::ledger::Client;
use common::{Place, Server};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a test waits for what must come.
const WAIT_MAX: Duration = Duration::from_secs(30);

fn packaging(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging").join(name)
}

/// What is named in the dashboard and in the alerts.
fn named() -> BTreeSet<String> {
    let files = ["grafana/letopis.json", "prometheus/letopis.rules.yml"];
    let texts = files.map(|name| std::fs::read_to_string(packaging(name)).unwrap());
    let words = texts.iter().flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    words.filter(|word| word.starts_with("letopis_") || word.starts_with("process_")).map(str::to_owned).collect()
}

/// What a scrape holds: the names of its samples, and of the figures that they belong to.
fn told(scrape: &str) -> BTreeSet<String> {
    let samples = scrape.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(['{', ' ']).next());
    let types = scrape.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    samples.chain(types).map(str::to_owned).collect()
}

fn is_of_others(name: &str) -> bool {
    ["letopis_relay_", "letopis_nats_", "letopis_redis_"].iter().any(|prefix| name.starts_with(prefix))
}

/// Scrapes until that is there; a message was posted before.
fn scrape(server: &Server, awaited: &[&str]) -> String {
    let began = Instant::now();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = Client::signed_in(&server.url).await;
        assert_eq!(client.post(&server.url, "hello").await.unwrap().0, 201);
        loop {
            let text = reqwest::get(format!("{}/metrics", server.url)).await.unwrap().text().await.unwrap();
            let names = told(&text);
            if awaited.iter().all(|name| names.contains(*name)) {
                return text;
            }
            assert!(began.elapsed() < WAIT_MAX, "{awaited:?} do not come: {text}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
}

#[test]
fn every_figure_is_explained_and_the_linter_has_nothing_to_say() {
    let server_place = Place::new();
    let server = server_place.serve();
    let text = scrape(&server, &["letopis_search_commit_seconds_count", "letopis_deliveries_due"]);
    assert_eq!(server.stop(), 0);
    for name in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()) {
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has no help");
    }
    assert!(!text.contains(" summary\n"), "quantiles of several nodes cannot be put together");
    let of_route = "letopis_http_seconds_bucket{method=\"POST\",route=\"/v1/chats\",status=\"201\",le=\"";
    assert!(text.contains(of_route), "{text}");
    for figure in ["letopis_build_info{version=\"", "process_cpu_seconds_total ", "process_resident_memory_bytes "] {
        assert!(text.contains(figure), "{figure}: {text}");
    }
    let names = told(&text);
    let missing = named().into_iter().filter(|name| !is_of_others(name) && !names.contains(name)).collect::<Vec<_>>();
    assert!(missing.is_empty(), "the dashboard or an alert asks for {missing:?}, which no server tells: {names:?}");
    let Ok(promtool) = servers::Server::Promtool.find() else {
        servers::installed(servers::Server::Promtool);
        return;
    };
    let mut linter = Command::new(promtool);
    let linter = linter.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut linter = linter.spawn().unwrap();
    linter.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let ended = linter.wait_with_output().unwrap();
    let said = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
    assert!(ended.status.success() && said.is_empty(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_of_nats_and_redis_is_told_where_they_are() {
    let Some(nats) = servers::nats().await else { return };
    let Some(redis) = servers::redis().await else { return };
    let place = Place::new().with("LETOPIS_NATS_URL", nats.url()).with("LETOPIS_REDIS_URL", redis.url());
    let names = tokio::task::spawn_blocking(move || {
        let server = place.serve();
        let asked = named().into_iter().filter(|name| is_of_others(name)).collect::<Vec<_>>();
        assert!(asked.len() >= 5, "{asked:?}");
        let text = scrape(&server, &asked.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(server.stop(), 0);
        told(&text)
    });
    assert!(names.await.unwrap().contains("letopis_relay_active"));
}

#[test]
fn the_alerts_are_well_formed_and_raised_when_they_should_be() {
    if !servers::installed(servers::Server::Promtool) {
        return;
    }
    let promtool = servers::Server::Promtool.find().unwrap();
    for (verb, file) in [("check", "letopis.rules.yml"), ("test", "letopis.rules.test.yml")] {
        let mut command = Command::new(&promtool);
        let ended = command.current_dir(packaging("prometheus")).args([verb, "rules", file]).output().unwrap();
        assert!(ended.status.success(), "{verb}: {ended:?}");
    }
}

#[test]
fn figures_can_have_a_listener_of_their_own() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let place = Place::new().with("LETOPIS_METRICS_LISTEN", &address);
    let server = place.serve();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = reqwest::Client::new();
        let get = async |url: String| {
            let answer = client.get(url).header("x-forwarded-for", "203.0.113.9").send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        let (status, text) = get(format!("http://{address}/metrics")).await;
        assert_eq!(status, 200);
        assert!(text.contains("letopis_projection_paused{") && text.contains("letopis_writer_queue "), "{text}");
        assert_eq!(get(format!("http://{address}/readyz")).await.0, 404);
        assert_eq!(get(format!("{}/readyz", server.url)).await.0, 200);
        let public = client.get(format!("{}/metrics", server.url)).send().await.unwrap();
        assert_eq!(public.status().as_u16(), 404);
        assert!(public.text().await.unwrap().contains("listener of their own"));
    });
    assert_eq!(server.stop(), 0);
    let taken = std::net::TcpListener::bind(&address).unwrap();
    let refused = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(refused.code == 1 && refused.err.contains("LETOPIS_METRICS_LISTEN"), "{}", refused.err);
    drop(taken);
}
