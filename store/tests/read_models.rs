//! The layer that read models are written with.
#![allow(clippy::unwrap_used, reason = "a test may")]

use domain::{Timestamp, UserId};
use store::Error;
use store::sql::{Database, Row, Value};
use uuid::Uuid;

const INSERT: &str = "insert into person (id, name, member, seen_at) values ($1, $2, $3, $4)";
const BY_NAME: &str = "select id, name, member, seen_at from person where name = $2 or id = $1";

static ANNA: UserId = UserId(Uuid::from_u128(7));

fn database(place: &tempfile::TempDir, name: &str) -> Database {
    let database = Database::create(&place.path().join(name)).unwrap();
    let mut writer = database.writer().unwrap();
    let mut tx = writer.begin().unwrap();
    tx.batch("create table person (id blob primary key, name text, member boolean, seen_at bigint)").unwrap();
    let values = [Value::from(&ANNA), "Anna".into(), true.into(), Timestamp(5).into()];
    assert_eq!(tx.execute(INSERT, &values).unwrap(), 1);
    tx.commit().unwrap();
    database
}

fn must_be_send<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn rows_read_back_whatever_the_order_of_the_parameters() {
    let place = tempfile::tempdir().unwrap();
    let database = database(&place, "a.db");
    let params = [Value::Null, "Anna".into()];
    let asked = database
        .rows(BY_NAME, &params, |row| Ok((row.uuid(0)?, row.text(1)?.to_owned(), row.bool(2)?, row.timestamp(3)?)));
    let rows = must_be_send(asked).await.unwrap();
    assert_eq!(rows, [(ANNA.0, "Anna".to_owned(), true, Timestamp(5))]);
    let params = [Value::from(&ANNA), Value::Null];
    assert_eq!(database.row(BY_NAME, &params, |row| row.int(3)).await.unwrap(), Some(5));
    let params = [Value::Null, "Boris".into()];
    assert_eq!(database.row(BY_NAME, &params, |row| row.int(3)).await.unwrap(), None);
}

#[tokio::test]
async fn a_column_of_another_kind_is_an_error_and_null_is_nothing() {
    let place = tempfile::tempdir().unwrap();
    let database = database(&place, "a.db");
    let of_name = database.row(BY_NAME, &[Value::from(&ANNA), Value::Null], |row| row.int(1)).await;
    assert!(matches!(of_name, Err(Error::Column { index: 1, .. })));
    let nothing = "select null, $1";
    let none = [None::<i64>.into()];
    let row = database.row(nothing, &none, |row| Ok((row.maybe_text(0)?, row.maybe_int(1)?) == (None, None)));
    assert_eq!(row.await.unwrap(), Some(true));
    assert!(database.row(nothing, &[Value::Null], |row| row.int(0)).await.is_err());
}

#[tokio::test]
async fn a_dropped_transaction_changes_nothing_and_a_reader_cannot_write() {
    let place = tempfile::tempdir().unwrap();
    let database = database(&place, "a.db");
    let mut writer = database.writer().unwrap();
    let mut tx = writer.begin().unwrap();
    tx.execute("delete from person", &[]).unwrap();
    assert_eq!(tx.row("select count(*) from person", &[], |row| row.int(0)).unwrap(), Some(0));
    drop(tx);
    assert_eq!(database.row("select count(*) from person", &[], |row| row.int(0)).await.unwrap(), Some(1));
    assert!(database.rows("delete from person", &[], |_| Ok(())).await.is_err());
}

#[tokio::test]
async fn a_snapshot_stands_still() {
    let place = tempfile::tempdir().unwrap();
    let database = database(&place, "a.db");
    let snapshot = database.snapshot().unwrap();
    let mut writer = database.writer().unwrap();
    let mut tx = writer.begin().unwrap();
    tx.execute("update person set name = $1", &["Boris".into()]).unwrap();
    tx.commit().unwrap();
    let name = |row: &Row<'_>| Ok(row.text(0)?.to_owned());
    assert_eq!(snapshot.rows("select name from person", &[], name).unwrap(), ["Anna"]);
    assert_eq!(snapshot.row("select $1", &[7_i64.into()], |row| row.shown(0)).unwrap().as_deref(), Some("7"));
    assert!(snapshot.rows("delete from person", &[], |_| Ok(())).is_err());
    let fresh = database.snapshot().unwrap();
    assert_eq!(fresh.row("select name from person", &[], |row| row.shown(0)).unwrap().as_deref(), Some("\"Boris\""));
}

#[test]
fn a_file_is_removed_whole() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.db");
    let database = database(&place, "a.db");
    drop(database);
    Database::remove(&path).unwrap();
    Database::remove(&path).unwrap();
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    assert!(matches!(Database::open(&path), Err(Error::NoData { .. })));
}

#[test]
fn a_file_that_much_is_written_to_is_moved_into_seldom_and_its_write_ahead_log_is_short_again() {
    const USUAL: u64 = 5 * 1024 * 1024;
    let place = tempfile::tempdir().unwrap();
    let database = database(&place, "a.db");
    let mut writer = database.writer().unwrap();
    let long = || std::fs::metadata(place.path().join("a.db-wal")).unwrap().len();
    let name = "x".repeat(4_000);
    let write = |writer: &mut store::sql::Writer, rows: u128| {
        let mut tx = writer.begin().unwrap();
        for _ in 0..rows {
            let id = UserId(Uuid::now_v7());
            tx.execute(INSERT, &[Value::from(&id), (&name).into(), true.into(), Timestamp(5).into()]).unwrap();
        }
        tx.commit().unwrap();
    };
    writer.expect_much(true).unwrap();
    (0..4).for_each(|_| write(&mut writer, 1_000));
    assert!(long() > 3 * USUAL, "nothing was moved: {}", long());
    writer.expect_much(false).unwrap();
    (0..3).for_each(|_| write(&mut writer, 10));
    assert!(long() <= USUAL, "{}", long());
}
