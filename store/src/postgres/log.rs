//! The read side: for everybody on this node.

use super::append::{head, stream_facts};
use super::connect::Cluster;
use super::reading::Reading;
use super::rows::{self, COLUMNS, get, query};
use super::{filter, receipts, rotate, schema, secrets, verify};
use crate::anchor::Mark;
use crate::decode::{self, Parts};
use crate::recent::Recent;
use crate::record::{Order, number, page, rising, sql_number};
use crate::{Error, Fact, Filter, Folder, Head, KeyRotation, Keys, Receipt, Record, Stats, StreamRow, Verification};
use domain::{Personal, StreamId};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_postgres::types::Type;
use uuid::Uuid;

/// Reads the log. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    cluster: Cluster,
    keys: Arc<Keys>,
    /// Of the appender in this process; empty in any other.
    recent: Arc<Recent>,
    /// Of this node.
    anchor: PathBuf,
}

impl Log {
    pub(crate) fn beside(cluster: &Cluster, folder: &Folder, keys: Arc<Keys>, recent: Arc<Recent>) -> Log {
        Log { cluster: cluster.clone(), keys, recent, anchor: folder.anchor() }
    }

    /// For a process that does not append.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::OlderSchema`], [`Error::NewerSchema`], and those of the master key.
    pub(crate) fn open(cluster: &Cluster, folder: &Folder, master_key: &Path) -> Result<Log, Error> {
        let master_key = master_key.to_owned();
        let keys = cluster.read(async move |client: Reading| {
            schema::check(&client).await?;
            let keys = secrets::unlock(&client, &master_key).await?;
            keys.ok_or_else(|| Error::OlderSchema { found: 0, known: schema::known() })
        })?;
        Ok(Log::beside(cluster, folder, Arc::new(keys), Arc::default()))
    }

    pub(crate) fn keys(&self) -> Arc<Keys> {
        self.keys.clone()
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub(crate) fn rotate_keys(&self, progress: &mut (dyn FnMut(u64) + Send)) -> Result<KeyRotation, Error> {
        rotate::rotate(&self.cluster, &self.keys, progress)
    }

    pub(crate) fn head(&self) -> Result<Head, Error> {
        self.cluster.read(async |client: Reading| head(&client).await)
    }

    pub(crate) fn read(&self, after: u64, limit: usize) -> Result<Vec<Record>, Error> {
        let sql = format!("select {COLUMNS} from letopis.event where position > $1 order by position limit $2");
        self.cluster.read(async move |client: Reading| {
            let rows = query(&client, &sql, &[(&sql_number(after), Type::INT8), (&page(limit), Type::INT8)]).await?;
            rows::records(&rows, Order::Dense(after))
        })
    }

    pub(crate) fn read_filtered(&self, filter: &Filter, limit: usize) -> Result<Vec<Record>, Error> {
        self.cluster.read(async |client: Reading| filter::read(&client, filter, limit).await)
    }

    pub(crate) fn by_id(&self, id: Uuid) -> Result<Option<Record>, Error> {
        self.cluster.read(async move |client: Reading| filter::by_id(&client, id).await)
    }

    pub(crate) fn caused_by(&self, causes: &[Uuid], part: (u64, u64), limit: usize) -> Result<Vec<Record>, Error> {
        self.cluster.read(async |client: Reading| filter::caused_by(&client, causes, part, limit).await)
    }

    pub(crate) fn by_meta(&self, field: (&str, &str), part: (u64, u64), limit: usize) -> Result<Vec<Record>, Error> {
        self.cluster.read(async |client: Reading| filter::by_meta(&client, field, part, limit).await)
    }

    pub(crate) fn stream_records(&self, stream: &str, after_version: u64, limit: usize) -> Result<Vec<Record>, Error> {
        let (after, limit) = (sql_number(after_version), page(limit));
        let sql =
            format!("select {COLUMNS} from letopis.event where stream = $1 and version > $2 order by version limit $3");
        self.cluster.read(async |client: Reading| {
            let params = [(&stream as _, Type::TEXT), (&after as _, Type::INT8), (&limit as _, Type::INT8)];
            rows::records(&query(&client, &sql, &params).await?, Order::Rising(0))
        })
    }

    pub(crate) fn streams(&self, after: &str, prefix: Option<&str>, limit: usize) -> Result<Vec<StreamRow>, Error> {
        let (prefix, limit) = (prefix.unwrap_or_default(), page(limit));
        let sql = "select stream, count(*), max(position) from letopis.event
                   where stream > $1 and stream >= $2 and starts_with(stream, $2)
                   group by stream order by stream limit $3";
        self.cluster.read(async |client: Reading| {
            let params = [(&after as _, Type::TEXT), (&prefix as _, Type::TEXT), (&limit as _, Type::INT8)];
            let rows = query(&client, sql, &params).await?;
            let streams = rows.iter().map(|row| {
                Ok(StreamRow {
                    stream: get(row, 0)?,
                    events: number(get(row, 1)?),
                    last_position: number(get(row, 2)?),
                })
            });
            rising(after, streams.collect::<Result<_, Error>>()?)
        })
    }

    pub(crate) fn stats(&self) -> Result<Stats, Error> {
        self.cluster.read(async |client: Reading| {
            let head = head(&client).await?;
            let sql = "select name, count(*) from letopis.event where position <= $1 group by name order by name";
            let rows = query(&client, sql, &[(&sql_number(head.position), Type::INT8)]).await?;
            let types = rows.iter().map(|row| Ok((get(row, 0)?, number(get(row, 1)?))));
            let types = types.collect::<Result<Vec<(String, u64)>, Error>>()?;
            Ok(Stats { head, events: types.iter().map(|(_, events)| events).sum(), types })
        })
    }

    pub(crate) fn stream(&self, stream: StreamId) -> Result<Vec<Fact>, Error> {
        self.cluster.read(async |client: Reading| stream_facts(&client, &self.keys, stream).await)
    }

    pub(crate) fn facts(&self, after: u64, limit: usize) -> Result<Vec<Fact>, Error> {
        self.page(after, None, limit)
    }

    pub(crate) fn facts_behind(&self, after: Mark, head: Head, limit: usize) -> Result<Vec<Fact>, Error> {
        match self.recent.behind(after, head, limit.min(crate::PAGE_MAX)) {
            Some(facts) => Ok(facts),
            None => self.page(after.position, Some(after), limit),
        }
    }

    /// The facts right behind a position, without holes. `known` is the row there, where it is known: the log must hold
    /// it. A bad fact ends the page; it is the error when it is the first.
    fn page(&self, after: u64, known: Option<Mark>, limit: usize) -> Result<Vec<Fact>, Error> {
        let known = known.filter(|known| known.position > 0);
        let from = if known.is_some() { after } else { after.saturating_add(1) };
        let (from, limit) = (sql_number(from), page(limit) + i64::from(known.is_some()));
        let sql = format!("select {COLUMNS} from letopis.event where position >= $1 order by position limit $2");
        self.cluster.read(async |client: Reading| {
            let forgotten_before = self.keys.forgotten();
            let rows = query(&client, &sql, &[(&from, Type::INT8), (&limit, Type::INT8)]).await?;
            let rows = rows::behind(&rows, known)?;
            let (dense, hole) = rows::dense(rows, after);
            match rows::facts(&client, &self.keys, forgotten_before, &rows[..dense]).await? {
                (facts, error) if facts.is_empty() => error.or(hole).map_or(Ok(facts), Err),
                (facts, _) => Ok(facts),
            }
        })
    }

    pub(crate) fn mark(&self, position: u64) -> Result<Option<Mark>, Error> {
        self.cluster.read(async move |client: Reading| {
            let sql = "select hash from letopis.event where position = $1";
            let rows = query(&client, sql, &[(&sql_number(position), Type::INT8)]).await?;
            let found = rows.first().map(|row| Ok(Mark { position, hash: rows::lenient(get(row, 0)?) }));
            found.transpose()
        })
    }

    pub(crate) fn receipt(&self, command_id: &[u8; 32]) -> Result<Option<Receipt>, Error> {
        self.cluster.read(async |client: Reading| receipts::find(&client, &self.keys, command_id).await)
    }

    pub(crate) fn personal(&self, record: &Record) -> Result<Option<Personal<String>>, Error> {
        match (&record.sealed, record.sealed_hash) {
            (Some(sealed), _) => {
                let forgotten_before = self.keys.forgotten();
                let at_hand = self.cluster.read(async |client: Reading| {
                    secrets::fetch(&client, &self.keys, forgotten_before, record.subject.into_iter()).await
                })?;
                let key = record.subject.and_then(|subject| at_hand.get(&subject)).map(|key| &**key);
                decode::unsealed(key, record.position, record.subject, (record.id, &record.name), sealed)
            }
            (None, Some(_)) => Ok(Some(Personal::Erased)),
            (None, None) => Ok(None),
        }
    }

    pub(crate) fn fact(&self, record: &Record) -> Result<Fact, Error> {
        decode::decoded(Parts::of(record, self.personal(record)?))
    }

    pub(crate) fn verify(&self, from: u64, to: u64, progress: impl FnMut(u64)) -> Result<Verification, Error> {
        verify::verify(&self.cluster, &self.anchor, from, to, progress)
    }
}
