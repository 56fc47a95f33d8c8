//! PostgreSQL's side: a table with a generated `tsvector`, GIN, and indexes for chats and authors.

use crate::letopis::LIMIT;
use crate::questions::BenchQuestion;
use crate::{Answer, Measured, Message, median};
use anyhow::{Context, Result};
use domain::ChatId;
use servers::{Access, Postgres, PostgresOptions};
use std::time::Instant;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// Rows of an INSERT, each in a transaction of its own.
const ROWS: usize = 1_000;
const TABLES: &str = "
    create table message (
        position bigint primary key, message_id bytea not null, chat_id bytea not null, author bytea not null,
        sent_at bigint not null, text text not null,
        words tsvector generated always as (to_tsvector('russian', text)) stored
    );
    create index on message using gin (words);
    create index on message (chat_id, position);
    create index on message (author, position);
";
const INSERT: &str = "insert into message (position, message_id, chat_id, author, sent_at, text)
    select * from unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bigint[], $6::text[])";

pub async fn measure(messages: &[Message], chats: &[ChatId], asked: &[BenchQuestion], rounds: u8) -> Result<Measured> {
    let server = Postgres::start(PostgresOptions { fsync: true, access: Access::Password })?;
    let (client, connection) = tokio_postgres::connect(&server.url(), NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(TABLES).await?;
    let began = Instant::now();
    fill(&client, messages).await?;
    let indexed = began.elapsed();
    // What a quiet night does to it: the list of pending words is emptied, statistics are there.
    client.batch_execute("vacuum analyze message").await?;
    let row = client.query_one("select pg_total_relation_size('message')", &[]).await?;
    let bytes = u64::try_from(row.get::<_, i64>(0)).context("a size is not negative")?;
    let chats = chats.iter().map(|chat| chat.0.as_bytes().as_slice()).collect::<Vec<_>>();
    let mut answers = Vec::with_capacity(asked.len());
    for one in asked {
        let mut sql = format!(
            "select text, count(*) over () from message where words @@ {}('russian', $1) and chat_id = any($2)",
            one.function
        );
        for (column, id) in [("author", one.author.map(|user| user.0)), ("chat_id", one.chat.map(|chat| chat.0))] {
            if let Some(id) = id {
                sql += &format!(" and {column} = decode('{}', 'hex')", Uuid::simple(id));
            }
        }
        sql += &format!(" order by position desc limit {LIMIT}");
        let statement = client.prepare(&sql).await?;
        let (mut took, mut total) = (Vec::new(), 0);
        for _ in 0..rounds {
            let began = Instant::now();
            let rows = client.query(&statement, &[&one.words, &chats]).await?;
            took.push(began.elapsed());
            total = rows.first().map_or(0, |row| row.get::<_, i64>(1));
        }
        answers.push(Answer { took: median(took), total: u64::try_from(total)? });
    }
    Ok(Measured { indexed, bytes, answers })
}

async fn fill(client: &Client, messages: &[Message]) -> Result<()> {
    let insert = client.prepare(INSERT).await?;
    let mut position = 0_i64;
    for page in messages.chunks(ROWS) {
        let positions = (position + 1..).take(page.len()).collect::<Vec<i64>>();
        position += positions.len() as i64;
        let ids = |id: fn(&Message) -> &Uuid| page.iter().map(|one| id(one).as_bytes().as_slice()).collect::<Vec<_>>();
        let (message_ids, chats) = (ids(|one| &one.message_id.0), ids(|one| &one.chat_id.0));
        let authors = ids(|one| &one.author.0);
        let times = page.iter().map(|one| one.sent_at.0).collect::<Vec<_>>();
        // Its text holds no NUL.
        let texts = page.iter().map(|one| one.text.replace('\0', " ")).collect::<Vec<_>>();
        client.execute(&insert, &[&positions, &message_ids, &chats, &authors, &times, &texts]).await?;
    }
    Ok(())
}
