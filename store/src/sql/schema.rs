//! Read models in PostgreSQL: each in a schema of its own, in the database of the log.
//!
//! What a transaction needs is set inside it, and everything that does not have to wait is sent in one go: a query is
//! one round trip. As everywhere, a pooler between us and the server may give every transaction another backend.

use super::session::{Session, send, typed};
use super::{Row, Value};
use crate::postgres::{READ, Reading, bounded, wait};
use crate::{Cluster, Error};
use std::sync::Arc;
use tokio::time::timeout;

/// How long a schema's name may be in PostgreSQL.
const NAME_MAX: usize = 63;
/// How long a transaction that writes may rest: whoever stopped in the middle of one is thrown out, so that another
/// node can take over what it wrote.
const REST_MAX: &str = "3s";

/// A schema of a database that several nodes share.
#[derive(Clone)]
pub struct Schema {
    cluster: Cluster,
    name: Arc<str>,
}

impl Schema {
    pub(super) fn new(cluster: &Cluster, name: &str) -> Schema {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        assert!(name.len() <= NAME_MAX && name.bytes().all(plain), "the name of a schema is a plain word");
        Schema { cluster: cluster.clone(), name: name.into() }
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub(super) fn exists(&self) -> Result<bool, Error> {
        let sql = "select 1 from pg_namespace where nspname = $1";
        Ok(!alone(&self.cluster, sql, &[(&*self.name).into()], |_| Ok(()))?.is_empty())
    }

    pub(super) fn create(&self) -> Result<(), Error> {
        let mut session = self.begin()?;
        session.tables(&format!("create schema if not exists \"{}\"", self.name))?;
        session.commit()
    }

    pub(super) fn remove(&self) -> Result<(), Error> {
        let mut session = self.begin()?;
        session.tables(&format!("drop schema if exists \"{}\" cascade", self.name))?;
        session.commit()
    }

    /// One query in a transaction of its own, in one round trip; no longer than callers wait.
    pub(super) async fn rows(&self, sql: &str, params: &[Value<'_>]) -> Result<Vec<tokio_postgres::Row>, Error> {
        let asked = timeout(self.cluster.patience(), self.ask(sql, params)).await;
        asked.unwrap_or(Err(Error::Unanswered))
    }

    async fn ask(&self, sql: &str, params: &[Value<'_>]) -> Result<Vec<tokio_postgres::Row>, Error> {
        let client = self.cluster.take().await?;
        let begin = format!("{READ}; {}", self.path());
        let params = typed(params);
        bounded(async {
            let begun = send(client.batch_execute(&begin)).await;
            let rows = send(client.query_typed(sql, &params)).await;
            let ended = send(client.batch_execute("commit")).await;
            begun.answer().await?;
            let rows = rows.answer().await?;
            ended.answer().await?;
            Ok(rows)
        })
        .await
    }

    /// A transaction that only reads, and sees the same from now on.
    pub(super) fn snapshot(&self) -> Result<Session, Error> {
        let mut session = self.session(format!(
            "begin isolation level repeatable read, read only; set local idle_in_transaction_session_timeout = 0;
             set local statement_timeout = '40s'; set local lock_timeout = '10s'; {};
             select 1",
            self.path()
        ))?;
        session.send()?;
        Ok(session)
    }

    /// A transaction that writes. A commit may be lost with the power, never torn: what is missing is made again.
    pub(super) fn begin(&self) -> Result<Session, Error> {
        self.session(format!(
            "begin isolation level read committed, read write; set local lock_timeout = '5s'; set local statement_timeout = '30s';
             set local idle_in_transaction_session_timeout = '{REST_MAX}'; set local synchronous_commit = off; {}",
            self.path()
        ))
    }

    fn session(&self, begin: String) -> Result<Session, Error> {
        Ok(Session::new(wait(self.cluster.take())?, begin))
    }

    /// Takes away what was deleted from the tables, when they are at most `bytes_max` long.
    pub(super) fn vacuum(&self, bytes_max: u64) -> Result<(), Error> {
        let sql = "select relname::text from pg_class where relkind = 'r' and relnamespace = $1::regnamespace
                   and pg_total_relation_size(oid) <= $2 order by relname";
        let of = [(&*self.name).into(), bytes_max.into()];
        for table in alone(&self.cluster, sql, &of, |row| Ok(row.text(0)?.to_owned()))? {
            let sql = format!("vacuum \"{}\".\"{table}\"", self.name);
            wait(bounded(async { Ok(self.cluster.take().await?.batch_execute(&sql).await?) }))?;
        }
        Ok(())
    }

    fn path(&self) -> String {
        format!("set local search_path to \"{}\"", self.name)
    }
}

/// Every row of a query that concerns no schema of ours.
pub(super) fn alone<T>(
    cluster: &Cluster,
    sql: &str,
    params: &[Value<'_>],
    mut map: impl FnMut(&Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let params = typed(params);
    let rows = cluster.read(async |client: Reading| Ok(client.query_typed(sql, &params).await?))?;
    rows.iter().map(|row| map(&row.into())).collect()
}
