//! A transaction in PostgreSQL. Whatever nobody waits for is queued, and sent with the next question or the commit.

use super::Value;
use super::text::{many, row_of, tables};
use super::value::OwnedValue;
use crate::Error;
use crate::postgres::{ANSWER_MAX, bounded, handle, wait};
use deadpool_postgres::Object;
use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

/// Statements that wait to be sent, and about how many bytes of parameters: then they are sent without being asked
/// for.
const QUEUE_MAX: usize = 512;
const QUEUE_BYTES_MAX: usize = 1024 * 1024;
/// Rows that one statement inserts: what the server does for each statement it then does once for so many rows.
const ROWS_MAX: usize = 100;
/// How long making tables and indexes may take.
const TABLES_MAX: Duration = Duration::from_secs(3600);

type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// A transaction; dropped without a commit it changes nothing.
pub(super) struct Session {
    /// None when it has ended.
    client: Option<Object>,
    /// What begins it, until that is sent.
    begin: Option<String>,
    queue: Vec<Queued>,
    bytes: usize,
}

struct Queued {
    sql: &'static str,
    /// Of every row, one after the other.
    params: Vec<OwnedValue>,
    rows: usize,
}

impl Queued {
    /// The statement for all its rows.
    fn text(&self) -> Cow<'static, str> {
        match self.rows {
            1 => Cow::Borrowed(self.sql),
            rows => Cow::Owned(many(self.sql, rows, self.params.len() / rows)),
        }
    }
}

impl Session {
    pub(super) fn new(client: Object, begin: String) -> Session {
        Session { client: Some(client), begin: Some(begin), queue: Vec::new(), bytes: 0 }
    }

    /// Runs one statement, at the latest with the commit: what is wrong with it may be told by a later call.
    pub(super) fn queue(&mut self, sql: &'static str, params: &[Value<'_>]) -> Result<(), Error> {
        let params = params.iter().map(OwnedValue::from).collect::<Vec<_>>();
        self.bytes += params.iter().map(OwnedValue::bytes).sum::<usize>();
        match self.queue.last_mut() {
            Some(last) if last.sql == sql && last.rows < ROWS_MAX && row_of(sql).is_some() => {
                last.params.extend(params);
                last.rows += 1;
            }
            Some(_) | None => self.queue.push(Queued { sql, params, rows: 1 }),
        }
        if self.queue.len() >= QUEUE_MAX || self.bytes >= QUEUE_BYTES_MAX { self.send() } else { Ok(()) }
    }

    /// Runs one statement; answers how many rows it changed.
    pub(super) fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, Error> {
        let (client, params) = (self.client()?, typed(params));
        let changed = self.exchange(&client, client.execute_typed(sql, &params), ANSWER_MAX);
        self.go_on(client, changed)
    }

    /// Every row of a query.
    pub(super) fn rows(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Vec<tokio_postgres::Row>, Error> {
        let (client, params) = (self.client()?, typed(params));
        let rows = self.exchange(&client, client.query_typed(sql, &params), ANSWER_MAX);
        self.go_on(client, rows)
    }

    /// The same while nothing is queued.
    pub(super) fn ask(&self, sql: &str, params: &[Value<'_>]) -> Result<Vec<tokio_postgres::Row>, Error> {
        let client = self.client.as_ref().ok_or_else(ended)?;
        let params = typed(params);
        wait(bounded(async { Ok(client.query_typed(sql, &params).await?) }))
    }

    /// Makes tables and indexes. Two nodes that make the same at once would get into each other's way: the second one
    /// waits.
    pub(super) fn tables(&mut self, sql: &str) -> Result<(), Error> {
        let client = self.client()?;
        let sql = format!(
            "set local statement_timeout = '{}s';
             select pg_advisory_xact_lock(hashtextextended('letopis ' || current_setting('search_path'), 0)); {}",
            TABLES_MAX.as_secs(),
            tables(sql)
        );
        let made = self.exchange(&client, client.batch_execute(&sql), TABLES_MAX);
        self.go_on(client, made)
    }

    pub(super) fn commit(mut self) -> Result<(), Error> {
        let client = self.client()?;
        let committed = self.exchange(&client, client.batch_execute("commit"), ANSWER_MAX);
        if committed.is_err() {
            // Where a statement before it has failed it was rolled back by that already.
            roll_back(client);
        }
        committed
    }

    /// Sends what waits.
    pub(super) fn send(&mut self) -> Result<(), Error> {
        let client = self.client()?;
        let sent = self.exchange(&client, std::future::ready(Ok(())), ANSWER_MAX);
        self.go_on(client, sent)
    }

    /// Sends what waits and the last statement, before the first answer is waited for. Answers the last one.
    fn exchange<T: Send>(
        &mut self,
        client: &Client,
        last: impl Future<Output = Result<T, tokio_postgres::Error>> + Send,
        within: Duration,
    ) -> Result<T, Error> {
        let (begin, queue) = (self.begin.take(), std::mem::take(&mut self.queue));
        self.bytes = 0;
        let values = queue.iter().map(|queued| queued.params.iter().map(OwnedValue::value).collect::<Vec<_>>());
        let values = values.collect::<Vec<_>>();
        let params = values.iter().map(|values| typed(values)).collect::<Vec<_>>();
        let texts = queue.iter().map(Queued::text).collect::<Vec<_>>();
        let answers = async {
            let begun = match &begin {
                Some(begin) => Some(send(client.batch_execute(begin)).await),
                None => None,
            };
            let mut sent = Vec::with_capacity(queue.len());
            for (text, params) in texts.iter().zip(&params) {
                sent.push(send(client.execute_typed(text, params)).await);
            }
            let last = send(last).await;
            if let Some(begun) = begun {
                begun.answer().await?;
            }
            for one in sent {
                one.answer().await?;
            }
            last.answer().await
        };
        match wait(async { tokio::time::timeout(within, answers).await }) {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Error::Unreachable { what: "it did not answer in time".to_owned() }),
        }
    }

    fn client(&mut self) -> Result<Object, Error> {
        self.client.take().ok_or_else(ended)
    }

    /// A transaction that failed once is at its end.
    fn go_on<T>(&mut self, client: Object, answer: Result<T, Error>) -> Result<T, Error> {
        match answer {
            Ok(_) => self.client = Some(client),
            Err(_) => roll_back(client),
        }
        answer
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(client) = self.client.take().filter(|_| self.begin.is_none()) {
            roll_back(client);
        }
    }
}

fn ended() -> Error {
    Error::Damaged { what: "a transaction was gone on with after it had failed" }
}

/// Ends its transaction before anybody else gets the connection. Nobody waits for that.
fn roll_back(client: Object) {
    handle().spawn(async move {
        // What the connection is good for is looked at when it is taken again.
        let _ = bounded(async { Ok(client.batch_execute("rollback").await?) }).await;
    });
}

pub(super) fn typed<'a>(params: &'a [Value<'_>]) -> Vec<Param<'a>> {
    params.iter().map(|value| (value as &(dyn ToSql + Sync), value.kind())).collect()
}

/// A statement that is on its way.
pub(super) enum InFlight<F: Future> {
    Answered(F::Output),
    Waiting(Pin<Box<F>>),
}

/// Sends a statement: the driver does that when it is first asked for the answer.
pub(super) async fn send<F: Future>(statement: F) -> InFlight<F> {
    let mut statement = Box::pin(statement);
    match poll_fn(|context| Poll::Ready(statement.as_mut().poll(context))).await {
        Poll::Ready(answer) => InFlight::Answered(answer),
        Poll::Pending => InFlight::Waiting(statement),
    }
}

impl<F: Future> InFlight<F> {
    pub(super) async fn answer(self) -> F::Output {
        match self {
            InFlight::Answered(answer) => answer,
            InFlight::Waiting(statement) => statement.await,
        }
    }
}
