//! Finding records for a person who looks for them.

use super::append::head;
use super::rows::{self, COLUMNS, Param, get, query};
use crate::record::{Order, meta_field, page, sql_number};
use crate::{Error, Filter, Record};
use domain::{StreamId, Timestamp};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

/// A parameter that the filter made.
type Owned = (Box<dyn ToSql + Sync + Send>, Type);

pub(super) async fn read(client: &Client, filter: &Filter, limit: usize) -> Result<Vec<Record>, Error> {
    let after = match filter.since {
        Some(since) => filter.after.max(last_before(client, since).await?),
        None => filter.after,
    };
    let mut conditions = vec!["position > $1".to_owned()];
    let mut params: Vec<Owned> = vec![(Box::new(sql_number(after)), Type::INT8)];
    if let Some(up_to) = filter.up_to {
        params.push((Box::new(sql_number(up_to)), Type::INT8));
        conditions.push(format!("position <= ${}", params.len()));
    }
    if let Some(stream) = &filter.stream {
        params.push((Box::new(stream.clone()), Type::TEXT));
        conditions.push(format!("stream = ${}", params.len()));
    }
    if let Some(name) = &filter.name {
        params.push((Box::new(like(name)), Type::TEXT));
        conditions.push(format!("name like ${}", params.len()));
    }
    if let Some(user) = filter.user {
        params.push((Box::new(user.0.as_bytes().to_vec()), Type::BYTEA));
        params.push((Box::new(StreamId::from(user).to_string()), Type::TEXT));
        params.push((Box::new(meta_field("actor", &format!("user:{user}"))), Type::TEXT));
        let last = params.len();
        conditions.push(format!("(subject = ${} or stream = ${} or strpos(meta, ${last}) > 0)", last - 2, last - 1));
    }
    params.push((Box::new(page(limit)), Type::INT8));
    let order = if filter.newest_first { "desc" } else { "asc" };
    let (conditions, last) = (conditions.join(" and "), params.len());
    let sql = format!("select {COLUMNS} from letopis.event where {conditions} order by position {order} limit ${last}");
    let behind_all = filter.up_to.map_or(u64::MAX, |up_to| up_to.saturating_add(1));
    let expected = if filter.newest_first { Order::Falling(behind_all) } else { Order::Rising(after) };
    records(client, expected, &sql, &params).await
}

pub(super) async fn by_id(client: &Client, id: Uuid) -> Result<Option<Record>, Error> {
    // The id holds the millisecond that the event was recorded in: most of the log need not be read.
    let after = match id.get_timestamp() {
        Some(made) => {
            let (seconds, nanos) = made.to_unix();
            let ms = seconds.saturating_mul(1_000).saturating_add(u64::from(nanos / 1_000_000));
            last_before(client, Timestamp(sql_number(ms.saturating_mul(1_000)))).await?
        }
        None => 0,
    };
    let sql = format!("select {COLUMNS} from letopis.event where position > $1 and id = $2 order by position limit 1");
    for after in [after, 0] {
        let params: Vec<Owned> =
            vec![(Box::new(sql_number(after)), Type::INT8), (Box::new(id.as_bytes().to_vec()), Type::BYTEA)];
        if let Some(record) = records(client, Order::Rising(after), &sql, &params).await?.pop() {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

pub(super) async fn by_meta(
    client: &Client,
    (name, value): (&str, &str),
    (after, to): (u64, u64),
    limit: usize,
) -> Result<Vec<Record>, Error> {
    let sql = format!(
        "select {COLUMNS} from letopis.event where position > $1 and position <= $2 and strpos(meta, $3) > 0
         order by position limit $4"
    );
    let params: Vec<Owned> = vec![
        (Box::new(sql_number(after)), Type::INT8),
        (Box::new(sql_number(to)), Type::INT8),
        (Box::new(meta_field(name, value)), Type::TEXT),
        (Box::new(page(limit)), Type::INT8),
    ];
    records(client, Order::Rising(after), &sql, &params).await
}

pub(super) async fn caused_by(
    client: &Client,
    causes: &[Uuid],
    (after, to): (u64, u64),
    limit: usize,
) -> Result<Vec<Record>, Error> {
    let sql = format!(
        "select {COLUMNS} from letopis.event where position > $1 and position <= $2
         and strpos(meta, '\"causation\":') > 0
         and substring(meta from '\"causation\":\"([^\"]*)\"') = any($3) order by position limit $4"
    );
    let causes = causes.iter().map(Uuid::to_string).collect::<Vec<_>>();
    let params: Vec<Owned> = vec![
        (Box::new(sql_number(after)), Type::INT8),
        (Box::new(sql_number(to)), Type::INT8),
        (Box::new(causes), Type::TEXT_ARRAY),
        (Box::new(page(limit)), Type::INT8),
    ];
    records(client, Order::Rising(after), &sql, &params).await
}

async fn records(client: &Client, order: Order, sql: &str, params: &[Owned]) -> Result<Vec<Record>, Error> {
    let params = params.iter().map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone()));
    let params = params.collect::<Vec<Param<'_>>>();
    rows::records(&query(client, sql, &params).await?, order)
}

/// The last position that was recorded before an instant. Times never fall along the log, so it is found by
/// halving, without an index.
async fn last_before(client: &Client, instant: Timestamp) -> Result<u64, Error> {
    let (mut low, mut high) = (0, head(client).await?.position);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let sql = "select recorded_at from letopis.event where position = $1";
        let rows = query(client, sql, &[(&sql_number(middle), Type::INT8)]).await?;
        let recorded_at = rows.first().map(|row| get::<i64>(row, 0)).transpose()?;
        if recorded_at.is_some_and(|recorded_at| recorded_at < instant.0) { low = middle } else { high = middle - 1 }
    }
    Ok(low)
}

/// PostgreSQL's pattern in which `*` alone has a meaning.
fn like(pattern: &str) -> String {
    pattern.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_").replace('*', "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_star_has_a_meaning() {
        assert_eq!(like("message.*_v%\\"), "message.%\\_v\\%\\\\");
    }
}
