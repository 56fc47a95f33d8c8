//! Any batches against the plainest log there is: a vector.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{House, each, message_in, user};
use domain::Timestamp;
use proptest::prelude::*;
use std::collections::HashMap;
use store::NewEvent;

/// What a batch does: to which streams it appends, whether its first version is a stale one, and whether the log
/// is opened again after it.
#[derive(Clone, Debug)]
struct Step {
    streams: Vec<u8>,
    stale: bool,
    at: i64,
    reopen: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let streams = prop::collection::vec(0..4_u8, 0..8);
    (streams, prop::bool::weighted(0.2), 0..1_000_i64, prop::bool::weighted(0.2))
        .prop_map(|(streams, stale, at, reopen)| Step { streams, stale, at, reopen })
}

/// The events of a step, and the versions as they are when it is written.
fn events(step: &Step, written: usize, versions: &mut HashMap<u8, u64>) -> Vec<NewEvent> {
    let mut events = Vec::new();
    for (index, stream) in step.streams.iter().enumerate() {
        let version = versions.entry(*stream).or_default();
        *version += 1;
        let author = user(u128::from(*stream % 3) + 100);
        events.push(message_in(u128::from(*stream), *version, author, &format!("text {}", written + index)));
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_log_is_a_vector_that_lasts(steps in prop::collection::vec(step(), 1..12)) {
        for house in each() {
            lasts(house, &steps)?;
        }
    }
}

fn lasts(mut house: House, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut model: Vec<NewEvent> = Vec::new();
    let mut versions: HashMap<u8, u64> = HashMap::new();
    let mut latest = 0;
    for step in steps {
        let mut after = versions.clone();
        let mut batch = events(step, model.len(), &mut after);
        let stale = step.stale && batch.first().is_some_and(|event| event.version > 1);
        if stale {
            batch[0].version -= 1;
        }
        let given = store::Batch { at: Timestamp(step.at), events: batch.clone(), ..Default::default() };
        let answer = house.appender.append(&given);
        prop_assert_eq!(answer.is_err(), stale);
        if !stale {
            if !batch.is_empty() {
                latest = latest.max(step.at);
            }
            model.extend(batch);
            versions = after;
        }
        prop_assert_eq!(house.appender.head().position, model.len() as u64);
        if step.reopen {
            house = house.reopened();
        }
    }
    let facts = house.log.facts(0, 10_000).unwrap();
    prop_assert_eq!(facts.len(), model.len());
    for (index, (fact, expected)) in facts.iter().zip(&model).enumerate() {
        prop_assert_eq!(fact.position, index as u64 + 1);
        prop_assert_eq!((fact.event.stream(), fact.version), (expected.event.stream(), expected.version));
        prop_assert_eq!(&fact.event, &expected.event);
    }
    for stream in 0..4 {
        let facts = house.log.stream(common::id(stream).into()).unwrap();
        prop_assert!(facts.iter().zip(1..).all(|(fact, version)| fact.version == version));
    }
    prop_assert_eq!(facts.last().map_or(0, |fact| fact.recorded_at.0), latest);
    prop_assert_eq!(house.verify().unwrap().events, model.len() as u64);
    Ok(())
}
