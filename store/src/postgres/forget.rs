//! Who was forgotten, and who came back.

use super::connect::Cluster;
use super::reading::Reading;
use super::rows::{get, query};
use crate::Error;
use crate::erased::{ERASED, Known};
use crate::record::sql_number;
use domain::{StreamId, Timestamp, UserId};
use tokio_postgres::types::Type;

/// Who was erased by the log above a position, and when.
pub(super) fn erased(cluster: &Cluster, after: u64) -> Result<Vec<(UserId, Timestamp)>, Error> {
    let sql = "select stream, recorded_at from letopis.event where position > $1 and name = $2 order by position";
    cluster.read(async move |client: Reading| {
        let rows = query(&client, sql, &[(&sql_number(after), Type::INT8), (&ERASED, Type::TEXT)]).await?;
        let people = rows.iter().filter_map(|row| match StreamId::parse(row.try_get(0).ok()?) {
            Some(StreamId::UserId(user_id)) => Some((user_id, Timestamp(row.try_get(1).ok()?))),
            Some(_) | None => None,
        });
        Ok(people.collect())
    })
}

/// What the log knows of somebody who is in the list of the erased.
pub(super) fn known(cluster: &Cluster, user_id: UserId) -> Result<Known, Error> {
    let sql = "select (select name from letopis.event where stream = $1 order by version desc limit 1),
                      exists (select 1 from letopis.subject_key where subject = $2)";
    cluster.read(async move |client: Reading| {
        let (stream, id) = (StreamId::from(user_id).to_string(), user_id.0.as_bytes().as_slice());
        let rows = query(&client, sql, &[(&stream, Type::TEXT), (&id, Type::BYTEA)]).await?;
        let row = rows.first().ok_or(Error::Damaged { what: "an answer has no row" })?;
        Ok(Known::by(get(row, 0)?, get(row, 1)?))
    })
}
