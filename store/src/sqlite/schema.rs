//! The tables of the log, and how a database gets them.

use crate::Error;
use rusqlite::Connection;

/// Every migration in order; the first brings an empty database to version 1. None is ever edited.
const MIGRATIONS: &[&str] = &[include_str!("../../../migrations/sqlite/0001_log.sql")];

/// Brings the database to the newest version, each step in a transaction of its own.
pub(super) fn migrate(connection: &Connection) -> Result<(), Error> {
    let found = version(connection)?;
    for (known, text) in (1_i64..).zip(MIGRATIONS) {
        if known > found {
            step(connection, known, text)?;
        }
    }
    check(connection)
}

fn step(connection: &Connection, version: i64, text: &str) -> Result<(), Error> {
    let sql = format!("begin immediate; {text}\n; pragma user_version = {version}; commit");
    connection.execute_batch(&sql).map_err(|source| {
        // The first error is the one to tell; where there is nothing to roll back any more, that is fine.
        let _ = connection.execute_batch("rollback");
        Error::not_written(source)
    })
}

/// Refuses a database that is not of the newest version.
pub(super) fn check(connection: &Connection) -> Result<(), Error> {
    let found = version(connection)?;
    let known = i64::try_from(MIGRATIONS.len()).expect("there are few migrations");
    match found.cmp(&known) {
        std::cmp::Ordering::Less => Err(Error::OlderSchema { found, known }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(Error::NewerSchema { found, known }),
    }
}

pub(super) fn version(connection: &Connection) -> Result<i64, Error> {
    Ok(connection.query_row("pragma user_version", [], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_database_gets_every_table_once() {
        let connection = Connection::open_in_memory().unwrap();
        assert!(matches!(check(&connection), Err(Error::OlderSchema { found: 0, .. })));
        migrate(&connection).unwrap();
        migrate(&connection).unwrap();
        check(&connection).unwrap();
    }

    #[test]
    fn a_newer_database_is_refused() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("pragma user_version = 99").unwrap();
        assert!(matches!(migrate(&connection), Err(Error::NewerSchema { found: 99, .. })));
    }

    #[test]
    fn a_step_that_fails_leaves_nothing_behind() {
        let connection = Connection::open_in_memory().unwrap();
        step(&connection, 1, "create table a (b); create table a (b)").unwrap_err();
        assert_eq!(version(&connection).unwrap(), 0);
        connection.execute_batch("create table a (b)").unwrap();
    }
}
