//! The tables of the log, and how a database gets them.

use super::connect::{BEGIN, Cluster, bounded};
use super::reading;
use super::rows::{get, query};
use super::runtime::wait;
use crate::Error;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// Every migration in order; the first brings an empty database to version 1. None is ever edited.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/postgres/0001_log.sql"),
    include_str!("../../../migrations/postgres/0002_batch.sql"),
    include_str!("../../../migrations/postgres/0003_rows_in_step.sql"),
];

/// One migration at a time: the number is ours, and means nothing.
const ALONE: &str = "select pg_advisory_xact_lock(7104713209882661)";

/// What the application may do with the log: add to it, read it, forget. The tables belong to whoever migrates; the
/// schemas of the read models are the application's own.
const GRANTS: &str = "
    grant usage on schema letopis to {role};
    grant select, insert on letopis.event to {role};
    grant update (sealed) on letopis.event to {role};
    grant select, update on letopis.log_head to {role};
    grant select, insert, delete on letopis.receipt, letopis.subject_key to {role};
    grant select, insert on letopis.secret to {role};
    grant select on letopis.migration to {role};
    grant execute on all functions in schema letopis to {role};
    grant create on schema letopis to {role};
    grant create on database {database} to {role};
";

/// Brings the database to the newest version, each step in a transaction of its own. `role` is the one that the
/// nodes connect as, where that is another than the one that migrates. Answers the version found and the present one.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::Postgres`], [`Error::NewerSchema`].
pub fn migrate(cluster: &Cluster, role: Option<&str>) -> Result<(i64, i64), Error> {
    wait(async {
        let client = cluster.connect().await?;
        let found = reading::alone(&client, version(&client)).await?;
        let known = known();
        if found > known {
            return Err(Error::NewerSchema { found, known });
        }
        for (number, text) in (1_i64..).zip(MIGRATIONS) {
            if number > found {
                step(&client, number, text).await?;
            }
        }
        if let Some(role) = role {
            let database = query(&client, "select current_database()::text", &[]);
            let database = reading::alone(&client, database).await?;
            let database = database.first().map_or(Ok(""), |row| get(row, 0))?;
            let grants = GRANTS.replace("{role}", &quoted(role)).replace("{database}", &quoted(database));
            let grants = format!("{BEGIN}; {grants}; commit");
            bounded(async { Ok(client.batch_execute(&grants).await?) }).await?;
        }
        Ok((found, known))
    })
}

/// A name as SQL takes it, whatever is in it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Refuses a database that is not of the newest version.
pub(super) async fn check(client: &Client) -> Result<(), Error> {
    let (found, known) = (version(client).await?, known());
    match found.cmp(&known) {
        std::cmp::Ordering::Less => Err(Error::OlderSchema { found, known }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(Error::NewerSchema { found, known }),
    }
}

pub(super) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).expect("there are few migrations")
}

async fn step(client: &Client, number: i64, text: &str) -> Result<(), Error> {
    let sql = format!(
        "{BEGIN}; {ALONE}; create schema if not exists letopis; set local search_path to letopis;
         create table if not exists migration (version bigint primary key);
         insert into migration (version) values ({number}); {text}; commit"
    );
    let done = bounded(async { Ok(client.batch_execute(&sql).await?) }).await;
    if done.is_err() {
        // The first error is the one to tell.
        let _ = client.batch_execute("rollback").await;
        if reading::alone(client, version(client)).await? >= number {
            // Somebody else took this step at the same time.
            return Ok(());
        }
    }
    done
}

pub(super) async fn version(client: &Client) -> Result<i64, Error> {
    match query(client, "select coalesce(max(version), 0) from letopis.migration", &[]).await {
        Ok(rows) => rows.first().map_or(Ok(0), |row| get(row, 0)),
        Err(Error::Postgres { source })
            if matches!(source.code(), Some(&SqlState::UNDEFINED_TABLE | &SqlState::INVALID_SCHEMA_NAME)) =>
        {
            Ok(0)
        }
        Err(error) => Err(error),
    }
}
