//! A consumer that follows the log, drained by hand: the same stories beside an embedded log and one in PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Base, House, each, message, role, user};
use domain::Category;
use std::collections::HashMap;
use std::sync::Arc;
use store::follower::{self, Checkpoint, Lease, Next};
use store::sql::{Database, Leases, Place, Writer};
use store::{Error, Log, Mark};
use uuid::Uuid;

/// It writes down the position of each event that it is handed.
struct Consumer {
    log: Log,
    database: Database,
    writer: Writer,
    checkpoint: Checkpoint,
}

/// Short, so that a story has several pages.
const PAGE: usize = 2;

fn place(house: &House) -> Place {
    match &house.base {
        Base::Embedded => Place::File(house.folder.root().join("consumer.db")),
        Base::Shared { cluster, .. } => Place::schema(cluster, "letopis_consumer"),
    }
}

impl Consumer {
    fn new(house: &House) -> Consumer {
        let (place, log) = (place(house), house.log.clone());
        let database = place.create().unwrap();
        let mut writer = database.writer().unwrap();
        let mut tx = writer.begin().unwrap();
        tx.batch("create table effect (position bigint primary key)").unwrap();
        let checkpoint = Checkpoint::create(&mut tx, &place, 1).unwrap();
        tx.commit().unwrap();
        Consumer { log, database, writer, checkpoint }
    }

    /// Another node opens it under a later lease.
    fn claimed(house: &House, epoch: u64) -> Option<Consumer> {
        let (place, log) = (place(house), house.log.clone());
        let database = place.open().unwrap();
        let mut writer = database.writer().unwrap();
        let mut tx = writer.begin().unwrap();
        let checkpoint = Checkpoint::claim(&mut tx, &place, epoch).unwrap()?;
        tx.commit().unwrap();
        Some(Consumer { log, database, writer, checkpoint })
    }

    /// One page: the effect and the position, or nothing.
    fn step(&mut self) -> Result<Next, Error> {
        let Some(page) = follower::read(&self.log, [self.checkpoint.mark()], PAGE)?.page else {
            return Ok(Next::AtHead);
        };
        if page.unreadable.is_some() {
            return Ok(Next::End);
        }
        assert!((1..=PAGE).contains(&page.facts.len()));
        let mut tx = self.writer.begin()?;
        let Some(moved) = self.checkpoint.advance(&mut tx, page.end())? else { return Ok(Next::End) };
        for fact in &page.facts {
            tx.execute("insert into effect (position) values ($1)", &[fact.position.into()])?;
        }
        tx.commit()?;
        self.checkpoint = moved;
        Ok(Next::Further)
    }

    /// Every step there is; why it took no more.
    fn drain(&mut self) -> Result<Next, Error> {
        loop {
            let next = self.step()?;
            if next != Next::Further {
                return Ok(next);
            }
        }
    }

    /// What it has written, in the order in which it did.
    fn effect(&self) -> Vec<i64> {
        self.database.snapshot().unwrap().rows("select position from effect", &[], |row| row.int(0)).unwrap()
    }
}

/// So many facts more.
fn grow(house: &mut House, ids: std::ops::Range<u128>) {
    house.append(ids.map(|number| message(number, 1, "text")).collect());
}

#[test]
fn every_fact_is_handed_over_once_and_in_order() {
    for mut house in each() {
        let mut consumer = Consumer::new(&house);
        assert_eq!(consumer.drain().unwrap(), Next::AtHead, "of an empty log");
        grow(&mut house, 1..6);
        assert_eq!(consumer.drain().unwrap(), Next::AtHead);
        assert_eq!(consumer.effect(), [1, 2, 3, 4, 5]);
        grow(&mut house, 6..8);
        drop(consumer);
        let mut consumer = Consumer::claimed(&house, 1).unwrap();
        assert_eq!(consumer.drain().unwrap(), Next::AtHead);
        assert_eq!(consumer.effect(), [1, 2, 3, 4, 5, 6, 7], "after a restart it goes on where it was");
        assert_eq!(consumer.checkpoint.mark(), house.log.head().unwrap().into());
    }
}

#[test]
fn a_node_that_was_taken_over_writes_nothing_more() {
    for mut house in each() {
        let mut former = Consumer::new(&house);
        grow(&mut house, 1..3);
        former.drain().unwrap();
        let mut present = Consumer::claimed(&house, 2).unwrap();
        grow(&mut house, 3..5);
        assert_eq!(former.drain().unwrap(), Next::End);
        assert_eq!(present.effect(), [1, 2]);
        assert_eq!(present.drain().unwrap(), Next::AtHead);
        assert_eq!(present.effect(), [1, 2, 3, 4]);
        assert!(Consumer::claimed(&house, 1).is_none());
    }
}

#[test]
fn a_log_with_another_history_is_not_followed() {
    for mut house in each() {
        let mut consumer = Consumer::new(&house);
        grow(&mut house, 1..5);
        consumer.drain().unwrap();
        let known = consumer.checkpoint.mark();
        // Another event at the same position; and one more behind it.
        house.tampering(&format!("update event set hash = {} where position = 4", house.bytes(&[7; 32])));
        let behind = |log: &Log| {
            let head = store::Head { position: 5, ..log.head().unwrap() };
            follower::read_page(log, known, head, PAGE)
        };
        assert!(matches!(behind(&house.log), Err(Error::OtherHistory { position: 4 })));
        assert!(matches!(house.log.records().behind(known, PAGE), Err(Error::OtherHistory { position: 4 })));
        // A log that is shorter than what was followed.
        let ahead = Mark { position: 9, ..known };
        assert!(matches!(follower::read(&house.log, [known, ahead], PAGE), Err(Error::OtherHistory { .. })));
        if let Base::Shared { .. } = &house.base {
            // It was set back between the reading and the commit.
            let mut tx = consumer.writer.begin().unwrap();
            assert!(consumer.checkpoint.advance(&mut tx, ahead).unwrap().is_none());
        }
    }
}

#[test]
fn what_cannot_be_read_ends_the_page_before_it() {
    for mut house in each() {
        let mut consumer = Consumer::new(&house);
        house.append(vec![message(1, 1, "text"), role(user(7), 1), message(2, 1, "text"), message(3, 1, "text")]);
        house.tampering("update event set name = 'user.painted.v1' where position = 2");
        assert_eq!(consumer.drain().unwrap(), Next::End);
        assert_eq!(consumer.effect(), [1], "what is before it was handed over");
        let page = follower::read(&house.log, [consumer.checkpoint.mark()], PAGE).unwrap().page.unwrap();
        let event = page.unreadable.clone().unwrap();
        assert_eq!((event.at.position, event.category, page.end()), (2, Some(Category::User), event.at));
        assert!(event.reason.contains("user.painted.v1"), "{}", event.reason);
        // Who is not concerned goes on behind it, and is fed from the same page as who is further already.
        let one = event.at;
        let other = house.log.mark(3).unwrap().unwrap();
        let page = follower::read(&house.log, [other, one], PAGE).unwrap().page.unwrap();
        assert_eq!((page.after, page.facts.len(), page.known(other).unwrap()), (one, 2, Some(1)));
    }
}

#[test]
fn records_are_read_without_a_key() {
    for mut house in each() {
        grow(&mut house, 1..4);
        let mark = house.log.mark(1).unwrap().unwrap();
        house.sql("delete from subject_key").unwrap();
        let records = house.beside().unwrap().records().behind(mark, PAGE).unwrap();
        assert_eq!(records.iter().map(|record| record.position).collect::<Vec<_>>(), [2, 3]);
        let all = house.log.records().behind(Mark::default(), 9).unwrap();
        assert_eq!((all.len(), &all[1..]), (3, &records[..]));
        let end = Mark::from(house.log.head().unwrap());
        assert_eq!(house.log.records().behind(end, PAGE).unwrap(), []);
    }
}

#[test]
fn one_node_acts_under_a_lease_and_the_epoch_rises_with_each_that_does() {
    let alone = Lease::new(None, "test");
    assert_eq!((alone.epoch(), alone.take(false).unwrap()), (Some(0), Some(0)), "no other node can write");
    alone.lose();
    assert_eq!(alone.epoch(), Some(0));
    let Some(house) = House::shared() else { return };
    let database = place(&house).create().unwrap();
    let node = || Lease::new(Some(Arc::new(Leases::open(&database).unwrap())), "test");
    let (one, other) = (node(), node());
    assert_eq!((one.epoch(), one.take(false).unwrap(), one.epoch()), (None, Some(1), Some(1)));
    assert_eq!((other.take(false).unwrap(), other.epoch()), (None, None));
    assert_eq!((other.take(true).unwrap(), other.epoch()), (Some(2), Some(2)));
    one.lose();
    assert_eq!((one.epoch(), one.take(false).unwrap()), (None, None));
    other.release().unwrap();
    assert_eq!((other.epoch(), one.take(false).unwrap()), (None, Some(3)), "at once");
}

#[test]
fn a_node_that_starts_again_takes_at_once_what_it_held_and_nothing_else() {
    let Some(house) = House::shared() else { return };
    let cluster = house.log.cluster().unwrap();
    let (node, another) = (Uuid::now_v7(), Uuid::now_v7());
    let start = |node| {
        let database = Place::beside(&cluster.clone().of_node(node)).create().unwrap();
        move || Leases::open(&database).unwrap()
    };
    let before = start(node);
    let (follower, courier) = (before(), before());
    assert_eq!(follower.take("follower", false).unwrap(), Some(1));
    assert_eq!(courier.take("follower", false).unwrap(), None, "the same process, and nobody has died");
    let other = start(another)();
    assert_eq!(other.take("other", false).unwrap(), Some(1));
    let after = start(node)();
    assert_eq!(after.of_others().unwrap(), HashMap::from([("follower".to_owned(), false), ("other".to_owned(), true)]));
    assert_eq!(after.take("other", false).unwrap(), None);
    assert_eq!(other.take("follower", false).unwrap(), None);
    assert_eq!(after.take("follower", false).unwrap(), Some(2), "whoever held it before writes no more");
    assert_eq!(
        follower.take("follower", false).unwrap(),
        None,
        "nor does it take it back, should it be there after all"
    );
    assert_eq!((other.take("follower", false).unwrap(), other.take("other", true).unwrap()), (None, Some(1)));
}
