//! The write side: the one connection of this node that appends. Other nodes append to the same log.

use super::connect::{BEGIN, Cluster, Driven, bounded};
use super::forget;
use super::reading::{self, Reading};
use super::rows::{self, COLUMNS, HEAD};
use super::runtime::wait;
use super::{Log, begin, receipts, schema, secrets, write};
use crate::anchor::{self, Anchor, Keeper};
use crate::erased::Known;
use crate::prepare::{encode, prepare};
use crate::recent::Recent;
use crate::{Batch, BatchNeeds, BatchStart, ErasedList, Error, Fact, Folder, Forget, Head, Keys, Other, Receipt};
use domain::{Event, StreamId, Timestamp, UserId, user};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use tokio_postgres::Client;
use tokio_postgres::error::Severity;
use tokio_postgres::types::Type;

/// The one that appends, on this node. What it knows of the log follows the database, never the other way round.
pub struct Appender {
    cluster: Cluster,
    /// None after a failure: a transaction that was not committed ends with its connection, and the next batch connects
    /// again.
    connection: Option<Driven>,
    keys: Arc<Keys>,
    recent: Arc<Recent>,
    /// Up to where this node has seen the log. While a batch is open nobody else moves it.
    head: Head,
    /// The receipts that the open batch asked for.
    receipts: HashMap<[u8; 32], Receipt>,
    /// Wanted by the open batch, and without a data key: whoever gives them one gives them the first.
    keyless: HashSet<UserId>,
    is_open: bool,
    keeper: Keeper,
    list: Option<ErasedList>,
    stopped: bool,
}

impl Appender {
    /// Opens the log of a database that was migrated. `folder` keeps what is of this node: the anchor, and the
    /// master key unless that is stored elsewhere. A log that is shorter than the anchor knows, or another one, is refused.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`], [`Error::OlderSchema`], [`Error::NewerSchema`],
    /// [`Error::NotHeld`], those of the master key, [`Error::File`].
    pub fn open(cluster: &Cluster, folder: &Folder, master_key: &Path) -> Result<Appender, Error> {
        let known = anchor::read(&folder.anchor())?;
        let connection = cluster.connect_driven()?;
        let client = connection.client();
        let (keys, head) = connection.wait(async {
            reading::alone(client, schema::check(client)).await?;
            let keys = secrets::unlock_or_make(client, master_key).await?;
            let head = reading::alone(client, async {
                let head = head(client).await?;
                if let Some(anchor) = known {
                    begin::held(client, head, anchor.head).await?;
                }
                Ok(head)
            });
            Ok::<_, Error>((keys, head.await?))
        })?;
        if known.is_none() {
            anchor::create(&folder.anchor(), of(head))?;
        }
        let keeper = Keeper::open(&folder.anchor())?;
        let appender = Appender {
            cluster: cluster.clone(),
            connection: Some(connection),
            keys: Arc::new(keys),
            recent: Arc::default(),
            head,
            receipts: HashMap::new(),
            keyless: HashSet::new(),
            is_open: false,
            keeper,
            list: None,
            stopped: false,
        };
        appender.keeper.write(of(head)).map_err(Error::file("write the anchor", &folder.anchor()))?;
        Ok(appender)
    }

    pub(crate) fn keys(&self) -> Arc<Keys> {
        self.keys.clone()
    }

    pub(crate) fn log(&self, folder: &Folder) -> Log {
        Log::beside(&self.cluster, folder, self.keys.clone(), self.recent.clone())
    }

    pub(crate) fn head(&self) -> Head {
        self.head
    }

    /// Takes the head, and with it the right to append, until the batch is written or released. In one round trip:
    /// reads the wanted streams before it is taken, and after it the wanted receipts and what others have appended. Who
    /// is far behind releases it again and is told a part.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`]: the batch is not open. [`Error::Stopped`].
    pub(crate) fn begin(&mut self, needs: &BatchNeeds) -> Result<BatchStart, Error> {
        if self.stopped {
            return Err(Error::Stopped);
        }
        self.cancel();
        let begun = self.begin_now(needs)?;
        self.is_open = true;
        if begun.is_behind {
            self.cancel();
        }
        Ok(begun)
    }

    fn begin_now(&mut self, needs: &BatchNeeds) -> Result<BatchStart, Error> {
        if let Some(connection) = self.connection.take().filter(|connection| !connection.client().is_closed()) {
            match self.begin_on(connection, needs) {
                // The server ended it since the last batch; nothing is under way, so another one does as well.
                Err(Error::Postgres { source }) if is_lost(&source) => {}
                begun => return begun,
            }
        }
        let connection = self.cluster.connect_driven()?;
        self.begin_on(connection, needs)
    }

    fn begin_on(&mut self, connection: Driven, needs: &BatchNeeds) -> Result<BatchStart, Error> {
        let begun = connection.wait(self.begin_with(connection.client(), needs))?;
        self.connection = Some(connection);
        Ok(begun)
    }

    async fn begin_with(&mut self, client: &Client, needs: &BatchNeeds) -> Result<BatchStart, Error> {
        let forgotten_before = self.keys.forgotten();
        let mut asked = needs.subjects.clone();
        asked.retain(|subject| self.keys.cached(*subject).is_none());
        let head_read = bounded(begin::take(client, self.head, needs, &asked)).await?;
        if let Some(check) = head_read.check()? {
            self.keys.follow(check).inspect_err(|_| self.stopped = true)?;
        }
        let found = head_read.keys(&self.keys, forgotten_before)?;
        self.keyless = asked.into_iter().filter(|subject| !found.contains_key(subject)).collect();
        let streams = begin::streams(client, &self.keys, forgotten_before, needs, &head_read.streams).await?;
        let others = begin::others(client, &self.keys, forgotten_before, &head_read.others).await?;
        self.receipts = receipts::decoded(client, &self.keys, forgotten_before, &head_read.receipts).await?;
        self.head = head_read.head;
        self.erased_elsewhere(&others)?;
        if !others.is_empty() {
            self.recent.clear();
        }
        Ok(BatchStart { streams, others, is_behind: head_read.is_behind })
    }

    /// Forgets here as well whom another node has erased.
    fn erased_elsewhere(&mut self, others: &[Other]) -> Result<(), Error> {
        for other in others {
            if let Some(Event::User(subject, user::Event::Erased)) = &other.event {
                self.keys.forget(*subject);
                if let Some(list) = &mut self.list {
                    list.add(*subject, self.head.recorded_at)
                        .map_err(|source| Error::CommitFailed { source: source.into() })
                        .inspect_err(|_| self.stopped = true)?;
                }
            }
        }
        Ok(())
    }

    /// Lets go of an open batch.
    pub(crate) fn cancel(&mut self) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        let Some(connection) = self.connection.take() else { return };
        let rollback = async { Ok(connection.client().batch_execute("rollback").await?) };
        if connection.wait(bounded(rollback)).is_ok() {
            self.connection = Some(connection);
        }
    }

    /// The receipt of a command that the open batch asked for.
    pub(crate) fn receipt(&self, command_id: &[u8; 32]) -> Option<Receipt> {
        self.receipts.get(command_id).cloned()
    }

    /// Writes the open batch and commits, in one round trip.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::TooLarge`]: nothing was written. [`Error::Unconfirmed`]: nobody knows; what the
    /// next [`Appender::begin`] tells of the log does. [`Error::CommitFailed`]: the process must stop.
    pub(crate) fn append(&mut self, batch: &Batch) -> Result<Head, Error> {
        if self.stopped {
            return Err(Error::Stopped);
        }
        // Each time it is nearer to the head.
        while !self.is_open {
            self.begin(&BatchNeeds::default())?;
        }
        if batch.is_empty() {
            self.cancel();
            return Ok(self.head);
        }
        self.is_open = false;
        let connection =
            self.connection.take().ok_or(Error::Unreachable { what: "the connection is gone".to_owned() })?;
        let (head, facts) = connection.wait(self.append_now(connection.client(), batch))?;
        self.connection = Some(connection);
        self.committed(batch, head, facts)
    }

    async fn append_now(&self, client: &Client, batch: &Batch) -> Result<(Head, Vec<Fact>), Error> {
        let encoded = encode(batch);
        let sealed_for = encoded.iter().filter_map(|stored| stored.personal.as_ref().map(|(subject, _)| *subject));
        let subjects = sealed_for.chain(batch.receipts.iter().filter_map(|receipt| receipt.subject));
        let subjects = subjects.filter(|subject| !self.keyless.contains(subject));
        let at_hand = secrets::fetch(client, &self.keys, self.keys.forgotten(), subjects).await?;
        let mut find = |subject: UserId| Ok(at_hand.get(&subject).cloned());
        let prepared = prepare(&self.keys, &mut find, self.head, batch, encoded)?;
        write::write(client, &prepared, &batch.forget).await?;
        let forgotten = self.keys.forgotten();
        let facts = prepared.facts(batch).collect();
        let head = prepared.head;
        for (subject, (key, _)) in prepared.new_keys {
            self.keys.cache_key(subject, key, forgotten);
        }
        Ok((head, facts))
    }

    fn committed(&mut self, batch: &Batch, head: Head, facts: Vec<Fact>) -> Result<Head, Error> {
        let before = std::mem::replace(&mut self.head, head);
        if batch.forget.is_empty() {
            self.recent.add(before.into(), facts.into_iter());
        } else {
            self.recent.clear();
        }
        let failed = |source: std::io::Error| Error::CommitFailed { source: source.into() };
        for forget in &batch.forget {
            match forget {
                Forget::Superseded { .. } => {}
                Forget::Subject(subject) => {
                    self.keys.forget(*subject);
                    if let Some(list) = &mut self.list {
                        list.add(*subject, batch.at).map_err(failed).inspect_err(|_| self.stopped = true)?;
                    }
                }
            }
        }
        self.keeper.write(of(head)).map_err(failed).inspect_err(|_| self.stopped = true)?;
        Ok(head)
    }

    /// Deletes at most `limit` receipts older than `older_than`. Answers how many.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`].
    pub(crate) fn prune_receipts(&mut self, older_than: Timestamp, limit: usize) -> Result<u64, Error> {
        let sql = "delete from letopis.receipt where command_id in
                   (select command_id from letopis.receipt where at < $1 order by at limit $2)";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        wait(async {
            let client = self.cluster.take().await?;
            let params: [rows::Param<'_>; 2] = [(&older_than.0, Type::INT8), (&limit, Type::INT8)];
            // All three are sent before the first is answered, in this order.
            let deleted = bounded(async {
                let (begun, deleted, ended) = tokio::join!(
                    biased;
                    client.batch_execute(BEGIN),
                    client.execute_typed(sql, &params),
                    client.batch_execute("commit"),
                );
                begun?;
                let deleted = deleted?;
                ended?;
                Ok(deleted)
            });
            deleted.await
        })
    }

    /// Keeps the list of the erased; answers who is in it and has an account in the log all the same.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub(crate) fn keep(&mut self, mut list: ErasedList) -> Result<Vec<UserId>, Error> {
        let after = if list.is_new() { 0 } else { self.head.position.saturating_sub(crate::erased::BEHIND_MAX) };
        for (user_id, at) in forget::erased(&self.cluster, after)? {
            list.add(user_id, at).map_err(|source| Error::CommitFailed { source: source.into() })?;
        }
        let mut back = Vec::new();
        for user_id in list.people().collect::<Vec<_>>() {
            match forget::known(&self.cluster, user_id)? {
                Known::Stranger | Known::Forgotten => {}
                Known::Key => self.forget_key(user_id)?,
                Known::Person => back.push(user_id),
            }
        }
        self.list = Some(list);
        Ok(back)
    }

    /// Erased by the log, and yet there is a key: somebody put it back.
    fn forget_key(&mut self, user_id: UserId) -> Result<(), Error> {
        self.append(&Batch { forget: vec![Forget::Subject(user_id)], ..Batch::default() }).map(drop)
    }

    /// Every fact of one stream, by version.
    ///
    /// # Errors
    /// [`Error::Unreadable`], [`Error::Corrupt`], [`Error::Unreachable`], [`Error::Postgres`].
    pub(crate) fn stream(&mut self, stream: StreamId) -> Result<Vec<Fact>, Error> {
        let keys = self.keys.clone();
        self.cluster.read(async move |client: Reading| stream_facts(&client, &keys, stream).await)
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Whether the connection is gone, and not only a statement refused.
fn is_lost(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_none_or(|error| error.parsed_severity() != Some(Severity::Error))
}

/// The anchor of a log of which everything is as settled as it will be.
fn of(head: Head) -> Anchor {
    Anchor { head: head.into(), settled: head.into() }
}

/// The log's end.
pub(super) async fn head(client: &Client) -> Result<Head, Error> {
    let rows = rows::query(client, HEAD, &[]).await?;
    rows::head(rows.first().ok_or(Error::Damaged { what: "the log has no head" })?)
}

/// All facts of a stream: half a stream would be a wrong state, so the first bad one is the error.
pub(super) async fn stream_facts(client: &Client, keys: &Keys, stream: StreamId) -> Result<Vec<Fact>, Error> {
    let forgotten_before = keys.forgotten();
    let sql = format!("select {COLUMNS} from letopis.event where stream = $1 order by version");
    let rows = rows::query(client, &sql, &[(&stream.to_string(), Type::TEXT)]).await?;
    match rows::facts(client, keys, forgotten_before, &rows).await? {
        (facts, None) => Ok(facts),
        (_, Some(error)) => Err(error),
    }
}
