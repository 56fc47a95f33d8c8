//! Finding records for a person who looks for them.

use super::log::records;
use crate::record::{Order, meta_field, page, sql_number};
use crate::{Error, Filter, Record};
use domain::{StreamId, Timestamp};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};
use uuid::Uuid;

pub(super) fn read(connection: &Connection, filter: &Filter, limit: usize) -> Result<Vec<Record>, Error> {
    let after = match filter.since {
        Some(since) => filter.after.max(last_before(connection, since)?),
        None => filter.after,
    };
    let mut conditions = vec!["position > ?"];
    let mut params = vec![Value::Integer(sql_number(after))];
    if let Some(up_to) = filter.up_to {
        conditions.push("position <= ?");
        params.push(Value::Integer(sql_number(up_to)));
    }
    if let Some(stream) = &filter.stream {
        conditions.push("stream = ?");
        params.push(Value::Text(stream.clone()));
    }
    if let Some(name) = &filter.name {
        conditions.push("name glob ?");
        params.push(Value::Text(glob(name)));
    }
    if let Some(user) = filter.user {
        conditions.push("(subject = ? or stream = ? or instr(meta, ?) > 0)");
        params.push(Value::Blob(user.0.as_bytes().to_vec()));
        params.push(Value::Text(StreamId::from(user).to_string()));
        params.push(Value::Text(meta_field("actor", &format!("user:{user}"))));
    }
    params.push(Value::Integer(page(limit)));
    let order = if filter.newest_first { "desc" } else { "asc" };
    let rest = format!("where {} order by position {order} limit ?", conditions.join(" and "));
    let behind_all = filter.up_to.map_or(u64::MAX, |up_to| up_to.saturating_add(1));
    let expected = if filter.newest_first { Order::Falling(behind_all) } else { Order::Rising(after) };
    records(connection, expected, &rest, params_from_iter(params))
}

pub(super) fn by_id(connection: &Connection, id: Uuid) -> Result<Option<Record>, Error> {
    // The id holds the millisecond that the event was recorded in: most of the log need not be read.
    let after = match id.get_timestamp() {
        Some(made) => {
            let (seconds, nanos) = made.to_unix();
            let ms = seconds.saturating_mul(1_000).saturating_add(u64::from(nanos / 1_000_000));
            last_before(connection, Timestamp(sql_number(ms.saturating_mul(1_000))))?
        }
        None => 0,
    };
    for after in [after, 0] {
        let params = (sql_number(after), id.as_bytes().as_slice());
        if let Some(record) =
            records(connection, Order::Rising(after), "where position > ?1 and id = ?2 limit 1", params)?.pop()
        {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

pub(super) fn by_meta(
    connection: &Connection,
    (field, value): (&str, &str),
    (after, to): (u64, u64),
    limit: usize,
) -> Result<Vec<Record>, Error> {
    let rest = "where position > ?1 and position <= ?2 and instr(meta, ?3) > 0 order by position limit ?4";
    let params = (sql_number(after), sql_number(to), meta_field(field, value), page(limit));
    records(connection, Order::Rising(after), rest, params)
}

pub(super) fn caused_by(
    connection: &Connection,
    causes: &[Uuid],
    (after, to): (u64, u64),
    limit: usize,
) -> Result<Vec<Record>, Error> {
    let causes = serde_json::to_string(causes).expect("ids always serialise");
    // An id has 36 signs. To parse the JSON would take longer than all the rest.
    let rest = "where position > ?1 and position <= ?2 and instr(meta, '\"causation\":\"') > 0
                and substr(meta, instr(meta, '\"causation\":\"') + 13, 36) in (select value from json_each(?3))
                order by position limit ?4";
    records(connection, Order::Rising(after), rest, (sql_number(after), sql_number(to), causes, page(limit)))
}

/// The last position that was recorded before an instant. Times never fall along the log, so it is found by
/// halving, without an index.
fn last_before(connection: &Connection, instant: Timestamp) -> Result<u64, Error> {
    let mut statement = connection.prepare_cached("select recorded_at from event where position = ?1")?;
    let (mut low, mut high) = (0, super::rows::head(connection)?.position);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let recorded_at: Option<i64> = statement.query_row([sql_number(middle)], |row| row.get(0)).optional()?;
        if recorded_at.is_some_and(|recorded_at| recorded_at < instant.0) { low = middle } else { high = middle - 1 }
    }
    Ok(low)
}

/// SQLite's pattern in which `*` alone has a meaning.
fn glob(pattern: &str) -> String {
    pattern.replace('[', "[[]").replace('?', "[?]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use fuzz::Verdict;

    #[test]
    fn only_the_star_has_a_meaning() {
        let connection = Connection::open_in_memory().unwrap();
        let fits = |text: &str, pattern: &str| -> bool {
            connection.query_row("select ?1 glob ?2", (text, glob(pattern)), |row| row.get(0)).unwrap()
        };
        assert!(fits("message.posted.v1", "message.*"));
        assert!(fits("message.posted.v1", "*.v1"));
        assert!(!fits("message.posted.v1", "message"));
        assert!(!fits("message.posted.v1", "message.posted.v?"));
        assert!(!fits("message.posted.v1", "[m]*"));
        assert!(fits("a[b]?", "a[b]?"));
    }

    /// What `*` means, said another way.
    fn fits(text: &[u8], pattern: &[u8]) -> bool {
        let mut ends = vec![false; text.len() + 1];
        ends[0] = true;
        for byte in pattern {
            if *byte == b'*' {
                let first = ends.iter().position(|end| *end).unwrap_or(ends.len());
                ends[first..].fill(true);
            } else {
                for at in (0..text.len()).rev() {
                    ends[at + 1] = ends[at] && text[at] == *byte;
                }
                ends[0] = false;
            }
        }
        ends[text.len()]
    }

    #[test]
    fn fuzz_any_pattern_finds_what_it_says() {
        let connection = Connection::open_in_memory().unwrap();
        let mut query = connection.prepare("select ?1 glob ?2").unwrap();
        let seeds = ["message.posted.v1", "message.*", "*.v1", "*", "*posted*", "m*e*p*d*1"];
        fuzz::text(&seeds, |pattern| {
            // An argument of a command holds no NUL.
            let pattern = pattern.replace('\0', "");
            let found = query.query_row(("message.posted.v1", glob(&pattern)), |row| row.get::<_, bool>(0)).unwrap();
            assert_eq!(found, fits(b"message.posted.v1", pattern.as_bytes()));
            Verdict::from(found)
        });
    }
}
