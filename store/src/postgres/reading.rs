//! Single reads: each says what it needs, whatever the role, the database, the server or a pooler has set.

use super::connect::bounded;
use crate::Error;
use deadpool_postgres::Object;
use std::ops::Deref;
use std::pin::pin;
use std::task::{Context, Waker};
use tokio_postgres::Client;

/// What every transaction that only reads says first: what bounds it, that it sees what is committed, where names are
/// looked up.
pub(crate) const READ: &str = "begin isolation level read committed, read only, not deferrable;
    set local statement_timeout = '30s';
    set local lock_timeout = '10s'; set local idle_in_transaction_session_timeout = '15s';
    set local search_path = pg_catalog; set local timezone = 'UTC'";

/// A connection of the pool inside a transaction that only reads. Its beginning is on its way before the first question,
/// and its end behind the last one: neither is waited for.
pub(crate) struct Reading {
    client: Object,
}

impl Reading {
    pub(super) fn begin(client: Object) -> Reading {
        send(&client, READ);
        Reading { client }
    }
}

impl Deref for Reading {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // Of a transaction that failed it is the rollback. Whoever takes the connection next asks behind it.
        send(&self.client, "commit");
    }
}

/// Sends a statement whose answer nobody waits for: the driver does that when it is first asked for the answer. What is
/// wrong with it is told by the statement behind it.
fn send(client: &Client, sql: &str) {
    let _ = pin!(client.batch_execute(sql)).poll(&mut Context::from_waker(Waker::noop()));
}

/// Reads on a connection that is in no transaction.
pub(super) async fn alone<T>(client: &Client, question: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    bounded(async { Ok(client.batch_execute(READ).await?) }).await?;
    let answer = question.await;
    let ended = bounded(async { Ok(client.batch_execute("commit").await?) }).await;
    let answer = answer?;
    ended?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::super::Cluster;
    use super::super::rows::{get, query};
    use super::*;

    /// What a single read takes for granted and does not inherit.
    const SET: [(&str, &str); 8] = [
        ("statement_timeout", "30s"),
        ("lock_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "15s"),
        ("search_path", "pg_catalog"),
        ("TimeZone", "UTC"),
        ("transaction_isolation", "read committed"),
        ("transaction_read_only", "on"),
        ("transaction_deferrable", "off"),
    ];

    #[test]
    fn a_single_read_inherits_nothing_and_leaves_nothing_behind() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let Some(database) = runtime.block_on(servers::postgres()) else { return };
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            let name = client.query_one("select current_database()::text", &[]).await.unwrap().get::<_, String>(0);
            for set in [
                "statement_timeout = '60ms'",
                "lock_timeout = '1ms'",
                "idle_in_transaction_session_timeout = '60ms'",
                "search_path = 'nowhere'",
                "timezone = 'Asia/Kathmandu'",
                "default_transaction_isolation = 'serializable'",
                "default_transaction_deferrable = on",
            ] {
                client.batch_execute(&format!("alter database \"{name}\" set {set}")).await.unwrap();
            }
        });
        let cluster = Cluster::new(&database.url()).unwrap();
        let (names, expected): (Vec<_>, Vec<_>) = SET.into_iter().unzip();
        // More than the pool has connections: each is used again.
        for _ in 0..20 {
            let found = cluster.read(async |client: Reading| {
                let sql = "select current_setting(name) from unnest($1::text[]) with ordinality as asked (name, n),
                           pg_sleep(0.1) order by n";
                let params = [(&names as _, tokio_postgres::types::Type::TEXT_ARRAY)];
                let rows = query(&client, sql, &params).await?;
                rows.iter().map(|row| get::<String>(row, 0)).collect::<Result<Vec<_>, _>>()
            });
            assert_eq!(found.unwrap(), expected);
            let failed = cluster.read(async |client: Reading| query(&client, "select 1 / 0", &[]).await.map(drop));
            assert!(matches!(failed, Err(Error::Postgres { .. })), "{failed:?}");
        }
    }
}
