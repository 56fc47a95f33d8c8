//! Two nodes that append as fast as they can while their backends are killed, and readers who never see a hole.
//! `LETOPIS_TORTURE_BATCHES=100000` for a long run (a quarter of an hour).

use crate::common::{asked, id, message};
use crate::nodes::{Node, Shared};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use store::{BatchNeeds, BatchStart, Error, Log, NewEvent};

/// Batches that two nodes append together in an ordinary run.
const BATCHES: u64 = 3_000;
/// Streams that both of them append to.
const STREAMS: u128 = 40;
/// How often a backend is killed.
const KILL_EVERY: Duration = Duration::from_millis(60);

/// What a node counts with: the versions of the streams, which follow what the log tells.
#[derive(Default)]
struct Versions(HashMap<domain::StreamId, u64>);

impl Versions {
    fn learn(&mut self, begun: &BatchStart) {
        for other in &begun.others {
            let version = self.0.entry(other.stream).or_default();
            assert_eq!(other.version, *version + 1, "what others wrote is told once and in order");
            *version = other.version;
        }
    }

    fn next(&self, stream: domain::StreamId, already: usize) -> u64 {
        self.0.get(&stream).copied().unwrap_or_default() + already as u64 + 1
    }
}

/// What a node wrote, as far as it knows.
#[derive(Default)]
struct Written {
    acknowledged: Vec<(u64, domain::StreamId, u64)>,
    unconfirmed_events: u64,
}

fn work(mut node: Node, share: &AtomicU64, of: u64) -> Written {
    let (mut versions, mut written) = (Versions::default(), Written::default());
    while share.load(Ordering::Relaxed) < of {
        let begun = match node.appender.begin(&BatchNeeds::default()) {
            Ok(begun) => begun,
            Err(error) => {
                assert!(error.may_pass(), "{error:?}");
                continue;
            }
        };
        versions.learn(&begun);
        pause();
        if rand::random_ratio(1, 20) {
            node.appender.cancel();
            continue;
        }
        let mut events: Vec<NewEvent> = Vec::new();
        for _ in 0..rand::random_range(1..4) {
            let number = rand::random_range(0..STREAMS);
            let already = events.iter().filter(|new| new.event.stream() == id(number).into()).count();
            events.push(message(number, versions.next(id(number).into(), already), "torture"));
        }
        let before = node.appender.head().position;
        match node.append(events.clone()) {
            Ok(head) => {
                assert_eq!(head.position, before + events.len() as u64);
                for (position, new) in (before + 1..).zip(&events) {
                    versions.0.insert(new.event.stream(), new.version);
                    written.acknowledged.push((position, new.event.stream(), new.version));
                }
                share.fetch_add(1, Ordering::Relaxed);
            }
            Err(Error::Unconfirmed { .. }) => written.unconfirmed_events += events.len() as u64,
            // Also of a refusal by the database: whoever has the head is alone, so there is nothing to refuse.
            Err(error) => panic!("{error:?}"),
        }
    }
    written
}

/// Mostly none; now and then long enough that everybody else comes in between.
fn pause() {
    if rand::random_ratio(1, 50) {
        std::thread::sleep(Duration::from_micros(rand::random_range(0..5_000)));
    }
}

/// Reads along the log, and looks at all of it now and then: there is never a hole.
fn follow(log: &Log, is_over: &AtomicBool) -> u64 {
    let (mut seen, mut reads) = (0, 0);
    loop {
        let last_look = is_over.load(Ordering::SeqCst);
        let read = if reads % 2 == 0 {
            log.read(seen, 500).map(|records| records.into_iter().map(|record| record.position).collect::<Vec<_>>())
        } else {
            log.facts(seen, 500).map(|facts| facts.into_iter().map(|fact| fact.position).collect())
        };
        if let Ok(positions) = read {
            assert!(positions.iter().copied().eq(seen + 1..=seen + positions.len() as u64), "{seen}: {positions:?}");
            seen += positions.len() as u64;
            reads += 1;
            if positions.is_empty() && last_look {
                return seen;
            }
            if positions.is_empty() {
                std::thread::sleep(Duration::from_millis(3));
            }
        }
        if reads % 200 == 0
            && let Ok(stats) = log.stats()
        {
            assert_eq!(stats.events, stats.head.position, "everything before the head can be seen");
        }
    }
}

fn kill(url: &str, is_over: &AtomicBool) -> u64 {
    let mut killed = 0;
    while !is_over.load(Ordering::SeqCst) {
        std::thread::sleep(KILL_EVERY);
        let sql = "select pg_terminate_backend(pid) from pg_stat_activity
                   where datname = current_database() and application_name = 'letopis' order by random() limit 1";
        killed += asked(url, async |client| client.query(sql, &[]).await).unwrap().len() as u64;
    }
    killed
}

#[test]
fn nobody_ever_sees_a_hole() {
    let Some(shared) = Shared::new() else { return };
    let of = std::env::var("LETOPIS_TORTURE_BATCHES").map_or(BATCHES, |number| number.parse().unwrap());
    // Every tenth event waits between its statement and the commit, which the node has sent already.
    let pause = "create function pause() returns trigger language plpgsql as
        $$ begin perform pg_sleep(random() * 0.004); return null; end $$;
        create constraint trigger pause after insert on event deferrable initially deferred for each row
        when (new.position % 10 = 0) execute function pause()";
    crate::common::statements(&shared.url, pause).unwrap();
    let (share, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let nodes = [shared.node(), shared.node()];
    let readers = [&nodes[0], &nodes[0], &nodes[1], &nodes[1]].map(|node| node.appender.log(&node.folder).unwrap());
    let (written, seen, killed) = std::thread::scope(|scope| {
        let readers = readers.each_ref().map(|log| scope.spawn(|| follow(log, &is_over)));
        let killer = scope.spawn(|| kill(&shared.url, &is_over));
        let writers = nodes.map(|node| scope.spawn(|| work(node, &share, of)));
        let written = writers.map(|writer| writer.join());
        is_over.store(true, Ordering::SeqCst);
        (written.map(Result::unwrap), readers.map(|reader| reader.join().unwrap()), killer.join().unwrap())
    });
    let node = shared.node();
    let events = node.verified();
    assert_eq!(seen, [events; 4]);
    let acknowledged = written.iter().flat_map(|written| &written.acknowledged).collect::<Vec<_>>();
    let unconfirmed = written.iter().map(|written| written.unconfirmed_events).sum::<u64>();
    let least = acknowledged.len() as u64;
    assert!((least..=least + unconfirmed).contains(&events), "{events} events, {least} of them acknowledged");
    let mut facts = HashMap::new();
    while let Some(page) = Some(node.log.read(facts.len() as u64, 5_000).unwrap()).filter(|page| !page.is_empty()) {
        facts.extend(page.into_iter().map(|record| (record.position, (record.stream, record.version))));
    }
    for (position, stream, version) in acknowledged {
        assert_eq!(facts[position], (stream.to_string(), *version));
    }
    println!("{events} events, {unconfirmed} unconfirmed, {killed} backends killed");
    assert!(killed > 5 && written.iter().all(|written| written.acknowledged.len() as u64 > of / 20));
}
