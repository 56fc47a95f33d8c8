//! The contract of a log: the same stories of the embedded one and of one in PostgreSQL.

mod common;

use common::{House, each, id, message, message_in, role, user, verifier};
use domain::{Event, Personal, StreamId, Timestamp, Unreadable, message as messages, user as users};
use store::{Batch, BatchNeeds, Error, Filter, Folder, Forget, Head, Log, NewEvent, NewReceipt, Record};

#[test]
fn what_is_appended_is_read_back() {
    for mut house in each() {
        let head = house.append(vec![message(1, 1, "hello"), role(user(7), 1), message(2, 1, "there")]);
        assert_eq!(head.position, 3);
        assert_eq!(head, house.log.head().unwrap());

        let facts = house.log.facts(0, 100).unwrap();
        assert_eq!(facts.iter().map(|fact| fact.position).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(facts[0].event, message(1, 1, "hello").event);
        assert_eq!(facts[1].event, role(user(7), 1).event);
        assert_eq!(facts[0].id.get_version_num(), 7);
        assert_eq!(house.log.facts(1, 1).unwrap(), facts[1..2]);
        assert_eq!(house.log.stream(facts[2].event.stream()).unwrap(), facts[2..]);
        assert_eq!(house.appender.stream(facts[2].event.stream()).unwrap(), facts[2..]);

        let records = house.log.read(0, 100).unwrap();
        assert!(!records[0].payload.contains("hello"));
        assert!(records[0].sealed.as_ref().is_some_and(|sealed| !contains(sealed, b"hello")));
        assert_eq!(house.log.personal(&records[1]).unwrap(), None);
        assert!(
            matches!(house.log.personal(&records[0]).unwrap(), Some(Personal::Known(text)) if text.contains("hello"))
        );
        assert_eq!(house.log.fact(&records[0]).unwrap(), facts[0]);
        assert_eq!(records[2].hash, head.hash);
    }
}

#[test]
fn a_reader_of_records_gets_everything_but_sealed_parts() {
    for mut house in each() {
        house.append(vec![message(1, 1, "hello"), role(user(7), 1), message(2, 1, "there")]);
        let reader = house.log.records();
        assert_eq!(reader.head().unwrap(), house.log.head().unwrap());
        let all = house.log.read(0, 100).unwrap();
        assert!(all[0].sealed.is_some() && all[2].sealed.is_some());
        let unsealed = all.into_iter().map(|record| Record { sealed: None, ..record }).collect::<Vec<_>>();
        assert_eq!(reader.read(0, 100).unwrap(), unsealed);
        assert_eq!(reader.read(1, 1).unwrap(), unsealed[1..2]);
    }
}

#[test]
fn effects_are_found_by_their_cause() {
    for mut house in each() {
        house.append(vec![message(1, 1, "hello"), message(2, 1, "there")]);
        let ids = house.log.read(0, 2).unwrap().iter().map(|record| record.id).collect::<Vec<_>>();
        let because = |number: u128, cause: uuid::Uuid| NewEvent {
            meta: format!(r#"{{"actor":"courier","causation":"{cause}"}}"#),
            ..message(number, 1, "effect")
        };
        let only_named = NewEvent { meta: format!(r#"{{"request_id":"{}"}}"#, ids[0]), ..message(3, 1, "none") };
        house.append(vec![because(4, ids[0]), only_named, because(5, ids[1]), because(6, ids[0])]);
        let found = |causes: &[uuid::Uuid], part, limit| {
            let records = house.log.caused_by(causes, part, limit).unwrap();
            records.iter().map(|record| record.position).collect::<Vec<_>>()
        };
        assert_eq!(found(&ids[..1], (0, 6), 9), [3, 6]);
        assert_eq!(found(&ids, (0, 6), 9), [3, 5, 6]);
        assert_eq!(found(&ids, (3, 6), 1), [5]);
        assert_eq!(found(&ids, (3, 5), 9), [5]);
        assert_eq!(found(&[], (0, 6), 9), [0; 0]);
        let request = ids[0].to_string();
        let named = |part| {
            let records = house.log.by_meta(("request_id", &request), part, 9).unwrap();
            records.iter().map(|record| record.position).collect::<Vec<_>>()
        };
        assert_eq!((named((0, 6)), named((3, 6)), named((4, 6)), named((0, 3))), (vec![4], vec![4], vec![], vec![]));
    }
}

#[test]
fn what_is_told_from_memory_is_what_was_written() {
    for mut house in each() {
        let near = house.appender.log(&house.folder).unwrap();
        house.append(vec![message(1, 1, "hello"), role(user(7), 1), message(2, 1, "there")]);
        house.append(vec![verifier(user(7), 2, "first"), message(3, 1, "again")]);
        assert_eq!(near.facts(0, 9).unwrap(), house.log.facts(0, 9).unwrap());
        assert_eq!(near.facts(3, 1).unwrap(), house.log.facts(3, 1).unwrap());
        assert_eq!(near.facts(5, 9).unwrap(), []);
        // What is forgotten in the log is not told from memory either.
        let forget = vec![Forget::Superseded { stream: user(7).into(), name: domain::VERIFIERS[0], before_version: 3 }];
        let batch = Batch { events: vec![verifier(user(7), 3, "second")], forget, ..Batch::default() };
        house.appender.append(&batch).unwrap();
        assert_eq!(near.facts(0, 9).unwrap(), house.log.facts(0, 9).unwrap());
        house.append(vec![message(4, 1, "later")]);
        assert_eq!(near.facts(3, 9).unwrap(), house.log.facts(3, 9).unwrap());
    }
}

#[test]
fn time_never_falls_and_the_head_survives_a_restart() {
    for mut house in each() {
        house.append_at(Timestamp(5_000_000), vec![message(1, 1, "a")]);
        let head = house.append_at(Timestamp(1), vec![message(2, 1, "b")]);
        assert_eq!(head.recorded_at, Timestamp(5_000_000));
        let house = house.reopened();
        assert_eq!(house.appender.head(), head);
        assert_eq!(house.log.facts(0, 9).unwrap()[1].event, message(2, 1, "b").event);
        assert_eq!(house.verify().unwrap().head, head);
    }
}

#[test]
fn a_stale_version_is_refused_and_nothing_is_written() {
    for mut house in each() {
        let head = house.append(vec![message(1, 1, "first")]);
        let batch = Batch {
            events: vec![message(2, 1, "with it"), message(1, 1, "stale")],
            receipts: vec![receipt(1, 3, None)],
            ..Batch::default()
        };
        assert!(matches!(house.appender.append(&batch), Err(Error::NotWritten { .. } | Error::Refused { .. })));
        assert_eq!(house.appender.head(), head);
        assert_eq!(house.log.head().unwrap(), head);
        assert_eq!(house.log.receipt(&[1; 32]).unwrap(), None);
        // The next one goes on without a hole.
        assert_eq!(house.append(vec![message(2, 1, "again")]).position, 2);
        house.verify().unwrap();
    }
}

#[test]
fn an_event_that_is_too_large_is_refused() {
    for mut house in each() {
        let large = NewEvent { meta: "x".repeat(store::EVENT_BYTES_MAX), ..message(1, 1, "a") };
        let batch = Batch { events: vec![large], ..Batch::default() };
        assert!(matches!(house.appender.append(&batch), Err(Error::TooLarge { name: "message.posted.v1", .. })));
        assert_eq!(house.appender.head(), Head::default());
    }
}

#[test]
fn a_receipt_is_written_with_its_facts_and_pruned_when_old() {
    for mut house in each() {
        let receipts = vec![receipt(1, 10, None), receipt(2, 20, Some(user(7))), receipt(3, 30, None)];
        let batch = Batch { events: vec![message(1, 1, "a")], receipts, ..Batch::default() };
        house.appender.append(&batch).unwrap();
        for number in [1, 2] {
            let found = house.log.receipt(&[number; 32]).unwrap().unwrap();
            assert_eq!(found.fingerprint, [number + 100; 32]);
            assert_eq!((found.position, found.at), (1, Timestamp(i64::from(number) * 10)));
            assert_eq!(found.outcome, Personal::Known("\"done\"".to_owned()));
            let needs = BatchNeeds { receipts: vec![[number; 32]], ..BatchNeeds::default() };
            house.appender.begin(&needs).unwrap();
            assert_eq!(house.appender.receipt(&[number; 32]).unwrap(), Some(found));
            house.appender.cancel();
        }
        assert_eq!(house.log.receipt(&[9; 32]).unwrap(), None);

        assert_eq!(house.appender.prune_receipts(Timestamp(30), 1).unwrap(), 1);
        assert_eq!(house.log.receipt(&[1; 32]).unwrap(), None);
        assert_eq!(house.appender.prune_receipts(Timestamp(30), 9).unwrap(), 1);
        assert_eq!(house.appender.prune_receipts(Timestamp(30), 9).unwrap(), 0);
        assert!(house.log.receipt(&[3; 32]).unwrap().is_some());
    }
}

#[test]
fn the_database_refuses_every_change_but_forgetting() {
    for mut house in each() {
        house.append(vec![message(1, 1, "a"), role(user(7), 1)]);
        for sql in [
            "delete from event",
            "update event set payload = '{}'",
            "update event set position = 9 where position = 2",
            &format!("update event set sealed = {}", house.bytes(&[0])),
            "update event set sealed = null, meta = ''",
            "update event set sealed = null, sealed_hash = null where position = 1",
            "insert into event select * from event",
        ] {
            assert!(house.sql(sql).is_err(), "{sql}");
        }
        house.sql("update event set sealed = null").unwrap();
        house.verify().unwrap();
        assert!(matches!(&house.log.facts(0, 1).unwrap()[0].event,
            Event::Message(_, messages::Event::Posted(posted)) if posted.text == Personal::Erased));
    }
}

#[test]
fn an_erased_person_is_forgotten_and_the_chain_holds() {
    for mut house in each() {
        let (anna, boris) = (user(7), user(8));
        let receipts = vec![receipt(1, 1, Some(anna)), receipt(2, 1, Some(boris))];
        let events = vec![message_in(1, 1, anna, "mine"), message_in(2, 1, boris, "his")];
        house.appender.append(&Batch { events, receipts, ..Batch::default() }).unwrap();
        let before = house.log.read(0, 9).unwrap();
        let erased = NewEvent { event: Event::User(anna, users::Event::Erased), ..role(anna, 1) };
        let forget = vec![Forget::Subject(anna)];
        house.appender.append(&Batch { events: vec![erased], forget, ..Batch::default() }).unwrap();

        assert_eq!(house.verify().unwrap().events, 3);
        let facts = house.log.facts(0, 9).unwrap();
        assert!(matches!(&facts[0].event,
            Event::Message(_, messages::Event::Posted(posted)) if posted.text == Personal::Erased));
        assert_eq!(facts[1].event, message_in(2, 1, boris, "his").event);
        // A copy that somebody kept does not open any more: neither with the cached key nor after a restart.
        assert_eq!(house.log.personal(&before[0]).unwrap(), Some(Personal::Erased));
        assert_eq!(house.log.receipt(&[1; 32]).unwrap(), None);
        assert!(house.log.receipt(&[2; 32]).unwrap().is_some());
        let house = house.reopened();
        assert_eq!(house.log.personal(&before[0]).unwrap(), Some(Personal::Erased));
        assert!(matches!(house.log.personal(&before[1]).unwrap(), Some(Personal::Known(_))));
    }
}

#[test]
fn a_superseded_verifier_is_gone_from_the_files() {
    let mut house = House::new();
    let stream = StreamId::from(user(7));
    house.append(vec![verifier(user(7), 1, "first"), message_in(1, 1, user(7), "stays")]);
    let old = house.log.read(0, 1).unwrap()[0].sealed.clone().unwrap();
    assert!(house.files().iter().any(|file| contains(file, &old)));
    let forget = vec![Forget::Superseded { stream, name: "user.password_changed.v1", before_version: 2 }];
    let events = vec![verifier(user(7), 2, "second")];
    house.appender.append(&Batch { events, forget, ..Batch::default() }).unwrap();
    house.appender.checkpoint().unwrap();

    assert!(!house.files().iter().any(|file| contains(file, &old)));
    let facts = house.log.facts(0, 9).unwrap();
    let known = |index: usize| {
        let Event::User(_, users::Event::PasswordChanged(changed)) = &facts[index].event else { panic!("{facts:?}") };
        changed.verifier.known().is_some()
    };
    assert!(!known(0) && known(2));
    assert_eq!(facts[1].event, message_in(1, 1, user(7), "stays").event);
    house.verify().unwrap();
}

#[test]
fn an_event_of_an_unknown_name_stops_the_reader_behind_the_others() {
    for mut house in each() {
        house.append(vec![message(1, 1, "a"), message(2, 1, "b")]);
        house.sql(
            "insert into event select 3, stream, 2, id, 'message.sung.v1', recorded_at, payload, null, null, null, meta, hash
             from event where position = 2",
        ).unwrap();
        assert_eq!(house.log.facts(0, 9).unwrap().len(), 2);
        assert!(matches!(house.log.facts(2, 9), Err(Error::Unreadable { position: 3, .. })));
        assert!(matches!(house.log.stream(id(2).into()), Err(Error::Unreadable { position: 3, .. })));
        assert_eq!(house.log.read(0, 9).unwrap().len(), 3);
    }
}

#[test]
fn an_event_in_the_stream_of_something_else_stops_the_reader_as_misplaced() {
    for mut house in each() {
        house.append(vec![message(1, 1, "a"), message(2, 1, "b")]);
        let others = [StreamId::from(user(9)).to_string(), "message-9".to_owned(), "payment-9".to_owned()];
        for (position, stream) in (3..).zip(&others) {
            let copy = format!(
                "insert into event select {position}, '{stream}', 1, id, name, recorded_at, payload, null, null, null, meta, hash
                 from event where position = 2"
            );
            house.sql(&copy).unwrap();
        }
        assert_eq!(house.log.facts(0, 9).unwrap().len(), 2);
        let misplaced = Unreadable::Misplaced("message.posted.v1".to_owned());
        for position in 3..6 {
            let read = house.log.facts(position - 1, 9).unwrap_err();
            let told =
                matches!(&read, Error::Unreadable { position: at, source } if (*at, source) == (position, &misplaced));
            assert!(told, "{position}: {read:?}");
        }
        let stream = house.log.stream(user(9).into());
        assert!(matches!(stream, Err(Error::Unreadable { position: 3, source }) if source == misplaced));
        assert_eq!(house.log.read(0, 9).unwrap().len(), 5);
    }
}

#[test]
fn a_sealed_part_that_was_moved_is_corrupt() {
    for mut house in each() {
        house.append(vec![message(1, 1, "a"), message(2, 1, "b")]);
        let records = house.log.read(0, 9).unwrap();
        let moved = store::Record { sealed: records[1].sealed.clone(), ..records[0].clone() };
        assert!(matches!(house.log.personal(&moved), Err(Error::Corrupt { position: 1, .. })));
    }
}

#[test]
fn another_process_reads_beside_the_appender() {
    for mut house in each() {
        house.append(vec![message(1, 1, "a")]);
        let beside = house.beside().unwrap();
        assert_eq!(beside.facts(0, 9).unwrap().len(), 1);
        house.append(vec![message(2, 1, "b")]);
        assert_eq!(beside.facts(0, 9).unwrap(), house.log.facts(0, 9).unwrap());
        assert_eq!(beside.keys().keyed_hash("name", &[b"a"]), house.log.keys().keyed_hash("name", &[b"a"]));
    }
}

#[test]
fn a_log_is_read_after_a_clean_end_and_after_a_crash() {
    let mut house = House::new();
    house.append(vec![message(1, 1, "a")]);
    let crashed = tempfile::tempdir().unwrap();
    for file in ["letopis.db", "letopis.db-wal", "master.key"] {
        std::fs::copy(house.folder.root().join(file), crashed.path().join(file)).unwrap();
    }
    let ended = house.closed();
    for path in [crashed.path(), ended.path()] {
        let folder = Folder::existing(path).unwrap();
        let log = Log::open_read_only(&folder, &folder.master_key()).unwrap();
        assert_eq!(log.facts(0, 9).unwrap().len(), 1);
    }
}

/// Four events: two of one second, two of the next; the third is done by somebody else than whom it is about.
fn of_two_people() -> impl Iterator<Item = House> {
    each().map(|mut house| {
        house.append_at(Timestamp(1_000_000), vec![message_in(1, 1, user(7), "a"), role(user(7), 1)]);
        let mut by_anna = role(user(8), 1);
        by_anna.meta = format!(r#"{{"actor":"user:{}"}}"#, user(7));
        house.append_at(Timestamp(2_000_000), vec![by_anna, message_in(2, 1, user(8), "b")]);
        house
    })
}

#[test]
fn records_are_found_by_what_one_knows_of_them() {
    for house in of_two_people() {
        let all = Filter::default;
        let filters: [(Filter, &[u64]); 9] = [
            (all(), &[1, 2, 3, 4]),
            (Filter { newest_first: true, ..all() }, &[4, 3, 2, 1]),
            (Filter { after: 1, up_to: Some(3), ..all() }, &[2, 3]),
            (Filter { name: Some("user.*".to_owned()), ..all() }, &[2, 3]),
            (Filter { user: Some(user(7)), ..all() }, &[1, 2, 3]),
            (Filter { since: Some(Timestamp(1_000_001)), ..all() }, &[3, 4]),
            (Filter { since: Some(Timestamp(1_000_000)), ..all() }, &[1, 2, 3, 4]),
            (Filter { since: Some(Timestamp(2_000_001)), ..all() }, &[]),
            (Filter { stream: Some(StreamId::from(user(8)).to_string()), ..all() }, &[3]),
        ];
        for (filter, expected) in filters {
            let found = house.log.read_filtered(&filter, 9).unwrap();
            assert!(found.iter().map(|record| &record.position).eq(expected), "{filter:?}");
        }
    }
}

#[test]
fn records_are_found_by_id_and_by_stream() {
    for house in of_two_people() {
        let stream = StreamId::from(user(8)).to_string();
        let records = house.log.read(0, 9).unwrap();
        for record in &records {
            assert_eq!(house.log.by_id(record.id).unwrap().as_ref(), Some(record));
        }
        assert_eq!(house.log.by_id(uuid::Uuid::nil()).unwrap(), None);
        assert_eq!(house.log.stream_records(&stream, 0, 9).unwrap(), records[2..3]);
        assert_eq!(house.log.stream_records(&stream, 1, 9).unwrap(), []);

        let streams = house.log.streams("", Some("message-"), 9).unwrap();
        assert_eq!(streams.iter().map(|row| (row.events, row.last_position)).collect::<Vec<_>>(), [(1, 1), (1, 4)]);
        assert_eq!(house.log.streams(&streams[0].stream, None, 2).unwrap().len(), 2);
        let stats = house.log.stats().unwrap();
        assert_eq!(stats.events, 4);
        assert_eq!(stats.types, [("message.posted.v1".to_owned(), 2), ("user.role_set.v1".to_owned(), 2)]);
    }
}

#[test]
fn the_writer_moves_between_threads_and_readers_share() {
    for house in each() {
        fn can_move<T: Send>(_: &T) {}
        fn can_be_shared<T: Send + Sync + Clone>(_: &T) {}
        can_move(&house.appender);
        can_be_shared(&house.log);
    }
}

fn receipt(number: u8, at: i64, subject: Option<domain::UserId>) -> NewReceipt {
    NewReceipt {
        command_id: [number; 32],
        fingerprint: [number + 100; 32],
        at: Timestamp(at),
        position: 1,
        subject,
        outcome: "\"done\"".to_owned(),
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
