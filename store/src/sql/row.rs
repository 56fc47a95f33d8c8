//! What comes out of a query.

use crate::Error;
use domain::Timestamp;
use rusqlite::types::ValueRef;
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

/// One row of an answer. Columns are counted from zero. Every getter answers [`Error::Column`] when the column is
/// of another kind, and the plain ones also when it is null.
pub struct Row<'a> {
    cells: Cells<'a>,
}

enum Cells<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl<'a> From<&'a rusqlite::Row<'a>> for Row<'a> {
    fn from(row: &'a rusqlite::Row<'a>) -> Row<'a> {
        Row { cells: Cells::Sqlite(row) }
    }
}

impl<'a> From<&'a tokio_postgres::Row> for Row<'a> {
    fn from(row: &'a tokio_postgres::Row) -> Row<'a> {
        Row { cells: Cells::Postgres(row) }
    }
}

impl<'a> Row<'a> {
    /// A number.
    pub fn int(&self, index: usize) -> Result<i64, Error> {
        there(self.maybe_int(index)?, index, "a number")
    }

    /// A number, or null.
    pub fn maybe_int(&self, index: usize) -> Result<Option<i64>, Error> {
        match self.value(index)? {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(number) => Ok(Some(number)),
            ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => Err(unfit(index, "a number")),
        }
    }

    /// Yes or no.
    pub fn bool(&self, index: usize) -> Result<bool, Error> {
        Ok(self.int(index)? != 0)
    }

    /// Yes or no, or null.
    pub fn maybe_bool(&self, index: usize) -> Result<Option<bool>, Error> {
        Ok(self.maybe_int(index)?.map(|number| number != 0))
    }

    /// An instant, kept in µs.
    pub fn timestamp(&self, index: usize) -> Result<Timestamp, Error> {
        self.int(index).map(Timestamp)
    }

    /// An instant, kept in µs, or null.
    pub fn maybe_timestamp(&self, index: usize) -> Result<Option<Timestamp>, Error> {
        Ok(self.maybe_int(index)?.map(Timestamp))
    }

    /// Text.
    pub fn text(&self, index: usize) -> Result<&'a str, Error> {
        there(self.maybe_text(index)?, index, "text")
    }

    /// Text, or null.
    pub fn maybe_text(&self, index: usize) -> Result<Option<&'a str>, Error> {
        self.value(index)?.as_str_or_null().map_err(|_| unfit(index, "text"))
    }

    /// Bytes.
    pub fn bytes(&self, index: usize) -> Result<&'a [u8], Error> {
        there(self.maybe_bytes(index)?, index, "bytes")
    }

    /// Bytes, or null.
    pub fn maybe_bytes(&self, index: usize) -> Result<Option<&'a [u8]>, Error> {
        self.value(index)?.as_blob_or_null().map_err(|_| unfit(index, "bytes"))
    }

    /// An id.
    pub fn uuid(&self, index: usize) -> Result<Uuid, Error> {
        there(self.maybe_uuid(index)?, index, "an id")
    }

    /// An id, or null.
    pub fn maybe_uuid(&self, index: usize) -> Result<Option<Uuid>, Error> {
        let id = self.maybe_bytes(index)?.map(Uuid::from_slice).transpose();
        id.map_err(|_| unfit(index, "an id"))
    }

    /// Whatever the column holds, for comparing rows: its kind and its value as text.
    pub fn shown(&self, index: usize) -> Result<String, Error> {
        Ok(match self.value(index)? {
            ValueRef::Null => "null".to_owned(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => number.to_string(),
            ValueRef::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
            ValueRef::Blob(bytes) => format!("x'{}'", domain::id::hex(bytes)),
        })
    }

    /// How many columns it has.
    pub fn columns(&self) -> usize {
        match self.cells {
            Cells::Sqlite(row) => row.as_ref().column_count(),
            Cells::Postgres(row) => row.len(),
        }
    }

    fn value(&self, index: usize) -> Result<ValueRef<'a>, Error> {
        match self.cells {
            Cells::Sqlite(row) => row.get_ref(index).map_err(|_| unfit(index, "in the answer")),
            Cells::Postgres(row) => shared(row, index),
        }
    }
}

/// As SQLite would hold it: yes is 1.
fn shared(row: &tokio_postgres::Row, index: usize) -> Result<ValueRef<'_>, Error> {
    let column = row.columns().get(index).ok_or_else(|| unfit(index, "in the answer"))?;
    let value = match *column.type_() {
        Type::INT8 => get::<i64>(row, index)?.map(ValueRef::Integer),
        Type::INT4 => get::<i32>(row, index)?.map(|number| ValueRef::Integer(number.into())),
        Type::BOOL => get::<bool>(row, index)?.map(|yes| ValueRef::Integer(yes.into())),
        Type::TEXT => get::<&str>(row, index)?.map(|text| ValueRef::Text(text.as_bytes())),
        Type::BYTEA => get::<&[u8]>(row, index)?.map(ValueRef::Blob),
        _ => return Err(unfit(index, "of a kind that read models have")),
    };
    Ok(value.unwrap_or(ValueRef::Null))
}

fn get<'a, T: FromSql<'a>>(row: &'a tokio_postgres::Row, index: usize) -> Result<Option<T>, Error> {
    Ok(row.try_get(index)?)
}

fn there<T>(maybe: Option<T>, index: usize, expected: &'static str) -> Result<T, Error> {
    maybe.ok_or_else(|| unfit(index, expected))
}

fn unfit(index: usize, expected: &'static str) -> Error {
    Error::Column { index, expected }
}

/// Runs a prepared query and maps each row.
pub(super) fn all<T>(
    statement: &mut rusqlite::Statement<'_>,
    params: &[super::Value<'_>],
    mut map: impl FnMut(&Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut rows = statement.query(rusqlite::params_from_iter(params))?;
    let mut mapped = Vec::new();
    while let Some(row) = rows.next()? {
        mapped.push(map(&row.into())?);
    }
    Ok(mapped)
}

/// Runs a prepared query and maps its first row.
pub(super) fn first<T>(
    statement: &mut rusqlite::Statement<'_>,
    params: &[super::Value<'_>],
    mut map: impl FnMut(&Row<'_>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let mut rows = statement.query(rusqlite::params_from_iter(params))?;
    rows.next()?.map(|row| map(&row.into())).transpose()
}
