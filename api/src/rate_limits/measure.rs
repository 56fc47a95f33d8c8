//! What counting a request costs: `cargo nextest run --release -p api --lib --run-ignored only measure --no-capture`.

use super::*;
use crate::Settings;
use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use node::rate_limits::Rates;
use node::{Node, NodeOptions};
use std::time::{Duration, Instant};
use tower::ServiceExt;

const REQUESTS: u32 = 200_000;
const ROUNDS: usize = 5;

/// The same request to a router that limits nothing, and to one that counts it to the bucket of its caller.
#[tokio::test]
#[ignore = "it measures, and tests nothing"]
async fn measure_a_request_within_its_limits() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::open(NodeOptions::new(folder.path().join("data"))).await.unwrap();
    let wide = "1000000/s:1000000".parse().unwrap();
    let rates = [None, Some(Rates { caller: wide, address: wide, sign_in: wide })];
    let mut least = [Duration::MAX; 2];
    for round in 0..ROUNDS * 2 {
        let app = App::new(&node, Settings { rates: rates[round % 2], ..Settings::default() });
        if let Some(limits) = &app.rate_limits {
            limits.count(Limit::Caller, first_half(&hash("atoken").0)).await;
        }
        let answer = axum::routing::get(async || "");
        let layer = axum::middleware::from_fn_with_state((app.clone(), Classes::default()), limit);
        let router = axum::Router::new().route("/", answer).layer(layer);
        let began = Instant::now();
        for _ in 0..REQUESTS {
            let request = Request::get("/").header(AUTHORIZATION, "Bearer atoken").body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.headers().contains_key(RATE_LIMIT), round % 2 == 1);
        }
        least[round % 2] = least[round % 2].min(began.elapsed() / REQUESTS);
    }
    println!("without limits {:?}, with limits {:?}, so limits cost {:?}", least[0], least[1], least[1] - least[0]);
}
